/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a decision to an event: count it, reserve, fill, submit. Refusals and findings of mode audit have a ring of their own and
 * never queue behind what was allowed. Must never change a verdict: an event that finds no room is counted as lost and leaves a hole in
 * the CPU's sequence that the log records.
 */
#ifndef PW_EVENT_BPF_H
#define PW_EVENT_BPF_H

#include "object.bpf.h"
#include "subject.bpf.h"

/* May a permission be remembered in a slot? Loud: yes, but further openings are to be recorded. */
enum pw_keep { PW_KEEP_NOT, PW_KEEP_LOUD, PW_KEEP_QUIET };

/* One operation on its way through the gate. Numbers only, so that it can be handed to functions that are checked by themselves. */
struct pw_op {
	__u64 named; /* address of the dentry where the names begin; only ever read through. 0: not about a file */
	__u64 ino;   /* ... then this is pw_event.target */
	__u32 dev;
	__u32 gen;
	__u32 need;
	__u32 windows;
	__u32 hook;
	__u16 label;
	__u16 label_to;
	__u32 epoch; /* slot epoch before the decision */
	__u32 keep;  /* out: enum pw_keep */
};


/* Write the event of this decision. In event.bpf.c; checked by itself. */
int pw_record(struct pw_op *op, struct pw_decision *d, __u64 roles);

#endif
