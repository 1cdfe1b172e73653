/* SPDX-License-Identifier: Apache-2.0 */
/* What can be said of a sandbox without privilege; tests/privsep enters the real ones. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"

/* The child's status: of a forbidden call it dies, so every attempt has a process of its own. */
static int in_child(int (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return status;
}

static int filter(bool unix_sockets)
{
	const struct sandbox s = { .role = "test", .unix_sockets = unix_sockets };
	struct err e;

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_enter(&s, &e) < 0;
}

static int opens(void)
{
	if (filter(false))
		return 100;
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 1 : 2;
}

static int makes_socket(void)
{
	if (filter(false))
		return 100;
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 1 : 2;
}

static int makes_unix_socket(void)
{
	if (filter(true))
		return 100;
	return socket(AF_UNIX, SOCK_DGRAM, 0) < 0;
}

static int makes_inet_socket(void)
{
	if (filter(true))
		return 100;
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 1 : errno == EAFNOSUPPORT ? 0 : 2;
}

static int runs_program(void)
{
	char *const args[] = { NULL };

	if (filter(true))
		return 100;
	execve("/bin/true", args, args);
	return 1;
}

static int reads_and_writes(void)
{
	char byte;
	int p[2];

	if (pipe(p) < 0 || filter(false))
		return 100;
	return write(p[1], "x", 1) != 1 || read(p[0], &byte, 1) != 1 || byte != 'x';
}

static void forbidden_calls_end_the_process(void)
{
	CHECK_INT(in_child(opens), SIGSYS);
	CHECK_INT(in_child(makes_socket), SIGSYS);
	CHECK_INT(in_child(runs_program), SIGSYS);
}

static void allowed_ones_work(void)
{
	CHECK_INT(in_child(reads_and_writes), 0);
	CHECK_INT(in_child(makes_unix_socket), 0);
}

static void another_kind_of_socket_is_an_error(void)
{
	CHECK_INT(in_child(makes_inet_socket), 0);
}

static void landlock_leaves_what_is_named(void)
{
	static const struct sandbox_path paths[] = { { "/proc", false }, { "/no/such/path", true } };
	const struct sandbox s = { .role = "test", .fs = SANDBOX_FS_PATHS, .paths = paths, .paths_count = 2 };
	struct err e = { 0 };
	int fd = -1, r = landlock_prepare(&s, &fd, &e);

	if (r == -EOPNOTSUPP) {
		CHECK(strstr(e.text, "no Landlock")); /* a kernel without it: refused, with a sentence */
		return;
	}
	CHECK_INT(r, 0);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_enter(fd, &e) < 0)
			_exit(100);
		if (open("/proc/self/stat", O_RDONLY | O_CLOEXEC) < 0)
			_exit(1);
		if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
			_exit(2);
		_exit(open("/tmp/polyward-test-landlock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || errno != EACCES ? 3 : 0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	close(fd);
}

static void an_unknown_user_is_named(void)
{
	const struct sandbox s = { .role = "polyward-test", .user = "no-such-user-here" };
	struct err e = { 0 };

	CHECK(sandbox_enter(&s, &e) == -ENOENT);
	CHECK(strstr(e.text, "cannot enter the sandbox of polyward-test: there is no user no-such-user-here"));
	CHECK(strstr(e.text, "systemd-sysusers"));
}

TESTS(T(forbidden_calls_end_the_process), T(allowed_ones_work), T(another_kind_of_socket_is_an_error), T(landlock_leaves_what_is_named),
      T(an_unknown_user_is_named))
