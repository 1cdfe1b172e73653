/* SPDX-License-Identifier: Apache-2.0 */
/* This host as a source for replays: asked once for each user, program and control group, and never beyond what it knows for certain. */
#include "cli/today.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define DEPTH_MAX   16u

struct known_user { uint32_t uid; int status; uint32_t *gids; size_t gids_count; };
struct program { bool there, digest; uint64_t dev, ino; int64_t changed_s; };
struct group { uint64_t id; char *path; };

struct today {
	struct event_users *users;
	struct known_user *people; size_t people_count;
	struct program *programs; size_t programs_count;
	bool walked, same_boot, nomem;
	uint8_t boot_id[16];
	struct group *groups; size_t groups_count;
};

/* ---- people ---- */

static int gids_of(void *ctx, uint32_t uid, const uint32_t **ret, size_t *ret_count)
{
	struct today *t = ctx;
	struct known_user *v;

	for (size_t i = 0; i < t->people_count; i++)
		if (t->people[i].uid == uid) {
			*ret = t->people[i].gids;
			*ret_count = t->people[i].gids_count;
			return t->people[i].status;
		}
	v = reallocarray(t->people, t->people_count + 1, sizeof(*v));
	t->nomem |= !v;
	if (!v)
		return -ENOMEM;
	t->people = v;
	v = &v[t->people_count++];
	*v = (struct known_user){ .uid = uid };
	v->status = event_user_gids(t->users, uid, &v->gids, &v->gids_count);
	t->nomem |= v->status == -ENOMEM;
	*ret = v->gids;
	*ret_count = v->gids_count;
	return v->status;
}

/* ---- programs ---- */

static void look_at(const char *path, bool digest, struct program *ret)
{
	struct stat st;

	*ret = (struct program){ .digest = digest };
	if (stat(path, &st) < 0)
		return;
	ret->there = true;
	ret->dev = pw_dev(major(st.st_dev), minor(st.st_dev));
	ret->ino = st.st_ino;
	ret->changed_s = st.st_ctim.tv_sec;
}

/* A file that changed since may stand where another one stood; a digest that is asked for is not measured here. */
static enum replay_known program_is(void *ctx, const struct recorded *rec, uint32_t program)
{
	const struct today *t = ctx;
	const struct program *p = program < t->programs_count ? &t->programs[program] : NULL;

	if (!p || !p->there || p->changed_s >= rec->utc_s)
		return REPLAY_UNKNOWN;
	if (p->dev != rec->exe_dev || p->ino != rec->exe_ino)
		return REPLAY_NO;
	return p->digest ? REPLAY_UNKNOWN : REPLAY_YES;
}

/* ---- units ---- */

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define _dir_ __attribute__((cleanup(cleanup_dir)))

static void add_group(struct today *t, uint64_t id, const char *path)
{
	struct group *v = reallocarray(t->groups, t->groups_count + 1, sizeof(*v));

	t->nomem |= !v;
	if (!v)
		return;
	t->groups = v;
	v[t->groups_count] = (struct group){ .id = id, .path = strdup(path) };
	t->nomem |= !v[t->groups_count].path;
	t->groups_count += v[t->groups_count].path != NULL;
}

/* A control group's number is that of its directory's inode. */
static void walk(struct today *t, const char *path, unsigned int depth)
{
	_dir_ DIR *d = opendir(path);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		_buf_ struct buf below = BUF_INIT;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		buf_printf(&below, "%s/%s", path, entry->d_name);
		t->nomem |= below.failed;
		if (below.failed)
			return;
		add_group(t, entry->d_ino, below.data);
		if (depth < DEPTH_MAX)
			walk(t, below.data, depth + 1);
	}
}

static enum replay_known unit_is(void *ctx, const struct recorded *rec, const char *unit)
{
	struct today *t = ctx;
	size_t n = strlen(unit);

	if (!t->same_boot)
		return REPLAY_UNKNOWN;
	if (!t->walked)
		walk(t, CGROUP_ROOT, 0);
	t->walked = true;
	for (size_t i = 0; i < t->groups_count; i++) {
		if (t->groups[i].id != rec->cgroup)
			continue;
		for (const char *p = t->groups[i].path; (p = strchr(p, '/')); p++)
			if (strncmp(p + 1, unit, n) == 0 && (p[1 + n] == '/' || !p[1 + n]))
				return REPLAY_YES;
		return REPLAY_NO;
	}
	return REPLAY_UNKNOWN;
}

/* ---- the whole ---- */

static bool read_boot_id(uint8_t ret[static 16])
{
	_buf_ struct buf text = BUF_INIT, digits = BUF_INIT;

	if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text) < 0)
		return false;
	for (size_t i = 0; i < text.len_bytes; i++)
		if (text.data[i] != '-' && text.data[i] != '\n')
			buf_add_char(&digits, text.data[i]);
	return digits.len_bytes == 32 && num_parse_hex(digits.data, 32, ret, 16) == 0;
}

int today_open(struct event_users *users, const struct image *img, struct today **ret, struct err *e)
{
	struct today *t = calloc(1, sizeof(*t));

	if (t)
		t->programs = calloc(img->count[PW_SEC_PROGRAMS] + 1, sizeof(*t->programs));
	if (!t || !t->programs) {
		free(t);
		return err_set(e, -ENOMEM, "look at this host");
	}
	t->users = users;
	t->programs_count = img->count[PW_SEC_PROGRAMS];
	for (__u32 i = 0; i < img->count[PW_SEC_PROGRAMS]; i++)
		look_at(image_str(img, img->programs[i].path), img->programs[i].has_verity, &t->programs[i]);
	if (!read_boot_id(t->boot_id))
		memset(t->boot_id, 0, sizeof(t->boot_id));
	*ret = t;
	return 0;
}

void today_close(struct today *t)
{
	for (size_t i = 0; t && i < t->people_count; i++)
		free(t->people[i].gids);
	for (size_t i = 0; t && i < t->groups_count; i++)
		free(t->groups[i].path);
	if (t) {
		free(t->people);
		free(t->programs);
		free(t->groups);
	}
	free(t);
}

void today_boot(struct today *t, const uint8_t boot_id[static 16])
{
	static const uint8_t none[16];

	t->same_boot = memcmp(t->boot_id, boot_id, 16) == 0 && memcmp(boot_id, none, 16) != 0;
}

bool today_failed(const struct today *t)
{
	return t->nomem;
}

struct replay_host today_host(struct today *t)
{
	return (struct replay_host){ .ctx = t, .gids = gids_of, .program = program_is, .unit = unit_is };
}
