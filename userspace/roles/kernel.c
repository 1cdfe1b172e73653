/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-kernel: holds the programs, maps and pins, swaps policies, renews time windows. Must never parse text or hear a client:
 * orders come from polyward-control, images are checked here whoever made them. Its death changes nothing that is enforced.
 */
#include "roles/kernel.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>

static void take_order(struct keeper *s, struct ipc_msg *m)
{
	const struct msg_order *o = &m->body.as_APPLY; /* all orders have this body */
	struct err e = { 0 };
	int r;

	s->busy = true;
	s->busy_id = o->id;
	if (m->type == IPC_APPLY)
		r = keep_apply(s, take_fd(m->fds[0]), o->confirm_s, &e);
	else if (m->type == IPC_CONFIRM)
		r = keep_confirm(s, &e);
	else if (m->type == IPC_ROLLBACK)
		r = keep_rollback(s, &e);
	else if (m->type == IPC_UPGRADE_BEGIN)
		r = keep_upgrade_begin(s, &e);
	else if (m->type == IPC_UPGRADE_DONE)
		r = keep_upgrade_done(s, &e);
	else
		r = keep_down(s, &e);
	s->busy = false;
	if (r == 0)
		e.code = 0; /* a step that failed and was made good may have left its words */
	tell_admins(s);
	tell_outcome(s, o->id, &e);
	(void)malloc_trim(0); /* loading programs takes megabytes that idling does not need */
}

/* 0 go on, 1 the supervisor is gone, -errno a peer broke the rules. */
static int hear(struct keeper *s, int *sock, enum role from)
{
	_msg_ struct ipc_msg m = IPC_MSG_INIT;
	int r = ipc_recv(*sock, from, ROLE_KERNEL, 0, &m);

	if (r == -EAGAIN)
		return 0;
	if (r < 0)
		return r;
	if (r == 0 && from == ROLE_SUPERVISOR)
		return 1;
	if (r == 0) {
		cleanup_fd(sock);
		return 0;
	}
	switch ((int)m.type) {
	case IPC_PEER:
		r = guard_meet(s, &m);
		if (r == ROLE_AUDIT)
			tell_audit_all(s);
		if (r == ROLE_CONTROL)
			tell_admins(s);
		return r < 0 ? r : 0;
	case IPC_ASK_KERNEL:
		tell_status(s, m.body.as_ASK_KERNEL.id);
		return 0;
	case IPC_APPLY:
	case IPC_CONFIRM:
	case IPC_ROLLBACK:
	case IPC_DOWN:
	case IPC_UPGRADE_BEGIN:
	case IPC_UPGRADE_DONE:
		take_order(s, &m);
		return 0;
	default:
		return -EBADMSG;
	}
}

static int loop(struct keeper *s)
{
	for (;;) {
		int *socks[] = { &s->peers.supervisor, &s->peers.control, &s->peers.audit };
		static const enum role from[] = { ROLE_SUPERVISOR, ROLE_CONTROL, ROLE_AUDIT };
		struct pollfd p[3];

		for (size_t i = 0; i < 3; i++)
			p[i] = (struct pollfd){ .fd = *socks[i], .events = POLLIN };
		if (poll(p, 3, keep_tick_in_ms(s)) < 0 && errno != EINTR)
			return -errno;
		keep_tick(s);
		for (size_t i = 0; i < 3; i++) {
			int r = p[i].revents && *socks[i] == p[i].fd ? hear(s, socks[i], from[i]) : 0;

			if (r)
				return r;
		}
	}
}

/* Peers that were met before they had anything to be told. */
static void greet(struct keeper *s)
{
	if (s->peers.audit >= 0)
		tell_audit_all(s);
	if (s->peers.control >= 0)
		tell_admins(s);
}

int main(int argc, char **argv)
{
	struct keeper s = { .peers = PEERS_INIT, .active = HELD_INIT, .before = HELD_INIT };
	struct err e = { 0 };
	int r = role_start(&sandbox_kernel, FD_ENTRY_DIR, &e);

	if (r == 0)
		r = guard_own(&s, argc > 1 ? argv[1] : NULL, &e);
	if (r == 0) {
		r = guard_await_peers(&s);
		if (r < 0)
			err_set(&e, r, "the supervisor sent what it may not");
	}
	if (r == 0) {
		keep_start(&s);
		greet(&s);
		(void)malloc_trim(0);
		r = role_ready(ROLE_KERNEL, &s.peers, &e);
	}
	if (r < 0) {
		role_say(ROLE_KERNEL, "%s", e.text);
		return ROLE_FAILED;
	}
	r = loop(&s);
	if (r < 0)
		role_say(ROLE_KERNEL, "a peer sent what it may not: %s", strerror(-r));
	if (s.k)
		kernel_close(s.k);
	held_done(&s.active);
	held_done(&s.before);
	keep_forget_mappers(&s);
	return r < 0 ? ROLE_FAILED : 0;
}
