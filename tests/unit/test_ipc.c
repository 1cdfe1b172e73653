/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: what is accepted, what is refused, and that no descriptor is ever left open by a refusal. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ipc/ipc.h"

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (d && readdir(d))
		count++;
	if (d)
		closedir(d);
	return count;
}

static void pair(int sock[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		abort();
}

/* Any header, any number of bytes behind it, any number of descriptors: what an attacker would send. */
static void send_raw(int sock, const struct ipc_head *h, size_t body_bytes, unsigned fds_count)
{
	static const char zeroes[sizeof(union msg_any) + 64];
	struct iovec parts[2] = { { (void *)(uintptr_t)h, sizeof(*h) }, { (void *)(uintptr_t)zeroes, body_bytes } };
	union { char room[CMSG_SPACE(sizeof(int) * 16)]; struct cmsghdr align; } control = { 0 };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	int fds[16] = { 0 };

	if (fds_count) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fds_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fds_count);
	}
	if (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		abort();
}

static struct ipc_head head_of(enum msg_type type, size_t len_bytes)
{
	return (struct ipc_head){ .magic = IPC_MAGIC, .schema = ipc_schema(), .type = type, .len_bytes = (uint32_t)len_bytes };
}

static void round_trip(void)
{
	const struct msg_compile sent = { .id = 7, .uid = 1000, .file = "hospital.pw" };
	struct ipc_msg m = IPC_MSG_INIT;
	int sock[2], dir = open("/", O_RDONLY | O_CLOEXEC);

	pair(sock);
	CHECK_INT(ipc_send(sock[0], ROLE_CONTROL, ROLE_SUPERVISOR, IPC_COMPILE, &sent, &dir), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CONTROL, ROLE_SUPERVISOR, 0, &m), 1);
	CHECK_INT(m.type, IPC_COMPILE);
	CHECK_INT(m.body.as_COMPILE.id, 7);
	CHECK_STR(m.body.as_COMPILE.file, "hospital.pw");
	CHECK_INT(m.fds_count, 1);
	CHECK(fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC);
	ipc_msg_done(&m);
	close(dir);
	close(sock[0]);
	CHECK_INT(ipc_recv(sock[1], ROLE_CONTROL, ROLE_SUPERVISOR, 0, &m), 0);
	close(sock[1]);
}

static void nobody_says_what_is_not_theirs(void)
{
	const struct msg_order order = { .id = 1 };
	struct ipc_msg m = IPC_MSG_INIT;
	struct ipc_head h = head_of(IPC_DOWN, sizeof(order));
	int sock[2];

	pair(sock);
	/* The sender's side refuses, and a sender that does not is refused by the receiver. */
	CHECK_INT(ipc_send(sock[0], ROLE_CLIENT, ROLE_KERNEL, IPC_DOWN, &order, NULL), -EPERM);
	CHECK_INT(ipc_send(sock[0], ROLE_AUDIT, ROLE_KERNEL, IPC_DOWN, &order, NULL), -EPERM);
	send_raw(sock[0], &h, sizeof(order), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EPERM);
	send_raw(sock[0], &h, sizeof(order), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_SUPERVISOR, ROLE_KERNEL, 0, &m), -EPERM);
	send_raw(sock[0], &h, sizeof(order), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CONTROL, ROLE_KERNEL, 0, &m), 1);
	close(sock[0]);
	close(sock[1]);
}

static void sizes_are_exact(void)
{
	struct ipc_msg m = IPC_MSG_INIT;
	struct ipc_head h = head_of(IPC_DO_STATUS, sizeof(struct msg_ask));
	int sock[2];

	pair(sock);
	send_raw(sock[0], &h, sizeof(struct msg_ask) - 1, 0); /* shorter than its header says */
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	send_raw(sock[0], &h, sizeof(struct msg_ask) + 1, 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	h.len_bytes++;
	send_raw(sock[0], &h, sizeof(struct msg_ask) + 1, 0); /* longer, and says so */
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	send_raw(sock[0], &h, sizeof(union msg_any) + 64, 0); /* longer than anything */
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	if (send(sock[0], "x", 1, 0) != 1)
		abort();
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	close(sock[0]);
	close(sock[1]);
}

static void another_build_is_told_apart(void)
{
	struct ipc_msg m = IPC_MSG_INIT;
	struct ipc_head h = head_of(IPC_DO_STATUS, sizeof(struct msg_ask));
	int sock[2];

	pair(sock);
	h.schema ^= 1;
	send_raw(sock[0], &h, sizeof(struct msg_ask), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EPROTO);
	h = head_of(IPC_MAX_, sizeof(struct msg_ask));
	send_raw(sock[0], &h, sizeof(struct msg_ask), 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	h = head_of(IPC_NONE_, 0);
	send_raw(sock[0], &h, 0, 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	h.magic = 0;
	send_raw(sock[0], &h, 0, 0);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EBADMSG);
	close(sock[0]);
	close(sock[1]);
}

static void refused_descriptors_are_closed(void)
{
	struct ipc_msg m = IPC_MSG_INIT;
	int sock[2], before;

	pair(sock);
	before = open_fds();
	for (unsigned count = 0; count <= 16; count++) {
		/* STATUS takes none, APPLY exactly one. */
		struct ipc_head ask = head_of(IPC_DO_STATUS, sizeof(struct msg_ask)), apply = head_of(IPC_DO_APPLY, sizeof(struct msg_apply));

		send_raw(sock[0], &ask, sizeof(struct msg_ask), count);
		CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), count == 0 ? 1 : -EBADMSG);
		send_raw(sock[0], &apply, sizeof(struct msg_apply), count);
		CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), count == 1 ? 1 : -EBADMSG);
		ipc_msg_done(&m);
		CHECK_INT(open_fds(), before);
	}
	close(sock[0]);
	close(sock[1]);
}

static void waiting_ends(void)
{
	struct ipc_msg m = IPC_MSG_INIT;
	int sock[2];

	pair(sock);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 0, &m), -EAGAIN);
	CHECK_INT(ipc_recv(sock[1], ROLE_CLIENT, ROLE_CONTROL, 10, &m), -ETIMEDOUT);
	close(sock[1]);
	CHECK_INT(ipc_send(sock[0], ROLE_CLIENT, ROLE_CONTROL, IPC_DO_STATUS, &(struct msg_ask){ 0 }, NULL), -EPIPE);
	close(sock[0]);
}

static void texts_are_cut(void)
{
	char text[8];

	ipc_put(text, sizeof(text), "far too long");
	CHECK_STR(text, "far too");
	ipc_put(text, sizeof(text), "ab");
	CHECK(!memcmp(text, "ab\0\0\0\0\0\0", 8));
	memset(text, 'x', sizeof(text));
	CHECK_STR(ipc_text(text, sizeof(text)), "xxxxxxx");
}

static void sockets_stale_and_live(void)
{
	char dir[] = "/tmp/polyward-test-ipc-XXXXXX", path[64];
	struct err e = { 0 };
	int fd = -1, other = -1;

	CHECK(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/control", dir);
	CHECK_INT(ipc_connect(path, &fd), -ENOENT);
	CHECK_INT(ipc_listen(path, &fd, &e), 0);
	CHECK_INT(ipc_connect(path, &other), 0);
	close(other);
	CHECK_INT(ipc_listen(path, &other, &e), -EADDRINUSE);
	CHECK(strstr(e.text, "somebody else is listening"));
	close(fd);
	CHECK_INT(ipc_connect(path, &other), -ECONNREFUSED);
	CHECK_INT(ipc_listen(path, &fd, &e), 0); /* stale: taken over */
	CHECK_INT(ipc_connect(path, &other), 0);
	close(other);
	close(fd);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	CHECK_INT(ipc_listen(path, &fd, &e), -EEXIST); /* no socket: not ours to remove */
	CHECK(access(path, F_OK) == 0);
	unlink(path);
	rmdir(dir);
}

TESTS(T(round_trip), T(nobody_says_what_is_not_theirs), T(sizes_are_exact), T(another_build_is_told_apart), T(refused_descriptors_are_closed),
      T(waiting_ends), T(texts_are_cut), T(sockets_stale_and_live))
