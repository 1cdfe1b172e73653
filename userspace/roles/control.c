/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-control: all bytes of clients land here, in a process that holds no key, no BPF object and can open no file. It asks
 * whether a person may, has the act recorded, passes it on, and carries the answer back.
 */
#include "roles/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* 0 go on, -EBADMSG a peer broke the rules. */
static int hear_peer(struct control *c, struct ipc_msg *m)
{
	switch ((int)m->type) {
	case IPC_PEER:
		return role_meet(&c->peers, m) < 0 ? -EBADMSG : 0;
	case IPC_ADMINS:
		c->admins = m->body.as_ADMINS;
		if (c->admins.count > MSG_ADMINS_MAX)
			return -EBADMSG;
		c->admins_known = true;
		return 0;
	case IPC_COMPILED:
		orders_compiled(c, m);
		return 0;
	case IPC_RECORDED:
		orders_recorded(c, m);
		return 0;
	case IPC_OUTCOME:
		orders_outcome(c, m);
		return 0;
	case IPC_PROGRESS:
		orders_progress(c, m);
		return 0;
	case IPC_EVENT:
		evidence_event(c, m);
		return 0;
	case IPC_LOG_DIR:
		orders_log_dir(c, m);
		return 0;
	case IPC_SUPERVISOR_STATUS:
	case IPC_KERNEL_STATUS:
	case IPC_AUDIT_STATUS:
		orders_status(c, m);
		return 0;
	default:
		return -EBADMSG;
	}
}

/* 0 go on, 1 the supervisor is gone, -errno. */
static int hear(struct control *c, int *sock, enum role from)
{
	_msg_ struct ipc_msg m = IPC_MSG_INIT;
	int r = ipc_recv(*sock, from, ROLE_CONTROL, 0, &m);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	if (r > 0)
		return hear_peer(c, &m);
	if (from == ROLE_SUPERVISOR)
		return 1;
	cleanup_fd(sock);
	orders_peer_gone(c, from);
	return 0;
}

static void hear_client(struct control *c, struct client *cl)
{
	_msg_ struct ipc_msg m = IPC_MSG_INIT;
	int r = ipc_recv(cl->sock, ROLE_CLIENT, ROLE_CONTROL, 0, &m);

	if (r == -EAGAIN)
		return;
	cl->active_ms = role_now_ms();
	if (r == 1)
		r = orders_begin(c, cl, &m) == 0 ? 1 : -EBADMSG;
	if (r == -EPROTO)
		client_end(cl, r, "this command and the daemon are of different builds"); /* it sees that by our header */
	if (r <= 0)
		client_close(cl);
}

static int loop(struct control *c)
{
	static const enum role from[] = { ROLE_SUPERVISOR, ROLE_KERNEL, ROLE_AUDIT };
	int *socks[] = { &c->peers.supervisor, &c->peers.kernel, &c->peers.audit };

	for (;;) {
		struct pollfd p[4 + CLIENTS_MAX];
		size_t i;

		for (i = 0; i < 3; i++)
			p[i] = (struct pollfd){ .fd = *socks[i], .events = POLLIN };
		p[3] = (struct pollfd){ .fd = FD_LISTEN, .events = POLLIN };
		for (i = 0; i < CLIENTS_MAX; i++)
			p[4 + i] = (struct pollfd){ .fd = c->client[i].used ? c->client[i].sock : -1, .events = POLLIN };
		if (poll(p, 4 + CLIENTS_MAX, clients_expire_in_ms(c)) < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < 3; i++) {
			int r = p[i].revents && *socks[i] == p[i].fd ? hear(c, socks[i], from[i]) : 0;

			if (r)
				return r;
		}
		for (i = 0; i < CLIENTS_MAX; i++)
			if (p[4 + i].revents && c->client[i].used && c->client[i].sock == p[4 + i].fd)
				hear_client(c, &c->client[i]);
		if (p[3].revents)
			clients_accept(c);
		orders_status_overdue(c);
		clients_expire(c);
	}
}

static int run(struct control *c)
{
	struct err e = { 0 };
	int r = role_start(&sandbox_control, FD_LISTEN, &e);

	if (r == 0)
		r = role_ready(ROLE_CONTROL, &c->peers, &e);
	if (r < 0) {
		role_say(ROLE_CONTROL, "%s", e.text);
		return ROLE_FAILED;
	}
	r = loop(c);
	if (r < 0)
		role_say(ROLE_CONTROL, "a peer sent what it may not: %s", strerror(-r));
	return r < 0 ? ROLE_FAILED : 0;
}

int main(void)
{
	struct control *c = calloc(1, sizeof(*c)); /* too large for a stack frame */
	int r;

	if (!c)
		return ROLE_FAILED;
	c->peers = (struct peers)PEERS_INIT;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->client[i].sock = c->client[i].image_fd = -1;
	r = run(c);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		free(c->client[i].groups);
	free(c);
	return r;
}
