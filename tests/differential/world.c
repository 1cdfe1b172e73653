/* SPDX-License-Identifier: Apache-2.0 */
/* A host with users, groups and time zones drawn from a seed. Zones change their offset at arbitrary moments by arbitrary amounts. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64, Steele and others 2014 */
static uint64_t next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint32_t random_below(struct random *r, uint32_t n)
{
	return (uint32_t)((next(r) >> 33) % n);
}

bool random_one_in(struct random *r, uint32_t n)
{
	return random_below(r, n) == 0;
}

static int find(const char (*names)[8], uint32_t count, const char *name, uint32_t *ret)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0) {
			*ret = i;
			return 0;
		}
	return -ENOENT;
}

static int world_uid(void *ctx, const char *user, uint32_t *ret)
{
	const struct world *w = ctx;
	uint32_t i;

	if (find(w->users, WORLD_USERS, user, &i) < 0)
		return -ENOENT;
	*ret = w->uids[i];
	return 0;
}

static int world_gid(void *ctx, const char *group, uint32_t *ret)
{
	const struct world *w = ctx;
	uint32_t i;

	if (find(w->groups, WORLD_GROUPS, group, &i) < 0)
		return -ENOENT;
	*ret = w->gids[i];
	return 0;
}

static int gids_of(const struct world *w, uint32_t user, uint32_t **ret, size_t *ret_count)
{
	uint32_t *v = calloc(WORLD_GROUPS, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (uint32_t g = 0; g < WORLD_GROUPS; g++)
		if (w->member[user][g])
			v[n++] = w->gids[g];
	*ret = v;
	*ret_count = n;
	return 0;
}

static int world_gids(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	uint32_t i;

	return find(((const struct world *)ctx)->users, WORLD_USERS, user, &i) < 0 ? -ENOENT : gids_of(ctx, i, ret, ret_count);
}

static int world_users(void *ctx, struct names_users *ret)
{
	const struct world *w = ctx;

	ret->v = calloc(WORLD_USERS, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (uint32_t i = 0; i < WORLD_USERS; i++) {
		struct names_user *u = &ret->v[ret->count];

		if (!w->listed[i])
			continue;
		u->name = strdup(w->users[i]);
		u->uid = w->uids[i];
		if (gids_of(w, i, &u->gids, &u->gids_count) < 0)
			return -ENOMEM;
		ret->count++;
	}
	return 0;
}

static bool world_member(void *ctx, const char *user, const char *group)
{
	const struct world *w = ctx;
	uint32_t u, g;

	return find(w->users, WORLD_USERS, user, &u) == 0 && find(w->groups, WORLD_GROUPS, group, &g) == 0 && w->member[u][g];
}

static int world_zone(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	const struct world *w = ctx;

	(void)from_utc_s;
	(void)years;
	for (uint32_t i = 0; i < WORLD_ZONES; i++)
		if (strcmp(w->zones[i], zone) == 0) {
			*ret = calloc(8, sizeof(**ret));
			if (!*ret)
				return -ENOMEM;
			memcpy(*ret, w->shifts[i], w->shifts_count[i] * sizeof(**ret));
			*ret_count = w->shifts_count[i];
			return 0;
		}
	return -ENOENT;
}

void world_make(struct world *w, struct random *r)
{
	memset(w, 0, sizeof(*w));
	for (uint32_t i = 0; i < WORLD_USERS; i++) {
		(void)snprintf(w->users[i], sizeof(w->users[i]), "u%u", i);
		w->uids[i] = i ? 1000 + i : 0;
		w->listed[i] = i == 0 || !random_one_in(r, 4);
		for (uint32_t g = 0; g < WORLD_GROUPS; g++)
			w->member[i][g] = random_one_in(r, 3);
	}
	for (uint32_t g = 0; g < WORLD_GROUPS; g++) {
		(void)snprintf(w->groups[g], sizeof(w->groups[g]), "g%u", g);
		w->gids[g] = g ? 2000 + g : 0;
	}
	for (uint32_t z = 0; z < WORLD_ZONES; z++) {
		int64_t at = WORLD_NOW - 400 * 86400;

		(void)snprintf(w->zones[z], sizeof(w->zones[z]), z ? "Test/Zone%u" : "UTC", z);
		w->shifts_count[z] = z ? 1 + random_below(r, 7) : 1;
		for (size_t i = 0; i < w->shifts_count[z]; i++) {
			w->shifts[z][i] = (struct names_shift){ .from_utc_s = at };
			w->shifts[z][i].offset_s = z ? ((int32_t)random_below(r, 105) - 48) * 900 : 0;
			at += 1 + random_below(r, 200 * 86400);
		}
	}
	w->names = (struct names){ .ctx = w, .uid = world_uid, .gid = world_gid, .gids = world_gids, .users = world_users,
				   .member = world_member, .zone = world_zone };
}
