/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long what is kept: dates of laws are data, and stand in a file that somebody answers for. A line of it reads "keys CLASS MONTHS"
 * (after so many whole months the key of that class's personal fields is destroyed) or "records MONTHS" (after so many the bundles go;
 * the tree stays). What no line names is kept for ever. Knows no clock of its own.
 */
#ifndef AUDIT_RETENTION_H
#define AUDIT_RETENTION_H

#include "audit/audit.h"
#include "audit/seal.h"

#define RETENTION_CLASSES_MAX 64u
#define RETENTION_FILE_MAX    16384u
#define RETENTION_MONTHS_MAX  1200u

struct retention {
	struct { char class_[SEAL_CLASS_MAX]; unsigned months; } keys[RETENTION_CLASSES_MAX];
	size_t count;
	unsigned records_months; /* 0: for ever */
};

/* Text of the file; "# ..." and empty lines are passed over. -EINVAL names the line. */
int  retention_parse(const char *text, size_t len_bytes, struct retention *ret, struct err *e);
/*
 * Is a month over for that many months at this moment? "2026-01" kept for 6 months is over from 2026-08-01T00:00Z on: its last day was
 * kept for all of them.
 */
bool retention_over(const char *period, unsigned months, int64_t now_utc_ns);
/*
 * Do what is due at that moment: destroy keys, remove bundles, each recorded. *ret_done: how many. What fails is tried again the next
 * time. The caller vouches for the clock: what is destroyed does not come back.
 */
int  retention_apply(struct audit_log *l, const struct retention *r, int64_t now_utc_ns, size_t *ret_done, struct err *e);

#endif
