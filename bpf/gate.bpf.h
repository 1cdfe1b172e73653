/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The gate: what every hook asks. Label, subject, table, decision, event, errno, in this order and here alone. A hook gathers its
 * arguments, says what the operation needs and returns what the gate says. Must never let pass what it could not decide.
 */
#ifndef PW_GATE_BPF_H
#define PW_GATE_BPF_H

#include "event.bpf.h"
#include "slot.bpf.h"

/* May the subject do op->need to op->label? Counts and records. 1: refused. In gate.bpf.c; checked by itself. */
int pw_judge(struct pw_op *op);

/*
 * What the table says, without counting or recording it: *d is a refusal for want of an answer until it has. Returns the flags of the cells.
 * Likewise.
 */
int pw_decide(struct pw_op *op, struct pw_subject *who, struct pw_decision *d);

/* A refusal that no table has a say in: at a border, at a root, or for want of knowledge. 1, but for our own loader's looks. */
int pw_refuse(struct pw_op *op, __u32 reason);

/* The one place where a verdict becomes an errno. Newer kernels want to see that a hook returns no other number. */
static __always_inline int pw_errno(int refused)
{
	return refused ? -EACCES : 0;
}

/* Begin an operation: what it is, under which generation. 0: no policy, nothing to ask. */
static __always_inline bool pw_begin(struct pw_op *op, struct inode *inode, struct dentry *named, __u32 need, __u32 hook)
{
	__builtin_memset(op, 0, sizeof(*op));
	op->epoch = PW_READ(pw_state.slot_epoch);
	op->gen = pw_generation();
	if (!op->gen || !inode)
		return false;
	op->named = (__u64)(unsigned long)named;
	op->ino = inode->i_ino;
	op->dev = inode->i_sb->s_dev;
	op->need = need;
	op->hook = hook;
	return true;
}

/* Judge with this label, or refuse for want of one: 1 refused, 0 not. Outside every store everything may be remembered. */
static __always_inline int pw_ask(struct pw_op *op, long label)
{
	if (label < 0)
		return pw_refuse(op, PW_R_DEPTH);
	op->label = (__u16)(label & PW_ROOT_LABEL);
	if (op->label == PW_LABEL_OUTSIDE) {
		op->keep = PW_KEEP_QUIET;
		return 0;
	}
	return pw_judge(op);
}

/*
 * The whole of it for an operation on one object. dentry is the inode's; `named` is where the event's names begin: the same, or a
 * name that is being made below it.
 */
PW_STEP int pw_check(struct inode *inode, struct dentry *dentry, struct dentry *named, __u32 need, __u32 hook)
{
	struct pw_op op;

	if (!pw_begin(&op, inode, named, need, hook))
		return 0;
	return pw_errno(pw_ask(&op, pw_label(inode, dentry, op.gen)));
}

/* The same for an open file. */
PW_STEP int pw_check_open(struct file *file, __u32 need, __u32 hook)
{
	struct pw_op op;

	if (!pw_begin(&op, file->f_inode, file->f_path.dentry, need, hook))
		return 0;
	return pw_errno(pw_ask(&op, pw_label_file(file, op.gen)));
}

/* Remember what was just allowed, for this inode: `bits` are of enum pw_slot_bits. */
static __always_inline void pw_remember(const struct pw_op *op, const struct inode *inode, __u32 bits)
{
	__u64 id = pw_id(inode);

	if (op->keep == PW_KEEP_NOT)
		return;
	if (op->keep == PW_KEEP_RECORDED)
		bits <<= PW_SLOT_RECORDED_SHIFT;
	if (op->label == PW_LABEL_OUTSIDE)
		bits = PW_SLOT_MASK;
	if (op->keep == PW_KEEP_QUIET)
		bits |= PW_SLOT_QUIET;
	pw_slot_fill(id, pw_slot_way(id), op->epoch, bits);
}

/* ... and for all that has its label from this directory, if none of that needs a record. */
static __always_inline void pw_remember_in(const struct pw_op *op, const struct inode *dir, __u32 bits)
{
	__u64 id = pw_id(dir);

	if (op->keep != PW_KEEP_QUIET)
		return;
	if (op->label == PW_LABEL_OUTSIDE)
		bits = PW_SLOT_ALL;
	pw_slot_fill(id, pw_slot_way_in(id), op->epoch, bits | PW_SLOT_QUIET);
}

/* Reading a directory is listing it. */
static __always_inline __u32 pw_need_on(const struct inode *inode, __u32 need)
{
	return (need & PW_A_READ) && pw_is_dir(inode) ? (need & ~PW_A_READ) | PW_A_LIST : need;
}

#endif
