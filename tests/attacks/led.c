// SPDX-License-Identifier: Apache-2.0
/*
 * A program that a role names, in a world of the attacker's making: its linker, its library or its root are others, its system calls are
 * answered by a filter, its stack is sampled. The program is what the policy named, and what runs in it is not.
 */
#include "attack.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define LOW    "/srv/bin/low.so"
#define LINKER "/lib64/ld-linux-x86-64.so.2"

/* What is shown besides the check sum came from us, and the harness looks for that. */
static int show(void)
{
	int status = run_program((const char *const[]){ VIEWER, "show", SECRET, NULL });

	say("the viewer ended with %d", status);
	return status == 1 || status == 127 ? EACCES : CAME_TO_NOTHING;
}

/* Low exits with 0 whatever it got; that it ran is no success by itself. */
static int verdict(int code)
{
	return code == CAME_TO_NOTHING ? EACCES : code;
}

static int linker(void)
{
	own_namespaces(0);
	need(!mount(LOW, LINKER, NULL, MS_BIND, NULL));
	return verdict(show());
}

static int library(void)
{
	char path[64] = "/lib/x86_64-linux-gnu/libc.so.6";

	own_namespaces(0);
	need(!mount(LOW, path, NULL, MS_BIND, NULL));
	return verdict(show());
}

/* Everything below /etc is ours, and there is a list of libraries to load first. */
static int preload_file(void)
{
	int fd;

	own_namespaces(0);
	need(!mkdir(SCRATCH "/etc", 0755));
	fd = open(SCRATCH "/etc/ld.so.preload", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	need(fd >= 0 && write(fd, "/srv/bin/evil.so\n", 17) == 17);
	close(fd);
	need(!mount(SCRATCH "/etc", "/etc", NULL, MS_BIND, NULL));
	return verdict(show());
}

static void new_root(void)
{
	/* Everything as it was, but for the linker; by its own name, because links lead from the root that we have now. */
	need(!mkdir(SCRATCH2 "/r", 0755) && !mount("/", SCRATCH2 "/r", NULL, MS_BIND | MS_REC, NULL));
	need(!mount(LOW, SCRATCH2 "/r/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", NULL, MS_BIND, NULL));
}

static int rooted(void)
{
	own_namespaces(0);
	new_root();
	need(!chroot(SCRATCH2 "/r") && !chdir("/"));
	return verdict(show());
}

/* The root is shared with us, and changes when the program has begun. */
static int exec_held(void *gate)
{
	char byte;

	(void)!read(*(int *)gate, &byte, 1);
	execl(VIEWER, "viewer", "show", SECRET, NULL);
	return 127;
}

static int shared_root(void)
{
	static char stack[65536];
	int ends[2], pid, status;

	own_namespaces(0);
	new_root();
	need(!pipe(ends));
	pid = clone(exec_held, stack + sizeof(stack), CLONE_FS | SIGCHLD, &ends[0]);
	need(pid > 0 && !chroot(SCRATCH2 "/r"));
	need(write(ends[1], "x", 1) == 1 && waitpid(pid, &status, 0) == pid);
	return EACCES;
}

static void answer_for_open(void)
{
	/* Every openat(2) is said to have given descriptor 0, and no close(2) closes it. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	need(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* The linker opens the C library and gets what we have open. */
static int filtered(void)
{
	int fd = open(LOW, O_RDONLY), pid;

	need(fd >= 0 && dup2(fd, 0) == 0);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		answer_for_open();
		execl(VIEWER, "viewer", "show", SECRET, NULL);
		_exit(127);
	}
	(void)reap(pid);
	return EACCES;
}

/* What the program would ask for by its number, such as whether the caller is on its own list, is answered with a number of our choice. */
static int numbered(void)
{
	char map[32];

	snprintf(map, sizeof(map), "%d %d 1", KEEPER, (int)geteuid());
	need(!unshare(CLONE_NEWUSER));
	(void)put("/proc/self/setgroups", "deny");
	need(!put("/proc/self/uid_map", map));
	return verdict(show());
}

/* What it asks on this machine, or at the next port, we answer. */
static int networked(void)
{
	need(!unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS));
	return verdict(show());
}

/* It may not read its own settings, a list of whom to refuse for instance. */
static int landlocked(void)
{
	struct landlock_ruleset_attr all = { .handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE };
	struct landlock_path_beneath_attr beneath = { .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE };
	static const char *const left[] = { "/srv", "/usr", "/lib", "/lib64" };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (rules < 0)
		not_here("no landlock: %m");
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		beneath.parent_fd = open(left[i], O_PATH | O_CLOEXEC);
		need(!syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0));
	}
	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	need(!syscall(SYS_landlock_restrict_self, rules, 0));
	return verdict(show());
}

/* Everything at its known address, and all that can be read can be executed: what the kernel takes from a setuid program. */
static int arranged(void)
{
	need(personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC) >= 0);
	return verdict(show());
}

VARIANTS({ "numbered", numbered }, { "networked", networked }, { "landlocked", landlocked }, { "arranged", arranged },
	 { "linker", linker }, { "library", library }, { "preload_file", preload_file }, { "rooted", rooted }, { "shared_root", shared_root },
	 { "filtered", filtered })
