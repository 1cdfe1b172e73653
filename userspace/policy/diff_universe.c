/* SPDX-License-Identifier: Apache-2.0 */
/* What two policies can tell apart: everything that one of them names, something that neither names, and moments of every kind. */
#include "policy/diff_solve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define YEAR_S      (INT64_C(366) * 86400)
#define STEPS_MAX   40000u

/* Room for one more element at the end of a list, zeroed; NULL: no memory. */
static void *more(void *list, size_t *count, size_t size)
{
	void **v = list, *grown = reallocarray(*v, *count + 1, size);

	if (!grown)
		return NULL;
	*v = grown;
	memset((char *)grown + *count * size, 0, size);
	return (char *)grown + (*count)++ * size;
}

static bool add_principal(struct solve_user **list, size_t *count, const char *name, uint32_t id)
{
	struct solve_user *one;

	for (size_t i = 0; i < *count; i++)
		if ((*list)[i].uid == id)
			return true;
	one = more(list, count, sizeof(*one));
	if (one)
		*one = (struct solve_user){ name, id };
	return one != NULL;
}

static bool add_text(const char ***list, size_t *count, const char *text)
{
	const char **one;

	for (size_t i = 0; text && i < *count; i++)
		if (strcmp((*list)[i], text) == 0)
			return true;
	one = more(list, count, sizeof(*one));
	if (one)
		*one = text;
	return one != NULL;
}

static bool add_program(struct universe *u, const struct ast_program *p)
{
	const struct ast_program **one;

	for (size_t i = 0; p && i < u->programs_count; i++)
		if (strcmp(u->programs[i]->exe.text, p->exe.text) == 0 && u->programs[i]->has_verity == p->has_verity &&
		    memcmp(u->programs[i]->verity, p->verity, sizeof(p->verity)) == 0)
			return true;
	one = more(&u->programs, &u->programs_count, sizeof(*one));
	if (one)
		*one = p;
	return one != NULL;
}

static bool add_age(struct universe *u, uint32_t age_s)
{
	uint32_t *one;

	for (size_t i = 0; i < u->mfa_count; i++)
		if (u->mfa[i] == age_s)
			return true;
	one = more(&u->mfa, &u->mfa_count, sizeof(*one));
	if (one)
		*one = age_s;
	return one != NULL;
}

static bool add_cond(struct universe *u, const struct ast_cond *c)
{
	bool ok = c->kind != AST_COND_MFA || c->mfa_within_s >= PW_MFA_NEVER || add_age(u, (uint32_t)c->mfa_within_s);

	for (size_t i = 0; i < c->values.count && ok; i++) {
		const char *text = c->values.v[i].text;

		if (c->kind == AST_COND_USER)
			ok = add_principal(&u->users, &u->users_count, text, c->value_idx[i]);
		else if (c->kind == AST_COND_GROUP)
			ok = add_principal(&u->groups, &u->groups_count, text, c->value_idx[i]);
		else if (c->kind == AST_COND_UNIT)
			ok = add_text(&u->units, &u->units_count, text);
	}
	return ok;
}

static bool add_side(struct universe *u, const struct ast *a)
{
	bool ok = true;

	for (size_t i = 0; i < a->programs.count && ok; i++)
		ok = add_program(u, &a->programs.v[i]);
	for (size_t i = 0; i < a->purposes.count && ok; i++)
		ok = add_text(&u->purposes, &u->purposes_count, a->purposes.v[i].name.text);
	for (size_t i = 0; i < a->roles.count && ok; i++) {
		const struct ast_role *r = &a->roles.v[i];

		for (size_t k = 0; k < r->members.count && ok; k++)
			ok = r->members.v[k].is_group ?
			     add_principal(&u->groups, &u->groups_count, r->members.v[k].name.text, r->members.v[k].id) :
			     add_principal(&u->users, &u->users_count, r->members.v[k].name.text, r->members.v[k].id);
		for (size_t k = 0; k < r->units.count && ok; k++)
			ok = add_text(&u->units, &u->units_count, r->units.v[k].text);
	}
	for (size_t i = 0; i < a->rules.count && ok; i++) {
		for (size_t k = 0; k < a->rules.v[i].when.count && ok; k++)
			ok = add_cond(u, &a->rules.v[i].when.v[k]);
		for (size_t k = 0; k < a->rules.v[i].unless.count && ok; k++)
			ok = add_cond(u, &a->rules.v[i].unless.v[k]);
	}
	return ok;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* From a moment on for a year, which knows every weekday and both times of a zone: each different set of open windows once. */
static bool add_year(struct universe *u, int64_t from_utc_s)
{
	int64_t at = from_utc_s, next[2];

	for (uint32_t step = 0; step < STEPS_MAX && at < from_utc_s + YEAR_S && u->times_count < SOLVE_TIMES; step++) {
		struct solve_time t = { .at_utc_s = at }, *one;
		size_t i = 0;

		for (int s = 0; s < 2; s++)
			t.open[s] = table_windows(u->side[s].img, at, &next[s]);
		while (i < u->times_count && (u->times[i].open[0] != t.open[0] || u->times[i].open[1] != t.open[1]))
			i++;
		if (i == u->times_count) {
			one = more(&u->times, &u->times_count, sizeof(*one));
			if (!one)
				return false;
			*one = t;
		}
		at = sooner(next[0], next[1]);
		if (at == INT64_MAX)
			break;
	}
	return true;
}

static bool add_times(struct universe *u, int64_t now_utc_s)
{
	bool ok = add_year(u, now_utc_s);

	for (int s = 0; s < 2; s++)
		for (__u32 i = 0; i < u->side[s].img->count[PW_SEC_WINDOWS] && ok; i++)
			if (u->side[s].img->windows[i].until_utc_s > now_utc_s)
				ok = add_year(u, u->side[s].img->windows[i].until_utc_s);
	return ok;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int universe_make(const struct diff_side *old, const struct diff_side *new, int64_t now_utc_s, struct universe *ret)
{
	struct universe u = { .side = { *old, *new } };
	/* Root is a case of its own: no group gives it anything. */
	bool ok = add_principal(&u.users, &u.users_count, "root", 0) && add_side(&u, old->a) && add_side(&u, new->a);
	struct solve_user *other = ok ? more(&u.users, &u.users_count, sizeof(*other)) : NULL;

	if (other)
		*other = (struct solve_user){ NULL, TABLE_ID_NONE };
	ok = other && add_program(&u, NULL) && add_text(&u.units, &u.units_count, NULL) && add_text(&u.purposes, &u.purposes_count, NULL) &&
	     add_times(&u, now_utc_s);
	if (ok && u.mfa_count)
		qsort(u.mfa, u.mfa_count, sizeof(*u.mfa), by_number);
	ok = ok && add_age(&u, PW_MFA_NEVER);
	if (!ok) {
		universe_free(&u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void universe_free(struct universe *u)
{
	free(u->users);
	free(u->groups);
	free(u->programs);
	free(u->units);
	free(u->purposes);
	free(u->mfa);
	free(u->times);
	*u = (struct universe){ 0 };
}
