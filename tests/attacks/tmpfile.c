// SPDX-License-Identifier: Apache-2.0
/* Files without a name: made in the store, or made outside and given a name in it. */
#include "attack.h"

static int name_it(int fd, const char *to)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return attempt("give it a name", linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
}

static int inside(void)
{
	return attempt("O_TMPFILE in the store", open(STORE, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666));
}

static int into(void)
{
	int fd = open(SCRATCH, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);

	need(fd >= 0);
	return name_it(fd, STORE "/x");
}

static int out(void)
{
	int fd = open(STORE, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);

	if (fd < 0)
		return attempt("O_TMPFILE in the store", fd);
	return name_it(fd, SCRATCH "/x");
}

VARIANTS({ "inside", inside }, { "into", into }, { "out", out })
