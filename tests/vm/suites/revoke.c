// SPDX-License-Identifier: Apache-2.0
/*
 * A right ends while a file is open: the very next read and the very next write fail, whatever was remembered, for whatever reason it
 * ended. Each case reads or writes twice before, so that there is something to be remembered.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define OBJECT "/srv/revoke/f"
#define HEAD "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/revoke }\nrole readers { members user:reader }\n" \
	"role team { members group:team }\ntime hours { zone UTC  days mon-sun  hours 00:00-23:59 }\n"

static const char timed[] = HEAD "rule r { allow readers to read, write on data when during hours }\n";
static const char opened[] = HEAD "rule r { allow readers, team to read, write on data }\n";
static const char by_unit[] = "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/revoke }\n"
	"role service { members user:reader  unit revoke.service }\nrule r { allow service to read, write on data }\n";
static const char closed[] = HEAD "rule r { allow readers, team to list on data }\n";

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void leases(struct suite *s, uint64_t until_ns)
{
	uint64_t until[PW_WINDOWS_MAX];

	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until[w] = until_ns;
	kernel_windows(s->k, 1, until);
}

static void sleep_until(uint64_t at_ns)
{
	while (now_ns() < at_ns) {
		struct timespec t = { 0, 20000000 };

		nanosleep(&t, NULL);
	}
}

/* ---- what happens in between: in the reader itself, or to it ---- */
struct between { struct suite *s; bool writes; int (*happens)(const struct between *b); uint64_t at_ns; };

static int lease_runs_out(const struct between *b)
{
	sleep_until(b->at_ns);
	return 0;
}

static int leaves_its_group(const struct between *b)
{
	(void)b;
	return setgroups(0, NULL);
}

#define SLICE "/sys/fs/cgroup/system.slice"

/* What process 1 has placed somebody else takes out. */
static int leaves_its_unit(const struct between *b)
{
	_fd_ int fd = -1;

	(void)b;
	if (setresuid(-1U, 0, 0))
		return -1;
	fd = open(SLICE "/cgroup.procs", O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "0", 1) != 1;
}

static int placed_by_init(void)
{
	char command[128];

	snprintf(command, sizeof(command), "tests/vm/pid1 place %d " SLICE "/revoke.service", (int)getpid());
	return system(command);
}

/* The reader keeps what it takes to give up its group, but goes by its real user. */
static int become_for(const struct between *b)
{
	const gid_t team = 2001;

	if (b->happens == leaves_its_unit)
		return placed_by_init() || setgroups(0, NULL) || setresgid(reader.gid, reader.gid, reader.gid) || setresuid(reader.uid, 0, 0);
	if (b->happens != leaves_its_group)
		return setgroups(0, NULL) || setresgid(reader.gid + 50, reader.gid + 50, reader.gid + 50) || setresuid(reader.uid, reader.uid, reader.uid);
	return setgroups(1, &team) || setresgid(other.gid, other.gid, other.gid) || setresuid(other.uid, 0, 0);
}

static int use(int fd, bool writes)
{
	char byte = 'r';
	ssize_t n = writes ? pwrite(fd, &byte, 1, 0) : pread(fd, &byte, 1, 0);

	return n == 1 ? 0 : errno;
}

static int run_case(const struct between *b)
{
	_fd_ int fd = -1;

	if (become_for(b))
		return 240;
	fd = open(OBJECT, b->writes ? O_WRONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 241;
	if (use(fd, b->writes) || use(fd, b->writes))
		return 242;
	if (b->happens(b))
		return 243;
	return use(fd, b->writes);
}

static struct pw_counters sums(struct suite *s)
{
	struct kernel_status st = { 0 };
	struct err e;

	(void)kernel_status(s->k, &st, &e);
	return st.sum;
}

/* EACCES, one refusal more, and its record: by this process, through the open file, under this generation. */
static void check(struct suite *s, const char *name, const struct between *b, uint32_t gen)
{
	struct pw_counters was, is;
	const struct pw_event *ev = NULL;
	uid_t uid = b->happens == leaves_its_group ? other.uid : reader.uid;
	int status = 0;
	pid_t pid;

	suite_drain(s);
	was = sums(s);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		suite_stranger();
		_exit(run_case(b));
	}
	waitpid(pid, &status, 0);
	is = sums(s);
	suite_drain(s);
	for (size_t i = 0; i < s->seen_count; i++)
		if ((pid_t)s->seen[i].tgid == pid && s->seen[i].verdict == PW_DENY)
			ev = &s->seen[i];
	suite_check(s, name, WIFEXITED(status) && WEXITSTATUS(status) == EACCES && is.denied == was.denied + 1 && is.lost == was.lost && ev &&
		    ev->hook == PW_HOOK_pw_file_perm && ev->uid == uid && ev->gen == gen && ev->error == -EACCES &&
		    ev->missing == (b->writes ? PW_A_WRITE : PW_A_READ),
		    "returned %d, denied +%llu, %s", WEXITSTATUS(status), (unsigned long long)(is.denied - was.denied),
		    ev ? "recorded otherwise" : "not recorded");
}

static void windows(struct suite *s)
{
	static const char *const names[] = { "revoked: a window ends, the next read", "revoked: a window ends, the next write" };

	suite_apply(s, timed);
	for (int w = 0; w < 2; w++) {
		struct between b = { .s = s, .writes = w, .happens = lease_runs_out, .at_ns = now_ns() + 700000000u };

		leases(s, b.at_ns);
		check(s, names[w], &b, s->gen);
	}
}

static void groups(struct suite *s)
{
	static const char *const names[] = { "revoked: a process leaves its group, the next read", "revoked: ... the next write" };

	suite_apply(s, opened);
	for (int w = 0; w < 2; w++) {
		const struct between b = { .s = s, .writes = w, .happens = leaves_its_group };

		check(s, names[w], &b, s->gen);
	}
}

static void units(struct suite *s)
{
	static const char *const names[] = { "revoked: a process is taken out of its unit, the next read", "revoked: ... the next write" };

	mkdir(SLICE, 0755);
	mkdir(SLICE "/revoke.service", 0755);
	suite_apply(s, by_unit);
	for (int w = 0; w < 2; w++) {
		const struct between b = { .s = s, .writes = w, .happens = leaves_its_unit };

		check(s, names[w], &b, s->gen);
	}
}

static void reverts(struct suite *s)
{
	static const char *const names[] = { "revoked: a policy that nobody confirmed, the next read", "revoked: ... the next write" };
	struct err e = { 0 };

	for (int w = 0; w < 2; w++) {
		struct between b = { .s = s, .writes = w, .happens = lease_runs_out };
		uint32_t first, second;

		suite_apply(s, closed);
		first = s->gen;
		second = suite_stage(s, opened);
		b.at_ns = now_ns() + 1000000000u;
		if (kernel_flip(s->k, second, b.at_ns, &e))
			printf("# %s\n", e.text);
		check(s, names[w], &b, first);
		suite_check(s, "... and the one before is back", kernel_revert(s->k, &e) == 0, "%s", e.text);
		kernel_retire(s->k, second);
	}
}

void cases_revoke(struct suite *s)
{
	_fd_ int fd = -1;

	mkdir("/srv/revoke", 0777);
	chmod("/srv/revoke", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", OBJECT, strerror(errno));
	windows(s);
	groups(s);
	units(s);
	reverts(s);
}
