// SPDX-License-Identifier: Apache-2.0
/* Be told of what happens in a store: inotify, fanotify on inodes, mounts and whole filesystems, dnotify. */
#include "attack.h"

#include <sys/fanotify.h>
#include <sys/inotify.h>

static int inotify(const char *path)
{
	int fd = inotify_init1(IN_CLOEXEC);

	need(fd >= 0);
	return attempt("inotify_add_watch", inotify_add_watch(fd, path, IN_ALL_EVENTS));
}

static int file(void) { return inotify(mine()); }
static int dir(void)  { return inotify(STORE); }
static int sub(void)  { return inotify(my_dir()); }

static int fanotify(unsigned int init, unsigned int mark, uint64_t mask, const char *path)
{
	int fd = fanotify_init(init | FAN_CLOEXEC, O_RDONLY);

	if (fd < 0)
		return attempt("fanotify_init", fd);
	return attempt("fanotify_mark", fanotify_mark(fd, FAN_MARK_ADD | mark, mask, AT_FDCWD, path));
}

#define NAMES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO | FAN_ONDIR | FAN_EVENT_ON_CHILD)

static int fan_inode(void)   { return fanotify(0, 0, FAN_OPEN, mine()); }
static int fan_dir(void)     { return fanotify(FAN_REPORT_DFID_NAME, 0, NAMES, STORE); }
static int fan_mount(void)   { return fanotify(FAN_CLASS_NOTIF, FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE_WRITE, OUTSIDE); }
static int fan_fs(void)      { return fanotify(FAN_REPORT_DFID_NAME, FAN_MARK_FILESYSTEM, NAMES, OUTSIDE); }
static int fan_fs_root(void) { return fanotify(FAN_REPORT_DFID_NAME, FAN_MARK_FILESYSTEM, NAMES, "/srv"); }
static int fan_perm(void)    { return fanotify(FAN_CLASS_CONTENT, 0, FAN_OPEN_PERM, mine()); }
static int fan_parent(void)  { return fanotify(FAN_CLASS_NOTIF, 0, FAN_OPEN | FAN_EVENT_ON_CHILD, STORE); }

VARIANTS({ "file", file }, { "dir", dir }, { "sub", sub }, { "fan_inode", fan_inode }, { "fan_dir", fan_dir }, { "fan_mount", fan_mount },
	 { "fan_fs", fan_fs }, { "fan_fs_root", fan_fs_root }, { "fan_perm", fan_perm }, { "fan_parent", fan_parent })
