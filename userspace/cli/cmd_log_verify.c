/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log verify: is this log whole, unchanged and signed? Answers yes only when every byte that is signed was looked at; what it
 * could not hold against anything (a key that nobody gave, records that are not signed yet) it says.
 */
#include "audit/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "audit/proof.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cmd_log.h"
#include "cli/logopen.h"
#include "cli/progress.h"

#define GAPS_SHOWN 20u

struct verdict {
	struct cli_log log;
	struct verify_result r;
	struct note_key *witness;
	const char *signer;       /* vkey as given, or NULL: the log's own word */
	bool cosigned;            /* there is a file of cosignatures */
	int64_t cosigned_utc_s;   /* of --witness; 0: not asked */
	struct note_checkpoint cosigned_form;
	bool seen;                /* r is filled in */
};

/* The checkpoint under the key that was asked for. */
static int check_signer(const struct cli *c, struct verdict *v, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	struct note_key *key = NULL;
	int code;

	v->signer = cli_opt(c, "vkey");
	if (!v->log.has_checkpoint)
		return err_say(e, -EBADMSG, "the log has no checkpoint: nobody signed it, and any part of it may be missing");
	if (!v->signer)
		return 0;
	code = note_key_from_word(v->signer, &key, e);
	if (code == 0)
		code = fd_read_file(v->log.dir_fd, "checkpoint", NOTE_TEXT_MAX, &text);
	if (code == 0)
		code = note_open(text.data ? text.data : "", text.len_bytes, key, &v->log.checkpoint, e);
	note_key_free(key);
	return code;
}

/* What a witness put its name to must be a beginning of this log, and of nothing else. */
static int check_cosigned(const struct cli *c, struct verdict *v, struct err *e)
{
	const char *word = cli_opt(c, "witness");
	_buf_ struct buf text = BUF_INIT;
	int code = fd_read_file(v->log.dir_fd, "cosigned", NOTE_TEXT_MAX, &text);

	v->cosigned = code == 0;
	if (code == -ENOENT && !word)
		return 0;
	if (code == -ENOENT)
		return err_say(e, -EKEYREJECTED, "no witness has cosigned this log; have it done: polyward witness push");
	if (code < 0)
		return err_set(e, code, "read the cosignatures");
	code = note_parse(text.data ? text.data : "", text.len_bytes, &v->cosigned_form, e);
	if (code < 0)
		return err_wrap(e, "cosigned");
	if (strcmp(v->cosigned_form.origin, v->log.checkpoint.origin) != 0)
		return err_say(e, -EBADMSG, "cosigned: the checkpoint in it is of another log, %s", v->cosigned_form.origin);
	if (word) {
		code = note_key_from_word(word, &v->witness, e);
		if (code == 0)
			code = note_check_cosign(text.data, text.len_bytes, v->witness, &v->cosigned_utc_s, e);
		if (code < 0)
			return code;
	}
	return log_verify_beginning(v->log.dir_fd, v->log.checkpoint.size, v->cosigned_form.size, &v->cosigned_form.root, e);
}

/* --checkpoint: one that somebody kept from earlier. */
static int check_earlier(const struct cli *c, struct verdict *v, struct err *e)
{
	const char *file = cli_opt(c, "checkpoint");
	_buf_ struct buf text = BUF_INIT;
	struct note_checkpoint old;
	int code;

	if (!file)
		return 0;
	code = fd_read_file(AT_FDCWD, file, NOTE_TEXT_MAX, &text);
	if (code < 0)
		return err_set(e, code, "read %s", file);
	code = note_parse(text.data ? text.data : "", text.len_bytes, &old, e);
	if (code < 0)
		return err_wrap(e, "%s", file);
	if (strcmp(old.origin, v->log.checkpoint.origin) != 0)
		return err_say(e, -EBADMSG, "%s is a checkpoint of another log, %s", file, old.origin);
	return log_verify_beginning(v->log.dir_fd, v->log.checkpoint.size, old.size, &old.root, e);
}

static uint64_t events(const struct complete_ranges *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->v[i].last - r->v[i].first + 1;
	return n;
}

static int check_complete(struct verdict *v, struct err *e)
{
	const struct complete_ranges *m = complete_missing(v->r.complete);

	if (!m->count)
		return 0;
	return err_say(e, -EBADMSG, "events are unaccounted for: %llu in %zu places, number %llu to %llu of CPU %u among them, stand in no record and "
		       "in no gap record", (unsigned long long)events(m), m->count, (unsigned long long)m->v[0].first,
		       (unsigned long long)m->v[0].last, m->v[0].cpu);
}

static int verify(const struct cli *c, struct verdict *v, struct err *e)
{
	struct verify_options o = { .progress = progress_show };
	struct progress p;
	int code = check_signer(c, v, e);

	if (code < 0)
		return code;
	o.size = v->log.checkpoint.size;
	o.root = v->log.checkpoint.root;
	o.ctx = &p;
	progress_begin(&p, "verifying");
	code = log_verify(v->log.dir_fd, &o, &v->r, e);
	progress_end(&p);
	v->seen = code == 0;
	if (code == 0)
		code = check_cosigned(c, v, e);
	if (code == 0)
		code = check_earlier(c, v, e);
	return code == 0 ? check_complete(v, e) : code;
}

/* ---- saying it ---- */

static void hex(const void *bytes, size_t len_bytes, struct buf *ret)
{
	for (size_t i = 0; i < len_bytes; i++)
		buf_printf(ret, "%02x", ((const uint8_t *)bytes)[i]);
}

static json_t *hex_json(const void *bytes, size_t len_bytes)
{
	_buf_ struct buf b = BUF_INIT;

	hex(bytes, len_bytes, &b);
	return json_string(cli_text(&b));
}

static json_t *time_json(int64_t utc_ns)
{
	_buf_ struct buf b = BUF_INIT;

	record_time(utc_ns, true, &b);
	return json_string(cli_text(&b));
}

static json_t *ranges_json(const struct complete_ranges *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:I}", "boot_id", hex_json(r->v[i].boot_id, sizeof(r->v[i].boot_id)), "cpu",
						      (json_int_t)r->v[i].cpu, "first", (json_int_t)r->v[i].first, "last",
						      (json_int_t)r->v[i].last));
	return list;
}

static void print_json(const struct verdict *v, const struct err *e)
{
	json_t *doc = json_pack("{s:b}", "valid", e->code == 0);

	if (e->code)
		json_object_set_new(doc, "error", json_string(e->text));
	if (v->log.has_checkpoint) {
		json_object_set_new(doc, "origin", json_string(v->log.checkpoint.origin));
		json_object_set_new(doc, "size", json_integer((json_int_t)v->log.checkpoint.size));
		json_object_set_new(doc, "root", hex_json(&v->log.checkpoint.root, sizeof(v->log.checkpoint.root)));
		json_object_set_new(doc, "signer", json_pack("{s:s, s:b}", "name", v->log.checkpoint.origin, "key_given", v->signer != NULL));
	}
	if (v->cosigned)
		json_object_set_new(doc, "cosigned", json_pack("{s:I, s:b}", "size", (json_int_t)v->cosigned_form.size, "key_given", v->witness != NULL));
	if (v->cosigned_utc_s) {
		json_object_set_new(json_object_get(doc, "cosigned"), "name", json_string(note_key_name(v->witness)));
		json_object_set_new(json_object_get(doc, "cosigned"), "time", time_json(v->cosigned_utc_s * 1000000000));
	}
	if (v->seen) {
		json_object_set_new(doc, "first", json_integer((json_int_t)v->r.first));
		json_object_set_new(doc, "records", json_integer((json_int_t)v->r.records));
		json_object_set_new(doc, "unsigned", json_integer((json_int_t)v->r.behind));
		json_object_set_new(doc, "torn_bytes", json_integer((json_int_t)v->r.torn_bytes));
		if (v->r.records + v->r.behind) {
			json_object_set_new(doc, "since", time_json(v->r.since_utc_ns));
			json_object_set_new(doc, "until", time_json(v->r.until_utc_ns));
		}
		json_object_set_new(doc, "cpus", json_integer((json_int_t)complete_cpus(v->r.complete)));
		json_object_set_new(doc, "lost", json_integer((json_int_t)events(complete_recorded(v->r.complete))));
		json_object_set_new(doc, "gaps", ranges_json(complete_recorded(v->r.complete)));
		json_object_set_new(doc, "open", ranges_json(complete_open(v->r.complete)));
		json_object_set_new(doc, "missing", ranges_json(complete_missing(v->r.complete)));
	}
	cli_print_json(doc);
}

static void print_ranges(const char *what, const struct complete_ranges *r)
{
	for (size_t i = 0; i < r->count && i < GAPS_SHOWN; i++)
		printf("           CPU %u: %llu to %llu %s\n", r->v[i].cpu, (unsigned long long)r->v[i].first, (unsigned long long)r->v[i].last, what);
	if (r->count > GAPS_SHOWN)
		printf("           ... and %zu more; --json lists them\n", r->count - GAPS_SHOWN);
}

static void print_losses(const struct verify_result *r)
{
	const struct complete_ranges *gaps = complete_recorded(r->complete), *open = complete_open(r->complete);

	if (gaps->count)
		printf("lost       %llu events in %zu gaps, each recorded in the log itself\n", (unsigned long long)events(gaps), gaps->count);
	else
		printf("lost       no event: the numbers of %llu CPUs (counted per boot) are without a hole\n", (unsigned long long)complete_cpus(r->complete));
	print_ranges("lost", gaps);
	if (open->count)
		printf("open       %llu events of the last moments of a boot: on their way, or cut off by a crash\n", (unsigned long long)events(open));
	print_ranges("open", open);
}

static void print_text(const struct verdict *v)
{
	const struct note_checkpoint *cp = &v->log.checkpoint;
	_buf_ struct buf root = BUF_INIT, since = BUF_INIT, until = BUF_INIT, at = BUF_INIT;

	hex(&cp->root, sizeof(cp->root), &root);
	printf("valid      %s: %llu records hashed anew, every tile compared\n", cp->origin, (unsigned long long)v->r.records);
	printf("root       %s over %llu records\n", cli_text(&root), (unsigned long long)cp->size);
	printf("signed by  %s%s\n", cp->origin, v->signer ? ", with the key that was given" :
	       ", with the key that the log itself names; hold it against one you know: --vkey");
	if (v->cosigned_utc_s) {
		record_time(v->cosigned_utc_s * 1000000000, false, &at);
		printf("cosigned   by %s at %s, %llu records\n", note_key_name(v->witness), cli_text(&at), (unsigned long long)v->cosigned_form.size);
	} else if (v->cosigned) {
		printf("cosigned   %llu records, by whom was not asked; give --witness\n", (unsigned long long)v->cosigned_form.size);
	} else {
		printf("cosigned   by nobody: whoever holds this host and its key could have written another log\n");
	}
	if (v->r.first)
		printf("pruned     records below %llu: their hashes are there and right, their bytes are not\n", (unsigned long long)v->r.first);
	if (v->r.records + v->r.behind) {
		record_time(v->r.since_utc_ns, false, &since);
		record_time(v->r.until_utc_ns, false, &until);
		printf("times      %s to %s\n", cli_text(&since), cli_text(&until));
	}
	if (v->r.behind || v->r.torn_bytes)
		printf("unsigned   %llu records and %zu bytes behind the checkpoint; they come with the next one\n", (unsigned long long)v->r.behind,
		       v->r.torn_bytes);
	print_losses(&v->r);
}

static bool says_no(int code)
{
	return code == -EBADMSG || code == -EKEYREJECTED;
}

int cmd_log_verify(struct cli *c)
{
	struct verdict v = { .log = { .dir_fd = -1, .keys_fd = -1 } };
	struct err e = { 0 };
	int code = cli_log_open(c, &v.log, &e);

	if (code == 0)
		code = verify(c, &v, &e);
	e.code = code;
	if (says_no(code) && c->json)
		print_json(&v, &e);
	else if (says_no(code))
		fprintf(stderr, "polyward log verify: not valid: %s\n", e.text);
	else if (code < 0)
		(void)cli_fail(c, &e);
	else if (c->json)
		print_json(&v, &e);
	else
		print_text(&v);
	complete_free(v.r.complete);
	note_key_free(v.witness);
	cli_log_close(&v.log);
	return says_no(code) ? CLI_NO : code < 0 ? CLI_FAILED : CLI_YES;
}
