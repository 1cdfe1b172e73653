/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One file after the other in a directory whose every opening is recorded: the record of the next one is that of the last but for its
 * number, its time and its name. So a task keeps the record of the last such opening, and writes the next from it. Must never say
 * that something is allowed: that is said by the task's place for the directory (slot.bpf.h, PW_SLOT_LOUD_SHIFT), and ends when that ends.
 *
 * Why what is kept is right. What was decided, and for whom, holds for as long as the place says so: a new policy, another program,
 * other users and groups, a tracer or a new login end it. It stands in the task's own storage, so nobody but the task wrote it, and it
 * goes with the task. The credentials are compared besides. The way up is right for the reasons given in names.bpf.h: the same dentry,
 * under the same epoch. All that may change without a hook (thread name, parent, control group, open windows) is read anew.
 */
#ifndef PW_ALIKE_BPF_H
#define PW_ALIKE_BPF_H

#include "event.bpf.h"
#include "slot.bpf.h"

#define PW_DENTRY_OFF(field) ((__u64)bpf_core_field_offset(struct dentry, field))
#define PW_SHORT_BYTES 32

/* Where a dentry keeps a name of less than PW_SHORT_BYTES. */
static __always_inline __u64 pw_short_off(void)
{
	return bpf_core_field_exists(struct dentry___since_6_14, d_shortname) ?
		       bpf_core_field_offset(struct dentry___since_6_14, d_shortname) : PW_DENTRY_OFF(d_iname);
}

static __always_inline void pw_fill_comm(struct pw_event *ev, const struct task_struct *task)
{
	const __u64 *comm = (const void *)((const char *)task + bpf_core_field_offset(struct task_struct, comm));
	__u64 *to = (__u64 *)ev->comm;

	_Static_assert(sizeof(ev->comm) == 16, "two words");
	to[0] = comm[0];
	to[1] = comm[1];
}

/* What no hook tells of, read for each record. */
static __always_inline void pw_fill_moment(struct pw_event *ev, struct task_struct *task)
{
	ev->cpu = (__u16)bpf_get_smp_processor_id();
	ev->time_boot_ns = bpf_ktime_get_boot_ns();
	ev->time_tai_ns = bpf_ktime_get_tai_ns();
	ev->ppid = (__u32)task->real_parent->tgid;
	ev->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	pw_fill_comm(ev, task);
}

static __always_inline struct pw_alike *pw_alike_of(struct task_struct *task, __u32 mask, __u64 flags)
{
	struct pw_alikes *both = bpf_task_storage_get(&pw_alikes, task, NULL, flags);

	return !both ? NULL : mask & MAY_WRITE ? &both->write : &both->read;
}

/* Keep the record of an allowed opening, whose name has `from` bytes; read under this names epoch. Counts for nothing until it is sealed. */
PW_STEP int pw_alike_note(const struct pw_event *ev, struct pw_op *op, __u64 names_epoch, __u32 from)
{
	struct pw_alike *a = pw_alike_of(bpf_get_current_task_btf(), op->need & PW_A_WRITE ? MAY_WRITE : 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	const __u64 *head = (const __u64 *)ev, *names;
	__u64 at = from;

	if (!a)
		return 0;
	a->dir = 0;
	asm volatile("" : "+r"(at)); /* the verifier is to see that what is compared and what is added are the same number */
	if (!at || at > PW_NAMES_MAX - PW_CHAIN_BYTES || ev->names_len < at || ev->names_len - at > PW_CHAIN_BYTES)
		return 0;
	names = (const __u64 *)(ev->names + at);
	for (__u32 i = 0; i < PW_EVENT_HEAD / 8; i++)
		a->head[i] = head[i];
	for (__u32 i = 0; i < PW_CHAIN_BYTES / 8; i++)
		a->names[i] = names[i];
	a->len_bytes = (__u32)(ev->names_len - at);
	a->names_epoch = names_epoch;
	op->flags |= PW_OP_NOTED;
	return 0;
}

/* What was noted is the record of this opening: so it is for all that has its label from this directory, to do the same. */
PW_STEP int pw_alike_seal(struct file *file, const struct inode *giver, __u32 epoch, __u32 mask)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_alike *a = pw_alike_of(task, mask, 0);
	const struct cred *cred = task->real_cred;
	struct dentry *up = file->f_path.dentry->d_parent;
	__u64 dir = pw_id(giver);

	if (!a || !cred || !up)
		return 0;
	a->cred = pw_id(cred);
	a->up = pw_id(up);
	a->mask = mask;
	a->dir = dir;
	return pw_slot_fill(dir, pw_slot_way_in(dir), epoch, mask << PW_SLOT_LOUD_SHIFT);
}

/* Room for a name, its NUL, and `words` words of the way up. */
#define PW_ALIKE_BYTES(words) (PW_EVENT_HEAD + PW_SHORT_BYTES + 8 * (words))

/* All of it is there: head, name, way up. `words` is a constant, and the event has room for that many. */
static __always_inline void pw_alike_fill(struct pw_event *ev, const struct pw_alike *a, const struct file *file, __u64 len_bytes, __u32 words)
{
	const struct dentry *dentry = file->f_path.dentry;
	const __u64 *leaf = (const void *)((const char *)dentry + pw_short_off());
	__u64 *head = (__u64 *)ev, *names = (__u64 *)ev->names;

	for (__u32 i = 0; i < PW_EVENT_HEAD / 8; i++)
		head[i] = a->head[i];
	for (__u32 i = 0; i < PW_SHORT_BYTES / 8; i++)
		names[i] = leaf[i];
	ev->names[len_bytes] = '\0';
	names = (__u64 *)(ev->names + len_bytes + 1);
	for (__u32 i = 0; i < words; i++)
		names[i] = a->names[i];
	ev->names_len = (__u16)(len_bytes + 1 + a->len_bytes);
	ev->ino = file->f_inode->i_ino;
	ev->windows = PW_READ(pw_state.leased) ? pw_windows_open() : 0;
	pw_fill_moment(ev, bpf_get_current_task_btf());
}

/* The name's length if it stands in the dentry; 0: it does not. */
static __always_inline __u64 pw_alike_leaf(struct pw_alike *a, struct dentry *dentry)
{
	__u64 len_bytes = dentry->d_name.len;

	/* What is read from there is a number. The verifier adds nothing to a pointer that is to be compared. */
	PW_WRITE(a->leaf, (__u64)(unsigned long)dentry);
	if ((__u64)(unsigned long)dentry->d_name.name != PW_READ(a->leaf) + pw_short_off())
		return 0;
	asm volatile("" : "+r"(len_bytes));
	return len_bytes < PW_SHORT_BYTES ? len_bytes : 0;
}

/*
 * Write the record of opening this file, as that of the last one in the directory with this id. false: it is not alike, or there is no
 * room, and the gate has to be asked.
 */
PW_STEP bool pw_record_alike(struct file *file, __u64 dir, __u32 mask)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_alike *a = pw_alike_of(task, mask, 0);
	struct dentry *dentry = file->f_path.dentry, *up = dentry->d_parent;
	const struct cred *cred = task->real_cred;
	struct pw_counters *counters;
	struct pw_event *ev;
	__u64 len_bytes, seq;
	__u32 zero = 0;

	if (!a || !up || !cred || a->dir != dir || a->mask != mask || a->up != pw_id(up) || a->cred != pw_id(cred) ||
	    a->names_epoch != PW_READ(pw_state.names_epoch))
		return false;
	len_bytes = pw_alike_leaf(a, dentry);
	counters = bpf_map_lookup_elem(&pw_counters, &zero);
	if (!len_bytes || !counters || !pw_access_has_room(false))
		return false;
	if (a->len_bytes <= 8 * PW_ALIKE_WORDS) {
		ev = bpf_ringbuf_reserve(&pw_access, PW_ALIKE_BYTES(PW_ALIKE_WORDS), 0);
		if (!ev)
			return false;
		seq = __sync_fetch_and_add(&counters->seq, 1);
		pw_alike_fill(ev, a, file, len_bytes, PW_ALIKE_WORDS);
		ev->seq = seq;
	} else {
		ev = bpf_ringbuf_reserve(&pw_access, PW_ALIKE_BYTES(PW_CHAIN_BYTES / 8), 0);
		if (!ev)
			return false;
		seq = __sync_fetch_and_add(&counters->seq, 1);
		pw_alike_fill(ev, a, file, len_bytes, PW_CHAIN_BYTES / 8);
		ev->seq = seq;
	}
	__sync_fetch_and_add(&counters->allowed, 1);
	bpf_ringbuf_submit(ev, 0);
	return true;
}

#endif
