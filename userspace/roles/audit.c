/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-audit: every event of the kernel and every administrative act into the log, in this process alone. Must never change
 * what is written; while the disk takes nothing it leaves events in the ring, so that what is lost is counted by the kernel, and what
 * strict stores may not lose is refused by it.
 */
#include "roles/audit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define RETRY_MS 1000
#define READ_MS  10 /* the kernel wakes nobody while events are held: so often we look for more */

/* 0 go on, 1 the supervisor is gone, -errno a peer broke the rules. */
static int hear(struct sink *s, int *sock, enum role from)
{
	_msg_ struct ipc_msg m = IPC_MSG_INIT;
	int r = ipc_recv(*sock, from, ROLE_AUDIT, 0, &m);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	if (r == 0) {
		if (from == ROLE_SUPERVISOR)
			return 1;
		cleanup_fd(sock);
		return 0;
	}
	if (m.type == IPC_PEER)
		return role_meet(&s->peers, &m) < 0 ? -EBADMSG : 0;
	if (from == ROLE_CONTROL)
		return sink_hear_control(s, &m);
	return sink_hear_kernel(s, &m); /* notes come from the supervisor too */
}

static int wait_ms(const struct sink *s)
{
	int ms = audit_commit_in_ms(s->log);

	if (s->trouble_since_utc_s) {
		int64_t left = s->retry_at_ms - role_now_ms();

		return left < 0 ? 0 : (int)left;
	}
	if (ms < 0 || ms > s->beat_at_ms - role_now_ms())
		ms = s->beat_at_ms > role_now_ms() ? (int)(s->beat_at_ms - role_now_ms()) : 0;
	if (keep_wants(s) && ms > s->keep_at_ms - keep_now_ms())
		ms = s->keep_at_ms > keep_now_ms() ? (int)(s->keep_at_ms - keep_now_ms()) : 0;
	return sink_holds(s) && ms > READ_MS ? READ_MS : ms;
}

/* Records are on disk, but what proves them is not: said once, and once when that is over. */
static void tell_tree(struct sink *s)
{
	const struct err *why = audit_tree_trouble(s->log);

	if (why && !s->tree_told)
		role_say(ROLE_AUDIT, "%s; records are kept, and will be hashed and signed when this is mended", why->text);
	if (!why && s->tree_told)
		role_say(ROLE_AUDIT, "the log is signed again");
	s->tree_told = why != NULL;
}

static int loop(struct sink *s)
{
	for (;;) {
		/* In trouble the rings are left alone: reading them would only lose what they still hold. */
		bool reading = !s->trouble_since_utc_s && s->urgent;
		struct pollfd p[] = {
			{ .fd = s->peers.supervisor, .events = POLLIN }, { .fd = s->peers.kernel, .events = POLLIN },
			{ .fd = s->peers.control, .events = POLLIN },
			{ .fd = reading ? ring_fd(s->urgent) : -1, .events = POLLIN },
			{ .fd = reading && !sink_holds(s) ? ring_fd(s->access) : -1, .events = POLLIN },
		};
		int *socks[] = { &s->peers.supervisor, &s->peers.kernel, &s->peers.control };
		static const enum role from[] = { ROLE_SUPERVISOR, ROLE_KERNEL, ROLE_CONTROL };
		struct err e = { 0 };

		if (poll(p, sizeof(p) / sizeof(p[0]), wait_ms(s)) < 0 && errno != EINTR)
			return -errno;
		if (reading)
			sink_drain(s);
		for (size_t i = 0; i < 3; i++) {
			int r = p[i].revents && *socks[i] == p[i].fd ? hear(s, socks[i], from[i]) : 0;

			if (r)
				return r;
		}
		if (s->trouble_since_utc_s ? role_now_ms() >= s->retry_at_ms : audit_commit_in_ms(s->log) == 0)
			(void)sink_commit(s, &e);
		sink_beat(s, role_now_ms());
		sink_retain(s, keep_now_ms(), role_now_utc_s());
		tell_tree(s);
	}
}

/* The room that is kept behind the log is for this one record. */
static void record_stop(struct sink *s, const char *why)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_MODE, .cpu = UINT16_MAX };
	_buf_ struct buf b = BUF_INIT;
	struct err e;

	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, "log-stopped");
	record_text(&b, PW_F_NOTE, why);
	if (record_end(&b, 0) < 0 || audit_append_first(s->log, &b, &e) < 0)
		role_say(ROLE_AUDIT, "not even that can be recorded");
}

int sink_commit(struct sink *s, struct err *e)
{
	int r = audit_commit(s->log, e);

	if (r == 0)
		sink_release(s);
	if (r < 0) {
		if (!s->trouble_since_utc_s) {
			s->trouble_since_utc_s = role_now_utc_s();
			role_say(ROLE_AUDIT, "%s; events wait in the kernel meanwhile: what finds no room there is counted as a gap, and in strict "
				 "stores refused. Make room for the log", e->text);
			record_stop(s, e->text);
		}
		s->trouble = *e;
		s->retries++;
		s->retry_at_ms = role_now_ms() + RETRY_MS;
	} else if (s->trouble_since_utc_s) {
		s->trouble_since_utc_s = 0;
		role_say(ROLE_AUDIT, "the log can be written again");
		sink_note(s, "log-writable", s->trouble.text);
	}
	return r;
}

int main(void)
{
	struct sink s = { .peers = PEERS_INIT, .images = { HELD_INIT, HELD_INIT, HELD_INIT, HELD_INIT } };
	uint64_t cut_bytes = 0;
	struct err e = { 0 };
	char note[128];
	int r = role_start(&sandbox_audit, FD_RETENTION, &e);

	_Static_assert(PW_GENERATIONS == 4, "one initialiser a slot");
	if (r == 0)
		r = audit_open_signed(&(struct audit_dirs){ FD_LOG, FD_KEYS, FD_SIGNER }, &s.log, &cut_bytes, &e);
	s.beat_seq = UINT64_MAX;
	keep_read(&s);
	if (r == 0)
		r = role_ready(ROLE_AUDIT, &s.peers, &e);
	if (r < 0) {
		role_say(ROLE_AUDIT, "%s", e.text);
		return ROLE_FAILED;
	}
	if (cut_bytes) {
		(void)snprintf(note, sizeof(note), "%llu bytes of an unfinished record were cut from the end of the log", (unsigned long long)cut_bytes);
		sink_note(&s, "log-cut", note);
	}
	r = loop(&s);
	if (r < 0)
		role_say(ROLE_AUDIT, "a peer sent what it may not: %s", strerror(-r));
	if (s.urgent) {
		sink_drain(&s);
		(void)sink_commit(&s, &e);
	}
	log_reader_close(s.reader);
	audit_close(s.log);
	return r < 0 ? ROLE_FAILED : 0;
}
