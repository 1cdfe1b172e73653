/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and spans of time as a policy writes them. ISO 8601-1:2019, extended format, years 2000 to 2199. */
#ifndef POLICY_STAMP_H
#define POLICY_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * "2026-12-02T10:00", "2026-12-02T10:00:30", followed by "Z", by an offset ("+01:00"), or by nothing. *ret_s is UTC, or, when
 * *ret_local says that no zone was given, local time counted as if it were UTC. -EINVAL: not such a text.
 */
int stamp_parse(const char *text, size_t len, int64_t *ret_s, bool *ret_local);
/* "2026-12-02T10:00", seconds only when there are any. The caller adds the zone. */
void stamp_add(struct buf *b, int64_t s);
/* "90s", "15m", "8h", "7d", "2w": the largest unit that divides it. */
void stamp_add_duration(struct buf *b, uint64_t s);
/* "19:00", "24:00" to minutes since midnight. -EINVAL. */
int stamp_parse_clock(const char *text, size_t len, uint16_t *ret_min);

#endif
