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

static int take_record(const struct cli_log *l, uint64_t seq, struct proof *p, struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(l->reader, seq, e);

	if (code == 0)
		code = log_reader_next(l->reader, &v, e);
	if (code == 0)
		return err_say(e, -ERANGE, "record %llu is not in the log", (unsigned long long)seq);
	if (code < 0)
		return code;
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

static int prove(const struct cli_log *l, uint64_t seq, struct proof *p, struct err *e)
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
	code = take_record(l, seq, p, e);
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

int cli_log_prove(const struct cli_log *l, uint64_t seq, struct buf *ret, struct err *e)
{
	_proof_ struct proof p = { 0 };
	int code = prove(l, seq, &p, e);

	return code < 0 ? code : proof_write(&p, ret, e);
}

int cmd_log_prove(struct cli *c)
{
	_proof_ struct proof p = { 0 };
	_buf_ struct buf text = BUF_INIT;
	const char *out = cli_opt(c, "out");
	struct cli_log log;
	struct err e = { 0 };
	uint64_t seq;
	int code;

	if (num_parse(c->args[1], strlen(c->args[1]), UINT64_MAX, &seq) < 0)
		return cli_usage(c, "'%s' is no number of a record; polyward log --json shows them as seq", c->args[1]);
	code = cli_log_open(c, &log, &e);
	if (code < 0)
		return cli_fail(c, &e);
	code = prove(&log, seq, &p, &e);
	cli_log_close(&log);
	if (code == 0)
		code = proof_write(&p, &text, &e);
	if (code == 0 && out) {
		code = fd_replace_path(out, text.data, text.len_bytes, 0644);
		if (code < 0)
			(void)err_set(&e, code, "write %s", out);
	}
	if (code < 0)
		return cli_fail(c, &e);
	if (c->json)
		cli_print_json(json_pack("{s:I, s:I, s:s, s:s}", "seq", (json_int_t)seq, "size", (json_int_t)p.form.size, "origin", p.form.origin,
					 out ? "file" : "proof", out ? out : text.data));
	else if (!out)
		fputs(text.data, stdout);
	return CLI_YES;
}

/* ---- check-proof ---- */

struct checked { const char *signer; const char *witness; int64_t cosigned_utc_s; };

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
	ret->signer = note_key_name(keys[0]);
	if (!witness)
		return 0;
	code = note_key_from_word(witness, &keys[1], e);
	if (code == 0)
		code = note_check_cosign(p->checkpoint.data, p->checkpoint.len_bytes, keys[1], &ret->cosigned_utc_s, e);
	if (code == 0)
		ret->witness = note_key_name(keys[1]);
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

static void say(const struct cli *c, const struct proof *p, const struct checked *k, const struct record_view *v)
{
	_buf_ struct buf line = BUF_INIT, at = BUF_INIT;

	if (c->json) {
		json_t *doc = json_pack("{s:b, s:I, s:I, s:s, s:s}", "valid", 1, "seq", (json_int_t)p->seq, "size", (json_int_t)p->form.size, "origin",
					p->form.origin, "signer", k->signer);

		if (k->witness)
			json_object_set_new(doc, "witness", json_string(k->witness));
		record_render_json(v, &line);
		json_object_set_new(doc, "record", json_loads(cli_text(&line), 0, NULL));
		cli_print_json(doc);
		return;
	}
	printf("proven: this is record %llu of the %llu that %s signed", (unsigned long long)p->seq, (unsigned long long)p->form.size, k->signer);
	if (k->witness) {
		record_time(k->cosigned_utc_s * 1000000000, false, &at);
		printf(", and %s had seen by %s", k->witness, cli_text(&at));
	}
	record_render_text(v, &(struct record_style){ .color = c->color }, &line);
	printf("\n%s\n", cli_text(&line));
}

int cmd_log_check_proof(struct cli *c)
{
	_buf_ struct buf text = BUF_INIT, framed = BUF_INIT;
	_proof_ struct proof p = { 0 };
	struct note_key *keys[2] = { NULL, NULL };
	struct checked k = { 0 };
	struct record_view v;
	struct err e = { 0 };
	int code = fd_read_file(AT_FDCWD, c->args[1], PROOF_TEXT_MAX, &text);

	if (code < 0) {
		(void)err_set(&e, code, "read %s", c->args[1]);
		return cli_fail(c, &e);
	}
	code = proof_read(text.data ? text.data : "", text.len_bytes, &p, &e);
	if (code == 0)
		code = proof_check(&p, &e);
	if (code == 0)
		code = check_keys(c, &p, keys, &k, &e);
	if (code == 0)
		code = view(&p, &framed, &v, &e);
	if (code == 0)
		say(c, &p, &k, &v);
	else if ((code == -EBADMSG || code == -EKEYREJECTED) && c->json)
		cli_print_json(json_pack("{s:b, s:s}", "valid", 0, "error", e.text));
	else if (code == -EBADMSG || code == -EKEYREJECTED)
		fprintf(stderr, "polyward log check-proof: not proven: %s\n", e.text);
	else
		(void)cli_fail(c, &e);
	note_key_free(keys[0]);
	note_key_free(keys[1]);
	return code == 0 ? CLI_YES : code == -EBADMSG || code == -EKEYREJECTED ? CLI_NO : CLI_FAILED;
}
