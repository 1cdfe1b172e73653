/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host says about users, groups and time zones. The policy compiler is pure and asks through this table; the
 * implementations read the name service of this host (names_host) or the files of another root (names_root).
 */
#ifndef NAMES_NAMES_H
#define NAMES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

struct names_user {
	char     *name;      /* owned by the list */
	uint32_t  uid;
	uint32_t *gids;      /* primary and supplementary, each once */
	size_t    gids_count;
};

struct names_users { struct names_user *v; size_t count; };

struct names_shift { int64_t from_utc_s; int32_t offset_s; };

struct names {
	void *ctx;
	/* 0 and *ret, or -ENOENT: no such name. */
	int (*uid)(void *ctx, const char *user, uint32_t *ret);
	int (*gid)(void *ctx, const char *group, uint32_t *ret);
	/* All gids of a user by name; malloc'd into *ret. -ENOENT: no such user. */
	int (*gids)(void *ctx, const char *user, uint32_t **ret, size_t *ret_count);
	/* Users that can be listed (LDAP may not list all): used to prepare likely role sets and for separation of duty. */
	int (*users)(void *ctx, struct names_users *ret);
	/* Is this user a member of the group, by name? */
	bool (*member)(void *ctx, const char *user, const char *group);
	/*
	 * Offsets from UTC of a tz database zone ("Europe/Berlin", "UTC"), from `from_utc_s` for `years` years, ascending; the
	 * first holds before its own time too. -ENOENT: no such zone. malloc'd into *ret.
	 */
	int (*zone)(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count);
};

/* This host's name service and tz database. */
int names_host(struct names *ret, struct err *e);
/* ROOT/etc/passwd, ROOT/etc/group; zones are this host's. */
int names_root(const char *root, struct names *ret, struct err *e);
void names_free(struct names *n);
void names_users_free(struct names_users *u);

#endif
