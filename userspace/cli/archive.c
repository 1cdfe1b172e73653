/* SPDX-License-Identifier: Apache-2.0 */
/* The policies that a log was written under, out of its own directory. Each is checked like any other image before it is believed. */
#include "cli/event.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

struct kept { char *name; bool tried; int status; struct archived policy; struct err why; };

struct archive {
	int dir_fd;
	struct kept *v; size_t count;
	const struct kept *last; uint8_t last_hash[32]; size_t last_len; bool last_alone; /* what was asked for before */
};

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define _dir_ __attribute__((cleanup(cleanup_dir)))

static bool is_image_name(const char *name)
{
	size_t n = strlen(name);
	uint8_t hash[32];

	return n >= 68 && strcmp(name + n - 4, ".pwi") == 0 && num_parse_hex(name, 64, hash, sizeof(hash)) == 0 &&
	       (n == 68 || name[64] == '-');
}

static int list(struct archive *a, struct err *e)
{
	_fd_ int fd = openat(a->dir_fd, "policy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_dir_ DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open the log's policies");
	if (!d)
		return err_set(e, -errno, "list the log's policies");
	(void)take_fd(fd);
	while ((entry = readdir(d))) {
		struct kept *v;

		if (!is_image_name(entry->d_name))
			continue;
		v = reallocarray(a->v, a->count + 1, sizeof(*v));
		if (!v)
			return err_set(e, -ENOMEM, "list the log's policies");
		a->v = v;
		v[a->count] = (struct kept){ .name = strdup(entry->d_name) };
		if (!v[a->count].name)
			return err_set(e, -ENOMEM, "list the log's policies");
		a->count++;
	}
	return 0;
}

static void forget(struct archive *a)
{
	for (size_t i = 0; i < a->count; i++) {
		archived_free(&a->v[i].policy);
		free(a->v[i].name);
	}
	free(a->v);
	a->v = NULL;
	a->count = 0;
	a->last = NULL;
}

int archive_open(int dir_fd, struct archive **ret, struct err *e)
{
	struct archive *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_set(e, -ENOMEM, "open the log's policies");
	a->dir_fd = dir_fd;
	r = list(a, e);
	if (r < 0)
		archive_close(a);
	else
		*ret = a;
	return r;
}

void archive_close(struct archive *a)
{
	if (a)
		forget(a);
	free(a);
}

static void load(const struct archive *a, struct kept *k)
{
	_buf_ struct buf bytes = BUF_INIT;
	char path[PATH_MAX];

	k->tried = true;
	(void)snprintf(path, sizeof(path), "policy/%s", k->name);
	k->status = fd_read_file(a->dir_fd, path, PW_IMAGE_MAX, &bytes);
	if (k->status < 0) {
		(void)err_set(&k->why, k->status, "read %s of the log", path);
		return;
	}
	k->status = archived_open(bytes.data, bytes.len_bytes, &k->policy, &k->why);
	bytes = (struct buf)BUF_INIT; /* taken over, also on failure */
	if (k->status < 0)
		(void)err_wrap(&k->why, "%s of the log", path);
	/* What failed for want of memory may do better the next time. */
	k->tried = k->status != -ENOMEM;
}

static bool begins(const struct kept *k, const uint8_t *hash, size_t len)
{
	uint8_t have[32];

	return num_parse_hex(k->name, 64, have, sizeof(have)) == 0 && memcmp(have, hash, len) == 0;
}

/* Compiled before the moment, and of those the last; if all are younger, as after a clock was set back, the oldest. */
static bool better(const struct kept *k, const struct kept *than, int64_t utc_ns)
{
	uint64_t now_s = utc_ns > 0 ? (uint64_t)utc_ns / 1000000000 : 0, t = k->policy.img.head->compiled_utc_s, u;

	if (!than)
		return true;
	u = than->policy.img.head->compiled_utc_s;
	if ((t <= now_s) != (u <= now_s))
		return t <= now_s;
	return t <= now_s ? t > u : t < u;
}

int archive_find(struct archive *a, const uint8_t *hash, size_t hash_len_bytes, int64_t utc_ns, const struct archived **ret,
		 struct err *e)
{
	const struct kept *best = NULL, *broken = NULL;
	size_t count = 0;

	if (!hash_len_bytes || hash_len_bytes > 32)
		return err_say(e, -ENOENT, "the record names no policy: it was not at hand when the record was written");
	if (a->last && a->last_alone && a->last_len == hash_len_bytes && memcmp(a->last_hash, hash, hash_len_bytes) == 0) {
		*ret = &a->last->policy;
		return 0;
	}
	for (size_t i = 0; i < a->count; i++) {
		struct kept *k = &a->v[i];

		if (!begins(k, hash, hash_len_bytes))
			continue;
		if (!k->tried)
			load(a, k);
		count++;
		if (k->status < 0)
			broken = k;
		else if (better(k, best, utc_ns))
			best = k;
	}
	if (!best && broken)
		return err_say(e, broken->status, "%s", broken->why.text);
	if (!best)
		return err_say(e, -ENOENT, "the policy that the record names is not in the log's directory; name it with --policy FILE");
	a->last = best;
	a->last_alone = count == 1;
	a->last_len = hash_len_bytes;
	memcpy(a->last_hash, hash, hash_len_bytes);
	*ret = &best->policy;
	return 0;
}
