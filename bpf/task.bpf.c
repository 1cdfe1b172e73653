// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on what makes up a subject: a task that begins, changes its user or groups, or comes into another control group; and
 * on inodes that end. They forget, and note what a process must carry along. Must never refuse anything but a new task that could not
 * carry what its maker must.
 */
#include "own.bpf.h"
#include "slot.bpf.h"
#include "subject.bpf.h"

#define CLONE_THREAD      0x00010000ull
#define CLONE_INTO_CGROUP 0x200000000ull

static __noinline int pw_forget_me(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, 0);

	pw_slot_forget(pw_task_id());
	if (!kept)
		return 0;
	/* Whom it traces, it goes on leading: what these were allowed is asked anew. Without a role it began to trace nobody who has one. */
	if (kept->roles && task->ptraced.next != &task->ptraced)
		pw_subjects_changed();
	kept->epoch = 0;
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

#define CAP_AUDIT_CONTROL 30 /* linux/capability.h */

static __always_inline bool pw_may_login(const struct task_struct *task)
{
	const struct cred *cred = task->cred;

	return cred && !BPF_CORE_READ(cred, user_ns, level) && pw_effective(cred) >> CAP_AUDIT_CONTROL & 1;
}

/*
 * A login gives a session its login uid once, when it has none. Who has one and takes another is not logging in: with the right
 * to do that (CAP_AUDIT_CONTROL) one could be anybody. So it ends all roles by user and group, for the process and what it starts.
 */
SEC("fentry/audit_set_loginuid")
int pw_relogin(unsigned long long *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf(), *leader = task->group_leader;
	__u32 was = pw_login_uid(task);
	struct pw_subject *kept = NULL;

	/* To a process without the right the kernel says no, now or because it has one already. */
	if (was != 0xffffffffu && !pw_may_login(task))
		return 0;
	pw_forget_me();
	if (was == 0xffffffffu || was == (__u32)ctx[0])
		return 0;
	if (leader)
		kept = bpf_task_storage_get(&pw_subjects, leader, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (kept)
		__sync_fetch_and_or(&kept->flags, PW_SUBJECT_NO_MEMBER);
	pw_subjects_changed();
	return 0;
}

/*
 * A new task may have the address of one that is gone. Task storage is its own from the start; a new process gets what its maker
 * carries, a new thread has it by its process.
 */
SEC("lsm/task_alloc")
int BPF_PROG(pw_task_alloc, struct task_struct *task, __u64 clone_flags)
{
	struct task_struct *maker = bpf_get_current_task_btf(), *leader = maker->group_leader;
	struct pw_subject *kept = NULL, *own;
	__u32 flags = 0;

	pw_slot_forget(pw_id(task));
	if (leader && !(clone_flags & CLONE_THREAD))
		kept = bpf_task_storage_get(&pw_subjects, leader, NULL, 0);
	if (kept)
		flags = kept->flags & PW_SUBJECT_INHERITED;
	/* A thread by itself may stand in another control group: by another's hand, or born there. */
	own = maker->pid == maker->tgid ? NULL : bpf_task_storage_get(&pw_subjects, maker, NULL, 0);
	if (own)
		flags |= own->flags & PW_SUBJECT_NO_UNIT;
	if (pw_is_init())
		flags |= clone_flags & CLONE_THREAD ? 0 : PW_SUBJECT_OF_INIT;
	else if (clone_flags & CLONE_INTO_CGROUP)
		flags |= PW_SUBJECT_NO_UNIT;
	if (!flags)
		return 0;
	kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!kept)
		return -ENOMEM;
	kept->flags = flags;
	return 0;
}

/* A file is gone for good, and its number may come to serve another: not as one of polyward's programs. */
static __noinline int pw_forget_program(struct inode *inode)
{
	struct pw_attr_key key = { .a = inode->i_sb->s_dev, .b = inode->i_ino, .kind = PW_ATTR_OWN_EXE };

	bpf_map_delete_elem(&pw_attrs, &key);
	return 0;
}

SEC("lsm/inode_free_security")
int BPF_PROG(pw_inode_free, struct inode *inode)
{
	pw_slot_inode_gone(pw_task_id(), pw_id(inode));
	if ((inode->i_mode & S_IFMT) == S_IFDIR)
		pw_names_changed();
	if (!inode->i_nlink && pw_perhaps_registered(inode->i_ino))
		pw_forget_program(inode);
	return 0;
}

/*
 * A process comes into another unit, or into a slice, which a role may name and where nobody's unit is: by process 1's hand it belongs
 * there, by another's it has no role by it. Asked before the move, when both places are known. Moves within a unit are the unit's own
 * business, and so are hierarchies of the old kind. At the top there is no unit and no slice.
 */
SEC("fentry/cgroup_attach_task")
int BPF_PROG(pw_cgroup_enter, struct cgroup *to, struct task_struct *task)
{
	struct pw_subject *kept;
	__u64 unit;

	if (pw_is_init() || BPF_CORE_READ(task, cgroups, dfl_cgrp, root) != BPF_CORE_READ(to, root) || !pw_kernfs_parent(BPF_CORE_READ(to, kn)))
		return 0;
	unit = pw_unit((__u64)(unsigned long)BPF_CORE_READ(to, kn));
	if (unit && unit == pw_unit(pw_cgroup_node(task)))
		return 0;
	kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (kept)
		__sync_fetch_and_or(&kept->flags, PW_SUBJECT_NO_UNIT);
	return 0;
}

/* Fires once for a whole process, after the move: which threads came along is not worth finding out. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(pw_cgroup_move, struct cgroup *to, const char *path, struct task_struct *task)
{
	struct pw_subject *kept = pw_is_init() ? bpf_task_storage_get(&pw_subjects, task, NULL, 0) : NULL;
	__u32 place = pw_generation() % PW_GENERATIONS;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);

	if (kept)
		__sync_fetch_and_and(&kept->flags, ~PW_SUBJECT_NO_UNIT);
	if (g && g->gen && (g->startable & ~g->unit_any))
		pw_subjects_changed();
	return 0;
}
