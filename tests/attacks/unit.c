// SPDX-License-Identifier: Apache-2.0
/*
 * Into a control group that a role names by other doors than its list of processes: a slice, which is nobody's unit; a thread that begins
 * there, and one that such a thread makes; a process that is moved while its second thread executes another program.
 */
#include "attack.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#define GROUPS "/sys/fs/cgroup"
#define ABOVE  GROUPS "/system.slice"  /* of UNIT */
#define SLICE  GROUPS "/readers.slice" /* named by the role as well */
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static int move(int pid, const char *group, const char *list)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "%s/%s", group, list);
	snprintf(text, sizeof(text), "%d", pid);
	return put(path, text);
}

static int slice_of(const char *group)
{
	need(!mkdir(SLICE, 0755) || errno == EEXIST);
	need(!mkdir(group, 0755) || errno == EEXIST);
	if (move(getpid(), group, "cgroup.procs"))
		return attempt("move", -1);
	return take_path(mine());
}

static int slice(void)       { return slice_of(SLICE); }
static int slice_below(void) { return slice_of(SLICE "/low.slice"); }

/* By way of one that process 1 need not have made, and nobody else's. */
static int slice_child(void)
{
	int pid;

	need(!mkdir(SLICE, 0755) || errno == EEXIST);
	need(!move(getpid(), SLICE, "cgroup.procs"));
	pid = fork();
	need(pid >= 0);
	if (!pid)
		_exit(run_program((const char *const[]){ "cat", mine(), NULL }) ? EACCES : 0);
	return reap(pid);
}

/* ---- threads */
static char stacks[2][65536];
static volatile int ended = -1; /* what the thread came to */

/* A process among whose threads some may be in the unit's control group: one that stands above it. */
static void stand_above(void)
{
	if (put(UNIT "/cgroup.type", "threaded"))
		not_here("no threaded control groups: %m");
	if (move(getpid(), ABOVE, "cgroup.procs"))
		not_here("no process above: %m");
}

static int await(void)
{
	for (int i = 0; i < 500 && ended < 0; i++)
		usleep(10000);
	need(ended >= 0);
	return ended;
}

static int reads(void *unused)
{
	(void)unused;
	ended = take_path(mine());
	return 0;
}

/* The thread has our stack while we wait for its end, as after vfork(2); so it never returns from here. */
static int thread_born(void)
{
	struct clone_args args = { .flags = THREAD | CLONE_VFORK | CLONE_INTO_CGROUP };
	long rc;

	stand_above();
	args.cgroup = (uint64_t)(unsigned int)open(UNIT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__asm__ volatile("syscall" : "=a"(rc) : "0"(SYS_clone3), "D"(&args), "S"(sizeof(args)) : "rcx", "r11", "memory");
	if (!rc) {
		ended = take_path(mine());
		syscall(SYS_exit, 0);
	}
	if (rc < 0)
		return attempt("a thread in the unit", (errno = (int)-rc, -1));
	return await();
}

static int moves_and_makes(void *unused)
{
	(void)unused;
	if (move((int)syscall(SYS_gettid), UNIT, "cgroup.threads"))
		ended = EACCES;
	else if (clone(reads, stacks[1] + sizeof(stacks[1]), THREAD, NULL) < 0)
		ended = BROKEN;
	for (;;)
		pause();
	return 0;
}

static int thread_made(void)
{
	stand_above();
	need(clone(moves_and_makes, stacks[0] + sizeof(stacks[0]), THREAD, NULL) > 0);
	return await();
}

/* ---- moved on the threshold */
static int executes(void *unused)
{
	(void)unused;
	execlp("cat", "cat", mine(), NULL);
	return 0;
}

/*
 * The second thread executes, and waits for the first one's end, which we hold up as its tracer. Who is moved now is the first thread;
 * what goes on is the second.
 */
static int moved_in_exec(void)
{
	int ends[2], status, pid;
	char byte;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		need(read(ends[0], &byte, 1) == 1);
		need(clone(executes, stacks[0] + sizeof(stacks[0]), THREAD, NULL) > 0);
		for (;;)
			pause();
	}
	need(!ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT));
	need(write(ends[1], "x", 1) == 1);
	need(waitpid(pid, &status, __WALL) == pid && status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8));
	need(!move(pid, UNIT, "cgroup.procs"));
	need(!ptrace(PTRACE_CONT, pid, 0, 0));
	/* The first thread's number passes to the second, which nobody traces. */
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : EACCES;
}

VARIANTS({ "slice", slice }, { "slice_below", slice_below }, { "slice_child", slice_child }, { "thread_born", thread_born },
	 { "thread_made", thread_made }, { "moved_in_exec", moved_in_exec })
