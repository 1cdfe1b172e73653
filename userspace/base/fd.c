/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes; a short write that is taken for a whole one is how policies get cut in half. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

int fd_write_all(int fd, const void *bytes, size_t len_bytes)
{
	const char *p = bytes;

	while (len_bytes) {
		ssize_t n = write(fd, p, len_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC; /* no progress is no reason to try for ever */
		p += n;
		len_bytes -= (size_t)n;
	}
	return 0;
}

int fd_read_all(int fd, void *bytes, size_t len_bytes)
{
	char *p = bytes;

	while (len_bytes) {
		ssize_t n = read(fd, p, len_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		len_bytes -= (size_t)n;
	}
	return 0;
}

int fd_read_file(int dir_fd, const char *name, size_t max_bytes, struct buf *ret)
{
	_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char chunk[8192];

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			buf_add(ret, "", 0); /* an empty file is an empty text too */
			return ret->failed ? -ENOMEM : 0;
		}
		if (ret->len_bytes + (size_t)n > max_bytes)
			return -EFBIG;
		buf_add(ret, chunk, (size_t)n);
	}
}

int fd_replace_file(int dir_fd, const char *name, const void *bytes, size_t len_bytes, mode_t mode)
{
	char beside[256];
	int r;

	if (snprintf(beside, sizeof(beside), ".%s.new", name) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	{
		_fd_ int fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

		if (fd < 0)
			return -errno;
		r = fd_write_all(fd, bytes, len_bytes);
		if (r == 0 && fsync(fd) < 0)
			r = -errno;
	}
	if (r == 0 && renameat(dir_fd, beside, dir_fd, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, beside, 0);
		return r;
	}
	return fsync(dir_fd) < 0 ? -errno : 0;
}

int fd_replace_path(const char *path, const void *bytes, size_t len_bytes, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	_free_ char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	_fd_ int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return folder ? -errno : -ENOMEM;
	return fd_replace_file(fd, slash ? slash + 1 : path, bytes, len_bytes, mode);
}

int fd_sealed(const char *name, const void *bytes, size_t len_bytes, int *ret_fd)
{
	_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, bytes, len_bytes);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}
