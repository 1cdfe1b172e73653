/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which role sets get a row of their own: none, each role alone (the rows that any other set is decided over), and what the users,
 * groups, programs and units of this host make likely. A set without a row is decided as exactly, only slower.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static uint64_t mask_at(const struct intern *t, size_t i)
{
	uint64_t m;

	memcpy(&m, t->bytes.data + i * sizeof(m), sizeof(m));
	return m;
}

static int add_mask(struct intern *t, uint64_t mask)
{
	size_t off;

	return intern_add(t, &mask, sizeof(mask), &off);
}

static size_t attrs_of(const struct compiler *c, const struct pw_img_attr **ret)
{
	*ret = (const struct pw_img_attr *)c->sec[PW_SEC_ATTRS].data;
	return c->sec[PW_SEC_ATTRS].len_bytes / sizeof(**ret);
}

/* Role bits that a subject's user and groups give it: its roles if no other clause asked for anything. */
static int add_who(const struct compiler *c, const struct table_who *who, struct intern *members)
{
	struct pw_gen open = c->gen;
	const struct pw_img_attr *attrs;
	size_t count = attrs_of(c, &attrs);

	open.startable = open.program_any = open.unit_any = ~0ull;
	open.members_any = 0;
	for (uint32_t r = 0; r < PW_ROLES_MAX; r++)
		open.closure[r] = UINT64_C(1) << r;
	return add_mask(members, table_roles(&open, attrs, count, who));
}

static int add_members(struct compiler *c, struct intern *members)
{
	const struct pw_img_attr *attrs;
	size_t count = attrs_of(c, &attrs);
	struct names_users users = { 0 };
	struct table_who who = { .uid = TABLE_ID_NONE, .login_uid = TABLE_ID_NONE };
	int r;

	r = add_who(c, &who, members);
	if (r < 0)
		return r;
	r = c->n->users(c->n->ctx, &users);
	for (size_t i = 0; i < users.count && r == 0; i++) {
		who = (struct table_who){ .uid = users.v[i].uid, .login_uid = TABLE_ID_NONE, .gids = users.v[i].gids,
					  .gids_count = users.v[i].gids_count };
		r = add_who(c, &who, members);
	}
	names_users_free(&users);
	/* Users that the name service does not list show themselves by one group, or by their own name in the policy. */
	for (size_t i = 0; i < count && r == 0; i++) {
		who = (struct table_who){ .uid = TABLE_ID_NONE, .login_uid = TABLE_ID_NONE };
		if (attrs[i].kind == PW_ATTR_UID)
			who.uid = attrs[i].id;
		else
			who = (struct table_who){ .uid = TABLE_ID_NONE, .login_uid = TABLE_ID_NONE, .gids = &attrs[i].id,
						  .gids_count = 1 };
		r = add_who(c, &who, members);
	}
	return r;
}

static int add_programs(const struct compiler *c, struct intern *programs)
{
	int r = add_mask(programs, 0);

	for (uint32_t i = 0; i < c->a->programs.count && r == 0; i++)
		r = add_mask(programs, compile_program_roles(c->a, c->program_roles, i));
	return r;
}

static int add_units(const struct compiler *c, struct intern *units)
{
	const struct pw_img_unit *v = (const struct pw_img_unit *)c->sec[PW_SEC_UNITS].data;
	int r = add_mask(units, 0);

	for (size_t i = 0; i < c->sec[PW_SEC_UNITS].len_bytes / sizeof(*v) && r == 0; i++)
		r = add_mask(units, v[i].roles);
	return r;
}

static int add_row(struct compiler *c, uint64_t base)
{
	if (c->rows.count >= PW_ROWS_MAX)
		return 0;
	return add_mask(&c->rows, compile_closed(c, base));
}

/* The plainest first, so that the limit cuts the rarest: nobody runs most programs in most units. */
static int add_combinations(struct compiler *c, const struct intern *members, const struct intern *programs,
			    const struct intern *units)
{
	for (size_t rank = 0; rank < programs->count + units->count - 1; rank++)
		for (size_t p = 0; p < programs->count && p <= rank; p++) {
			size_t u = rank - p;

			for (size_t m = 0; u < units->count && m < members->count; m++) {
				int r = add_row(c, pw_roles_base(&c->gen, mask_at(members, m), mask_at(programs, p),
								 mask_at(units, u)));
				if (r < 0)
					return r;
			}
			if (c->rows.count >= PW_ROWS_MAX)
				return 0;
		}
	return 0;
}

int compile_rows(struct compiler *c)
{
	_intern_ struct intern members = { 0 }, programs = { 0 }, units = { 0 };
	const struct pw_img_test *tests = (const struct pw_img_test *)c->sec[PW_SEC_TESTS].data;
	int r = add_mask(&c->rows, 0);

	for (uint32_t i = 0; i < c->roles_count && r == 0; i++)
		r = add_mask(&c->rows, c->gen.closure[i]);
	if (r == 0)
		r = add_members(c, &members);
	if (r == 0)
		r = add_programs(c, &programs);
	if (r == 0)
		r = add_units(c, &units);
	for (size_t i = 0; i < c->sec[PW_SEC_TESTS].len_bytes / sizeof(*tests) && r == 0; i++)
		if (c->rows.count < PW_ROWS_MAX)
			r = add_mask(&c->rows, tests[i].roles);
	return r < 0 ? r : add_combinations(c, &members, &programs, &units);
}
