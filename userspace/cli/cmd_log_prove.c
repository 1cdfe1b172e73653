/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log prove and check-proof: one record with all that somebody needs who has neither this host nor the log. What was checked and
 * under whose key stands in one sentence, and what was not checked is never called proven.
 */
#include "audit/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "cli/cmd_log.h"
#include "cli/logopen.h"

#define NO_LIKE UINT64_MAX

/* ret_like: the full record that an abridged one names; without it nobody can say who it was. Else NO_LIKE. */
static int take_record(const struct cli_log *l, uint64_t seq, struct proof *p, uint64_t *ret_like, struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(l->reader, seq, e);

	if (code == 0)
		code = log_reader_next(l->reader, &v, e);
	if (code == 0)
		return err_say(e, -ERANGE, "record %llu is not in the log", (unsigned long long)seq);
	if (code < 0)
		return code;
	*ret_like = record_has(&v, PW_F_LIKE) ? record_find_u64(&v, PW_F_LIKE, NO_LIKE) : NO_LIKE;
	buf_add(&p->record, v.bytes, v.len_bytes);
	return p->record.failed ? err_set(e, -ENOMEM, "prove a record") : 0;
}

/* With cosignatures, if those cover the record; otherwise the newest checkpoint. */
static int take_checkpoint(const struct cli_log *l, uint64_t seq, struct proof *p, struct err *e)
{
	struct err other;
	int code = fd_read_file(l->dir_fd, "cosigned", NOTE_TEXT_MAX, &p->checkpoint);

	if (code == 0 && note_parse(p->checkpoint.data ? p->checkpoint.data : "", p->checkpoint.len_bytes, &p->form, &other) == 0 && p->form.size > seq &&
	    p->form.size <= l->checkpoint.size)
		return 0;
	buf_free(&p->checkpoint);
	p->checkpoint = (struct buf)BUF_INIT;
	code = fd_read_file(l->dir_fd, "checkpoint", NOTE_TEXT_MAX, &p->checkpoint);
	if (code < 0)
		return err_set(e, code, "read the log's checkpoint");
	return note_parse(p->checkpoint.data ? p->checkpoint.data : "", p->checkpoint.len_bytes, &p->form, e);
}

static int prove(const struct cli_log *l, uint64_t seq, struct proof *p, uint64_t *ret_like, struct err *e)
{
	struct log_tiles *tiles = NULL;
	struct tree_source source;
	int code;

	if (!l->has_checkpoint)
		return err_say(e, -ENODATA, "the log has no checkpoint yet: there is nothing to prove a record with");
	if (seq >= l->checkpoint.size)
		return err_say(e, -ERANGE, "record %llu is not signed yet: the newest checkpoint covers %llu records; try again in a second",
			       (unsigned long long)seq, (unsigned long long)l->checkpoint.size);
	p->seq = seq;
	code = take_record(l, seq, p, ret_like, e);
	if (code == 0)
		code = take_checkpoint(l, seq, p, e);
	if (code == 0)
		code = log_tiles_open(l->dir_fd, &tiles, e);
	if (code < 0)
		return code;
	log_tiles_source(tiles, &source);
	code = tree_inclusion(&source, seq, p->form.size, &p->path);
	log_tiles_close(tiles);
	if (code < 0)
		return err_set(e, code, "read the log's tiles");
	/* A proof that does not hold is the log's fault, and better known here than where it is needed. */
	code = proof_check(p, e);
	return code < 0 ? err_wrap(e, "the log's tiles do not belong to its records; see polyward log verify") : 0;
}

int cli_log_prove(const struct cli_log *l, uint64_t seq, struct proof_texts *ret, struct err *e)
{
	_proof_ struct proof p = { 0 }, full = { 0 };
	uint64_t other;
	int code = prove(l, seq, &p, &ret->like, e);

	if (code == 0)
		code = proof_write(&p, &ret->text, e);
	ret->size = p.form.size;
	(void)snprintf(ret->origin, sizeof(ret->origin), "%s", p.form.origin);
	if (code < 0 || ret->like == NO_LIKE)
		return code;
	code = prove(l, ret->like, &full, &other, e);
	return code < 0 ? err_wrap(e, "what record %llu has in common with record %llu", (unsigned long long)seq, (unsigned long long)ret->like)
			: proof_write(&full, &ret->like_text, e);
}

void cli_proof_texts_free(struct proof_texts *t)
{
	buf_free(&t->text);
	buf_free(&t->like_text);
}

/* What the second proof is called that goes with a first one. */
static int like_name(const char *file, struct buf *ret)
{
	buf_printf(ret, "%s" CLI_LIKE_SUFFIX, file);
	return ret->failed ? -ENOMEM : 0;
}

static int write_texts(const struct proof_texts *t, const char *out, struct err *e)
{
	_buf_ struct buf name = BUF_INIT;
	int code = fd_replace_path(out, t->text.data, t->text.len_bytes, 0644);

	if (code < 0 || t->like == NO_LIKE)
		return code < 0 ? err_set(e, code, "write %s", out) : 0;
	code = like_name(out, &name);
	if (code == 0)
		code = fd_replace_path(name.data, t->like_text.data, t->like_text.len_bytes, 0644);
	return code < 0 ? err_set(e, code, "write %s" CLI_LIKE_SUFFIX, out) : 0;
}

int cmd_log_prove(struct cli *c)
{
	__attribute__((cleanup(cli_proof_texts_free))) struct proof_texts t = { 0 };
	const char *out = cli_opt(c, "out");
	struct cli_log log;
	struct err e = { 0 };
	uint64_t seq;
	json_t *doc;
	int code;

	if (num_parse(c->args[1], strlen(c->args[1]), UINT64_MAX, &seq) < 0)
		return cli_usage(c, "'%s' is no number of a record; polyward log --json shows them as seq", c->args[1]);
	code = cli_log_open(c, &log, &e);
	if (code < 0)
		return cli_fail(c, &e);
	code = cli_log_prove(&log, seq, &t, &e);
	cli_log_close(&log);
	if (code == 0 && out)
		code = write_texts(&t, out, &e);
	if (code < 0)
		return cli_fail(c, &e);
	if (c->json) {
		doc = json_pack("{s:I, s:I, s:s, s:s}", "seq", (json_int_t)seq, "size", (json_int_t)t.size, "origin", t.origin, out ? "file" : "proof",
				out ? out : t.text.data);
		if (t.like != NO_LIKE) {
			json_object_set_new(doc, "like", json_integer((json_int_t)t.like));
			if (!out)
				json_object_set_new(doc, "like_proof", json_string(t.like_text.data));
		}
		cli_print_json(doc);
	} else if (!out) {
		fputs(t.text.data, stdout);
		if (t.like != NO_LIKE)
			fprintf(stderr, "polyward log prove: record %llu is abridged: who it was and what decided stands in record %llu; with --out FILE "
				"the proof of that one is written too, as FILE" CLI_LIKE_SUFFIX "\n", (unsigned long long)seq, (unsigned long long)t.like);
	}
	return CLI_YES;
}

/* ---- check-proof ---- */

struct checked { char signer[NOTE_NAME_MAX + 1], witness[NOTE_NAME_MAX + 1]; int64_t cosigned_utc_s; }; /* witness "": none was asked for */

static int check_keys(const struct cli *c, const struct proof *p, struct note_key *keys[2], struct checked *ret, struct err *e)
{
	const char *vkey = cli_opt(c, "vkey"), *witness = cli_opt(c, "witness");
	struct note_checkpoint cp;
	int code = 0;

	if (!vkey)
		return err_say(e, -EKEYREJECTED, "the record belongs to the root in this file, and nothing says whose root that is: give the log's key "
			       "with --vkey (it stands in log.vkey of the log's directory)");
	code = note_key_from_word(vkey, &keys[0], e);
	if (code == 0)
		code = note_open(p->checkpoint.data, p->checkpoint.len_bytes, keys[0], &cp, e);
	if (code < 0)
		return code;
	(void)snprintf(ret->signer, sizeof(ret->signer), "%s", note_key_name(keys[0]));
	if (!witness)
		return 0;
	code = note_key_from_word(witness, &keys[1], e);
	if (code == 0)
		code = note_check_cosign(p->checkpoint.data, p->checkpoint.len_bytes, keys[1], &ret->cosigned_utc_s, e);
	if (code == 0)
		(void)snprintf(ret->witness, sizeof(ret->witness), "%s", note_key_name(keys[1]));
	return code;
}

/* The record as it was logged: its length stands in front of it in the log, and not in a proof. */
static int view(const struct proof *p, struct buf *framed, struct record_view *ret, struct err *e)
{
	size_t used;

	buf_add_char(framed, (char)(p->record.len_bytes >> 8));
	buf_add_char(framed, (char)p->record.len_bytes);
	buf_add(framed, p->record.data, p->record.len_bytes);
	if (framed->failed)
		return err_set(e, -ENOMEM, "read a proof");
	if (record_parse((const uint8_t *)framed->data, framed->len_bytes, ret, &used) < 0 || ret->head.seq != p->seq)
		return err_say(e, -EBADMSG, "what was proven is no record number %llu of polyward", (unsigned long long)p->seq);
	return 0;
}

/* One proof that was read from a file: itself, and the record that it is about. Borrowed by the view. */
struct proven { struct proof p; struct buf framed; struct record_view v; };

static void proven_free(struct proven *x)
{
	proof_free(&x->p);
	buf_free(&x->framed);
}
#define _proven_ __attribute__((cleanup(proven_free)))

/* Read and check: it belongs to its root, and the root is signed. */
static int check_file(const struct cli *c, const char *file, struct proven *ret, struct checked *k, struct err *e)
{
	struct note_key *keys[2] = { NULL, NULL };
	_buf_ struct buf text = BUF_INIT;
	int code = fd_read_file(AT_FDCWD, file, PROOF_TEXT_MAX, &text);

	if (code < 0)
		return err_set(e, code, "read %s", file);
	code = proof_read(text.data ? text.data : "", text.len_bytes, &ret->p, e);
	if (code == 0)
		code = proof_check(&ret->p, e);
	if (code == 0)
		code = check_keys(c, &ret->p, keys, k, e);
	if (code == 0)
		code = view(&ret->p, &ret->framed, &ret->v, e);
	note_key_free(keys[0]);
	note_key_free(keys[1]);
	return code;
}

/* What an abridged record shares stands in another one, which has a proof of its own. *ret_there: that was found. */
static int add_like(const struct cli *c, struct proven *x, struct proven *full, bool *ret_there, struct err *e)
{
	_buf_ struct buf name = BUF_INIT;
	struct checked k = { 0 };
	uint64_t like = record_find_u64(&x->v, PW_F_LIKE, NO_LIKE);
	int code = like_name(c->args[1], &name);

	if (code == 0)
		code = check_file(c, name.data, full, &k, e);
	*ret_there = code == 0;
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return err_wrap(e, "%s" CLI_LIKE_SUFFIX, c->args[1]);
	if (full->p.seq != like || record_has(&full->v, PW_F_LIKE) || full->v.head.kind != PW_REC_ACCESS ||
	    strcmp(full->p.form.origin, x->p.form.origin) != 0)
		return err_say(e, -EBADMSG, "%s" CLI_LIKE_SUFFIX " proves record %llu of %s; what belongs here is the full record %llu of %s", c->args[1],
			       (unsigned long long)full->p.seq, full->p.form.origin, (unsigned long long)like, x->p.form.origin);
	/* In place: nobody asks for what is that record's own. */
	x->v.shared_len_bytes = record_shared(&full->v, (uint8_t *)full->framed.data);
	x->v.shared = (const uint8_t *)full->framed.data;
	return 0;
}

static void say(const struct cli *c, const struct proven *x, const struct checked *k, bool whole)
{
	_buf_ struct buf line = BUF_INIT, at = BUF_INIT;

	if (c->json) {
		json_t *doc = json_pack("{s:b, s:b, s:I, s:I, s:s, s:s}", "valid", 1, "complete", whole, "seq", (json_int_t)x->p.seq, "size",
					(json_int_t)x->p.form.size, "origin", x->p.form.origin, "signer", k->signer);

		if (k->witness[0])
			json_object_set_new(doc, "witness", json_string(k->witness));
		record_render_json(&x->v, &line);
		json_object_set_new(doc, "record", json_loads(cli_text(&line), 0, NULL));
		cli_print_json(doc);
		return;
	}
	printf("proven: this is record %llu of the %llu that %s signed", (unsigned long long)x->p.seq, (unsigned long long)x->p.form.size, k->signer);
	if (k->witness[0]) {
		record_time(k->cosigned_utc_s * 1000000000, false, &at);
		printf(", and %s had seen by %s", k->witness, cli_text(&at));
	}
	record_render_text(&x->v, &(struct record_style){ .color = c->color }, &line);
	printf("\n%s\n", cli_text(&line));
	if (!whole)
		printf("It is abridged: the rest of it stands in record %llu, whose proof (%s" CLI_LIKE_SUFFIX ") is not here.\n",
		       (unsigned long long)record_find_u64(&x->v, PW_F_LIKE, NO_LIKE), c->args[1]);
}

int cmd_log_check_proof(struct cli *c)
{
	_proven_ struct proven x = { 0 }, full = { 0 };
	struct checked k = { 0 };
	struct err e = { 0 };
	bool whole = true;
	int code = check_file(c, c->args[1], &x, &k, &e);

	if (code == 0 && record_has(&x.v, PW_F_LIKE))
		code = add_like(c, &x, &full, &whole, &e);
	if (code == 0)
		say(c, &x, &k, whole);
	else if ((code == -EBADMSG || code == -EKEYREJECTED) && c->json)
		cli_print_json(json_pack("{s:b, s:s}", "valid", 0, "error", e.text));
	else if (code == -EBADMSG || code == -EKEYREJECTED)
		fprintf(stderr, "polyward log check-proof: not proven: %s\n", e.text);
	else
		(void)cli_fail(c, &e);
	return code == 0 ? CLI_YES : code == -EBADMSG || code == -EKEYREJECTED ? CLI_NO : CLI_FAILED;
}
