// SPDX-License-Identifier: Apache-2.0
/* Processes to be attacked, and what is tried on them. Must never judge: that is for the cases. */
#include "victims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* ---- victims ---- */

/* A process of this user that waits to be ended, and is who it is to be when this returns. own: it keeps the suite's mark. */
pid_t victim_start(const struct who *who, bool own)
{
	int ready[2];
	char byte;
	pid_t pid;

	fflush(stdout);
	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		if (!own)
			suite_stranger();
		if (setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid) || prctl(PR_SET_DUMPABLE, 1) ||
		    write(ready[1], "x", 1) != 1)
			_exit(230);
		for (;;)
			pause();
	}
	if (read(ready[0], &byte, 1) != 1)
		printf("# the victim is not ready\n");
	close(ready[0]);
	close(ready[1]);
	return pid;
}

void victim_bury(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

bool victim_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

/* Is there a refusal of this kind that names this process? */
static bool recorded(const struct suite *s, uint8_t hook, uint8_t reason, pid_t target)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (s->seen[i].hook == hook && s->seen[i].reason == reason && s->seen[i].verdict == PW_DENY &&
		    s->seen[i].target == (uint32_t)target && s->seen[i].error == -EPERM && !s->seen[i].ino)
			return true;
	return false;
}

/* One more assertion on the case before: whom did the record name? */
void victim_named(struct suite *s, const char *name, uint8_t hook, uint8_t reason, pid_t target)
{
	suite_check(s, name, recorded(s, hook, reason, target), "no record of hook %u names %d", hook, (int)target);
}

/* ---- operations on another process: arg is its pid ---- */

int op_attach(const void *arg)
{
	pid_t pid = *(const pid_t *)arg;

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL))
		return errno;
	waitpid(pid, NULL, 0);
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? 231 : 0;
}

int op_seize(const void *arg)
{
	return ptrace(PTRACE_SEIZE, *(const pid_t *)arg, NULL, NULL) ? errno : 0;
}

int op_vm_read(const void *arg)
{
	char byte, *there = (char *)(uintptr_t)op_vm_read;
	struct iovec to = { &byte, 1 }, from = { there, 1 };

	return process_vm_readv(*(const pid_t *)arg, &to, 1, &from, 1, 0) == 1 ? 0 : errno;
}

int op_take_fd(const void *arg)
{
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, *(const pid_t *)arg, 0);
	_fd_ int fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 1, 0);

	return fd < 0 ? errno : 0;
}

static int open_of(pid_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int op_mem(const void *arg)
{
	_fd_ int fd = open_of(*(const pid_t *)arg, "mem");

	return fd < 0 ? errno : 0;
}

/* Without CAP_PERFMON: since 6.14 the kernel asks nobody who has it. */
int op_environ(const void *arg)
{
	const cap_value_t perfmon = CAP_PERFMON;
	cap_t caps = cap_get_proc();
	_fd_ int fd = -1;

	if (!caps || cap_set_flag(caps, CAP_EFFECTIVE, 1, &perfmon, CAP_CLEAR) || cap_set_proc(caps))
		return 232;
	cap_free(caps);
	fd = open_of(*(const pid_t *)arg, "environ");

	return fd < 0 ? errno : 0;
}

int op_signal(const void *arg)
{
	const struct signal_to *t = arg;

	return kill(t->pid, t->sig) ? errno : 0;
}

int op_pidfd_signal(const void *arg)
{
	const struct signal_to *t = arg;
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);

	return syscall(SYS_pidfd_send_signal, pidfd, t->sig, NULL, 0) ? errno : 0;
}

int op_nice(const void *arg)
{
	return setpriority(PRIO_PROCESS, (id_t)*(const pid_t *)arg, 19) ? errno : 0;
}

int op_sched(const void *arg)
{
	const struct sched_param param = { 0 };

	return sched_setscheduler(*(const pid_t *)arg, SCHED_IDLE, &param) ? errno : 0;
}

int op_ioprio(const void *arg)
{
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, *(const pid_t *)arg, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)) ? errno : 0;
}

int op_limit(const void *arg)
{
	const struct rlimit none = { 1, 1 };

	return prlimit(*(const pid_t *)arg, RLIMIT_NOFILE, &none, NULL) ? errno : 0;
}

/* Have the kernel send SIGKILL to another because a pipe became readable. */
int op_sigio(const void *arg)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) || fcntl(p[0], F_SETOWN, *(const pid_t *)arg) || fcntl(p[0], F_SETSIG, SIGKILL) ||
	    fcntl(p[0], F_SETFL, O_ASYNC) || write(p[1], "x", 1) != 1)
		return 232;
	return 0;
}

int victim_copy(const char *from, const char *to)
{
	char command[256];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	return system(command);
}

/* The word of the auxiliary vector that says that the linker must not listen to the environment, in a program that a role names. */
int op_secure(const void *arg)
{
	int p[2];
	unsigned long vector[64] = { 0 };
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return 239;
	pid = fork();
	if (!pid) {
		dup2(p[1], 1);
		execl(arg, "head", "-c", "512", "/proc/self/auxv", (char *)NULL);
		_exit(240);
	}
	close(p[1]);
	if (read(p[0], vector, sizeof(vector)) < 64)
		return 241;
	waitpid(pid, NULL, 0);
	for (size_t i = 0; i + 1 < 64; i += 2)
		if (vector[i] == 23 /* AT_SECURE */)
			return (int)vector[i + 1];
	return 242;
}
