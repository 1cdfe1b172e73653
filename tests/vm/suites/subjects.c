// SPDX-License-Identifier: Apache-2.0
/*
 * Who acts: users, groups, programs and units, on task storage that must never be older than what it was computed from; and what was
 * opened before a policy said otherwise.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define HEAD "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/who }\n"
#define OBJECT "/srv/who/f"

static const char by_group[] =
	HEAD "role team { members group:team }\nrole many { members group:many }\nrule r { allow team, many to list, read on data }\n";
static const char by_program[] =
	HEAD "program reader { exe /usr/bin/head }\nrole tool { members user:reader  program reader }\nrule r { allow tool to read on data }\n";
static const char by_unit[] =
	HEAD "role service { members user:reader  unit suite.service }\nrule r { allow service to read on data }\n";
static const char open_to_reader[] = HEAD "role readers { members user:reader }\nrule r { allow readers to list, read on data }\n";
static const char open_to_nobody[] = HEAD "role readers { members user:reader }\nrule r { allow readers to list on data }\n";

static const char not_for_root[] =
	HEAD "rule r { allow any to read, list on data }\nrule no { deny any to read on data when user root absolute }\n";

/* ---- operations of this theme ---- */

struct login { const char *login_uid; uid_t uid; };

/* Logs in as one user and goes on as another, as su and sudo do. */
static int op_after_login(const void *arg)
{
	const struct login *as = arg;
	_fd_ int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, as->login_uid, strlen(as->login_uid)) || setresuid(as->uid, as->uid, as->uid))
		return 221;
	return op_read(OBJECT);
}

/* Logs in as root and then makes itself the other's login, as who may write login uids can. */
static int op_takes_login(const void *arg)
{
	_fd_ int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, "0", 1))
		return 222;
	return op_after_login(arg);
}

static int op_with_groups(const void *arg)
{
	gid_t gids[300];
	const int *count = arg;

	for (int i = 0; i < *count; i++)
		gids[i] = (gid_t)(i == *count - 1 ? 3000 : 10000 + i);
	/* The child is root until here; it goes on as another user with these groups. */
	if (setgroups((size_t)*count, gids) || setresgid(2003, 2003, 2003) || setresuid(1003, 1003, 1003))
		return 210;
	return op_read(OBJECT);
}

/* Allowed as the reader, then the same process becomes somebody else: what was remembered must not count. */
static int op_changes_user(const void *arg)
{
	_fd_ int fd = -1;
	char byte;

	(void)arg;
	if (setresgid(2001, 2001, 2001) || setresuid(1001, 1001, 0))
		return 211;
	fd = open(OBJECT, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &byte, 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1)
		return 212;
	if (setresuid(0, 0, 0))
		return 213;
	return pread(fd, &byte, 1, 0) == 1 ? 0 : errno;
}

static int op_head(const void *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)arg;
	dup2(null, 1);
	dup2(null, 2);
	execl("/usr/bin/head", "head", "-c1", OBJECT, (char *)NULL);
	return 214;
}

/* A set user id program's way: the effective user is the role's, the real one is not. */
static int op_effective_only(const void *arg)
{
	(void)arg;
	if (setresuid(1003, 1001, 0))
		return 215;
	return op_read(OBJECT);
}

static int enter_cgroup(const char *path)
{
	char procs[128];
	_fd_ int fd = -1;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1 ? -1 : 0;
}

/* Process 1 is the one whose word counts: it is asked to put this process there, as systemd does when it starts a service. */
static int be_placed(const char *path)
{
	char command[160];

	snprintf(command, sizeof(command), "tests/vm/pid1 place %d %s", (int)getpid(), path);
	return system(command) == 0 ? 0 : -1;
}

static int read_as_reader(void)
{
	int got;

	if (setresuid(1001, 1001, 0))
		return 216;
	got = op_read(OBJECT);
	return setresuid(0, 0, 0) ? 217 : got;
}

/* Reads as the reader in this control group: its own first, so that moving is what changes the answer. */
static int op_in_cgroup(const void *arg)
{
	if (setresgid(2001, 2001, 2001) || read_as_reader() != EACCES || be_placed(arg))
		return 218;
	return read_as_reader();
}

/* The same by its own hand, and then a child of it. */
static int op_enters_cgroup(const void *arg)
{
	int status = 0;
	pid_t pid;

	if (setresgid(2001, 2001, 2001) || enter_cgroup(arg))
		return 222;
	if (read_as_reader() != EACCES)
		return 0;
	pid = fork();
	if (!pid)
		_exit(read_as_reader());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 223;
}

/* ... and then process 1 puts it there all the same. */
static int op_enters_and_is_placed(const void *arg)
{
	if (setresgid(2001, 2001, 2001) || enter_cgroup(arg) || read_as_reader() != EACCES || be_placed(arg))
		return 224;
	return read_as_reader();
}

/* Placed, then moves within its unit, as a service does that was given its own tree. */
static int op_moves_within(const void *arg)
{
	char inner[128];

	snprintf(inner, sizeof(inner), "%s/inner", (const char *)arg);
	mkdir(inner, 0755);
	if (setresgid(2001, 2001, 2001) || be_placed(arg) || enter_cgroup(inner))
		return 225;
	return read_as_reader();
}

/* Born in the unit's control group by clone3. */
static int op_is_born_in_cgroup(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args a = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (__u64)fd };
	int status = 0;
	pid_t pid;

	if (setresgid(2001, 2001, 2001))
		return 226;
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (!pid)
		_exit(read_as_reader());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 227;
}

static void groups(struct suite *s)
{
	static const int few = 3, lots = 290;

	suite_apply(s, by_group);
	suite_case(s, "by real group", &reader, op_read, OBJECT, ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "root has no role by a group", &(struct who){ 0, 2001 }, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
	suite_check(s, "by the last of 3 supplementary groups", suite_run(&root, op_with_groups, &few) == 0, "refused");
	suite_check(s, "by the last of 290 supplementary groups", suite_run(&root, op_with_groups, &lots) == 0, "refused");
	suite_case(s, "by no group", &other, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
}

static void programs(struct suite *s)
{
	suite_apply(s, by_program);
	suite_case(s, "by program: another program of the same user", &reader, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "by program: the program", &reader, op_head, NULL, ALLOWED(pw_file_open, PW_A_READ));
	suite_check(s, "by program: the program run by another user", suite_run(&other, op_head, NULL) == 1, "head ended otherwise than with 1");
}

static void units(struct suite *s)
{
	static const char *const dirs[] = { "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/system.slice/suite.service",
					    "/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/user.slice/suite.service",
					    "/sys/fs/cgroup/system.slice/x.service", "/sys/fs/cgroup/system.slice/x.service/suite.service" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
	suite_apply(s, by_unit);
	suite_check(s, "by unit: refused outside, allowed once process 1 placed it", suite_run(&root, op_in_cgroup, dirs[1]) == 0, "not allowed");
	suite_check(s, "by unit: who puts itself there has no role, nor its child", suite_run(&root, op_enters_cgroup, dirs[1]) == EACCES, "allowed");
	suite_check(s, "by unit: ... until process 1 does so", suite_run(&root, op_enters_and_is_placed, dirs[1]) == 0, "not allowed");
	suite_check(s, "by unit: moves within it are its own business", suite_run(&root, op_moves_within, dirs[1]) == 0, "not allowed");
	suite_check(s, "by unit: who was born there by another's hand has no role", suite_run(&root, op_is_born_in_cgroup, dirs[1]) == EACCES,
		    "allowed");
	suite_check(s, "by unit: a namesake below user.slice does not count", suite_run(&root, op_in_cgroup, dirs[3]) == EACCES, "allowed");
	suite_check(s, "by unit: a namesake below another service does not count", suite_run(&root, op_in_cgroup, dirs[5]) == EACCES, "allowed");
}

/* su and sudo neither carry a person's role along nor shake off what is denied to a person. */
static void logins(struct suite *s)
{
	static const struct login reader_as_self = { "1001", 1001 }, root_as_reader = { "0", 1001 }, reader_as_root = { "1001", 0 },
				  reader_as_other = { "1001", 1003 };

	suite_apply(s, open_to_reader);
	suite_check(s, "logged in as the reader", suite_run(&root, op_after_login, &reader_as_self) == 0, "refused");
	suite_check(s, "root, logged in anew as the reader, has no role", suite_run(&root, op_takes_login, &reader_as_self) == EACCES,
		    "not refused");
	suite_check(s, "root, by su to the reader, has no role", suite_run(&root, op_after_login, &root_as_reader) == EACCES, "not refused");
	suite_apply(s, not_for_root);
	suite_case(s, "root reached by sudo is still root to a deny", &root, op_after_login, &reader_as_root, REFUSED_FOR(pw_file_open, ABSOLUTE));
	suite_check(s, "who was root at login is root to a deny", suite_run(&root, op_after_login, &root_as_reader) == EACCES, "not refused");
	suite_check(s, "root that took another's login is root to a deny", suite_run(&root, op_takes_login, &reader_as_self) == EACCES,
		    "not refused");
	suite_check(s, "neither of them root", suite_run(&root, op_after_login, &reader_as_other) == 0, "refused");
}

/* Reads twice at once, on command: says what happened after the policy changed. */
static int op_holds_open(const void *arg)
{
	const int *pipes = arg;
	_fd_ int fd = open(OBJECT, O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd < 0 || pread(fd, &byte, 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1)
		return 218;
	if (write(pipes[1], "r", 1) != 1 || read(pipes[2], &byte, 1) != 1)
		return 219;
	return pread(fd, &byte, 1, 0) == 1 ? 0 : errno;
}

static void revocation(struct suite *s)
{
	int up[2], down[2], pipes[3], status = 0;
	char byte;
	pid_t pid;

	suite_apply(s, open_to_reader);
	if (pipe(up) || pipe(down))
		return;
	pipes[1] = up[1];
	pipes[2] = down[0];
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setresgid(2001, 2001, 2001) || setresuid(1001, 1001, 1001))
			_exit(220);
		_exit(op_holds_open(pipes));
	}
	if (read(up[0], &byte, 1) == 1)
		suite_apply(s, open_to_nobody);
	if (write(down[1], "x", 1) != 1)
		printf("# cannot wake the reader\n");
	waitpid(pid, &status, 0);
	suite_check(s, "an open file loses access with the next policy", WIFEXITED(status) && WEXITSTATUS(status) == EACCES, "read returned %d",
		    WEXITSTATUS(status));
	suite_apply(s, open_to_reader);
	suite_check(s, "a process that changes its user loses what was remembered", suite_run(&root, op_changes_user, NULL) == EACCES,
		    "not refused");
	suite_check(s, "the effective user alone gives no role", suite_run(&root, op_effective_only, NULL) == EACCES, "not refused");
}

void cases_subjects(struct suite *s)
{
	int fd;

	mkdir("/srv/who", 0777);
	chmod("/srv/who", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", OBJECT, strerror(errno));
	close(fd);
	groups(s);
	programs(s);
	units(s);
	logins(s);
	revocation(s);
}
