/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's end of the control socket: connect, one question, answers until the outcome. Every failure is a sentence with
 * the next step. The socket is IPC_RUN_DIR/control, or what POLYWARD_SOCKET names.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>

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
/* The log's directory and that of its keys, for log_reader_open(); the daemon records that the caller reads. */
int client_log_dirs(int *ret_dir_fd, int *ret_keys_fd, struct err *e);
/*
 * client_event.c: the record with that number, with its length prefix, and the policy image that decided (empty: not kept). For whoever may
 * read the log, and for everybody about himself. *ret_erased: its personal fields can never be read again.
 */
struct buf;
int client_event(uint64_t seq, struct buf *ret_record, struct buf *ret_image, bool *ret_erased, struct err *e);
/* Have it recorded that something was made from the log, or that somebody looked at it. 0: it is on disk. */
int client_evidence(const struct msg_evidence *what, struct err *e);

#endif
