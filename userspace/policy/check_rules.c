/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about rules: shadowed, contradictory, unreachable, without effect in this version. A rule is looked at box by box: it is
 * shadowed only if for each of its stores, actions and roles some other rule always answers in its place.
 */
#include "policy/check.h"
#include "policy/explain.h"

#include <string.h>

enum cover { COVER_NONE, COVER_SAME, COVER_STRONGER };

static int weight(const struct ast_rule *rule)
{
	return rule->deny ? (rule->absolute ? 3 : 2) : 1;
}

/* A rule on trial outweighs nothing. */
static enum cover cover(const struct ast *a, uint32_t rule, uint32_t by)
{
	const struct ast_rule *r = &a->rules.v[rule], *b = &a->rules.v[by];

	if (rule == by || (b->mode == AST_MODE_AUDIT && r->mode != AST_MODE_AUDIT))
		return COVER_NONE;
	/* Trials that end at different times answer for each other only while both last. */
	if (b->mode == AST_MODE_AUDIT && (b->audit_until_utc_s != r->audit_until_utc_s || weight(b) != weight(r)))
		return COVER_NONE;
	if (b->mode != r->mode)
		return weight(b) > 1 && weight(b) >= weight(r) ? COVER_STRONGER : COVER_NONE;
	if (weight(b) > weight(r))
		return COVER_STRONGER;
	/* Among equals the first one in the policy answers. */
	return weight(b) == weight(r) && by < rule ? COVER_SAME : COVER_NONE;
}

struct box { uint32_t rule, store, action, role; }; /* role AST_NONE: anybody */

/* Who answers in place of `box`: the index of the rule, or AST_NONE. */
static uint32_t answered_by(const struct ast *a, const struct box *box, enum cover *ret)
{
	for (uint32_t by = 0; by < a->rules.count; by++) {
		const struct ast_rule *b = &a->rules.v[by];

		*ret = cover(a, box->rule, by);
		if (*ret != COVER_NONE && (box_actions(b) & box->action) && box_has_store(b, box->store) &&
		    box_covers_role(a, b, box->role) && box_conds_follow(a, &a->rules.v[box->rule], b))
			return by;
	}
	return AST_NONE;
}

struct shade { uint32_t by; bool all, stronger_only, several; };

static void shade_box(const struct ast *a, const struct box *box, struct shade *s)
{
	enum cover how = COVER_NONE;
	uint32_t by = answered_by(a, box, &how);

	if (by == AST_NONE) {
		s->all = false;
		return;
	}
	if (s->by == AST_NONE)
		s->by = by;
	s->several |= s->by != by;
	s->stronger_only &= how == COVER_STRONGER;
}

static struct shade shade_of(const struct ast *a, uint32_t rule)
{
	const struct ast_rule *r = &a->rules.v[rule];
	struct shade s = { .by = AST_NONE, .all = true, .stronger_only = true };
	uint64_t live = box_live_roles(a);

	for (size_t i = 0; i < r->store_idx_count && s.all; i++)
		for (uint32_t action = 1; action <= PW_A_CONNECT && s.all; action <<= 1) {
			struct box box = { rule, r->store_idx[i], action, AST_NONE };

			if (!(box_actions(r) & action))
				continue;
			if (r->any_role)
				shade_box(a, &box, &s);
			for (size_t k = 0; k < r->roles.count && s.all; k++) {
				box.role = r->role_idx[k];
				/* A role that nobody can have is no reason to call the rule alive. */
				if (live >> box.role & 1)
					shade_box(a, &box, &s);
			}
		}
	return s;
}

static bool unreachable(const struct ast *a, const struct ast_rule *r, struct diags *d)
{
	uint64_t live = box_live_roles(a), mine = 0;
	const char *why = box_never(a, r);

	for (size_t i = 0; i < r->roles.count; i++)
		mine |= UINT64_C(1) << r->role_idx[i];
	if (!r->any_role && !(mine & live))
		why = "its roles are abstract, and no other role inherits from them";
	if (!r->store_idx_count)
		why = "no store belongs to what it names after 'on'";
	if (why)
		(void)diag(d, DIAG_WARNING, "unreachable", r->name.span, "rule '%s' can never apply: %s", r->name.text, why);
	return why != NULL;
}

static void shadowed(const struct ast *a, uint32_t rule, struct diags *d)
{
	const struct ast_rule *r = &a->rules.v[rule], *by;
	struct shade s = shade_of(a, rule);

	if (!s.all || s.by == AST_NONE)
		return;
	by = &a->rules.v[s.by];
	if (!r->deny && s.stronger_only)
		(void)diag(d, DIAG_WARNING, "contradictory", r->name.span, "rule '%s' allows nothing: all that it allows is denied by "
			   "rule '%s'%s, and a deny always wins", r->name.text, by->name.text, s.several ? " and others" : "");
	else
		(void)diag(d, DIAG_WARNING, "shadowed", r->name.span, "rule '%s' never decides anything: rule '%s'%s answer%s first "
			   "wherever it applies; remove it, or narrow what stands before it", r->name.text, by->name.text,
			   s.several ? " and others" : "", s.several ? "" : "s");
	diag_second(d, by->name.span, "this rule answers instead");
}

static const struct ast_cond *first_of(const struct ast_conds *conds, enum ast_cond_kind kind)
{
	for (size_t i = 0; i < conds->count; i++)
		if (conds->v[i].kind == kind)
			return &conds->v[i];
	return NULL;
}

static void this_version(const struct ast_rule *r, struct diags *d)
{
	const struct ast_cond *mfa = first_of(&r->when, AST_COND_MFA), *purpose = first_of(&r->when, AST_COND_PURPOSE);
	const struct ast_cond *c = mfa ? mfa : purpose;

	if (c)
		(void)diag(d, DIAG_NOTE, "never-in-this-version", c->span, "rule '%s' never %s in this version: there is no way yet to %s",
			   r->name.text, r->deny ? "denies" : "allows",
			   mfa ? "give a second factor" : "declare a purpose");
	if (r->action_mask & PW_A_CONNECT)
		(void)diag(d, DIAG_NOTE, "no-endpoint", r->name.span, "rule '%s' names 'connect', but none of its stores has an "
			   "endpoint: it says nothing about connections", r->name.text);
	if (r->mode == AST_MODE_AUDIT && !r->audit_until_utc_s)
		(void)diag(d, DIAG_NOTE, "audit-forever", r->name.span, "rule '%s' is in mode audit without an end: it refuses nobody; "
			   "add 'until DATE' so that it cannot be forgotten", r->name.text);
}

void check_rules(const struct ast *a, struct diags *d)
{
	for (uint32_t i = 0; i < a->rules.count; i++) {
		if (!unreachable(a, &a->rules.v[i], d))
			shadowed(a, i, d);
		this_version(&a->rules.v[i], d);
	}
	if (a->has_policy && a->policy.mode == AST_MODE_AUDIT && !a->policy.audit_until_utc_s)
		(void)diag(d, DIAG_NOTE, "audit-forever", a->policy.span, "the whole policy is in mode audit without an end: it refuses "
			   "nobody; add 'until DATE' so that it cannot be forgotten");
	for (size_t i = 0; i < a->stores.count; i++)
		if (a->stores.v[i].mode == AST_MODE_AUDIT && !a->stores.v[i].audit_until_utc_s)
			(void)diag(d, DIAG_NOTE, "audit-forever", a->stores.v[i].name.span, "store '%s' is in mode audit without an end: "
				   "nobody is refused there; add 'until DATE' so that it cannot be forgotten",
				   a->stores.v[i].name.text);
}
