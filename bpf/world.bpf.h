/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * In what a program begins: process 1's view of files, users and networks, or one that somebody made for it; its own system calls, or a filter's answers.
 * A program is known by its file, and what runs in it is also its linker, its libraries, and what it believes of the kernel. Must never
 * change anything, nor follow what it reads.
 */
#ifndef PW_WORLD_BPF_H
#define PW_WORLD_BPF_H

#include "kernel.h"

/* Process 1, by the first pid namespace, where every task has a number; read through, never trusted. */
static __always_inline struct task_struct *pw_init_task(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct upid *first = (void *)((char *)pid + bpf_core_field_offset(struct pid, numbers));

	return pid ? BPF_CORE_READ(first, ns, child_reaper) : NULL;
}

/* The same mounts below the same root, which nobody shares who could change it. */
static __always_inline bool pw_sees_as(struct task_struct *task, struct task_struct *init)
{
	return init && BPF_CORE_READ(task, nsproxy, mnt_ns) == BPF_CORE_READ(init, nsproxy, mnt_ns) &&
	       BPF_CORE_READ(task, fs, users) == 1 && BPF_CORE_READ(task, fs, root.dentry) == BPF_CORE_READ(init, fs, root.dentry) &&
	       BPF_CORE_READ(task, fs, root.mnt) == BPF_CORE_READ(init, fs, root.mnt);
}

static __always_inline bool pw_same_clock(struct task_struct *task, struct task_struct *init)
{
	return !bpf_core_field_exists(struct nsproxy, time_ns) ||
	       (BPF_CORE_READ(task, nsproxy, time_ns) == BPF_CORE_READ(init, nsproxy, time_ns) &&
		BPF_CORE_READ(task, nsproxy, time_ns_for_children) == BPF_CORE_READ(init, nsproxy, time_ns_for_children));
}

static __noinline bool pw_same_world(struct task_struct *task)
{
	struct task_struct *init = pw_init_task(task);

	return pw_sees_as(task, init) && pw_same_clock(task, init);
}

/* Is this task being measured? What is sampled of it may be its stack. Before 6.2 there were two contexts, for hardware and software. */
static __noinline bool pw_is_measured(struct task_struct *task)
{
	struct task_struct___before_6_2 *old = (void *)task;
	struct perf_event_context *hard = NULL, *soft = NULL;

	if (bpf_core_field_exists(task->perf_event_ctxp)) {
		hard = BPF_CORE_READ(task, perf_event_ctxp);
	} else if (bpf_core_field_exists(old->perf_event_ctxp)) {
		hard = BPF_CORE_READ(old, perf_event_ctxp[0]);
		soft = BPF_CORE_READ(old, perf_event_ctxp[1]);
	}
	return (hard && BPF_CORE_READ(hard, nr_events)) || (soft && BPF_CORE_READ(soft, nr_events));
}

static __always_inline bool pw_is_filtered(struct task_struct *task)
{
	return BPF_CORE_READ(task, seccomp.filter) != NULL;
}

/* Users by the same numbers; the same machine's name, networks, shared memory and processes: it may ask who its caller is, or the next port. */
static __noinline bool pw_is_elsewhere(struct task_struct *task, struct task_struct *init)
{
	return BPF_CORE_READ(task, real_cred, user_ns) != BPF_CORE_READ(init, real_cred, user_ns) ||
	       BPF_CORE_READ(task, nsproxy, net_ns) != BPF_CORE_READ(init, nsproxy, net_ns) ||
	       BPF_CORE_READ(task, nsproxy, ipc_ns) != BPF_CORE_READ(init, nsproxy, ipc_ns) ||
	       BPF_CORE_READ(task, nsproxy, uts_ns) != BPF_CORE_READ(init, nsproxy, uts_ns) ||
	       BPF_CORE_READ(task, nsproxy, pid_ns_for_children) != BPF_CORE_READ(init, nsproxy, pid_ns_for_children);
}

/* linux/personality.h: what the kernel itself takes from a setuid program; linux/sched.h: its first bit is ABI towards /proc */
#define PER_CLEAR_ON_SETID  0x0740000u
#define PFA_NO_NEW_PRIVS    1ul

/*
 * Who renounced all that an execution could give renounced a role by it, too; and only who did can take files away from what he executes
 * (Landlock), unless root or in a user namespace. Addresses that are known beforehand help nobody but an attacker.
 */
static __noinline bool pw_is_arranged(struct task_struct *task)
{
	return (BPF_CORE_READ(task, atomic_flags) & PFA_NO_NEW_PRIVS) || (BPF_CORE_READ(task, personality) & PER_CLEAR_ON_SETID);
}

/* Does a task that executes now do so in a world of another's making than process 1's? */
static __noinline bool pw_is_led(struct task_struct *task)
{
	struct task_struct *init = pw_init_task(task);

	return !pw_sees_as(task, init) || pw_is_elsewhere(task, init) || pw_is_filtered(task) || pw_is_arranged(task) || pw_is_measured(task);
}

/* The directory that a program lies in, to be compared only. */
static __always_inline struct inode *pw_program_dir(struct file *exe)
{
	return BPF_CORE_READ(exe, f_path.dentry, d_parent, d_inode);
}

/* Is this program one of process 1's own, which prepares what it starts? It lies beside process 1's. */
static __noinline bool pw_is_inits(struct file *exe, struct task_struct *init)
{
	struct file *its = BPF_CORE_READ(init, mm, exe_file);

	return exe && its && pw_program_dir(exe) == pw_program_dir(its);
}

#endif
