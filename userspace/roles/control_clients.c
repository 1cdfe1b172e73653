/* SPDX-License-Identifier: Apache-2.0 */
/* Clients: let in, within limits that keep one user from shutting out another, and nobody from shutting out root; and out again. */
#include "roles/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void client_close(struct client *cl)
{
	cleanup_fd(&cl->sock);
	if (cl->step != STEP_IDLE)
		return; /* an act that was begun is still recorded */
	cleanup_fd(&cl->image_fd);
	free(cl->groups);
	memset(cl, 0, sizeof(*cl));
	cl->sock = cl->image_fd = -1;
}

void client_say(struct client *cl, enum msg_type type, const void *body, const int *fds)
{
	if (cl->sock >= 0 && ipc_send(cl->sock, ROLE_CONTROL, ROLE_CLIENT, type, body, fds) < 0)
		cleanup_fd(&cl->sock);
}

void client_end_with(struct client *cl, struct msg_outcome *o)
{
	o->id = 0;
	client_say(cl, IPC_SAY_OUTCOME, o, NULL);
	cl->step = STEP_IDLE;
	cl->active_ms = role_now_ms();
	cleanup_fd(&cl->image_fd);
	if (cl->sock < 0)
		client_close(cl);
}

void client_end(struct client *cl, int code, const char *fmt, ...)
{
	struct msg_outcome o = { .code = code };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(o.text, sizeof(o.text), fmt, ap);
	va_end(ap);
	client_end_with(cl, &o);
}

struct client *client_of(struct control *c, uint32_t id, enum step step)
{
	struct client *cl = &c->client[id % CLIENTS_MAX];

	return cl->used && cl->id == id && cl->step == step ? cl : NULL;
}

static int read_groups(int sock, struct client *cl)
{
	socklen_t bytes = GROUPS_MAX * sizeof(gid_t);
	gid_t *groups = calloc(GROUPS_MAX, sizeof(gid_t));

	if (!groups)
		return -ENOMEM;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes) < 0) {
		free(groups);
		return -errno;
	}
	cl->groups = groups;
	cl->groups_count = bytes / sizeof(gid_t);
	return 0;
}

/* A free place, or why there is none. */
static struct client *find_place(struct control *c, uid_t uid, const char **why)
{
	struct client *place = NULL;
	size_t used = 0, same = 0;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = &c->client[i];

		if (!cl->used) {
			place = place ? place : cl;
			continue;
		}
		used++;
		same += cl->uid == uid;
	}
	*why = NULL;
	if (same >= CLIENTS_PER_USER)
		*why = "you have 4 connections to polyward already; close one, or wait";
	else if (used >= (uid == 0 ? CLIENTS_MAX : CLIENTS_MAX - CLIENTS_FOR_ROOT))
		*why = "polyward has as many connections as it takes; try again in a minute";
	return *why ? NULL : place;
}

void clients_accept(struct control *c)
{
	_fd_ int sock = accept4(FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct msg_outcome no = { .code = -EUSERS };
	struct ucred who;
	socklen_t bytes = sizeof(who);
	struct client *cl;
	const char *why;

	if (sock < 0 || getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &bytes) < 0)
		return;
	cl = find_place(c, who.uid, &why);
	if (!cl || read_groups(sock, cl) < 0) {
		ipc_put(no.text, sizeof(no.text), why ? why : "polyward has no memory for another connection");
		(void)ipc_send(sock, ROLE_CONTROL, ROLE_CLIENT, IPC_SAY_OUTCOME, &no, NULL);
		return;
	}
	cl->used = true;
	cl->sock = take_fd(sock);
	cl->uid = who.uid;
	cl->gid = who.gid;
	cl->pid = who.pid;
	cl->active_ms = role_now_ms();
}

void clients_expire(struct control *c)
{
	int64_t now_ms = role_now_ms();

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].used && c->client[i].step == STEP_IDLE && now_ms - c->client[i].active_ms >= CLIENT_IDLE_MS)
			client_close(&c->client[i]);
}

int clients_expire_in_ms(const struct control *c)
{
	int64_t now_ms = role_now_ms(), next_ms = INT64_MAX;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *cl = &c->client[i];
		int64_t at_ms = cl->active_ms + (cl->step == STEP_STATUS ? STATUS_WAIT_MS : CLIENT_IDLE_MS);

		if (cl->used && (cl->step == STEP_IDLE || cl->step == STEP_STATUS) && at_ms < next_ms)
			next_ms = at_ms;
	}
	if (next_ms == INT64_MAX)
		return -1;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}
