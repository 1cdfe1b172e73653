/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a decision to an event: reserve, count it, fill, submit. Refusals and findings of mode audit have a ring of their own and
 * never queue behind what was allowed. Must never change a verdict: an event that finds no room is counted as lost and leaves a hole in
 * the CPU's sequence that the log records. Only what belongs to a strict store is refused then, by the gate.
 */
#ifndef PW_EVENT_BPF_H
#define PW_EVENT_BPF_H

#include "object.bpf.h"
#include "subject.bpf.h"

/*
 * May a permission be remembered in a slot? Loud: yes, but further openings are to be recorded. Recorded: no, only that there is a
 * record of it, so that a read of what was opened needs no second one.
 */
enum pw_keep { PW_KEEP_NOT, PW_KEEP_LOUD, PW_KEEP_QUIET, PW_KEEP_RECORDED };

enum pw_op_flag {
	PW_OP_RECORDED = 1u << 0, /* in: a record of this task's use of this object stands already */
	PW_OP_STRICT   = 1u << 1, /* in pw_record(): without room for the record there is no access, so nothing is lost either */
	PW_OP_NOTE     = 1u << 2, /* in: the next access may be alike; its record is to be kept */
	PW_OP_NOTED    = 1u << 3, /* out: it is */
};

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
	__u16 keep;  /* out: enum pw_keep */
	__u16 flags; /* enum pw_op_flag */
};

/*
 * Room for one event among those of allowed accesses. The last eighth of the ring is for strict stores: whoever may open files
 * of another one must not be able to lock people out of these by doing so very often.
 */
static __always_inline bool pw_access_has_room(bool strict)
{
	__u64 used_bytes = bpf_ringbuf_query(&pw_access, BPF_RB_AVAIL_DATA);

	return used_bytes + PW_EVENT_ROOM <= (strict ? PW_ACCESS_BYTES - 1 : PW_ACCESS_BYTES - PW_ACCESS_BYTES / 8);
}

/*
 * Write the event of this decision. 0, or -1: there is no room for it. Then it is counted as lost, unless PW_OP_STRICT: the caller
 * refuses instead. In event.bpf.c; checked by itself.
 */
int pw_record(struct pw_op *op, struct pw_decision *d, __u64 roles);

/* Would the record of one more allowed access of a strict store find room? Likewise. */
int pw_can_record(void);

#endif
