/* SPDX-License-Identifier: Apache-2.0 */
/* What the long-lived roles share: the one shape of a start, the sockets to each other, lines for the journal. */
#ifndef ROLES_ROLE_H
#define ROLES_ROLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/ipc.h"
#include "roles/sandboxes.h"

#define ROLE_FAILED 3   /* exit status of a role that cannot go on */

/* Sockets to the others, -1: not there. */
struct peers { int supervisor, kernel, control, audit; };
#define PEERS_INIT { FD_SUPERVISOR, -1, -1, -1 }

/* Descriptors 0 to last_fd must be open, all others are closed; then the sandbox. */
int role_start(const struct sandbox *s, int last_fd, struct err *e);
int role_ready(enum role me, const struct peers *p, struct err *e);
/* Take the socket of a PEER message (instead of an older one). Returns the role at its other end, or -EBADMSG. */
int role_meet(struct peers *p, struct ipc_msg *m);
/* One line on stderr, escaped: "polyward-kernel: text". */
void role_say(enum role me, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int64_t role_now_ms(void);      /* CLOCK_MONOTONIC */
int64_t role_now_utc_s(void);
uint64_t role_now_boot_ns(void);

#endif
