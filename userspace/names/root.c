/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and groups from the passwd and group files of another root: to check a policy for a host other than this one, and for
 * tests. Both files are read once; what is not in them does not exist.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "names/source.h"

#define LINE_MAX_BYTES (1u << 20)

struct root_group { char *name; uint32_t gid; };

struct root {
	struct names_source source;
	struct names names;
	struct names_users users;
	struct root_group *groups; size_t groups_count;
};

static void root_free(struct names_source *s)
{
	struct root *root = (struct root *)s;

	names_users_free(&root->users);
	for (size_t i = 0; i < root->groups_count; i++)
		free(root->groups[i].name);
	free(root->groups);
	free(root);
}

static struct names_user *find_user(const struct root *root, const char *name)
{
	for (size_t i = 0; i < root->users.count; i++)
		if (strcmp(root->users.v[i].name, name) == 0)
			return &root->users.v[i];
	return NULL;
}

static int add_gid(struct names_user *u, uint32_t gid)
{
	uint32_t *grown;

	for (size_t i = 0; i < u->gids_count; i++)
		if (u->gids[i] == gid)
			return 0;
	grown = reallocarray(u->gids, u->gids_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[u->gids_count++] = gid;
	u->gids = grown;
	return 0;
}

static int copy_gids(const struct names_user *u, uint32_t **ret)
{
	uint32_t *gids = calloc(u->gids_count, sizeof(*gids));

	if (!gids)
		return -ENOMEM;
	memcpy(gids, u->gids, u->gids_count * sizeof(*gids));
	*ret = gids;
	return 0;
}

static int add_user(struct root *root, const struct passwd *pw)
{
	struct names_user *grown;

	if (find_user(root, pw->pw_name)) /* the first line counts, as for the C library */
		return 0;
	grown = reallocarray(root->users.v, root->users.count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	root->users.v = grown;
	grown += root->users.count;
	*grown = (struct names_user){ .name = strdup(pw->pw_name), .uid = pw->pw_uid };
	if (!grown->name)
		return -ENOMEM;
	root->users.count++;
	return add_gid(grown, pw->pw_gid);
}

static int add_group(struct root *root, const struct group *gr)
{
	struct root_group *grown = reallocarray(root->groups, root->groups_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	root->groups = grown;
	grown[root->groups_count] = (struct root_group){ .name = strdup(gr->gr_name), .gid = gr->gr_gid };
	if (!grown[root->groups_count].name)
		return -ENOMEM;
	root->groups_count++;
	for (char **member = gr->gr_mem; *member; member++) {
		struct names_user *u = find_user(root, *member);

		if (u && add_gid(u, gr->gr_gid) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_line(struct root *root, bool groups, FILE *f, char *room, size_t size)
{
	struct passwd pw, *one_user = NULL;
	struct group gr, *one_group = NULL;
	int r = groups ? fgetgrent_r(f, &gr, room, size, &one_group) : fgetpwent_r(f, &pw, room, size, &one_user);

	if (r)
		return -r;
	return groups ? add_group(root, one_group) : add_user(root, one_user);
}

static int read_lines(struct root *root, const char *dir, const char *file, bool groups, struct err *e)
{
	_buf_ struct buf path = BUF_INIT;
	_free_ char *room = malloc(LINE_MAX_BYTES);
	_file_ FILE *f = NULL;
	int r = 0;

	buf_printf(&path, "%s/etc/%s", dir, file);
	if (!room || path.failed)
		return err_set(e, -ENOMEM, "cannot read users and groups");
	f = fopen(path.data, "re");
	if (!f)
		return err_set(e, -errno, "cannot read users and groups: open %s", path.data);
	while (r == 0)
		r = read_line(root, groups, f, room, LINE_MAX_BYTES);
	return r == -ENOENT ? 0 : err_set(e, r, "cannot read users and groups: read %s", path.data);
}

static int root_uid(void *ctx, const char *user, uint32_t *ret)
{
	const struct names_user *u = find_user(ctx, user);

	if (!u)
		return -ENOENT;
	*ret = u->uid;
	return 0;
}

static int root_gid(void *ctx, const char *group, uint32_t *ret)
{
	const struct root *root = ctx;

	for (size_t i = 0; i < root->groups_count; i++)
		if (strcmp(root->groups[i].name, group) == 0) {
			*ret = root->groups[i].gid;
			return 0;
		}
	return -ENOENT;
}

static int root_gids(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	const struct names_user *u = find_user(ctx, user);
	int r = u ? copy_gids(u, ret) : -ENOENT;

	if (r == 0)
		*ret_count = u->gids_count;
	return r;
}

static int root_users(void *ctx, struct names_users *ret)
{
	const struct root *root = ctx;
	struct names_users users = { .v = calloc(root->users.count ? root->users.count : 1, sizeof(*users.v)) };

	if (!users.v)
		return -ENOMEM;
	for (; users.count < root->users.count; users.count++) {
		const struct names_user *from = &root->users.v[users.count];
		struct names_user *to = &users.v[users.count];

		to->uid = from->uid;
		to->gids_count = from->gids_count;
		to->name = strdup(from->name);
		if (!to->name || copy_gids(from, &to->gids) < 0) {
			users.count++;
			names_users_free(&users);
			return -ENOMEM;
		}
	}
	*ret = users;
	return 0;
}

static bool root_member(void *ctx, const char *user, const char *group)
{
	const struct root *root = ctx;

	return names_member(&root->names, user, group);
}

int names_root(const char *dir, struct names *ret, struct err *e)
{
	struct root *root = calloc(1, sizeof(*root));
	int r;

	if (!root)
		return err_set(e, -ENOMEM, "cannot read users and groups");
	root->source.free = root_free;
	root->names = (struct names){ .ctx = root, .uid = root_uid, .gid = root_gid, .gids = root_gids, .users = root_users,
				      .member = root_member, .zone = names_zone };
	r = read_lines(root, dir, "passwd", false, e);
	if (r == 0)
		r = read_lines(root, dir, "group", true, e);
	if (r < 0) {
		root_free(&root->source);
		return r;
	}
	*ret = root->names;
	return 0;
}
