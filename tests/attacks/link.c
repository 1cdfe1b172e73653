// SPDX-License-Identifier: Apache-2.0
/* Hard links: a second name outside the store for a file in it, or the reverse, and names given before there was a policy. */
#include "attack.h"

static int out(void)        { return attempt("link out", link(mine(), SCRATCH "/x")); }
static int within(void)     { return attempt("link inside", link(mine(), STORE "/x")); }
static int across(void)     { return attempt("link to the other store", link(mine(), NOTES "/x")); }
static int old_read(void)   { return take_path(OLD_LINK); }
static int old_pair(void)   { return take_path(STORE "/pair-link.txt"); }

static int into(void)
{
	make_file(SCRATCH "/mine", 0666);
	return attempt("link in", link(SCRATCH "/mine", STORE "/x"));
}

static int old_write(void)
{
	int fd = open(OLD_LINK, O_WRONLY | O_CLOEXEC);

	return attempt("write by the old name", fd < 0 ? -1 : write(fd, "gone", 4));
}

static int old_unlink(void)
{
	/* A name outside may go; what it named may not change but for its count, so root keeps a third name. */
	return attempt("rename over the old name", rename(OLD_LINK, STORE "/linked.txt"));
}

static int by_proc(void)
{
	char path[64];
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	need(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return attempt("link /proc/self/fd", linkat(AT_FDCWD, path, AT_FDCWD, SCRATCH "/x", AT_SYMLINK_FOLLOW));
}

static int empty_path(void)
{
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	need(fd >= 0);
	return attempt("link a descriptor", linkat(fd, "", AT_FDCWD, SCRATCH "/x", AT_EMPTY_PATH));
}

static int early(void)
{
	return attempt("link an early descriptor", linkat(AT_FDCWD, "/proc/self/fd/100", AT_FDCWD, SCRATCH "/x", AT_SYMLINK_FOLLOW));
}

VARIANTS({ "out", out }, { "within", within }, { "across", across }, { "old_read", old_read }, { "old_pair", old_pair }, { "into", into },
	 { "old_write", old_write }, { "old_unlink", old_unlink }, { "by_proc", by_proc }, { "empty_path", empty_path }, { "early", early })
