/* SPDX-License-Identifier: Apache-2.0 */
/* The terms of one block of records, gathered in memory before they go into the index. Knows no database. Private to this folder. */
#ifndef AUDIT_INDEX_BLOCK_H
#define AUDIT_INDEX_BLOCK_H

#include "audit/index.h"

/* gaps: for each record its distance from the one before (the first: from the block's beginning, plus one), seven bits a byte, lowest first. */
struct index_posting { enum index_key key; uint64_t number; struct buf text; struct buf gaps; uint32_t last; };
struct index_block {
	uint64_t first_seq;
	int64_t since_utc_ns, until_utc_ns;
	struct index_posting *v; size_t count, cap;
	uint32_t *table; size_t table_size; /* by hash: index in v plus one */
};
#define _index_block_ __attribute__((cleanup(index_block_free)))
void index_block_free(struct index_block *b);
void index_block_begin(struct index_block *b, uint64_t first_seq); /* keeps the memory of the block before */
int  index_block_add(struct index_block *b, const struct record_view *v); /* -ENOMEM */
/* Distances to bits. -EBADMSG: not what index_block_add() writes. */
int  index_bits(const void *gaps, size_t len_bytes, uint8_t bits[static INDEX_BLOCK / 8]);

#endif
