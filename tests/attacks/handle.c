// SPDX-License-Identifier: Apache-2.0
/* File handles: no path is walked, and the file may come without a folder above it. */
#include "attack.h"

#include <sys/mount.h>

union handle { struct file_handle h; char room[sizeof(struct file_handle) + MAX_HANDLE_SZ]; };

static int by_handle(const char *path, int flags)
{
	union handle u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, mount_fd = open(OUTSIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	need(mount_fd >= 0);
	if (name_to_handle_at(AT_FDCWD, path, &u.h, &mount_id, 0))
		return attempt("name_to_handle_at", -1) | 0;
	return open_by_handle_at(mount_fd, &u.h, flags | O_CLOEXEC);
}

static int file(void)
{
	int fd = by_handle(mine(), O_RDONLY);

	return fd < 0 ? attempt("open by handle", fd) : take(fd);
}

static int writing(void)
{
	return attempt("open by handle to write", by_handle(mine(), O_WRONLY));
}

static int path_only(void)
{
	char path[64];
	int fd = by_handle(mine(), O_PATH);

	if (fd < 0)
		return attempt("open by handle", fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return take_path(path);
}

static int dir(void)
{
	char name[32];
	int fd = by_handle(STORE, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return attempt("open by handle", fd);
	snprintf(name, sizeof(name), "of-%d.txt", me());
	fd = openat(fd, name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? attempt("openat", fd) : take(fd);
}

/* As a container's root, who has the capability in its own namespace only; since 6.11 that is enough for some mounts. */
static int in_container(void)
{
	own_namespaces(0);
	return file();
}

/* With nothing of the path in the cache any more. */
static int cold(void)
{
	union handle u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, fd, mount_fd = open(OUTSIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	need(!name_to_handle_at(AT_FDCWD, mine(), &u.h, &mount_id, 0));
	sync();
	(void)put("/proc/sys/vm/drop_caches", "2");
	fd = open_by_handle_at(mount_fd, &u.h, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? attempt("open by handle", fd) : take(fd);
}

VARIANTS({ "file", file }, { "writing", writing }, { "path_only", path_only }, { "dir", dir }, { "in_container", in_container },
	 { "cold", cold })
