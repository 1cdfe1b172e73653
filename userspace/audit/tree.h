/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Merkle tree over the log's records and its layout as tiles: RFC 6962 section 2.1 (leaf 0x00, node 0x01, SHA-256) and C2SP
 * tlog-tiles (height 8, 256 records an entry bundle). Pure: knows no file; whoever asks says where tiles come from. Shared by the
 * writer, readers, the witness and reports.
 */
#ifndef AUDIT_TREE_H
#define AUDIT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_HASH_BYTES  32u
#define TREE_TILE_WIDTH  256u  /* hashes of a full tile, records of a full bundle */
#define TREE_LEVELS_MAX  8u    /* tile levels of a log of 2^63 records */
#define TREE_PROOF_MAX   64u

struct tree_hash { uint8_t v[TREE_HASH_BYTES]; };
struct tree_bytes { const void *bytes; size_t len_bytes; };
struct tree_proof { struct tree_hash v[TREE_PROOF_MAX]; size_t count; };

void tree_empty(struct tree_hash *ret);                                          /* root of no record: SHA-256 of nothing */
void tree_leaf(const void *record, size_t len_bytes, struct tree_hash *ret);     /* record without its length prefix */
/* Many at once, eight lanes where the processor has no SHA instructions but wide registers: the same as tree_leaf() on each. */
void tree_leaves(const struct tree_bytes *records, size_t count, struct tree_hash *ret);
void tree_node(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *ret);
/* Parents of count/2 pairs, side by side; ret may be v. */
void tree_nodes(const struct tree_hash *v, size_t count, struct tree_hash *ret);

/* "tile/0/x001/x234/067", "tile/entries/000.p/17": level -1 is the bundles; width 256 (or 0) is a full one. */
#define TREE_PATH_SIZE 64u
#define TREE_ENTRIES   (-1)
void tree_path(int level, uint64_t tile_idx, unsigned width, char ret[static TREE_PATH_SIZE]);

/*
 * Where tiles come from. Fill ret with `width` (1 to 256) hashes of that tile, from a tile at least so wide. 0 or -errno. Level 0
 * holds the leaf hashes, level n+1 the roots of full tiles of level n.
 */
struct tree_source { void *ctx; int (*tile)(void *ctx, int level, uint64_t tile_idx, unsigned width, struct tree_hash *ret); };

int tree_root(const struct tree_source *src, uint64_t size, struct tree_hash *ret);
int tree_inclusion(const struct tree_source *src, uint64_t idx, uint64_t size, struct tree_proof *ret);              /* RFC 6962 2.1.1 */
int tree_consistency(const struct tree_source *src, uint64_t old_size, uint64_t size, struct tree_proof *ret);       /* RFC 6962 2.1.2 */
/* RFC 9162 sections 2.1.3.2 and 2.1.4.2. */
bool tree_check_inclusion(const struct tree_hash *leaf, uint64_t idx, uint64_t size, const struct tree_proof *p, const struct tree_hash *root);
bool tree_check_consistency(uint64_t old_size, const struct tree_hash *old_root, uint64_t size, const struct tree_hash *root,
			    const struct tree_proof *p);

#endif
