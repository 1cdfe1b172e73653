/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink in a program of its own: started here, fed with messages (frames.h), and believed in nothing but which of them have arrived.
 * It gets no descriptor but its end of the socket and the standard ones.
 */
#include "export/sink.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "export/frames.h"

extern char **environ;

#define QUEUE_BYTES (4u << 20)

struct helper {
	struct sink sink;
	pid_t pid;
	int sock;
	uint64_t sent;
	struct queue queue;
	struct buf heard;      /* answers, the last one perhaps not whole */
};

static int helper_put(struct sink *s, const struct export_item *i, const struct buf *message, struct err *e)
{
	struct helper *h = (struct helper *)s;
	struct frame_message head = { .seq = i->view->head.seq };

	if (queue_full(&h->queue, QUEUE_BYTES))
		return -EAGAIN;
	if (message->len_bytes > UINT32_MAX)
		return err_set(e, -EMSGSIZE, "hand on record %llu", (unsigned long long)head.seq);
	head.len_bytes = (uint32_t)message->len_bytes;
	memcpy(head.leaf, i->leaf.v, sizeof(head.leaf));
	return queue_put(&h->queue, head.seq, &head, sizeof(head), message) < 0 ? err_set(e, -ENOMEM, "keep a message") : 0;
}

static int gone(struct helper *h, struct err *e)
{
	int status = 0;

	cleanup_fd(&h->sock);
	if (h->pid > 0 && waitpid(h->pid, &status, 0) == h->pid)
		h->pid = -1;
	if (WIFSIGNALED(status))
		return err_say(e, -EPIPE, "polyward-export was ended by signal %d", WTERMSIG(status));
	return err_say(e, -EPIPE, "polyward-export ended before everything had arrived%s", WIFEXITED(status) && WEXITSTATUS(status) == 127 ?
		       ": it could not be started" : "");
}

static int obey(struct helper *h, const struct frame_answer *a, const char *text, struct err *e)
{
	switch ((enum frame_kind)a->kind) {
	case FRAME_ARRIVED:
		if (queue_done_seq(&h->queue, a->seq))
			h->sink.progress_ms = sink_now_ms();
		return h->queue.base > h->sent ? err_say(e, -EBADMSG, "polyward-export says that what it was not given has arrived") : 0;
	case FRAME_TROUBLE:
		h->sink.trouble.code = 0;
		return a->len_bytes ? (void)err_say(&h->sink.trouble, -EIO, "%.*s", (int)a->len_bytes, text), 0 : 0;
	case FRAME_FAILED:
		return err_say(e, -EIO, "%.*s", (int)a->len_bytes, text);
	}
	return err_say(e, -EBADMSG, "polyward-export answers what is no answer");
}

/* Whole answers in what was heard. */
static int obey_all(struct helper *h, struct err *e)
{
	size_t at = 0;
	int r = 0;

	while (r == 0 && h->heard.len_bytes - at >= sizeof(struct frame_answer)) {
		struct frame_answer a;

		memcpy(&a, h->heard.data + at, sizeof(a));
		if (a.len_bytes > FRAME_TEXT_MAX)
			return err_say(e, -EBADMSG, "polyward-export answers what is no answer");
		if (h->heard.len_bytes - at - sizeof(a) < a.len_bytes)
			break;
		r = obey(h, &a, h->heard.data + at + sizeof(a), e);
		at += sizeof(a) + a.len_bytes;
	}
	if (at) {
		memmove(h->heard.data, h->heard.data + at, h->heard.len_bytes - at);
		h->heard.len_bytes -= at;
	}
	return r;
}

static int hear(struct helper *h, struct err *e)
{
	char bytes[8192];
	ssize_t n = recv(h->sock, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : gone(h, e);
	if (n == 0)
		return gone(h, e);
	buf_add(&h->heard, bytes, (size_t)n);
	return h->heard.failed ? err_set(e, -ENOMEM, "hear polyward-export") : obey_all(h, e);
}

static int helper_pump(struct sink *s, int timeout_ms, struct err *e)
{
	struct helper *h = (struct helper *)s;
	struct pollfd p = { .fd = h->sock, .events = POLLIN };
	const char *bytes;
	size_t unsent;
	int r = 0;

	if (h->sock < 0)
		return err_say(e, -EPIPE, "polyward-export is gone");
	(void)queue_from(&h->queue, h->sent, &unsent);
	if (unsent)
		p.events |= POLLOUT;
	if (poll(&p, 1, timeout_ms) < 0)
		return 0;
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		r = hear(h, e); /* may drop what has arrived: ask again where the rest stands */
	if (r == 0 && (p.revents & POLLOUT)) {
		ssize_t n;

		bytes = queue_from(&h->queue, h->sent, &unsent);
		n = send(h->sock, bytes, unsent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			h->sent += (uint64_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			r = hear(h, e) < 0 ? e->code : gone(h, e);
	}
	return r;
}

static uint64_t helper_waiting(const struct sink *s)
{
	return queue_waiting(&((const struct helper *)s)->queue);
}

static void helper_close(struct sink *s)
{
	struct helper *h = (struct helper *)s;

	cleanup_fd(&h->sock); /* it hears the end of the stream, and goes */
	if (h->pid > 0)
		(void)waitpid(h->pid, NULL, 0);
	queue_free(&h->queue);
	buf_free(&h->heard);
	free(h);
}

static int start(struct helper *h, char *const argv[], int their_end)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, their_end, FRAMES_FD); /* inherited even if it has that number already */
	if (r == 0)
		r = posix_spawn(&h->pid, argv[0], &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int sink_helper(char *const argv[], struct sink **ret, struct err *e)
{
	struct helper *h = calloc(1, sizeof(*h));
	int ends[2], r;

	if (!h)
		return err_set(e, -ENOMEM, "begin the export");
	h->sink = (struct sink){ .put = helper_put, .pump = helper_pump, .waiting = helper_waiting, .close = helper_close,
				 .eager = true, .progress_ms = sink_now_ms() };
	h->sock = -1;
	h->pid = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		free(h);
		return err_set(e, -errno, "begin the export");
	}
	h->sock = ends[0];
	r = start(h, argv, ends[1]);
	close(ends[1]);
	if (r < 0) {
		helper_close(&h->sink);
		return err_set(e, r, "start %s", argv[0]);
	}
	*ret = &h->sink;
	return 0;
}
