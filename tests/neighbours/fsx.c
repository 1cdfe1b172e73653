/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file under random operations, compared with a copy in memory after each of them: writes, mappings, holes, cuts, copies inside the file,
 * renames and reopening. The same seed gives the same operations. Must never go on after the first difference.
 * Usage: fsx FILE SEED ROUNDS     the last line is a digest of the file and of how each kind of operation ended
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define SIZE_MAX_BYTES (256u << 10)
#define PIECE_MAX      (16u << 10)
#define PAGE           4096u

struct fsx {
	const char *name, *other; /* the file changes between two names */
	int fd;
	uint64_t random;
	uint32_t size;
	uint32_t refused; /* operations that the filesystem does not have */
	uint64_t digest;
	unsigned char *model, *block;
};

static uint32_t next(struct fsx *x, uint32_t below)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 7;
	x->random ^= x->random << 17;
	return below ? (uint32_t)((x->random >> 16) % below) : 0;
}

/* A range inside the file; at may be its end. */
static uint32_t range(struct fsx *x, uint32_t *ret_at)
{
	uint32_t left;

	*ret_at = next(x, x->size + 1);
	left = x->size - *ret_at;
	return next(x, (left < PIECE_MAX ? left : PIECE_MAX) + 1);
}

static bool same(struct fsx *x, uint32_t at, uint32_t len)
{
	return pread(x->fd, x->block, len, at) == (ssize_t)len && memcmp(x->block, x->model + at, len) == 0;
}

static void grown(struct fsx *x, uint32_t end)
{
	if (end > x->size)
		x->size = end;
}

static bool do_write(struct fsx *x)
{
	uint32_t at = next(x, SIZE_MAX_BYTES - PIECE_MAX), len = 1 + next(x, PIECE_MAX);

	for (uint32_t i = 0; i < len; i++)
		x->block[i] = (unsigned char)next(x, 256);
	if (at > x->size)
		memset(x->model + x->size, 0, at - x->size);
	memcpy(x->model + at, x->block, len);
	grown(x, at + len);
	return pwrite(x->fd, x->block, len, at) == (ssize_t)len;
}

static bool do_read(struct fsx *x)
{
	uint32_t at, len = range(x, &at);

	return same(x, at, len);
}

static bool do_truncate(struct fsx *x)
{
	uint32_t size = next(x, SIZE_MAX_BYTES);

	if (size > x->size)
		memset(x->model + x->size, 0, size - x->size);
	x->size = size;
	return (next(x, 2) ? ftruncate(x->fd, size) : truncate(x->name, size)) == 0;
}

static bool do_map(struct fsx *x)
{
	uint32_t at, len = range(x, &at), start;
	bool store = next(x, 2), good;
	unsigned char *map;

	if (!len)
		return true;
	start = at & ~(PAGE - 1);
	map = mmap(NULL, at - start + len, PROT_READ | PROT_WRITE, MAP_SHARED, x->fd, start);
	if (map == MAP_FAILED)
		return false;
	good = memcmp(map + (at - start), x->model + at, len) == 0;
	for (uint32_t i = 0; store && i < len; i += 1 + next(x, 64))
		map[at - start + i] = x->model[at + i] = (unsigned char)next(x, 256);
	good = good && (!store || next(x, 32) || msync(map, at - start + len, MS_SYNC) == 0);
	return munmap(map, at - start + len) == 0 && good;
}

/* Not every filesystem has every kind of it; what it refuses in both runs is no difference. */
static bool do_fallocate(struct fsx *x)
{
	static const int modes[] = { FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE, FALLOC_FL_KEEP_SIZE, 0 };
	int mode = modes[next(x, 4)];
	uint32_t at, len = range(x, &at);

	if (!len)
		return true;
	if (fallocate(x->fd, mode, at, len)) {
		x->refused++;
		return errno == EOPNOTSUPP;
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		memset(x->model + at, 0, len);
	return true;
}

static bool do_shift(struct fsx *x)
{
	bool insert = next(x, 2);
	uint32_t at, len = PAGE * (1 + next(x, 3));

	if (x->size <= len + PAGE || (insert && x->size + len > SIZE_MAX_BYTES))
		return true;
	at = next(x, x->size - len) & ~(PAGE - 1);
	if (at + len >= x->size)
		return true;
	if (fallocate(x->fd, insert ? FALLOC_FL_INSERT_RANGE : FALLOC_FL_COLLAPSE_RANGE, at, len)) {
		x->refused++;
		return errno == EOPNOTSUPP;
	}
	if (insert) {
		memmove(x->model + at + len, x->model + at, x->size - at);
		memset(x->model + at, 0, len);
		x->size += len;
	} else {
		memmove(x->model + at, x->model + at + len, x->size - at - len);
		x->size -= len;
	}
	return true;
}

static bool do_copy(struct fsx *x)
{
	uint32_t at, len = range(x, &at), to = next(x, SIZE_MAX_BYTES - PIECE_MAX);
	off_t from = at, into = to;

	if (!len || (to < at + len && at < to + len))
		return true;
	if (copy_file_range(x->fd, &from, x->fd, &into, len, 0) != (ssize_t)len)
		return false;
	if (to > x->size)
		memset(x->model + x->size, 0, to - x->size);
	memcpy(x->model + to, x->model + at, len);
	grown(x, to + len);
	return true;
}

static bool do_rename(struct fsx *x)
{
	const char *was = x->name;

	x->name = x->other;
	x->other = was;
	return rename(was, x->name) == 0;
}

static bool do_reopen(struct fsx *x)
{
	struct stat st;

	if (fstat(x->fd, &st) || st.st_size != (off_t)x->size || close(x->fd))
		return false;
	x->fd = open(x->name, O_RDWR | O_CLOEXEC | (next(x, 32) ? 0 : O_SYNC));
	return x->fd >= 0;
}

static bool do_sync(struct fsx *x)
{
	if (next(x, 4))
		return true; /* rarely: it is slow where the disk is emulated */
	return (next(x, 2) ? fsync(x->fd) : fdatasync(x->fd)) == 0;
}

static bool do_append(struct fsx *x)
{
	uint32_t len = 1 + next(x, PAGE);
	bool good;
	int fd;

	if (x->size + len > SIZE_MAX_BYTES)
		return true;
	fd = open(x->name, O_WRONLY | O_APPEND | O_CLOEXEC);
	for (uint32_t i = 0; i < len; i++)
		x->model[x->size + i] = (unsigned char)next(x, 256);
	good = fd >= 0 && write(fd, x->model + x->size, len) == (ssize_t)len;
	x->size += len;
	return fd >= 0 && close(fd) == 0 && good;
}

static const struct {
	const char *name;
	bool (*run)(struct fsx *x);
} kinds[] = {
	{ "write", do_write }, { "read", do_read }, { "map", do_map }, { "truncate", do_truncate }, { "fallocate", do_fallocate },
	{ "shift", do_shift }, { "copy", do_copy }, { "rename", do_rename }, { "reopen", do_reopen }, { "append", do_append },
	{ "read", do_read }, { "write", do_write }, { "map", do_map }, { "read", do_read }, { "sync", do_sync },
};

static int rounds(struct fsx *x, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		uint32_t kind = next(x, sizeof(kinds) / sizeof(kinds[0]));

		errno = 0;
		if (!kinds[kind].run(x)) {
			printf("round %" PRIu64 ": %s: the file is not what it should be (%s)\n", i, kinds[kind].name, strerror(errno));
			return 1;
		}
		x->digest = (x->digest ^ (kind + x->size)) * 0x100000001b3u;
	}
	for (uint32_t at = 0; at < x->size; at += PIECE_MAX) {
		uint32_t len = x->size - at < PIECE_MAX ? x->size - at : PIECE_MAX;

		if (!same(x, at, len)) {
			printf("in the end the file differs at %u\n", at);
			return 1;
		}
	}
	for (uint32_t i = 0; i < x->size; i++)
		x->digest = (x->digest ^ x->model[i]) * 0x100000001b3u;
	printf("%" PRIu64 " rounds, %u bytes, %u not supported, digest %016" PRIx64 "\n", n, x->size, x->refused, x->digest);
	return 0;
}

int main(int argc, char **argv)
{
	struct fsx x = { .digest = 0xcbf29ce484222325u };
	uint64_t seed = 0, n = 0;
	char other[4096];
	int status;

	if (argc != 4 || num_parse(argv[2], strlen(argv[2]), UINT32_MAX, &seed) || num_parse(argv[3], strlen(argv[3]), UINT32_MAX, &n)) {
		fprintf(stderr, "usage: fsx FILE SEED ROUNDS\n");
		return 2;
	}
	(void)snprintf(other, sizeof(other), "%s.other", argv[1]);
	x.name = argv[1];
	x.other = other;
	x.random = seed * 0x9e3779b97f4a7c15u + 1;
	x.model = calloc(1, SIZE_MAX_BYTES + PIECE_MAX);
	x.block = malloc(PIECE_MAX);
	x.fd = open(x.name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (!x.model || !x.block || x.fd < 0) {
		perror(argv[1]);
		return 2;
	}
	status = rounds(&x, n);
	close(x.fd);
	unlink(x.name);
	free(x.model);
	free(x.block);
	return status;
}
