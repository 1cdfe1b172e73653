/* SPDX-License-Identifier: Apache-2.0 */
/* The command's end of the control socket. Holds no state between calls and prints nothing. */
#include "cli/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define ANSWER_WAIT_MS 600000 /* a scan of a large store tells its progress all along; silence this long is a fault */

static const char *socket_path(void)
{
	const char *path = secure_getenv("POLYWARD_SOCKET");

	return path && *path ? path : IPC_RUN_DIR "/" IPC_SOCKET;
}

int client_connect(int *ret_sock, struct err *e)
{
	const char *path = socket_path();
	int r = ipc_connect(path, ret_sock);

	switch (r) {
	case 0:
		return 0;
	case -ENOENT:
		return err_say(e, r, "polyward is not running (there is no socket %s); start it: systemctl start polyward", path);
	case -ECONNREFUSED:
		return err_say(e, r, "polyward is not running (the socket %s is left over and nobody answers); start it: "
			       "systemctl start polyward", path);
	case -EACCES:
	case -EPERM:
		return err_say(e, r, "you may not reach the socket %s; ask an administrator, or try as root", path);
	default:
		return err_set(e, r, "connect to %s", path);
	}
}

int client_ask(int sock, enum msg_type type, const void *body, int fd, struct err *e)
{
	int r = ipc_send(sock, ROLE_CLIENT, ROLE_CONTROL, type, body, &fd);

	if (r == -EPIPE || r == -ECONNRESET)
		return 0; /* the daemon's last words explain why it hung up: they are read next */
	return r < 0 ? err_set(e, r, "send to polyward-control") : 0;
}

int client_answer(int sock, struct ipc_msg *ret, struct err *e)
{
	int r = ipc_recv(sock, ROLE_CONTROL, ROLE_CLIENT, ANSWER_WAIT_MS, ret);

	switch (r) {
	case 1:
		return 1;
	case 0:
		return err_say(e, -ECONNRESET, "polyward-control closed the connection before it answered; see `polyward status` "
			       "and the daemon's messages (journalctl -u polyward)");
	case -EPROTO:
		return err_say(e, r, "this command (" PW_VERSION ") and the running daemon are of different builds; restart the "
			       "daemon (systemctl restart polyward: enforcement goes on meanwhile), or use the command it came with");
	case -ETIMEDOUT:
		return err_say(e, r, "polyward-control did not answer within %d s; see `polyward status`", ANSWER_WAIT_MS / 1000);
	default:
		return err_set(e, r, "the answer of polyward-control is not one");
	}
}

/* A request that is all said by its type. The answers are to be read from *ret_sock. */
static int connect_and_ask(enum msg_type type, int *ret_sock, struct err *e)
{
	const struct msg_ask ask = { 0 };
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r < 0)
		return r;
	r = client_ask(sock, type, &ask, -1, e);
	if (r < 0)
		return r;
	*ret_sock = take_fd(sock);
	return 0;
}

int client_order(enum msg_type type, struct msg_outcome *ret, struct err *e)
{
	_fd_ int sock = -1;
	int r = connect_and_ask(type, &sock, e);

	if (r < 0)
		return r;
	for (;;) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r < 0)
			return r;
		if (m.type != IPC_SAY_OUTCOME)
			continue;
		*ret = m.body.as_SAY_OUTCOME;
		return err_say(e, ret->code, "%s", ipc_text(ret->text, sizeof(ret->text)));
	}
}

int client_kernel(struct msg_kernel *ret, struct msg_audit *ret_audit, struct err *e)
{
	_fd_ int sock = -1;
	int r = connect_and_ask(IPC_DO_STATUS, &sock, e);

	for (bool there = false; r >= 0;) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r > 0 && m.type == IPC_SAY_KERNEL) {
			*ret = m.body.as_SAY_KERNEL;
			there = true;
		} else if (r > 0 && m.type == IPC_SAY_AUDIT) {
			*ret_audit = m.body.as_SAY_AUDIT;
		} else if (r > 0 && m.type == IPC_SAY_OUTCOME) {
			return there ? 0 : err_say(e, -EIO, "polyward-kernel does not answer");
		}
	}
	return r;
}

int client_log_dirs(int *ret_dir_fd, int *ret_keys_fd, struct err *e)
{
	_fd_ int sock = -1;
	int r = connect_and_ask(IPC_DO_LOG, &sock, e);

	if (r < 0)
		return r;
	for (;;) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r < 0)
			return r;
		if (m.type == IPC_SAY_LOG_DIR) {
			*ret_dir_fd = take_fd(m.fds[0]);
			*ret_keys_fd = take_fd(m.fds[1]);
			return 0;
		}
		if (m.type == IPC_SAY_OUTCOME)
			return err_say(e, m.body.as_SAY_OUTCOME.code ? m.body.as_SAY_OUTCOME.code : -EIO, "%s",
				       ipc_text(m.body.as_SAY_OUTCOME.text, MSG_TEXT_MAX));
	}
}

int client_evidence(const struct msg_evidence *what, struct err *e)
{
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r == 0)
		r = client_ask(sock, IPC_DO_EVIDENCE, what, -1, e);
	while (r >= 0) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r > 0 && m.type == IPC_SAY_OUTCOME) {
			struct msg_outcome *o = &m.body.as_SAY_OUTCOME;

			return o->code ? err_say(e, o->code, "%s", ipc_text(o->text, sizeof(o->text))) : 0;
		}
	}
	return r;
}
