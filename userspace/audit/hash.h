/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 of many short messages, each behind one byte that says what it is (RFC 6962: 0x00 leaf, 0x01 node). Eight side by side in
 * wide registers, or one after the other by libcrypto: the same bytes come out. Private to this folder.
 */
#ifndef AUDIT_HASH_H
#define AUDIT_HASH_H

#include "audit/tree.h"

/* hash_wide.c. Only where hash_has_wide(). */
bool hash_has_wide(void);
void hash_wide(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret);
/* Parents of count/2 pairs, as tree_nodes(); ret may be v. */
void hash_wide_nodes(const struct tree_hash *v, size_t count, struct tree_hash *ret);
/* hash.c: by libcrypto, one after the other. */
void hash_each(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret);
/* Whichever is faster here. */
void hash_many(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret);

#endif
