/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading full entry bundles of the tile log: 256 records a file, named by C2SP tlog-tiles. A bundle is whole and never changes again,
 * so whatever in it does not parse is damage. Partial bundles are not read here: the tail holds their records.
 */
#include "audit/read_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/tree.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define PREFIX_BYTES 2u

void bundle_free(struct bundle *b)
{
	free(b->bytes);
	*b = (struct bundle){ 0 };
}

bool bundle_exists(int dir_fd, uint64_t idx)
{
	char path[TREE_PATH_SIZE];

	tree_path(TREE_ENTRIES, idx, TREE_TILE_WIDTH, path);
	return faccessat(dir_fd, path, F_OK, 0) == 0;
}

int bundle_load(struct bundle *b, int dir_fd, uint64_t idx, struct err *e)
{
	char path[TREE_PATH_SIZE];
	struct stat st;
	_fd_ int fd = -1;
	int code;

	b->loaded = false;
	tree_path(TREE_ENTRIES, idx, TREE_TILE_WIDTH, path);
	fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open %s of the log", path);
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)TREE_TILE_WIDTH * (PREFIX_BYTES + PW_RECORD_MAX))
		return err_say(e, -EBADMSG, "%s: this is no bundle of 256 records", path);
	free(b->bytes);
	b->len_bytes = (size_t)st.st_size;
	b->bytes = malloc(b->len_bytes + 1);
	if (!b->bytes)
		return err_set(e, -ENOMEM, "read the log");
	code = fd_read_all(fd, b->bytes, b->len_bytes);
	if (code < 0)
		return err_set(e, code, "read %s of the log", path);
	b->idx = idx;
	b->pos_bytes = 0;
	b->next_seq = idx * TREE_TILE_WIDTH;
	b->loaded = true;
	return 0;
}

static int damaged(const struct bundle *b, struct err *e)
{
	char path[TREE_PATH_SIZE];

	tree_path(TREE_ENTRIES, b->idx, TREE_TILE_WIDTH, path);
	return err_say(e, -EBADMSG, "%s: byte %zu: record %llu is damaged: its length, form, number or check sum is wrong; the records before it "
		       "are intact", path, b->pos_bytes, (unsigned long long)b->next_seq);
}

int bundle_next(struct bundle *b, struct record_view *ret, struct err *e)
{
	size_t used;

	if (!b->loaded)
		return 0;
	if (b->next_seq == (b->idx + 1) * TREE_TILE_WIDTH)
		return b->pos_bytes == b->len_bytes ? 0 : damaged(b, e);
	if (record_parse(b->bytes + b->pos_bytes, b->len_bytes - b->pos_bytes, ret, &used) < 0 || ret->head.seq != b->next_seq)
		return damaged(b, e);
	b->pos_bytes += used;
	b->next_seq++;
	return 1;
}

/* Over the records before it by their lengths; the record itself is checked when it is read. */
int bundle_seek(struct bundle *b, uint64_t seq, struct err *e)
{
	b->pos_bytes = 0;
	for (b->next_seq = b->idx * TREE_TILE_WIDTH; b->next_seq < seq; b->next_seq++) {
		size_t left_bytes = b->len_bytes - b->pos_bytes, len_bytes;

		if (left_bytes < PREFIX_BYTES)
			return damaged(b, e);
		len_bytes = (size_t)b->bytes[b->pos_bytes] << 8 | b->bytes[b->pos_bytes + 1];
		if (left_bytes - PREFIX_BYTES < len_bytes)
			return damaged(b, e);
		b->pos_bytes += PREFIX_BYTES + len_bytes;
	}
	return 0;
}

/* ---- the oldest ---- */

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Smallest number among the names "NNN" of a directory; -ENOENT: none. */
static int smallest(int dir_fd, uint64_t *ret)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	bool found = false;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int code = -errno;

		if (fd >= 0)
			close(fd);
		return code;
	}
	while (errno = 0, (entry = readdir(dir))) {
		uint64_t n;

		if (strlen(entry->d_name) != 3 || num_parse(entry->d_name, 3, 999, &n) < 0 || (found && n > *ret))
			continue;
		*ret = n;
		found = true;
	}
	return errno ? -errno : found ? 0 : -ENOENT;
}

/* Names with fewer parts are smaller numbers: "067" before "x001/067" before "x001/x234/067". */
static int first_below(int dir_fd, unsigned deep, uint64_t *ret)
{
	uint64_t unit = 1;

	if (deep == 0)
		return smallest(dir_fd, ret);
	for (unsigned i = 0; i < deep; i++)
		unit *= 1000;
	for (unsigned n = 0; n < 1000; n++) {
		char name[8];
		uint64_t rest;
		int code;

		(void)snprintf(name, sizeof(name), "x%03u", n);
		_fd_ int below = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0 && errno != ENOENT)
			return -errno;
		code = below < 0 ? -ENOENT : first_below(below, deep - 1, &rest);
		if (code == 0)
			*ret = n * unit + rest;
		if (code != -ENOENT)
			return code;
	}
	return -ENOENT;
}

int bundles_first(int dir_fd, uint64_t *ret_idx, struct err *e)
{
	_fd_ int fd = openat(dir_fd, "tile/entries", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "open tile/entries of the log");
	for (unsigned deep = 0; deep < 4; deep++) {
		int code = first_below(fd, deep, ret_idx);

		if (code == 0)
			return 0;
		if (code != -ENOENT)
			return err_set(e, code, "look for the oldest records of the log");
	}
	return -ENOENT;
}
