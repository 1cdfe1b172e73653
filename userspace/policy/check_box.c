/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as boxes. Errs on one side only: a "yes" is a proof, because a finding that is wrong once is not read twice. */
#include "policy/check.h"

#include <string.h>

#include "policy/explain.h"

uint32_t box_actions(const struct ast_rule *rule)
{
	return rule->deny ? rule->action_mask : explain_brought(rule->action_mask);
}

bool box_has_store(const struct ast_rule *rule, uint32_t store)
{
	for (size_t i = 0; i < rule->store_idx_count; i++)
		if (rule->store_idx[i] == store)
			return true;
	return false;
}

bool box_covers_role(const struct ast *a, const struct ast_rule *by, uint32_t role)
{
	if (by->any_role)
		return true;
	for (size_t i = 0; i < by->roles.count && role != AST_NONE; i++)
		if (a->roles.v[role].closure >> by->role_idx[i] & 1)
			return true;
	return false;
}

/* Does value i of one atom, when it holds, make value k of the other hold? */
static bool value_implies(const struct ast *a, const struct ast_cond *one, size_t i, const struct ast_cond *other, size_t k)
{
	if (one->kind == AST_COND_UNIT)
		return strcmp(one->values.v[i].text, other->values.v[k].text) == 0;
	if (one->kind == AST_COND_ROLE)
		return a->roles.v[one->value_idx[i]].closure >> other->value_idx[k] & 1;
	return one->value_idx[i] == other->value_idx[k];
}

/* Does the one atom, when it holds, make the other hold? */
static bool atom_implies(const struct ast *a, const struct ast_cond *one, const struct ast_cond *other)
{
	if (one->kind != other->kind)
		return false;
	if (one->kind == AST_COND_MFA)
		return one->mfa_within_s <= other->mfa_within_s;
	for (size_t i = 0; i < one->values.count; i++) {
		bool found = false;

		for (size_t k = 0; k < other->values.count && !found; k++)
			found = value_implies(a, one, i, other, k);
		if (!found)
			return false;
	}
	return true;
}

static bool any_implies(const struct ast *a, const struct ast_conds *conds, const struct ast_cond *other)
{
	for (size_t i = 0; i < conds->count; i++)
		if (atom_implies(a, &conds->v[i], other))
			return true;
	return false;
}

/* "unless X": each value of X that would switch `by` off must switch `rule` off as well. */
static bool exception_follows(const struct ast *a, const struct ast_conds *unless, const struct ast_cond *exception)
{
	struct ast_cond one = *exception;

	if (exception->kind == AST_COND_MFA) {
		for (size_t i = 0; i < unless->count; i++)
			if (atom_implies(a, exception, &unless->v[i]))
				return true;
		return false;
	}
	for (size_t k = 0; k < exception->values.count; k++) {
		bool found = false;

		one.values.v = &exception->values.v[k];
		one.values.count = 1;
		one.value_idx = exception->value_idx ? &exception->value_idx[k] : NULL;
		for (size_t i = 0; i < unless->count && !found; i++)
			found = atom_implies(a, &one, &unless->v[i]);
		if (!found)
			return false;
	}
	return true;
}

bool box_conds_follow(const struct ast *a, const struct ast_rule *rule, const struct ast_rule *by)
{
	/* A rule with an end answers only for one that ends no later. */
	if (by->until_utc_s && (!rule->until_utc_s || rule->until_utc_s > by->until_utc_s))
		return false;
	for (size_t i = 0; i < by->when.count; i++)
		if (!any_implies(a, &rule->when, &by->when.v[i]))
			return false;
	for (size_t i = 0; i < by->unless.count; i++)
		if (!exception_follows(a, &rule->unless, &by->unless.v[i]))
			return false;
	return true;
}

/* A subject declares one purpose: is there one that all atoms name? */
static bool purposes_meet(const struct ast *a, const struct ast_conds *when)
{
	for (uint32_t p = 0; p < a->purposes.count; p++) {
		bool all = true;

		for (size_t i = 0; i < when->count; i++) {
			bool named = when->v[i].kind != AST_COND_PURPOSE;

			for (size_t k = 0; k < when->v[i].values.count && !named; k++)
				named = when->v[i].value_idx[k] == p;
			all &= named;
		}
		if (all)
			return true;
	}
	return false;
}

const char *box_never(const struct ast *a, const struct ast_rule *rule)
{
	bool purposes = false;

	for (size_t i = 0; i < rule->when.count; i++) {
		purposes |= rule->when.v[i].kind == AST_COND_PURPOSE;
		for (size_t k = 0; k < rule->unless.count; k++)
			if (atom_implies(a, &rule->when.v[i], &rule->unless.v[k]))
				return "what 'when' asks for, 'unless' excludes";
	}
	if (purposes && !purposes_meet(a, &rule->when))
		return "a subject declares one purpose, and no purpose satisfies all its conditions";
	return NULL;
}

uint64_t box_live_roles(const struct ast *a)
{
	uint64_t live = 0;

	for (size_t i = 0; i < a->roles.count; i++)
		if (!a->roles.v[i].abstract)
			live |= a->roles.v[i].closure | UINT64_C(1) << i;
	return live;
}
