// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A role holder is nobody's puppet, and polyward's processes are not anybody's: tracing, signals, scheduling, exchanged executables,
 * core dumps, rings that others feed. Must never refuse process 1, who ends and restarts polyward, nor what a process does to itself
 * without another's gain.
 */
#include "gate.bpf.h"
#include "own.bpf.h"
#include "roles.bpf.h"
#include "slot.bpf.h"

/* linux/ptrace.h of the kernel; not ABI, the same since 3.x */
#define PTRACE_MODE_ATTACH  0x02
#define PTRACE_MODE_NOAUDIT 0x04

#define PR_SET_MM          35
#define PR_SET_MM_EXE_FILE 13
#define PR_SET_MM_MAP      14

/* QUIT, ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ, SYS: they end a process with a copy of its memory. */
#define PW_SIGNALS_DUMP (1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 11 | 1u << 24 | 1u << 25 | 1u << 31)

/* Is this one of polyward's processes, and the one who would touch it neither polyward nor process 1? */
static __always_inline bool pw_out_of_reach(struct task_struct *task)
{
	return pw_task_has(task, PW_SUBJECT_OWN) && pw_guarded() && !pw_is_init() && !pw_is_own();
}

/* Does it run a program that may read the devices of stores? Then whoever writes to it reads them. */
static __always_inline bool pw_reads_devices(struct task_struct *task, __u32 gen)
{
	struct inode *program = pw_program(task);

	return program && pw_attr(PW_ATTR_BDEV_USER, gen, program->i_sb->s_dev, program->i_ino) && !pw_is_init() && !pw_is_own();
}

static __noinline __u64 pw_my_roles(__u32 gen)
{
	struct pw_subject mine = {};

	if (gen)
		pw_subject_now(&mine, gen);
	return mine.roles;
}

/* The roles of a task, whoever traces it. */
static __noinline __u64 pw_their_roles(struct task_struct *task, __u32 gen)
{
	return gen ? pw_roles_of(task, pw_process_flags(task), gen) : 0;
}

/* Roles that this task has and the current one has not. */
static __always_inline __u64 pw_lacks(struct task_struct *task, __u32 gen)
{
	__u64 theirs = pw_their_roles(task, gen);

	return theirs ? theirs & ~pw_my_roles(gen) : 0;
}

/* Do both belong to one unit, or neither to any? */
static __noinline bool pw_same_unit(struct task_struct *task, struct task_struct *by)
{
	return pw_unit(pw_cgroup_node(task)) == pw_unit(pw_cgroup_node(by));
}

/*
 * From now on somebody may have written to this process: it counts no longer as its program, but for what runs the same program
 * itself; nor as its unit, if who wrote is of another; and what it prepares for what it executes is no longer process 1's doing. 0,
 * or -1: there is no room to note it.
 */
static __noinline int pw_handled(struct task_struct *task, struct task_struct *by)
{
	struct task_struct *leader = task->group_leader;
	struct inode *program = by ? pw_program(by) : NULL;
	struct pw_subject *kept = NULL;
	__u32 flags = PW_SUBJECT_NO_PROGRAM;

	if (program && program == pw_program(task))
		return 0;
	if (leader)
		kept = bpf_task_storage_get(&pw_subjects, leader, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!kept)
		return -1;
	if (by && !pw_same_unit(task, by))
		flags |= PW_SUBJECT_NO_UNIT;
	__sync_fetch_and_and(&kept->flags, ~PW_SUBJECT_OF_INIT);
	if ((__sync_fetch_and_or(&kept->flags, flags) & flags) != flags)
		pw_subjects_changed();
	return 0;
}

#define PROC_MAGIC 0x9fa0ul /* linux/magic.h */

/*
 * Is the current task on its way through a link of /proc to what another has open or mapped? Not if it only reads where the link leads.
 * These links have numbers, in a directory "fd" or "map_files".
 */
static __noinline bool pw_follows_link(struct task_struct *task)
{
	struct nameidata *walk = BPF_CORE_READ(task, nameidata);
	__u32 depth = walk ? BPF_CORE_READ(walk, depth) : 0;
	struct saved *link = depth ? BPF_CORE_READ(walk, stack) : NULL;
	struct dentry *at, *dir;
	char name = 0;

	if (!link)
		return false;
	link = (void *)((char *)link + (__u64)(depth - 1) * bpf_core_type_size(struct saved));
	at = BPF_CORE_READ(link, link.dentry);
	dir = BPF_CORE_READ(at, d_parent);
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(dir, d_name.name));
	return BPF_CORE_READ(at, d_inode, i_sb, s_magic) == PROC_MAGIC && (name == 'f' || name == 'm');
}

/*
 * Attaching, and all that counts as it: memory of another process, its descriptors, its mappings; and these by their links in /proc. Who
 * leads process 1 could send signals, unmount and fill units in its name. What looks on without being told of (the kernel asks for what
 * to show in /proc) is refused without a record.
 */
SEC("lsm/ptrace_access_check")
int BPF_PROG(pw_ptrace, struct task_struct *child, unsigned int mode)
{
	__u32 gen = pw_generation(), target = (__u32)child->tgid;
	struct task_struct *task = bpf_get_current_task_btf();

	if (pw_out_of_reach(child))
		return mode & PTRACE_MODE_NOAUDIT ? -EPERM : pw_guard_refuse(PW_HOOK_pw_ptrace, PW_R_GUARD, 0, target);
	if (!(mode & PTRACE_MODE_ATTACH)) {
		if (!gen || !pw_follows_link(task) || pw_is_init() || pw_is_own() || !pw_lacks(child, gen))
			return 0;
		return pw_guard_refuse(PW_HOOK_pw_ptrace, PW_R_BORROWED, 0, target);
	}
	if (target == 1 && pw_guarded() && !pw_is_init() && !pw_is_own())
		return pw_guard_refuse(PW_HOOK_pw_ptrace, PW_R_GUARD, 0, target);
	if (gen && pw_guarded() && pw_reads_devices(child, gen))
		return pw_guard_refuse(PW_HOOK_pw_ptrace, PW_R_GUARD, 0, target);
	if (pw_lacks(child, gen) || pw_handled(child, task))
		return pw_guard_refuse(PW_HOOK_pw_ptrace, PW_R_BORROWED, 0, target);
	return 0;
}

/* The current task asks its parent to trace it. */
SEC("lsm/ptrace_traceme")
int BPF_PROG(pw_traceme, struct task_struct *parent)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 gen = pw_generation(), target = (__u32)parent->tgid;
	__u64 mine;

	if (pw_is_own() && pw_guarded() && !pw_task_has(parent, PW_SUBJECT_OWN))
		return pw_guard_refuse(PW_HOOK_pw_traceme, PW_R_GUARD, 0, target);
	mine = pw_my_roles(gen);
	if ((mine && (mine & ~pw_their_roles(parent, gen))) || pw_handled(task, parent))
		return pw_guard_refuse(PW_HOOK_pw_traceme, PW_R_BORROWED, 0, target);
	/* From here on what it may is asked each time, and of its tracer too. */
	pw_slot_forget(pw_task_id());
	return 0;
}

/* Asked for signals that a process sends; the kernel's own come by no hook. */
SEC("lsm/task_kill")
int BPF_PROG(pw_kill, struct task_struct *task, struct kernel_siginfo *info, int sig)
{
	__u32 target = (__u32)task->tgid;

	if (sig <= 0 || target == bpf_get_current_pid_tgid() >> 32 || pw_is_init())
		return 0;
	if (pw_out_of_reach(task))
		return pw_guard_refuse(PW_HOOK_pw_kill, PW_R_GUARD, 0, target);
	if (sig < 32 && (PW_SIGNALS_DUMP >> sig & 1) && pw_lacks(task, pw_generation()))
		return pw_guard_refuse(PW_HOOK_pw_kill, PW_R_BORROWED, 0, target);
	return 0;
}

/* A signal by F_SETOWN and F_SETSIG: sent by whatever makes the descriptor ready, for whoever asked for it long ago. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(pw_sigio, struct task_struct *task)
{
	if (!pw_task_has(task, PW_SUBJECT_OWN) || !pw_guarded())
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_sigio, PW_R_GUARD, 0, (__u32)task->tgid);
}

/* What slows a process down until it does nothing. */
static __noinline int pw_handicap(struct task_struct *task, __u32 hook)
{
	return pw_out_of_reach(task) ? pw_guard_refuse(hook, PW_R_GUARD, 0, (__u32)task->tgid) : 0;
}

SEC("lsm/task_setscheduler")
int BPF_PROG(pw_setsched, struct task_struct *task)
{
	return pw_handicap(task, PW_HOOK_pw_setsched);
}

SEC("lsm/task_setnice")
int BPF_PROG(pw_setnice, struct task_struct *task)
{
	return pw_handicap(task, PW_HOOK_pw_setnice);
}

SEC("lsm/task_setioprio")
int BPF_PROG(pw_setioprio, struct task_struct *task)
{
	return pw_handicap(task, PW_HOOK_pw_setioprio);
}

SEC("lsm/task_setrlimit")
int BPF_PROG(pw_setrlimit, struct task_struct *task)
{
	return pw_handicap(task, PW_HOOK_pw_setrlimit);
}

/*
 * A process that exchanges its executable is no longer the program that it names. Refused while its memory is shared: the others
 * who share it would pass for the program unnoticed. 0 lets the kernel go on.
 */
SEC("lsm/task_prctl")
int BPF_PROG(pw_prctl, int option, unsigned long what)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;

	if (option != PR_SET_MM || (what != PR_SET_MM_EXE_FILE && what != PR_SET_MM_MAP))
		return 0;
	if (!mm || mm->mm_users.counter != 1 || pw_handled(task, NULL))
		return pw_guard_refuse(PW_HOOK_pw_prctl, PW_R_BORROWED, 0, (__u32)task->tgid);
	pw_slot_forget(pw_task_id());
	return 0;
}

/*
 * Credentials are copied at the beginning of a core dump, by a task that a signal ends; an error there ends the dump, be it a file, a
 * program's pipe or a socket. The memory of a role holder is not written where others read.
 */
SEC("lsm/cred_prepare")
int BPF_PROG(pw_coredump, struct cred *new, const struct cred *old)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!(task->flags & PF_SIGNALED) || !pw_my_roles(pw_generation()))
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_coredump, PW_R_BORROWED, 0, (__u32)task->tgid);
}

/* linux/perf_event.h: what a sample takes along of the registers and the stack of whoever is interrupted */
#define PERF_SAMPLE_REGS_USER  (1ull << 12)
#define PERF_SAMPLE_STACK_USER (1ull << 13)
#define PERF_SAMPLE_REGS_INTR  (1ull << 18)
#define PERF_SAMPLE_CALLCHAIN  (1ull << 5)
#define PERF_SAMPLE_MEMORY     (PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_REGS_INTR)

/* Whose stack would it be? Nobody in particular: everybody's who runs on this processor. */
static __noinline int pw_samples(struct task_struct *target)
{
	__u32 tgid = target ? (__u32)target->tgid : 0;

	if (!target || (pw_task_has(target, PW_SUBJECT_OWN) && !pw_is_own()))
		return pw_guard_refuse(PW_HOOK_pw_sampled, PW_R_GUARD, 0, tgid);
	if (pw_lacks(target, pw_generation()))
		return pw_guard_refuse(PW_HOOK_pw_sampled, PW_R_BORROWED, 0, tgid);
	return 0;
}

/* Sealed: a probe or a tracepoint, which may show what is written where it stands, by another way than tracefs. */
static __noinline int pw_probes(void)
{
	if (!(PW_READ(pw_state.guard) & PW_GUARD_SEALED) || pw_is_own())
		return 0;
	pw_guard_refuse(PW_HOOK_pw_sampled, PW_R_SEALED, 0, 0);
	return 1;
}

/*
 * Sampling a stack is reading memory, a piece at a time. So is following what may be no frame pointer; but who profiles the whole machine,
 * as its owner may, does not choose whose.
 */
SEC("lsm/perf_event_alloc")
int BPF_PROG(pw_sampled, struct perf_event *event)
{
	struct task_struct *target = event->hw.target;

	__u64 types = event->attr.sample_type;
	bool memory = (types & PERF_SAMPLE_MEMORY) ||
		      (target && (types & PERF_SAMPLE_CALLCHAIN) && !BPF_CORE_READ_BITFIELD(event, attr.exclude_callchain_user));

	if (event->tp_event && pw_probes())
		return -EPERM;
	if (!memory || !pw_guarded() || target == bpf_get_current_task_btf())
		return 0;
	return pw_samples(target) ? -EPERM : 0;
}

/* A ring with a kernel thread of its own takes work from whoever can write to its memory. */
SEC("lsm/uring_sqpoll")
int BPF_PROG(pw_sqpoll)
{
	if (!pw_my_roles(pw_generation()))
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_sqpoll, PW_R_BORROWED, 0, (__u32)bpf_get_current_task_btf()->tgid);
}
