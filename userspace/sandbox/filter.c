/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls that a process may still make. Everything else ends it, with a line in the kernel's log. The common list holds
 * what the C library needs to run a loop over descriptors: nothing in it opens a file, makes a socket or starts a program.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/socket.h>

#define SYS(name) SCMP_SYS(name)

static const int common[] = {
	SYS(read), SYS(readv), SYS(pread64), SYS(write), SYS(writev), SYS(pwrite64), SYS(lseek), SYS(close), SYS(close_range),
	SYS(fstat), SYS(newfstatat), SYS(fcntl), SYS(dup), SYS(poll), SYS(ppoll), SYS(epoll_create1), SYS(epoll_ctl),
	SYS(epoll_wait), SYS(epoll_pwait), SYS(recvmsg), SYS(sendmsg),
	SYS(mmap), SYS(munmap), SYS(mremap), SYS(mprotect), SYS(madvise), SYS(brk), SYS(futex), SYS(set_robust_list), SYS(rseq),
	SYS(rt_sigaction), SYS(rt_sigprocmask), SYS(rt_sigreturn), SYS(sigaltstack), SYS(tgkill),
	SYS(clock_gettime), SYS(clock_nanosleep), SYS(clock_getres), SYS(nanosleep), SYS(gettimeofday), SYS(time),
	SYS(getpid), SYS(gettid), SYS(getppid), SYS(getuid), SYS(geteuid), SYS(getgid), SYS(getegid), SYS(getrandom), SYS(uname),
	SYS(sched_yield), SYS(sched_getaffinity), SYS(restart_syscall), SYS(exit), SYS(exit_group),
};

/* Already gone through sandbox_enter() once: taking more away is always allowed. */
static const int taking_away[] = { SYS(capset), SYS(capget) };

static int allow(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}

static int allow_unix_sockets(scmp_filter_ctx ctx)
{
	static const int calls[] = { SYS(connect), SYS(sendto), SYS(recvfrom), SYS(getsockopt), SYS(setsockopt), SYS(getpeername),
				     SYS(getsockname), SYS(shutdown) };
	int r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

	/* Name services try others too; an error lets them go on, where the default would end the process. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	return r ? r : allow(ctx, calls, sizeof(calls) / sizeof(calls[0]));
}

static int fill(scmp_filter_ctx ctx, const struct sandbox *s)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	/* Older kernels without the log flag do not exist here: it came with 4.14. */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	if (r == 0)
		r = allow(ctx, common, sizeof(common) / sizeof(common[0]));
	if (r == 0)
		r = allow(ctx, s->syscalls, s->syscalls_count);
	if (r == 0 && s->caps_keep)
		r = allow(ctx, taking_away, sizeof(taking_away) / sizeof(taking_away[0]));
	if (r == 0 && s->unix_sockets)
		r = allow_unix_sockets(ctx);
	return r;
}

int filter_enter(const struct sandbox *s, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r;

	if (!ctx)
		return err_set(e, -ENOMEM, "seccomp filter");
	r = fill(ctx, s);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	return r < 0 ? err_set(e, r, "seccomp filter") : 0;
}
