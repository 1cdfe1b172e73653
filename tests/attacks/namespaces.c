// SPDX-License-Identifier: Apache-2.0
/* Into every kind of namespace, alone and all together, and then the plain way; and again with a mapping of other users. */
#include "attack.h"

#include <sched.h>

static int after(int flags)
{
	if (flags & CLONE_NEWUSER || !geteuid())
		own_namespaces(flags & ~(CLONE_NEWUSER | CLONE_NEWNS));
	else
		own_namespaces(flags);
	return take_path(mine());
}

/* A namespace of processes or times begins with the next child. */
static int after_in_child(void *flags)
{
	int pid;

	own_namespaces(*(int *)flags);
	pid = fork();
	need(pid >= 0);
	if (!pid)
		_exit(take_path(mine()));
	return reap(pid);
}

static int user(void)   { return after(CLONE_NEWUSER); }
static int mnt(void)    { return after(CLONE_NEWNS); }
static int net(void)    { return after(CLONE_NEWNET); }
static int ipc(void)    { return after(CLONE_NEWIPC); }
static int uts(void)    { return after(CLONE_NEWUTS); }
static int cgroup(void) { return after(CLONE_NEWCGROUP); }
static int pid(void)    { int f = CLONE_NEWPID; return after_in_child(&f); }
static int time_(void)  { int f = 0x80; return after_in_child(&f); } /* CLONE_NEWTIME */
static int all(void)
{
	int f = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	return after_in_child(&f);
}

/* Root maps the keeper's number to itself in a new namespace and becomes it there: by name the keeper, by kernel user somebody else. */
static int as_keeper(void)
{
	int pid = fork(), go[2];

	need(pid >= 0 && !pipe(go));
	if (!pid) {
		char map[64];

		need(!unshare(CLONE_NEWUSER));
		snprintf(map, sizeof(map), "%d %d 1", KEEPER, (int)me());
		(void)put("/proc/self/setgroups", "deny");
		need(!put("/proc/self/uid_map", map));
		say("here I am uid %d", (int)getuid());
		_exit(take_path(mine()));
	}
	return reap(pid);
}

VARIANTS({ "user", user }, { "mnt", mnt }, { "net", net }, { "ipc", ipc }, { "uts", uts }, { "cgroup", cgroup }, { "pid", pid },
	 { "time", time_ }, { "all", all }, { "as_keeper", as_keeper })
