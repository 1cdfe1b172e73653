// SPDX-License-Identifier: Apache-2.0
/* Shared extents: clone a stored file out or over one, and find out its contents by asking whether they equal one's own. */
#include "attack.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

#define PLACE "/srv/xfs/outside/x"

static int outside(int flags)
{
	int fd;

	if (access(CLONES, F_OK))
		not_here("no filesystem that can clone");
	unlink(PLACE);
	fd = open(PLACE, O_RDWR | O_CREAT | flags | O_CLOEXEC, 0666);
	need(fd >= 0);
	return fd;
}

static int leave(int code)
{
	char bytes[512];
	int fd = open(PLACE, O_RDONLY | O_CLOEXEC);

	got(bytes, fd < 0 ? 0 : read(fd, bytes, sizeof(bytes)));
	unlink(PLACE);
	return code;
}

static int out(void)
{
	int to = outside(0);

	return leave(attempt("FICLONE out", ioctl(to, FICLONE, EARLY_CLONE)));
}

static int out_range(void)
{
	struct file_clone_range r = { .src_fd = EARLY_CLONE, .src_length = 4096 };
	int to = outside(0);

	return leave(attempt("FICLONERANGE out", ioctl(to, FICLONERANGE, &r)));
}

static int in(void)
{
	int from = outside(0);

	need(!ftruncate(from, FILE_BYTES));
	return leave(attempt("FICLONE in", ioctl(EARLY_CLONE, FICLONE, from)));
}

static int dedupe(int from, int to)
{
	union { struct file_dedupe_range r; char room[128]; } u = { .r = { .src_length = 4096, .dest_count = 1 } };

	u.r.info[0].dest_fd = to;
	if (ioctl(from, FIDEDUPERANGE, &u.r))
		return leave(attempt("FIDEDUPERANGE", -1));
	if (u.r.info[0].status < 0)
		return leave(attempt("FIDEDUPERANGE", (errno = -u.r.info[0].status, -1)));
	say("the contents %s", u.r.info[0].status ? "differ" : "are the same");
	return leave(0);
}

static int guess(void)
{
	int from = outside(0);

	need(!ftruncate(from, FILE_BYTES));
	return dedupe(from, EARLY_CLONE);
}

static int guess_other(void)
{
	int to = outside(0);

	need(!ftruncate(to, FILE_BYTES));
	return dedupe(EARLY_CLONE, to);
}

static int copy(void)
{
	int to = outside(0);

	return leave(attempt("copy_file_range out", copy_file_range(EARLY_CLONE, &(off_t){ 0 }, to, &(off_t){ 0 }, 4096, 0)));
}

/* On ext4, which knows no clones. */
static int ext4(void)
{
	int to = open(SCRATCH "/x", O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	need(to >= 0);
	return attempt("FICLONE on ext4", ioctl(to, FICLONE, EARLY_READ));
}

VARIANTS({ "out", out }, { "out_range", out_range }, { "in", in }, { "guess", guess }, { "guess_other", guess_other }, { "copy", copy },
	 { "ext4", ext4 })
