/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the record that is explained the one in the signed tree? The path from its bytes to the root of the newest checkpoint is built from
 * the log's tiles and checked; what cannot be shown is said to be so.
 */
#include "cli/explain_event.h"

#include "audit/tree.h"

static json_t *state(const char *word, const char *text)
{
	return json_pack("{s:s, s:s}", "state", word, "text", text);
}

static json_t *included(const struct cli_log *log, const struct record_view *v, struct log_tiles *tiles)
{
	struct tree_source source;
	struct tree_proof proof = { .count = 0 };
	struct tree_hash leaf;
	_buf_ struct buf root = BUF_INIT;
	json_t *out;

	log_tiles_source(tiles, &source);
	if (tree_inclusion(&source, v->head.seq, log->checkpoint.size, &proof) < 0)
		return state("wrong", "the tiles of the log do not give a proof for this record");
	tree_leaf(v->bytes, v->len_bytes, &leaf);
	if (!tree_check_inclusion(&leaf, v->head.seq, log->checkpoint.size, &proof, &log->checkpoint.root))
		return state("wrong", "this record is not the one that stands in the signed tree");
	for (size_t i = 0; i < TREE_HASH_BYTES; i++)
		buf_printf(&root, "%02x", log->checkpoint.root.v[i]);
	out = state("ok", "this record stands in the signed tree; the key is the one that the log itself names");
	json_object_set_new(out, "tree_size", json_integer((json_int_t)log->checkpoint.size));
	json_object_set_new(out, "root", json_string(cli_text(&root)));
	json_object_set_new(out, "signer", json_string(log->checkpoint.origin));
	json_object_set_new(out, "hashes", json_integer((json_int_t)proof.count));
	return out;
}

json_t *explain_proof(const struct cli_log *log, const struct record_view *v)
{
	struct log_tiles *tiles = NULL;
	struct err e;
	json_t *out;

	if (!log)
		return state("not-shown", "the daemon handed out this record alone; whoever may read the log can prove it: polyward log prove");
	if (!log->has_checkpoint)
		return state("none", "the log has no signed checkpoint");
	if (v->head.seq >= log->checkpoint.size) {
		out = state("pending", "the record is younger than the newest signed checkpoint; ask again in a few seconds");
		json_object_set_new(out, "tree_size", json_integer((json_int_t)log->checkpoint.size));
		return out;
	}
	if (log_tiles_open(log->dir_fd, &tiles, &e) < 0)
		return state("wrong", "the tiles of the log cannot be read");
	out = included(log, v, tiles);
	log_tiles_close(tiles);
	return out;
}
