// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow half of the gate: subject, table, decision, event. Every function here is checked by the verifier once and by itself.
 * Must never let pass what it could not decide.
 */
#include "gate.bpf.h"
#include "own.bpf.h"
#include "slot.bpf.h"
#include "table.bpf.h"

__u32 pw_windows_open(void)
{
	__u32 leased = PW_READ(pw_state.leased), open = 0;
	__u64 now_ns;

	if (!leased)
		return 0;
	now_ns = bpf_ktime_get_boot_ns();
	for (__u32 w = 0; w < PW_WINDOWS_MAX; w++)
		open |= (__u32)(now_ns < PW_READ(pw_state.lease_ns[w])) << w;
	return open & leased;
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

/* The window in which the installed programs are replaced. */
static __always_inline bool pw_upgrading(__u32 label)
{
	return label == PW_LABEL_OWN_INSTALL && bpf_ktime_get_boot_ns() < PW_READ(pw_state.upgrade_until_ns);
}

/*
 * What no label is known of, on a filesystem that is looked at for polyward's own directories alone, may be one of polyward's
 * files, and is treated as if it were. And an upgrade keeps the old program under a second name while it puts the new one in place.
 */
static __noinline bool pw_spares(struct pw_op *op, __u32 reason)
{
	if (reason == PW_R_DEPTH)
		return pw_attr(PW_ATTR_DEV, op->gen, op->dev, 0) == PW_DEV_OWN &&
		       (!pw_own_refuses(op->need, 0) || pw_is_own() || !pw_guarded());
	return reason == PW_R_BORDER && op->label_to == PW_LABEL_OUTSIDE && pw_upgrading(op->label);
}

int pw_refuse(struct pw_op *op, __u32 reason)
{
	struct pw_decision d = { .verdict = PW_DENY, .reason = (__u8)reason };
	struct pw_subject who = {};

	if (!op)
		return 1;
	pw_subject_now(&who, op->gen);
	if (pw_is_self(&who, op->need) || pw_spares(op, reason))
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

/*
 * No record, no access: an access to a strict store passes only after its record has found room. A read through an opened
 * descriptor goes by the record of the opening, but not while nothing more could be recorded: a stopped recorder stops it too.
 * 1: refused, and *d says so.
 */
static __noinline int pw_strict(struct pw_op *op, struct pw_decision *d, __u64 roles)
{
	bool seen = (op->flags & PW_OP_RECORDED) && d->verdict == PW_ALLOW;

	op->flags |= PW_OP_STRICT;
	if (seen ? pw_can_record() : !pw_record(op, d, roles)) {
		op->keep = d->verdict == PW_ALLOW ? PW_KEEP_RECORDED : PW_KEEP_NOT;
		op->flags &= (__u16)~PW_OP_STRICT;
		return 0;
	}
	op->flags &= (__u16)~PW_OP_STRICT;
	*d = (struct pw_decision){ .missing = op->need, .verdict = PW_DENY, .reason = PW_R_UNRECORDED };
	return 1;
}

/*
 * What polyward itself consists of. No table has a say, nothing that is allowed is recorded, and what an open window lets pass is
 * not remembered.
 */
static __noinline bool pw_own_lets(struct pw_op *op)
{
	struct task_struct *task = bpf_get_current_task_btf();
	/* Who serves files to others does so with their credentials: nfsd's threads are no loop device's. */
	bool kernels_own = (task->flags & PF_KTHREAD) && task->cred == task->real_cred;
	bool refused = op->label == PW_LABEL_OWN_BACKING ?
		pw_backing_refuses(op->need, kernels_own) :
		op->label == PW_LABEL_OWN_SIGNER ? pw_signer_refuses(op->need, 0) : pw_own_refuses(op->need, 0);

	if (refused && pw_guarded() && !pw_is_own())
		return pw_upgrading(op->label);
	op->keep = PW_KEEP_QUIET;
	return true;
}

#define PW_FLEETING (1u << 31) /* beside enum pw_cell_flag: who it is may be another the next moment */

/* Count it, record it, and say whether it may be remembered. 1: refused. A frame of its own, which is not there while roles are computed. */
static __noinline int pw_settle(struct pw_op *op, struct pw_decision *d, __u64 roles, __u32 flags)
{
	if ((flags & PW_CELL_STRICT) && d->verdict != PW_DENY && !pw_strict(op, d, roles)) {
		pw_count(d);
		return 0;
	}
	pw_count(d);
	if (d->verdict != PW_ALLOW || (flags & PW_CELL_LOG_ALL))
		pw_record(op, d, roles);
	if (d->verdict == PW_ALLOW && !d->timed && !(flags & (PW_CELL_AUDIT | PW_FLEETING)))
		op->keep = (flags & PW_CELL_LOG_ALL) ? PW_KEEP_LOUD : PW_KEEP_QUIET;
	return d->verdict == PW_DENY;
}

int pw_judge(struct pw_op *op)
{
	struct pw_decision d = { .verdict = PW_DENY, .reason = PW_R_INTERNAL };
	struct pw_subject who = {};
	__u32 flags = 0;

	if (!op)
		return 1;
	if (op->label >= PW_LABEL_OWN_FIRST && pw_own_lets(op))
		return 0;
	pw_subject_now(&who, op->gen);
	if (pw_is_self(&who, op->need))
		return 0;
	d.missing = op->need;
	if (op->label < PW_LABEL_OWN_FIRST)
		flags = (__u32)pw_decide(op, &who, &d);
	else
		d.reason = PW_R_GUARD;
	return pw_settle(op, &d, who.roles, who.epoch ? flags : flags | PW_FLEETING);
}

int pw_slot_fill(__u64 inode, __u64 way_bytes, __u32 epoch, __u32 bits)
{
	__u64 task = pw_task_id();
	struct pw_slot *s = pw_slot_at(task, way_bytes);
	__u64 before, was, meta = (__u64)epoch << 16 | bits;
	bool named;

	/* No memory while a revert is pending: it takes effect by the clock, and the hot path reads none. */
	if (!epoch || PW_READ(pw_state.revert_at_ns) || __sync_val_compare_and_swap(&s->lock, 0, 1))
		return 0;
	before = PW_READ(s->inode);
	was = PW_READ(s->meta);
	named = before == inode && was >> 16 == epoch;
	if (PW_READ(s->task) == task && named)
		meta |= was;
	/* A place that names an inode is in that inode's count at all times: pw_slot_inode_gone() relies on it. */
	if (named || pw_slot_hold(inode, epoch)) {
		PW_WRITE(s->task, 0);
		PW_WRITE(s->inode, inode);
		PW_WRITE(s->meta, meta);
		if (before && !named)
			pw_slot_let_go(before, (__u32)(was >> 16));
		PW_WRITE(s->task, task);
	}
	PW_WRITE(s->lock, 0);
	return 0;
}

