/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enters the descriptions of userspace/roles/sandboxes.c, the very ones that the roles enter, and tries what each must not do: an
 * attempt passes the test by failing. What a role lives on must go on working there too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "roles/role.h"

/* Descriptor 3 and 4: a directory of root's with a file that only root may read; descriptor 5: a plain file. */
#define SECRET "secret"

static int opened(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600) < 0 ? -errno : 0;
}

static int read_secret_at_3(void)  { return openat(3, SECRET, O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0; }
static int read_world_at_3(void)   { return openat(3, "world", O_RDONLY | O_CLOEXEC) < 0 ? -errno : 0; }
static int create_at_3(void)       { return openat(3, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? -errno : 0; }
static int create_at_4(void)       { return openat(4, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? -errno : 0; }
static int read_passwd(void)       { return opened("/etc/passwd", O_RDONLY); }
static int read_shadow(void)       { return opened("/etc/shadow", O_RDONLY); }
static int write_etc(void)         { return opened("/etc/polyward-test", O_WRONLY | O_CREAT); }
static int write_tmp(void)         { return opened("/tmp/polyward-test", O_WRONLY | O_CREAT); }
static int list_root(void)         { return opened("/", O_RDONLY | O_DIRECTORY); }
static int make_inet(void)         { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? -errno : 0; }
static int make_netlink(void)      { return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? -errno : 0; }
static int make_unix(void)         { return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -errno : 0; }
static int trace_parent(void)      { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0 ? -errno : 0; }
static int start_program(void)
{
	char *const args[] = { (char *)(uintptr_t)"/bin/true", NULL };

	return execve(args[0], args, args + 1) < 0 ? -errno : 0;
}
static int make_child(void)        { return syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0) < 0 ? -errno : 0; }
static int signal_parent(void)     { return syscall(SYS_kill, getppid(), 0) < 0 ? -errno : 0; }
static int become_root(void)       { return syscall(SYS_setresuid, 0, 0, 0) < 0 ? -errno : 0; }
static int mount_tmpfs(void)       { return mount("tmpfs", "/mnt", "tmpfs", 0, "") < 0 ? -errno : 0; }
static int new_namespace(void)     { return syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) < 0 ? -errno : 0; }
static int load_module(void)       { return syscall(SYS_init_module, "", 0, "") < 0 ? -errno : 0; }
static int load_kernel(void)       { return syscall(SYS_kexec_load, 0, 0, NULL, 0) < 0 ? -errno : 0; }
static int add_key(void)           { return syscall(SYS_add_key, "user", "polyward-test", "x", 1, -3) < 0 ? -errno : 0; }
static int make_map(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? -errno : 0;
}
static int be_dumpable(void)       { return prctl(PR_GET_DUMPABLE) == 1 ? 0 : -EPERM; }
static int write_to_5(void)        { return write(5, "x", 1) == 1 ? 0 : -errno; }
static int ask_the_time(void)      { struct timespec t; return clock_gettime(CLOCK_BOOTTIME, &t) < 0 ? -errno : 0; }
static int bind_here(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/polyward-test-socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

struct attempt { const struct sandbox *where; const char *what; int (*run)(void); bool works; };

#define NOBODY_MAY(where) \
	{ where, "make an internet socket", make_inet, false }, { where, "make a netlink socket", make_netlink, false }, \
	{ where, "trace its parent", trace_parent, false }, { where, "start a program", start_program, false }, \
	{ where, "make a child", make_child, false }, { where, "signal its parent", signal_parent, false }, \
	{ where, "become root", become_root, false }, { where, "mount", mount_tmpfs, false }, \
	{ where, "make a user namespace", new_namespace, false }, { where, "load a module", load_module, false }, \
	{ where, "load a kernel", load_kernel, false }, { where, "add a key", add_key, false }, \
	{ where, "be dumped", be_dumpable, false }, { where, "write below /etc", write_etc, false }, \
	{ where, "write below /tmp", write_tmp, false }, \
	{ where, "write to a descriptor", write_to_5, true }, { where, "ask the time", ask_the_time, true }

static const struct attempt attempts[] = {
	NOBODY_MAY(&sandbox_control),
	{ &sandbox_control, "read /etc/passwd", read_passwd, false }, { &sandbox_control, "make a unix socket", make_unix, false },
	{ &sandbox_control, "make a BPF map", make_map, false }, { &sandbox_control, "read in a directory it holds", read_world_at_3, false },
	NOBODY_MAY(&sandbox_audit),
	{ &sandbox_audit, "read /etc/passwd", read_passwd, false }, { &sandbox_audit, "make a unix socket", make_unix, false },
	{ &sandbox_audit, "make a BPF map", make_map, false }, { &sandbox_audit, "list /", list_root, false },
	{ &sandbox_audit, "create a file in the log directory", create_at_4, true },
	NOBODY_MAY(&sandbox_kernel),
	{ &sandbox_kernel, "make a unix socket", make_unix, false }, { &sandbox_kernel, "create beside the state directory", create_at_3, false },
	{ &sandbox_kernel, "create a file in the state directory", create_at_4, true }, { &sandbox_kernel, "list / for stores", list_root, true },
	NOBODY_MAY(&sandbox_compile),
	{ &sandbox_compile, "read /etc/shadow", read_shadow, false }, { &sandbox_compile, "make a BPF map", make_map, false },
	{ &sandbox_compile, "read root's file in the policy directory", read_secret_at_3, false },
	{ &sandbox_compile, "create a file in the policy directory", create_at_3, false }, { &sandbox_compile, "list /", list_root, false },
	{ &sandbox_compile, "listen on a socket", bind_here, false },
	{ &sandbox_compile, "read a public file in the policy directory", read_world_at_3, true },
	{ &sandbox_compile, "read /etc/passwd for names", read_passwd, true }, { &sandbox_compile, "reach a name service", make_unix, true },
	NOBODY_MAY(&sandbox_compile_root),
	{ &sandbox_compile_root, "read /etc/shadow", read_shadow, false },
	{ &sandbox_compile_root, "create a file in the policy directory", create_at_3, false },
	{ &sandbox_compile_root, "read root's file in the policy directory", read_secret_at_3, true },
	{ &sandbox_supervisor, "trace its parent", trace_parent, false }, { &sandbox_supervisor, "mount", mount_tmpfs, false },
	{ &sandbox_supervisor, "make a user namespace", new_namespace, false }, { &sandbox_supervisor, "load a module", load_module, false },
	{ &sandbox_supervisor, "load a kernel", load_kernel, false }, { &sandbox_supervisor, "add a key", add_key, false },
	{ &sandbox_supervisor, "make a child", make_child, true }, { &sandbox_supervisor, "read /etc/passwd", read_passwd, true },
};

enum { SUCCEEDED = 0, FAILED_SOFTLY = 1, NOT_ENTERED = 2 };

static int run_attempt(const struct attempt *a, int out)
{
	struct err e = { 0 };
	int status, r;
	pid_t pid = fork();

	if (pid == 0) {
		(void)dup2(out, STDERR_FILENO);
		if (sandbox_enter(a->where, &e) < 0) {
			(void)!write(out, e.text, strlen(e.text));
			_exit(NOT_ENTERED);
		}
		r = a->run();
		_exit(r < 0 ? FAILED_SOFTLY : SUCCEEDED);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

static int prepare(char *dir)
{
	int fd;

	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0 || dup2(fd, 3) < 0)
		return -1;
	if (mkdirat(3, "own", 0777) < 0 || fchmodat(3, "own", 0777, 0) < 0)
		return -1;
	fd = openat(3, "own", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || dup2(fd, 4) < 0)
		return -1;
	fd = openat(3, SECRET, O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || openat(3, "world", O_WRONLY | O_CREAT, 0644) < 0)
		return -1;
	return dup2(fd, 5);
}

static void clean_up(const char *dir)
{
	(void)unlinkat(4, "made", 0);
	(void)unlinkat(3, "own", AT_REMOVEDIR);
	(void)unlinkat(3, SECRET, 0);
	(void)unlinkat(3, "world", 0);
	(void)unlinkat(3, "made", 0);
	(void)rmdir(dir);
}

int main(void)
{
	char dir[] = "/tmp/polyward-attempts-XXXXXX";
	size_t count = sizeof(attempts) / sizeof(attempts[0]);
	int failed = 0, out = fcntl(STDOUT_FILENO, F_DUPFD, 20);

	if (out < 0 || prepare(dir) < 0) {
		perror("attempts");
		return 1;
	}
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		const struct attempt *a = &attempts[i];
		const char *who = a->where == &sandbox_compile_root ? "polyward-compile for root" : a->where->role;
		int status;
		bool good;

		fflush(stdout);
		(void)unlinkat(4, "made", 0);
		status = run_attempt(a, out);
		good = a->works ? status == 0 : WIFSIGNALED(status) ? WTERMSIG(status) == 31 /* SIGSYS */ :
						WEXITSTATUS(status) == FAILED_SOFTLY;
		if (!good)
			printf("# wait status %#x\n", (unsigned)status);
		printf("%sok %zu - %s %s %s\n", good ? "" : "not ", i + 1, who, a->works ? "can" : "cannot", a->what);
		failed |= !good;
	}
	clean_up(dir);
	return failed;
}
