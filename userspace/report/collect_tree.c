/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree over what was read, hash by hash (RFC 6962 section 2.1): only if it ends in the signed root are the records that a report
 * rests on those that were signed. A log whose oldest records were removed cannot be checked this way, and then nothing is claimed.
 */
#include "report/collect.h"

#include <string.h>

/* Complete subtrees from the right, each merged with its equal to the left. */
static void push(struct frontier *f, struct tree_hash leaf)
{
	size_t level = 0;

	for (uint64_t size = f->size; size & 1; size >>= 1, level++)
		tree_node(&f->v[level], &leaf, &leaf);
	f->v[level] = leaf;
	f->size++;
}

static void root(const struct frontier *f, struct tree_hash *ret)
{
	bool any = false;

	tree_empty(ret);
	for (size_t level = 0; level < 64; level++) {
		if (!(f->size >> level & 1))
			continue;
		if (any)
			tree_node(&f->v[level], ret, ret);
		else
			*ret = f->v[level];
		any = true;
	}
}

void collect_tree(struct collect *c, const struct record_view *v)
{
	struct tree_hash leaf;

	if (v->head.seq != c->frontier.size || !v->bytes)
		return;
	if (!c->has_start_root && v->head.time_utc_ns >= c->since_ns && v->head.time_utc_ns <= c->until_ns) {
		root(&c->frontier, &c->start_root);
		c->has_start_root = true;
	}
	tree_leaf(v->bytes, v->len_bytes, &leaf);
	push(&c->frontier, leaf);
	if (c->has_checkpoint && c->frontier.size == c->checkpoint_size) {
		struct tree_hash now;

		root(&c->frontier, &now);
		c->verified = memcmp(now.v, c->checkpoint_root.v, sizeof(now.v)) ? VERIFIED_WRONG : VERIFIED_YES;
	}
}
