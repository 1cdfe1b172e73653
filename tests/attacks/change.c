// SPDX-License-Identifier: Apache-2.0
/* Change the size or the blocks of a file, by its name and by descriptors of every kind. */
#include "attack.h"

#include <linux/falloc.h>

static int cut(void)       { return attempt("truncate", truncate(mine(), 1)); }
static int grow(void)      { return attempt("truncate to more", truncate(mine(), 1 << 20)); }
static int open_trunc(void){ return attempt("open O_TRUNC", open(mine(), O_WRONLY | O_TRUNC | O_CLOEXEC)); }
static int read_trunc(void){ return attempt("open O_RDONLY|O_TRUNC", open(mine(), O_RDONLY | O_TRUNC | O_CLOEXEC)); }
static int creat_(void)    { return attempt("creat", creat(mine(), 0666)); }
static int append(void)    { return attempt("open O_APPEND", open(mine(), O_WRONLY | O_APPEND | O_CLOEXEC)); }
static int nowhere(void)   { return attempt("open with access mode 3", open(mine(), 3 | O_CLOEXEC)); }

static int by_proc(void)
{
	char path[64];
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	need(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return attempt("truncate by /proc/self/fd", truncate(path, 1));
}

static int make(void)      { return attempt("create a file", open(STORE "/x", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)); }
static int make_dir(void)  { return attempt("mkdir", mkdir(STORE "/x", 0777)); }
static int make_fifo(void) { return attempt("mkfifo", mkfifo(STORE "/x", 0666)); }
static int remove_(void)   { return attempt("unlink", unlink(mine())); }
static int remove_dir(void){ return attempt("rmdir", rmdir(my_dir())); }

VARIANTS({ "cut", cut }, { "grow", grow }, { "open_trunc", open_trunc }, { "read_trunc", read_trunc }, { "creat", creat_ },
	 { "append", append }, { "nowhere", nowhere }, { "by_proc", by_proc }, { "make", make }, { "make_dir", make_dir },
	 { "make_fifo", make_fifo }, { "remove", remove_ }, { "remove_dir", remove_dir })
