// SPDX-License-Identifier: Apache-2.0
/* System calls of the last years, each a further door to something old: attributes, mounts with other owners, exchanged contents. */
#include "attack.h"

#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* asm/unistd_64.h of kernels newer than the headers */
enum { NR_CACHESTAT = 451, NR_FCHMODAT2 = 452, NR_GETXATTRAT = 464, NR_LISTXATTRAT = 465, NR_REMOVEXATTRAT = 466, NR_OPEN_TREE_ATTR = 467,
       NR_FILE_GETATTR = 468 };

/* Of a kernel that does not know the call nobody is asked. */
static long known(long rc)
{
	if (rc < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		not_here("this kernel has no such call");
	return rc;
}

static int chmod2(void) { return attempt("fchmodat2", known(syscall(NR_FCHMODAT2, AT_FDCWD, mine(), 0600, AT_SYMLINK_NOFOLLOW))); }

static int getxattr_(void)
{
	char value[64] = { 0 };
	struct { uint64_t value; uint32_t size, flags; } args = { (uint64_t)(uintptr_t)value, sizeof(value), 0 };
	long n = known(syscall(NR_GETXATTRAT, AT_FDCWD, mine(), 0, "user.pw", &args, sizeof(args)));

	got(value, n);
	return attempt("getxattrat", n);
}

static int listxattr_(void)
{
	char names[256];

	return attempt("listxattrat", known(syscall(NR_LISTXATTRAT, AT_FDCWD, mine(), 0, names, sizeof(names))));
}

static int removexattr_(void) { return attempt("removexattrat", known(syscall(NR_REMOVEXATTRAT, AT_FDCWD, mine(), 0, "user.pw"))); }

static int file_getattr(void)
{
	uint64_t room[8];

	return attempt("file_getattr", known(syscall(NR_FILE_GETATTR, AT_FDCWD, mine(), room, 24, 0)));
}

static int cachestat(void)
{
	uint64_t range[2] = { 0, 0 }, stat[5];

	return attempt("cachestat", known(syscall(NR_CACHESTAT, EARLY_READ, range, stat, 0)));
}

/* A user namespace in which we are root and everybody else. */
static int their_users(void)
{
	char path[64], map[32];
	int ends[2], pid, fd;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		need(!unshare(CLONE_NEWUSER) && write(ends[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	need(read(ends[0], map, 1) == 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	need(!put(path, "0 0 65536"));
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	need(!put(path, "0 0 65536"));
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	kill(pid, SIGKILL);
	return fd;
}

static int below(int tree, const char *folder)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%sof-%d.txt", folder, me());
	fd = openat(tree, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? attempt("open", fd) : take(fd);
}

static int idmapped(void)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned int)their_users() };
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, STORE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	need(tree >= 0 && !syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &a, sizeof(a)));
	return below(tree, "");
}

static int tree_attr(void)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned int)their_users() };
	int tree = (int)known(syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, STORE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, &a, sizeof(a)));

	need(tree >= 0);
	return below(tree, "");
}

/* The disk once more, by the calls in which nothing is mounted until the end: newer kernels give the filesystem that is there already. */
static int by_context(void)
{
	int fs = (int)syscall(SYS_fsopen, "ext4", 0), mnt;

	need(fs >= 0 && !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", DISK, 0));
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return attempt("create", -1);
	mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
	need(mnt >= 0);
	return below(mnt, "ai/scans/");
}

/* XFS since 6.10 and 6.12: contents change places with a file of ours. The command is given to ours. */
struct exchange { int32_t fd; uint32_t pad; uint64_t offset[2], length, flags; };
struct commit { int32_t fd; uint32_t pad; uint64_t offset[2], length, flags, freshness[6]; };

static int exchanged(unsigned long start, unsigned long cmd, void *arg)
{
	int fd = open("/srv/xfs/outside/mine", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	char some[FILE_BYTES] = "of no value";
	int code = 0;

	if (fd < 0)
		not_here("no xfs: %m");
	need(write(fd, some, sizeof(some)) == sizeof(some));
	if (start)
		code = attempt("note how ours is", known(ioctl(fd, start, arg)));
	if (!code)
		code = attempt("exchange", known(ioctl(fd, cmd, arg)));
	lseek(fd, 0, SEEK_SET);
	if (!code)
		take(fd);
	unlink("/srv/xfs/outside/mine");
	return code;
}

static int exchange(void)
{
	struct exchange x = { .fd = EARLY_CLONE, .length = FILE_BYTES };

	return exchanged(0, _IOW('X', 129, struct exchange), &x);
}

static int commit(void)
{
	struct commit x = { .fd = EARLY_CLONE, .length = FILE_BYTES };

	return exchanged(_IOR('X', 130, struct commit), _IOW('X', 131, struct commit), &x);
}

VARIANTS({ "chmod2", chmod2 }, { "getxattr", getxattr_ }, { "listxattr", listxattr_ }, { "removexattr", removexattr_ },
	 { "file_getattr", file_getattr }, { "cachestat", cachestat }, { "idmapped", idmapped }, { "tree_attr", tree_attr },
	 { "by_context", by_context }, { "exchange", exchange }, { "commit", commit })
