/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a peer. Input: who sends, who receives, how many descriptors, then the frame as it comes. With the top bit of the first
 * byte set, magic and schema are put right, so that the checks behind them are reached whatever the build. Whatever comes in, no
 * descriptor stays open, and what is accepted has exactly the size that the table says.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int send_frame(int sock, const uint8_t *bytes, size_t size, unsigned fds_count)
{
	union { char room[CMSG_SPACE(sizeof(int) * 8)]; struct cmsghdr align; } control = { 0 };
	struct iovec part = { (void *)(uintptr_t)bytes, size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	int fds[8] = { 0 };

	if (fds_count) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * fds_count);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fds_count);
		for (unsigned i = 0; i < fds_count; i++)
			fds[i] = sock;
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fds_count);
	}
	return (int)sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ipc_msg m = IPC_MSG_INIT;
	struct ipc_head head;
	enum role from, to;
	int sock[2], probe, r;
	uint8_t *frame;

	if (size < 3 || size > 16384)
		return 0;
	from = (enum role)(1u << (data[0] & 7) % 6);
	to = (enum role)(1u << (data[1] & 7) % 6);
	frame = malloc(size - 3 + 1);
	if (!frame || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		abort();
	memcpy(frame, data + 3, size - 3);
	if (data[0] & 0x80 && size - 3 >= sizeof(head)) {
		memcpy(&head, frame, sizeof(head));
		head.magic = IPC_MAGIC;
		head.schema = ipc_schema();
		memcpy(frame, &head, sizeof(head));
	}
	if (send_frame(sock[0], frame, size - 3, data[2] & 7) >= 0) {
		r = ipc_recv(sock[1], from, to, 0, &m);
		memcpy(&head, frame, size - 3 < sizeof(head) ? 0 : sizeof(head));
		if (r == 1 && (m.type <= IPC_NONE_ || m.type >= IPC_MAX_ || head.len_bytes != size - 3 - sizeof(head) ||
			       m.fds_count != (data[2] & 7u)))
			abort();
		ipc_msg_done(&m);
	}
	close(sock[0]);
	/* The lowest free descriptor is the one just closed, unless something was left open below it. */
	probe = fcntl(sock[1], F_DUPFD_CLOEXEC, sock[0]);
	if (probe != sock[0])
		abort();
	close(probe);
	close(sock[1]);
	free(frame);
	return 0;
}
