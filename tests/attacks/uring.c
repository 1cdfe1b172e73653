// SPDX-License-Identifier: Apache-2.0
/*
 * io_uring: the operations by a ring of one's own, by registered files, by linked entries that open and read without a descriptor in
 * between, by another's registered credentials, and by rings whose kernel thread belongs to somebody else.
 */
#include "attack.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "ring.h"

static char bytes[FILE_BYTES];

static struct ring own(unsigned int flags)
{
	struct ring r;

	if (ring_make(&r, flags))
		not_here("no io_uring: %m");
	return r;
}

static void to_open(struct io_uring_sqe *e, const char *path, unsigned int flags)
{
	e->opcode = IORING_OP_OPENAT;
	e->fd = AT_FDCWD;
	e->addr = (uint64_t)(uintptr_t)path;
	e->len = 0666;
	e->open_flags = flags;
}

static void to_read(struct io_uring_sqe *e, int fd)
{
	e->opcode = IORING_OP_READ;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
}

/* Submit one; its result as if it were a system call's. */
static int one(struct ring *r, const char *what)
{
	int res = -EIO;

	if (ring_go(r, 1, &res))
		return attempt("submit", -1);
	if (res < 0) {
		errno = -res;
		return attempt(what, -1);
	}
	got(bytes, (long)strnlen(bytes, sizeof(bytes)));
	return attempt(what, res);
}

static int open_by(struct ring *r, const char *path, unsigned int flags)
{
	int res = -EIO;

	to_open(ring_sqe(r, 0), path, flags);
	if (ring_go(r, 1, &res))
		return attempt("submit", -1);
	if (res < 0)
		return attempt("open", (errno = -res, -1));
	return take(res);
}

static int open_(void)
{
	struct ring r = own(0);

	return open_by(&r, mine(), O_RDONLY);
}

static int open_async(void)
{
	struct ring r = own(0);

	to_open(ring_sqe(&r, 0), mine(), O_RDONLY);
	ring_sqe(&r, 0)->flags = IOSQE_ASYNC;
	to_open(&r.sqes[0], mine(), O_RDONLY);
	r.sqes[0].flags = IOSQE_ASYNC;
	return one(&r, "open by a worker");
}

static int writing(void)
{
	struct ring r = own(0);

	to_open(ring_sqe(&r, 0), mine(), O_WRONLY | O_TRUNC);
	return one(&r, "open to write");
}

static int read_early(void)
{
	struct ring r = own(0);

	to_read(ring_sqe(&r, 0), EARLY_READ);
	return one(&r, "read");
}

static int read_async(void)
{
	struct ring r = own(0);

	to_read(ring_sqe(&r, 0), EARLY_READ);
	r.sqes[0].flags = IOSQE_ASYNC;
	return one(&r, "read by a worker");
}

static int write_early(void)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_WRITE;
	e->fd = EARLY_WRITE;
	e->addr = (uint64_t)(uintptr_t)"gone";
	e->len = 4;
	return one(&r, "write");
}

static int own_fixed(void)
{
	struct ring r = own(0);
	int files[1] = { EARLY_READ };

	need(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, files, 1));
	to_read(ring_sqe(&r, 0), 0);
	r.sqes[0].flags = IOSQE_FIXED_FILE;
	return one(&r, "read a registered file");
}

static int fixed_buffer(void)
{
	struct ring r = own(0);
	/* Not our own data, which is mapped from the program's file. */
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec part = { at, 4096 };
	int code;

	need(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &part, 1));
	to_read(ring_sqe(&r, 0), EARLY_READ);
	r.sqes[0].opcode = IORING_OP_READ_FIXED;
	r.sqes[0].addr = (uint64_t)(uintptr_t)at;
	r.sqes[0].len = 4096;
	code = one(&r, "read to a registered buffer");
	got(at, 64);
	return code;
}

/* A mapping of the stored file as registered buffer: then writing the buffer out elsewhere reads the file. */
static int buffer_of(int early)
{
	struct ring r = own(0);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, early, 0);
	struct iovec part = { at, 4096 };
	struct io_uring_sqe *e = ring_sqe(&r, 0);
	int fd = open(SCRATCH "/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (at == MAP_FAILED)
		return attempt("map for a buffer", -1);
	need(fd >= 0);
	if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_BUFFERS, &part, 1))
		return attempt("register it", -1);
	e->opcode = IORING_OP_WRITE_FIXED;
	e->fd = fd;
	e->addr = (uint64_t)(uintptr_t)at;
	e->len = 4096;
	return one(&r, "write it elsewhere");
}

static int mapped_buffer(void) { return buffer_of(EARLY_READ); }
static int mapped_ram(void)    { return buffer_of(EARLY_RAM); }

/* open → read → close in one submission, through a slot that no descriptor ever names. */
static int linked(void)
{
	struct ring r = own(0);
	int slots[1] = { -1 }, res[2] = { -EIO, -EIO };
	struct io_uring_sqe *e;

	need(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, slots, 1));
	e = ring_sqe(&r, 0);
	to_open(e, mine(), O_RDONLY);
	e->flags = IOSQE_IO_LINK;
	e->file_index = 1;
	e = ring_sqe(&r, 1);
	to_read(e, 0);
	e->flags = IOSQE_FIXED_FILE;
	if (ring_go(&r, 2, res))
		return attempt("submit", -1);
	if (res[1] > 0)
		got(bytes, res[1]);
	return attempt("linked open and read", res[0] < 0 ? (errno = -res[0], -1) : 0);
}

static int path_op(unsigned char opcode, const char *path, const char *path2)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = opcode;
	e->fd = AT_FDCWD;
	e->addr = (uint64_t)(uintptr_t)path;
	e->addr2 = (uint64_t)(uintptr_t)path2;
	e->len = path2 ? (uint32_t)AT_FDCWD : 0;
	return one(&r, "by the ring");
}

static int unlink_(void)  { return path_op(IORING_OP_UNLINKAT, mine(), NULL); }
static int rename_(void)  { return path_op(IORING_OP_RENAMEAT, mine(), SCRATCH "/x"); }
static int link_(void)    { return path_op(IORING_OP_LINKAT, mine(), SCRATCH "/x"); }

static int mkdir_(void)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_MKDIRAT;
	e->fd = AT_FDCWD;
	e->addr = (uint64_t)(uintptr_t)(STORE "/x");
	e->len = 0777;
	return one(&r, "mkdir");
}

static int getxattr_(void)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_GETXATTR;
	e->addr = (uint64_t)(uintptr_t)"user.pw";
	e->addr2 = (uint64_t)(uintptr_t)bytes;
	e->addr3 = (uint64_t)(uintptr_t)mine();
	e->len = 64;
	return one(&r, "getxattr");
}

static int allocate(void)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_FALLOCATE;
	e->fd = EARLY_WRITE;
	e->addr = 4096;
	e->len = 3; /* keep size, punch */
	return one(&r, "punch");
}

static int splice_(void)
{
	struct ring r = own(0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);
	int p[2], code;

	need(!pipe(p));
	e->opcode = IORING_OP_SPLICE;
	e->fd = p[1];
	e->off = (uint64_t)-1;
	e->splice_off_in = 0;
	e->splice_fd_in = EARLY_READ;
	e->len = 4096;
	code = one(&r, "splice");
	if (!code)
		got(bytes, read(p[0], bytes, sizeof(bytes)));
	return code;
}

static struct ring inherited(int fd, unsigned int flags)
{
	struct ring r;

	if (fcntl(fd, F_GETFD) < 0)
		not_here("no inherited ring");
	need(!ring_adopt(&r, fd, flags));
	return r;
}

static int early_fixed(void)
{
	struct ring r = inherited(EARLY_RING, 0);

	to_read(ring_sqe(&r, 0), 0);
	r.sqes[0].flags = IOSQE_FIXED_FILE;
	return one(&r, "read a file that another registered");
}

static int early_fixed_write(void)
{
	struct ring r = inherited(EARLY_RING, 0);
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_WRITE;
	e->addr = (uint64_t)(uintptr_t)"gone";
	e->len = 4;
	e->flags = IOSQE_FIXED_FILE;
	return one(&r, "write a file that another registered");
}

static int personality(void)
{
	struct ring r = inherited(EARLY_RING, 0);

	to_open(ring_sqe(&r, 0), mine(), O_RDONLY);
	r.sqes[0].personality = 1;
	return one(&r, "open with the keeper's registered credentials");
}

static int personality_async(void)
{
	struct ring r = inherited(EARLY_RING, 0);

	to_open(ring_sqe(&r, 0), mine(), O_RDONLY);
	r.sqes[0].personality = 1;
	r.sqes[0].flags = IOSQE_ASYNC;
	return one(&r, "open by a worker with the keeper's credentials");
}

/* An SQPOLL ring reads our memory only if it was ours: what it is told lies where its maker had it, so paths are of the program. */
static int sq(int fd)
{
	struct ring r = inherited(fd, IORING_SETUP_SQPOLL);
	int res = -EIO;

	to_read(ring_sqe(&r, 0), EARLY_READ);
	r.sqes[0].opcode = IORING_OP_FALLOCATE;
	r.sqes[0].fd = EARLY_WRITE;
	r.sqes[0].addr = 4096;
	r.sqes[0].len = 3;
	if (ring_go(&r, 1, &res))
		return attempt("submit", -1);
	return attempt("punch by another's kernel thread", res < 0 ? (errno = -res, -1) : 0);
}

static int sq_root(void)   { return sq(EARLY_SQ_ROOT); }
static int sq_keeper(void) { return sq(EARLY_SQ_KEEPER); }

/* A role holder makes the ring and then becomes somebody without a role: the thread keeps what it was. */
static int sq_own(void)
{
	struct ring r;

	if (ring_make(&r, IORING_SETUP_SQPOLL))
		return attempt("make a ring with a thread", -1);
	if (me() == KEEPER || me() == READER) {
		/* The thread reads our memory, not the child's, and opens among our descriptors. */
		const char *path = mine();
		int pid = fork(), res = -EIO;

		need(pid >= 0);
		if (!pid) {
			become(USER);
			to_open(ring_sqe(&r, 0), path, O_RDONLY);
			need(!ring_go(&r, 1, &res));
			_exit(attempt("open by the thread", res < 0 ? (errno = -res, -1) : 0));
		}
		return reap(pid);
	}
	return open_by(&r, mine(), O_RDONLY);
}

VARIANTS({ "open", open_ }, { "open_async", open_async }, { "writing", writing }, { "read", read_early }, { "read_async", read_async },
	 { "write", write_early }, { "own_fixed", own_fixed }, { "fixed_buffer", fixed_buffer }, { "mapped_buffer", mapped_buffer },
	 { "mapped_ram", mapped_ram }, { "linked", linked }, { "unlink", unlink_ }, { "rename", rename_ }, { "link", link_ }, { "mkdir", mkdir_ },
	 { "getxattr", getxattr_ }, { "allocate", allocate }, { "splice", splice_ }, { "early_fixed", early_fixed }, { "early_fixed_write", early_fixed_write },
	 { "personality", personality }, { "personality_async", personality_async }, { "sq_root", sq_root }, { "sq_keeper", sq_keeper },
	 { "sq_own", sq_own })
