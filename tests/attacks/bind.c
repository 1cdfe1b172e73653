// SPDX-License-Identifier: Apache-2.0
/* The same file under another path: bind mounts, detached trees, a changed root. An unprivileged user does it in namespaces of its own. */
#include "attack.h"

#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

static const char *leaf(void)
{
	static char name[32];

	snprintf(name, sizeof(name), "of-%d.txt", me());
	return name;
}

static int at(int dir)
{
	int fd = openat(dir, leaf(), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? attempt("openat", fd) : take(fd);
}

static int below(const char *folder)
{
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

	need(dir >= 0);
	return at(dir);
}

static int dir(void)
{
	own_namespaces(0);
	need(!mkdir(SCRATCH "/m", 0777));
	need(!mount(STORE, SCRATCH "/m", NULL, MS_BIND, NULL));
	return below(SCRATCH "/m");
}

static int file(void)
{
	own_namespaces(0);
	make_file(SCRATCH "/f", 0666);
	need(!mount(mine(), SCRATCH "/f", NULL, MS_BIND, NULL));
	return take_path(SCRATCH "/f");
}

static int whole(void)
{
	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/m", 0777));
	need(!mount("/", SCRATCH2 "/m", NULL, MS_BIND | MS_REC, NULL));
	return below(SCRATCH2 "/m" STORE);
}

static int tree(void)
{
	int fd;

	own_namespaces(0);
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, STORE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	need(fd >= 0);
	return at(fd);
}

static int tree_moved(void)
{
	int fd;

	own_namespaces(0);
	need(!mkdir(SCRATCH "/m", 0777));
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, STORE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	need(fd >= 0);
	need(!syscall(SYS_move_mount, fd, "", AT_FDCWD, SCRATCH "/m", MOVE_MOUNT_F_EMPTY_PATH));
	return below(SCRATCH "/m");
}

static int tree_chroot(void)
{
	int fd;

	own_namespaces(0);
	fd = (int)syscall(SYS_open_tree, AT_FDCWD, STORE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	need(fd >= 0 && !fchdir(fd) && !chroot("."));
	return take_path(leaf());
}

static int change_root(void)
{
	own_namespaces(0);
	need(!chroot(STORE) && !chdir("/"));
	return take_path(leaf());
}

static int pivot(void)
{
	own_namespaces(0);
	need(!mkdir(SCRATCH "/m", 0777));
	need(!mount(STORE, SCRATCH "/m", NULL, MS_BIND, NULL) && !chdir(SCRATCH "/m"));
	need(!syscall(SYS_pivot_root, ".", "."));
	return take_path(leaf());
}

static int by_fd(void)
{
	char path[64];
	int fd;

	own_namespaces(0);
	fd = open(mine(), O_PATH | O_CLOEXEC);
	make_file(SCRATCH "/f", 0666);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	need(!mount(path, SCRATCH "/f", NULL, MS_BIND, NULL));
	return take_path(SCRATCH "/f");
}

static int write_bound(void)
{
	int fd;

	own_namespaces(0);
	make_file(SCRATCH "/f", 0666);
	need(!mount(mine(), SCRATCH "/f", NULL, MS_BIND, NULL));
	fd = open(SCRATCH "/f", O_WRONLY | O_TRUNC | O_CLOEXEC);
	return attempt("write by a bound name", fd);
}

VARIANTS({ "dir", dir }, { "file", file }, { "whole", whole }, { "tree", tree }, { "tree_moved", tree_moved },
	 { "tree_chroot", tree_chroot }, { "change_root", change_root }, { "pivot", pivot }, { "by_fd", by_fd }, { "write_bound", write_bound })
