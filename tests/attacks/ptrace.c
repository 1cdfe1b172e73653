// SPDX-License-Identifier: Apache-2.0
/*
 * A role holder as a puppet: by ptrace in its three beginnings, by its memory from aside, by its descriptors. The victim belongs to
 * the keeper; the viewer is a program with a role that we started ourselves, so it has our user.
 */
#include "attack.h"

#include <linux/kcmp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

struct held { int pid; void *address; int fd; };

static struct held viewer(bool traced)
{
	char line[128] = { 0 };
	struct held h;
	int ends[2];

	need(!pipe(ends));
	h.pid = fork();
	need(h.pid >= 0);
	if (!h.pid) {
		dup2(ends[1], 1);
		if (traced)
			ptrace(PTRACE_TRACEME, 0, 0, 0);
		execl(VIEWER, "viewer", "hold", SECRET, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (traced) {
		int status;

		need(waitpid(h.pid, &status, 0) == h.pid);
		/* It stands at the begin of its program; let it go on as its tracer. */
		if (WIFSTOPPED(status))
			ptrace(PTRACE_CONT, h.pid, 0, 0);
	}
	if (read(ends[0], line, sizeof(line) - 1) <= 0 || sscanf(line, "%d %p %d", &h.pid, &h.address, &h.fd) != 3)
		h.address = NULL;
	return h;
}

static int peek(int pid, uint64_t address)
{
	long words[8];

	for (size_t i = 0; i < 8; i++) {
		errno = 0;
		words[i] = ptrace(PTRACE_PEEKDATA, pid, address + i * sizeof(long), 0);
		if (errno)
			return attempt("peek", -1);
	}
	got(words, sizeof(words));
	return 0;
}

static int attach_to(int pid, uint64_t address)
{
	int status;

	if (ptrace(PTRACE_ATTACH, pid, 0, 0))
		return attempt("attach", -1);
	waitpid(pid, &status, 0);
	return peek(pid, address);
}

static int seize_of(int pid, uint64_t address)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		return attempt("seize", -1);
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, &status, 0);
	return peek(pid, address);
}

static int vm_read(int pid, uint64_t address)
{
	char bytes[256];
	struct iovec here = { bytes, sizeof(bytes) }, there = { (void *)(uintptr_t)address, sizeof(bytes) };
	long n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	got(bytes, n);
	return attempt("process_vm_readv", n);
}

static int vm_write(int pid, uint64_t address)
{
	char bytes[16] = "changed";
	struct iovec here = { bytes, sizeof(bytes) }, there = { (void *)(uintptr_t)address, sizeof(bytes) };

	return attempt("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
}

static int attach(void)    { struct victim v = victim(); return attach_to(v.pid, v.address); }
static int seize(void)     { struct victim v = victim(); return seize_of(v.pid, v.address); }
static int readv_(void)    { struct victim v = victim(); return vm_read(v.pid, v.address); }
static int writev_(void)   { struct victim v = victim(); return vm_write(v.pid, v.address); }
static int v_attach(void)  { struct held h = viewer(false); return attach_to(h.pid, (uint64_t)(uintptr_t)h.address); }
static int v_seize(void)   { struct held h = viewer(false); return seize_of(h.pid, (uint64_t)(uintptr_t)h.address); }
static int v_readv(void)   { struct held h = viewer(false); return vm_read(h.pid, (uint64_t)(uintptr_t)h.address); }
static int v_writev(void)  { struct held h = viewer(false); return vm_write(h.pid, (uint64_t)(uintptr_t)h.address); }

/* Traced from before its first instruction: then it must not have the role, and reads nothing. */
static int traceme(void)
{
	struct held h = viewer(true);
	int status;

	if (!h.address) {
		say("the traced viewer read nothing");
		return EACCES;
	}
	kill(h.pid, 19);
	waitpid(h.pid, &status, 0);
	return peek(h.pid, (uint64_t)(uintptr_t)h.address);
}

static int getfd(int pid, int number)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	need(pidfd >= 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	return fd < 0 ? attempt("pidfd_getfd", fd) : take(fd);
}

static int pidfd(void)   { struct victim v = victim(); return getfd(v.pid, v.fd); }
static int v_pidfd(void) { struct held h = viewer(false); return getfd(h.pid, h.fd); }

static int kcmp(void)
{
	struct victim v = victim();

	return attempt("kcmp", syscall(SYS_kcmp, getpid(), v.pid, KCMP_FILE, 1, v.fd));
}

static int v_kcmp(void)
{
	struct held h = viewer(false);

	return attempt("kcmp", syscall(SYS_kcmp, getpid(), h.pid, KCMP_FILE, 1, h.fd));
}

VARIANTS({ "attach", attach }, { "seize", seize }, { "readv", readv_ }, { "writev", writev_ }, { "viewer_attach", v_attach },
	 { "viewer_seize", v_seize }, { "viewer_readv", v_readv }, { "viewer_writev", v_writev }, { "traceme", traceme }, { "pidfd", pidfd },
	 { "viewer_pidfd", v_pidfd }, { "kcmp", kcmp }, { "viewer_kcmp", v_kcmp })
