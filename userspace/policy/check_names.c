/* SPDX-License-Identifier: Apache-2.0 */
/* Findings about declarations: what nothing uses, stores inside stores, tests that ask for what cannot be. */
#include "policy/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct used { bool *times, *purposes, *programs, *roles, *stores; };

static bool *mark_in(struct used *u, enum ast_cond_kind kind)
{
	switch (kind) {
	case AST_COND_DURING:  return u->times;
	case AST_COND_PURPOSE: return u->purposes;
	case AST_COND_ROLE:    return u->roles;
	case AST_COND_PROGRAM: return u->programs;
	case AST_COND_MFA:
	case AST_COND_USER:
	case AST_COND_GROUP:
	case AST_COND_UNIT:
	default:               return NULL;
	}
}

static void mark_conds(const struct ast_conds *conds, struct used *u)
{
	for (size_t i = 0; i < conds->count; i++) {
		bool *list = mark_in(u, conds->v[i].kind);

		for (size_t k = 0; list && k < conds->v[i].values.count; k++)
			list[conds->v[i].value_idx[k]] = true;
	}
}

static void mark(const struct ast *a, struct used *u)
{
	for (size_t i = 0; i < a->rules.count; i++) {
		const struct ast_rule *r = &a->rules.v[i];

		mark_conds(&r->when, u);
		mark_conds(&r->unless, u);
		for (size_t k = 0; k < r->roles.count; k++)
			u->roles[r->role_idx[k]] = true;
		for (size_t k = 0; k < r->store_idx_count; k++)
			u->stores[r->store_idx[k]] = true;
	}
	for (size_t i = 0; i < a->roles.count; i++) {
		for (size_t k = 0; k < a->roles.v[i].programs.count; k++)
			u->programs[a->roles.v[i].program_idx[k]] = true;
		/* A role is of use through what it inherits, and to those that inherit it. */
		for (size_t k = 0; k < a->roles.v[i].inherits.count; k++)
			u->roles[i] = u->roles[a->roles.v[i].inherit_idx[k]] = true;
	}
	for (size_t i = 0; i < a->separates.count; i++)
		for (size_t k = 0; k < a->separates.v[i].roles.count; k++)
			u->roles[a->separates.v[i].role_idx[k]] = true;
}

static void unused(struct diags *d, const char *what, const struct ast_word *name, bool is_used)
{
	if (!is_used)
		(void)diag(d, DIAG_WARNING, "unused", name->span, "%s '%s' is declared and nothing asks for it", what, name->text);
}

static void report_unused(const struct ast *a, const struct used *u, struct diags *d)
{
	for (size_t i = 0; i < a->times.count; i++)
		unused(d, "time", &a->times.v[i].name, u->times[i]);
	for (size_t i = 0; i < a->purposes.count; i++)
		unused(d, "purpose", &a->purposes.v[i].name, u->purposes[i]);
	for (size_t i = 0; i < a->programs.count; i++)
		unused(d, "program", &a->programs.v[i].name, u->programs[i]);
	for (size_t i = 0; i < a->roles.count; i++)
		unused(d, "role", &a->roles.v[i].name, u->roles[i]);
	for (size_t i = 0; i < a->stores.count; i++)
		if (!u->stores[i])
			(void)diag(d, DIAG_WARNING, "no-rule", a->stores.v[i].name.span, "no rule speaks about store '%s': everything there "
				   "is refused to everybody", a->stores.v[i].name.text);
}

static bool inside(const char *path, const char *root)
{
	size_t n = strlen(root);

	return strncmp(path, root, n) == 0 && path[n] == '/';
}

static void nested(const struct ast *a, struct diags *d)
{
	for (size_t i = 0; i < a->stores.count; i++)
		for (size_t k = 0; k < a->stores.count; k++) {
			const struct ast_store *in = &a->stores.v[i], *out = &a->stores.v[k];

			if (!inside(in->path.text, out->path.text))
				continue;
			(void)diag(d, DIAG_NOTE, "nested", in->path.span, "store '%s' lies inside store '%s': below %s only the rules of "
				   "'%s' count", in->name.text, out->name.text, in->path.text, in->name.text);
			diag_second(d, out->path.span, "the outer store");
		}
}

void check_names(const struct ast *a, struct diags *d)
{
	_free_ bool *times = calloc(a->times.count + 1, 1), *purposes = calloc(a->purposes.count + 1, 1);
	_free_ bool *programs = calloc(a->programs.count + 1, 1), *roles = calloc(a->roles.count + 1, 1);
	_free_ bool *stores = calloc(a->stores.count + 1, 1);
	struct used u = { times, purposes, programs, roles, stores };

	if (times && purposes && programs && roles && stores) {
		mark(a, &u);
		report_unused(a, &u, d);
	} else {
		d->nomem = true;
	}
	nested(a, d);
}

/* ---- tests ---- */

static bool unit_known(const struct ast *a, const char *unit)
{
	for (size_t i = 0; i < a->roles.count; i++)
		for (size_t k = 0; k < a->roles.v[i].units.count; k++)
			if (strcmp(a->roles.v[i].units.v[k].text, unit) == 0)
				return true;
	for (size_t i = 0; i < a->rules.count; i++) {
		const struct ast_conds *both[2] = { &a->rules.v[i].when, &a->rules.v[i].unless };

		for (size_t s = 0; s < 2; s++)
			for (size_t k = 0; k < both[s]->count; k++)
				for (size_t v = 0; both[s]->v[k].kind == AST_COND_UNIT && v < both[s]->v[k].values.count; v++)
					if (strcmp(both[s]->v[k].values.v[v].text, unit) == 0)
						return true;
	}
	return false;
}

static void check_case(const struct ast *a, const struct ast_test *t, const struct ast_case *c, struct diags *d)
{
	const struct ast_subject *as = &c->as;

	if (as->unit.text && !unit_known(a, as->unit.text))
		(void)diag(d, DIAG_WARNING, "test-subject", as->unit.span, "test '%s' runs in unit '%s', which no role and no rule asks for; "
			   "is it spelled as in the role?", t->name.text, as->unit.text);
	if (as->user.text && strcmp(as->user.text, "root") == 0 && as->has_groups && as->groups.count)
		(void)diag(d, DIAG_NOTE, "test-subject", as->groups.v[0].span, "test '%s' gives root groups: root gains no role through a "
			   "group, only by its name", t->name.text);
	if (as->has_mfa || as->purpose.text)
		(void)diag(d, DIAG_NOTE, "test-subject", as->has_mfa ? as->span : as->purpose.span, "test '%s' assumes a %s: there is no way "
			   "yet to %s one in this version", t->name.text, as->has_mfa ? "second factor" : "declared purpose",
			   as->has_mfa ? "give" : "declare");
}

void check_tests(const struct ast *a, struct diags *d)
{
	for (size_t i = 0; i < a->tests.count; i++)
		for (size_t k = 0; k < a->tests.v[i].cases_count; k++)
			check_case(a, &a->tests.v[i], &a->tests.v[i].cases[k], d);
}
