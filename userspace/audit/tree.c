/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the tree: which tile holds which hash, roots, proofs, and checking them. A proof is checked by numbers and hashes alone;
 * nothing here believes where they came from.
 */
#include "audit/tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TILE_BITS 8u

void tree_path(int level, uint64_t tile_idx, unsigned width, char ret[static TREE_PATH_SIZE])
{
	char number[32], part[8];
	size_t at = sizeof(number) - 1;
	bool last = true;

	/* 1234067 is x001/x234/067; written from its end. */
	number[at] = '\0';
	do {
		int n = snprintf(part, sizeof(part), "%s%03u%s", last ? "" : "x", (unsigned)(tile_idx % 1000), last ? "" : "/");

		at -= (size_t)n;
		memcpy(number + at, part, (size_t)n);
		tile_idx /= 1000;
		last = false;
	} while (tile_idx);
	if (level == TREE_ENTRIES)
		(void)snprintf(ret, TREE_PATH_SIZE, "tile/entries/%s", number + at);
	else
		(void)snprintf(ret, TREE_PATH_SIZE, "tile/%u/%s", (unsigned)level & 63u, number + at);
	if (width && width < TREE_TILE_WIDTH) {
		at = strlen(ret);
		(void)snprintf(ret + at, TREE_PATH_SIZE - at, ".p/%u", width);
	}
}

/* A way through the tiles of a tree of `size`; remembers the tile that was looked at last. */
struct walk {
	const struct tree_source *src;
	uint64_t size;
	int level;             /* -1: no tile yet */
	uint64_t tile_idx;
	struct tree_hash tile[TREE_TILE_WIDTH];
};

/* The `count` hashes of a level from idx on, which lie in one tile. */
static int walk_hashes(struct walk *w, int level, uint64_t idx, size_t count, struct tree_hash *ret)
{
	uint64_t tile_idx = idx >> TILE_BITS, there = (w->size >> (TILE_BITS * (unsigned)level)) - (tile_idx << TILE_BITS);
	size_t at = (size_t)(idx & (TREE_TILE_WIDTH - 1));
	int code;

	if (w->level != level || w->tile_idx != tile_idx) {
		w->level = -1;
		code = w->src->tile(w->src->ctx, level, tile_idx, there < TREE_TILE_WIDTH ? (unsigned)there : TREE_TILE_WIDTH, w->tile);
		if (code < 0)
			return code;
		w->level = level;
		w->tile_idx = tile_idx;
	}
	memcpy(ret, &w->tile[at], count * sizeof(*ret));
	return 0;
}

/* Root of the 2^bits leaves from lo on; lo is a multiple of that, and all of them are in the tree. */
__attribute__((noinline)) static int walk_full(struct walk *w, uint64_t lo, unsigned bits, struct tree_hash *ret)
{
	struct tree_hash v[TREE_TILE_WIDTH / 2];
	unsigned level = bits / TILE_BITS;
	size_t count = (size_t)1 << bits % TILE_BITS;
	int code = walk_hashes(w, (int)level, lo >> TILE_BITS * level, count, v);

	if (code < 0)
		return code;
	for (; count > 1; count /= 2)
		tree_nodes(v, count, v);
	*ret = v[0];
	return 0;
}

static unsigned log2_floor(uint64_t n)
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* RFC 6962: the largest power of two smaller than n. */
static uint64_t split(uint64_t n)
{
	return 1ull << log2_floor(n - 1);
}

/* Root of leaves lo to hi, where lo is a multiple of the largest power of two in hi - lo: what stands right of a path. */
__attribute__((noinline)) static int walk_range(struct walk *w, uint64_t lo, uint64_t hi, struct tree_hash *ret)
{
	struct tree_hash parts[64];
	size_t count = 0;
	int code;

	while (lo < hi) {
		unsigned bits = log2_floor(hi - lo);

		code = walk_full(w, lo, bits, &parts[count++]);
		if (code < 0)
			return code;
		lo += 1ull << bits;
	}
	if (!count)
		return -EINVAL;
	*ret = parts[--count];
	while (count)
		tree_node(&parts[--count], ret, ret);
	return 0;
}

static void walk_begin(struct walk *w, const struct tree_source *src, uint64_t size)
{
	w->src = src;
	w->size = size;
	w->level = -1;
}

int tree_root(const struct tree_source *src, uint64_t size, struct tree_hash *ret)
{
	struct walk w;

	walk_begin(&w, src, size);
	if (!size) {
		tree_empty(ret);
		return 0;
	}
	return walk_range(&w, 0, size, ret);
}

static void reverse(struct tree_proof *p)
{
	for (size_t i = 0; i < p->count / 2; i++) {
		struct tree_hash h = p->v[i];

		p->v[i] = p->v[p->count - 1 - i];
		p->v[p->count - 1 - i] = h;
	}
}

int tree_inclusion(const struct tree_source *src, uint64_t idx, uint64_t size, struct tree_proof *ret)
{
	struct walk w;
	uint64_t lo = 0, hi = size;
	int code = 0;

	if (idx >= size)
		return -ERANGE;
	walk_begin(&w, src, size);
	ret->count = 0;
	while (code == 0 && hi - lo > 1) {
		uint64_t mid = lo + split(hi - lo);

		if (idx < mid) {
			code = walk_range(&w, mid, hi, &ret->v[ret->count++]);
			hi = mid;
		} else {
			code = walk_range(&w, lo, mid, &ret->v[ret->count++]);
			lo = mid;
		}
	}
	reverse(ret);
	return code;
}

int tree_consistency(const struct tree_source *src, uint64_t old_size, uint64_t size, struct tree_proof *ret)
{
	struct walk w;
	uint64_t lo = 0, hi = size;
	bool known = true; /* the verifier has the root of what is left: the old tree itself */
	int code = 0;

	if (old_size > size)
		return -ERANGE;
	walk_begin(&w, src, size);
	ret->count = 0;
	if (old_size == 0 || old_size == size)
		return 0;
	while (code == 0 && hi != old_size) {
		uint64_t mid = lo + split(hi - lo);

		if (old_size <= mid) {
			code = walk_range(&w, mid, hi, &ret->v[ret->count++]);
			hi = mid;
		} else {
			code = walk_range(&w, lo, mid, &ret->v[ret->count++]);
			lo = mid;
			known = false;
		}
	}
	if (code == 0 && !known)
		code = walk_range(&w, lo, hi, &ret->v[ret->count++]);
	reverse(ret);
	return code;
}

static bool same(const struct tree_hash *a, const struct tree_hash *b)
{
	return !memcmp(a->v, b->v, sizeof(a->v));
}

bool tree_check_inclusion(const struct tree_hash *leaf, uint64_t idx, uint64_t size, const struct tree_proof *p, const struct tree_hash *root)
{
	uint64_t fn = idx, sn = size - 1;
	struct tree_hash r = *leaf;

	if (idx >= size || p->count > TREE_PROOF_MAX)
		return false;
	for (size_t i = 0; i < p->count; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			tree_node(&p->v[i], &r, &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tree_node(&r, &p->v[i], &r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && same(&r, root);
}

bool tree_check_consistency(uint64_t old_size, const struct tree_hash *old_root, uint64_t size, const struct tree_hash *root,
			    const struct tree_proof *p)
{
	uint64_t fn = old_size - 1, sn = size - 1;
	struct tree_hash fr, sr, empty;
	size_t i = 0;

	if (old_size > size || p->count > TREE_PROOF_MAX)
		return false;
	tree_empty(&empty);
	if (old_size == 0)
		return p->count == 0 && same(old_root, &empty) && (size || same(root, &empty));
	if (old_size == size)
		return p->count == 0 && same(old_root, root);
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	/* A power of two is a whole subtree: the proof leaves its root out, because the verifier has it. */
	if ((old_size & (old_size - 1)) && p->count == 0)
		return false;
	fr = sr = (old_size & (old_size - 1)) ? p->v[i++] : *old_root;
	for (; i < p->count; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			tree_node(&p->v[i], &fr, &fr);
			tree_node(&p->v[i], &sr, &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tree_node(&sr, &p->v[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && same(&fr, old_root) && same(&sr, root);
}
