// SPDX-License-Identifier: Apache-2.0
/*
 * A puppet whose master left: while both have the role one leads the other, as may be; then the master gives it up and the puppet, which
 * kept it, acts for him: by a path, by what is remembered of it, by a kernel thread of a ring.
 */
#include "attack.h"

#include <sys/ptrace.h>

#include "ring.h"

/* Lead the child from here on, become somebody else, and let it go on. */
static int lead(int (*act)(void))
{
	int ends[2], pid, status;
	char byte;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		need(read(ends[0], &byte, 1) == 1);
		_exit(act());
	}
	need(!ptrace(PTRACE_SEIZE, pid, 0, 0));
	become(USER);
	need(write(ends[1], "x", 1) == 1);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}

static int opens(void)  { return take_path(mine()); }
static int opened(void) { return lead(opens); }

/* What the child is permitted is remembered from before. */
static int remembered(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC), ends[2], pid, status;
	char byte;

	need(fd >= 0 && !pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		need(read(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1 && write(ends[1], "x", 1) == 1);
		usleep(300000);
		_exit(take(fd));
	}
	need(read(ends[0], &byte, 1) == 1);
	need(!ptrace(PTRACE_SEIZE, pid, 0, 0));
	become(USER);
	while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_CONT, pid, 0, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
}

static int by_worker(void)
{
	static char bytes[FILE_BYTES];
	struct io_uring_sqe *e;
	struct ring r;
	int fd = -EIO, n = -EIO;

	if (ring_make(&r, 0))
		not_here("no io_uring: %m");
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_OPENAT;
	e->fd = AT_FDCWD;
	e->addr = (uint64_t)(uintptr_t)mine();
	e->flags = IOSQE_ASYNC;
	if (ring_go(&r, 1, &fd))
		return attempt("submit", -1);
	if (fd < 0)
		return attempt("open by a worker", (errno = -fd, -1));
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_READ;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	e->flags = IOSQE_ASYNC;
	if (ring_go(&r, 1, &n))
		return attempt("submit", -1);
	if (n < 0)
		return attempt("read by a worker", (errno = -n, -1));
	got(bytes, n);
	return 0;
}

static int worker(void) { return lead(by_worker); }

VARIANTS({ "opened", opened }, { "remembered", remembered }, { "worker", worker })
