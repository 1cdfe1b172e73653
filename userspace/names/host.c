/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups as this host's name service knows them: files, LDAP or whatever nsswitch.conf says. Reads; changes nothing. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "names/source.h"

#define RECORD_MAX_BYTES (4u << 20) /* one entry of a group with very many members */
#define USERS_MAX        65536u

struct host {
	struct names_source source;
	struct names names;
};

/* Ask again with more room as long as the answer does not fit. `ask` returns an errno, with *found told apart. */
static int with_room(int (*ask)(void *arg, char *room, size_t size), void *arg)
{
	for (size_t size = 1024; size <= RECORD_MAX_BYTES; size *= 2) {
		_free_ char *room = malloc(size);
		int r;

		if (!room)
			return -ENOMEM;
		r = ask(arg, room, size);
		if (r != ERANGE)
			return -r;
	}
	return -ERANGE;
}

struct user_question { const char *name; uint32_t uid, gid; };

/* "No such name" has many errnos in the wild; getpwnam(3) lists them. */
static int not_found(int r)
{
	return r == 0 || r == ESRCH || r == EBADF || r == EPERM ? ENOENT : r;
}

static int ask_user(void *arg, char *room, size_t size)
{
	struct user_question *q = arg;
	struct passwd pw, *found = NULL;
	int r = getpwnam_r(q->name, &pw, room, size, &found);

	if (!found)
		return not_found(r);
	q->uid = pw.pw_uid;
	q->gid = pw.pw_gid;
	return 0;
}

static int host_uid(void *ctx, const char *user, uint32_t *ret)
{
	struct user_question q = { .name = user };
	int r = with_room(ask_user, &q);

	(void)ctx;
	if (r == 0)
		*ret = q.uid;
	return r;
}

struct group_question { const char *name; uint32_t gid; };

static int ask_group(void *arg, char *room, size_t size)
{
	struct group_question *q = arg;
	struct group gr, *found = NULL;
	int r = getgrnam_r(q->name, &gr, room, size, &found);

	if (!found)
		return not_found(r);
	q->gid = gr.gr_gid;
	return 0;
}

static int host_gid(void *ctx, const char *group, uint32_t *ret)
{
	struct group_question q = { .name = group };
	int r = with_room(ask_group, &q);

	(void)ctx;
	if (r == 0)
		*ret = q.gid;
	return r;
}

static int group_list(const char *user, gid_t primary, uint32_t **ret, size_t *ret_count)
{
	int room = 32;

	for (;;) {
		_free_ gid_t *gids = calloc((size_t)room, sizeof(*gids));
		int count = room;

		if (!gids)
			return -ENOMEM;
		if (getgrouplist(user, primary, gids, &count) >= 0) {
			*ret_count = (size_t)count;
			*ret = take_ptr(gids);
			return 0;
		}
		if (count <= room || count > 1 << 20)
			return -EOVERFLOW;
		room = count;
	}
}
_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "group numbers are handed on as they are");

static int host_gids(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	struct user_question q = { .name = user };
	int r = with_room(ask_user, &q);

	(void)ctx;
	return r < 0 ? r : group_list(user, q.gid, ret, ret_count);
}

/* The list of users without their groups: getpwent(3) has one cursor a process, and looking up groups may move it. */
static int list_users(struct names_users *ret)
{
	const struct passwd *pw;
	int r = 0;

	setpwent();
	while (r == 0 && ret->count < USERS_MAX && (pw = getpwent())) {
		struct names_user *grown = reallocarray(ret->v, ret->count + 1, sizeof(*grown));

		if (!grown) {
			r = -ENOMEM;
			break;
		}
		ret->v = grown;
		/* The primary group is kept in gids[0] until the whole list is known. */
		grown[ret->count] = (struct names_user){ .name = strdup(pw->pw_name), .uid = pw->pw_uid, .gids = malloc(sizeof(uint32_t)) };
		if (!grown[ret->count].name || !grown[ret->count].gids)
			r = -ENOMEM;
		else
			grown[ret->count].gids[0] = pw->pw_gid;
		ret->count++;
	}
	endpwent();
	return r;
}

static int host_users(void *ctx, struct names_users *ret)
{
	struct names_users users = { 0 };
	int r = list_users(&users);

	(void)ctx;
	for (size_t i = 0; i < users.count && r == 0; i++) {
		uint32_t *gids = NULL;

		r = group_list(users.v[i].name, users.v[i].gids[0], &gids, &users.v[i].gids_count);
		if (r == 0) {
			free(users.v[i].gids);
			users.v[i].gids = gids;
		}
	}
	if (r < 0)
		names_users_free(&users);
	else
		*ret = users;
	return r;
}

static bool host_member(void *ctx, const char *user, const char *group)
{
	const struct host *h = ctx;

	return names_member(&h->names, user, group);
}

static void host_free(struct names_source *s)
{
	free(s);
}

int names_host(struct names *ret, struct err *e)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, -ENOMEM, "cannot ask for users and groups");
	h->source.free = host_free;
	h->names = (struct names){ .ctx = h, .uid = host_uid, .gid = host_gid, .gids = host_gids, .users = host_users,
				   .member = host_member, .zone = names_zone };
	*ret = h->names;
	return 0;
}
