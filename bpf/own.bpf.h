/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who is polyward itself, and what the guard says. A process is polyward's own if it executed a registered program (exec.bpf.c marks it
 * in task storage); process 1 is asked for by its number in the first namespace, which nobody else can have. Must never
 * trust a name, a path or a user id.
 */
#ifndef PW_OWN_BPF_H
#define PW_OWN_BPF_H

#include "state.bpf.h"

/* Flags belong to a process and stand with its first thread. */
static __always_inline bool pw_task_has(struct task_struct *task, __u32 flag)
{
	struct task_struct *leader = task->group_leader;
	struct pw_subject *kept = leader ? bpf_task_storage_get(&pw_subjects, leader, NULL, 0) : NULL;

	return kept && (kept->flags & flag);
}

static __always_inline bool pw_is_own(void)
{
	return pw_task_has(bpf_get_current_task_btf(), PW_SUBJECT_OWN);
}

static __always_inline bool pw_is_init(void)
{
	return bpf_get_current_pid_tgid() >> 32 == 1;
}

/* The guard stands while a policy decides, and when sealed until the next boot. */
static __always_inline bool pw_guarded(void)
{
	return PW_READ(pw_state.guard) & PW_GUARD_SEALED || ((PW_READ(pw_state.guard) & PW_GUARD_ON) && PW_READ(pw_state.gen));
}

static __always_inline bool pw_own_bpf(__u32 what, __u32 id)
{
	return pw_attr(PW_ATTR_OWN_BPF, 0, what, id);
}

/* What a task may do beyond its user, one bit each. Two words before 6.3, one since: the type is a struct in both. */
static __always_inline __u64 pw_effective(const struct cred *cred)
{
	__u64 caps = 0;

	bpf_probe_read_kernel(&caps, sizeof(caps), (const char *)cred + bpf_core_field_offset(struct cred, cap_effective));
	return caps;
}

/* The open file behind a descriptor of the current task; read through, never trusted: another thread may put one in its place. NULL: none. */
PW_STEP struct file *pw_file_at(__u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(bpf_get_current_task_btf(), files, fdt);
	struct file *file = NULL;

	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return file;
}

/*
 * Count and record a refusal that no table has a say in and that is not about a file: `hook` and `reason` as in struct pw_event,
 * label 0 or the label concerned, target as in struct pw_event. In guard.bpf.c; checked by itself.
 */
int pw_guard_record(__u32 hook, __u32 reason, __u32 label, __u32 target);

/* ... and the errno that these system calls document. Newer kernels want to see that a hook returns no other number. */
static __always_inline int pw_guard_refuse(__u32 hook, __u32 reason, __u32 label, __u32 target)
{
	pw_guard_record(hook, reason, label, target);
	return -EPERM;
}

#endif
