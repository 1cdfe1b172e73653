/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory of the hot path: "this task was last allowed this on this inode, unconditionally". Only plain permission is ever
 * remembered: never a refusal, nothing timed, nothing in mode audit. Losing an entry costs time and nothing else. The second half
 * of a task's places says it of a directory: "this task was last allowed this on every file that has its label from this directory",
 * which serves names made and taken away and the first opening of each file. pw_label_giver() says which files these are.
 *
 * Why a reader may trust what it finds. A place is written in this order: task = 0, inode, meta, task. A reader that finds
 * its own address in `task`, then reads inode and meta, then finds its own address again has read what it wrote itself: an entry
 * for a task is only ever written by that task, and whoever else would use the place has stored 0 in `task` before it touched
 * the rest. x86 keeps stores in order and loads in order, which is all that this needs; another architecture needs barriers here.
 *
 * Why an entry does not outlive what it was based on. The epoch is read before the decision is begun and stored with it; policy,
 * moved directories and control groups bump it afterwards. A task that changes its program, user or groups forgets its own
 * entries, a new task those of a predecessor at the same address, and an inode that goes away those that name it.
 */
#ifndef PW_SLOT_BPF_H
#define PW_SLOT_BPF_H

#include "state.bpf.h"

enum pw_slot_bits {
	PW_SLOT_MASK   = MAY_READ | MAY_WRITE | MAY_APPEND, /* what file_permission may be asked for */
	PW_SLOT_QUIET  = 1u << 4, /* needs no record: only then may any hook but file_permission be content with this entry */
	PW_SLOT_CREATE = 1u << 5, /* of a directory: names may be made in it */
	PW_SLOT_DELETE = 1u << 6, /* ... and taken away, of files that have their label from it */
	PW_SLOT_ALL    = PW_SLOT_MASK | PW_SLOT_CREATE | PW_SLOT_DELETE,
};

/* MAY_* above this: permits nothing, but was recorded since it was opened (strict stores). */
#define PW_SLOT_RECORDED_SHIFT 8

/* MAY_* above this, of a directory: allowed on every file that has its label from it, with a record each, of which one is kept (alike.bpf.h). */
#define PW_SLOT_LOUD_SHIFT 12

/*
 * An address as a number that can be hashed and compared. The verifier lets nobody calculate with a kernel pointer, but it does
 * let one be subtracted from another; the same one for all keeps them apart as well as the addresses would.
 */
static __always_inline __u64 pw_id(const void *object)
{
	__u64 id = (__u64)(unsigned long)object;

	asm volatile("%0 -= %1" : "+r"(id) : "r"(&pw_slots));
	return id;
}

static __always_inline __u64 pw_task_id(void)
{
	return pw_id(bpf_get_current_task_btf());
}

/* Where things lie is calculated in bytes: this is the hot path. A task's places follow each other. */
#define PW_SLOT_SET_BYTES (PW_SLOT_WAYS * sizeof(struct pw_slot))
#define PW_SLOT_WAY_BITS  ((PW_SLOT_WAYS / 2 - 1) * sizeof(struct pw_slot))
#define PW_SLOT_IN_BIT    (PW_SLOT_WAYS / 2 * sizeof(struct pw_slot))

static __always_inline struct pw_slot *pw_slot_at(__u64 task, __u64 way_bytes)
{
	__u64 off_bytes = ((task << 2) ^ (task >> 6)) & (sizeof(pw_slots.slot) - PW_SLOT_SET_BYTES);

	off_bytes |= way_bytes & (PW_SLOT_SET_BYTES - sizeof(struct pw_slot));
	asm volatile("" : "+r"(off_bytes)); /* the mask below must stay the last word on it */
	return (void *)pw_slots.slot + (off_bytes & (sizeof(pw_slots.slot) - sizeof(struct pw_slot)));
}

/* The place among the task's that this inode would take, in bytes: for itself, and for the files that have their label from it. */
static __always_inline __u64 pw_slot_way(__u64 inode)
{
	return inode >> 2 & PW_SLOT_WAY_BITS;
}

static __always_inline __u64 pw_slot_way_in(__u64 inode)
{
	return pw_slot_way(inode) | PW_SLOT_IN_BIT;
}

/*
 * How many places name an inode, as of one epoch: what is older is void, and whoever left it there costs nobody anything. Counts are
 * changed together with their epoch, a few tries each; too high a count costs a new epoch at most, too low a one must never be.
 */
#define PW_HELD_TRIES 4

static __always_inline __u64 *pw_slot_held(__u64 inode)
{
	return &pw_slots.held[((inode * 0x9e3779b97f4a7c15ull) >> 40) & (PW_HELD - 1)];
}

/* False: not counted, because somebody counts for a later epoch, or all tries were in vain. */
static __always_inline bool pw_slot_hold(__u64 inode, __u32 epoch)
{
	__u64 *held = pw_slot_held(inode);

	for (int i = 0; i < PW_HELD_TRIES; i++) {
		__u64 was = PW_READ(*held), now = was + 1;

		if ((__u32)(was >> 32) != epoch) {
			if ((__u32)was && (__s32)((__u32)(was >> 32) - epoch) > 0)
				return false;
			now = (__u64)epoch << 32 | 1;
		}
		if (__sync_val_compare_and_swap(held, was, now) == was)
			return true;
	}
	return false;
}

static __always_inline void pw_slot_let_go(__u64 inode, __u32 epoch)
{
	__u64 *held = pw_slot_held(inode);

	for (int i = 0; i < PW_HELD_TRIES; i++) {
		__u64 was = PW_READ(*held);

		if ((__u32)(was >> 32) != epoch || !(__u32)was || __sync_val_compare_and_swap(held, was, was - 1) == was)
			return;
	}
}

/* What this place says that the task may do to the inode: enum pw_slot_bits, and what stands above them; 0: nothing. */
static __always_inline __u32 pw_slot_bits(struct pw_slot *s, __u64 task, __u64 inode)
{
	__u64 meta;

	if (PW_READ(s->task) != task || PW_READ(s->inode) != inode)
		return 0;
	meta = PW_READ(s->meta);
	if (meta >> 16 != PW_READ(pw_state.slot_epoch) || PW_READ(s->task) != task)
		return 0;
	return meta & 0xffff;
}

/* Does this place say that the task may do all of `mask` to the inode? */
static __always_inline bool pw_slot_says(struct pw_slot *s, __u64 task, __u64 inode, __u32 mask)
{
	__u64 meta;

	if (PW_READ(s->task) != task || PW_READ(s->inode) != inode)
		return false;
	meta = PW_READ(s->meta);
	if (meta >> 16 != PW_READ(pw_state.slot_epoch) || (mask & ~(__u32)meta))
		return false;
	return PW_READ(s->task) == task;
}

/* May this task do all of `mask` to this inode, as far as is remembered? */
static __always_inline bool pw_slot_allows(__u64 task, __u64 inode, __u32 mask)
{
	return pw_slot_says(pw_slot_at(task, pw_slot_way(inode)), task, inode, mask);
}

/* ... and to all that has its label from this directory, without a record? */
static __always_inline bool pw_slot_allows_in(const struct inode *dir, __u32 mask)
{
	__u64 task = pw_task_id(), id = pw_id(dir);

	return pw_slot_says(pw_slot_at(task, pw_slot_way_in(id)), task, id, mask | PW_SLOT_QUIET);
}

/* `epoch` was read before the decision; `bits` are of enum pw_slot_bits. Gives up when somebody else is at the place. */
int pw_slot_fill(__u64 inode, __u64 way_bytes, __u32 epoch, __u32 bits);

/*
 * A plain store of 0 needs no lock: whatever it races with, the place then holds one entry whole or none. What nobody is at is given
 * back as well: a place that names an inode for nobody would cost everybody's memory when that inode goes.
 */
static __always_inline void pw_slot_forget(__u64 task)
{
	for (__u32 way = 0; way < PW_SLOT_WAYS; way++) {
		struct pw_slot *s = pw_slot_at(task, way * sizeof(*s));
		__u64 inode;

		if (PW_READ(s->task) != task)
			continue;
		PW_WRITE(s->task, 0);
		if (__sync_val_compare_and_swap(&s->lock, 0, 1))
			continue;
		inode = PW_READ(s->inode);
		if (inode && !PW_READ(s->task)) {
			PW_WRITE(s->inode, 0);
			pw_slot_let_go(inode, (__u32)(PW_READ(s->meta) >> 16));
		}
		PW_WRITE(s->lock, 0);
	}
}

/* The file has another directory meanwhile: what was remembered of this one may rest on that one's label, or come after its end. */
static __always_inline void pw_slot_forget_in(const struct inode *dir)
{
	__u64 task = pw_task_id(), id = pw_id(dir);
	struct pw_slot *s = pw_slot_at(task, pw_slot_way_in(id));

	if (PW_READ(s->task) == task && PW_READ(s->inode) == id)
		PW_WRITE(s->task, 0);
}

static __always_inline bool pw_slot_names(struct pw_slot *s, __u64 inode, __u32 epoch)
{
	return PW_READ(s->inode) == inode && PW_READ(s->meta) >> 16 == epoch;
}

/*
 * The inode's address may serve another one. Usually the task that held it is the one that lets it go, and forgets; if some other
 * place may name it too, all places do.
 */
static __always_inline void pw_slot_inode_gone(__u64 task, __u64 inode)
{
	struct pw_slot *self, *in;
	__u64 held = PW_READ(*pw_slot_held(inode));
	__u32 epoch = (__u32)(held >> 32);
	bool self_names, in_names;

	/* Read in this order: what was counted for an epoch that is over names nobody any more. */
	if (!(__u32)held || epoch != PW_READ(pw_state.slot_epoch))
		return;
	self = pw_slot_at(task, pw_slot_way(inode));
	in = pw_slot_at(task, pw_slot_way_in(inode));
	self_names = pw_slot_names(self, inode, epoch);
	in_names = pw_slot_names(in, inode, epoch);
	if ((__u32)held != (__u32)self_names + in_names) {
		__sync_fetch_and_add(&pw_state.slot_epoch, 1);
		return;
	}
	if (self_names)
		PW_WRITE(self->task, 0);
	if (in_names)
		PW_WRITE(in->task, 0);
}

#endif
