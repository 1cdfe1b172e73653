/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrative records, the log's state, and the log's directory for a reader. An answer goes out only after what it is about is
 * on disk. The directory is handed out read-only, and never before the reading itself is recorded.
 */
#include "roles/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define MADE_HERE 0xffffu

int sink_record(struct sink *s, struct msg_record *rec, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = (uint8_t)rec->kind, .cpu = MADE_HERE };
	_buf_ struct buf b = BUF_INIT;
	int r;

	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, ipc_text(rec->event, sizeof(rec->event)));
	if (rec->uid != UINT32_MAX)
		record_u64(&b, PW_F_ACTOR_UID, rec->uid);
	if (rec->pid)
		record_u64(&b, PW_F_ACTOR_PID, rec->pid);
	if (rec->gen) {
		record_u64(&b, PW_F_GEN, rec->gen);
		record_bytes(&b, PW_F_POLICY_HASH, rec->policy_hash, sizeof(rec->policy_hash));
	}
	if (*ipc_text(rec->note, sizeof(rec->note)))
		record_text(&b, PW_F_NOTE, rec->note);
	r = record_end(&b, 0);
	if (r < 0)
		return err_set(e, r, "make a record");
	/* While the disk takes nothing, an act must not pile up in memory and appear later as if it had been recorded in time. */
	if (s->trouble_since_utc_s && sink_commit(s, e) < 0)
		return e->code;
	r = audit_append(s->log, &b, e);
	return r < 0 ? r : sink_commit(s, e);
}

void sink_note(struct sink *s, const char *event, const char *note)
{
	struct msg_record rec = { .kind = PW_REC_MODE, .uid = UINT32_MAX };
	struct err e;

	ipc_put(rec.event, sizeof(rec.event), event);
	ipc_put(rec.note, sizeof(rec.note), note);
	(void)sink_record(s, &rec, &e);
}

static void answer_record(struct sink *s, struct msg_record *rec)
{
	struct msg_recorded done = { .id = rec->id, .seq = audit_next_seq(s->log) };
	struct err e = { 0 };

	done.code = sink_record(s, rec, &e);
	if (done.code < 0)
		ipc_put(done.text, sizeof(done.text), e.text);
	(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_RECORDED, &done, NULL);
}

static void answer_status(struct sink *s, uint32_t id)
{
	struct msg_audit st = { .id = id, .rings = s->urgent != NULL, .records = audit_next_seq(s->log), .retries = s->retries,
				.trouble_since_utc_s = s->trouble_since_utc_s };
	char name[AUDIT_NAME_SIZE];

	audit_segment(s->log, name, &st.segment_bytes);
	ipc_put(st.segment, sizeof(st.segment), name);
	if (s->trouble_since_utc_s)
		ipc_put(st.text, sizeof(st.text), s->trouble.text);
	else if (audit_tree_trouble(s->log))
		ipc_put(st.text, sizeof(st.text), audit_tree_trouble(s->log)->text);
	(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_AUDIT_STATUS, &st, NULL);
}

static void answer_log(struct sink *s, const struct msg_order *ask)
{
	struct msg_record rec = { .id = ask->id, .kind = PW_REC_LOGREAD, .uid = ask->uid, .pid = ask->pid };
	struct msg_recorded failed = { .id = ask->id };
	const struct msg_ask given = { .id = ask->id };
	struct err e = { 0 };
	_fd_ int dir_fd = -1;
	_fd_ int keys_fd = -1;

	ipc_put(rec.event, sizeof(rec.event), "log-opened");
	failed.code = sink_record(s, &rec, &e);
	if (failed.code == 0) {
		dir_fd = openat(FD_LOG, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		keys_fd = openat(FD_KEYS, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir_fd < 0 || keys_fd < 0)
			failed.code = err_set(&e, -errno, "open the log directory");
	}
	if (failed.code == 0) {
		const int fds[] = { dir_fd, keys_fd };

		(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_LOG_DIR, &given, fds);
		return;
	}
	ipc_put(failed.text, sizeof(failed.text), e.text);
	(void)ipc_send(s->peers.control, ROLE_AUDIT, ROLE_CONTROL, IPC_RECORDED, &failed, NULL);
}

int sink_hear_kernel(struct sink *s, struct ipc_msg *m)
{
	struct err e = { 0 };

	switch ((int)m->type) {
	case IPC_RINGS:
		if (sink_rings(s, m, &e) < 0)
			role_say(ROLE_AUDIT, "%s", e.text);
		return 0;
	case IPC_IMAGE:
		sink_image(s, m);
		return 0;
	case IPC_UNHOOKED:
		sink_unhook(s);
		return 0;
	case IPC_NOTE:
		if (m->body.as_NOTE.kind != PW_REC_MODE && m->body.as_NOTE.kind != PW_REC_POLICY)
			return -EBADMSG;
		if (sink_record(s, &m->body.as_NOTE, &e) < 0)
			role_say(ROLE_AUDIT, "'%s' is not recorded: %s", m->body.as_NOTE.event, e.text);
		return 0;
	default:
		return -EBADMSG;
	}
}

int sink_hear_control(struct sink *s, struct ipc_msg *m)
{
	switch ((int)m->type) {
	case IPC_RECORD:
		if (m->body.as_RECORD.kind != PW_REC_POLICY && m->body.as_RECORD.kind != PW_REC_MODE)
			return -EBADMSG;
		answer_record(s, &m->body.as_RECORD);
		return 0;
	case IPC_ASK_AUDIT:
		answer_status(s, m->body.as_ASK_AUDIT.id);
		return 0;
	case IPC_ASK_LOG:
		answer_log(s, &m->body.as_ASK_LOG);
		return 0;
	case IPC_ASK_EVENT:
		sink_event(s, &m->body.as_ASK_EVENT);
		return 0;
	case IPC_EVIDENCE:
		sink_evidence(s, &m->body.as_EVIDENCE);
		return 0;
	case IPC_ERASE:
		sink_erase(s, &m->body.as_ERASE);
		return 0;
	case IPC_COSIGN:
		sink_cosign(s, &m->body.as_COSIGN);
		return 0;
	default:
		return -EBADMSG;
	}
}
