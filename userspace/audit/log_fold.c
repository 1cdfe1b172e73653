/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same access again, and nothing between: counted in the record that waits for its commit instead of written once more. A record of
 * N accesses has the numbers of N events that followed each other on one CPU, so nothing becomes less exact but the moments between.
 */
#include "audit/log.h"

#include <errno.h>
#include <string.h>

#define PREFIX_BYTES 2u
#define FOLD_NS      1000000000ull /* from the first to the last */

/* The record of ev has just been taken into the group; full_seq: of the record that says what they share, perhaps itself. */
void log_fold_begin(struct audit_log *l, const struct pw_event *ev, uint64_t full_seq)
{
	struct fold *f = &l->fold;

	f->open = ev->names_len <= PW_NAMES_MAX;
	if (!f->open)
		return;
	f->entry = l->group.count - 1;
	f->full_seq = full_seq;
	f->first_ns = ev->time_boot_ns;
	f->count = 1;
	f->len_bytes = l->group.v[f->entry].len_bytes;
	f->cpu = ev->cpu;
	f->cpu_seq = ev->seq;
	f->ino = ev->ino;
	f->target = ev->target;
	f->mfa_age_s = ev->mfa_age_s;
	f->flags = ev->flags;
	f->names_len = ev->names_len;
	memcpy(f->comm, ev->comm, sizeof(f->comm));
	memcpy(f->names, ev->names, ev->names_len);
}

static bool is_again(const struct fold *f, const struct pw_event *ev)
{
	return ev->ino == f->ino && ev->cpu == f->cpu && ev->seq == f->cpu_seq + f->count && ev->target == f->target &&
	       ev->mfa_age_s == f->mfa_age_s && ev->flags == f->flags && ev->names_len == f->names_len && f->count < PW_COUNT_MAX &&
	       ev->time_boot_ns - f->first_ns < FOLD_NS && !memcmp(ev->comm, f->comm, sizeof(f->comm)) &&
	       !memcmp(ev->names, f->names, f->names_len);
}

bool log_fold(struct audit_log *l, const struct pw_event *ev, const struct event_full *like)
{
	struct fold *f = &l->fold;
	struct pw_record head;
	uint8_t *prefix, *end;
	size_t len_bytes;

	if (!f->open || !like || like->seq != f->full_seq || f->entry + 1 != l->group.count || !is_again(f, ev))
		return false;
	prefix = l->group.bytes + l->group.v[f->entry].off_bytes;
	end = event_u64(prefix + f->len_bytes, PW_F_COUNT, ++f->count);
	len_bytes = (size_t)(end - prefix) - PREFIX_BYTES;
	prefix[0] = (uint8_t)(len_bytes >> 8);
	prefix[1] = (uint8_t)len_bytes;
	memcpy(&head, prefix + PREFIX_BYTES, sizeof(head));
	head.crc = 0;
	head.time_boot_ns = ev->time_boot_ns;
	head.time_utc_ns = (int64_t)ev->time_tai_ns - l->tai_ahead_ns;
	memcpy(prefix + PREFIX_BYTES, &head, sizeof(head));
	record_seal(prefix + PREFIX_BYTES, len_bytes);
	group_grow_last(&l->group, PREFIX_BYTES + len_bytes);
	gaps_time(&l->gaps, ev->cpu, ev->time_boot_ns);
	return true;
}
