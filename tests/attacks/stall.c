// SPDX-License-Identifier: Apache-2.0
/* The moment between check and use, held open: buffers that fault into our hands, pipes that wait, rings that are told late. */
#include "attack.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "ring.h"

/* A write whose data is not there yet: refused before the first fault. */
static int fault_write(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (uffd < 0)
		not_here("no userfaultfd: %m");
	range.range.start = (uint64_t)(uintptr_t)page;
	range.range.len = 4096;
	need(!ioctl(uffd, UFFDIO_API, &api) && !ioctl(uffd, UFFDIO_REGISTER, &range));
	return attempt("write from a page that is missing", write(EARLY_WRITE, page, 4096));
}

/* A pipe is full; a child waits in splice with the right, loses nothing; we, without it, drain what comes. Nothing may come to us by
 * our own descriptor. */
static int full_pipe(void)
{
	char bytes[4096] = { 0 };
	int p[2];
	long n;

	need(!pipe2(p, O_NONBLOCK));
	while (write(p[1], bytes, sizeof(bytes)) > 0)
		;
	need(read(p[0], bytes, sizeof(bytes)) == sizeof(bytes));
	n = splice(EARLY_READ, &(off_t){ 0 }, p[1], NULL, 4096, SPLICE_F_NONBLOCK);
	return attempt("splice into a full pipe", n);
}

/* Entries are prepared with the right and told to the kernel when it has gone. */
static int ring_told_late(void)
{
	static char bytes[4096];
	struct ring r;
	struct io_uring_sqe *e;
	int res = -EIO, fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	if (ring_make(&r, 0))
		not_here("no io_uring");
	need(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, &fd, 1));
	become(USER);
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_READ;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	e->flags = IOSQE_FIXED_FILE;
	need(!ring_go(&r, 1, &res));
	got(bytes, res);
	return attempt("read by a ring told late", res < 0 ? (errno = -res, -1) : 0);
}

/* The same, with a poll or timeout in front, so that a worker or a task's own work does the reading later. */
static int ring_after_timeout(void)
{
	static char bytes[4096];
	struct { int64_t sec, nsec; } soon = { 0, 50000000 };
	struct ring r;
	struct io_uring_sqe *e;
	int res[2] = { -EIO, -EIO }, fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	if (ring_make(&r, 0))
		not_here("no io_uring");
	become(USER);
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_TIMEOUT;
	e->addr = (uint64_t)(uintptr_t)&soon;
	e->len = 1;
	e->flags = IOSQE_IO_HARDLINK;
	e = ring_sqe(&r, 1);
	e->opcode = IORING_OP_READ;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	need(!ring_go(&r, 2, res));
	got(bytes, res[1]);
	return attempt("read by a ring after a while", res[1] < 0 ? (errno = -res[1], -1) : 0);
}

/* Submitted with the right, carried out when it has gone: by whom it is asked is then the worker's matter. */
static int ring_submitted_before(void)
{
	static char bytes[4096];
	struct { int64_t sec, nsec; } soon = { 0, 100000000 };
	struct ring r;
	struct io_uring_sqe *e;
	int fd = open(mine(), O_RDONLY | O_CLOEXEC), res = -EIO;

	need(fd >= 0);
	if (ring_make(&r, 0))
		not_here("no io_uring");
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_TIMEOUT;
	e->addr = (uint64_t)(uintptr_t)&soon;
	e->len = 1;
	e->flags = IOSQE_IO_HARDLINK;
	e = ring_sqe(&r, 1);
	e->opcode = IORING_OP_READ;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	((uint32_t *)((char *)r.sq + r.p.sq_off.array))[0] = 0;
	((uint32_t *)((char *)r.sq + r.p.sq_off.array))[1] = 1;
	__atomic_store_n((uint32_t *)((char *)r.sq + r.p.sq_off.tail), 2, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, r.fd, 2, 0, 0, NULL, 0) == 2);
	become(USER);
	/* Let it complete, and see what is there; a change of credentials makes the kernel end a wait early. */
	for (int i = 0; i < 50; i++)
		(void)(syscall(SYS_io_uring_enter, r.fd, 0, 2, IORING_ENTER_GETEVENTS, NULL, 0) + usleep(10000));
	struct io_uring_cqe *cqes = (void *)((char *)r.cq + r.p.cq_off.cqes);
	for (unsigned int i = 0; i < 2; i++)
		if (cqes[i].user_data == 1)
			res = cqes[i].res;
	got(bytes, res);
	return attempt("read submitted before", res < 0 ? (errno = -res, -1) : 0);
}

static int send_to_memory(void)
{
	int fd = (int)syscall(SYS_memfd_create, "x", 0);

	need(fd >= 0);
	return attempt("sendfile to memory", sendfile(fd, EARLY_READ, &(off_t){ 0 }, 4096));
}

VARIANTS({ "fault_write", fault_write }, { "full_pipe", full_pipe }, { "ring_told_late", ring_told_late },
	 { "ring_after_timeout", ring_after_timeout }, { "ring_submitted_before", ring_submitted_before }, { "send_to_memory", send_to_memory })
