// SPDX-License-Identifier: Apache-2.0
/* What io_uring learned later: files without a descriptor that become one or go to another ring, attributes, sizes, descriptors by message. */
#include "attack.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include "ring.h"

/* linux/io_uring.h since 6.8 and 6.9: not in older headers */
enum { OP_FIXED_FD_INSTALL = 54, OP_FTRUNCATE = 55 };

static char bytes[FILE_BYTES];

static struct ring own(void)
{
	struct ring r;

	if (ring_make(&r, 0))
		not_here("no io_uring: %m");
	return r;
}

static int result(struct ring *r, const char *what)
{
	int res = -EIO;

	if (ring_go(r, 1, &res))
		return attempt("submit", -1);
	if (res == -EINVAL)
		not_here("this kernel has no such operation: %s", what);
	errno = res < 0 ? -res : 0;
	return attempt(what, res < 0 ? -1 : res) ? -res : -1000 - res;
}

/* 0 or errno of result(), whatever it gave. */
static int plain(struct ring *r, const char *what)
{
	int code = result(r, what);

	return code < 0 ? 0 : code;
}

static void hold(struct ring *r, int fd, unsigned int empty)
{
	int files[2] = { fd, -1 };

	need(!syscall(SYS_io_uring_register, r->fd, IORING_REGISTER_FILES, files, 1 + empty));
}

static int install(void)
{
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);
	int code;

	hold(&r, EARLY_READ, 0);
	e->opcode = OP_FIXED_FD_INSTALL;
	e->flags = IOSQE_FIXED_FILE;
	code = result(&r, "a registered file becomes a descriptor");
	return code >= 0 ? code : take(-1000 - code);
}

static int message(void)
{
	struct ring from = own(), to = own();
	struct io_uring_sqe *e = ring_sqe(&from, 0);
	int code;

	hold(&from, EARLY_READ, 0);
	hold(&to, open("/dev/null", O_RDONLY | O_CLOEXEC), 1);
	e->opcode = IORING_OP_MSG_RING;
	e->fd = to.fd;
	e->addr = IORING_MSG_SEND_FD;
	e->addr3 = 0;
	e->file_index = 2;
	code = plain(&from, "a registered file goes to another ring");
	if (code)
		return code;
	e = ring_sqe(&to, 0);
	e->opcode = IORING_OP_READ;
	e->flags = IOSQE_FIXED_FILE;
	e->fd = 1;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	/* What the first ring said of itself comes to the second as well, before or after this. */
	code = plain(&to, "read there");
	got(bytes, (long)strnlen(bytes, sizeof(bytes)));
	return code;
}

static int attribute(void)
{
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_SETXATTR;
	e->addr = (uint64_t)(uintptr_t)"user.pw";
	e->addr2 = (uint64_t)(uintptr_t)"gone";
	e->addr3 = (uint64_t)(uintptr_t)mine();
	e->len = 4;
	return plain(&r, "set an attribute");
}

static int attribute_early(void)
{
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_FSETXATTR;
	e->fd = EARLY_WRITE;
	e->addr = (uint64_t)(uintptr_t)"user.pw";
	e->addr2 = (uint64_t)(uintptr_t)"gone";
	e->len = 4;
	return plain(&r, "set an attribute");
}

static int cut(void)
{
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = OP_FTRUNCATE;
	e->fd = EARLY_WRITE;
	return plain(&r, "truncate");
}

static int symbolic(void)
{
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);

	e->opcode = IORING_OP_SYMLINKAT;
	e->fd = AT_FDCWD;
	e->addr = (uint64_t)(uintptr_t)"/etc/passwd";
	e->addr2 = (uint64_t)(uintptr_t)(STORE "/planted");
	return plain(&r, "make a symbolic link");
}

/* A descriptor by message, received by the ring. */
static int received(void)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	char byte = 'x';
	struct iovec part = { &byte, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_LEN(sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct ring r = own();
	struct io_uring_sqe *e = ring_sqe(&r, 0);
	int ends[2], fd = EARLY_READ;

	need(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	need(sendmsg(ends[0], &m, 0) == 1);
	memset(&control, 0, sizeof(control));
	m.msg_controllen = sizeof(control.room);
	e->opcode = IORING_OP_RECVMSG;
	e->fd = ends[1];
	e->addr = (uint64_t)(uintptr_t)&m;
	e->len = 1;
	need(!plain(&r, "receive"));
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return attempt("a descriptor", (errno = EACCES, -1));
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return take(fd);
}

VARIANTS({ "install", install }, { "message", message }, { "attribute", attribute }, { "attribute_early", attribute_early }, { "cut", cut },
	 { "symbolic", symbolic }, { "received", received })
