/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings about people: who would hold roles that must be separate, and whether anybody is left who may change the policy. Looks
 * at the users that the name service lists and at the users and groups that the policy names.
 */
#include "policy/check.h"
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct person { uint32_t uid; bool has_uid; const uint32_t *gids; size_t gids_count; };

static bool is_member(const struct person *p, const struct ast_member *m)
{
	if (!m->is_group)
		return p->has_uid && p->uid == m->id;
	if (p->has_uid && p->uid == 0)
		return false;
	for (size_t i = 0; i < p->gids_count; i++)
		if (p->gids[i] == m->id)
			return true;
	return false;
}

/* Roles that this person can have, in whatever program and unit. */
static uint64_t roles_of(const struct ast *a, const struct person *p)
{
	uint64_t roles = 0;

	for (size_t i = 0; i < a->roles.count; i++) {
		const struct ast_role *r = &a->roles.v[i];
		bool member = !r->members.count;

		for (size_t k = 0; k < r->members.count && !member; k++)
			member = is_member(p, &r->members.v[k]);
		if (member && !r->abstract)
			roles |= r->closure | UINT64_C(1) << i;
	}
	return roles;
}

static int separate_one(const struct ast *a, const struct ast_separate *s, const struct person *p, const char *kind,
			const char *name, struct diags *d)
{
	_buf_ struct buf held = BUF_INIT;
	uint64_t roles = roles_of(a, p), both = 0;

	for (size_t i = 0; i < s->roles.count; i++)
		both |= roles & UINT64_C(1) << s->role_idx[i];
	if ((uint32_t)__builtin_popcountll(both) <= s->at_most)
		return 0;
	explain_roles(a, both, "none", &held);
	if (held.failed)
		return -ENOMEM;
	return diag(d, DIAG_ERROR, "not-separate", s->span, "%s '%s' would have the roles %s, and at most %u of them may meet in one; "
		    "change the members of one role, or the groups of the user", kind, name, held.data, s->at_most);
}

static int separate_named(const struct ast *a, const struct ast_separate *s, struct diags *d)
{
	int r = 0;

	for (size_t i = 0; i < s->roles.count && r == 0; i++) {
		const struct ast_members *m = &a->roles.v[s->role_idx[i]].members;

		for (size_t k = 0; k < m->count && r == 0; k++) {
			struct person p = { .uid = m->v[k].id, .has_uid = !m->v[k].is_group };

			if (m->v[k].is_group)
				p = (struct person){ .gids = &m->v[k].id, .gids_count = 1 };
			r = separate_one(a, s, &p, m->v[k].is_group ? "a member of group" : "user", m->v[k].name.text, d);
		}
	}
	return r;
}

int check_separations(const struct ast *a, const struct names *n, struct diags *d)
{
	struct names_users users = { 0 };
	int r = 0, worst = 0;

	if (!a->separates.count)
		return 0;
	r = n->users(n->ctx, &users);
	for (size_t i = 0; i < a->separates.count && r != -ENOMEM; i++) {
		r = separate_named(a, &a->separates.v[i], d);
		for (size_t u = 0; u < users.count && r == 0; u++) {
			struct person p = { users.v[u].uid, true, users.v[u].gids, users.v[u].gids_count };

			r = separate_one(a, &a->separates.v[i], &p, "user", users.v[u].name, d);
		}
		worst = r < 0 ? r : worst;
	}
	names_users_free(&users);
	return worst;
}

/* Is there a user by this membership? A group counts if the name service lists anybody in it. */
static bool leaves_somebody(const struct ast_member *m, const struct names_users *users)
{
	if (!m->is_group)
		return true;
	for (size_t u = 0; u < users->count; u++)
		for (size_t g = 0; g < users->v[u].gids_count; g++)
			if (users->v[u].gids[g] == m->id)
				return true;
	return false;
}

static int check_one_admin(const struct ast_admin *admin, const struct names_users *users, struct diags *d)
{
	bool somebody = false;

	if (admin->has_mfa)
		return diag(d, DIAG_ERROR, "admin-mfa", admin->span, "the admin block asks for a second factor, and this version has no way "
			    "to give one: nobody could change the policy; remove 'when mfa'");
	if (!(admin->may & PW_MAY_APPLY))
		return diag(d, DIAG_ERROR, "admin-nobody", admin->span, "the admin block lets nobody apply a policy: this one could never be "
			    "changed; add 'apply' to 'may'");
	for (size_t i = 0; i < admin->members.count && !somebody; i++)
		somebody = leaves_somebody(&admin->members.v[i], users);
	if (!somebody)
		return diag(d, DIAG_ERROR, "admin-nobody", admin->span, "the admin block leaves nobody who could change the policy: the name "
			    "service lists no user in its groups; add a member such as user:root");
	return 0;
}

int check_admin(const struct ast *a, const struct names *n, struct diags *d)
{
	struct names_users users = { 0 };
	int r = 0;

	if (!a->admins.count) {
		(void)diag(d, DIAG_NOTE, "admin-root", a->policy.span, "there is no admin block: root, and nobody else, may change this policy");
		return 0;
	}
	r = n->users(n->ctx, &users);
	for (size_t i = 0; i < a->admins.count && r == 0; i++)
		r = check_one_admin(&a->admins.v[i], &users, d);
	names_users_free(&users);
	return r;
}
