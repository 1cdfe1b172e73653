/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do it, and what may somebody do: read off the rules' boxes, so the answer is complete without trying subjects. A row says
 * which role, from which members, and what is left to be fulfilled; what a deny rule takes back stands in the row as "not ...".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/check.h"
#include "policy/explain.h"
#include "policy/stamp.h"

void grant_rows_free(struct grant_rows *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->v[i].role);
		free(g->v[i].members);
		free(g->v[i].store);
		free(g->v[i].conditions);
		free(g->v[i].rule);
	}
	free(g->v);
	*g = (struct grant_rows){ 0 };
}

/* One row to be: a rule for a role that can be on by itself, AST_NONE: for anybody. */
struct grant {
	uint32_t rule, role, store, action;
	const struct image *img;   /* what-can: the tables, and what is known of the subject; NULL: about everybody */
	const struct pw_facts *f;
};

/*
 * A condition on what a subject is for certain (user, groups, roles, program, unit) that fails: the rule is not for it. Time,
 * purpose and factor are left over.
 */
static bool fails_for(const struct ast *a, const struct grant *g, const struct ast_rule *rule)
{
	for (size_t s = 0; s < 2; s++) {
		const struct ast_conds *conds = s ? &rule->unless : &rule->when;

		for (size_t i = 0; i < conds->count; i++) {
			enum ast_cond_kind k = conds->v[i].kind;

			if (k == AST_COND_DURING || k == AST_COND_PURPOSE || k == AST_COND_MFA)
				continue;
			if (explain_atom_holds(a, g->img, g->f, &conds->v[i], (s == 1) != rule->deny) == (s == 1))
				return true;
		}
	}
	return false;
}

static bool is_left(const struct ast_conds *conds)
{
	for (size_t i = 0; i < conds->count; i++)
		if (conds->v[i].kind == AST_COND_DURING || conds->v[i].kind == AST_COND_PURPOSE || conds->v[i].kind == AST_COND_MFA)
			return true;
	return false;
}

static bool names_role(const struct ast_rule *rule, uint64_t roles)
{
	bool on = rule->any_role;

	for (size_t i = 0; i < rule->roles.count; i++)
		on |= roles >> rule->role_idx[i] & 1;
	return on;
}

/* Does the deny take everything back, whatever else is true? */
static bool takes_all(const struct ast *a, const struct ast_rule *deny, const struct grant *g)
{
	if (deny->mode == AST_MODE_AUDIT)
		return false;
	/* touches() has seen that the subject's certain facts fulfil it: with nothing left over it always speaks. */
	if (g->f)
		return !is_left(&deny->when) && !is_left(&deny->unless);
	return box_covers_role(a, deny, g->role) && box_conds_follow(a, &a->rules.v[g->rule], deny);
}

/* ", not as auditor when user root (rule no-root)" */
static void add_exception(const struct ast *a, const struct ast_rule *deny, const struct grant *g, struct buf *b)
{
	_buf_ struct buf conds = BUF_INIT;

	buf_add_str(b, b->len_bytes ? ", not" : "not");
	if (!g->f && !box_covers_role(a, deny, g->role)) {
		buf_add_str(b, " as");
		for (size_t i = 0; i < deny->roles.count; i++)
			buf_printf(b, "%s%s", i ? " or " : " ", deny->roles.v[i].text);
	}
	explain_rule_words(a, deny, &conds);
	if (conds.len_bytes)
		buf_printf(b, "%s%s", deny->when.count ? " when " : " ", conds.data);
	if (deny->mode == AST_MODE_AUDIT) {
		buf_add_str(b, " from ");
		stamp_add(b, deny->audit_until_utc_s);
		buf_add_str(b, "Z on");
	}
	buf_printf(b, " (rule %s)", deny->name.text);
	b->failed |= conds.failed;
}

/* Can the deny rule ever speak about this box? What is certain not to meet is left out. */
static bool touches(const struct ast *a, const struct ast_rule *deny, const struct grant *g)
{
	if (!deny->deny || !(deny->action_mask & g->action) || !box_has_store(deny, g->store) || box_never(a, deny))
		return false;
	if (g->f && (!names_role(deny, g->f->roles) || fails_for(a, g, deny)))
		return false;
	return deny->mode != AST_MODE_AUDIT || deny->audit_until_utc_s;
}

/* 1: a row; 0: a deny rule takes all of it back; -ENOMEM. */
static int conditions(const struct ast *a, const struct grant *g, char **ret)
{
	_buf_ struct buf b = BUF_INIT;

	explain_rule_words(a, &a->rules.v[g->rule], &b);
	for (size_t i = 0; i < a->rules.count; i++) {
		const struct ast_rule *deny = &a->rules.v[i];

		if (!touches(a, deny, g))
			continue;
		if (takes_all(a, deny, g))
			return 0;
		add_exception(a, deny, g, &b);
	}
	*ret = buf_take(&b);
	return *ret ? 1 : -ENOMEM;
}

static char *members(const struct ast *a, uint32_t role)
{
	_buf_ struct buf b = BUF_INIT;

	if (role == AST_NONE)
		buf_add_str(&b, "anybody");
	else
		explain_members(a, &a->roles.v[role], &b);
	return buf_take(&b);
}

static bool same_row(const struct ast *a, const struct grant_row *r, const struct grant *g, const char *conds)
{
	return strcmp(r->rule, a->rules.v[g->rule].name.text) == 0 && strcmp(r->store, a->stores.v[g->store].name.text) == 0 &&
	       strcmp(r->role, g->role == AST_NONE ? "any" : a->roles.v[g->role].name.text) == 0 &&
	       strcmp(r->conditions, conds) == 0;
}

static int add_row(const struct ast *a, const struct grant *g, struct grant_rows *ret)
{
	_free_ char *conds = NULL;
	struct grant_row *v, *row;
	int r = conditions(a, g, &conds);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < ret->count; i++)
		if (same_row(a, &ret->v[i], g, conds)) {
			ret->v[i].actions |= g->action;
			return 0;
		}
	v = reallocarray(ret->v, ret->count + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	ret->v = v;
	row = &v[ret->count++];
	*row = (struct grant_row){ .role = strdup(g->role == AST_NONE ? "any" : a->roles.v[g->role].name.text),
				   .members = members(a, g->role), .store = strdup(a->stores.v[g->store].name.text),
				   .actions = g->action, .conditions = take_ptr(conds),
				   .rule = strdup(a->rules.v[g->rule].name.text) };
	return row->role && row->members && row->store && row->rule ? 0 : -ENOMEM;
}

/* All roles that can be on by themselves and bring one of the rule's. */
static int add_roles(const struct ast *a, struct grant g, uint64_t only, struct grant_rows *ret)
{
	const struct ast_rule *rule = &a->rules.v[g.rule];
	int r = 0;

	g.role = AST_NONE;
	if (rule->any_role)
		return add_row(a, &g, ret);
	for (uint32_t q = 0; q < a->roles.count && r == 0; q++) {
		g.role = q;
		if (!a->roles.v[q].abstract && (only >> q & 1) && box_covers_role(a, rule, q))
			r = add_row(a, &g, ret);
	}
	return r;
}

int policy_who_can(const struct ast *a, uint32_t action_bit, uint32_t store_idx, struct grant_rows *ret)
{
	struct grant_rows rows = { 0 };
	int r = 0;

	for (uint32_t i = 0; i < a->rules.count && r == 0; i++) {
		const struct ast_rule *rule = &a->rules.v[i];
		struct grant g = { .rule = i, .store = store_idx, .action = action_bit };

		if (!rule->deny && (box_actions(rule) & action_bit) && box_has_store(rule, store_idx) && !box_never(a, rule))
			r = add_roles(a, g, ~UINT64_C(0), &rows);
	}
	if (r < 0)
		grant_rows_free(&rows);
	else
		*ret = rows;
	return r;
}

static int add_store(const struct ast *a, struct grant g, struct grant_rows *ret)
{
	const struct ast_rule *rule = &a->rules.v[g.rule];
	uint64_t roles = explain_largest(a, g.f->roles);
	int r = 0;

	for (uint32_t bit = 1; bit <= PW_A_CONNECT && r == 0; bit <<= 1) {
		g.action = bit;
		if (box_actions(rule) & bit)
			r = add_roles(a, g, roles, ret);
	}
	return r;
}

int policy_what_can(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		    struct grant_rows *ret)
{
	struct grant_rows rows = { 0 };
	struct pw_facts f;
	int r = explain_facts(a, img, n, q, &f);

	for (uint32_t s = 0; s < a->stores.count && r == 0; s++)
		for (uint32_t i = 0; i < a->rules.count && r == 0; i++) {
			const struct ast_rule *rule = &a->rules.v[i];
			struct grant g = { .rule = i, .store = s, .img = img, .f = &f };

			if (!rule->deny && box_has_store(rule, s) && !box_never(a, rule) && !fails_for(a, &g, rule))
				r = add_store(a, g, &rows);
		}
	if (r < 0)
		grant_rows_free(&rows);
	else
		*ret = rows;
	return r;
}
