/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Syslog over TCP, octet counting (RFC 6587, 3.4.1). That protocol has no answer. What the other host's TCP acknowledged (SIOCOUTQ) may
 * still lie there unread, and is lost with the connection; so it counts as arrived when the connection has outlived it for a while, or
 * was closed in order, and all else is sent again over the next one. There is no encryption here: use it on this host or inside a tunnel.
 */
#include "export/sink.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "export/fields.h"

#define CONNECT_MS     3000
#define RETRY_FIRST_MS 250
#define RETRY_MOST_MS  30000
#define ACK_POLL_MS    5  /* nothing wakes us when the other side acknowledges */
#define SETTLE_MS      1000
#define SETTLE_EACH_MS 20
#define SETTLES        64u
#define QUEUE_BYTES    (32u << 20) /* with SETTLE_MS this bounds the rate */

struct tcp {
	struct sink sink;
	char *host, *port;
	int sock;              /* -1: not connected */
	uint64_t sent;         /* stream offset of what the kernel took on this connection */
	int64_t retry_at_ms;
	int retry_ms;
	struct queue queue;
	struct { int64_t at_ms; uint64_t offset; } settle[SETTLES]; /* what was acknowledged when; a ring */
	size_t settle_first, settle_count;
	bool finishing, shut;  /* no more will be put; and the other side was told */
};

static int tcp_put(struct sink *s, const struct export_item *i, const struct buf *message, struct err *e)
{
	struct tcp *t = (struct tcp *)s;
	_buf_ struct buf head = BUF_INIT;

	if (queue_full(&t->queue, QUEUE_BYTES))
		return -EAGAIN;
	text_u64(&head, message->len_bytes);
	buf_add_char(&head, ' ');
	if (head.failed || queue_put(&t->queue, i->view->head.seq, head.data, head.len_bytes, message) < 0)
		return err_set(e, -ENOMEM, "keep a message");
	return 0;
}

static void hang_up(struct tcp *t, int code, const char *what)
{
	cleanup_fd(&t->sock);
	t->settle_count = 0;
	t->shut = false;
	(void)err_set(&t->sink.trouble, code, "%s %s:%s", what, t->host, t->port);
	t->retry_at_ms = sink_now_ms() + t->retry_ms;
	t->retry_ms = t->retry_ms * 2 < RETRY_MOST_MS ? t->retry_ms * 2 : RETRY_MOST_MS;
}

/* One address: 0 and a connected socket that does not block. */
static int connect_one(const struct addrinfo *a, int *ret_sock)
{
	_fd_ int sock = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	struct pollfd p = { .events = POLLOUT };
	int code = 0, on = 1;
	socklen_t size = sizeof(code);

	if (sock < 0)
		return -errno;
	(void)setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (connect(sock, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		p.fd = sock;
		if (poll(&p, 1, CONNECT_MS) <= 0)
			return -ETIMEDOUT;
		if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
			return -errno;
		if (code)
			return -code;
	}
	*ret_sock = take_fd(sock);
	return 0;
}

static void reconnect(struct tcp *t)
{
	const struct addrinfo want = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	int r = getaddrinfo(t->host, t->port, &want, &list), code = -EHOSTUNREACH;

	if (r) {
		hang_up(t, -EHOSTUNREACH, "find");
		(void)err_say(&t->sink.trouble, -EHOSTUNREACH, "find %s: %s", t->host, gai_strerror(r));
		return;
	}
	for (const struct addrinfo *a = list; a && t->sock < 0; a = a->ai_next)
		code = connect_one(a, &t->sock);
	freeaddrinfo(list);
	if (t->sock < 0) {
		hang_up(t, code, "connect to");
		return;
	}
	t->sent = t->queue.base; /* what was not acknowledged goes again, from the start of a message */
	t->retry_ms = RETRY_FIRST_MS;
	t->sink.trouble.code = 0;
}

static void send_some(struct tcp *t)
{
	size_t n;
	const char *bytes = queue_from(&t->queue, t->sent, &n);
	ssize_t took = n ? send(t->sock, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (took > 0)
		t->sent += (uint64_t)took;
	else if (took < 0 && errno != EAGAIN && errno != EINTR)
		hang_up(t, -errno, "send to");
}

static void arrived(struct tcp *t, uint64_t offset)
{
	if (queue_done_to(&t->queue, offset))
		t->sink.progress_ms = sink_now_ms();
}

/* A collector sends nothing; what can be read is the end of the connection. */
static void hear(struct tcp *t)
{
	char nothing[256];
	ssize_t n = recv(t->sock, nothing, sizeof(nothing), MSG_DONTWAIT);

	if (n == 0 && t->shut) {
		arrived(t, t->sent); /* it has read to our end before it closed */
		cleanup_fd(&t->sock);
	} else if (n == 0)
		hang_up(t, -ECONNRESET, "the connection was closed by");
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		hang_up(t, -errno, "receive from");
}

/* Note what has been acknowledged by now, and take what was long enough ago for arrived. */
static void settle(struct tcp *t)
{
	int64_t now_ms = sink_now_ms(), last_ms = 0;
	uint64_t offset, last = t->queue.base;
	int unacknowledged = 0;

	while (t->settle_count && now_ms - t->settle[t->settle_first].at_ms >= SETTLE_MS) {
		arrived(t, t->settle[t->settle_first].offset);
		t->settle_first = (t->settle_first + 1) % SETTLES;
		t->settle_count--;
	}
	if (ioctl(t->sock, SIOCOUTQ, &unacknowledged) < 0 || unacknowledged < 0)
		return;
	offset = t->sent - (uint64_t)unacknowledged;
	if (t->settle_count) {
		size_t newest = (t->settle_first + t->settle_count - 1) % SETTLES;

		last = t->settle[newest].offset;
		last_ms = t->settle[newest].at_ms;
	}
	if (offset <= last || now_ms - last_ms < SETTLE_EACH_MS || t->settle_count == SETTLES)
		return;
	t->settle[(t->settle_first + t->settle_count++) % SETTLES] = (__typeof__(t->settle[0])){ now_ms, offset };
	if (t->finishing && offset == t->sent)
		t->sink.progress_ms = now_ms;
}

/* Everything is sent and nothing will follow: the other side closes when it has read that. */
static void say_end(struct tcp *t)
{
	size_t unsent;

	(void)queue_from(&t->queue, t->sent, &unsent);
	if (t->finishing && !t->shut && !unsent)
		t->shut = shutdown(t->sock, SHUT_WR) == 0;
}

static int tcp_pump(struct sink *s, int timeout_ms, struct err *e)
{
	struct tcp *t = (struct tcp *)s;
	struct pollfd p = { .events = POLLIN };
	size_t unsent;

	(void)e;
	if (t->sock < 0 && sink_now_ms() >= t->retry_at_ms)
		reconnect(t);
	if (t->sock < 0) {
		(void)poll(NULL, 0, timeout_ms < RETRY_FIRST_MS ? timeout_ms : RETRY_FIRST_MS);
		return 0;
	}
	(void)queue_from(&t->queue, t->sent, &unsent);
	if (unsent)
		p.events |= POLLOUT;
	else if (queue_waiting(&t->queue) != SINK_NONE && timeout_ms > ACK_POLL_MS)
		timeout_ms = ACK_POLL_MS;
	p.fd = t->sock;
	if (poll(&p, 1, timeout_ms) < 0)
		return 0;
	if (p.revents & POLLOUT)
		send_some(t);
	if (t->sock >= 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)))
		hear(t);
	if (t->sock >= 0)
		say_end(t);
	if (t->sock >= 0)
		settle(t);
	return 0;
}

static void tcp_finish(struct sink *s)
{
	((struct tcp *)s)->finishing = true;
}

static uint64_t tcp_waiting(const struct sink *s)
{
	return queue_waiting(&((const struct tcp *)s)->queue);
}

static void tcp_close(struct sink *s)
{
	struct tcp *t = (struct tcp *)s;

	cleanup_fd(&t->sock);
	queue_free(&t->queue);
	free(t->host);
	free(t->port);
	free(t);
}

/* "host:port" or "[address]:port". */
static int split(const char *where, struct tcp *t, struct err *e)
{
	const char *colon = strrchr(where, ':'), *host = where;
	size_t n = colon ? (size_t)(colon - where) : 0;

	if (n > 2 && where[0] == '[' && where[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (!colon || n == 0 || !colon[1] || (host == where && (host[0] == '[' || memchr(host, ':', n))))
		return err_say(e, -EINVAL, "'%s': HOST:PORT is needed, or [ADDRESS]:PORT", where);
	t->host = strndup(host, n);
	t->port = strdup(colon + 1);
	return t->host && t->port ? 0 : err_set(e, -ENOMEM, "begin the export");
}

int sink_tcp(const char *where, struct sink **ret, struct err *e)
{
	struct tcp *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "begin the export");
	t->sink = (struct sink){ .put = tcp_put, .pump = tcp_pump, .waiting = tcp_waiting, .finish = tcp_finish, .close = tcp_close, .eager = true,
				 .progress_ms = sink_now_ms() };
	t->sock = -1;
	t->retry_ms = RETRY_FIRST_MS;
	r = split(where, t, e);
	if (r < 0) {
		tcp_close(&t->sink);
		return r;
	}
	*ret = &t->sink;
	return 0;
}
