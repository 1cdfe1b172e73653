/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tiles of a log directory as a source of roots and proofs. A tile is taken from its full file, or from the narrowest partial one that
 * is wide enough: the writer removes partial ones while we read. Nothing here is believed; whoever asks compares roots.
 */
#include "audit/read_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/tree.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define TRIES 8

struct log_tiles { int dir_fd; };

int log_tiles_open(int dir_fd, struct log_tiles **ret, struct err *e)
{
	struct log_tiles *t = calloc(1, sizeof(*t));

	if (!t)
		return err_set(e, -ENOMEM, "read the log's tiles");
	t->dir_fd = dir_fd;
	*ret = t;
	return 0;
}

void log_tiles_close(struct log_tiles *t)
{
	free(t);
}

/* The first `width` hashes of a file. -ENOENT: no such file. */
static int read_tile(int dir_fd, const char *path, unsigned width, struct tree_hash *ret)
{
	_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	return fd_read_all(fd, ret, width * sizeof(*ret));
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The narrowest partial tile that has at least `width` hashes; 0: there is none. */
static unsigned partial_width(int dir_fd, const char *full_path, unsigned width)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	char path[TREE_PATH_SIZE + 4];
	unsigned best = 0;
	struct dirent *entry;
	int fd;

	(void)snprintf(path, sizeof(path), "%s.p", full_path);
	fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir))) {
		uint64_t n;

		if (num_parse(entry->d_name, strlen(entry->d_name), TREE_TILE_WIDTH - 1, &n) == 0 && n >= width && (!best || n < best))
			best = (unsigned)n;
	}
	return best;
}

unsigned tile_width_there(int dir_fd, int level, uint64_t idx, unsigned width)
{
	char path[TREE_PATH_SIZE];

	tree_path(level, idx, width, path);
	if (faccessat(dir_fd, path, F_OK, 0) == 0)
		return width;
	tree_path(level, idx, TREE_TILE_WIDTH, path);
	return faccessat(dir_fd, path, F_OK, 0) == 0 ? TREE_TILE_WIDTH : partial_width(dir_fd, path, width);
}

static int tile(void *ctx, int level, uint64_t tile_idx, unsigned width, struct tree_hash *ret)
{
	const struct log_tiles *t = ctx;
	char path[TREE_PATH_SIZE], full[TREE_PATH_SIZE];
	int code = -ENOENT;

	tree_path(level, tile_idx, TREE_TILE_WIDTH, full);
	/* -ENODATA: seen half written. */
	for (int i = 0; i < TRIES && (code == -ENOENT || code == -ENODATA); i++) {
		unsigned partial = width;

		if (code == -ENODATA)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);

		code = read_tile(t->dir_fd, full, width, ret);
		if (code != -ENOENT)
			break;
		if (i)
			partial = partial_width(t->dir_fd, full, width);
		if (!partial || partial >= TREE_TILE_WIDTH)
			continue;
		tree_path(level, tile_idx, partial, path);
		code = read_tile(t->dir_fd, path, width, ret);
	}
	return code;
}

void log_tiles_source(struct log_tiles *t, struct tree_source *ret)
{
	*ret = (struct tree_source){ t, tile };
}
