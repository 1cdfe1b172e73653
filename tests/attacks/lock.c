// SPDX-License-Identifier: Apache-2.0
/* Locks and leases by who may read but not write: whoever holds one keeps the others waiting. */
#include "attack.h"

#include <sys/file.h>

static int opened(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? EARLY_READ : fd;
}

static int exclusive(void) { return attempt("flock", flock(opened(), LOCK_EX | LOCK_NB)); }
static int shared(void)    { return attempt("flock shared", flock(opened(), LOCK_SH | LOCK_NB)); }
static int lease_w(void)   { return attempt("write lease", fcntl(opened(), F_SETLEASE, F_WRLCK)); }
static int folder(void)    { return attempt("flock of the store", flock(EARLY_DIR, LOCK_EX | LOCK_NB)); }

static int record(int type, int command)
{
	struct flock l = { .l_type = (short)type, .l_whence = SEEK_SET };
	int code = attempt("record lock", fcntl(EARLY_WRITE, command, &l));

	/* A lock of the open file would outlive us. */
	l.l_type = F_UNLCK;
	need(code || !fcntl(EARLY_WRITE, command, &l));
	return code;
}

static int write_lock(void) { return record(F_WRLCK, F_SETLK); }
static int ofd(void)        { return record(F_WRLCK, F_OFD_SETLK); }
static int read_lock(void)  { return record(F_RDLCK, F_SETLK); }

VARIANTS({ "exclusive", exclusive }, { "shared", shared }, { "lease_w", lease_w }, { "folder", folder }, { "write_lock", write_lock },
	 { "ofd", ofd }, { "read_lock", read_lock })
