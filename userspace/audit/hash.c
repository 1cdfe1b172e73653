/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leaf and node hashes of the tree. Chooses how by what the processor can do; never by what is hashed.
 */
#define OPENSSL_SUPPRESS_DEPRECATED 1 /* the old calls ask for no memory and no lookup: here they are made millions of times a second */
#include "audit/hash.h"

#include <string.h>

#include <openssl/sha.h>

#define LEAF 0x00
#define NODE 0x01
#define PAIRS_MIN 4u /* fewer leave most lanes idle */
#define WORTH 3u     /* a block in all lanes takes as long as so many by libcrypto */

void hash_each(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	for (size_t i = 0; i < count; i++) {
		struct tree_hash out;
		SHA256_CTX ctx;

		SHA256_Init(&ctx);
		SHA256_Update(&ctx, &domain, 1);
		SHA256_Update(&ctx, messages[i].bytes, messages[i].len_bytes);
		SHA256_Final(out.v, &ctx);
		ret[i] = out;
	}
}

/* Enough to do for the lanes, also when one message is much longer than the others? */
static bool wide_pays(const struct tree_bytes *messages, size_t count)
{
	size_t all_bytes = 0, longest_bytes = 0;

	for (size_t i = 0; i < count; i++) {
		all_bytes += messages[i].len_bytes;
		if (messages[i].len_bytes > longest_bytes)
			longest_bytes = messages[i].len_bytes;
	}
	return count >= WORTH && all_bytes >= WORTH * longest_bytes;
}

void hash_many(uint8_t domain, const struct tree_bytes *messages, size_t count, struct tree_hash *ret)
{
	if (hash_has_wide() && wide_pays(messages, count))
		hash_wide(domain, messages, count, ret);
	else
		hash_each(domain, messages, count, ret);
}

void tree_empty(struct tree_hash *ret)
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Final(ret->v, &ctx);
}

void tree_leaf(const void *record, size_t len_bytes, struct tree_hash *ret)
{
	const struct tree_bytes one = { record, len_bytes };

	hash_each(LEAF, &one, 1, ret);
}

void tree_leaves(const struct tree_bytes *records, size_t count, struct tree_hash *ret)
{
	hash_many(LEAF, records, count, ret);
}

void tree_node(const struct tree_hash *left, const struct tree_hash *right, struct tree_hash *ret)
{
	const struct tree_hash both[2] = { *left, *right };
	const struct tree_bytes one = { both, sizeof(both) };

	hash_each(NODE, &one, 1, ret);
}

void tree_nodes(const struct tree_hash *v, size_t count, struct tree_hash *ret)
{
	if (count / 2 >= PAIRS_MIN && hash_has_wide()) {
		hash_wide_nodes(v, count, ret);
		return;
	}
	/* One after the other: what is written lies before what is read later. */
	for (size_t i = 0; i < count / 2; i++)
		tree_node(&v[2 * i], &v[2 * i + 1], &ret[i]);
}
