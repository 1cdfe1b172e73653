// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow half of the gate: subject, table, decision, event. Every function here is checked by the verifier once and by itself.
 * Must never let pass what it could not decide.
 */
#include "gate.bpf.h"
#include "slot.bpf.h"
#include "table.bpf.h"

static __noinline __u32 pw_windows_open(void)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	__u32 open = 0;

	for (__u32 w = 0; w < PW_WINDOWS_MAX; w++)
		open |= (__u32)(now_ns < PW_READ(pw_state.lease_ns[w])) << w;
	return open;
}

static __always_inline void pw_count(const struct pw_decision *d)
{
	__u32 zero = 0;
	struct pw_counters *c = bpf_map_lookup_elem(&pw_counters, &zero);

	if (!c)
		return;
	if (d->verdict == PW_ALLOW)
		__sync_fetch_and_add(&c->allowed, 1);
	else if (d->verdict == PW_AUDIT)
		__sync_fetch_and_add(&c->audited, 1);
	else
		__sync_fetch_and_add(&c->denied, 1);
	if (d->reason == PW_R_INTERNAL || d->reason == PW_R_DEPTH)
		__sync_fetch_and_add(&c->internal, 1);
}

/* Our own loader looks for hard links while a policy is in force: names and numbers, no contents, and no record of each. */
static __always_inline bool pw_is_self(const struct pw_subject *who, __u32 need)
{
	return (who->flags & PW_SUBJECT_SELF) && !(need & ~(PW_A_LIST | PW_A_STAT));
}

int pw_refuse(struct pw_op *op, __u32 reason)
{
	struct pw_decision d = { .verdict = PW_DENY, .reason = (__u8)reason };
	struct pw_subject who = {};

	if (!op)
		return 1;
	pw_subject_now(&who, op->gen);
	if (pw_is_self(&who, op->need))
		return 0;
	d.missing = op->need;
	pw_count(&d);
	pw_record(op, &d, who.roles);
	return 1;
}

/* Ask the table. *d is a refusal for an internal reason until the table has answered. Returns the flags of the cells. */
int pw_decide(struct pw_op *op, struct pw_subject *who, struct pw_decision *d)
{
	struct pw_walk w;

	if (!op || !who || !d)
		return 0;
	w.facts = (struct pw_facts){ .roles = who->roles, .mfa_age_s = PW_MFA_NEVER };
	if (pw_table_open(&w, op->gen, op->label, op->need))
		return 0;
	if (pw_table_fast(&w, who->row) == PW_FAST_ALLOW && !(w.flags & (PW_CELL_AUDIT | PW_CELL_LOG_ALL))) {
		*d = (struct pw_decision){ .verdict = PW_ALLOW, .reason = PW_R_RULE };
		return 0;
	}
	op->windows = w.facts.windows = pw_windows_open();
	*d = pw_table_walk(&w, who->row);
	return (int)w.flags;
}

int pw_judge(struct pw_op *op)
{
	struct pw_decision d = { .verdict = PW_DENY, .reason = PW_R_INTERNAL };
	struct pw_subject who = {};
	__u32 flags;

	if (!op)
		return 1;
	pw_subject_now(&who, op->gen);
	if (pw_is_self(&who, op->need))
		return 0;
	d.missing = op->need;
	flags = (__u32)pw_decide(op, &who, &d);
	pw_count(&d);
	if (d.verdict != PW_ALLOW || (flags & PW_CELL_LOG_ALL))
		pw_record(op, &d, who.roles);
	if (d.verdict == PW_ALLOW && !d.timed && !(flags & PW_CELL_AUDIT))
		op->keep = (flags & PW_CELL_LOG_ALL) ? PW_KEEP_LOUD : PW_KEEP_QUIET;
	return d.verdict == PW_DENY;
}

int pw_slot_fill(__u64 task, __u64 inode, __u32 epoch, __u32 bits)
{
	struct pw_slot *s = pw_slot_at(task, pw_slot_way(inode));
	__u64 before, meta = (__u64)epoch << 16 | bits;

	/* No memory while a revert is pending: it takes effect by the clock, and the hot path reads none. */
	if (!epoch || PW_READ(pw_state.revert_at_ns) || __sync_val_compare_and_swap(&s->lock, 0, 1))
		return 0;
	before = PW_READ(s->inode);
	if (PW_READ(s->task) == task && before == inode && s->meta >> 16 == epoch)
		meta |= PW_READ(s->meta);
	PW_WRITE(s->task, 0);
	/* A place that names an inode is in that inode's count at all times: pw_slot_inode_gone() relies on it. */
	if (before != inode)
		__sync_fetch_and_add(pw_slot_held(inode), 1);
	PW_WRITE(s->inode, inode);
	if (before && before != inode)
		__sync_fetch_and_add(pw_slot_held(before), -1);
	PW_WRITE(s->meta, meta);
	PW_WRITE(s->task, task);
	PW_WRITE(s->lock, 0);
	return 0;
}

