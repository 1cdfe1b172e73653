// SPDX-License-Identifier: Apache-2.0
/* The common part of all attacks: see attack.h. */
#include "attack.h"

#include <grp.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

static void vsay(const char *fmt, va_list ap)
{
	char line[512];
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);

	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\n';
	(void)!write(1, line, (size_t)n + 1);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
}

void broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	_exit(BROKEN);
}

void not_here(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay(fmt, ap);
	va_end(ap);
	_exit(NOT_HERE);
}

int attempt(const char *what, long rc)
{
	int code = rc < 0 ? errno : 0;

	say("%s: %s", what, code ? strerrorname_np(code) : "done");
	return code;
}

void got(const void *bytes, long count)
{
	if (count > 0)
		(void)!write(1, bytes, (size_t)count);
	(void)!write(1, "\n", 1);
}

int take(int fd)
{
	char bytes[FILE_BYTES];
	long n = read(fd, bytes, sizeof(bytes));

	got(bytes, n);
	return attempt("read", n);
}

int take_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), code;

	if (fd < 0)
		return attempt("open", fd);
	code = take(fd);
	close(fd);
	return code;
}

int me(void)
{
	const char *text = getenv("PW_ME");

	return text ? (int)strtol(text, NULL, 10) : (int)getuid();
}

const char *mine(void)
{
	static char path[64];

	snprintf(path, sizeof(path), STORE "/of-%d.txt", me());
	return path;
}

const char *my_dir(void)
{
	static char path[64];

	snprintf(path, sizeof(path), STORE "/dir-%d", me());
	return path;
}

void become(int id)
{
	need(!setgroups(0, NULL));
	need(!setresgid((gid_t)id, (gid_t)id, (gid_t)id));
	need(!setresuid((uid_t)id, (uid_t)id, (uid_t)id));
	prctl(PR_SET_DUMPABLE, 1);
}

int put(const char *path, const char *words)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), code;
	long n;

	if (fd < 0)
		return errno;
	n = write(fd, words, strlen(words));
	code = n < 0 ? errno : 0;
	close(fd);
	return code;
}

void make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0);
	need(write(fd, "nothing of value", 16) == 16);
	need(!fchmod(fd, mode));
	close(fd);
}

void own_namespaces(int more)
{
	char map[32];
	int id = (int)geteuid();

	need(!unshare((id ? CLONE_NEWUSER : 0) | CLONE_NEWNS | more));
	if (id) {
		(void)put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %d 1", id);
		need(!put("/proc/self/uid_map", map));
		need(!put("/proc/self/gid_map", map));
	}
	need(!mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

int run_program(const char *const argv[])
{
	int pid = fork(), status;

	need(pid >= 0);
	if (!pid) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		say("%s: %m", argv[0]);
		_exit(127);
	}
	need(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int child(int (*run)(void *), void *arg)
{
	int pid = fork();

	need(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, 9);
	_exit(run(arg));
}

int reap(int pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the victim's socket: one request byte, an answer with the struct and perhaps an open file ---- */
static int ask_victim(char what, struct victim *ret, int *ret_fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = VICTIM_SOCKET };
	union { char room[CMSG_SPACE(2 * sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	struct iovec part = { ret, sizeof(*ret) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room) };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct cmsghdr *c;

	need(s >= 0);
	need(!connect(s, (struct sockaddr *)&at, sizeof(at)));
	need(write(s, &what, 1) == 1);
	need(recvmsg(s, &m, 0) == sizeof(*ret));
	close(s);
	c = CMSG_FIRSTHDR(&m);
	*ret_fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return m.msg_flags & MSG_CTRUNC;
}

struct victim victim(void)
{
	struct victim v;
	int fd;

	ask_victim('?', &v, &fd);
	return v;
}

int victim_passes(char what)
{
	struct victim v;
	int fd, cut = ask_victim(what, &v, &fd);

	if (fd < 0) {
		/* The kernel drops what may not be received and says only that something is missing. */
		errno = cut ? EACCES : EBADMSG;
		return -1;
	}
	return fd;
}

int attack(int argc, char **argv, const struct variant *list, size_t count)
{
	for (size_t i = 0; argc > 1 && i < count; i++)
		if (!strcmp(list[i].name, argv[1])) {
			int code = list[i].run();

			return code > 255 ? BROKEN : code;
		}
	broken("no variant '%s'", argc > 1 ? argv[1] : "");
}
