/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles and bundles. A file under its final name has its final bytes or is shorter; no reader looks at it before a checkpoint covers it. */
#include "audit/grow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define PREFIX_BYTES 2u
#define LEVEL_BITS   8u
#define BUNDLE       TREE_LEVELS_MAX /* its place in parts[] */

struct grow *grow_new(int dir_fd)
{
	struct grow *g = calloc(1, sizeof(*g));

	if (g)
		g->dir_fd = dir_fd;
	return g;
}

void grow_free(struct grow *g)
{
	if (!g)
		return;
	buf_free(&g->bundle);
	free(g);
}

static uint64_t tile_idx(const struct grow *g, unsigned level)
{
	/* A full tile that is not on disk yet still counts as the one at the edge. */
	return ((g->size >> LEVEL_BITS * level) - (g->width[level] == TREE_TILE_WIDTH)) >> LEVEL_BITS;
}

static int make_folders(int dir_fd, const char *path)
{
	char part[TREE_PATH_SIZE];

	for (size_t i = 1; path[i]; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(dir_fd, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static bool is_there(const struct grow *g, const char *path, const void *bytes, size_t len_bytes)
{
	_buf_ struct buf have = BUF_INIT;

	return g->repair && fd_read_file(g->dir_fd, path, len_bytes, &have) == 0 && have.len_bytes == len_bytes &&
	       !memcmp(have.data, bytes, len_bytes);
}

static int write_file(struct grow *g, const char *path, const void *bytes, size_t len_bytes, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	_fd_ int fd = -1;
	int code = 0;

	if (g->dry || is_there(g, path, bytes, len_bytes))
		return 0;
	fd = openat(g->dir_fd, path, flags, 0644);
	if (fd < 0 && errno == ENOENT) {
		code = make_folders(g->dir_fd, path);
		fd = code < 0 ? -1 : openat(g->dir_fd, path, flags, 0644);
	}
	if (code == 0)
		code = fd < 0 ? -errno : fd_write_all(fd, bytes, len_bytes);
	return code < 0 ? err_set(e, code, "write %s of the log", path) : 0;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The full file is there: its partial ones go. A failure costs room and nothing else. */
static void drop_parts(struct grow *g, int level, uint64_t idx)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	char path[TREE_PATH_SIZE];
	struct dirent *entry;
	int fd;

	if (g->dry || !(g->parts[level < 0 ? BUNDLE : (unsigned)level] || g->repair))
		return;
	tree_path(level, idx, 1, path);
	path[strlen(path) - 2] = '\0'; /* the folder, "067.p" */
	fd = openat(g->dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(fd, entry->d_name, 0);
	(void)unlinkat(g->dir_fd, path, AT_REMOVEDIR);
	g->parts[level < 0 ? BUNDLE : (unsigned)level] = false;
}

static void root_of_full(const struct tree_hash tile[static TREE_TILE_WIDTH], struct tree_hash *ret)
{
	struct tree_hash v[TREE_TILE_WIDTH / 2];

	tree_nodes(tile, TREE_TILE_WIDTH, v);
	for (size_t count = TREE_TILE_WIDTH / 2; count > 1; count /= 2)
		tree_nodes(v, count, v);
	*ret = v[0];
}

/* Whatever is full goes to disk, lowest first; only then is it forgotten, so that a failure can be tried again. */
static int write_full(struct grow *g, struct err *e)
{
	char path[TREE_PATH_SIZE];
	int code;

	for (unsigned level = 0; level < TREE_LEVELS_MAX; level++) {
		uint64_t idx = tile_idx(g, level);

		if (g->width[level] < TREE_TILE_WIDTH)
			continue;
		if (level == 0) {
			tree_path(TREE_ENTRIES, idx, TREE_TILE_WIDTH, path);
			code = write_file(g, path, g->bundle.data, g->bundle.len_bytes, e);
			if (code < 0)
				return code;
		}
		tree_path((int)level, idx, TREE_TILE_WIDTH, path);
		code = write_file(g, path, g->tile[level], sizeof(g->tile[level]), e);
		if (code < 0)
			return code;
		if (level + 1 < TREE_LEVELS_MAX)
			root_of_full(g->tile[level], &g->tile[level + 1][g->width[level + 1]++]);
		g->width[level] = 0;
		drop_parts(g, (int)level, idx);
		if (level == 0) {
			drop_parts(g, TREE_ENTRIES, idx);
			g->bundle.len_bytes = 0;
			g->bundle_written = 0;
		}
	}
	return 0;
}

static int keep_bytes(struct grow *g, const struct tree_bytes *records, size_t count)
{
	size_t len_bytes = g->bundle.len_bytes;

	for (size_t i = 0; i < count && !g->dry;) {
		const uint8_t *begin = (const uint8_t *)records[i].bytes - PREFIX_BYTES, *end = begin;

		/* Most lie side by side. */
		for (; i < count && (const uint8_t *)records[i].bytes - PREFIX_BYTES == end; i++)
			end += PREFIX_BYTES + records[i].len_bytes;
		buf_add(&g->bundle, begin, (size_t)(end - begin));
	}
	if (!g->bundle.failed)
		return 0;
	g->bundle.failed = false;
	g->bundle.len_bytes = len_bytes;
	return -ENOMEM;
}

int grow_add(struct grow *g, const struct tree_bytes *records, size_t count, size_t *ret_taken, struct err *e)
{
	size_t done = 0, hashed_from = 0, hashed = 0;
	int code = 0;

	while (code == 0) {
		size_t n = TREE_TILE_WIDTH - g->width[0];

		if (n == 0) {
			code = write_full(g, e);
			continue;
		}
		if (done == count)
			break;
		if (done == hashed) {
			hashed_from = done;
			hashed += count - done < GROW_AT_ONCE ? count - done : GROW_AT_ONCE;
			tree_leaves(records + done, hashed - done, g->leaves);
		}
		if (n > hashed - done)
			n = hashed - done;
		code = keep_bytes(g, records + done, n);
		if (code < 0) {
			err_set(e, code, "hash the log");
			break;
		}
		memcpy(&g->tile[0][g->width[0]], &g->leaves[done - hashed_from], n * sizeof(g->leaves[0]));
		g->width[0] += (unsigned)n;
		g->size += n;
		done += n;
	}
	if (ret_taken)
		*ret_taken = done;
	return code;
}

int grow_partials(struct grow *g, struct err *e)
{
	char path[TREE_PATH_SIZE];
	int code = write_full(g, e);

	for (unsigned level = 0; code == 0 && level < TREE_LEVELS_MAX; level++) {
		uint64_t hashes = tile_idx(g, level) * TREE_TILE_WIDTH + g->width[level];

		/* A reader who holds the newest checkpoint must never see one of its tiles being written. */
		if (!g->width[level] || g->tile_written[level] == hashes)
			continue;
		tree_path((int)level, tile_idx(g, level), g->width[level], path);
		code = write_file(g, path, g->tile[level], g->width[level] * sizeof(g->tile[level][0]), e);
		g->parts[level] = true;
		if (code == 0)
			g->tile_written[level] = hashes;
	}
	if (code < 0 || !g->width[0] || g->bundle_written == g->width[0])
		return code;
	tree_path(TREE_ENTRIES, tile_idx(g, 0), g->width[0], path);
	code = write_file(g, path, g->bundle.data, g->bundle.len_bytes, e);
	g->parts[BUNDLE] = true;
	if (code == 0)
		g->bundle_written = g->width[0];
	return code;
}

/* A root needs no more than the tiles at the edge. */
static int edge_tile(void *ctx, int level, uint64_t idx, unsigned width, struct tree_hash *ret)
{
	const struct grow *g = ctx;

	if (level < 0 || (unsigned)level >= TREE_LEVELS_MAX || width > g->width[level] || idx != tile_idx(g, (unsigned)level))
		return -ENOENT;
	memcpy(ret, g->tile[level], width * sizeof(*ret));
	return 0;
}

int grow_root(const struct grow *g, struct tree_hash *ret)
{
	const struct tree_source src = { (void *)g, edge_tile };

	return tree_root(&src, g->size, ret);
}

/* The hashes of a level at the right edge are the roots of full tiles below it. */
static int level_from_tiles(struct grow *g, unsigned level, struct err *e)
{
	uint64_t below = g->size >> LEVEL_BITS * level, first = below & ~(uint64_t)(TREE_TILE_WIDTH - 1);

	for (uint64_t idx = first; idx < below; idx++) {
		_buf_ struct buf tile = BUF_INIT;
		char path[TREE_PATH_SIZE];
		int code;

		tree_path((int)level - 1, idx, TREE_TILE_WIDTH, path);
		code = fd_read_file(g->dir_fd, path, sizeof(g->tile[0]), &tile);
		if (code < 0)
			return err_set(e, code, "read %s of the log", path);
		if (tile.len_bytes != sizeof(g->tile[0]))
			return err_say(e, -EBADMSG, "%s of the log has been cut; records up to %llu were complete there", path,
				       (unsigned long long)g->size);
		/* Level 0 serves as room: it is empty at a multiple of 256. */
		memcpy(g->tile[0], tile.data, sizeof(g->tile[0]));
		root_of_full(g->tile[0], &g->tile[level][g->width[level]++]);
	}
	return 0;
}

int grow_restart(struct grow *g, uint64_t size, struct err *e)
{
	int code = 0;

	g->size = size;
	g->bundle.len_bytes = 0;
	g->bundle_written = 0;
	memset(g->width, 0, sizeof(g->width));
	memset(g->tile_written, 0, sizeof(g->tile_written));
	if (size % TREE_TILE_WIDTH)
		return err_say(e, -EINVAL, "a tree begins again at a multiple of 256 records");
	for (unsigned level = 1; code == 0 && level < TREE_LEVELS_MAX && size >> LEVEL_BITS * level; level++)
		code = level_from_tiles(g, level, e);
	return code;
}
