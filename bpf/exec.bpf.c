// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on execution: may this stored file be executed; is this a program that nobody may lead astray; and forget what the old one
 * was allowed. Here alone a process becomes polyward's own. Must never decide on a program by its name.
 */
#include "gate.bpf.h"
#include "own.bpf.h"
#include "roles.bpf.h"
#include "slot.bpf.h"
#include "world.bpf.h"

SEC("lsm/bprm_check_security")
int BPF_PROG(pw_bprm_check, struct linux_binprm *bprm)
{
	struct file *file = bprm->file;

	if (!file || !pw_protected(file->f_inode))
		return 0;
	return pw_check_open(file, PW_NEED_EXEC, PW_HOOK_pw_bprm_check);
}

#define PW_UNIT_MARKED (1u << 31)

/* A task's unit, as one word that is not 0. */
static __noinline __u32 pw_unit_mark(struct task_struct *task)
{
	__u64 unit = pw_unit(pw_cgroup_node(task));

	return (__u32)(unit ^ unit >> 32) | PW_UNIT_MARKED;
}

/* The file that will run: at this point, and at the commit, no longer a script but what interprets it. enum pw_own_exe, or 0. */
static __always_inline __u32 pw_own_exe(struct linux_binprm *bprm)
{
	struct file *file = bprm->file;
	struct inode *inode = file ? file->f_inode : NULL;

	return inode ? (__u32)pw_attr(PW_ATTR_OWN_EXE, 0, inode->i_sb->s_dev, inode->i_ino) : 0;
}

/* Does a role name this program, or may it read a store's device, under the policy that decides? */
static __always_inline bool pw_named_exe(struct linux_binprm *bprm)
{
	struct file *file = bprm->file;
	struct inode *inode = file ? file->f_inode : NULL;
	__u32 gen = pw_generation();

	if (!inode || !gen)
		return false;
	return pw_attr(PW_ATTR_EXE, gen, inode->i_sb->s_dev, inode->i_ino) ||
	       pw_attr(PW_ATTR_BDEV_USER, gen, inode->i_sb->s_dev, inode->i_ino);
}

/*
 * Before the point of no return, and before a second thread that executes takes the first one's place. The dynamic linker of a
 * program that has rights of its own must not listen to the environment. What a process keeps for good needs its room now, when the
 * execution can still be refused: no other thread may attach to us until it is over.
 */
SEC("lsm/bprm_creds_from_file")
int BPF_PROG(pw_exec_creds, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool named = pw_own_exe(bprm) || pw_named_exe(bprm);
	struct pw_subject *kept;
	__u32 keep;

	if (named)
		bpf_bprm_opts_set(bprm, BPF_F_BPRM_SECUREEXEC);
	keep = (pw_task_has(task, PW_SUBJECT_NO_UNIT) ? PW_SUBJECT_NO_UNIT : 0) |
	       (pw_task_has(task, PW_SUBJECT_NO_MEMBER) ? PW_SUBJECT_NO_MEMBER : 0);
	if (!keep && !named && !task->ptrace && task->pid == task->tgid)
		return 0;
	kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!kept)
		return -ENOMEM;
	__sync_fetch_and_or(&kept->flags, keep);
	/* Who is moved from now on is the first thread, whose place we take. */
	kept->unit_before = task->pid == task->tgid ? 0 : pw_unit_mark(task);
	return 0;
}

struct pw_filters { struct seccomp_filter *at; __u32 watched; };

static long pw_look_at_filter(__u32 i, struct pw_filters *f)
{
	struct seccomp_filter *at = f->at;

	if (!at)
		return 1;
	f->watched |= BPF_CORE_READ(at, notif) != NULL;
	f->at = BPF_CORE_READ(at, prev);
	return 0;
}

/* Does another process answer system calls in this one's place? */
static __noinline bool pw_answered_for(struct task_struct *task)
{
	struct pw_filters f = { .at = BPF_CORE_READ(task, seccomp.filter) };

	f.watched = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(32, pw_look_at_filter, &f, 0);
	return f.watched || f.at;
}

/*
 * One of polyward's programs runs now. That makes a process polyward's own if nobody holds its strings: whoever executes the
 * supervisor, but for the others only the supervisor itself; with a linker that heard nobody; not traced, not answered for, and among
 * the machine's own processes, not a container's.
 */
static __always_inline bool pw_becomes_own(struct linux_binprm *bprm, struct task_struct *task, __u32 flags)
{
	__u32 kind = pw_own_exe(bprm);

	if (!kind || (kind != PW_OWN_ENTRY && !(flags & PW_SUBJECT_OWN)))
		return false;
	if (!BPF_CORE_READ_BITFIELD(bprm, secureexec) || task->ptrace || BPF_CORE_READ(task, thread_pid, level))
		return false;
	/* What the supervisor believes of files, of the time and of the kernel, the others believe it. */
	if (kind == PW_OWN_ENTRY && !(flags & (PW_SUBJECT_OF_INIT | PW_SUBJECT_OWN)) &&
	    (!pw_same_world(task) || pw_is_filtered(task)))
		return false;
	return !pw_answered_for(task);
}

/* What is known of a process at the beginning of this program alone. */
static __always_inline __u32 pw_begins(struct linux_binprm *bprm, struct task_struct *task, __u32 was)
{
	__u32 flags = task->ptrace ? PW_SUBJECT_NO_PROGRAM : 0;

	/* A user's own service manager is one of these programs, and does what the user says. */
	if (was & PW_SUBJECT_OF_INIT)
		return flags | (!BPF_CORE_READ(task, real_cred, uid.val) && pw_is_inits(bprm->file, pw_init_task(task)) ? PW_SUBJECT_OF_INIT : 0);
	return flags | (pw_is_led(task) ? PW_SUBJECT_LED : 0);
}

/* Was a process moved to another unit while its second thread executed? By whom, nobody noted. */
static __noinline __u32 pw_moved_meanwhile(const struct pw_subject *kept, struct task_struct *task)
{
	return kept && kept->unit_before && kept->unit_before != pw_unit_mark(task) ? PW_SUBJECT_NO_UNIT : 0;
}

/* The new program is in place: roles are computed again, and what the old one was ends here. */
SEC("lsm/bprm_committed_creds")
int BPF_PROG(pw_exec_done, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, 0);
	__u32 flags = kept ? kept->flags : 0;
	bool own = pw_becomes_own(bprm, task, flags);

	pw_slot_forget(pw_task_id());
	flags = (flags & PW_SUBJECT_LASTING) | pw_begins(bprm, task, flags) | pw_moved_meanwhile(kept, task);
	if (own)
		flags |= PW_SUBJECT_OWN;
	if (!kept && flags)
		kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!kept)
		return 0;
	kept->epoch = 0;
	kept->unit_before = 0;
	kept->flags = flags;
	return 0;
}
