/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is due by the clock. Once a minute without a record, one that says that we live. Once an hour, what has been kept long enough goes:
 * keys of personal fields, and bundles of records. A wall clock that jumps must not destroy anything: it counts only when it has gone as
 * the clock that nobody can set for an hour, and for a week after it was moved, so that somebody has time to notice.
 */
#include "roles/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BEAT_MS    60000   /* silence is evidence too */
#define LOOK_MS    3600000
#define MOVED_MS   (7 * 24 * (int64_t)LOOK_MS)
#define AGREE_S    60      /* so far may the two clocks drift apart within an hour */
#define MORE_MS    1000    /* when there was much to do: go on after events were read */
#define NS_PER_S   1000000000ll

void keep_read(struct sink *s)
{
	_free_ char *text = malloc(RETENTION_FILE_MAX);
	ssize_t n = text ? pread(FD_RETENTION, text, RETENTION_FILE_MAX, 0) : -1;
	struct err e = { 0 };

	if (n < 0 || n == (ssize_t)RETENTION_FILE_MAX)
		(void)err_set(&e, n < 0 ? -errno : -EFBIG, "read the retention file");
	else if (retention_parse(text, (size_t)n, &s->retention, &e) == 0)
		return;
	s->retention = (struct retention){ .count = 0 };
	role_say(ROLE_AUDIT, "%s; everything is kept until that is mended and polywardd is started again", e.text);
}

bool keep_wants(const struct sink *s)
{
	return s->retention.count || s->retention.records_months;
}

int64_t keep_now_ms(void)
{
	return (int64_t)(role_now_boot_ns() / 1000000);
}

/* Has the wall clock gone right since the last look, and long enough? */
static bool clock_is_steady(struct sink *s, int64_t now_ms, int64_t now_utc_s)
{
	int64_t apart_s = now_utc_s - s->keep_utc_s - (now_ms - s->keep_last_ms) / 1000;
	bool first = !s->keep_utc_s, moved = !first && (apart_s < -AGREE_S || apart_s > AGREE_S);
	char note[160];

	s->keep_utc_s = now_utc_s;
	s->keep_last_ms = now_ms;
	if (moved) {
		s->keep_from_ms = now_ms + MOVED_MS;
		(void)snprintf(note, sizeof(note), "by %lld s, against the clock that counts since boot; for a week nothing is destroyed because of its age",
			       (long long)apart_s);
		role_say(ROLE_AUDIT, "the wall clock was moved %s", note);
		sink_note(s, "clock-moved", note);
	}
	return !first && !moved && now_ms >= s->keep_from_ms;
}

void sink_retain(struct sink *s, int64_t now_ms, int64_t now_utc_s)
{
	struct err e = { 0 };
	size_t done = 0;

	if (!keep_wants(s) || now_ms < s->keep_at_ms || s->trouble_since_utc_s)
		return;
	if (clock_is_steady(s, now_ms, now_utc_s) && retention_apply(s->log, &s->retention, now_utc_s * NS_PER_S, &done, &e) < 0)
		role_say(ROLE_AUDIT, "what has been kept long enough stays for now: %s", e.text);
	if (done)
		sink_forget(s);
	s->keep_at_ms = now_ms + (done ? MORE_MS : LOOK_MS);
}

void sink_beat(struct sink *s, int64_t now_ms)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_HEARTBEAT, .cpu = UINT16_MAX };
	uint64_t next_seq = audit_next_seq(s->log);
	_buf_ struct buf b = BUF_INIT;
	struct err e;

	if (next_seq != s->beat_seq || s->trouble_since_utc_s) {
		s->beat_seq = next_seq;
		s->beat_at_ms = now_ms + BEAT_MS;
		return;
	}
	if (now_ms < s->beat_at_ms)
		return;
	record_begin(&b, &head);
	if (record_end(&b, 0) == 0 && audit_append(s->log, &b, &e) == 0)
		(void)sink_commit(s, &e);
	s->beat_seq = audit_next_seq(s->log);
	s->beat_at_ms = now_ms + BEAT_MS;
}
