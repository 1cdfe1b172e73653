/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a task to the roles that it may have: its users and groups, its program, its unit. Any task that the verifier lets be read, not
 * the current one alone; nothing is written. Asks the task's real credentials, never the effective ones, so that an overlay's or
 * a server's borrowed identity carries no role. Must never give a role where an answer is missing.
 */
#ifndef PW_ROLES_BPF_H
#define PW_ROLES_BPF_H

#include "state.bpf.h"
#include <polyward/decide.h>

/* One key on the stack for all questions: what calls us has little left. */
PW_STEP __u64 pw_roles_attr(__u32 kind, __u32 gen, __u64 a, __u64 b)
{
	return pw_attr(kind, gen, a, b);
}

#define PW_GROUPS_MAX 1024 /* supplementary groups looked at: what comes after them gives no role */

struct pw_groups { __u64 gids; __u64 roles; __u32 gen; __u32 pad_; };

static __attribute__((unused)) long pw_add_group(__u32 i, struct pw_groups *g)
{
	__u32 gid;

	if (bpf_probe_read_kernel(&gid, sizeof(gid), (const void *)(g->gids + 4ull * i)))
		return 1;
	g->roles |= pw_attr(PW_ATTR_GID, g->gen, gid, 0);
	return 0;
}

static __always_inline __u64 pw_roles_by_group(const struct cred *cred, __u32 gen)
{
	struct group_info *info = cred->group_info;
	struct pw_groups groups = { .gen = gen };
	__u32 count;

	groups.roles = pw_roles_attr(PW_ATTR_GID, gen, cred->gid.val, 0);
	if (info) {
		count = (__u32)info->ngroups;
		groups.gids = (__u64)(unsigned long)info + bpf_core_field_offset(struct group_info, gid);
		bpf_loop(count < PW_GROUPS_MAX ? count : PW_GROUPS_MAX, pw_add_group, &groups, 0);
	}
	return groups.roles;
}

/* Agrees with no user, and is not "never logged in". Only who has root's rights comes to it: to a deny it is root. */
#define PW_LOGIN_NOBODYS 0xfffffffeu

static __always_inline __u32 pw_login_uid(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? task->loginuid.val : 0xffffffffu;
}

/* Roles whose members clause names this user or one of its groups. */
static __always_inline __u64 pw_roles_by_member(const struct cred *cred, __u32 login_uid, const struct pw_gen *g, __u32 gen)
{
	__u32 uid = cred->uid.val;
	__u64 user = pw_roles_attr(PW_ATTR_UID, gen, uid, 0), groups = 0, counted = 0, named = user;

	if (g->loose || pw_groups_count(uid, login_uid))
		groups = pw_roles_by_group(cred, gen);
	if (g->loose && login_uid != 0xffffffffu && login_uid != uid)
		named |= pw_roles_attr(PW_ATTR_UID, gen, login_uid == PW_LOGIN_NOBODYS ? 0 : login_uid, 0);
	if (pw_user_counts(uid, login_uid))
		counted |= user;
	if (pw_groups_count(uid, login_uid))
		counted |= groups;
	return pw_members(g, counted, named | groups);
}

/* The program that a task runs; NULL: it has none. */
static __always_inline struct inode *pw_program(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : NULL;

	return exe ? exe->f_inode : NULL;
}

/* When this inode changed last: content, mode, owner or name. Nobody sets that back. The top bit of the new field is the kernel's mark. */
PW_STEP __u64 pw_changed(struct inode *inode)
{
	struct inode___before_6_6 *old = (void *)inode;
	struct inode___before_6_11 *mid = (void *)inode;
	struct inode___since_6_11 *new = (void *)inode;

	if (bpf_core_field_exists(new->i_ctime_nsec))
		return pw_moment(BPF_CORE_READ(new, i_ctime_sec), BPF_CORE_READ(new, i_ctime_nsec) & 0x7fffffff);
	if (bpf_core_field_exists(mid->__i_ctime))
		return pw_moment(BPF_CORE_READ(mid, __i_ctime.tv_sec), (__u32)BPF_CORE_READ(mid, __i_ctime.tv_nsec));
	return pw_moment(BPF_CORE_READ(old, i_ctime.tv_sec), (__u32)BPF_CORE_READ(old, i_ctime.tv_nsec));
}

/*
 * A program is a file as it was when the policy was applied: one that was written to since, or that came to have the number of one that
 * was removed, is another.
 */
static __always_inline __u64 pw_roles_by_program(struct task_struct *task, __u32 gen)
{
	struct inode *inode = pw_program(task);
	__u64 roles = inode ? pw_roles_attr(PW_ATTR_EXE, gen, inode->i_sb->s_dev, inode->i_ino) : 0;

	if (!roles || pw_roles_attr(PW_ATTR_EXE_TIME, gen, inode->i_sb->s_dev, inode->i_ino) != pw_changed(inode))
		return 0;
	return roles;
}

/* The node one up in the cgroup tree. The field got underscores in 6.15. */
static __always_inline struct kernfs_node *pw_kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___since_6_15 *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

/* Roles by systemd unit, from a control group's node upwards: its address, which is only read through. In subject.bpf.c. */
__u64 pw_roles_by_unit(__u64 node, __u32 gen);

/* The number of the control group that is a task's unit, whoever made it; 0: none. In subject.bpf.c. */
__u64 pw_unit(__u64 node);

PW_STEP __u64 pw_cgroup_node(struct task_struct *task)
{
	return (__u64)(unsigned long)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
}

/*
 * Does this kernel thread of an io_uring work for whoever writes into the ring's memory, and not for one task's system calls? So do
 * the thread that polls the ring (it is no worker: the word that a worker has its description in is empty) and the workers that it
 * hands on to. Nobody knows who wrote: they have no roles.
 */
static __always_inline bool pw_by_proxy(struct task_struct *task)
{
	struct io_worker *worker = task->worker_private;
	struct io_worker___before_6_4 *old = (void *)worker;
	struct task_struct *owner;

	if (!worker)
		return true;
	owner = bpf_core_field_exists(worker->wq) ? BPF_CORE_READ(worker, wq, task) : BPF_CORE_READ(old, wqe, wq, task);
	/* Nobody traces a worker; who traces the task that it works for says what that asks for. */
	return (BPF_CORE_READ(owner, flags) & PF_IO_WORKER) || BPF_CORE_READ(owner, ptrace);
}

/*
 * Credentials that the roles come from. An io_uring worker keeps those of the moment it was made and borrows the submitter's for
 * each request: it has a role only where both are the same user's with the same groups. NULL: no roles.
 */
PW_STEP const struct cred *pw_subject_cred(struct task_struct *task)
{
	const struct cred *real = task->real_cred, *now = task->cred;

	if (!real || (task->flags & PF_KTHREAD))
		return NULL;
	if (!(task->flags & PF_IO_WORKER))
		return real;
	if (!now || now->uid.val != real->uid.val || now->gid.val != real->gid.val || now->group_info != real->group_info)
		return NULL;
	return pw_by_proxy(task) ? NULL : now;
}

/*
 * What is known of a process as a whole (enum pw_subject_flag) stands with its first thread; what is known of one thread alone (it was
 * put into another control group) counts too. Where nothing can be kept, nothing is known, and the process counts as one whose
 * program and unit are not its own.
 */
PW_STEP __u32 pw_process_flags(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct pw_subject *kept = NULL, *own = NULL;

	if (leader)
		kept = bpf_task_storage_get(&pw_subjects, leader, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (task->pid != task->tgid)
		own = bpf_task_storage_get(&pw_subjects, task, NULL, 0);
	if (!kept)
		return PW_SUBJECT_NO_PROGRAM | PW_SUBJECT_NO_UNIT;
	return kept->flags | (own ? own->flags & PW_SUBJECT_NO_UNIT : 0);
}

PW_STEP __u64 pw_roles_all(const struct pw_gen *g, __u64 members, __u64 programs, __u64 units)
{
	return pw_roles_close(g, pw_roles_base(g, members, programs, units));
}

/* The roles of a task under this generation, whoever may be tracing it. flags: pw_process_flags(). */
static __always_inline __u64 pw_roles_of(struct task_struct *task, __u32 flags, __u32 gen)
{
	__u32 place = gen % PW_GENERATIONS;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);
	const struct cred *cred = pw_subject_cred(task);
	__u64 members, programs = 0, units = 0;

	if (!cred || !g || g->gen != gen)
		return 0;
	members = pw_roles_by_member(cred, flags & PW_SUBJECT_NO_MEMBER ? PW_LOGIN_NOBODYS : pw_login_uid(task), g, gen);
	if ((g->startable & ~g->program_any) && !(flags & PW_SUBJECT_NO_PROGRAM))
		programs = pw_roles_by_program(task, gen);
	if ((g->startable & ~g->unit_any) && !(flags & PW_SUBJECT_NO_UNIT))
		units = pw_roles_by_unit(pw_cgroup_node(task), gen);
	/* What runs in it may be another's code. Process 1 puts nobody else's into a unit. */
	if (flags & PW_SUBJECT_LED)
		programs &= units;
	return pw_roles_all(g, members, programs, units);
}

#endif
