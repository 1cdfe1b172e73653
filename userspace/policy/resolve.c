/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names become indexes and ids. Everything a policy names must exist: what is unknown is an error, because a rule that is
 * silently about nobody protects nothing. Writes only the fields of the tree that are marked "resolved".
 */
#include "policy/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/abi.h>

#include "base/cleanup.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void *resolve_array(struct resolver *r, size_t count, size_t size)
{
	void *v = count ? calloc(count, size) : NULL;

	if (count && !v)
		r->nomem = true;
	return v;
}

static const char *kind_word(enum symbol_kind kind)
{
	switch (kind) {
	case SYMBOL_TIME:    return "time";
	case SYMBOL_PURPOSE: return "purpose";
	case SYMBOL_PROGRAM: return "program";
	case SYMBOL_STORE:   return "store";
	case SYMBOL_ROLE:    return "role";
	case SYMBOL_RULE:    return "rule";
	case SYMBOL_TEST:    return "test";
	case SYMBOL_CLASS:   return "class";
	case SYMBOL_PATH:    return "path";
	case SYMBOL_USER:    return "user";
	case SYMBOL_GROUP:
	default:             return "group";
	}
}

static const char *unknown_code(enum symbol_kind kind)
{
	switch (kind) {
	case SYMBOL_TIME:    return "unknown-time";
	case SYMBOL_PURPOSE: return "unknown-purpose";
	case SYMBOL_PROGRAM: return "unknown-program";
	case SYMBOL_STORE:   return "unknown-store";
	case SYMBOL_ROLE:    return "unknown-role";
	case SYMBOL_RULE:    return "unknown-rule";
	case SYMBOL_USER:    return "unknown-user";
	case SYMBOL_GROUP:   return "unknown-group";
	case SYMBOL_CLASS:
	case SYMBOL_TEST:
	case SYMBOL_PATH:
	default:             return "unknown-class";
	}
}

static void unknown(struct resolver *r, enum symbol_kind kind, const struct ast_word *word)
{
	const char *near = symbols_closest(&r->symbols, kind, word->text), *what = kind_word(kind);

	if (near)
		(void)diag(r->d, DIAG_ERROR, unknown_code(kind), word->span, "unknown %s '%.64s'; did you mean '%s'?", what, word->text,
			   near);
	else if (kind == SYMBOL_CLASS)
		(void)diag(r->d, DIAG_ERROR, unknown_code(kind), word->span,
			   "no store has class '%.64s'; correct it, or give a store this class", word->text);
	else
		(void)diag(r->d, DIAG_ERROR, unknown_code(kind), word->span, "unknown %s '%.64s'; declare it with '%s %.64s { ... }'",
			   what, word->text, what, word->text);
}

uint32_t resolve_name(struct resolver *r, enum symbol_kind kind, const struct ast_word *word)
{
	uint32_t idx = symbols_find(&r->symbols, kind, word->text);

	if (idx == UINT32_MAX)
		unknown(r, kind, word);
	return idx;
}

void resolve_names(struct resolver *r, enum symbol_kind kind, const struct ast_words *words, uint32_t **ret)
{
	uint32_t *idx = resolve_array(r, words->count, sizeof(*idx));

	if (!idx)
		return;
	for (size_t i = 0; i < words->count; i++)
		idx[i] = resolve_name(r, kind, &words->v[i]);
	free(*ret);
	*ret = idx;
}

/* "did you mean" among the users that can be listed; groups cannot be listed through struct names. */
static void unknown_user(struct resolver *r, const struct ast_word *word)
{
	struct names_users users = { 0 };
	const char **list = NULL, *near = NULL;

	/* Listing users may ask a directory server; messages beyond the limit are not shown. */
	if (r->d->errors_count < DIAG_ERRORS_MAX && r->n->users(r->n->ctx, &users) == 0) {
		list = resolve_array(r, users.count, sizeof(*list));
		for (size_t i = 0; list && i < users.count; i++)
			list[i] = users.v[i].name;
		near = list ? closest(word->text, list, users.count) : NULL;
	}
	if (near)
		(void)diag(r->d, DIAG_ERROR, "unknown-user", word->span, "there is no user '%.64s'; did you mean '%.64s'?",
			   word->text, near);
	else
		(void)diag(r->d, DIAG_ERROR, "unknown-user", word->span,
			   "there is no user '%.64s'; correct the name or create the user first", word->text);
	free(list);
	names_users_free(&users);
}

uint32_t resolve_principal(struct resolver *r, bool is_group, const struct ast_word *word)
{
	enum symbol_kind kind = is_group ? SYMBOL_GROUP : SYMBOL_USER;
	uint32_t id = symbols_find(&r->symbols, kind, word->text), first;
	int status;

	if (id != UINT32_MAX)
		return id;
	status = is_group ? r->n->gid(r->n->ctx, word->text, &id) : r->n->uid(r->n->ctx, word->text, &id);
	if (status == 0) {
		if (symbols_add(&r->symbols, kind, word->text, id, &first) == -ENOMEM)
			r->nomem = true;
		return id;
	}
	if (status != -ENOENT)
		(void)diag(r->d, DIAG_ERROR, unknown_code(kind), word->span,
			   "cannot look up %s '%.64s': %s; try again when the name service answers", kind_word(kind), word->text,
			   strerror(-status));
	else if (is_group)
		(void)diag(r->d, DIAG_ERROR, "unknown-group", word->span,
			   "there is no group '%.64s'; correct the name or create the group first", word->text);
	else
		unknown_user(r, word);
	return AST_NONE;
}

uint32_t resolve_action(struct resolver *r, const struct ast_word *word)
{
	static const struct { const char *word; uint32_t bit; } actions[] = {
#define PW_ACTION(name, bit, word, brings, meaning) { word, PW_A_##name },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	const char *words[COUNT(actions)], *near;

	for (size_t i = 0; i < COUNT(actions); i++) {
		if (strcmp(word->text, actions[i].word) == 0)
			return actions[i].bit;
		words[i] = actions[i].word;
	}
	near = closest(word->text, words, COUNT(actions));
	if (near)
		(void)diag(r->d, DIAG_ERROR, "unknown-action", word->span, "unknown action '%.64s'; did you mean '%s'?", word->text, near);
	else
		(void)diag(r->d, DIAG_ERROR, "unknown-action", word->span,
			   "unknown action '%.64s'; actions are read, list, stat, write, create, delete, exec, attr, link, lock, watch, "
			   "mount and connect", word->text);
	return 0;
}

/* ---- roles --------------------------------------------------------------------------------------------------------- */

static void members(struct resolver *r, struct ast_members *m)
{
	for (size_t i = 0; i < m->count; i++)
		m->v[i].id = resolve_principal(r, m->v[i].is_group, &m->v[i].name);
}

/* Every role's own bit and those of all that it inherits from; a role that reaches itself is an error, said once a circle. */
static void closures(struct resolver *r)
{
	struct ast *a = r->a;
	uint64_t reported = 0;

	for (size_t round = 0; round <= a->roles.count; round++)
		for (size_t i = 0; i < a->roles.count; i++) {
			struct ast_role *role = &a->roles.v[i];

			/* Its own bit comes last: until then the closure holds it only if a circle leads there. */
			for (size_t k = 0; k < role->inherits.count; k++)
				role->closure |= a->roles.v[role->inherit_idx[k]].closure | UINT64_C(1) << role->inherit_idx[k];
		}
	for (size_t i = 0; i < a->roles.count; i++) {
		struct ast_role *role = &a->roles.v[i];

		for (size_t k = 0; k < role->inherits.count; k++) {
			uint32_t from = role->inherit_idx[k];

			if (!(role->closure >> i & 1) || (reported >> i & 1))
				continue;
			if (from == i)
				(void)diag(r->d, DIAG_ERROR, "inherits-itself", role->inherits.v[k].span,
					   "role '%s' inherits itself; remove this", role->name.text);
			else if (a->roles.v[from].closure >> i & 1)
				(void)diag(r->d, DIAG_ERROR, "inherits-cycle", role->inherits.v[k].span,
					   "role '%s' inherits '%s', which inherits '%s' again; break the circle", role->name.text,
					   a->roles.v[from].name.text, role->name.text);
			else
				continue;
			reported |= role->closure;
		}
	}
	for (size_t i = 0; i < a->roles.count; i++)
		a->roles.v[i].closure |= UINT64_C(1) << i;
}

static void roles(struct resolver *r)
{
	struct ast *a = r->a;
	size_t errors;

	for (size_t i = 0; i < a->roles.count; i++) {
		struct ast_role *role = &a->roles.v[i];

		members(r, &role->members);
		resolve_names(r, SYMBOL_PROGRAM, &role->programs, &role->program_idx);
	}
	errors = r->d->errors_count;
	for (size_t i = 0; i < a->roles.count; i++) {
		struct ast_role *role = &a->roles.v[i];

		resolve_names(r, SYMBOL_ROLE, &role->inherits, &role->inherit_idx);
		role->closure = 0;
	}
	if (r->d->errors_count == errors && !r->nomem && a->roles.count <= PW_ROLES_MAX)
		closures(r);
	for (size_t i = 0; i < a->separates.count; i++)
		resolve_names(r, SYMBOL_ROLE, &a->separates.v[i].roles, &a->separates.v[i].role_idx);
}

/* ---- rules --------------------------------------------------------------------------------------------------------- */

static void condition(struct resolver *r, struct ast_cond *c)
{
	switch (c->kind) {
	case AST_COND_DURING:
		resolve_names(r, SYMBOL_TIME, &c->values, &c->value_idx);
		for (size_t i = 0; c->value_idx && i < c->values.count; i++)
			if (c->value_idx[i] != AST_NONE)
				r->a->times.v[c->value_idx[i]].used = true;
		break;
	case AST_COND_PURPOSE:
		resolve_names(r, SYMBOL_PURPOSE, &c->values, &c->value_idx);
		break;
	case AST_COND_ROLE:
		resolve_names(r, SYMBOL_ROLE, &c->values, &c->value_idx);
		break;
	case AST_COND_PROGRAM:
		resolve_names(r, SYMBOL_PROGRAM, &c->values, &c->value_idx);
		break;
	case AST_COND_USER:
	case AST_COND_GROUP:
		free(c->value_idx);
		c->value_idx = resolve_array(r, c->values.count, sizeof(*c->value_idx));
		for (size_t i = 0; c->value_idx && i < c->values.count; i++)
			c->value_idx[i] = resolve_principal(r, c->kind == AST_COND_GROUP, &c->values.v[i]);
		break;
	case AST_COND_MFA:
	case AST_COND_UNIT:
	default:
		break;
	}
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All stores that a rule means, in the order of their declaration. */
static void stores_of(struct resolver *r, struct ast_rule *rule)
{
	const struct ast *a = r->a;
	uint32_t *idx = NULL;
	size_t n = 0;

	if (rule->on_kind == AST_ON_STORES) {
		resolve_names(r, SYMBOL_STORE, &rule->on, &idx);
		n = rule->on.count;
		if (idx)
			qsort(idx, n, sizeof(*idx), by_number);
	} else {
		idx = resolve_array(r, a->stores.count, sizeof(*idx));
		for (size_t k = 0; k < rule->on.count; k++)
			(void)resolve_name(r, SYMBOL_CLASS, &rule->on.v[k]);
		for (uint32_t i = 0; idx && i < a->stores.count; i++) {
			bool meant = rule->on_kind == AST_ON_ANY;

			for (size_t k = 0; k < rule->on.count && !meant; k++)
				meant = a->stores.v[i].class_.text && strcmp(a->stores.v[i].class_.text, rule->on.v[k].text) == 0;
			if (meant)
				idx[n++] = i;
		}
	}
	free(rule->store_idx);
	rule->store_idx = idx;
	rule->store_idx_count = idx ? n : 0;
}

static void rules(struct resolver *r)
{
	for (size_t i = 0; i < r->a->rules.count; i++) {
		struct ast_rule *rule = &r->a->rules.v[i];

		resolve_names(r, SYMBOL_ROLE, &rule->roles, &rule->role_idx);
		rule->action_mask = 0;
		for (size_t k = 0; k < rule->actions.count; k++)
			rule->action_mask |= resolve_action(r, &rule->actions.v[k]);
		stores_of(r, rule);
		for (size_t k = 0; k < rule->when.count; k++)
			condition(r, &rule->when.v[k]);
		for (size_t k = 0; k < rule->unless.count; k++)
			condition(r, &rule->unless.v[k]);
	}
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static void add(struct resolver *r, enum symbol_kind kind, const char *name, size_t idx)
{
	uint32_t first;

	if (name && symbols_add(&r->symbols, kind, name, (uint32_t)idx, &first) == -ENOMEM)
		r->nomem = true;
}

static void index_all(struct resolver *r)
{
	const struct ast *a = r->a;

#define EACH(list, kind) for (size_t i = 0; i < a->list.count; i++) add(r, kind, a->list.v[i].name.text, i)
	EACH(times, SYMBOL_TIME);
	EACH(purposes, SYMBOL_PURPOSE);
	EACH(programs, SYMBOL_PROGRAM);
	EACH(stores, SYMBOL_STORE);
	EACH(roles, SYMBOL_ROLE);
	EACH(rules, SYMBOL_RULE);
#undef EACH
	for (size_t i = 0; i < a->stores.count; i++)
		add(r, SYMBOL_CLASS, a->stores.v[i].class_.text, i);
}

static void too_many(struct resolver *r, size_t count, uint32_t max, struct span span, const char *what, const char *merge)
{
	if (count > max)
		(void)diag(r->d, DIAG_ERROR, "too-many", span, "%zu %s do not fit, %u is the most; %s", count, what, max, merge);
}

static void limits(struct resolver *r)
{
	const struct ast *a = r->a;

#define LIMIT(list, max, merge) \
	too_many(r, a->list.count, max, a->list.count > (max) ? a->list.v[max].span : (struct span){ .file = SPAN_NONE }, #list, merge)
	LIMIT(roles, PW_ROLES_MAX, "merge roles that the same rules name");
	LIMIT(stores, PW_LABELS_MAX - 1, "make one store of neighbouring directories");
	LIMIT(rules, PW_RULES_MAX - 1, "name several roles and stores in one rule");
	LIMIT(times, PW_WINDOWS_MAX, "merge those with the same hours");
	LIMIT(purposes, PW_PURPOSES_MAX, "merge purposes that the same rules name");
#undef LIMIT
}

int policy_resolve(struct ast *a, const struct names *n, struct diags *d)
{
	struct resolver r = { .a = a, .n = n, .d = d };
	size_t errors = d->errors_count;

	if (!a->has_policy)
		(void)diag(d, DIAG_WARNING, "no-policy", (struct span){ .file = d->sources.count ? 0 : SPAN_NONE },
			   "this policy has no name; add 'policy NAME { version V }', by which status and log tell it from others");
	index_all(&r);
	limits(&r);
	if (!r.nomem && d->errors_count == errors) {
		for (size_t i = 0; i < a->admins.count; i++)
			members(&r, &a->admins.v[i].members);
		resolve_times(&r);
		roles(&r);
		rules(&r);
		resolve_tests(&r);
	}
	symbols_free(&r.symbols);
	return r.nomem || d->nomem ? -ENOMEM : d->errors_count == errors ? 0 : -EINVAL;
}
