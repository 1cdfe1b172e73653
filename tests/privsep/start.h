/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the built roles as polywardd does: each with its descriptors from 3 on. Shared by the programs of this folder. Leaves one
 * descriptor too many open on purpose: a role has to close what it was not meant to have.
 */
#ifndef PRIVSEP_START_H
#define PRIVSEP_START_H

#include <stdbool.h>
#include <sys/types.h>

#include "roles/role.h"

struct run { const char *libexec; int number, failed; };

/* A directory of its own, open for everybody, with a socket that somebody listens on. */
struct place { char dir[64], socket[80]; int dir_fd, listen_fd; };
bool place_make(struct place *p);
void place_remove(struct place *p);

void told(struct run *t, bool good, const char *who, const char *what);

/* The role with fds as descriptors 3, 4, ... and these words behind its name. traced: it stops, to be traced, before it runs. */
#define START_FDS_MAX 8
pid_t start(const struct run *t, const char *name, const char *const *more, const int *fds, size_t count, bool traced);
/* A long-lived role with a socket to us in *ret_sock, in its loop. -1: it did not say that it is ready. */
pid_t start_role(const struct run *t, const struct place *p, const struct sandbox *s, enum role role, int *ret_sock);
/* Its wait status; -1: it did not end within 10 s and was killed. */
int ended(pid_t pid);
/* Send a frame of this type with the right length and descriptors, whether or not the table lets `from` say it to anybody. */
bool send_any(int sock, enum msg_type type);
/* May `from` say this to `to`? Asked of the table itself. */
bool in_row(enum msg_type type, enum role from, enum role to);

#endif
