/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward explain EVENT: a record of the log, the policy that it names, and the same decision made again. If that gives another answer,
 * both are shown and the exit code is that of a failure: either the record or the policy is not what it says it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/client.h"
#include "cli/explain_event.h"
#include "cli/when.h"

#define PATH_WINDOW_NS (INT64_C(3600) * 1000000000)

static int told_policy(const struct event_told *t, struct recorded_explanation *ret, struct err *e)
{
	return policy_explain_recorded(t->policy->ast, &t->policy->img, &t->ev.rec, ret, e);
}

/* --policy FILE: compiled as of the event, and the same policy as the record names. */
static int policy_of_file(const struct cli *c, const char *file, const struct event *ev, struct archived *ret, struct err *e)
{
	struct cli_policy p = { 0 };
	_buf_ struct buf bytes = BUF_INIT;
	int code = cli_policy_load(c, file, false, &p), r = 0;

	if (code != CLI_YES)
		return err_say(e, -EINVAL, "policy %s cannot be used", file);
	if (policy_compile(p.ast, p.names, ev->rec.utc_s, p.diags, &bytes) < 0)
		r = err_say(e, -EINVAL, "policy %s cannot be compiled: polyward check %s says why", file, file);
	cli_policy_free(&p);
	if (r == 0) {
		r = archived_open(bytes.data, bytes.len_bytes, ret, e);
		bytes = (struct buf)BUF_INIT;
	}
	if (r == 0 && (!ev->hash_len_bytes || memcmp(ret->img.head->policy_hash, ev->hash, ev->hash_len_bytes) != 0)) {
		archived_free(ret);
		return err_say(e, -EINVAL, "%s is another policy than the one that decided this; polyward replay %s shows what it would have "
			       "decided", file, file);
	}
	return r;
}

/* Recorded where the daemon records who reads: the explanation, with the digest of what was shown. */
static int record_evidence(const struct event_told *t, const json_t *doc, struct err *e)
{
	struct msg_evidence m = { .since_utc_ns = t->v->head.time_utc_ns, .until_utc_ns = t->v->head.time_utc_ns, .rows = 1,
				  .what = "explanation" };
	_free_ char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return err_set(e, -ENOMEM, "record the explanation");
	(void)snprintf(m.query, sizeof(m.query), "explain\n%llu", (unsigned long long)t->ev.seq);
	if (t->log->has_checkpoint) {
		m.tree_size = t->log->checkpoint.size;
		memcpy(m.tree_root, t->log->checkpoint.root.v, sizeof(m.tree_root));
	}
	SHA256((const unsigned char *)text, strlen(text), m.digest);
	return client_evidence(&m, e) < 0 ? err_wrap(e, "the explanation could not be recorded, and is not shown without that") : 0;
}

static int write_html(const struct cli *c, const json_t *doc)
{
	const char *file = cli_opt(c, "html");
	_buf_ struct buf b = BUF_INIT;
	struct err e;
	int r;

	explain_html(doc, &b);
	r = fd_replace_path(file, cli_text(&b), b.len_bytes, 0600);
	if (r == 0)
		return CLI_YES;
	(void)err_set(&e, r, "write %s", file);
	return cli_fail(c, &e);
}

static int show(const struct cli *c, const struct event_told *t)
{
	json_t *doc = explain_doc(t);
	struct err e;
	int code = CLI_YES;

	if (!doc)
		cli_no_memory();
	if (t->log && t->log->from_daemon && record_evidence(t, doc, &e) < 0) {
		json_decref(doc);
		return cli_fail(c, &e);
	}
	if (cli_opt(c, "html"))
		code = write_html(c, doc);
	else if (!c->json)
		explain_text(doc);
	if (c->json)
		cli_print_json(doc);
	else
		json_decref(doc);
	if (code != CLI_YES)
		return code;
	if (t->policy && t->x.replayed && !t->x.agrees) {
		fprintf(stderr, "polyward explain: the record of event %llu and the replay disagree; polyward log verify shows whether the log was "
			"changed\n", (unsigned long long)t->ev.seq);
		return CLI_FAILED;
	}
	return t->ev.rec.verdict == PW_DENY ? CLI_NO : CLI_YES;
}

/* With whatever policy is at hand. */
static int explain_and_show(const struct cli *c, struct event_told *t)
{
	struct err e;
	int code;

	if (t->policy && event_bind(&t->ev, &t->policy->img) < 0) {
		(void)err_say(&t->why, -EINVAL, "the policy that is at hand has no purpose '%s', so it did not decide this", t->ev.purpose);
		t->policy = NULL;
	}
	if (t->policy && told_policy(t, &t->x, &e) < 0)
		return cli_fail(c, &e);
	code = show(c, t);
	recorded_explanation_free(&t->x);
	return code;
}

static int name_user(const struct cli *c, struct event *ev, struct err *e)
{
	const char *root = cli_opt(c, "root");
	struct event_users *users = NULL;
	struct names names = { 0 };
	int r = root ? names_root(root, &names, e) : 0;

	if (r == 0)
		r = event_users_open(root ? &names : NULL, &users, e);
	if (r == 0)
		event_name_user(ev, users);
	event_users_close(users);
	if (root)
		names_free(&names);
	return r;
}

static int tell_record(const struct cli *c, const struct record_view *v, const struct cli_log *log, const struct archived *given)
{
	struct event_told t = { .v = v, .log = log, .policy = given, .policy_from = "daemon" };
	const char *file = cli_opt(c, "policy");
	struct archive *archive = NULL;
	struct archived own = { 0 };
	struct err e;
	int code;

	if (event_read(v, &t.ev) < 0) {
		(void)err_say(&e, -EINVAL, "event %llu is no access (it is of kind %s); polyward log shows it",
			      (unsigned long long)v->head.seq, record_kind_word(v->head.kind) ? record_kind_word(v->head.kind) : "unknown");
		return cli_fail(c, &e);
	}
	if (name_user(c, &t.ev, &e) < 0)
		return cli_fail(c, &e);
	if (file) {
		if (policy_of_file(c, file, &t.ev, &own, &e) < 0)
			return cli_fail(c, &e);
		t.policy = &own;
		t.policy_from = "file";
	} else if (log) {
		t.policy_from = "log";
		code = archive_open(log->dir_fd, &archive, &t.why);
		if (code == 0)
			code = archive_find(archive, t.ev.hash, t.ev.hash_len_bytes, v->head.time_utc_ns, &t.policy, &t.why);
		/* Without the policy the record alone is shown; but not because it could not be read just now. */
		if (code < 0 && !archive_absent(code)) {
			archive_close(archive);
			return cli_fail(c, &t.why);
		}
		if (code < 0)
			t.policy = NULL;
	} else if (!given) {
		(void)err_say(&t.why, -ENOENT, "the daemon has not kept the policy of that generation");
	}
	code = explain_and_show(c, &t);
	archive_close(archive);
	archived_free(&own);
	return code;
}

/* The caller may not read the log: his own record from the daemon. */
static int own_event(const struct cli *c, uint64_t seq)
{
	_buf_ struct buf record = BUF_INIT, image = BUF_INIT;
	struct archived policy = { 0 };
	struct record_view v;
	struct err e;
	size_t used;
	bool there, erased = false;
	int code;

	if (client_event(seq, &record, &image, &erased, &e) < 0)
		return cli_fail(c, &e);
	if (record_parse((const uint8_t *)record.data, record.len_bytes, &v, &used) < 0 || v.head.seq != seq) {
		(void)err_say(&e, -EBADMSG, "what the daemon handed out is not the record of event %llu", (unsigned long long)seq);
		return cli_fail(c, &e);
	}
	if (erased && v.state == RECORD_SEALED)
		v.state = RECORD_ERASED;
	there = image.len_bytes > 0;
	if (there) {
		code = archived_open(image.data, image.len_bytes, &policy, &e);
		image = (struct buf)BUF_INIT;
		if (code < 0)
			return cli_fail(c, &e);
	}
	code = tell_record(c, &v, NULL, there ? &policy : NULL);
	archived_free(&policy);
	return code;
}

int explain_event(struct cli *c, uint64_t seq)
{
	struct cli_log log;
	struct record_view v;
	struct err e = { 0 };
	int code = cli_log_open(c, &log, &e);

	if (code < 0)
		return (code == -EACCES || code == -EPERM) && !cli_opt(c, "dir") ? own_event(c, seq) : cli_fail(c, &e);
	code = log_reader_seek(log.reader, seq, &e);
	if (code == 0)
		code = log_reader_next(log.reader, &v, &e);
	if (code == 0)
		code = err_say(&e, -ERANGE, "the log has no event %llu yet", (unsigned long long)seq);
	code = code < 0 ? cli_fail(c, &e) : tell_record(c, &v, &log, NULL);
	cli_log_close(&log);
	return code;
}

/* ---- a path instead of a number ---- */

struct looked { uint64_t refused, passed, gaps, unread; bool any_refused, any_passed; };

static bool is_about(const struct record_view *v, const char *path, int64_t since_ns, int64_t until_ns, struct looked *l)
{
	const uint8_t *p;
	size_t n;

	if (v->head.time_utc_ns < since_ns || v->head.time_utc_ns > until_ns)
		return false;
	if (v->head.kind == PW_REC_GAP)
		l->gaps++;
	if (v->head.kind != PW_REC_ACCESS)
		return false;
	if (!record_find(v, PW_F_PATH, &p, &n)) {
		l->unread += v->state == RECORD_SEALED || v->state == RECORD_ERASED;
		return false;
	}
	return n == strlen(path) && memcmp(p, path, n) == 0;
}

static int look(struct cli_log *log, const char *path, int64_t since_ns, int64_t until_ns, struct looked *ret, struct err *e)
{
	struct record_view v;
	int code = event_seek(log->reader, since_ns, e);

	while (code == 0 && (code = log_reader_next(log->reader, &v, e)) == 1) {
		code = 0;
		if (v.head.time_utc_ns > until_ns + PATH_WINDOW_NS)
			break;
		if (!is_about(&v, path, since_ns, until_ns, ret))
			continue;
		if (record_find_u64(&v, PW_F_VERDICT, PW_ALLOW) == PW_DENY) {
			ret->refused = v.head.seq;
			ret->any_refused = true;
		} else {
			ret->passed = v.head.seq;
			ret->any_passed = true;
		}
	}
	return code;
}

/* Nothing that polyward refused: what the log can say about it, and what it cannot. */
static void tell_none(const struct cli *c, const char *path, const struct looked *l)
{
	static const char *const other = "If it was refused all the same, that was file modes, an ACL, a mount option or another LSM.";
	_buf_ struct buf clean = BUF_INIT;

	buf_add_escaped(&clean, path, strlen(path));
	if (c->json) {
		json_t *doc = json_pack("{s:n, s:s, s:s, s:s, s:I, s:I}", "event", "path", cli_text(&clean), "cause",
					l->any_passed ? "not-ours" : "no-record", "decided_by", l->any_passed ? "not-polyward" : "unknown",
					"gaps", (json_int_t)l->gaps, "unreadable_paths", (json_int_t)l->unread);

		if (l->any_passed)
			json_object_set_new(doc, "event", json_integer((json_int_t)l->passed));
		cli_print_json(doc);
		return;
	}
	if (l->any_passed)
		printf("polyward allowed it: event %llu. %s\n", (unsigned long long)l->passed, other);
	else
		printf("the log has no record about %s in that time: it lies in no store, the policy records refusals alone, or nobody came so "
		       "far that polyward was asked. %s\n", cli_text(&clean), other);
	if (l->gaps)
		printf("But events were lost in that time (%llu gaps): a refusal may be among them.\n", (unsigned long long)l->gaps);
	if (l->unread)
		printf("But %llu records of that time have a path that cannot be read here (sealed or erased).\n", (unsigned long long)l->unread);
}

int explain_path(struct cli *c, const char *path)
{
	const char *at = cli_opt(c, "time");
	int64_t until_ns = (int64_t)time(NULL) * 1000000000 + 999999999, since_ns;
	struct looked l = { 0 };
	struct cli_log log;
	struct err e = { 0 };
	int code;

	if (at && when_parse(at, (int64_t)time(NULL), &until_ns, &e) < 0)
		return cli_usage(c, "--time: %s", e.text);
	since_ns = until_ns - PATH_WINDOW_NS;
	code = cli_log_open(c, &log, &e);
	if (code < 0)
		return cli_fail(c, &e);
	code = look(&log, path, since_ns, until_ns, &l, &e);
	cli_log_close(&log);
	if (code < 0)
		return cli_fail(c, &e);
	if (l.any_refused && (!l.any_passed || l.refused > l.passed))
		return explain_event(c, l.refused);
	tell_none(c, path, &l);
	return CLI_YES;
}
