// SPDX-License-Identifier: Apache-2.0
/* Process 1, from which polyward takes orders: lead it, or be taken for one of its helpers. */
#include "attack.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int seize(void)
{
	int code = attempt("seize process 1", ptrace(PTRACE_SEIZE, 1, 0, 0));

	if (!code)
		ptrace(PTRACE_DETACH, 1, 0, 0);
	return code;
}

static int mem(void) { return attempt("/proc/1/mem", open("/proc/1/mem", O_RDWR | O_CLOEXEC)); }

static int vm(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
	long n = process_vm_readv(1, &here, 1, &there, 1, 0);

	/* EFAULT: one was let in, and there is nothing at that address. */
	return attempt("process_vm_readv", n < 0 && errno == EFAULT ? 0 : n);
}

static int getfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	need(fd >= 0);
	return attempt("pidfd_getfd", syscall(SYS_pidfd_getfd, fd, 0, 0));
}

/*
 * Who begins in a unit, makes a control group within it that is called like a mount's or like process 1's own, goes there (a unit's own
 * business) and loses its parent, is a child of process 1's in a place of that name. May it take the pins away?
 */
#define EVIL "/sys/fs/cgroup/evil.service"

/* As a service that root starts: process 1 of the guest does it on request (tests/vm/pid1). */
static void begin_in(const char *group)
{
	char line[128];

	snprintf(line, sizeof(line), SCRATCH2 "/reply place %d %s\n", getpid(), group);
	need(!put("/run/vm/ask", line));
	for (int i = 0; i < 200 && access(SCRATCH2 "/reply", F_OK); i++)
		usleep(20000);
	usleep(20000);
}

static int as_helper(const char *group)
{
	char procs[128];
	int ends[2], pid, code = BROKEN;

	need(!mkdir(EVIL, 0755) || errno == EEXIST);
	need(!mkdir(group, 0755) || errno == EEXIST);
	begin_in(EVIL);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", group);
	need(!put(procs, "0") && !pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (pid == 0) {
		if (fork())
			_exit(0);
		while (getppid() != 1)
			usleep(10000);
		code = attempt("unmount the pins", umount2("/sys/fs/bpf", MNT_DETACH));
		(void)!write(ends[1], &code, sizeof(code));
		_exit(0);
	}
	reap(pid);
	need(read(ends[0], &code, sizeof(code)) == sizeof(code));
	return code;
}

static int as_mount(void) { return as_helper(EVIL "/x.mount"); }
static int as_scope(void) { return as_helper(EVIL "/init.scope"); }

/*
 * The daemons are gone (their control group was told to kill them), and the attacker starts the supervisor himself: behind a filter that
 * answers for it, with other files under its names, with another clock. Is what he started polyward's own? Then nobody may end it.
 */
static void filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	need(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void other_files(void)
{
	need(!unshare(CLONE_NEWNS));
}

static void other_clock(void)
{
	need(!unshare(CLONE_NEWTIME));
	need(!put("/proc/self/timens_offsets", "boottime 1000000 0"));
}

static int started(void (*prepare)(void))
{
	int pid = fork(), code;

	need(pid >= 0);
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		prepare();
		/* A clock of another namespace is that of the children. */
		if (fork()) {
			wait(NULL);
			_exit(0);
		}
		/* Another run directory, so that it waits for nobody's lock. */
		execlp("polywardd", "polywardd", "--run-dir", SCRATCH2 "/run", NULL);
		_exit(127);
	}
	usleep(700000);
	/* Its number: the only child of our child. */
	char path[64], text[32] = { 0 };
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC), own;
	need(fd >= 0);
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return kill(pid, SIGKILL), EPERM; /* it did not stay */
	own = (int)strtol(text, NULL, 10);
	code = kill(own, SIGKILL) ? 0 : EPERM;
	kill(pid, SIGKILL);
	return code;
}

static int start_filtered(void) { return started(filter); }
static int start_elsewhere(void){ return started(other_files); }
static int start_later(void)    { return started(other_clock); }

VARIANTS({ "seize", seize }, { "mem", mem }, { "vm", vm }, { "getfd", getfd }, { "as_mount", as_mount }, { "as_scope", as_scope },
	 { "start_filtered", start_filtered }, { "start_elsewhere", start_elsewhere }, { "start_later", start_later })
