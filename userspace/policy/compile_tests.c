/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test blocks become questions to the table, asked again by whoever loads it; administrators become ids. A test's subject is
 * computed by the same functions as a task's.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Views of what is compiled so far, enough to ask for windows. */
static uint32_t windows_at(const struct compiler *c, int64_t utc_s)
{
	struct image img = { .windows = (const struct pw_img_window *)c->sec[PW_SEC_WINDOWS].data,
			     .shifts = (const struct pw_img_shift *)c->sec[PW_SEC_SHIFTS].data };
	int64_t next;

	img.count[PW_SEC_WINDOWS] = (__u32)(c->sec[PW_SEC_WINDOWS].len_bytes / sizeof(*img.windows));
	return table_windows(&img, utc_s, &next);
}

static uint64_t unit_roles(const struct compiler *c, const char *unit)
{
	const struct pw_img_unit *v = (const struct pw_img_unit *)c->sec[PW_SEC_UNITS].data;

	for (size_t i = 0; i < c->sec[PW_SEC_UNITS].len_bytes / sizeof(*v); i++)
		if (strcmp(c->strings.bytes.data + v[i].name, unit) == 0)
			return v[i].roles;
	return 0;
}

static int subject_gids(struct compiler *c, const struct ast_subject *as, uint32_t **ret, size_t *ret_count)
{
	_free_ uint32_t *gids = NULL;

	if (!as->has_groups && as->user.text) {
		int r = c->n->gids(c->n->ctx, as->user.text, ret, ret_count);

		/* Known by name to the policy's names, but to no group database: no groups. */
		return r == -ENOENT ? 0 : r;
	}
	gids = calloc(as->groups.count + 1, sizeof(*gids));
	if (!gids)
		return -ENOMEM;
	for (size_t i = 0; i < as->groups.count; i++)
		if (c->n->gid(c->n->ctx, as->groups.v[i].text, &gids[i]) < 0)
			return diag(c->d, DIAG_ERROR, "unknown-group", as->groups.v[i].span, "unknown group '%s'; the test cannot "
				    "run as a member of it", as->groups.v[i].text);
	*ret = take_ptr(gids);
	*ret_count = as->groups.count;
	return 0;
}

static int subject_roles(struct compiler *c, const struct ast_subject *as, uint64_t *ret)
{
	struct table_who who = { .uid = TABLE_ID_NONE, .login_uid = TABLE_ID_NONE };
	const struct pw_img_attr *attrs = (const struct pw_img_attr *)c->sec[PW_SEC_ATTRS].data;
	_free_ uint32_t *gids = NULL;
	int r;

	if (as->user.text && c->n->uid(c->n->ctx, as->user.text, &who.uid) < 0)
		return diag(c->d, DIAG_ERROR, "unknown-user", as->user.span, "unknown user '%s'; the test cannot run as this user",
			    as->user.text);
	r = subject_gids(c, as, &gids, &who.gids_count);
	if (r < 0)
		return r;
	who.gids = gids;
	if (as->program_idx != AST_NONE && as->program.text)
		who.programs = compile_program_roles(c->a, c->program_roles, as->program_idx);
	if (as->unit.text)
		who.units = unit_roles(c, as->unit.text);
	*ret = table_roles(&c->gen, attrs, c->sec[PW_SEC_ATTRS].len_bytes / sizeof(*attrs), &who);
	return 0;
}

static int compile_case(struct compiler *c, const struct ast_test *test, const struct ast_case *k)
{
	struct pw_img_test out = { .mfa_age_s = PW_MFA_NEVER };
	uint64_t roles = 0;
	int r = subject_roles(c, &k->as, &roles);

	if (r < 0)
		return r;
	out.roles = roles;
	out.windows = windows_at(c, k->as.has_at ? k->as.at_utc_s : c->now_utc_s);
	if (k->as.has_mfa)
		out.mfa_age_s = k->as.mfa_age_s < PW_MFA_NEVER ? (uint32_t)k->as.mfa_age_s : PW_MFA_NEVER - 1;
	if (k->as.purpose.text && k->as.purpose_idx != AST_NONE)
		out.purpose = 1 + k->as.purpose_idx;
	r = compile_str(c, test->name.text, &out.name);
	for (size_t i = 0; i < k->expects_count && r == 0; i++) {
		const struct ast_expect *x = &k->expects[i];
		struct span span = x->action.span;

		r = compile_place(c, span, &out.file, &out.line);
		out.verdict = x->deny ? PW_DENY : PW_ALLOW;
		out.need = table_need(x->action_bit);
		out.label = 1 + x->store_idx;
		out.says_by = x->has_by;
		out.rule = x->has_by && x->rule_idx != AST_NONE ? 1 + x->rule_idx : 0;
		buf_add(&c->sec[PW_SEC_TESTS], &out, sizeof(out));
	}
	return r;
}

int compile_tests(struct compiler *c)
{
	for (size_t i = 0; i < c->a->tests.count; i++)
		for (size_t k = 0; k < c->a->tests.v[i].cases_count; k++) {
			int r = compile_case(c, &c->a->tests.v[i], &c->a->tests.v[i].cases[k]);

			if (r < 0)
				return r;
		}
	return 0;
}

int compile_admins(struct compiler *c)
{
	for (size_t i = 0; i < c->a->admins.count; i++) {
		const struct ast_admin *admin = &c->a->admins.v[i];

		/* The image cannot ask an administrator for a factor: better none than one who was not asked. */
		if (admin->has_mfa && !c->d->errors_count)
			return diag(c->d, DIAG_ERROR, "admin-mfa", admin->span, "the admin block asks for a second factor, and "
				    "this version has no way to give one: nobody could change the policy; remove 'when mfa'");
		for (size_t m = 0; m < admin->members.count; m++) {
			const struct ast_member *member = &admin->members.v[m];
			struct pw_img_admin out = { .kind = member->is_group ? PW_ATTR_GID : PW_ATTR_UID, .id = member->id,
						    .may = admin->may };

			if (out.may && !admin->has_mfa)
				buf_add(&c->sec[PW_SEC_ADMINS], &out, sizeof(out));
		}
	}
	return 0;
}
