/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the built processes themselves try what they must not do: each is started as polywardd starts it, stopped where its sandbox is
 * closed, and made to execute one system call of ours. It must be killed for it or be refused; nothing else is good enough.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "start.h"

/* One system call. An argument that is DATA becomes the address of the bytes, which are put on the process's stack. */
#define DATA UINT64_C(0xdada)
struct attempt { const char *what; long nr; uint64_t args[6]; const void *data; size_t data_bytes; unsigned can; };

static const char shadow[] = "/etc/shadow", new_file[] = "/etc/polyward-test", program[] = "/bin/true", sock_path[] = "\1\0/tmp/polyward-test";
static const union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

enum { KERNEL = 1, CONTROL = 2, AUDIT = 4, COMPILE = 8, COMPILE_ROOT = 16, SUPERVISOR = 32 };
#define CALL(nr, ...) SYS_##nr, { __VA_ARGS__ }
#define HERE(x) x, sizeof(x)

/* `can`: who may. polyward-kernel reads what the stores' scan needs, which is every file, and is what bpf(2) is for. */
static const struct attempt attempts[] = {
	{ "open /etc/shadow", CALL(openat, (uint64_t)AT_FDCWD, DATA, O_RDONLY), HERE(shadow), KERNEL | SUPERVISOR },
	{ "make a file in /etc", CALL(openat, (uint64_t)AT_FDCWD, DATA, O_WRONLY | O_CREAT | O_EXCL, 0600), HERE(new_file), SUPERVISOR },
	{ "open its own memory", CALL(openat, (uint64_t)AT_FDCWD, DATA, O_RDWR), HERE("/proc/self/mem"), SUPERVISOR },
	{ "make an internet socket", CALL(socket, AF_INET, SOCK_STREAM, 0), NULL, 0, 0 },
	{ "make a netlink socket", CALL(socket, AF_NETLINK, SOCK_RAW, 0), NULL, 0, 0 },
	{ "make a packet socket", CALL(socket, AF_PACKET, SOCK_RAW, 0), NULL, 0, 0 },
	{ "listen on a socket", CALL(bind, FD_SUPERVISOR, DATA, sizeof(sock_path)), HERE(sock_path), 0 },
	{ "attach to another process", CALL(ptrace, PTRACE_ATTACH, 1), NULL, 0, 0 },
	{ "be traced by its parent", CALL(ptrace, PTRACE_TRACEME), NULL, 0, 0 },
	{ "read another process", CALL(process_vm_readv, 1), NULL, 0, 0 },
	{ "make a BPF map", CALL(bpf, BPF_MAP_CREATE, DATA, sizeof(map)), &map, sizeof(map), KERNEL | SUPERVISOR },
	{ "start a program", CALL(execve, DATA), HERE(program), SUPERVISOR },
	{ "start a program by descriptor", CALL(execveat, FD_SUPERVISOR, DATA, 0, 0, AT_EMPTY_PATH), HERE(""), 0 },
	{ "make a child", CALL(clone, SIGCHLD), NULL, 0, SUPERVISOR },
	{ "signal process 1", CALL(kill, 1, 0), NULL, 0, SUPERVISOR },
	{ "become root", CALL(setresuid, 0, 0, 0), NULL, 0, SUPERVISOR },
	{ "get a capability back", CALL(capset), NULL, 0, 0 },
	{ "mount", CALL(mount, DATA, DATA, DATA), HERE("tmpfs"), 0 },
	{ "change its root", CALL(chroot, DATA), HERE("/"), 0 },
	{ "make a user namespace", CALL(unshare, CLONE_NEWUSER), NULL, 0, 0 },
	{ "enter a namespace", CALL(setns, FD_SUPERVISOR, 0), NULL, 0, 0 },
	{ "load a module", CALL(finit_module, FD_SUPERVISOR, DATA, 0), HERE(""), 0 },
	{ "load a kernel", CALL(kexec_load), NULL, 0, 0 },
	{ "add a key", CALL(add_key, DATA, DATA, 0, 0, (uint64_t)-3), HERE("user"), 0 },
	{ "open a file by handle", CALL(open_by_handle_at, FD_SUPERVISOR, DATA, 0), HERE("\0\0\0\0\0\0\0"), 0 },
	{ "set up io_uring", CALL(io_uring_setup, 1, DATA), HERE("\0\0\0\0\0\0\0"), 0 },
	{ "set up userfaultfd", CALL(userfaultfd), NULL, 0, 0 },
	{ "count events of the processor", CALL(perf_event_open, DATA, 0, (uint64_t)-1, (uint64_t)-1), HERE("\0\0\0\0\0\0\0"), 0 },
	{ "take another's descriptor", CALL(pidfd_getfd, FD_SUPERVISOR, 0, 0), NULL, 0, 0 },
	{ "watch a filesystem", CALL(fanotify_init), NULL, 0, 0 },
	{ "read the kernel's log", CALL(syslog, 3), NULL, 0, 0 },
	{ "set the clock", CALL(clock_settime, 0, DATA), HERE("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0 },
	{ "restart the machine", CALL(reboot), NULL, 0, 0 },
	{ "be dumped", CALL(prctl, PR_SET_DUMPABLE, 1), NULL, 0, SUPERVISOR },
};

struct target { const char *name; unsigned bit; const struct sandbox *s; enum role role; };

/* ---- one system call in a process that is stopped ---- */

static bool get_regs(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	return ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &v) == 0;
}

static bool set_regs(pid_t pid, struct user_regs_struct *r)
{
	struct iovec v = { r, sizeof(*r) };

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &v) == 0;
}

static bool poke(pid_t pid, uint64_t at, const void *bytes, size_t n)
{
	char path[64];
	bool good;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	good = fd >= 0 && pwrite(fd, bytes, n, (off_t)at) == (ssize_t)n;
	if (fd >= 0)
		close(fd);
	return good;
}

enum came { CAME_KILLED, CAME_REFUSED, CAME_THROUGH, CAME_WRONG };

/* The code at rip becomes "syscall"; the process has no further use for what stood there. */
static enum came execute(pid_t pid, const struct attempt *a, long *ret_value)
{
	static const unsigned char syscall_insn[] = { 0x0f, 0x05, 0x0f, 0x0b }; /* and a trap behind it */
	struct user_regs_struct r;
	uint64_t at;
	int status;

	if (!get_regs(pid, &r))
		return CAME_WRONG;
	at = (r.rsp - 4096) & ~UINT64_C(15);
	if ((a->data_bytes && !poke(pid, at, a->data, a->data_bytes)) || !poke(pid, r.rip, syscall_insn, sizeof(syscall_insn)))
		return CAME_WRONG;
	r.rax = (uint64_t)a->nr;
	r.orig_rax = (uint64_t)-1; /* nothing to restart */
	r.rdi = a->args[0] == DATA ? at : a->args[0];
	r.rsi = a->args[1] == DATA ? at : a->args[1];
	r.rdx = a->args[2] == DATA ? at : a->args[2];
	r.r10 = a->args[3] == DATA ? at : a->args[3];
	r.r8 = a->args[4] == DATA ? at : a->args[4];
	r.r9 = a->args[5] == DATA ? at : a->args[5];
	if (!set_regs(pid, &r) || ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid)
		return CAME_WRONG;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? CAME_KILLED : CAME_WRONG;
	/* A new program: the call came through, whatever it made of it. */
	if (!WIFSTOPPED(status) || !get_regs(pid, &r))
		return CAME_WRONG;
	*ret_value = (long)r.rax;
	return WSTOPSIG(status) == SIGSYS ? CAME_KILLED : (long)r.rax < 0 && (long)r.rax > -4096 ? CAME_REFUSED : CAME_THROUGH;
}

/* Run a traced process up to the end of its seccomp(2) call: from there on the sandbox is closed. */
static bool run_to_sandbox(pid_t pid)
{
	struct user_regs_struct r;
	bool inside = false;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		return false;
	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			return false;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		inside = !inside;
		if (!get_regs(pid, &r))
			return false;
		/* A call that sets a filter, and not one that only asks whether the kernel knows a flag. */
		if (!inside && r.orig_rax == SYS_seccomp && r.rdi == 1 && r.rax == 0)
			return true;
	}
}

/* ---- targets ---- */

static pid_t stopped(const struct run *t, const struct place *p, const struct target *to)
{
	static const char *const compile_as[][3] = { { "other", "p.pw", NULL }, { "root", "p.pw", NULL } };
	const char *const *more = to->bit == COMPILE ? compile_as[0] : to->bit == COMPILE_ROOT ? compile_as[1] : NULL;
	const int fds[] = { p->dir_fd, memfd_create("image", 0), memfd_create("messages", 0) };
	int sock, status;
	pid_t pid;

	if (more) {
		pid = start(t, to->name, more, fds, 3, true);
		close(fds[1]);
		close(fds[2]);
		return pid > 0 && run_to_sandbox(pid) ? pid : -1;
	}
	close(fds[1]);
	close(fds[2]);
	pid = start_role(t, p, to->s, to->role, &sock);
	/* The socket stays open in us: the role must not end while it is made to try. */
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_EXITKILL) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &status, 0) != pid)
		return -1;
	return pid;
}

static pid_t supervisor(const struct run *t, const struct place *p)
{
	char run[128], state[128], log[128], path[4096];
	const char *const args[] = { "polywardd", "--run-dir", run, "--state-dir", state, "--log-dir", log, NULL };
	pid_t pid = fork();

	if (pid)
		return pid > 0 && run_to_sandbox(pid) ? pid : -1;
	(void)snprintf(run, sizeof(run), "%s/run", p->dir);
	(void)snprintf(state, sizeof(state), "%s/state", p->dir);
	(void)snprintf(log, sizeof(log), "%s/log", p->dir);
	(void)snprintf(path, sizeof(path), "%s/../polywardd", t->libexec);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP))
		_exit(126);
	execv(path, (char *const *)(uintptr_t)args);
	_exit(127);
}

static void one(struct run *t, const struct place *p, const struct target *to, const struct attempt *a)
{
	pid_t pid = to->bit == SUPERVISOR ? supervisor(t, p) : stopped(t, p, to);
	enum came came = CAME_WRONG;
	char what[128];
	long value = 0;
	bool can = a->can & to->bit;

	if (pid > 0) {
		came = execute(pid, a, &value);
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, __WALL) > 0)
			;
	}
	if (came == CAME_THROUGH)
		printf("# the call returned %ld\n", value);
	else if (came == CAME_WRONG)
		printf("# the process could not be made to try\n");
	(void)snprintf(what, sizeof(what), "%s %s%s", can ? "may" : "may not", a->what,
		       came == CAME_KILLED ? " (killed)" : came == CAME_REFUSED ? " (refused)" : "");
	told(t, can ? came == CAME_THROUGH || came == CAME_REFUSED : came == CAME_KILLED || came == CAME_REFUSED, to->name, what);
}

int main(int argc, char **argv)
{
	static const struct target targets[] = {
		{ "polyward-control", CONTROL, &sandbox_control, ROLE_CONTROL }, { "polyward-audit", AUDIT, &sandbox_audit, ROLE_AUDIT },
		{ "polyward-kernel", KERNEL, &sandbox_kernel, ROLE_KERNEL }, { "polyward-compile", COMPILE, &sandbox_compile, ROLE_COMPILE },
		{ "polyward-compile", COMPILE_ROOT, &sandbox_compile_root, ROLE_COMPILE }, { "polywardd", SUPERVISOR, &sandbox_supervisor, ROLE_SUPERVISOR },
	};
	size_t count = sizeof(attempts) / sizeof(attempts[0]), roles = sizeof(targets) / sizeof(targets[0]);
	struct run t = { .libexec = argc > 1 ? argv[1] : "build/libexec" };
	struct place p;

	if (!place_make(&p))
		return 1;
	printf("1..%zu\n", count * roles);
	for (size_t i = 0; i < roles; i++)
		for (size_t k = 0; k < count; k++)
			one(&t, &p, &targets[i], &attempts[k]);
	(void)rmdir("/etc/polyward-test");
	(void)unlink(new_file);
	place_remove(&p);
	return t.failed;
}
