/* SPDX-License-Identifier: Apache-2.0 */
/* The socket for clients: make it, or find it. Never takes a name from somebody who is listening on it. */
#include "ipc/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path));
	return 0;
}

int ipc_connect(const char *path, int *ret_fd)
{
	_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int r = address(path, &a);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* 0: the name is free now. */
static int make_way(const char *path, struct err *e)
{
	_fd_ int fd = -1;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_say(e, -EEXIST, "%s is there and is not a socket; move it away", path);
	r = ipc_connect(path, &fd);
	if (r == 0 || r == -EAGAIN || r == -EPROTOTYPE)
		return err_say(e, -EADDRINUSE, "somebody else is listening on %s; stop that program first", path);
	if (r != -ECONNREFUSED)
		return err_set(e, r, "%s is there and does not say whether it is in use", path);
	return unlink(path) < 0 ? err_set(e, -errno, "remove the stale socket %s", path) : 0;
}

int ipc_listen(const char *path, int *ret_fd, struct err *e)
{
	_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a;
	int r = address(path, &a);

	if (r < 0)
		return err_set(e, r, "%s", path);
	if (fd < 0)
		return err_set(e, -errno, "socket");
	r = make_way(path, e);
	if (r < 0)
		return r;
	/* Everybody may connect; who may do what is decided on the caller's credentials, message by message. */
	if (bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || chmod(path, 0666) < 0 || listen(fd, 32) < 0)
		return err_set(e, -errno, "listen on %s", path);
	*ret_fd = take_fd(fd);
	return 0;
}
