// SPDX-License-Identifier: Apache-2.0
/* Polyward's processes: signals, debuggers, priorities, limits, control groups. Each on all of them, the first success ends it. */
#include "attack.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static int each(const char *what, long (*try_)(int pid))
{
	DIR *d = opendir("/proc");
	int code = ENOENT;

	need(d);
	for (struct dirent *e; code && (e = readdir(d));) {
		char path[300], name[32] = { 0 };
		int fd, pid = (int)strtol(e->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (fd < 0)
			continue;
		if (read(fd, name, sizeof(name) - 1) > 0 && !strncmp(name, "polyward", 8))
			code = try_(pid) < 0 ? errno : 0;
		close(fd);
	}
	closedir(d);
	return attempt(what, code ? (errno = code, -1) : 0);
}

static long do_kill(int pid)  { return kill(pid, SIGKILL); }
static long do_stop(int pid)  { return kill(pid, SIGSTOP); }
static long do_term(int pid)  { return kill(pid, SIGTERM); }
static long do_tgkill(int pid){ return syscall(SYS_tgkill, pid, pid, SIGKILL); }
static long do_queue(int pid) { return sigqueue(pid, SIGSTOP, (union sigval){ 0 }); }
static long do_nice(int pid)  { return setpriority(PRIO_PROCESS, (id_t)pid, 19); }
static long do_io(int pid)    { return syscall(SYS_ioprio_set, 1, pid, 3 << 13); }

static long do_pidfd(int pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -1 : syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

static long do_attach(int pid) { return ptrace(PTRACE_ATTACH, pid, 0, 0); }
static long do_seize(int pid)  { return ptrace(PTRACE_SEIZE, pid, 0, 0); }

static long do_mem(int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, O_RDWR | O_CLOEXEC);
}

static long do_vm(int pid)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)0x400000, 1 };
	long n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	/* EFAULT: one was let in, and there is nothing at that address. */
	return n < 0 && errno == EFAULT ? 0 : n;
}

static long do_getfd(int pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 3, 0);
}

static long do_environ(int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static long do_fd(int pid)
{
	char path[64];

	/* A map or a link of the loader, opened anew. */
	for (int i = 3; i < 40; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, i);
		if (open(path, O_RDWR | O_CLOEXEC) >= 0)
			return 0;
		if (errno == EACCES || errno == EPERM)
			return -1;
	}
	errno = EPERM; /* what it has there cannot be opened by name */
	return -1;
}

static long do_scheduler(int pid)
{
	struct sched_param p = { 0 };

	return sched_setscheduler(pid, SCHED_IDLE, &p);
}

static long do_affinity(int pid)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(pid, sizeof(set), &set);
}

static long do_limit(int pid)
{
	struct rlimit l = { 0, 0 };

	return prlimit(pid, RLIMIT_NOFILE, &l, NULL);
}

static int kill_(void)     { return each("SIGKILL", do_kill); }
static int stop(void)      { return each("SIGSTOP", do_stop); }
static int term(void)      { return each("SIGTERM", do_term); }
static int tgkill_(void)   { return each("tgkill", do_tgkill); }
static int queue(void)     { return each("sigqueue", do_queue); }
static int pidfd(void)     { return each("pidfd_send_signal", do_pidfd); }
static int attach(void)    { return each("attach", do_attach); }
static int seize(void)     { return each("seize", do_seize); }
static int mem(void)       { return each("/proc/PID/mem", do_mem); }
static int vm(void)        { return each("process_vm_readv", do_vm); }
static int getfd(void)     { return each("pidfd_getfd", do_getfd); }
static int environ_(void)  { return each("/proc/PID/environ", do_environ); }
static int fd(void)        { return each("/proc/PID/fd", do_fd); }
static int scheduler(void) { return each("sched_setscheduler", do_scheduler); }
static int affinity(void)  { return each("sched_setaffinity", do_affinity); }
static int nice_(void)     { return each("setpriority", do_nice); }
static int io(void)        { return each("ioprio_set", do_io); }
static int limit(void)     { return each("prlimit", do_limit); }

/* Signals by the kernel's own hand: through the control group, which asks nobody. Enforcement must go on all the same. */
static long do_group(int pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return put("/sys/fs/cgroup/pwattack/cgroup.procs", text) ? -1 : 0;
}

static int group(const char *file)
{
	need(!mkdir("/sys/fs/cgroup/pwattack", 0755) || errno == EEXIST);
	(void)each("move to a control group", do_group);
	for (int i = 0; i < 6; i++)
		(void)each("move to a control group", do_group);
	(void)put(file, "1");
	usleep(300000);
	return take_path(mine());
}

static int group_kill(void) { return group("/sys/fs/cgroup/pwattack/cgroup.kill"); }

static int group_freeze(void)
{
	int code = group("/sys/fs/cgroup/pwattack/cgroup.freeze");

	(void)put("/sys/fs/cgroup/pwattack/cgroup.freeze", "0");
	return code;
}

/* The switch under all trampolines: with it off, no program on any hook is called on some kernels. */
static int ftrace(void)
{
	int code = put("/proc/sys/kernel/ftrace_enabled", "0"), after = take_path(mine());

	(void)put("/proc/sys/kernel/ftrace_enabled", "1");
	/* What counts is that the gate stands; that the switch is refused is the way to that. */
	say("the switch: %s", code ? strerrorname_np(code) : "done");
	return after;
}

VARIANTS({ "ftrace", ftrace }, { "kill", kill_ }, { "stop", stop }, { "term", term }, { "tgkill", tgkill_ }, { "queue", queue }, { "pidfd", pidfd },
	 { "attach", attach }, { "seize", seize }, { "mem", mem }, { "vm", vm }, { "getfd", getfd }, { "environ", environ_ }, { "fd", fd },
	 { "scheduler", scheduler }, { "affinity", affinity }, { "nice", nice_ }, { "io", io }, { "limit", limit },
	 { "group_kill", group_kill }, { "group_freeze", group_freeze })
