/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules become clauses: an effect, actions, role bits and one conjunction. A rule that asks for one of several times becomes one
 * clause for each, because a conjunction cannot say "or"; a rule on trial until a date becomes two, the trial and what follows.
 */
#include "policy/compile.h"
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define ALTERNATIVES_MAX 256u

/* What the atoms of one rule amount to. */
struct meaning {
	uint64_t need, forbid;
	struct pw_cond cond;                     /* windows_need is in alternatives instead */
	uint32_t alternatives[ALTERNATIVES_MAX]; /* window masks: all of one of them must be open */
	uint32_t alternatives_count;
	bool never;                              /* no subject can fulfil it */
};

static uint32_t window_bits(const struct compiler *c, const struct ast_cond *cond)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < cond->values.count; i++)
		bits |= 1u << c->time_window[cond->value_idx[i]];
	return bits;
}

static uint32_t purpose_bits(const struct ast_cond *cond)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < cond->values.count; i++)
		bits |= 1u << cond->value_idx[i];
	return bits;
}

static int mfa_seconds(struct compiler *c, const struct ast_cond *cond, uint32_t *ret_s)
{
	if (!cond->mfa_within_s || cond->mfa_within_s >= PW_MFA_NEVER)
		return diag(c->d, DIAG_ERROR, "mfa-range", cond->span, "a second factor can be asked for within 1s to %us; write a "
			    "duration in between, such as 8h", PW_MFA_NEVER - 1);
	*ret_s = (uint32_t)cond->mfa_within_s;
	return 0;
}

/* Keep only masks that no other mask makes superfluous: {a} covers {a, b}. */
static void add_alternative(uint32_t *masks, uint32_t *count, uint32_t mask)
{
	uint32_t out = 0;

	for (uint32_t i = 0; i < *count; i++)
		if ((masks[i] & mask) == masks[i])
			return;
	for (uint32_t i = 0; i < *count; i++)
		if ((masks[i] & mask) != mask)
			masks[out++] = masks[i];
	masks[out++] = mask;
	*count = out;
}

static int and_windows(struct compiler *c, const struct ast_rule *rule, const struct ast_cond *cond, struct meaning *m)
{
	uint32_t next[ALTERNATIVES_MAX + PW_WINDOWS_MAX], count = 0, bits = window_bits(c, cond);

	for (uint32_t i = 0; i < m->alternatives_count; i++)
		for (uint32_t w = 0; w < PW_WINDOWS_MAX; w++) {
			if (!(bits >> w & 1))
				continue;
			add_alternative(next, &count, m->alternatives[i] | 1u << w);
			if (count > ALTERNATIVES_MAX)
				return diag(c->d, DIAG_ERROR, "limit-times", cond->span, "the times of rule '%s' combine to more "
					    "than %u cases; describe the wanted hours with one time block", rule->name.text,
					    ALTERNATIVES_MAX);
		}
	memcpy(m->alternatives, next, count * sizeof(next[0]));
	m->alternatives_count = count;
	return 0;
}

static int and_when(struct compiler *c, const struct ast_rule *rule, const struct ast_cond *cond, struct meaning *m)
{
	uint32_t bits, seconds = 0;
	int r;

	switch (cond->kind) {
	case AST_COND_DURING:
		return and_windows(c, rule, cond, m);
	case AST_COND_PURPOSE:
		/* A subject declares one purpose: several atoms leave what they have in common. */
		bits = purpose_bits(cond);
		m->cond.purposes_need = m->cond.purposes_need ? m->cond.purposes_need & bits : bits;
		m->never |= !m->cond.purposes_need;
		return 0;
	case AST_COND_MFA:
		r = mfa_seconds(c, cond, &seconds);
		if (r == 0 && (!m->cond.mfa_within_s || seconds < m->cond.mfa_within_s))
			m->cond.mfa_within_s = seconds;
		return r;
	case AST_COND_USER:
	case AST_COND_GROUP:
	case AST_COND_ROLE:
	case AST_COND_PROGRAM:
	case AST_COND_UNIT:
	default:
		m->need |= compile_cond_role(c, cond, rule->deny);
		return 0;
	}
}

static int and_unless(struct compiler *c, const struct ast_rule *rule, const struct ast_cond *cond, struct meaning *m)
{
	uint32_t seconds = 0;
	int r;

	switch (cond->kind) {
	case AST_COND_DURING:
		m->cond.windows_forbid |= window_bits(c, cond);
		return 0;
	case AST_COND_PURPOSE:
		m->cond.purposes_forbid |= purpose_bits(cond);
		return 0;
	case AST_COND_MFA:
		r = mfa_seconds(c, cond, &seconds);
		if (r == 0 && seconds > m->cond.mfa_beyond_s)
			m->cond.mfa_beyond_s = seconds;
		return r;
	case AST_COND_USER:
	case AST_COND_GROUP:
	case AST_COND_ROLE:
	case AST_COND_PROGRAM:
	case AST_COND_UNIT:
	default:
		m->forbid |= compile_cond_role(c, cond, !rule->deny);
		return 0;
	}
}

static int meaning_of(struct compiler *c, const struct ast_rule *rule, struct meaning *m)
{
	int r = 0;

	*m = (struct meaning){ .alternatives_count = 1 };
	for (size_t i = 0; i < rule->when.count && r == 0; i++)
		r = and_when(c, rule, &rule->when.v[i], m);
	for (size_t i = 0; i < rule->unless.count && r == 0; i++)
		r = and_unless(c, rule, &rule->unless.v[i], m);
	return r;
}

static int intern_cond(struct compiler *c, const struct ast_rule *rule, const struct pw_cond *cond, uint16_t *ret)
{
	size_t off;

	if (intern_add(&c->conds, cond, sizeof(*cond), &off) < 0)
		return -ENOMEM;
	if (off / sizeof(*cond) >= PW_CONDS_MAX)
		return diag(c->d, DIAG_ERROR, "limit-conditions", rule->span, "rule '%s' does not fit: a policy has room for %u distinct "
			    "combinations of time, purpose and second factor; use the same combination in several rules",
			    rule->name.text, PW_CONDS_MAX - 1);
	*ret = (uint16_t)(off / sizeof(*cond));
	return 0;
}

static int push(struct compiler *c, const struct clause *clause)
{
	if (c->clauses_count == c->clauses_cap) {
		size_t cap = c->clauses_cap ? c->clauses_cap * 2 : 64;
		struct clause *v = reallocarray(c->clauses, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->clauses = v;
		c->clauses_cap = cap;
	}
	c->clauses[c->clauses_count++] = *clause;
	return 0;
}

/* One clause for each alternative; `need` and `forbid` are windows on top: before or after the end of a trial. */
static int push_all(struct compiler *c, const struct ast_rule *rule, const struct meaning *m, struct clause *clause,
		    uint32_t need, uint32_t forbid)
{
	for (uint32_t i = 0; i < m->alternatives_count; i++) {
		struct pw_cond cond = m->cond;
		int r;

		cond.windows_need = m->alternatives[i] | need;
		cond.windows_forbid |= forbid;
		r = intern_cond(c, rule, &cond, &clause->cond);
		if (r == 0)
			r = push(c, clause);
		if (r < 0)
			return r;
	}
	return 0;
}

static int push_rule(struct compiler *c, uint32_t index, const struct meaning *m)
{
	const struct ast_rule *rule = &c->a->rules.v[index];
	struct clause clause = { .any_role = rule->any_role, .need = m->need, .forbid = m->forbid, .rule = index + 1 };
	uint32_t until = 0;
	int r = 0;

	for (size_t i = 0; i < rule->roles.count; i++)
		clause.roles |= UINT64_C(1) << rule->role_idx[i];
	clause.effect = rule->deny ? (rule->absolute ? PW_EFFECT_ABSOLUTE : PW_EFFECT_DENY) : PW_EFFECT_ALLOW;
	clause.actions = rule->deny ? rule->action_mask : explain_brought(rule->action_mask);
	if (m->never)
		return 0;
	/* What had ended when the policy was compiled allows nothing: its window does not exist. */
	if (rule->until_utc_s && rule->until_utc_s <= c->now_utc_s)
		return 0;
	if (rule->until_utc_s)
		return push_all(c, rule, m, &clause, 1u << compile_until_window(c, rule->until_utc_s), 0);
	if (!compile_still(c, rule->mode, rule->audit_until_utc_s))
		return push_all(c, rule, m, &clause, 0, 0);
	if (rule->audit_until_utc_s) {
		until = 1u << compile_until_window(c, rule->audit_until_utc_s);
		r = push_all(c, rule, m, &clause, 0, until);
	}
	clause.flags = PW_ENTRY_AUDIT;
	return r < 0 ? r : push_all(c, rule, m, &clause, until, 0);
}

static int add_rule_row(struct compiler *c, const struct ast_rule *rule)
{
	struct pw_img_rule out = { .actions = rule->action_mask };

	out.effect = rule->deny ? (rule->absolute ? PW_EFFECT_ABSOLUTE : PW_EFFECT_DENY) : PW_EFFECT_ALLOW;
	if (compile_still(c, rule->mode, rule->audit_until_utc_s))
		out.flags |= PW_IMG_AUDIT;
	if (compile_str(c, rule->name.text, &out.name) < 0 || compile_place(c, rule->span, &out.file, &out.line) < 0)
		return -ENOMEM;
	c->gen.actions_named |= rule->action_mask;
	buf_add(&c->sec[PW_SEC_RULES], &out, sizeof(out));
	return 0;
}

/* Clauses in the order in which entries must stand in a cell: effect descending, then rule ascending. */
static int by_effect_and_rule(const void *a, const void *b)
{
	const struct clause *x = a, *y = b;

	if (x->effect != y->effect)
		return x->effect > y->effect ? -1 : 1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->flags != y->flags)
		return x->flags < y->flags ? -1 : 1;
	return x->cond < y->cond ? -1 : x->cond > y->cond;
}

static int check_rule(struct compiler *c, const struct ast_rule *rule)
{
	if (!rule->deny && rule->absolute)
		return diag(c->d, DIAG_ERROR, "absolute-allow", rule->span, "rule '%s' is an absolute allow: only deny rules can be "
			    "absolute; remove 'absolute'", rule->name.text);
	if (!rule->deny && rule->mode == AST_MODE_AUDIT)
		return diag(c->d, DIAG_ERROR, "audit-allow", rule->span, "rule '%s' allows in mode audit: there is nothing to try out, it "
			    "refuses nobody; set mode audit on the store, or remove it here", rule->name.text);
	return 0;
}

int compile_rules(struct compiler *c)
{
	static const struct pw_cond always;
	static const struct pw_img_rule no_rule;
	_free_ struct meaning *m = malloc(sizeof(*m));
	const struct ast *a = c->a;
	size_t off;
	int r = 0;

	if (!m || intern_add(&c->conds, &always, sizeof(always), &off) < 0)
		return -ENOMEM;
	if (a->rules.count >= PW_RULES_MAX)
		return diag(c->d, DIAG_ERROR, "limit-rules", a->rules.v[PW_RULES_MAX - 1].span, "a policy has room for %u rules; merge rules "
			    "that differ only in role, store or action: one rule can name several of each", PW_RULES_MAX - 1);
	buf_add(&c->sec[PW_SEC_RULES], &no_rule, sizeof(no_rule));
	for (uint32_t i = 0; i < a->rules.count && r == 0; i++) {
		r = check_rule(c, &a->rules.v[i]);
		if (r == 0)
			r = meaning_of(c, &a->rules.v[i], m);
		if (r == 0)
			r = push_rule(c, i, m);
		if (r == 0)
			r = add_rule_row(c, &a->rules.v[i]);
	}
	if (r == 0 && c->clauses_count)
		qsort(c->clauses, c->clauses_count, sizeof(*c->clauses), by_effect_and_rule);
	return r;
}
