// SPDX-License-Identifier: Apache-2.0
/* Open files that somebody else hands over: over a socket from a role holder, down to a child, or up from one. */
#include "attack.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/socket.h>

static int reading(void)
{
	int fd = victim_passes('r');

	return fd < 0 ? attempt("receive", fd) : take(fd);
}

static int writing(void)
{
	int fd = victim_passes('w');

	return attempt("receive for writing", fd < 0 ? -1 : write(fd, "gone", 4));
}

static int dir(void)
{
	char entries[4096];
	int fd = victim_passes('d');

	return attempt("receive a folder", fd < 0 ? -1 : getdents64(fd, entries, sizeof(entries)));
}

static int dir_open(void)
{
	int fd = victim_passes('d'), at;

	if (fd < 0)
		return attempt("receive a folder", fd);
	at = openat(fd, "secret.txt", O_RDONLY | O_CLOEXEC);
	return at < 0 ? attempt("openat", at) : take(at);
}

static int both(void)
{
	int fd = victim_passes('b');
	void *at;

	if (fd < 0)
		return attempt("receive", fd);
	at = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return attempt("map what was received", at == MAP_FAILED ? -1 : 0);
}

/* The receiver opens nothing but is sent what root had open before the policy. */
static int early(void)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	char byte = 'x';
	struct iovec part = { &byte, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int ends[2], fd = EARLY_READ;

	need(!socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	need(sendmsg(ends[0], &m, 0) == 1);
	m.msg_controllen = sizeof(control.room);
	need(recvmsg(ends[1], &m, 0) == 1);
	if (!CMSG_FIRSTHDR(&m))
		return attempt("receive an early descriptor", (errno = EACCES, -1));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return take(fd);
}

VARIANTS({ "reading", reading }, { "writing", writing }, { "dir", dir }, { "dir_open", dir_open }, { "both", both }, { "early", early })
