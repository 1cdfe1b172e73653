// SPDX-License-Identifier: Apache-2.0
/*
 * Operations that are more than one call: run a small static program, connect over loopback and over a socket in the file system,
 * unpack an archive with a busybox and read what was in it. Must never be kinder to one system than to another.
 */
#include "ops.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PROGRAM "nop"
#define SOCKET  "socket"
#define IMAGES  "images"
#define BACKLOG 16

/* 0 if this child ended with 0. */
static int await(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int copy_program(const char *from)
{
	_fd_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_fd_ int out = open(PROGRAM, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return -errno;
	return sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size ? 0 : -EIO;
}

static int listen_local(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unlink(SOCKET);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return fd;
}

static int listen_tcp(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)at, &len) < 0)
		return -errno;
	return fd;
}

int ops_more_prepare(struct bench *b, const char *program)
{
	int r = copy_program(program);

	if (r < 0)
		return r;
	b->local = listen_local();
	b->tcp = listen_tcp(&b->at);
	return b->local < 0 ? b->local : b->tcp < 0 ? b->tcp : 0;
}

bool op_fork(struct bench *b, uint64_t n)
{
	pid_t pid = fork();

	(void)b;
	(void)n;
	if (!pid)
		_exit(0);
	errno = -await(pid);
	return errno == 0;
}

bool op_exec(struct bench *b, uint64_t n)
{
	pid_t pid = fork();

	(void)b;
	(void)n;
	if (!pid) {
		execl("./" PROGRAM, PROGRAM, (char *)NULL);
		_exit(127);
	}
	errno = -await(pid);
	return errno == 0;
}

/* Connect, accept, hang up. A reset instead of a farewell, or ports run out. */
static bool connect_once(int family, int listener, const struct sockaddr *to, socklen_t len)
{
	const struct linger at_once = { 1, 0 };
	_fd_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_fd_ int met = -1;

	if (fd < 0 || connect(fd, to, len) < 0)
		return false;
	met = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return met >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0;
}

bool op_connect_tcp(struct bench *b, uint64_t n)
{
	(void)n;
	return connect_once(AF_INET, b->tcp, (const struct sockaddr *)&b->at, sizeof(b->at));
}

bool op_connect_unix(struct bench *b, uint64_t n)
{
	static const struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = SOCKET };

	(void)n;
	return connect_once(AF_UNIX, b->local, (const struct sockaddr *)&un, sizeof(un));
}

static int read_one(int dir_fd, const char *name)
{
	_fd_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	char block[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, block, sizeof(block))) > 0)
		;
	return n < 0 ? -errno : 0;
}

static int remove_one(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : 0;
}

/* Do this to every file in the folder. Returns their number or -errno. */
static int each(const char *path, int (*what)(int dir_fd, const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int files = 0, r = 0;

	if (!dir)
		return -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		r = what(dirfd(dir), entry->d_name);
		files++;
	}
	closedir(dir);
	return r < 0 ? r : files;
}

int ops_images(const char *archive, const char *busybox)
{
	pid_t pid = fork();
	int r;

	if (!pid) {
		execl(busybox, "tar", "-xf", archive, (char *)NULL);
		_exit(127);
	}
	r = await(pid);
	return r < 0 ? r : each(IMAGES, read_one);
}

int ops_images_remove(void)
{
	int r = each(IMAGES, remove_one);

	return r < 0 ? r : rmdir(IMAGES) < 0 ? -errno : 0;
}
