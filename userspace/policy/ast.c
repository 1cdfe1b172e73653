/* SPDX-License-Identifier: Apache-2.0 */
/* Freeing a policy tree. A tree that parsing left half-built is freed the same way: what was not reached is zero. */
#include "policy/ast.h"

#include <stdlib.h>

static void words_free(struct ast_words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->v[i].text);
	free(w->v);
}

static void members_free(struct ast_members *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->v[i].name.text);
	free(m->v);
}

static void conds_free(struct ast_conds *c)
{
	for (size_t i = 0; i < c->count; i++) {
		words_free(&c->v[i].values);
		free(c->v[i].value_idx);
	}
	free(c->v);
}

static void role_free(struct ast_role *r)
{
	free(r->name.text);
	members_free(&r->members);
	words_free(&r->programs);
	words_free(&r->units);
	words_free(&r->inherits);
	free(r->program_idx);
	free(r->inherit_idx);
}

static void rule_free(struct ast_rule *r)
{
	free(r->name.text);
	words_free(&r->roles);
	free(r->role_idx);
	words_free(&r->actions);
	words_free(&r->on);
	free(r->store_idx);
	conds_free(&r->when);
	conds_free(&r->unless);
}

static void case_free(struct ast_case *c)
{
	free(c->as.user.text);
	free(c->as.program.text);
	free(c->as.unit.text);
	free(c->as.purpose.text);
	words_free(&c->as.groups);
	free(c->as.at_text);
	for (size_t i = 0; i < c->expects_count; i++) {
		free(c->expects[i].action.text);
		free(c->expects[i].store.text);
		free(c->expects[i].by.text);
	}
	free(c->expects);
}

static void test_free(struct ast_test *t)
{
	free(t->name.text);
	for (size_t i = 0; i < t->cases_count; i++)
		case_free(&t->cases[i]);
	free(t->cases);
}

static void vocabulary_free(struct ast *a)
{
	for (size_t i = 0; i < a->times.count; i++) {
		free(a->times.v[i].name.text);
		free(a->times.v[i].zone.text);
	}
	for (size_t i = 0; i < a->purposes.count; i++) {
		free(a->purposes.v[i].name.text);
		free(a->purposes.v[i].text.text);
	}
	for (size_t i = 0; i < a->programs.count; i++) {
		free(a->programs.v[i].name.text);
		free(a->programs.v[i].exe.text);
	}
	for (size_t i = 0; i < a->stores.count; i++) {
		free(a->stores.v[i].name.text);
		free(a->stores.v[i].path.text);
		free(a->stores.v[i].modality.text);
		free(a->stores.v[i].class_.text);
	}
	free(a->times.v);
	free(a->purposes.v);
	free(a->programs.v);
	free(a->stores.v);
}

void ast_free(struct ast *a)
{
	if (!a)
		return;
	free(a->policy.name.text);
	free(a->policy.version.text);
	free(a->policy.owner.text);
	for (size_t i = 0; i < a->admins.count; i++)
		members_free(&a->admins.v[i].members);
	free(a->admins.v);
	vocabulary_free(a);
	for (size_t i = 0; i < a->roles.count; i++)
		role_free(&a->roles.v[i]);
	free(a->roles.v);
	for (size_t i = 0; i < a->separates.count; i++) {
		words_free(&a->separates.v[i].roles);
		free(a->separates.v[i].role_idx);
	}
	free(a->separates.v);
	for (size_t i = 0; i < a->rules.count; i++)
		rule_free(&a->rules.v[i]);
	free(a->rules.v);
	for (size_t i = 0; i < a->tests.count; i++)
		test_free(&a->tests.v[i]);
	free(a->tests.v);
	words_free(&a->includes);
	free(a);
}

struct ast_tighten ast_tighten(const struct ast *a, const struct ast_store *s)
{
	if (s->on_tighten.kind != AST_TIGHTEN_UNSAID)
		return s->on_tighten;
	if (a->has_policy && a->policy.on_tighten.kind != AST_TIGHTEN_UNSAID)
		return a->policy.on_tighten;
	return (struct ast_tighten){ .kind = AST_TIGHTEN_LEAVE };
}
