/* SPDX-License-Identifier: Apache-2.0 */
/* One's own record from the daemon: for people who may not read the log, about what happened to them. */
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <polyward/record.h>

#include "base/buf.h"
#include "cli/client.h"

static int read_whole(int fd, size_t max_bytes, struct buf *ret, struct err *e)
{
	char room[4096];
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, -errno, "read what polyward-control handed out");
	while ((n = read(fd, room, sizeof(room))) > 0) {
		if (ret->len_bytes + (size_t)n > max_bytes)
			return err_say(e, -EFBIG, "what polyward-control handed out is larger than it can be");
		buf_add(ret, room, (size_t)n);
	}
	if (n < 0 || ret->failed)
		return err_set(e, n < 0 ? -errno : -ENOMEM, "read what polyward-control handed out");
	return 0;
}

int client_event(uint64_t seq, struct buf *ret_record, struct buf *ret_image, bool *ret_erased, struct err *e)
{
	const struct msg_event what = { .seq = seq };
	bool there = false;
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r == 0)
		r = client_ask(sock, IPC_DO_EVENT, &what, -1, e);
	while (r >= 0) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r > 0 && m.type == IPC_SAY_EVENT) {
			r = read_whole(m.fds[0], PW_RECORD_MAX + 2u, ret_record, e);
			if (r == 0)
				r = read_whole(m.fds[1], PW_IMAGE_MAX, ret_image, e);
			*ret_erased = m.body.as_SAY_EVENT.erased;
			there = r == 0;
		} else if (r > 0 && m.type == IPC_SAY_OUTCOME) {
			const struct msg_outcome *o = &m.body.as_SAY_OUTCOME;

			if (o->code || !there)
				return err_say(e, o->code ? o->code : -EIO, "%s", ipc_text(m.body.as_SAY_OUTCOME.text, MSG_TEXT_MAX));
			return 0;
		}
	}
	return r;
}
