/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames: check, send, receive. Every descriptor that arrives is either handed to the caller in the message or closed here; no
 * byte of a body is looked at before type, size, sender and number of descriptors were checked against the table.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FDS_ROOM 8 /* more than any message has: a sender of too many is seen, not cut */

struct row { const char *name; uint32_t size_bytes, from, to, fds; };

static const struct row rows[IPC_MAX_] = {
#define M(name, type, from, to, fds) [IPC_##name] = { #name, sizeof(struct type), (from), (to), (fds) },
#include "ipc/messages.def"
#undef M
};

#define M(name, type, from, to, fds) _Static_assert(sizeof(struct type) % 8 == 0 && (fds) <= IPC_FDS_MAX, "body of " #name);
#include "ipc/messages.def"
#undef M

static uint32_t mix(uint32_t hash, const void *bytes, size_t len_bytes)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < len_bytes; i++)
		hash = (hash ^ p[i]) * 16777619u; /* FNV-1a */
	return hash;
}

uint32_t ipc_schema(void)
{
	uint32_t hash = 2166136261u;

	for (size_t t = 1; t < IPC_MAX_; t++) {
		const uint32_t numbers[4] = { rows[t].size_bytes, rows[t].from, rows[t].to, rows[t].fds };

		hash = mix(hash, rows[t].name, strlen(rows[t].name) + 1);
		hash = mix(hash, numbers, sizeof(numbers));
	}
	return mix(hash, PW_VERSION, sizeof(PW_VERSION));
}

const char *ipc_name(enum msg_type t)
{
	return t > IPC_NONE_ && t < IPC_MAX_ ? rows[t].name : "?";
}

const char *ipc_role_name(enum role r)
{
	switch (r) {
	case ROLE_SUPERVISOR: return "polywardd";
	case ROLE_KERNEL:     return "polyward-kernel";
	case ROLE_CONTROL:    return "polyward-control";
	case ROLE_AUDIT:      return "polyward-audit";
	case ROLE_COMPILE:    return "polyward-compile";
	case ROLE_CLIENT:     return "polyward";
	default:              return "?";
	}
}

void ipc_msg_done(struct ipc_msg *m)
{
	for (size_t i = 0; i < IPC_FDS_MAX; i++)
		cleanup_fd(&m->fds[i]);
	m->fds_count = 0;
}

int ipc_check(const struct ipc_head *h, size_t frame_bytes, unsigned fds_count, enum role from, enum role to)
{
	if (frame_bytes < sizeof(*h) || h->magic != IPC_MAGIC)
		return -EBADMSG;
	if (h->schema != ipc_schema())
		return -EPROTO;
	if (h->type == IPC_NONE_ || h->type >= IPC_MAX_)
		return -EBADMSG;
	if (!(rows[h->type].from & from) || !(rows[h->type].to & to))
		return -EPERM;
	if (h->len_bytes != rows[h->type].size_bytes || frame_bytes != sizeof(*h) + h->len_bytes || fds_count != rows[h->type].fds)
		return -EBADMSG;
	return 0;
}

int ipc_send(int sock, enum role from, enum role to, enum msg_type type, const void *body, const int *fds)
{
	union { char room[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)]; struct cmsghdr align; } control = { 0 };
	struct ipc_head head = { .magic = IPC_MAGIC, .schema = ipc_schema(), .type = type };
	struct iovec parts[2];
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;

	if (type <= IPC_NONE_ || type >= IPC_MAX_ || !(rows[type].from & from) || !(rows[type].to & to))
		return -EPERM;
	head.len_bytes = rows[type].size_bytes;
	parts[0] = (struct iovec){ &head, sizeof(head) };
	parts[1] = (struct iovec){ (void *)(uintptr_t)body, head.len_bytes };
	if (rows[type].fds) {
		size_t bytes = sizeof(int) * rows[type].fds;
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(bytes);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(c), fds, bytes);
	}
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* All descriptors of the message into fds, each once, whatever the sender packed them in. */
static unsigned collect_fds(struct msghdr *m, int fds[static FDS_ROOM])
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i, sizeof(fd));
			if (count < FDS_ROOM)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

static int wait_readable(int sock, int wait_ms)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct timespec now;
	int64_t until_ms, left_ms = wait_ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + wait_ms;
	for (;;) {
		int n = poll(&p, 1, (int)left_ms);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
		if (wait_ms < 0)
			continue;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left_ms = until_ms - ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		if (left_ms <= 0)
			return -ETIMEDOUT;
	}
}

int ipc_recv(int sock, enum role from, enum role to, int wait_ms, struct ipc_msg *ret)
{
	union { char room[CMSG_SPACE(sizeof(int) * FDS_ROOM)]; struct cmsghdr align; } control;
	struct ipc_head head = { 0 };
	union msg_any body;
	struct iovec parts[2] = { { &head, sizeof(head) }, { &body, sizeof(body) } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.room, .msg_controllen = sizeof(control.room) };
	int fds[FDS_ROOM];
	unsigned count;
	ssize_t n;
	int r;

	if (wait_ms) {
		r = wait_readable(sock, wait_ms);
		if (r < 0)
			return r;
	}
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	count = collect_fds(&m, fds);
	if (n == 0 && count == 0)
		return 0; /* end of file; an empty message from a peer is none of ours either */
	r = m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EBADMSG : ipc_check(&head, (size_t)n, count, from, to);
	if (r < 0) {
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		return r;
	}
	ret->type = (enum msg_type)head.type;
	memcpy(&ret->body, &body, head.len_bytes);
	for (unsigned i = 0; i < count; i++)
		ret->fds[i] = fds[i];
	ret->fds_count = count;
	return 1;
}

const char *ipc_text(char *text, size_t size_bytes)
{
	text[size_bytes - 1] = '\0';
	return text;
}

void ipc_put(char *text, size_t size_bytes, const char *from)
{
	size_t n = strnlen(from, size_bytes - 1);

	memset(text, 0, size_bytes);
	memcpy(text, from, n);
}
