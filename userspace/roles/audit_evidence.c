/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the log as evidence: one record for the person it is about, a note that something was made from it, a key destroyed, a
 * witness's line kept. Whoever may ask was decided by polyward-control; what a record says decides whom it is about.
 */
#include "roles/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "audit/tree.h"
#include "base/fd.h"

#define MADE_HERE 0xffffu

static void answer(struct sink *s, uint32_t id, int code, const struct err *e)
{
	struct msg_recorded done = { .id = id, .code = code, .seq = audit_next_seq(s->log) - 1 };

	if (code < 0)
		ipc_put(done.text, sizeof(done.text), e->text);
	(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_RECORDED, &done, NULL);
}

/* Append a record about an act, and have it on disk; while the disk takes nothing it must not pile up and appear later. */
static int record_now(struct sink *s, struct buf *record, struct err *e)
{
	int r = record_end(record, 0);

	if (r < 0)
		return err_set(e, r, "make a record");
	if (s->trouble_since_utc_s && sink_commit(s, e) < 0)
		return e->code;
	r = audit_append(s->log, record, e);
	return r < 0 ? r : sink_commit(s, e);
}

static bool is_zero(const uint8_t *v, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		if (v[i])
			return false;
	return true;
}

void sink_evidence(struct sink *s, struct msg_evidence *m)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_EVIDENCE, .cpu = MADE_HERE };
	_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };

	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, ipc_text(m->what, sizeof(m->what)));
	record_u64(&b, PW_F_ACTOR_UID, m->uid);
	record_u64(&b, PW_F_ACTOR_PID, m->pid);
	record_text(&b, PW_F_QUERY, ipc_text(m->query, sizeof(m->query)));
	if (m->since_utc_ns || m->until_utc_ns) {
		record_i64(&b, PW_F_SINCE, m->since_utc_ns);
		record_i64(&b, PW_F_UNTIL, m->until_utc_ns);
	}
	if (m->tree_size) {
		record_u64(&b, PW_F_TREE_SIZE, m->tree_size);
		record_bytes(&b, PW_F_TREE_ROOT, m->tree_root, sizeof(m->tree_root));
	}
	record_u64(&b, PW_F_ROWS, m->rows);
	if (!is_zero(m->digest, sizeof(m->digest)))
		record_bytes(&b, PW_F_DIGEST, m->digest, sizeof(m->digest));
	if (*ipc_text(m->note, sizeof(m->note)))
		record_text(&b, PW_F_NOTE, m->note);
	answer(s, m->id, record_now(s, &b, &e), &e);
}

void sink_erase(struct sink *s, struct msg_erase *m)
{
	const struct audit_erasure what = { .class_ = ipc_text(m->class_, sizeof(m->class_)), .period = ipc_text(m->period, sizeof(m->period)),
					    .uid = m->uid, .pid = m->pid, .why = ipc_text(m->reason, sizeof(m->reason)) };
	struct err e = { 0 };
	int r = 0;

	if (s->trouble_since_utc_s)
		r = sink_commit(s, &e);
	if (r == 0)
		r = audit_erase(s->log, &what, &e);
	sink_forget(s);
	answer(s, m->id, r, &e);
}

void sink_cosign(struct sink *s, struct msg_cosign *m)
{
	struct err e = { 0 };
	struct tree_hash root;

	memcpy(root.v, m->root, sizeof(root.v));
	answer(s, m->id, audit_cosigned(s->log, m->size, &root, ipc_text(m->line, sizeof(m->line)), &e), &e);
}

/* ---- one record, for the person it is about ---- */

static int open_reader(struct sink *s, struct err *e)
{
	_fd_ int dir_fd = openat(FD_LOG, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_fd_ int keys_fd = openat(FD_KEYS, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd < 0 || keys_fd < 0)
		return err_set(e, -errno, "open the log directory");
	return log_reader_open(take_fd(dir_fd), take_fd(keys_fd), &s->reader, e);
}

void sink_forget(struct sink *s)
{
	log_reader_close(s->reader);
	s->reader = NULL;
}

static int find(struct sink *s, uint64_t seq, struct record_view *ret, struct err *e)
{
	/* Kept from question to question: it remembers places, and a question must not cost a walk through the log. */
	int r = s->reader ? 0 : open_reader(s, e);

	if (r == 0)
		r = log_reader_seek(s->reader, seq, e);
	if (r == 0)
		r = log_reader_next(s->reader, ret, e);
	if (r == 0 || r == -ERANGE)
		return err_say(e, -ENOENT, "the log has no record %llu", (unsigned long long)seq);
	if (r < 0)
		sink_forget(s);
	return r < 0 ? r : 0;
}

static bool is_about(const struct record_view *v, uint32_t uid)
{
	return v->head.kind == PW_REC_ACCESS &&
	       (record_find_u64(v, PW_F_UID, UINT64_MAX) == uid || record_find_u64(v, PW_F_LOGIN_UID, UINT64_MAX) == uid);
}

/* The record with the fields that stand in others in their place. */
static void in_plain(const struct record_view *v, struct buf *ret)
{
	const struct { const uint8_t *p; size_t len_bytes; } part[] = { { v->fields, v->fields_len_bytes }, { v->shared, v->shared_len_bytes },
									{ v->personal, v->personal_len_bytes } };

	record_begin(ret, &v->head);
	for (size_t i = 0; i < 3; i++)
		for (size_t at = 0; at < part[i].len_bytes;) {
			struct pw_field f;

			memcpy(&f, part[i].p + at, sizeof(f));
			at += sizeof(f);
			if ((!v->personal || (f.tag != PW_F_SEALED_BY && f.tag != PW_F_SEALED_AT)) && (!v->shared || f.tag != PW_F_LIKE))
				record_bytes(ret, f.tag, part[i].p + at, f.len_bytes);
			at += f.len_bytes;
		}
	if (record_end(ret, 0) < 0)
		ret->failed = true;
}

/* The image that decided: what is held, or kept on disk; else an empty file. */
static int image_of_record(struct sink *s, const struct record_view *v, int *ret_fd)
{
	uint32_t gen = (uint32_t)record_find_u64(v, PW_F_GEN, 0);
	const struct held *h = &s->images[gen % PW_GENERATIONS];
	const uint8_t *hash;
	size_t hash_bytes;

	if (record_find(v, PW_F_POLICY_HASH, &hash, &hash_bytes) && hash_bytes <= sizeof(h->img.head->policy_hash)) {
		if (h->fd >= 0 && h->gen == gen && !memcmp(h->img.head->policy_hash, hash, hash_bytes))
			return fd_sealed("polyward-image", h->bytes, h->len_bytes, ret_fd);
		if (audit_find_policy(s->log, hash, hash_bytes, v->head.time_utc_ns, ret_fd) == 0)
			return 0;
	}
	return fd_sealed("polyward-image", "", 0, ret_fd);
}

/* That somebody was shown a record is in the log before he is. */
static int record_shown(struct sink *s, const struct msg_event *ask, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_LOGREAD, .cpu = MADE_HERE };
	_buf_ struct buf b = BUF_INIT, note = BUF_INIT;

	buf_printf(&note, "record %llu", (unsigned long long)ask->seq);
	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, "record-shown");
	record_u64(&b, PW_F_ACTOR_UID, ask->uid);
	record_u64(&b, PW_F_ACTOR_PID, ask->pid);
	record_text(&b, PW_F_NOTE, note.data ? note.data : "");
	return record_now(s, &b, e);
}

void sink_event(struct sink *s, const struct msg_event *ask)
{
	struct msg_shown found = { .id = ask->id };
	_buf_ struct buf plain = BUF_INIT;
	struct record_view v = { .personal = NULL };
	struct err e = { 0 };
	_fd_ int record_fd = -1;
	_fd_ int image_fd = -1;
	int r = sink_commit(s, &e); /* a person asks about what happened just now */

	if (r == 0)
		r = find(s, ask->seq, &v, &e);
	if (r == 0 && !ask->all && !is_about(&v, ask->uid))
		r = err_say(&e, -EACCES, "record %llu is not about you; `polyward log` shows all records to whoever may read the log",
			    (unsigned long long)ask->seq);
	if (r == 0) {
		found.erased = v.state == RECORD_ERASED;
		in_plain(&v, &plain);
		r = plain.failed ? -ENOMEM : fd_sealed("polyward-record", plain.data, plain.len_bytes, &record_fd);
		if (r == 0)
			r = image_of_record(s, &v, &image_fd);
		if (r < 0)
			err_set(&e, r, "hand a record out");
		else
			r = record_shown(s, ask, &e);
	}
	if (r == 0) {
		const int fds[] = { record_fd, image_fd };

		(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_EVENT, &found, fds);
		return;
	}
	answer(s, ask->id, r, &e);
}
