/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents by ways other than read and write: mappings, fallocate, copies inside the kernel, pipes, asynchronous I/O, io_uring. Must
 * never assert a figure that depends on the size of a page cache or the speed of a machine.
 */
#include "check.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static bool all(const char *bytes, char value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static int filled(const char *name, size_t pages)
{
	static char page[PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	for (size_t i = 0; fd >= 0 && i < pages; i++) {
		memset(page, (int)('a' + i), PAGE);
		(void)!write(fd, page, PAGE);
	}
	return fd;
}

void check_fallocate(struct check *c)
{
	static char got[PAGE];
	int fd = filled("f", 4);
	struct stat st;

	OKAY("allocate", fallocate(fd, 0, 0, 8 * PAGE));
	VALUE("longer", size_of("f"), 8 * PAGE);
	OKAY("without a change of size", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 16 * PAGE));
	VALUE("as long", size_of("f"), 8 * PAGE);
	OKAY("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
	YES("a hole", pread(fd, got, PAGE, PAGE) == PAGE && all(got, 0, PAGE));
	YES("beside it as before", pread(fd, got, PAGE, 2 * PAGE) == PAGE && all(got, 'c', PAGE));
	ERR("punch that changes the size", fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	ERR("zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 2 * PAGE, PAGE), c->tmpfs ? EOPNOTSUPP : 0);
	VALUE("zeroed", pread(fd, got, 1, 2 * PAGE) == 1 ? got[0] : -1, c->tmpfs ? 'c' : 0);
	ERR("collapse", fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), c->tmpfs ? EOPNOTSUPP : 0);
	ERR("insert", fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE), c->tmpfs ? EOPNOTSUPP : 0);
	VALUE("size in the end", size_of("f"), 8 * PAGE);
	ERR("nothing", fallocate(fd, 0, 0, 0), EINVAL);
	ERR("before the start", fallocate(fd, 0, -1, PAGE), EINVAL);
	VALUE("posix_fallocate", posix_fallocate(fd, 0, 20 * PAGE), 0);
	YES("blocks are there", fstat(fd, &st) == 0 && st.st_blocks * 512 >= 20 * PAGE);
	close(fd);
	fd = open("f", O_RDONLY);
	ERR("open to read", fallocate(fd, 0, 0, PAGE), EBADF);
	close(fd);
}

/* A child writes into a shared mapping; 0 when it could. */
static int child_writes(char *at)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		at[0] = 'C';
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

void check_mmap(struct check *c)
{
	int fd = filled("f", 3), ro;
	char *shared, *private, got[4];

	shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OKAY("shared", shared == MAP_FAILED ? -1 : 0);
	private = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OKAY("private", private == MAP_FAILED ? -1 : 0);
	if (shared == MAP_FAILED || private == MAP_FAILED)
		return;
	shared[0] = 'S';
	YES("a write is read", pread(fd, got, 1, 0) == 1 && got[0] == 'S');
	YES("and seen in the private mapping", private[0] == 'S');
	private[1] = 'P';
	YES("a private write is not read", pread(fd, got, 1, 1) == 1 && got[0] == 'a');
	OKAY("pwrite", pwrite(fd, "W", 1, PAGE));
	YES("is seen", shared[PAGE] == 'W');
	OKAY("msync", msync(shared, 3 * PAGE, MS_SYNC));
	OKAY("msync later", msync(shared, PAGE, MS_ASYNC | MS_INVALIDATE));
	OKAY("a child writes", child_writes(shared));
	YES("and its parent sees it", shared[0] == 'C');
	OKAY("mprotect down", mprotect(shared, PAGE, PROT_READ));
	OKAY("and up", mprotect(shared, PAGE, PROT_READ | PROT_WRITE));
	OKAY("madvise", madvise(shared, PAGE, MADV_DONTNEED));
	YES("what was written stays", shared[0] == 'C');
	OKAY("lock", mlock(shared, PAGE));
	OKAY("unlink", unlink("f"));
	shared[2] = 'U';
	YES("mapped on", pread(fd, got, 1, 2) == 1 && got[0] == 'U');
	shared = mremap(shared, 3 * PAGE, 2 * PAGE, 0);
	YES("mremap", shared != MAP_FAILED && shared[PAGE] == 'W');
	munmap(private, 3 * PAGE);
	close(fd);
	shared[3] = 'x';
	YES("after close", shared[3] == 'x');
	munmap(shared, 2 * PAGE);
	put("g", "read");
	ro = open("g", O_RDONLY);
	ERR("shared to write, open to read", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, ro, 0) == MAP_FAILED ? -1 : 0, EACCES);
	private = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0);
	OKAY("private to write, open to read", private == MAP_FAILED ? -1 : 0);
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	ERR("raised to write, open to read", mprotect(shared, PAGE, PROT_READ | PROT_WRITE), EACCES);
	OKAY("executable", mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, ro, 0) == MAP_FAILED ? -1 : 0);
	close(ro);
	ro = open("g", O_WRONLY);
	ERR("open to write only", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0) == MAP_FAILED ? -1 : 0, EACCES);
	close(ro);
}

void check_copy(struct check *c)
{
	int from = filled("f", 4), to = open("g", O_RDWR | O_CREAT, 0644), ends[2];
	struct file_clone_range range = { .src_fd = from };
	static char got[2 * PAGE];
	off_t at = PAGE, put_at = 0;

	VALUE("copy_file_range", copy_file_range(from, &at, to, &put_at, 2 * PAGE, 0), 2 * PAGE);
	YES("what was copied", pread(to, got, 2 * PAGE, 0) == 2 * PAGE && all(got, 'b', PAGE) && all(got + PAGE, 'c', PAGE));
	at = 4 * PAGE;
	VALUE("behind the end", copy_file_range(from, &at, to, NULL, PAGE, 0), 0);
	at = 0, put_at = PAGE;
	ERR("over itself", copy_file_range(from, &at, from, &put_at, 2 * PAGE, 0), EINVAL);
	ERR("unknown flags", copy_file_range(from, NULL, to, NULL, 1, 1), EINVAL);
	at = 0;
	lseek(to, 0, SEEK_SET);
	VALUE("sendfile", sendfile(to, from, &at, PAGE), PAGE);
	YES("what was sent", pread(to, got, PAGE, 0) == PAGE && all(got, 'a', PAGE) && at == PAGE);
	OKAY("pipe", pipe(ends));
	at = 3 * PAGE;
	VALUE("splice out", splice(from, &at, ends[1], NULL, PAGE, 0), PAGE);
	put_at = PAGE;
	VALUE("splice in", splice(ends[0], NULL, to, &put_at, PAGE, 0), PAGE);
	YES("what went through", pread(to, got, PAGE, PAGE) == PAGE && all(got, 'd', PAGE));
	ERR("splice between files", splice(from, NULL, to, NULL, 1, 0), EINVAL);
	at = 0;
	VALUE("sendfile to a pipe", sendfile(ends[1], from, &at, PAGE), PAGE);
	VALUE("read from it", read(ends[0], got, PAGE), PAGE);
	close(ends[0]);
	close(ends[1]);
	OKAY("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	at = 2 * PAGE;
	VALUE("sendfile to a socket", sendfile(ends[0], from, &at, PAGE), PAGE);
	YES("received", recv(ends[1], got, PAGE, MSG_WAITALL) == PAGE && all(got, 'c', PAGE));
	ERR("clone", ioctl(to, FICLONE, from), EOPNOTSUPP);
	ERR("clone a range", ioctl(to, FICLONERANGE, &range), EOPNOTSUPP);
	close(ends[0]);
	close(ends[1]);
	close(to);
	to = open("g", O_RDONLY);
	ERR("copy to what is open to read", copy_file_range(from, NULL, to, NULL, 1, 0), EBADF);
	close(to);
	to = open("g", O_WRONLY | O_APPEND);
	ERR("copy to what is open to append", copy_file_range(from, NULL, to, NULL, 1, 0), EBADF);
	close(to);
	close(from);
}

static long aio(aio_context_t ctx, struct iocb *one)
{
	struct io_event event = { 0 };
	struct iocb *list[1] = { one };

	if (syscall(SYS_io_submit, ctx, 1, list) != 1 || syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
		return -1;
	errno = event.res < 0 ? (int)-event.res : 0;
	return event.res < 0 ? -1 : (long)event.res;
}

void check_aio(struct check *c)
{
	int fd = filled("f", 2), direct = open("f", O_RDONLY | O_DIRECT);
	_Alignas(PAGE) static char block[PAGE];
	struct iocb io = { .aio_fildes = (uint32_t)fd, .aio_buf = (uintptr_t)block, .aio_nbytes = PAGE };
	aio_context_t ctx = 0;

	OKAY("context", syscall(SYS_io_setup, 4, &ctx));
	io.aio_lio_opcode = IOCB_CMD_PREAD;
	io.aio_offset = PAGE;
	VALUE("read", aio(ctx, &io), PAGE);
	YES("what was read", all(block, 'b', PAGE));
	memset(block, 'z', PAGE);
	io.aio_lio_opcode = IOCB_CMD_PWRITE;
	VALUE("write", aio(ctx, &io), PAGE);
	memset(block, 0, PAGE);
	YES("what was written", pread(fd, block, PAGE, PAGE) == PAGE && all(block, 'z', PAGE));
	io.aio_lio_opcode = IOCB_CMD_FSYNC;
	io.aio_buf = io.aio_nbytes = 0;
	io.aio_offset = 0;
	OKAY("fsync", c->tmpfs ? 0 : aio(ctx, &io));
	if (direct >= 0) {
		io = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = (uint32_t)direct, .aio_buf = (uintptr_t)block, .aio_nbytes = PAGE };
		VALUE("direct", aio(ctx, &io), PAGE);
		YES("what was read directly", all(block, 'a', PAGE));
		close(direct);
	}
	io = (struct iocb){ .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = 9999 };
	ERR("no such descriptor", aio(ctx, &io), EBADF);
	OKAY("away", syscall(SYS_io_destroy, ctx));
	close(fd);
}

struct ring {
	int fd;
	uint32_t *sq_tail, *sq_mask, *array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int ring_open(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *rings;

	r->fd = (int)syscall(SYS_io_uring_setup, 8, &p);
	if (r->fd < 0)
		return -1;
	/* One mapping holds both rings since 5.4. */
	rings = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)IORING_OFF_SQES);
	if (rings == MAP_FAILED || r->sqes == MAP_FAILED)
		return -1;
	r->sq_tail = (uint32_t *)(void *)(rings + p.sq_off.tail);
	r->sq_mask = (uint32_t *)(void *)(rings + p.sq_off.ring_mask);
	r->array = (uint32_t *)(void *)(rings + p.sq_off.array);
	r->cq_head = (uint32_t *)(void *)(rings + p.cq_off.head);
	r->cq_tail = (uint32_t *)(void *)(rings + p.cq_off.tail);
	r->cq_mask = (uint32_t *)(void *)(rings + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(void *)(rings + p.cq_off.cqes);
	return 0;
}

/* One request and its answer: the result, or -1 and errno. `async` has a kernel thread do it. */
static long ring_do(struct ring *r, struct io_uring_sqe sqe, bool async)
{
	uint32_t tail = *r->sq_tail, head;
	int result;

	if (async)
		sqe.flags |= IOSQE_ASYNC;
	r->sqes[tail & *r->sq_mask] = sqe;
	r->array[tail & *r->sq_mask] = tail & *r->sq_mask;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	head = *r->cq_head;
	if (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		return -1;
	result = r->cqes[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}

static void uring_rounds(struct check *c, struct ring *r, bool async)
{
	static char block[PAGE];
	struct io_uring_sqe sqe = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)"u", .len = 0644,
				    .open_flags = O_RDWR | O_CREAT };
	int fd = (int)ring_do(r, sqe, async);

	VALUE(async ? "open by a worker" : "open", fd >= 0, 1);
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_WRITE, .fd = fd, .addr = (uintptr_t)"ring", .len = 4 };
	VALUE("write", ring_do(r, sqe, async), 4);
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)block, .len = PAGE };
	VALUE("read", ring_do(r, sqe, async), 4);
	YES("what was read", memcmp(block, "ring", 4) == 0);
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_FSYNC, .fd = fd };
	OKAY("fsync", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_FALLOCATE, .fd = fd, .addr = PAGE };
	OKAY("fallocate", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = fd };
	OKAY("close", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)"ud", .len = 0755 };
	OKAY("mkdir", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_LINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)"u", .len = (uint32_t)AT_FDCWD,
				     .addr2 = (uintptr_t)"ud/l" };
	OKAY("link", ring_do(r, sqe, async));
	sqe.opcode = IORING_OP_RENAMEAT;
	sqe.addr2 = (uintptr_t)"ud/r";
	OKAY("rename to another of its names", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_SYMLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)"r", .addr2 = (uintptr_t)"ud/s" };
	OKAY("symlink", ring_do(r, sqe, async));
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)"ud" };
	ERR("unlink of a directory", ring_do(r, sqe, async), EISDIR);
	sqe.unlink_flags = AT_REMOVEDIR;
	ERR("rmdir of a full one", ring_do(r, sqe, async), ENOTEMPTY);
	sqe.unlink_flags = 0;
	sqe.addr = (uintptr_t)"ud/s";
	OKAY("unlink", ring_do(r, sqe, async));
	unlink("ud/l");
	unlink("ud/r");
	sqe = (struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)"none", .open_flags = O_RDONLY };
	ERR("open what is not there", ring_do(r, sqe, async), ENOENT);
	rmdir("ud");
	unlink("u");
}

void check_uring(struct check *c)
{
	struct ring r;

	if (ring_open(&r)) {
		ERR("ring", -1, errno);
		return;
	}
	uring_rounds(c, &r, false);
	uring_rounds(c, &r, true);
	close(r.fd);
}
