// SPDX-License-Identifier: Apache-2.0
/* Around a program that a role names: exchange it, cover it, start it with shared tables, behind a filter, or with what it takes for its own. */
#include "attack.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* Another program under the name: the name is not what is known. */
static int exchanged(void)
{
	int status;

	need(!run_program((const char *const[]){ "cp", "/bin/cat", "/srv/bin/new", NULL }));
	need(!syscall(SYS_renameat2, AT_FDCWD, "/srv/bin/new", AT_FDCWD, VIEWER, 2));
	status = run_program((const char *const[]){ VIEWER, SECRET, NULL });
	need(!syscall(SYS_renameat2, AT_FDCWD, "/srv/bin/new", AT_FDCWD, VIEWER, 2));
	unlink("/srv/bin/new");
	return status ? EACCES : 0;
}

static int covered(void)
{
	own_namespaces(0);
	need(!mount("/bin/cat", VIEWER, NULL, MS_BIND, NULL));
	return run_program((const char *const[]){ VIEWER, SECRET, NULL }) ? EACCES : 0;
}

/* A script whose interpreter is the viewer: the viewer runs, with words that another chose, and shows no more than it does. */
static int as_interpreter(void)
{
	int fd = open(SCRATCH "/s", O_WRONLY | O_CREAT | O_CLOEXEC, 0777);

	need(fd >= 0 && write(fd, "#!" VIEWER " show\n", strlen("#!" VIEWER " show\n")) > 0);
	close(fd);
	(void)run_program((const char *const[]){ SCRATCH "/s", NULL });
	return CAME_TO_NOTHING;
}

/* The child shares our table of descriptors until it executes the viewer. */
static int exec_viewer(void *out)
{
	/* With a shared table this number is the parent's as well: none that it uses. */
	dup2(*(int *)out, 1);
	execl(VIEWER, "viewer", "hold", SECRET, NULL);
	return 127;
}

static int hold(int *ret_pid, void **ret_address, int flags)
{
	static char stack[65536];
	char line[128] = { 0 };
	int ends[2], number = -1;

	need(!pipe(ends));
	*ret_pid = clone(exec_viewer, stack + sizeof(stack), flags | SIGCHLD, &ends[1]);
	need(*ret_pid > 0);
	if (poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, 5000) != 1)
		broken("the viewer says nothing");
	need(read(ends[0], line, sizeof(line) - 1) > 0 && sscanf(line, "%*d %p %d", ret_address, &number) == 2);
	return number;
}

static int shared_files(void)
{
	void *address;
	int pid, number = hold(&pid, &address, CLONE_FILES | CLONE_VFORK);
	char bytes[64];
	long n;

	/* Had exec not parted the tables, the viewer's descriptor would be ours; ours with that number is a pipe's end. */
	n = pread(number, bytes, sizeof(bytes), 0);
	got(bytes, n);
	kill(pid, SIGKILL);
	return n < 0 ? CAME_TO_NOTHING : 0;
}

static int shared_memory(void)
{
	void *address;
	int pid;
	unsigned char there;

	(void)hold(&pid, &address, CLONE_VM | CLONE_VFORK);
	/* A fresh address space begins with exec, so this address is not ours. */
	there = (unsigned char)(mincore((void *)((uintptr_t)address & ~4095ul), 4096, &there) == 0);
	kill(pid, SIGKILL);
	return there ? 0 : CAME_TO_NOTHING;
}

/* Behind a filter that asks us about each of its reads; while it waits we look into its memory. */
static int notified(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pause, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	struct seccomp_notif note = { 0 };
	char line[128] = { 0 }, bytes[256];
	int ends[2], pid, listener, status;
	void *address;

	need(!pipe(ends));
	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	need(listener >= 0);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		dup2(ends[1], 1);
		execl(VIEWER, "viewer", "hold", SECRET, NULL);
		_exit(127);
	}
	close(ends[1]);
	if (read(ends[0], line, sizeof(line) - 1) <= 0 || sscanf(line, "%*d %p", &address) != 1) {
		waitpid(pid, &status, 0);
		return EACCES;
	}
	need(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &note));
	struct iovec here = { bytes, sizeof(bytes) }, there = { address, sizeof(bytes) };
	long n = process_vm_readv((int)note.pid, &here, 1, &there, 1, 0);
	got(bytes, n);
	kill(pid, SIGKILL);
	return attempt("process_vm_readv of who waits for us", n);
}

/* Exec by a thread that is not the first: it takes over the first one's number, and must not inherit what that one was. */
static int thread_exec(void *unused)
{
	(void)unused;
	execl("/bin/cat", "cat", SECRET, NULL);
	return 0;
}

static int other_thread(void)
{
	static char stack[65536];
	int pid = fork();

	need(pid >= 0);
	if (!pid) {
		need(clone(thread_exec, stack + sizeof(stack), CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL) > 0);
		for (;;)
			pause();
	}
	return reap(pid) ? EACCES : 0;
}

/* The viewer's own child would have its role: but what it executes has not. We have it execute nothing; a role ends with exec. */
static int from_proc_exe(void)
{
	void *address;
	char path[64];
	int pid, status;

	(void)hold(&pid, &address, 0);
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	/* The same program by a link of /proc: the same inode, so the same role, and no more than it shows by itself. */
	setenv("LD_PRELOAD", "/srv/bin/evil.so", 1);
	status = run_program((const char *const[]){ path, "show", SECRET, NULL });
	say("%d", status);
	kill(pid, SIGKILL);
	return CAME_TO_NOTHING;
}

/* A terminal's worth of trouble: an interpreter that is asked for debugging, tunables, and a profile. */
static int environment(void)
{
	static const char *const bad[] = { "LD_DEBUG=all", "LD_PROFILE=viewer", "LD_PROFILE_OUTPUT=" SCRATCH, "GLIBC_TUNABLES=glibc.rtld.optional_static_tls=1",
					   "LD_SHOW_AUXV=1", "LD_ORIGIN_PATH=" SCRATCH, "NLSPATH=" SCRATCH "/%N", "LOCPATH=" SCRATCH, "TZDIR=" SCRATCH,
					   "MALLOC_TRACE=" SCRATCH "/trace", "LD_LIBRARY_PATH=" SCRATCH };

	need(!run_program((const char *const[]){ "cp", "/srv/bin/evil.so", SCRATCH "/libc.so.6", NULL }));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		putenv((char *)(uintptr_t)bad[i]);
	(void)run_program((const char *const[]){ VIEWER, "show", SECRET, NULL });
	return CAME_TO_NOTHING;
}

VARIANTS({ "exchanged", exchanged }, { "covered", covered }, { "as_interpreter", as_interpreter }, { "shared_files", shared_files },
	 { "shared_memory", shared_memory }, { "notified", notified }, { "other_thread", other_thread }, { "from_proc_exe", from_proc_exe },
	 { "environment", environment })
