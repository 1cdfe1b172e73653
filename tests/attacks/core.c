// SPDX-License-Identifier: Apache-2.0
/* A role holder made to dump its memory, or to serve: signals that dump core, core files and core helpers, by the same user and by root. */
#include "attack.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define PATTERN "/proc/sys/kernel/core_pattern"

static int signal_victim(int number)
{
	struct victim v = victim();
	int code = attempt("signal a role holder", kill(v.pid, number));

	/* Should it die, its dump is to be there before we are judged. */
	if (!code)
		usleep(200000);
	return code;
}

static int quit(void)  { return signal_victim(SIGQUIT); }
static int segv(void)  { return signal_victim(SIGSEGV); }
static int xcpu(void)  { return signal_victim(SIGXCPU); }

static int pidfd(void)
{
	struct victim v = victim();
	int fd = (int)syscall(SYS_pidfd_open, v.pid, 0);

	need(fd >= 0);
	return attempt("pidfd_send_signal", syscall(SYS_pidfd_send_signal, fd, SIGABRT, NULL, 0));
}

static int queue(void)
{
	struct victim v = victim();

	return attempt("sigqueue", sigqueue(v.pid, SIGILL, (union sigval){ 0 }));
}

/* A limit of zero seconds makes the kernel itself send SIGXCPU. */
static int limit(void)
{
	struct victim v = victim();
	struct rlimit l = { 0, 0 };

	return attempt("prlimit", prlimit(v.pid, RLIMIT_CPU, &l, NULL));
}

/* The viewer holds a role and our user: we start it, it reads, it crashes. */
static int crash(int number)
{
	char line[128];
	int ends[2], pid, status;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		dup2(ends[1], 1);
		execl(VIEWER, "viewer", "hold", SECRET, NULL);
		_exit(127);
	}
	close(ends[1]);
	need(read(ends[0], line, sizeof(line)) > 0);
	if (kill(pid, number))
		return attempt("signal the viewer", -1);
	need(waitpid(pid, &status, 0) == pid);
	say("the viewer died of %d%s", WTERMSIG(status), WCOREDUMP(status) ? " and dumped" : "");
	return WCOREDUMP(status) ? 0 : CAME_TO_NOTHING;
}

static int own_core(void) { return crash(SIGQUIT); }

static int with_pattern(const char *words)
{
	int code;

	need(!put(PATTERN, words));
	code = crash(SIGSEGV);
	usleep(300000);
	need(!put(PATTERN, SCRATCH "/core.%p"));
	return code;
}

static int to_file(void) { return with_pattern(SCRATCH "/core.%p"); }
static int to_pipe(void) { return with_pattern("|/bin/dd of=" SCRATCH "/core"); }

/* A limit that makes the kernel send the signal to the viewer: a file size limit, inherited. */
static int inherited_limit(void)
{
	struct rlimit l = { 1, 1 };

	setrlimit(RLIMIT_CPU, &l);
	return crash(SIGXCPU);
}

static int name_too_long(void)
{
	/* The dump's own file may not lie in a store either. */
	need(!put(PATTERN, STORE "/core.%p"));
	int code = crash(SIGSEGV);
	need(!put(PATTERN, SCRATCH "/core.%p"));
	return code;
}

VARIANTS({ "quit", quit }, { "segv", segv }, { "xcpu", xcpu }, { "pidfd", pidfd }, { "queue", queue }, { "limit", limit },
	 { "own_core", own_core }, { "to_file", to_file }, { "to_pipe", to_pipe }, { "inherited_limit", inherited_limit },
	 { "into_store", name_too_long })
