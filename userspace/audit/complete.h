/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is every event accounted for? Each CPU numbers its events from 0 in each boot; the numbers of access records and the ranges of gap
 * records must cover everything. Shares nothing with the writer's own count (gaps.c). Fed record by record in the order of the log.
 */
#ifndef AUDIT_COMPLETE_H
#define AUDIT_COMPLETE_H

#include "audit/audit.h"

#define COMPLETE_OPEN_NS 3000000000ull /* a loss is recorded two seconds later at the latest: before that a hole is not a loss yet */

struct complete_range { uint8_t boot_id[16]; uint32_t cpu; uint64_t first, last, before_ns; }; /* before_ns: of a later event, CLOCK_BOOTTIME */
struct complete_ranges { struct complete_range *v; size_t count, cap; };

struct complete;
/* from_start: the log begins with record 0; otherwise the first number of each CPU is where counting starts. */
int  complete_new(bool from_start, struct complete **ret);
void complete_free(struct complete *c);
int  complete_note(struct complete *c, const struct record_view *v); /* -ENOMEM; -EBADMSG: a gap whose end is before its beginning */
/* All records are in: sort out what is left. After that the three below may be asked. */
int  complete_end(struct complete *c);
const struct complete_ranges *complete_recorded(const struct complete *c);  /* gaps that the log says itself, in its order */
const struct complete_ranges *complete_missing(const struct complete *c);   /* in no record and in no gap */
/* So too, but in the last moments of a boot: not recorded yet, or cut off by a crash. */
const struct complete_ranges *complete_open(const struct complete *c);
uint64_t complete_cpus(const struct complete *c);                           /* pairs of boot and CPU that were seen */

#endif
