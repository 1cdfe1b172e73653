// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on what makes up a subject: a task that begins, changes its user or groups, or comes into another control group; and
 * on inodes that end. They only forget. Must never refuse anything.
 */
#include "slot.bpf.h"
#include "subject.bpf.h"

static __noinline int pw_forget_me(void)
{
	pw_slot_forget(pw_task_id());
	pw_subject_stale(bpf_get_current_task_btf(), ~0u);
	return 0;
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(pw_setuid)
{
	return pw_forget_me();
}

SEC("lsm/task_fix_setgid")
int BPF_PROG(pw_setgid)
{
	return pw_forget_me();
}

SEC("lsm/task_fix_setgroups")
int BPF_PROG(pw_setgroups)
{
	return pw_forget_me();
}

/* A new task may have the address of one that is gone. Task storage is its own from the start and needs nothing. */
SEC("lsm/task_alloc")
int BPF_PROG(pw_task_alloc, struct task_struct *task)
{
	pw_slot_forget(pw_id(task));
	return 0;
}

SEC("lsm/inode_free_security")
int BPF_PROG(pw_inode_free, struct inode *inode)
{
	pw_slot_inode_gone(pw_task_id(), pw_id(inode));
	return 0;
}

/* Fires once for a whole process, after the move: which threads came along is not worth finding out. */
SEC("tp_btf/cgroup_attach_task")
int pw_cgroup_move(void *ctx)
{
	__u32 place = pw_generation() % PW_GENERATIONS;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);

	if (g && g->gen && (g->startable & ~g->unit_any))
		pw_subjects_changed();
	return 0;
}
