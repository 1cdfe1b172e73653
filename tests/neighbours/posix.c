/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a filesystem behave as ever? Some hundred cases about names, contents, attributes, locks and watches, each a line on stdout; what
 * is no line of a case begins with '#'. Must never depend on polyward: the first run is without it.
 * Usage: posix DIR BESIDE OTHER    DIR: where to work; BESIDE: on the same filesystem; OTHER: on another one
 */
#include "check.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	void (*run)(struct check *c);
} groups[] = {
	{ "open", check_open }, { "create", check_create }, { "link", check_link }, { "unlink", check_unlink },
	{ "rename", check_rename }, { "exchange", check_exchange }, { "symlink", check_symlink }, { "mkdir", check_mkdir },
	{ "names", check_names }, { "mode", check_mode }, { "owner", check_owner }, { "times", check_times },
	{ "sticky", check_sticky }, { "setgid", check_setgid }, { "xattr", check_xattr }, { "acl", check_acl },
	{ "rw", check_rw }, { "truncate", check_truncate }, { "fallocate", check_fallocate }, { "mmap", check_mmap },
	{ "copy", check_copy }, { "tmpfile", check_tmpfile }, { "orphan", check_orphan }, { "reopen", check_reopen },
	{ "record-locks", check_record_locks }, { "flock", check_flock }, { "lease", check_lease }, { "inotify", check_inotify },
	{ "readdir", check_readdir }, { "fifo", check_fifo }, { "socket", check_socket }, { "device", check_device },
	{ "exec", check_exec }, { "aio", check_aio }, { "uring", check_uring }, { "deep", check_deep },
	{ "depth", check_depth }, { "endless", check_endless }, { "border", check_border },
};

static void line(struct check *c, const char *name, const char *got, const char *wanted)
{
	c->lines++;
	if (strcmp(got, wanted) == 0) {
		printf("%s: %s: %s\n", c->group, name, got);
		return;
	}
	c->unexpected++;
	printf("%s: %s: %s (wanted %s)\n", c->group, name, got, wanted);
}

static const char *errno_name(int code)
{
	const char *name = code ? strerrorname_np(code) : "done";

	return name ? name : "an unknown errno";
}

void check_errno(struct check *c, const char *name, long returned, int wanted)
{
	line(c, name, errno_name(returned < 0 ? errno : 0), errno_name(wanted));
}

void check_value(struct check *c, const char *name, long long got, long long wanted)
{
	char is[32], should[32];

	(void)snprintf(is, sizeof(is), "%lld", got);
	(void)snprintf(should, sizeof(should), "%lld", wanted);
	line(c, name, is, should);
}

int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	size_t len = strlen(text);

	if (fd < 0)
		return -1;
	if (write(fd, text, len) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	return close(fd);
}

bool holds(const char *name, const char *text)
{
	char got[256];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, got, sizeof(got));
	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0;
}

bool there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

long long size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : (long long)st.st_size;
}

int mode_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? -1 : (int)(st.st_mode & 07777);
}

int links_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -1 : (int)st.st_nlink;
}

void tick(void)
{
	struct timespec t = { .tv_nsec = 25000000 };

	nanosleep(&t, NULL);
}

int as_user(uid_t uid, gid_t gid, int (*what)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
			_exit(EXFULL);
		_exit(what(arg) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return errno ? -1 : 0;
}

/* A group has a process and a directory of its own, so that none sees the traces of another. Returns the cases that went astray. */
static unsigned group(const struct check *all, size_t i)
{
	struct check c = *all;
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		c.group = groups[i].name;
		umask(022);
		alarm(120);
		if (mkdir(c.group, 0755) || chdir(c.group)) {
			printf("%s: no directory to work in: %s\n", c.group, errno_name(errno));
			c.unexpected++;
		} else {
			groups[i].run(&c);
		}
		printf("# %s: %u cases\n", c.group, c.lines);
		fflush(stdout);
		_exit(c.unexpected > 200 ? 200 : (int)c.unexpected);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
		printf("%s: ended by signal %d\n", groups[i].name, WTERMSIG(status));
		return 1;
	}
	return (unsigned)WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct check c = { .root = geteuid() == 0 };
	unsigned unexpected = 0;
	struct statfs fs;

	if (argc != 4 || chdir(argv[1]) || statfs(".", &fs)) {
		fprintf(stderr, "usage: posix DIR BESIDE OTHER\n");
		return 2;
	}
	c.tmpfs = fs.f_type == TMPFS_MAGIC;
	c.noatime = fs.f_flags & ST_NOATIME;
	c.beside = argv[2];
	c.other = argv[3];
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		unexpected += group(&c, i);
	printf("# %u unexpected\n", unexpected);
	return unexpected ? 1 : 0;
}
