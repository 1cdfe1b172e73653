/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: ask event SEQ | evidence | cosign | erase CLASS PERIOD   One question to the daemon of POLYWARD_SOCKET, as whoever runs it. Prints
 * the sentence of the outcome, or "recorded", or the text fields of the record; status 0 if the code was 0, else 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "ipc/ipc.h"

static int outcome(int sock)
{
	for (;;) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;
		char record[8192];
		ssize_t n;

		if (ipc_recv(sock, ROLE_CONTROL, ROLE_CLIENT, 10000, &m) != 1)
			return 2;
		if (m.type == IPC_SAY_EVENT) {
			n = pread(m.fds[0], record, sizeof(record), 0);
			for (ssize_t i = 0; i < n; i++)
				putchar(record[i] >= ' ' && record[i] < 0x7f ? record[i] : ' ');
			putchar('\n');
		}
		if (m.type == IPC_SAY_OUTCOME) {
			int code = m.body.as_SAY_OUTCOME.code;

			printf("%s\n", code ? ipc_text(m.body.as_SAY_OUTCOME.text, MSG_TEXT_MAX) : "recorded");
			return code != 0;
		}
	}
}

int main(int argc, char **argv)
{
	const char *path = getenv("POLYWARD_SOCKET"), *what = argc > 1 ? argv[1] : "";
	struct msg_evidence made = { .rows = 3, .tree_size = 5, .what = "report", .query = "report\nhipaa" };
	struct msg_cosign line = { .size = 5, .line = "\xe2\x80\x94 example.com/w AAAAAAAA\n" };
	struct msg_event event = { .seq = 0 };
	struct msg_erase erase = { .reason = "asked in writing" };
	int sock, r = -1;

	if (!path || ipc_connect(path, &sock) < 0)
		return 2;
	memset(made.digest, 7, sizeof(made.digest));
	if (!strcmp(what, "event") && argc == 3 && num_parse(argv[2], strlen(argv[2]), UINT64_MAX, &event.seq) == 0)
		r = ipc_send(sock, ROLE_CLIENT, ROLE_CONTROL, IPC_DO_EVENT, &event, NULL);
	else if (!strcmp(what, "evidence"))
		r = ipc_send(sock, ROLE_CLIENT, ROLE_CONTROL, IPC_DO_EVIDENCE, &made, NULL);
	else if (!strcmp(what, "cosign"))
		r = ipc_send(sock, ROLE_CLIENT, ROLE_CONTROL, IPC_DO_COSIGN, &line, NULL);
	else if (!strcmp(what, "erase") && argc == 4) {
		ipc_put(erase.class_, sizeof(erase.class_), argv[2]);
		ipc_put(erase.period, sizeof(erase.period), argv[3]);
		r = ipc_send(sock, ROLE_CLIENT, ROLE_CONTROL, IPC_DO_ERASE, &erase, NULL);
	}
	r = r < 0 ? 2 : outcome(sock);
	close(sock);
	return r;
}
