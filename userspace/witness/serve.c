/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness's web server: libmicrohttpd in this one thread, so that requests are judged one after the other and a checkpoint cannot be
 * overtaken by an older one. It prints nothing: what people should know goes to the caller.
 */
#include "witness/witness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CONNECTIONS_MAX 64u
#define TIMEOUT_S       10u
#define PATH            "/add-checkpoint"

struct server { const struct state *state; serve_say *say; };
struct request_body { struct buf bytes; bool too_long; };

static enum MHD_Result reply(struct MHD_Connection *c, struct answer *a)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(a->body.len_bytes, a->body.data ? a->body.data : (void *)"", MHD_RESPMEM_MUST_COPY);
	enum MHD_Result done;

	if (!r || a->body.failed)
		return MHD_NO;
	(void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type ? a->type : "text/plain");
	if (a->status == 405)
		(void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "POST");
	done = MHD_queue_response(c, a->status, r);
	MHD_destroy_response(r);
	return done;
}

static void judge(const struct state *s, const char *url, const char *method, const struct request_body *b, struct answer *ret)
{
	if (strcmp(url, PATH) != 0)
		*ret = (struct answer){ .status = 404 };
	else if (strcmp(method, "POST") != 0)
		*ret = (struct answer){ .status = 405 };
	else if (b->too_long)
		*ret = (struct answer){ .status = 413 };
	else
		answer_checkpoint(s, b->bytes.data ? b->bytes.data : "", b->bytes.len_bytes, ret);
}

/* Called first without a body, then with pieces of it, then with none left. */
static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data,
			      size_t *data_bytes, void **own)
{
	const struct server *server = ctx;
	struct request_body *b = *own;
	struct answer a = { 0 };
	enum MHD_Result done;

	(void)version;
	if (!b) {
		*own = calloc(1, sizeof(*b));
		return *own ? MHD_YES : MHD_NO;
	}
	if (*data_bytes) {
		b->too_long = b->too_long || b->bytes.len_bytes + *data_bytes > WITNESS_BODY_MAX;
		if (!b->too_long)
			buf_add(&b->bytes, data, *data_bytes);
		*data_bytes = 0;
		return b->bytes.failed ? MHD_NO : MHD_YES;
	}
	judge(server->state, url, method, b, &a);
	if (a.why.code)
		server->say(a.why.text);
	done = reply(c, &a);
	buf_free(&a.body);
	return done;
}

static void completed(void *ctx, struct MHD_Connection *c, void **own, enum MHD_RequestTerminationCode code)
{
	struct request_body *b = *own;

	(void)ctx;
	(void)c;
	(void)code;
	if (b)
		buf_free(&b->bytes);
	free(b);
	*own = NULL;
}

/* "127.0.0.1:8490", "[::1]:0": numbers alone, so that nothing is asked of a name server. */
int serve_listen(const char *at, int *ret_fd, struct err *e)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *info = NULL;
	const char *colon = strrchr(at, ':');
	char host[64];
	_fd_ int fd = -1;
	int on = 1;

	if (!colon || (size_t)(colon - at) >= sizeof(host))
		return err_say(e, -EINVAL, "'%s' is no place to listen at: write ADDRESS:PORT, as in 127.0.0.1:8490", at);
	(void)snprintf(host, sizeof(host), "%.*s", at[0] == '[' ? (int)(colon - at - 2) : (int)(colon - at), at[0] == '[' ? at + 1 : at);
	if (getaddrinfo(host, colon + 1, &hints, &info) != 0)
		return err_say(e, -EINVAL, "'%s' is no place to listen at: write ADDRESS:PORT, as in 127.0.0.1:8490", at);
	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, 64) < 0) {
		int code = err_set(e, -errno, "listen at %s", at);

		freeaddrinfo(info);
		return code;
	}
	freeaddrinfo(info);
	*ret_fd = take_fd(fd);
	return 0;
}

void serve_where(int fd, char ret[static SERVE_WHERE_SIZE])
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	char host[64] = "", port[16] = "";

	if (getsockname(fd, (struct sockaddr *)&a, &len) == 0)
		(void)getnameinfo((struct sockaddr *)&a, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(ret, SERVE_WHERE_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

int serve(int fd, const struct state *s, serve_say *say, struct err *e)
{
	struct server server = { s, say };
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, &server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
						CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED,
						completed, NULL, MHD_OPTION_END);

	if (!d) {
		close(fd);
		return err_say(e, -EIO, "libmicrohttpd does not start");
	}
	while (MHD_run_wait(d, -1) == MHD_YES)
		continue;
	MHD_stop_daemon(d);
	return err_say(e, -EIO, "libmicrohttpd ended");
}
