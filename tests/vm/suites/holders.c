// SPDX-License-Identifier: Apache-2.0
/*
 * A role holder is nobody's puppet: tracing, memory, signals that dump, core dumps, preloaded code, exchanged executables, rings with a
 * thread of their own.
 */
#include "victims.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define HEAD "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/holders }\n"
#define OBJECT "/srv/holders/f"

static const char to_reader[] = HEAD "role readers { members user:reader }\nrule r { allow readers to list, read on data }\n";

/* ---- tracing ---- */

/* A child that asks to be traced by us, becomes the reader and reads; what it got. */
static int traced_child_reads(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(233);
		if (setresgid(2001, 2001, 2001) || setresuid(1001, 1001, 1001))
			_exit(234);
		_exit(op_read(OBJECT));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 235;
	return WEXITSTATUS(status);
}

static int op_traced_child_reads(const void *arg)
{
	(void)arg;
	return traced_child_reads();
}

/* The role holder asks its parent, which has no role, to trace it. */
static int op_asks_to_be_traced(const void *arg)
{
	(void)arg;
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? errno : 0;
}

static void tracing(struct suite *s)
{
	pid_t holder = victim_start(&reader, false), stranger = victim_start(&other, false);

	suite_apply(s, to_reader);
	suite_case(s, "root attaches to a role holder", &root, op_attach, &holder, BORROWED(pw_ptrace));
	victim_named(s, "... and the record names it", PW_HOOK_pw_ptrace, PW_R_BORROWED, holder);
	suite_case(s, "root seizes a role holder", &root, op_seize, &holder, BORROWED(pw_ptrace));
	suite_case(s, "root reads a role holder's memory", &root, op_vm_read, &holder, BORROWED(pw_ptrace));
	suite_case(s, "root takes a role holder's descriptor", &root, op_take_fd, &holder, BORROWED(pw_ptrace));
	suite_check(s, "root opens a role holder's /proc/PID/mem: refused", suite_run(&root, op_mem, &holder) == EACCES, "not refused");
	suite_drain(s);
	victim_named(s, "... and recorded", PW_HOOK_pw_ptrace, PW_R_BORROWED, holder);
	suite_case(s, "whoever has the same roles attaches", &reader, op_attach, &holder, SILENT);
	suite_case(s, "root attaches to who has no role", &root, op_attach, &stranger, SILENT);
	suite_case(s, "root looks at a role holder's environment", &root, op_environ, &holder, SILENT);
	suite_check(s, "traced by root, a process has no role by becoming the reader", suite_run(&root, op_traced_child_reads, NULL) == EACCES,
		    "not refused");
	suite_check(s, "traced by who has them, it keeps its roles", suite_run(&reader, op_traced_child_reads, NULL) == 0, "refused");
	suite_case(s, "a role holder asks its parent, who has no role, to trace it", &reader, op_asks_to_be_traced, NULL, BORROWED(pw_traceme));
	victim_bury(holder);
	victim_bury(stranger);
}

/* Traced since before there was a policy: by root, who then has a puppet of the reader's user. */
static void traced_before(struct suite *s)
{
	int up[2], down[2], status = 0;
	char byte = 0;
	pid_t pid;

	suite_fresh(s);
	if (pipe(up) || pipe(down))
		return;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || setresgid(2001, 2001, 2001) || setresuid(1001, 1001, 1001))
			_exit(236);
		if (write(up[1], "x", 1) != 1 || read(down[0], &byte, 1) != 1)
			_exit(237);
		_exit(op_read(OBJECT));
	}
	if (read(up[0], &byte, 1) == 1)
		suite_apply(s, to_reader);
	if (write(down[1], "x", 1) != 1)
		printf("# cannot wake the traced\n");
	waitpid(pid, &status, 0);
	suite_check(s, "traced since before the policy: no role", WIFEXITED(status) && WEXITSTATUS(status) == EACCES, "status %#x",
		    (unsigned)status);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

/* ---- signals and dumps ---- */

static void signals(struct suite *s)
{
	static const int dumps[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS };
	pid_t holder = victim_start(&reader, false);
	struct signal_to to = { holder, 0 };
	int got;

	suite_apply(s, to_reader);
	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		char name[80];

		to.sig = dumps[i];
		snprintf(name, sizeof(name), "root sends SIG%s to a role holder", sigabbrev_np(dumps[i]));
		suite_case(s, name, &root, op_signal, &to, BORROWED(pw_kill));
	}
	victim_named(s, "... and the record names it", PW_HOOK_pw_kill, PW_R_BORROWED, holder);
	suite_case(s, "... by a pidfd", &root, op_pidfd_signal, &to, BORROWED(pw_kill));
	to.sig = SIGCONT;
	suite_case(s, "root sends SIGCONT to a role holder", &root, op_signal, &to, SILENT);
	to.sig = SIGTERM;
	suite_case(s, "root ends a role holder", &root, op_signal, &to, SILENT);
	waitpid(holder, NULL, 0);
	holder = victim_start(&reader, false);
	to = (struct signal_to){ holder, SIGABRT };
	got = suite_run(&reader, op_signal, &to);
	suite_check(s, "whoever has the same roles sends SIGABRT", got == 0, "%s", strerror(got));
	victim_bury(holder);
}

static void set_pattern(const char *pattern)
{
	_fd_ int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, pattern, strlen(pattern)))
		printf("# cannot set the core pattern\n");
}

static pid_t dying(const struct who *who)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	suite_stranger();
	if (setrlimit(RLIMIT_CORE, &all) || setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid) ||
	    prctl(PR_SET_DUMPABLE, 1))
		_exit(238);
	abort();
}

static bool appears(const char *path)
{
	struct stat st;

	for (int i = 0; i < 100; i++) {
		if (stat(path, &st) == 0 && st.st_size > 4096)
			return true;
		usleep(20000);
	}
	return false;
}

static void dump(struct suite *s, const char *kind, const char *pattern)
{
	char name[96], path[64];
	int status = 0;
	pid_t pid;

	set_pattern(pattern);
	pid = dying(&other);
	waitpid(pid, &status, 0);
	snprintf(path, sizeof(path), "/srv/cores/%d", (int)pid);
	snprintf(name, sizeof(name), "core dump to %s: who has no role leaves one", kind);
	suite_check(s, name, WIFSIGNALED(status) && appears(path), "there is no %s (status %#x)", path, (unsigned)status);
	suite_drain(s);
	pid = dying(&reader);
	waitpid(pid, &status, 0);
	suite_drain(s);
	usleep(200000);
	snprintf(path, sizeof(path), "/srv/cores/%d", (int)pid);
	snprintf(name, sizeof(name), "core dump to %s: a role holder leaves none", kind);
	suite_check(s, name, WIFSIGNALED(status) && !WCOREDUMP(status) && access(path, F_OK), "status %#x", (unsigned)status);
	snprintf(name, sizeof(name), "core dump to %s: recorded", kind);
	victim_named(s, name, PW_HOOK_pw_coredump, PW_R_BORROWED, pid);
}

static void dumps(struct suite *s)
{
	static const char helper[] = "#!/bin/sh\nexec cat >/srv/cores/$1\n";
	_fd_ int fd = -1;

	mkdir("/srv/cores", 0777);
	chmod("/srv/cores", 0777);
	fd = open("/srv/dump", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0 || fd_write_all(fd, helper, sizeof(helper) - 1))
		printf("# cannot write the helper\n");
	cleanup_fd(&fd);
	suite_apply(s, to_reader);
	dump(s, "a file", "/srv/cores/%p");
	dump(s, "a program", "|/srv/dump %p");
	set_pattern("core");
}

/* ---- programs ---- */

static int op_run(const void *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, 1);
	dup2(null, 2);
	execl(arg, "head", "-c1", OBJECT, (char *)NULL);
	return 243;
}

/* Started by a tracer that lets go of it afterwards: whatever it is by then, it is not the program. */
static int op_traced_start(const void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(244);
		_exit(op_run(arg));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || ptrace(PTRACE_DETACH, pid, NULL, NULL) ||
	    waitpid(pid, &status, 0) != pid)
		return 245;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 246;
}

/* Reads, exchanges its executable, or tries to, and reads again. */
static int op_exchanges(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	if (op_read(OBJECT))
		return 247;
	/* The kernel says no while the old one is mapped, unless that is on an overlay (since 6.8): it is to make no difference. */
	if (prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0) && errno != EBUSY)
		return errno;
	return op_read(OBJECT) == EACCES ? 248 : 0;
}

/* The same while another process shares the memory. */
static int op_exchanges_shared(const void *arg)
{
	static int code;
	int fd = open(arg, O_RDONLY | O_CLOEXEC);
	pid_t pid = vfork();

	if (!pid) {
		code = prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0) ? errno : 0;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return code;
}

static void by_program(struct suite *s, const char *path, const char *who)
{
	char policy[512];

	snprintf(policy, sizeof(policy), HEAD "program tool { exe %s }\nrole tools { %s program tool }\nrule r { allow tools to read on data }\n",
		 path, who);
	suite_apply(s, policy);
}

static void programs(struct suite *s)
{
	static const char head[] = PROGRAMS "/head", plain[] = PROGRAMS "/plain";
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	_fd_ int fd = -1;
	int got;

	self[n < 0 ? 0 : n] = '\0';
	mkdir(PROGRAMS, 0755);
	if (victim_copy("/usr/bin/head", head) || victim_copy("/usr/bin/head", plain))
		printf("# cannot copy programs\n");
	by_program(s, head, "members user:reader ");
	suite_case(s, "a role's program", &reader, op_run, head, ALLOWED(pw_file_open, PW_A_READ));
	suite_check(s, "a copy of it is none", suite_run(&reader, op_run, plain) == 1, "allowed");
	suite_check(s, "a role's program listens to no environment", suite_run(&reader, op_secure, head) == 1, "AT_SECURE is not 1");
	suite_check(s, "another program does", suite_run(&reader, op_secure, plain) == 0, "AT_SECURE is not 0");
	suite_check(s, "a role's program that was traced at its start is none", suite_run(&reader, op_traced_start, head) == 1, "allowed");
	suite_check(s, "untraced, it is one again", suite_run(&reader, op_run, head) == 0, "refused");
	fd = open(head, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0 || write(fd, "x", 1) != 1)
		printf("# cannot write to %s\n", head);
	cleanup_fd(&fd);
	suite_check(s, "a role's program that was written to since is none", suite_run(&reader, op_run, head) == 1, "allowed");
	by_program(s, head, "members user:reader ");
	suite_check(s, "applied again, it is one", suite_run(&reader, op_run, head) == 0, "refused");
	by_program(s, self, "");
	got = suite_run(&root, op_exchanges, plain);
	suite_check(s, "who exchanged its executable has no role by it", got == 248, "%d", got);
	suite_check(s, "nobody does while the memory is shared", suite_run(&root, op_exchanges_shared, plain) == EPERM, "not refused");
	suite_drain(s);
}

/* ---- rings ---- */

static int op_polled_ring(const void *arg)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10 };
	_fd_ int fd = (int)syscall(SYS_io_uring_setup, 8, &p);

	(void)arg;
	return fd < 0 ? errno : 0;
}

static void rings(struct suite *s)
{
	suite_apply(s, to_reader);
	suite_case(s, "a role holder makes a ring with a thread of its own", &reader, op_polled_ring, NULL, BORROWED(pw_sqpoll));
	suite_case(s, "who has no role makes one", &other, op_polled_ring, NULL, SILENT);
}

void cases_holders(struct suite *s)
{
	int fd;

	mkdir("/srv/holders", 0777);
	chmod("/srv/holders", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", OBJECT, strerror(errno));
	close(fd);
	tracing(s);
	signals(s);
	dumps(s);
	programs(s);
	rings(s);
	traced_before(s);
}
