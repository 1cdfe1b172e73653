// SPDX-License-Identifier: Apache-2.0
/* Descriptors that root opened before the policy and handed down: every call that takes one. The descriptor says yes; the policy no. */
#include "attack.h"

#include <dirent.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static char bytes[FILE_BYTES];
static struct iovec part = { bytes, sizeof(bytes) };

static int end(const char *what, long n)
{
	got(bytes, n < 0 ? 0 : n);
	return attempt(what, n);
}

static int read_(void)    { return end("read", read(EARLY_READ, bytes, sizeof(bytes))); }
static int pread_(void)   { return end("pread", pread(EARLY_READ, bytes, sizeof(bytes), 512)); }
static int readv_(void)   { return end("readv", readv(EARLY_READ, &part, 1)); }
static int preadv2_(void) { return end("preadv2", preadv2(EARLY_READ, &part, 1, 0, RWF_NOWAIT)); }
static int write_(void)   { return attempt("write", write(EARLY_WRITE, "gone", 4)); }
static int pwrite_(void)  { return attempt("pwrite", pwrite(EARLY_WRITE, "gone", 4, 100)); }
static int append(void)   { return attempt("pwritev2 append", pwritev2(EARLY_WRITE, &part, 1, -1, RWF_APPEND)); }
static int list(void)     { return end("getdents", getdents64(EARLY_DIR, bytes, sizeof(bytes))); }
static int truncate_(void){ return attempt("ftruncate", ftruncate(EARLY_WRITE, 1)); }
static int grow(void)     { return attempt("ftruncate to more", ftruncate(EARLY_WRITE, 100000)); }
static int allocate(void) { return attempt("fallocate", fallocate(EARLY_WRITE, 0, 0, 100000)); }
static int punch(void)    { return attempt("punch", fallocate(EARLY_WRITE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)); }
static int zero(void)     { return attempt("zero", fallocate(EARLY_WRITE, FALLOC_FL_ZERO_RANGE, 0, 4096)); }
static int collapse(void) { return attempt("collapse", fallocate(EARLY_WRITE, FALLOC_FL_COLLAPSE_RANGE, 0, 4096)); }
static int insert(void)   { return attempt("insert", fallocate(EARLY_WRITE, FALLOC_FL_INSERT_RANGE, 4096, 4096)); }
static int mode(void)     { return attempt("fchmod", fchmod(EARLY_WRITE, 0600)); }
static int owner(void)    { return attempt("fchown", fchown(EARLY_WRITE, 1, 1)); }
static int times(void)    { return attempt("futimens", futimens(EARLY_WRITE, (struct timespec[2]){ { 1, 0 }, { 1, 0 } })); }
static int setx(void)     { return attempt("fsetxattr", fsetxattr(EARLY_WRITE, "user.a", "b", 1, 0)); }
static int getx(void)     { return end("fgetxattr", fgetxattr(EARLY_READ, "user.pw", bytes, sizeof(bytes))); }
static int listx(void)    { return end("flistxattr", flistxattr(EARLY_READ, bytes, sizeof(bytes))); }
static int lease(void)    { return attempt("lease", fcntl(EARLY_EXEC, F_SETLEASE, F_RDLCK)); } /* nobody has that one open to write */
static int dnotify(void)  { signal(SIGIO, SIG_IGN); return attempt("F_NOTIFY", fcntl(EARLY_DIR, F_NOTIFY, DN_MODIFY | DN_MULTISHOT)); }
static int advise(void)   { (void)posix_fadvise(EARLY_READ, 0, 0, POSIX_FADV_WILLNEED); (void)readahead(EARLY_READ, 0, 8192); return CAME_TO_NOTHING; }
static int reopen(void)   { return take_path("/proc/self/fd/100"); }
static int reopen_rw(void){ return attempt("reopen to write", open("/proc/self/fd/103", O_RDWR | O_CLOEXEC)); }
static int unlinkat_(void){ return attempt("unlinkat", unlinkat(EARLY_DIR, "secret.txt", 0)); }
static int mkdirat_(void) { return attempt("mkdirat", mkdirat(EARLY_DIR, "x", 0777)); }
static int renameat_(void){ return attempt("renameat", renameat(EARLY_DIR, "secret.txt", AT_FDCWD, SCRATCH "/x")); }
static int fsync_(void)   { return fsync(EARLY_WRITE) ? errno : 0; }

/* Both belong to the open file, which outlives us. */
static int lock(void)
{
	int code = attempt("flock", flock(EARLY_WRITE, LOCK_EX | LOCK_NB));

	need(code || !flock(EARLY_WRITE, LOCK_UN));
	return code;
}

static int record_lock(void)
{
	struct flock l = { .l_type = F_WRLCK };
	int code = attempt("fcntl lock", fcntl(EARLY_WRITE, F_OFD_SETLK, &l));

	l.l_type = F_UNLCK;
	need(code || !fcntl(EARLY_WRITE, F_OFD_SETLK, &l));
	return code;
}

static int openat_(void)
{
	int fd = openat(EARLY_DIR, "secret.txt", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? attempt("openat", fd) : take(fd);
}

static int map(int fd, int prot, int flags)
{
	char *at = mmap(NULL, FILE_BYTES, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		return attempt("mmap", -1);
	if (prot & PROT_WRITE)
		at[0] = 'x';
	else
		got(at, 512);
	return 0;
}

static int map_read(void)    { return map(EARLY_READ, PROT_READ, MAP_SHARED); }
static int map_private(void) { return map(EARLY_READ, PROT_READ, MAP_PRIVATE | MAP_POPULATE); }
static int map_write(void)   { return map(EARLY_WRITE, PROT_READ | PROT_WRITE, MAP_SHARED); }
static int map_exec(void)    { return map(EARLY_READ, PROT_READ | PROT_EXEC, MAP_PRIVATE); }

static int flags(void)
{
	int f = FS_APPEND_FL | FS_EXTENT_FL; /* whoever leaves the second out asks ext4 for another layout, which it may not be able to do */

	return attempt("FS_IOC_SETFLAGS", ioctl(EARLY_WRITE, FS_IOC_SETFLAGS, &f));
}

/* Drop the role's guard on the descriptor: append-only to anywhere, direct. */
static int set_direct(void)
{
	void *page = NULL;
	long n;

	need(!posix_memalign(&page, 4096, 4096));
	if (fcntl(EARLY_READ, F_SETFL, O_DIRECT))
		return attempt("F_SETFL", -1);
	n = read(EARLY_READ, page, 4096);
	got(page, n);
	return attempt("direct read", n);
}

/* A duplicate, in a child that executed another program in between. */
static int cat(void)
{
	need(dup2(EARLY_READ, 0) == 0);
	return run_program((const char *const[]){ "cat", NULL }) ? EACCES : 0;
}

VARIANTS({ "read", read_ }, { "pread", pread_ }, { "readv", readv_ }, { "preadv2", preadv2_ }, { "write", write_ }, { "pwrite", pwrite_ },
	 { "append", append }, { "list", list }, { "truncate", truncate_ }, { "grow", grow }, { "allocate", allocate }, { "punch", punch },
	 { "zero", zero }, { "collapse", collapse }, { "insert", insert }, { "mode", mode }, { "owner", owner }, { "times", times },
	 { "setxattr", setx }, { "getxattr", getx }, { "listxattr", listx }, { "lock", lock }, { "lease", lease }, { "dnotify", dnotify },
	 { "advise", advise }, { "reopen", reopen }, { "reopen_rw", reopen_rw }, { "unlinkat", unlinkat_ }, { "mkdirat", mkdirat_ },
	 { "renameat", renameat_ }, { "fsync", fsync_ }, { "record_lock", record_lock }, { "openat", openat_ }, { "map_read", map_read },
	 { "map_private", map_private }, { "map_write", map_write }, { "map_exec", map_exec }, { "flags", flags }, { "direct", set_direct },
	 { "cat", cat })
