/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between polyward's processes: one SOCK_SEQPACKET message is one header and one body of exactly the size that
 * messages.def gives its type, with exactly that many file descriptors. Everything is checked before a byte of the body is
 * looked at: a peer that breaks a rule is to be dropped, never argued with.
 */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "ipc/messages.h"

enum role {
	ROLE_SUPERVISOR = 1, ROLE_KERNEL = 2, ROLE_CONTROL = 4, ROLE_AUDIT = 8, ROLE_COMPILE = 16, ROLE_CLIENT = 32,
};

enum msg_type {
	IPC_NONE_ = 0,
#define M(name, type, from, to, fds) IPC_##name,
#include "ipc/messages.def"
#undef M
	IPC_MAX_
};

#define IPC_MAGIC     0x77706c79u
#define IPC_FDS_MAX   3u
#define IPC_RUN_DIR   "/run/polyward"
#define IPC_SOCKET    "control"        /* in the run directory */

struct ipc_head {
	uint32_t magic;
	uint32_t schema;      /* ipc_schema(): another build of the table is refused */
	uint32_t type;        /* enum msg_type */
	uint32_t len_bytes;   /* of the body */
};
_Static_assert(sizeof(struct ipc_head) == 16, "struct ipc_head crosses processes");

struct ipc_msg {
	enum msg_type type;
	union msg_any body;
	int fds[IPC_FDS_MAX];  /* owned; take_fd() what is kept */
	unsigned fds_count;
};
#define IPC_MSG_INIT { .fds = { -1, -1, -1 } }
#define _msg_ __attribute__((cleanup(ipc_msg_done)))
void ipc_msg_done(struct ipc_msg *m); /* closes what was not taken */

/* Hash of every row of the table: names, sizes, who to whom, descriptors. */
uint32_t ipc_schema(void);
const char *ipc_role_name(enum role r);        /* "polyward-kernel" */
const char *ipc_name(enum msg_type t);         /* "APPLY", or "?" */
/* Would this header be accepted? 0, -EPROTO: other schema, -EBADMSG: unknown type or wrong size, -EPERM: not theirs to say. */
int ipc_check(const struct ipc_head *h, size_t frame_bytes, unsigned fds_count, enum role from, enum role to);

/*
 * Send one message; the descriptors stay the caller's. -EPERM if the table forbids it (a fault of the caller), -EAGAIN when the
 * socket is non-blocking and full, -EPIPE when nobody listens.
 */
int ipc_send(int sock, enum role from, enum role to, enum msg_type type, const void *body, const int *fds);
/* 1: *ret holds a message; 0: the other end is closed; -EAGAIN; or an error of ipc_check(), nothing kept. Never blocks with
 * wait_ms 0; wait_ms -1 waits for ever, -ETIMEDOUT after wait_ms. */
int ipc_recv(int sock, enum role from, enum role to, int wait_ms, struct ipc_msg *ret);

/* Texts. ipc_text() ends a received one; ipc_put() fills one, cutting at its size, NUL-padded. */
const char *ipc_text(char *text, size_t size_bytes);
void ipc_put(char *text, size_t size_bytes, const char *from);

/* listen.c: the socket for clients. Removes a socket that nobody listens on; -EADDRINUSE and a sentence if somebody does. */
int ipc_listen(const char *path, int *ret_fd, struct err *e);
/* A connected client socket. -ENOENT no socket, -ECONNREFUSED nobody behind it, -EACCES. */
int ipc_connect(const char *path, int *ret_fd);

#endif
