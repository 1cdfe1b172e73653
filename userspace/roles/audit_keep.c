/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Once an hour, what has been kept long enough goes: keys of personal fields, and bundles of records. A wall clock that jumps must not
 * destroy anything: it counts only after an hour in which it went as the clock that nobody can set.
 */
#include "roles/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LOOK_MS    3600000
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

void sink_retain(struct sink *s)
{
	int64_t now_ms = role_now_ms(), now_utc_s = role_now_utc_s();
	int64_t apart_s = now_utc_s - s->keep_utc_s - (now_ms - s->keep_last_ms) / 1000;
	bool steady = s->keep_utc_s && apart_s >= -AGREE_S && apart_s <= AGREE_S;
	struct err e = { 0 };
	size_t done = 0;

	if (!keep_wants(s) || now_ms < s->keep_at_ms || s->trouble_since_utc_s)
		return;
	s->keep_utc_s = now_utc_s;
	s->keep_last_ms = now_ms;
	if (steady && retention_apply(s->log, &s->retention, now_utc_s * NS_PER_S, &done, &e) < 0)
		role_say(ROLE_AUDIT, "what has been kept long enough stays for now: %s", e.text);
	if (done)
		sink_forget(s);
	s->keep_at_ms = now_ms + (done ? MORE_MS : LOOK_MS);
}
