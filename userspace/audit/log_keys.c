/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destroying keys of sealed fields, and saying so in the log: that it was asked for before, and what was destroyed after. The records
 * stay, and every proof about them stays; nobody can read their personal fields again.
 */
#include "audit/log.h"

#include <errno.h>
#include <string.h>

#define IDS_MAX 64u /* named in the log; a class has one key a month, and one more for each time that it was destroyed */

static int record(struct audit_log *l, const struct audit_erasure *what, const char *event, const struct seal_id *id, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ERASURE, .cpu = LOG_NO_CPU };
	_buf_ struct buf b = BUF_INIT;
	int code;

	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, event);
	record_text(&b, PW_F_CLASS, what->class_);
	record_text(&b, PW_F_PERIOD, what->period);
	if (id)
		record_bytes(&b, PW_F_SEAL_KEY, id->v, sizeof(id->v));
	if (what->uid != UINT32_MAX)
		record_u64(&b, PW_F_ACTOR_UID, what->uid);
	if (what->pid)
		record_u64(&b, PW_F_ACTOR_PID, what->pid);
	if (what->why && what->why[0])
		record_text(&b, PW_F_NOTE, what->why);
	code = record_end(&b, 0);
	return code < 0 ? err_set(e, code, "record an erasure") : audit_append(l, &b, e);
}

static bool is_period(const char *text)
{
	if (strlen(text) != SEAL_PERIOD_SIZE - 1 || text[4] != '-')
		return false;
	for (size_t i = 0; i < SEAL_PERIOD_SIZE - 1; i++)
		if (i != 4 && (text[i] < '0' || text[i] > '9'))
			return false;
	return true;
}

int audit_erase(struct audit_log *l, const struct audit_erasure *what, struct err *e)
{
	struct seal_id ids[IDS_MAX];
	size_t count = 0;
	int code, later = 0;

	if (l->seals.keys_fd < 0)
		return err_say(e, -ENOENT, "this log has no keys");
	if (!what->class_[0] || strlen(what->class_) >= SEAL_CLASS_MAX || strchr(what->class_, '\n') || !is_period(what->period))
		return err_say(e, -EINVAL, "a key is named by a data class and a month, as in: phi 2026-11");
	code = seals_find(&l->seals, what->class_, what->period);
	if (code <= 0)
		return code < 0 ? err_set(e, code, "look for the key")
				: err_say(e, -ENOENT, "there is no key of class %s for %s: nothing was sealed under it, or it is destroyed already",
					  what->class_, what->period);
	/* What waits is sealed with the key that goes: to the disk with it first. */
	code = record(l, what, "erase-asked", NULL, e);
	if (code == 0)
		code = audit_commit(l, e);
	if (code < 0)
		return err_add(e, "nothing is destroyed, because it cannot be recorded");
	code = seals_erase(&l->seals, what->class_, what->period, ids, IDS_MAX, &count, e);
	for (size_t i = 0; i < count && i < IDS_MAX && later == 0; i++)
		later = record(l, what, "erased", &ids[i], e);
	if (later == 0 && count)
		later = audit_commit(l, e);
	if (code == 0 && later < 0)
		return err_wrap(e, "the key is destroyed, and that is not in the log yet");
	return code;
}
