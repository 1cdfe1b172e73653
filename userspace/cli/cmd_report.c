/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward report: one pass over the log into one document, written as asked. A report that the daemon's log was used for is recorded
 * before it is shown; if that fails, nothing is shown. Proofs of the sampled records are written beside it on request.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cmd_log.h"
#include "cli/progress.h"
#include "cli/report_ask.h"

#define PROOF_NAME 48u

/* Every record of the log, from its first on, up to what was there when this began. */
static int read_all(struct cli_log *l, struct report *r, struct err *e)
{
	uint64_t first = log_reader_first(l->reader), end = log_reader_end(l->reader);
	struct progress p;
	struct record_view v;
	int code = 0;

	/* The checkpoint is part of what is reported: nothing below it may be left out. */
	if (l->has_checkpoint && l->checkpoint.size > end)
		end = l->checkpoint.size;
	progress_begin(&p, "reading the log");
	if (first < end)
		code = log_reader_seek(l->reader, first, e);
	while (code >= 0 && log_reader_seq(l->reader) < end) {
		code = log_reader_next(l->reader, &v, e);
		if (code <= 0)
			break;
		code = report_see(r, &v, e);
		if (!(v.head.seq & 0xfff))
			progress_show(&p, v.head.seq - first, end - first);
	}
	progress_end(&p);
	return code < 0 ? code : 0;
}

static json_t *live_state(void)
{
	struct msg_audit audit = { 0 };
	struct msg_kernel k = { 0 };
	_buf_ struct buf hash = BUF_INIT;
	struct err e = { 0 };

	if (client_kernel(&k, &audit, &e) < 0)
	{
		_buf_ struct buf clean = BUF_INIT;

		buf_add_escaped(&clean, e.text, strlen(e.text));
		return json_pack("{s:s}", "error", cli_text(&clean));
	}
	for (size_t i = 0; i < sizeof(k.policy_hash); i++)
		buf_printf(&hash, "%02x", k.policy_hash[i]);
	return json_pack("{s:I, s:s, s:I, s:I, s:I, s:b, s:b}", "generation", (json_int_t)k.gen, "policy_hash", k.gen ? cli_text(&hash) : "", "stores",
			 (json_int_t)k.stores, "stores_audit", (json_int_t)k.stores_audit, "hooks_attached", (json_int_t)k.hooks_attached, "guarded",
			 (k.flags & MSG_KERNEL_GUARD) != 0, "sealed", (k.flags & MSG_KERNEL_SEALED) != 0);
}

/* ---- the document written down ---- */

static int write_json(json_t *doc, struct buf *ret)
{
	_free_ char *text = json_dumps(doc, JSON_INDENT(2));

	if (!text)
		return -ENOMEM;
	buf_add_str(ret, text);
	buf_add_char(ret, '\n');
	return 0;
}

static int write_document(const struct cli *c, const struct report_words *w, json_t *doc, struct buf *ret, struct err *e)
{
	json_t *oscal;
	int code = 0;

	switch (w->format) {
	case FORMAT_HTML:
		report_html(doc, ret);
		break;
	case FORMAT_JSON:
		code = write_json(doc, ret);
		break;
	case FORMAT_OSCAL:
		oscal = report_oscal(doc);
		code = oscal ? write_json(oscal, ret) : -ENOMEM;
		json_decref(oscal);
		break;
	case FORMAT_TEXT:
	default:
		report_text(doc, c->color && !cli_opt(c, "out"), ret);
	}
	return code < 0 || ret->failed ? err_set(e, -ENOMEM, "write the report") : 0;
}

/* A proof of each sampled record, as `polyward log prove` writes them. */
static int write_proofs(const struct cli_log *l, const char *dir, json_t *doc, struct err *e)
{
	_free_ uint64_t *seqs = NULL;
	_fd_ int dir_fd = -1;
	size_t count;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make %s", dir);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set(e, -errno, "open %s", dir);
	if (report_sampled(doc, &seqs, &count) < 0)
		return err_set(e, -ENOMEM, "write proofs");
	for (size_t i = 0; i < count; i++) {
		__attribute__((cleanup(cli_proof_texts_free))) struct proof_texts t = { 0 };
		char name[PROOF_NAME];
		int code = cli_log_prove(l, seqs[i], &t, e);

		if (code < 0)
			return err_wrap(e, "prove record %llu", (unsigned long long)seqs[i]);
		(void)snprintf(name, sizeof(name), "%llu.tlog-proof", (unsigned long long)seqs[i]);
		code = fd_replace_file(dir_fd, name, t.text.data, t.text.len_bytes, 0644);
		(void)snprintf(name, sizeof(name), "%llu.tlog-proof" CLI_LIKE_SUFFIX, (unsigned long long)seqs[i]);
		if (code == 0 && t.like_text.len_bytes)
			code = fd_replace_file(dir_fd, name, t.like_text.data, t.like_text.len_bytes, 0644);
		if (code < 0)
			return err_set(e, code, "write %s/%s", dir, name);
	}
	report_proven(doc, dir);
	return 0;
}

/* What is not recorded is not shown. */
static int record(const struct report_words *w, const struct cli_log *l, const json_t *doc, const struct buf *text, struct err *e)
{
	struct msg_evidence m = { .since_utc_ns = w->ask.since_ns, .until_utc_ns = w->ask.until_ns, .rows = report_rows(doc) };
	unsigned len = 0;

	if (!EVP_Digest(text->data, text->len_bytes, m.digest, &len, EVP_sha256(), NULL))
		return err_say(e, -EIO, "the report could not be hashed");
	if (l->has_checkpoint) {
		m.tree_size = l->checkpoint.size;
		memcpy(m.tree_root, l->checkpoint.root.v, sizeof(m.tree_root));
	}
	ipc_put(m.what, sizeof(m.what), "report");
	ipc_put(m.query, sizeof(m.query), w->words.data ? w->words.data : "");
	if (client_evidence(&m, e) < 0)
		return err_wrap(e, "the report is not shown, because it could not be recorded that it was made");
	return 0;
}

static int make_document(const struct cli *c, struct report_words *w, struct cli_log *l, json_t **ret, struct err *e)
{
	_buf_ struct buf signer = BUF_INIT;
	struct report_log log = { .dir_fd = l->dir_fd, .from_daemon = l->from_daemon, .has_checkpoint = l->has_checkpoint,
				  .origin = l->checkpoint.origin, .size = l->checkpoint.size, .root = l->checkpoint.root };
	const char *proofs = cli_opt(c, "proofs");
	struct report *r = NULL;
	int code;

	if (fd_read_file(l->dir_fd, "log.vkey", NOTE_TEXT_MAX, &signer) == 0 && signer.len_bytes) {
		signer.data[strcspn(signer.data, "\n")] = '\0';
		log.signer = signer.data;
	}
	code = report_begin(&w->ask, &log, &r, e);
	if (code == 0)
		code = read_all(l, r, e);
	if (code == 0) {
		*ret = report_end(r, l->from_daemon ? live_state() : NULL);
		if (proofs)
			code = write_proofs(l, proofs, *ret, e);
	}
	report_free(r);
	return code;
}

static int show(const struct cli *c, const struct buf *text, struct err *e)
{
	const char *out = cli_opt(c, "out");
	int code;

	if (!out) {
		fwrite(text->data, 1, text->len_bytes, stdout);
		return 0;
	}
	/* It names persons: nobody else's to read until its owner says so. */
	code = fd_replace_path(out, text->data, text->len_bytes, 0600);
	return code < 0 ? err_set(e, code, "write %s", out) : 0;
}

static int run(const struct cli *c, struct report_words *w, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	json_t *doc = NULL;
	struct cli_log l;
	int code = cli_log_open(c, &l, e);

	if (code < 0)
		return code;
	code = make_document(c, w, &l, &doc, e);
	if (code == 0)
		code = write_document(c, w, doc, &text, e);
	if (code == 0 && l.from_daemon)
		code = record(w, &l, doc, &text, e);
	if (code == 0)
		code = show(c, &text, e);
	json_decref(doc);
	cli_log_close(&l);
	return code;
}

int cmd_report(struct cli *c)
{
	struct report_words w = { 0 };
	struct err e = { 0 };
	int code = report_ask_parse(c, &w, &e);

	if (code == 0)
		code = run(c, &w, &e);
	report_ask_free(&w);
	if (code == 0)
		return CLI_YES;
	return w.usage ? cli_usage(c, "%s", e.text) : cli_fail(c, &e);
}
