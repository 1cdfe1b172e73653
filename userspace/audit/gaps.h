/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which events of each CPU never arrived. Numbers of one CPU come in two rings, so they arrive out of order: a hole is called a loss
 * only when it has stayed open for AUDIT_HOLE_MS. Exact: what is reported lost is what is missing from the log. Private to this folder.
 */
#ifndef AUDIT_GAPS_H
#define AUDIT_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAPS_CPUS_MAX 65535u /* cpu is a 16-bit number, and 0xffff means none */

struct hole { uint64_t first, last, since_ns; };
struct holes { struct hole *v; size_t count, cap; };
struct gaps_cpu {
	bool seen;           /* false: its first event will have number 0 */
	uint64_t next;       /* every number below was noted, stands in a hole, or was reported lost */
	struct holes open, lost;
	uint64_t newest_ns;  /* CLOCK_BOOTTIME of its youngest event so far; 0: not known */
};
struct gaps { struct gaps_cpu *v; size_t count; };

void gaps_free(struct gaps *g); /* also: start again, as after a boot */
/* The first number that the log holds of a CPU, as an event or as lost: nothing is said about those before it. All that return int
 * here: -EINVAL no such CPU, -ENOMEM. */
int gaps_begin(struct gaps *g, uint32_t cpu, uint64_t first);
/*
 * Is this an event that was taken already, offered again? After a crash between the log and the ring it is. Not so a number that is
 * younger than all before: then the counters began again.
 */
bool gaps_known(const struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t time_boot_ns);
void gaps_time(struct gaps *g, uint32_t cpu, uint64_t time_boot_ns); /* of an event that was noted */
/* Event `seq` of a CPU has arrived. */
int gaps_note(struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t now_ns);
/* The event that was noted last is not in the log after all. */
void gaps_unnote(struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t now_ns);
/* Those numbers are recorded as lost. */
void gaps_declare(struct gaps *g, uint32_t cpu, const struct hole *h);
/* The hole that has been open longest. false: there is none. */
bool gaps_oldest(const struct gaps *g, uint32_t *ret_cpu, struct hole *ret);

#endif
