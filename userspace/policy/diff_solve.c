/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules on a subject that is half known, in three values, and the search that makes it known. Says "nobody" only after every value of
 * everything that a rule asked for was tried.
 */
#include "policy/diff_solve.h"

#include <errno.h>
#include <string.h>

#include "policy/check.h"
#include "policy/explain.h"

static enum tri both(enum tri a, enum tri b)
{
	return a == TRI_NO || b == TRI_NO ? TRI_NO : a == TRI_YES && b == TRI_YES ? TRI_YES : TRI_OPEN;
}

static enum tri either(enum tri a, enum tri b)
{
	return a == TRI_YES || b == TRI_YES ? TRI_YES : a == TRI_NO && b == TRI_NO ? TRI_NO : TRI_OPEN;
}

static enum tri not_so(enum tri a)
{
	return a == TRI_OPEN ? TRI_OPEN : a == TRI_YES ? TRI_NO : TRI_YES;
}

static enum tri certain(bool yes)
{
	return yes ? TRI_YES : TRI_NO;
}

static enum tri open_at(struct question_of *q, int kind, uint32_t idx)
{
	if (q->open.kind == VAR_NONE) {
		q->open.kind = (__typeof__(q->open.kind))kind;
		q->open.idx = idx;
	}
	return TRI_OPEN;
}

/* ---- atoms ---- */

static enum tri is_user(struct question_of *q, const struct partial *p, uint32_t uid)
{
	return p->user == SOLVE_UNSET ? open_at(q, VAR_USER, 0) : certain(q->u->users[p->user].uid == uid);
}

/* strict: what gives. Root gets nothing by a group. */
static enum tri in_group(struct question_of *q, const struct partial *p, uint32_t gid, bool strict)
{
	for (uint32_t i = 0; i < q->u->groups_count; i++) {
		if (q->u->groups[i].uid != gid)
			continue;
		if (p->group[i] == 2)
			return open_at(q, VAR_GROUP, i);
		return !p->group[i] ? TRI_NO : strict ? not_so(is_user(q, p, 0)) : TRI_YES;
	}
	return TRI_NO;
}

static enum tri runs(struct question_of *q, const struct partial *p, const struct ast_program *want)
{
	const struct ast_program *have;

	if (p->program == SOLVE_UNSET)
		return open_at(q, VAR_PROGRAM, 0);
	have = q->u->programs[p->program];
	return certain(have && strcmp(have->exe.text, want->exe.text) == 0 &&
		       (!want->has_verity || (have->has_verity && memcmp(have->verity, want->verity, sizeof(want->verity)) == 0)));
}

static enum tri in_unit(struct question_of *q, const struct partial *p, const char *unit)
{
	const char *have;

	if (p->unit == SOLVE_UNSET)
		return open_at(q, VAR_UNIT, 0);
	have = q->u->units[p->unit];
	return certain(have && strcmp(have, unit) == 0);
}

static enum tri for_purpose(struct question_of *q, const struct partial *p, const char *purpose)
{
	const char *have;

	if (p->purpose == SOLVE_UNSET)
		return open_at(q, VAR_PURPOSE, 0);
	have = q->u->purposes[p->purpose];
	return certain(have && strcmp(have, purpose) == 0);
}

static enum tri window_open(struct question_of *q, const struct partial *p, uint32_t side, uint32_t window)
{
	if (window == AST_NONE)
		return TRI_NO;
	return p->time == SOLVE_UNSET ? open_at(q, VAR_TIME, 0) : certain(q->u->times[p->time].open[side] >> window & 1);
}

/* ---- roles ---- */

static enum tri base_role(struct question_of *q, const struct partial *p, const struct ast *a, uint32_t role)
{
	const struct ast_role *r = &a->roles.v[role];
	enum tri member = certain(!r->members.count), program = certain(!r->programs.count), unit = certain(!r->units.count);

	if (r->abstract)
		return TRI_NO;
	for (size_t i = 0; i < r->members.count && member != TRI_YES; i++)
		member = either(member, r->members.v[i].is_group ? in_group(q, p, r->members.v[i].id, true) : is_user(q, p, r->members.v[i].id));
	for (size_t i = 0; i < r->programs.count && program != TRI_YES; i++)
		program = either(program, runs(q, p, &a->programs.v[r->program_idx[i]]));
	for (size_t i = 0; i < r->units.count && unit != TRI_YES; i++)
		unit = either(unit, in_unit(q, p, r->units.v[i].text));
	return both(member, both(program, unit));
}

static enum tri role_on(struct question_of *q, const struct partial *p, const struct ast *a, uint32_t role)
{
	enum tri on = TRI_NO;

	for (uint32_t i = 0; i < a->roles.count && on != TRI_YES; i++)
		if ((a->roles.v[i].closure | UINT64_C(1) << i) >> role & 1)
			on = either(on, base_role(q, p, a, i));
	return on;
}

/* ---- rules ---- */

static enum tri value(struct question_of *q, const struct partial *p, uint32_t side, const struct ast_cond *c, size_t i, bool takes_away)
{
	const struct ast *a = q->u->side[side].a;

	switch (c->kind) {
	case AST_COND_DURING:  return window_open(q, p, side, explain_window(a, q->u->side[side].img, c->value_idx[i]));
	case AST_COND_PURPOSE: return for_purpose(q, p, c->values.v[i].text);
	case AST_COND_USER:    return is_user(q, p, c->value_idx[i]);
	case AST_COND_GROUP:   return in_group(q, p, c->value_idx[i], !takes_away);
	case AST_COND_ROLE:    return role_on(q, p, a, c->value_idx[i]);
	case AST_COND_PROGRAM: return runs(q, p, &a->programs.v[c->value_idx[i]]);
	case AST_COND_UNIT:    return in_unit(q, p, c->values.v[i].text);
	case AST_COND_MFA:
	default:               return TRI_NO;
	}
}

static enum tri atom(struct question_of *q, const struct partial *p, uint32_t side, const struct ast_cond *c, bool takes_away)
{
	enum tri t = TRI_NO;

	if (c->kind == AST_COND_MFA)
		return p->mfa == SOLVE_UNSET ? open_at(q, VAR_MFA, 0) :
		       certain(q->u->mfa[p->mfa] != PW_MFA_NEVER && q->u->mfa[p->mfa] <= c->mfa_within_s);
	for (size_t i = 0; i < c->values.count && t != TRI_YES; i++)
		t = either(t, value(q, p, side, c, i, takes_away));
	return t;
}

/* The conditions alone, without who it is for. */
static enum tri conditions(struct question_of *q, const struct partial *p, uint32_t side, const struct ast_rule *rule)
{
	enum tri t = TRI_YES;

	if (rule->until_utc_s)
		t = window_open(q, p, side, explain_until(q->u->side[side].img, rule->until_utc_s));
	for (size_t i = 0; i < rule->when.count && t != TRI_NO; i++)
		t = both(t, atom(q, p, side, &rule->when.v[i], rule->deny));
	for (size_t i = 0; i < rule->unless.count && t != TRI_NO; i++)
		t = both(t, not_so(atom(q, p, side, &rule->unless.v[i], !rule->deny)));
	return t;
}

static enum tri matches(struct question_of *q, const struct partial *p, uint32_t side, const struct ast_rule *rule)
{
	const struct ast *a = q->u->side[side].a;
	enum tri who = certain(rule->any_role), t;

	for (size_t i = 0; i < rule->roles.count && who != TRI_YES; i++)
		who = either(who, role_on(q, p, a, rule->role_idx[i]));
	if (who == TRI_NO)
		return TRI_NO;
	t = both(who, conditions(q, p, side, rule));
	if (t == TRI_NO || !rule->deny || rule->mode != AST_MODE_AUDIT)
		return t;
	/* On trial it refuses nothing, until the trial is over. */
	if (!rule->audit_until_utc_s)
		return TRI_NO;
	if (explain_until(q->u->side[side].img, rule->audit_until_utc_s) == AST_NONE)
		return t;
	return both(t, not_so(window_open(q, p, side, explain_until(q->u->side[side].img, rule->audit_until_utc_s))));
}

static enum tri passes(struct question_of *q, const struct partial *p, uint32_t side)
{
	const struct ast *a = q->u->side[side].a;
	const struct speakers *s = &q->about[side];
	enum tri denied = TRI_NO, allowed = TRI_NO;

	if (s->outside)
		return TRI_YES;
	for (size_t i = 0; i < s->count && denied != TRI_YES; i++)
		if (a->rules.v[s->v[i]].deny)
			denied = either(denied, matches(q, p, side, &a->rules.v[s->v[i]]));
	if (denied == TRI_YES)
		return TRI_NO;
	for (size_t i = 0; i < s->count && allowed != TRI_YES; i++)
		if (!a->rules.v[s->v[i]].deny)
			allowed = either(allowed, matches(q, p, side, &a->rules.v[s->v[i]]));
	return both(not_so(denied), allowed);
}

static enum tri asked(struct question_of *q, const struct partial *p)
{
	const struct ast *a = q->u->side[q->side].a;
	const struct ast_rule *rule = &a->rules.v[q->rule];
	enum tri t = q->role == AST_NONE ? TRI_YES : base_role(q, p, a, q->role);

	if (t != TRI_NO)
		t = both(t, conditions(q, p, q->side, rule));
	if (t != TRI_NO)
		t = both(t, passes(q, p, q->side));
	if (t != TRI_NO)
		t = both(t, not_so(passes(q, p, 1 - q->side)));
	return t;
}

/* ---- the search ---- */

static size_t values_of(const struct universe *u, const struct variable *v)
{
	switch (v->kind) {
	case VAR_USER:    return u->users_count;
	case VAR_GROUP:   return 2;
	case VAR_PROGRAM: return u->programs_count;
	case VAR_UNIT:    return u->units_count;
	case VAR_PURPOSE: return u->purposes_count;
	case VAR_MFA:     return u->mfa_count;
	case VAR_TIME:    return u->times_count;
	case VAR_NONE:
	default:          return 0;
	}
}

static void set(struct partial *p, const struct variable *v, uint32_t value_idx)
{
	switch (v->kind) {
	case VAR_USER:    p->user = value_idx; break;
	case VAR_GROUP:   p->group[v->idx] = value_idx == SOLVE_UNSET ? 2 : (uint8_t)value_idx; break;
	case VAR_PROGRAM: p->program = value_idx; break;
	case VAR_UNIT:    p->unit = value_idx; break;
	case VAR_PURPOSE: p->purpose = value_idx; break;
	case VAR_MFA:     p->mfa = value_idx; break;
	case VAR_TIME:    p->time = value_idx; break;
	case VAR_NONE:
	default:          break;
	}
}

/* Depth is bounded by what there is to decide: each step settles one thing for good. */
int solve(struct question_of *q, struct partial *p)
{
	struct variable v;
	enum tri t;
	size_t n;

	if (q->cases++ >= SOLVE_CASES)
		return -E2BIG;
	q->open = (struct variable){ .kind = VAR_NONE };
	t = asked(q, p);
	if (t != TRI_OPEN)
		return t == TRI_YES;
	v = q->open;
	n = values_of(q->u, &v);
	for (size_t i = 0; i < n; i++) {
		/* From the last, where the last is what nobody names: that makes the plainest example. */
		bool up = v.kind == VAR_GROUP || v.kind == VAR_TIME;
		int r;

		set(p, &v, (uint32_t)(up ? i : n - 1 - i));
		r = solve(q, p);
		if (r)
			return r;
	}
	set(p, &v, SOLVE_UNSET);
	return 0;
}
