/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's end of the control socket: connect, one question, answers until the outcome. Every failure is a sentence with
 * the next step. The socket is IPC_RUN_DIR/control, or what POLYWARD_SOCKET names.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/err.h"
#include "ipc/ipc.h"

int client_connect(int *ret_sock, struct err *e);
/* Send a question; the descriptor (or -1) stays the caller's. */
int client_ask(int sock, enum msg_type type, const void *body, int fd, struct err *e);
/* The next answer. 1, or an error; the daemon closing the connection is an error too. */
int client_answer(int sock, struct ipc_msg *ret, struct err *e);
/* Ask something that has no parameters, ignore all but the outcome: its code, and the sentence in e. */
int client_order(enum msg_type type, struct msg_outcome *ret, struct err *e);
/* What polyward-kernel says of itself. */
int client_kernel(struct msg_kernel *ret, struct msg_audit *ret_audit, struct err *e); /* *ret_audit stays as it is if the log writer is silent */
/* The log's directory, for log_reader_open(); the daemon records that the caller reads. */
int client_log_dir(int *ret_fd, struct err *e);

#endif
