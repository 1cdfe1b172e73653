/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles become bits. A declared role keeps its place in the policy; behind them stand hidden roles, one for each distinct
 * condition on users, groups, several roles, programs or units. A condition is then a bit like any other, settled when a
 * task's roles are computed and never on the access path.
 */
#include "policy/compile.h"
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t compile_closed(const struct compiler *c, uint64_t roles)
{
	return pw_roles_close(&c->gen, roles);
}

static bool has_value(const struct ast_cond *c, const struct ast_cond *of, size_t i)
{
	for (size_t k = 0; k < c->values.count; k++)
		if (c->kind == AST_COND_UNIT ? strcmp(c->values.v[k].text, of->values.v[i].text) == 0
					     : c->value_idx[k] == of->value_idx[i])
			return true;
	return false;
}

/* The same set of values, whatever their order and however often each is named. */
static bool same_values(const struct ast_cond *a, const struct ast_cond *b)
{
	if (a->kind != b->kind)
		return false;
	for (size_t i = 0; i < a->values.count; i++)
		if (!has_value(b, a, i))
			return false;
	for (size_t i = 0; i < b->values.count; i++)
		if (!has_value(a, b, i))
			return false;
	return true;
}

static bool is_role_cond(const struct ast_cond *cond)
{
	switch (cond->kind) {
	case AST_COND_USER:
	case AST_COND_GROUP:
	case AST_COND_ROLE:
	case AST_COND_PROGRAM:
	case AST_COND_UNIT:
		return true;
	case AST_COND_DURING:
	case AST_COND_PURPOSE:
	case AST_COND_MFA:
	default:
		return false;
	}
}

/* su and its like do not carry a name along, but do not shake one off either: pw_members() in decide.h. */
static bool is_loose(const struct ast_cond *cond, bool takes_away)
{
	return takes_away && (cond->kind == AST_COND_USER || cond->kind == AST_COND_GROUP);
}

uint64_t compile_cond_role(const struct compiler *c, const struct ast_cond *cond, bool takes_away)
{
	if (cond->kind == AST_COND_ROLE && cond->values.count == 1)
		return UINT64_C(1) << cond->value_idx[0];
	for (uint32_t i = 0; i < c->hidden_count; i++)
		if (c->hidden[i].loose == is_loose(cond, takes_away) && same_values(c->hidden[i].cond, cond))
			return UINT64_C(1) << c->hidden[i].bit;
	return 0;
}

static int add_hidden(struct compiler *c, const struct ast_conds *conds, bool takes_away)
{
	for (size_t i = 0; i < conds->count; i++) {
		const struct ast_cond *cond = &conds->v[i];

		if (!is_role_cond(cond) || compile_cond_role(c, cond, takes_away))
			continue;
		if (c->roles_count == PW_ROLES_MAX)
			return diag(c->d, DIAG_ERROR, "limit-roles", cond->span,
				    "this condition does not fit: a policy has room for %u roles and distinct conditions on users, "
				    "groups, programs, units and sets of roles together; merge roles with the same rules, or use "
				    "the same condition in several rules", PW_ROLES_MAX);
		c->hidden[c->hidden_count++] = (struct hidden){ .kind = cond->kind, .cond = cond, .bit = c->roles_count,
							    .loose = is_loose(cond, takes_away) };
		c->roles_count++;
	}
	return 0;
}

/* ---- who is what ---- */

static void add_attr(struct compiler *c, bool group, uint32_t id, uint64_t roles)
{
	struct pw_img_attr attr = { .kind = group ? PW_ATTR_GID : PW_ATTR_UID, .id = id, .roles = roles };

	buf_add(&c->sec[PW_SEC_ATTRS], &attr, sizeof(attr));
}

static int by_kind_and_id(const void *a, const void *b)
{
	const struct pw_img_attr *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* One row a user or group, with all that names it. */
static void merge_attrs(struct compiler *c)
{
	struct buf *b = &c->sec[PW_SEC_ATTRS];
	struct pw_img_attr *v = (struct pw_img_attr *)b->data;
	size_t count = b->len_bytes / sizeof(*v), out = 0;

	if (b->failed || !count)
		return;
	qsort(v, count, sizeof(*v), by_kind_and_id);
	for (size_t i = 0; i < count; i++) {
		if (out && by_kind_and_id(&v[out - 1], &v[i]) == 0)
			v[out - 1].roles |= v[i].roles;
		else
			v[out++] = v[i];
	}
	b->len_bytes = out * sizeof(*v);
}

static int add_unit(struct compiler *c, const struct ast_word *unit, uint64_t roles)
{
	struct buf *b = &c->sec[PW_SEC_UNITS];
	struct pw_img_unit u = { .roles = roles }, *v = (struct pw_img_unit *)b->data;

	if (strlen(unit->text) >= PW_UNIT_NAME_MAX)
		return diag(c->d, DIAG_ERROR, "limit-unit", unit->span, "the unit name '%s' is longer than %u bytes; give the unit a "
			    "shorter name", unit->text, PW_UNIT_NAME_MAX - 1);
	if (compile_str(c, unit->text, &u.name) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->len_bytes / sizeof(u); i++)
		if (v[i].name == u.name) {
			v[i].roles |= roles;
			return 0;
		}
	buf_add(b, &u, sizeof(u));
	return 0;
}

/* The section's order is that of the names, so that a reader can check that none is there twice. */
static void sort_units(struct compiler *c)
{
	struct pw_img_unit *v = (struct pw_img_unit *)c->sec[PW_SEC_UNITS].data;
	size_t count = c->sec[PW_SEC_UNITS].len_bytes / sizeof(*v);
	const char *strings = c->strings.bytes.data;

	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && strcmp(strings + v[k - 1].name, strings + v[k].name) > 0; k--) {
			struct pw_img_unit keep = v[k];

			v[k] = v[k - 1];
			v[k - 1] = keep;
		}
}

static int role_clauses(struct compiler *c, uint32_t r)
{
	const struct ast_role *role = &c->a->roles.v[r];
	uint64_t bit = UINT64_C(1) << r;

	c->gen.closure[r] = role->closure | bit;
	if (!role->abstract)
		c->gen.startable |= bit;
	if (!role->members.count)
		c->gen.members_any |= bit;
	if (!role->programs.count)
		c->gen.program_any |= bit;
	if (!role->units.count)
		c->gen.unit_any |= bit;
	for (size_t i = 0; i < role->members.count; i++)
		add_attr(c, role->members.v[i].is_group, role->members.v[i].id, bit);
	for (size_t i = 0; i < role->programs.count; i++)
		c->program_roles[role->program_idx[i]] |= bit;
	for (size_t i = 0; i < role->units.count; i++) {
		int n = add_unit(c, &role->units.v[i], bit);

		if (n < 0)
			return n;
	}
	return 0;
}

static int hidden_clauses(struct compiler *c, const struct hidden *h)
{
	uint64_t bit = UINT64_C(1) << h->bit;
	const struct ast_cond *cond = h->cond;

	c->gen.closure[h->bit] = bit;
	c->gen.startable |= bit;
	c->gen.members_any |= bit;
	c->gen.program_any |= bit;
	c->gen.unit_any |= bit;
	if (h->loose)
		c->gen.loose |= bit;
	if (cond->kind == AST_COND_USER || cond->kind == AST_COND_GROUP)
		c->gen.members_any &= ~bit;
	if (cond->kind == AST_COND_PROGRAM)
		c->gen.program_any &= ~bit;
	if (cond->kind == AST_COND_UNIT)
		c->gen.unit_any &= ~bit;
	/* Nobody is such a role by himself: it is brought by each of the roles that it stands for. */
	if (cond->kind == AST_COND_ROLE)
		c->gen.startable &= ~bit;
	for (size_t i = 0; i < cond->values.count; i++) {
		if (cond->kind == AST_COND_USER || cond->kind == AST_COND_GROUP)
			add_attr(c, cond->kind == AST_COND_GROUP, cond->value_idx[i], bit);
		if (cond->kind == AST_COND_PROGRAM)
			c->program_roles[cond->value_idx[i]] |= bit;
		if (cond->kind == AST_COND_UNIT) {
			int n = add_unit(c, &cond->values.v[i], bit);

			if (n < 0)
				return n;
		}
		if (cond->kind == AST_COND_ROLE)
			for (size_t r = 0; r < c->a->roles.count; r++)
				if (c->a->roles.v[r].closure >> cond->value_idx[i] & 1)
					c->gen.closure[r] |= bit;
	}
	return 0;
}

/* ---- programs ---- */

/* Does a process that runs program p also run program q? The same executable; a stated digest must be the same. */
static bool runs_too(const struct ast_program *p, const struct ast_program *q)
{
	if (strcmp(p->exe.text, q->exe.text) != 0)
		return false;
	return !q->has_verity || (p->has_verity && memcmp(p->verity, q->verity, sizeof(p->verity)) == 0);
}

uint64_t compile_program_roles(const struct ast *a, const uint64_t *program_roles, uint32_t program)
{
	uint64_t roles = 0;

	for (size_t i = 0; i < a->programs.count; i++)
		if (runs_too(&a->programs.v[program], &a->programs.v[i]))
			roles |= program_roles[i];
	return roles;
}

static int add_programs(struct compiler *c)
{
	for (size_t i = 0; i < c->a->programs.count; i++) {
		const struct ast_program *p = &c->a->programs.v[i];
		struct pw_img_program out = { .roles = c->program_roles[i], .has_verity = p->has_verity };

		/* A program that nothing asks about need not exist on this host. */
		if (!out.roles)
			continue;
		if (p->has_verity)
			memcpy(out.verity, p->verity, sizeof(out.verity));
		if (compile_str(c, p->name.text, &out.name) < 0 || compile_str(c, p->exe.text, &out.path) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_PROGRAMS], &out, sizeof(out));
	}
	return 0;
}

/* ---- names and places of the bits ---- */

static int add_role_rows(struct compiler *c)
{
	for (uint32_t r = 0; r < c->roles_count; r++) {
		bool hidden = r >= c->a->roles.count;
		const struct hidden *h = hidden ? &c->hidden[r - c->a->roles.count] : NULL;
		struct span span = hidden ? h->cond->span : c->a->roles.v[r].span;
		struct pw_img_role out = { .flags = hidden ? PW_ROLE_HIDDEN : 0u };
		_buf_ struct buf name = BUF_INIT;

		if (!(c->gen.startable >> r & 1))
			out.flags |= PW_ROLE_ABSTRACT;
		if (hidden)
			explain_cond_words(c->a, h->cond, &name);
		else
			buf_add_str(&name, c->a->roles.v[r].name.text);
		if (name.failed || compile_str(c, name.data, &out.name) < 0 || compile_place(c, span, &out.file, &out.line) < 0)
			return -ENOMEM;
		buf_add(&c->sec[PW_SEC_ROLES], &out, sizeof(out));
	}
	return 0;
}

int compile_roles(struct compiler *c)
{
	const struct ast *a = c->a;
	int r;

	if (a->roles.count > PW_ROLES_MAX)
		return diag(c->d, DIAG_ERROR, "limit-roles", a->roles.v[PW_ROLES_MAX].span, "this is role %zu and a policy has room for "
			    "%u; merge roles that have the same rules", (size_t)PW_ROLES_MAX + 1, PW_ROLES_MAX);
	c->program_roles = calloc(a->programs.count + 1, sizeof(*c->program_roles));
	if (!c->program_roles)
		return -ENOMEM;
	c->roles_count = (uint32_t)a->roles.count;
	for (size_t i = 0; i < a->rules.count; i++) {
		r = add_hidden(c, &a->rules.v[i].when, a->rules.v[i].deny);
		if (r == 0)
			r = add_hidden(c, &a->rules.v[i].unless, !a->rules.v[i].deny);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < a->roles.count; i++) {
		r = role_clauses(c, i);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < c->hidden_count; i++) {
		r = hidden_clauses(c, &c->hidden[i]);
		if (r < 0)
			return r;
	}
	merge_attrs(c);
	sort_units(c);
	r = add_programs(c);
	return r < 0 ? r : add_role_rows(c);
}
