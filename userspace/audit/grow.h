/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree as it grows: the right edge in memory, tiles and entry bundles on disk as soon as they are full, partial ones when a checkpoint
 * needs them. Files are a function of the records alone, so they are written without a sync and written again after a crash. Private.
 */
#ifndef AUDIT_GROW_H
#define AUDIT_GROW_H

#include "audit/tree.h"
#include "base/buf.h"
#include "base/err.h"

/* So many records are hashed together, over the border of a tile: among many the long ones are side by side with enough others. */
#define GROW_AT_ONCE 512u

struct grow {
	int dir_fd;                       /* the log's directory; the owner's */
	bool dry;                         /* hash only: no file is written */
	bool repair;                      /* files may be there already: what is right stays */
	uint64_t size;                    /* records in the tree */
	unsigned width[TREE_LEVELS_MAX];  /* of the tile at the right edge; 256: full, and not yet on disk */
	bool parts[TREE_LEVELS_MAX + 1];  /* partial files of that tile are there; the last one: of the bundle */
	uint64_t tile_written[TREE_LEVELS_MAX]; /* hashes of that level as of its newest partial file: it is not written again unchanged */
	unsigned bundle_written;          /* records of the bundle at the edge that its newest partial file holds */
	struct buf bundle;                /* the records behind the last full bundle, with their lengths */
	struct tree_hash tile[TREE_LEVELS_MAX][TREE_TILE_WIDTH];
	struct tree_hash leaves[GROW_AT_ONCE]; /* of the records that grow_add() was given, some tiles ahead */
};

struct grow *grow_new(int dir_fd);
void grow_free(struct grow *g);
/* Begin again with the first `size` records, a multiple of 256, from the full tiles on disk. */
int grow_restart(struct grow *g, uint64_t size, struct err *e);
/*
 * The next records; the two bytes in front of each are its length, as in a file. On failure size says how many were taken; the rest can
 * be given again. *ret_taken may be NULL.
 */
int grow_add(struct grow *g, const struct tree_bytes *records, size_t count, size_t *ret_taken, struct err *e);
/* Partial tiles and the partial bundle for the size that it has now. */
int grow_partials(struct grow *g, struct err *e);
int grow_root(const struct grow *g, struct tree_hash *ret);

#endif
