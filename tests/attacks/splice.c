// SPDX-License-Identifier: Apache-2.0
/* Contents moved by the kernel, in both directions: splice, tee, vmsplice, sendfile, copy_file_range. */
#include "attack.h"

#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int drain(const char *what, long n, int from)
{
	char bytes[4096];

	if (n > 0)
		got(bytes, read(from, bytes, sizeof(bytes)));
	return attempt(what, n);
}

static int fresh(void)
{
	int fd = open(SCRATCH "/x", O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	need(fd >= 0 && write(fd, "nothing of value, at all", 24) == 24 && !lseek(fd, 0, SEEK_SET));
	return fd;
}

static int splice_out(void)
{
	int p[2];

	need(!pipe(p));
	return drain("splice out", splice(EARLY_READ, NULL, p[1], NULL, 4096, 0), p[0]);
}

static int splice_in(void)
{
	int p[2];

	need(!pipe(p) && write(p[1], "gone", 4) == 4);
	return attempt("splice in", splice(p[0], NULL, EARLY_WRITE, NULL, 4, 0));
}

static int tee_in(void)
{
	int p[2], q[2];

	need(!pipe(p) && !pipe(q) && write(p[1], "gone", 4) == 4 && tee(p[0], q[1], 4, 0) == 4);
	return attempt("splice what was teed", splice(q[0], NULL, EARLY_WRITE, &(off_t){ 10 }, 4, SPLICE_F_MOVE));
}

static int vmsplice_in(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iovec part = { page, 4096 };
	int p[2];

	need(!pipe(p) && vmsplice(p[1], &part, 1, SPLICE_F_GIFT) == 4096);
	return attempt("splice gifted pages", splice(p[0], NULL, EARLY_WRITE, NULL, 4096, SPLICE_F_MOVE));
}

static int sendfile_out(void)
{
	int s[2];

	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	return drain("sendfile to a socket", sendfile(s[0], EARLY_READ, &(off_t){ 0 }, 4096), s[1]);
}

static int sendfile_file(void) { return attempt("sendfile to a file", sendfile(fresh(), EARLY_READ, &(off_t){ 0 }, 4096)); }
static int sendfile_in(void)   { return attempt("sendfile in", sendfile(EARLY_WRITE, fresh(), &(off_t){ 0 }, 16)); }
static int copy_out(void)      { return attempt("copy_file_range out", copy_file_range(EARLY_READ, &(off_t){ 0 }, fresh(), &(off_t){ 0 }, 4096, 0)); }
static int copy_in(void)       { return attempt("copy_file_range in", copy_file_range(fresh(), &(off_t){ 0 }, EARLY_WRITE, &(off_t){ 0 }, 16, 0)); }

/* By who may read: into another stored file, which is writing. */
static int copy_within(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	return attempt("copy_file_range inside", copy_file_range(fd, &(off_t){ 0 }, EARLY_WRITE, &(off_t){ 4096 }, 4096, 0));
}

VARIANTS({ "splice_out", splice_out }, { "splice_in", splice_in }, { "tee_in", tee_in }, { "vmsplice_in", vmsplice_in },
	 { "sendfile_out", sendfile_out }, { "sendfile_file", sendfile_file }, { "sendfile_in", sendfile_in }, { "copy_out", copy_out },
	 { "copy_in", copy_in }, { "copy_within", copy_within })
