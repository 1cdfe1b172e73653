/* SPDX-License-Identifier: Apache-2.0 */
/* The start of every role: take the descriptors, close the rest, enter the sandbox, say ready. Nothing is opened before that. */
#include "roles/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

int role_start(const struct sandbox *s, int last_fd, struct err *e)
{
	for (int fd = 0; fd <= last_fd; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return err_say(e, -EBADF, "%s is started by polywardd alone (descriptor %d is missing)", s->role, fd);
	if (close_range((unsigned)last_fd + 1, ~0u, 0) < 0)
		return err_set(e, -errno, "close other descriptors");
	/* A terminal's or a group's interrupt is for the supervisor, which then closes our socket. */
	if (signal(SIGINT, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return err_set(e, -errno, "signals");
	return sandbox_enter(s, e);
}

int role_ready(enum role me, const struct peers *p, struct err *e)
{
	const struct msg_peer ready = { .role = me };
	int r = ipc_send(p->supervisor, me, ROLE_SUPERVISOR, IPC_READY, &ready, NULL);

	return r < 0 ? err_set(e, r, "say ready") : 0;
}

int role_meet(struct peers *p, struct ipc_msg *m)
{
	int *place = m->body.as_PEER.role == ROLE_KERNEL ? &p->kernel : m->body.as_PEER.role == ROLE_CONTROL ? &p->control :
		     m->body.as_PEER.role == ROLE_AUDIT ? &p->audit : NULL;

	if (!place)
		return -EBADMSG;
	cleanup_fd(place);
	*place = take_fd(m->fds[0]);
	return (int)m->body.as_PEER.role;
}

void role_say(enum role me, const char *fmt, ...)
{
	_buf_ struct buf line = BUF_INIT;
	char text[2 * ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&line, "%s: ", ipc_role_name(me));
	buf_add_escaped(&line, text, strlen(text));
	buf_add_char(&line, '\n');
	if (!line.failed)
		(void)!write(STDERR_FILENO, line.data, line.len_bytes);
}

static struct timespec now(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return t;
}

int64_t role_now_ms(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t role_now_utc_s(void)
{
	return now(CLOCK_REALTIME).tv_sec;
}

uint64_t role_now_boot_ns(void)
{
	struct timespec t = now(CLOCK_BOOTTIME);

	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
