/* SPDX-License-Identifier: Apache-2.0 */
/* The directories of a log of a case's own, in a place of its own: _dirs_ struct dirs d = dirs_make(DIRS_SIGNED). */
#ifndef DIRS_H
#define DIRS_H

#include <errno.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "place.h"

enum dirs_how { DIRS_PLAIN, DIRS_SEALED, DIRS_SIGNED }; /* records alone; and keys of sealed fields; and a key that signs */
struct dirs { struct place place; int dir_fd, keys_fd, signer_fd; }; /* -1: has none */

static int dirs_sub(const struct place *p, const char *name)
{
	(void)mkdirat(p->fd, name, 0755);
	return openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline struct dirs dirs_make(enum dirs_how how)
{
	struct dirs d = { .place = place_make(), .keys_fd = -1, .signer_fd = -1 };

	d.dir_fd = dirs_sub(&d.place, "records");
	if (how >= DIRS_SEALED)
		d.keys_fd = dirs_sub(&d.place, "keys");
	if (how >= DIRS_SIGNED)
		d.signer_fd = dirs_sub(&d.place, "signer");
	return d;
}

static inline void dirs_free(struct dirs *d)
{
	const int fds[] = { d->dir_fd, d->keys_fd, d->signer_fd };

	for (size_t i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	place_free(&d->place);
}
#define _dirs_ __attribute__((cleanup(dirs_free)))

/* A descriptor of the same directory that somebody else may take over. */
static inline int again(int fd)
{
	return fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static inline int dirs_read_file(int dir_fd, const char *name, struct buf *ret)
{
	ret->len_bytes = 0;
	return fd_read_file(dir_fd, name, 64u << 20, ret);
}

static inline int dirs_write_file(int dir_fd, const char *name, const void *bytes, size_t len_bytes)
{
	_fd_ int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd_write_all(fd, bytes, len_bytes);
}

static inline int dirs_open(const struct dirs *d, struct audit_log **ret, struct err *e)
{
	const struct audit_dirs dirs = { again(d->dir_fd), again(d->keys_fd), again(d->signer_fd) };
	uint64_t cut_bytes;

	return audit_open_signed(&dirs, ret, &cut_bytes, e);
}

#endif
