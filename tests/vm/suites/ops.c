// SPDX-License-Identifier: Apache-2.0
/* The operations: each does one thing to a path (or two, or an open file) and returns the errno that it got, or 0. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"

static int end(long rc)
{
	return rc < 0 ? errno : 0;
}

static int open_end(const char *path, int flags)
{
	_fd_ int fd = open(path, flags | O_CLOEXEC, 0666);

	return end(fd);
}

OP(read)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);
	char byte[16];

	return fd < 0 ? errno : end(read(fd, byte, sizeof(byte)));
}

OP(write)
{
	_fd_ int fd = open(arg, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : end(write(fd, "x", 1));
}

OP(readwrite) { return open_end(arg, O_RDWR); }
OP(trunc)     { return open_end(arg, O_WRONLY | O_TRUNC); }
OP(create)    { return open_end(arg, O_WRONLY | O_CREAT | O_EXCL); }

OP(list)
{
	_fd_ int fd = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char entries[4096];

	return fd < 0 ? errno : end(syscall(SYS_getdents64, fd, entries, sizeof(entries)));
}

OP(stat)
{
	struct stat st;

	return end(stat(arg, &st));
}

OP(pread_fd)
{
	char byte[16];

	return end(pread(*(const int *)arg, byte, sizeof(byte), 0));
}

OP(pwrite_fd)
{
	return end(pwrite(*(const int *)arg, "x", 1, 0));
}

static int map(int fd, int prot, int flags)
{
	void *at = mmap(NULL, 4096, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		return errno;
	munmap(at, 4096);
	return 0;
}

OP(mmap_read)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : map(fd, PROT_READ, MAP_PRIVATE);
}

OP(mmap_read_fd)
{
	return map(*(const int *)arg, PROT_READ, MAP_PRIVATE);
}

OP(mmap_exec)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : map(fd, PROT_READ | PROT_EXEC, MAP_PRIVATE);
}

OP(mmap_write)
{
	return map(*(const int *)arg, PROT_READ | PROT_WRITE, MAP_SHARED);
}

OP(mprotect_exec_fd)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, *(const int *)arg, 0);

	if (at == MAP_FAILED)
		return 200;
	return end(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

/* arg: one end of a socket pair that a descriptor waits in. */
OP(receive)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	int fd;

	if (recvmsg(*(const int *)arg, &msg, 0) != 1)
		return errno;
	c = CMSG_FIRSTHDR(&msg);
	/* The kernel hands over what it may and cuts the rest. */
	if (!c || (msg.msg_flags & MSG_CTRUNC))
		return EACCES;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	close(fd);
	return 0;
}

OP(fiemap)
{
	struct fiemap map_of = { .fm_length = 4096 };

	return end(ioctl(*(const int *)arg, FS_IOC_FIEMAP, &map_of));
}

OP(getflags)
{
	int flags;

	return end(ioctl(*(const int *)arg, FS_IOC_GETFLAGS, &flags));
}

OP(setflags)
{
	int flags = FS_NOATIME_FL;

	return end(ioctl(*(const int *)arg, FS_IOC_SETFLAGS, &flags));
}

OP(unknown_ioctl)
{
	return end(ioctl(*(const int *)arg, 0x7a01, 0));
}

OP(isatty_fd)
{
	return isatty(*(const int *)arg) || errno == ENOTTY ? 0 : errno;
}

OP(lock_shared) { return end(flock(*(const int *)arg, LOCK_SH | LOCK_NB)); }
OP(lock_excl)   { return end(flock(*(const int *)arg, LOCK_EX | LOCK_NB)); }

OP(watch)
{
	_fd_ int fd = inotify_init1(IN_CLOEXEC);

	return end(inotify_add_watch(fd, arg, IN_ALL_EVENTS));
}

OP(mkfifo)  { return end(mkfifo(arg, 0666)); }
OP(mkdir)   { return end(mkdir(arg, 0777)); }
OP(symlink) { return end(symlink("there", arg)); }
OP(unlink)  { return end(unlink(arg)); }
OP(rmdir)   { return end(rmdir(arg)); }
OP(chmod)   { return end(chmod(arg, 0600)); }
OP(chown)   { return end(chown(arg, (uid_t)-1, (gid_t)-1) || chown(arg, getuid(), (gid_t)-1) ? -1 : 0); }
OP(utimes)  { return end(utimes(arg, NULL)); }
OP(truncate) { return end(truncate(arg, 1)); }
OP(setxattr) { return end(setxattr(arg, "user.a", "1", 1, 0)); }
OP(rmxattr) { return end(removexattr(arg, "user.pw")); }
/* A propagation flag does not make a bind mount less of one. */
OP(mount_bind) { return end(mount("/srv/out", arg, NULL, MS_BIND | MS_PRIVATE, NULL)); }
OP(mount_tmpfs) { return end(mount("none", arg, "tmpfs", 0, NULL)); }

OP(readlink)
{
	char to[64];

	return end(readlink(arg, to, sizeof(to)));
}

OP(getxattr)
{
	char value[16];

	return end(getxattr(arg, "user.pw", value, sizeof(value)));
}

OP(listxattr)
{
	char names[256];

	return end(listxattr(arg, names, sizeof(names)));
}

/* A minimal access control list in its on-disk form: version 2, owner, group, mask, others. */
OP(setacl)
{
	static const uint8_t acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0,
				       255, 255, 255, 255 };

	return end(setxattr(arg, "system.posix_acl_access", acl, sizeof(acl), 0));
}

OP(link)
{
	const struct two *t = arg;

	return end(link(t->a, t->b));
}

OP(rename)
{
	const struct two *t = arg;

	return end(rename(t->a, t->b));
}

OP(exchange)
{
	const struct two *t = arg;

	return end(renameat2(AT_FDCWD, t->a, AT_FDCWD, t->b, RENAME_EXCHANGE));
}

/* The operation's own process becomes the program, which must end with 0. */
OP(exec)
{
	execl(arg, arg, (char *)NULL);
	return errno;
}

OP(move_mount)
{
	_fd_ int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/run", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);

	if (tree < 0)
		return 202;
	return end(syscall(SYS_move_mount, tree, "", AT_FDCWD, arg, 4 /* MOVE_MOUNT_F_EMPTY_PATH */));
}

/* A file without a name in directory a gets the name b. */
OP(tmpfile_link)
{
	const struct two *t = arg;
	_fd_ int fd = open(t->a, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	char from[64];

	if (fd < 0)
		return errno;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return end(linkat(AT_FDCWD, from, AT_FDCWD, t->b, AT_SYMLINK_FOLLOW));
}

OP(by_handle)
{
	union { struct file_handle h; char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u = { .h.handle_bytes = MAX_HANDLE_SZ };
	_fd_ int mnt = open("/srv", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	int id;
	char byte;

	if (name_to_handle_at(AT_FDCWD, arg, &u.h, &id, 0))
		return 203;
	fd = open_by_handle_at(mnt, &u.h, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : end(read(fd, &byte, 1));
}

OP(proc_reopen)
{
	_fd_ int path = open(arg, O_PATH | O_CLOEXEC);
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", path);
	return open_end(link, O_RDONLY);
}

/* In a user namespace of one's own, through a detached copy of the mount: no mount hook sees it. arg.a: directory, arg.b: below it. */
OP(detached_tree)
{
	const struct two *t = arg;
	_fd_ int tree = -1, fd = -1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return 204;
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, t->a, 1 | O_CLOEXEC);
	if (tree < 0)
		return 205;
	fd = openat(tree, t->b, O_RDONLY | O_CLOEXEC);
	return end(fd);
}

OP(chroot_read)
{
	const struct two *t = arg;

	if (chroot(t->a) || chdir("/"))
		return 206;
	return op_read(t->b);
}
