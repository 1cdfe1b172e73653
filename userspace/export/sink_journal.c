/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's own socket and protocol: an entry is one datagram, or, if it does not fit into one, a sealed memory file sent along. The
 * journal answers nothing: arrived means that its socket took it. An entry above its limits, or above its rate limit, is dropped there.
 */
#include "export/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define RETRY_MS 500

struct journal {
	struct sink sink;
	struct sockaddr_un to;
	int sock;
	struct buf held;      /* one entry that the journal has not taken yet */
	uint64_t held_seq;
};

static int send_file(const struct journal *j, const struct buf *entry)
{
	union { struct cmsghdr head; uint8_t bytes[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	struct msghdr m = { .msg_name = (void *)&j->to, .msg_namelen = sizeof(j->to), .msg_control = &control, .msg_controllen = sizeof(control) };
	_fd_ int fd = -1;
	int r = fd_sealed("polyward-entry", entry->data, entry->len_bytes, &fd);

	if (r < 0)
		return r;
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return sendmsg(j->sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send_entry(const struct journal *j, const struct buf *entry)
{
	if (sendto(j->sock, entry->data, entry->len_bytes, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&j->to, sizeof(j->to)) >= 0)
		return 0;
	return errno == EMSGSIZE || errno == ENOBUFS ? send_file(j, entry) : -errno;
}

/* 0: taken; -EAGAIN: later; anything else is told as trouble and tried again. */
static int try_held(struct journal *j)
{
	int r = send_entry(j, &j->held);

	if (r == 0) {
		j->held.len_bytes = 0;
		j->sink.trouble.code = 0;
		j->sink.progress_ms = sink_now_ms();
	} else if (r != -EAGAIN && r != -EINTR) {
		(void)err_set(&j->sink.trouble, r, "hand an entry to the journal at %s", j->to.sun_path);
	}
	return r;
}

static int journal_put(struct sink *s, const struct export_item *i, const struct buf *message, struct err *e)
{
	struct journal *j = (struct journal *)s;

	if (j->held.len_bytes)
		return -EAGAIN;
	buf_add(&j->held, message->data, message->len_bytes);
	if (j->held.failed)
		return err_set(e, -ENOMEM, "keep a message");
	j->held_seq = i->view->head.seq;
	(void)try_held(j);
	return 0;
}

static int journal_pump(struct sink *s, int timeout_ms, struct err *e)
{
	struct journal *j = (struct journal *)s;

	(void)e;
	if (!j->held.len_bytes)
		(void)poll(NULL, 0, timeout_ms);
	else if (try_held(j) == -EAGAIN) /* a full queue of a datagram socket wakes nobody who is not connected */
		(void)poll(NULL, 0, 1);
	else if (j->held.len_bytes)
		(void)poll(NULL, 0, timeout_ms < RETRY_MS ? timeout_ms : RETRY_MS);
	return 0;
}

static uint64_t journal_waiting(const struct sink *s)
{
	const struct journal *j = (const struct journal *)s;

	return j->held.len_bytes ? j->held_seq : SINK_NONE;
}

static void journal_close(struct sink *s)
{
	struct journal *j = (struct journal *)s;

	cleanup_fd(&j->sock);
	buf_free(&j->held);
	free(j);
}

int sink_journal(const char *path, struct sink **ret, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	size_t n = strlen(path ? path : JOURNAL_SOCKET);

	if (!j)
		return err_set(e, -ENOMEM, "begin the export");
	j->sink = (struct sink){ .put = journal_put, .pump = journal_pump, .waiting = journal_waiting, .close = journal_close,
				 .progress_ms = sink_now_ms() };
	j->to.sun_family = AF_UNIX;
	j->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (j->sock < 0 || n >= sizeof(j->to.sun_path)) {
		int code = j->sock < 0 ? -errno : -ENAMETOOLONG;

		journal_close(&j->sink);
		return err_set(e, code, "reach the journal");
	}
	memcpy(j->to.sun_path, path ? path : JOURNAL_SOCKET, n + 1);
	*ret = &j->sink;
	return 0;
}
