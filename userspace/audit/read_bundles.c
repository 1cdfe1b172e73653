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

/* Which of the numbers 0 to 999 there are names for: "NNN", or "xNNN" of folders. */
static int list(int dir_fd, bool folders, uint8_t ret_bits[static 125])
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;

	memset(ret_bits, 0, 125);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int code = -errno;

		if (fd >= 0)
			close(fd);
		return code;
	}
	while (errno = 0, (entry = readdir(dir))) {
		const char *digits = entry->d_name + folders;
		uint64_t n;

		if ((folders && entry->d_name[0] != 'x') || strlen(digits) != 3 || num_parse(digits, 3, 999, &n) < 0)
			continue;
		ret_bits[n / 8] |= (uint8_t)(1u << (n % 8));
	}
	return -errno;
}

/* Names with fewer parts are smaller numbers: "067" before "x001/067" before "x001/x234/067". */
static int first_below(int dir_fd, unsigned deep, uint64_t *ret)
{
	uint64_t unit = 1, rest = 0;
	uint8_t there[125];
	int code = list(dir_fd, deep != 0, there);

	for (unsigned i = 0; i < deep; i++)
		unit *= 1000;
	for (unsigned n = 0; n < 1000 && code == 0; n++) {
		char name[8];
		_fd_ int below = -1;
		int found = 0;

		if (!(there[n / 8] >> (n % 8) & 1))
			continue;
		(void)snprintf(name, sizeof(name), "x%03u", n);
		if (deep) {
			below = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			found = below < 0 ? -errno : first_below(below, deep - 1, &rest);
		}
		if (found == 0)
			*ret = n * unit + rest;
		if (found != -ENOENT)
			return found;
	}
	return code < 0 ? code : -ENOENT;
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
