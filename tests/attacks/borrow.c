// SPDX-License-Identifier: Apache-2.0
/* Another's identity: su, setuid programs, login users, control groups of a unit that has a role, the executable of a program that has. */
#include "attack.h"

#include <grp.h>
#include <linux/sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static void login_as(int uid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", uid);
	if (put("/proc/self/loginuid", text))
		not_here("no login uid");
}

/* Root that logged in as somebody else becomes the keeper. */
static int become_keeper(void)
{
	login_as(USER);
	become(KEEPER);
	return take_path(SECRET);
}

static int su(void)
{
	login_as(USER);
	return run_program((const char *const[]){ "setpriv", "--reuid", "3005", "--regid", "3005", "--clear-groups", "cat", SECRET, NULL }) ? EACCES : 0;
}

static int root_login(void)
{
	login_as(ROOT);
	become(KEEPER);
	return take_path(SECRET);
}

/* Effective and filesystem user only. */
static int effective(void)
{
	need(!setresuid((uid_t)-1, KEEPER, (uid_t)-1));
	return take_path(SECRET);
}

static int fsuid(void)
{
	setfsuid(KEEPER);
	return take_path(SECRET);
}

/* A setuid program of the keeper runs with the keeper's effective user and the caller's real one. */
static int setuid_program(void)
{
	return run_program((const char *const[]){ "/srv/bin/cat-as-keeper", SECRET, NULL }) ? EACCES : 0;
}

static int supplementary(void)
{
	need(!setgroups(2, (gid_t[]){ KEEPER, READER }));
	return take_path(mine());
}

/* ---- control groups */
static int move_in(const char *group)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(text, sizeof(text), "%d", getpid());
	if (put(path, text))
		return attempt("move", (errno = EACCES, -1));
	return take_path(mine());
}

static int unit(void) { return move_in(UNIT); }

static int unit_below(void)
{
	need(!mkdir(UNIT "/sub", 0755) || errno == EEXIST);
	return move_in(UNIT "/sub");
}

static int unit_rename(void)
{
	/* A unit by name, anywhere in the tree. */
	need(!mkdir("/sys/fs/cgroup/system.slice/x.slice", 0755) || errno == EEXIST);
	need(!mkdir("/sys/fs/cgroup/system.slice/x.slice/reader.service", 0755) || errno == EEXIST);
	return move_in("/sys/fs/cgroup/system.slice/x.slice/reader.service");
}

static int unit_born(void)
{
	int fd = open(UNIT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = 17, .cgroup = (uint64_t)(unsigned int)fd };
	long pid;

	need(fd >= 0);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(take_path(mine()));
	if (pid < 0)
		return attempt("clone into the unit", -1);
	return reap((int)pid);
}

/* In, fork, out: the child stays and the parent comes back. */
static int unit_child(void)
{
	char text[16];
	int pid;

	snprintf(text, sizeof(text), "%d", getpid());
	if (put(UNIT "/cgroup.procs", text))
		return attempt("move", (errno = EACCES, -1));
	pid = fork();
	need(pid >= 0);
	if (!pid)
		_exit(run_program((const char *const[]){ "cat", mine(), NULL }) ? EACCES : 0);
	return reap(pid);
}

static int unit_thread(void)
{
	(void)put(UNIT "/cgroup.type", "threaded");
	return move_in(UNIT);
}

/* ---- the executable */
static int exe_file(void)
{
	int fd = open(VIEWER, O_RDONLY | O_CLOEXEC);
	long rc;

	need(fd >= 0);
	/* The old executable must not be mapped any more: a child that unmaps its program can only go on in machine code, so try first. */
	rc = prctl(PR_SET_MM, PR_SET_MM_EXE_FILE, fd, 0, 0);
	if (rc)
		return attempt("PR_SET_MM_EXE_FILE", rc);
	return take_path(mine());
}

VARIANTS({ "become_keeper", become_keeper }, { "su", su }, { "root_login", root_login }, { "effective", effective }, { "fsuid", fsuid },
	 { "setuid_program", setuid_program }, { "supplementary", supplementary }, { "unit", unit }, { "unit_below", unit_below },
	 { "unit_rename", unit_rename }, { "unit_born", unit_born }, { "unit_child", unit_child }, { "unit_thread", unit_thread },
	 { "exe_file", exe_file })
