// SPDX-License-Identifier: Apache-2.0
/*
 * What the hot path remembers of a directory: that it saves the decision for files that were never seen, and that it never outlives
 * what it rests on, nor saves a decision that has to be recorded. One process is led by hand, so that its memory is warm when the
 * thing that must end it happens.
 */
#include "led.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define BASE "/srv/mem"
#define ONE  BASE "/one"
#define TWO  BASE "/two"
#define OUT  BASE "/out"
#define FILES 8

#define STORES "store one { path " ONE " }\nstore two { path " TWO " }\nrole all { members user:writer }\n"
#define HEAD "polyward 1\npolicy suite { version 1  log denied }\n" STORES

static const char everything[] = HEAD "rule r { allow all to read, list, write, create, delete on one }\n"
				      "rule deposit { allow all to create on two }\n";
static const char reading[] = HEAD "rule r { allow all to read, list on one }\n";
static const char making[] = HEAD "rule r { allow all to read, list, write, create on one }\n";
static const char moving[] = HEAD "rule r { allow any to read, list, write, create, delete on one }\n"
				  "rule other { allow any to create, delete on two }\nrule see { allow root to read, write on two }\n"
				  "role root { members user:root }\n";
static const char loud[] = "polyward 1\npolicy suite { version 1 log all }\n" STORES "rule r { allow all to read, list, write, create, "
			   "delete on one }\n";
static const char trial[] = "polyward 1\npolicy suite { version 1 mode audit }\n" STORES "rule r { allow all to list on one }\n";
static const char strict[] = "polyward 1\npolicy suite { version 1  log denied }\nstore one { path " ONE " strict }\nrole all { members user:writer }\n"
			     "rule r { allow all to read, list, write, create, delete on one }\n";
static const char timed[] = HEAD "time hours { zone UTC  days mon-sun  hours 00:00-23:59 }\n"
				 "rule r { allow all to read, list, write, create, delete on one when during hours }\n";
static const char by_program[] = "polyward 1\npolicy suite { version 1  log denied }\nstore one { path " ONE " }\nprogram shell { exe /usr/bin/dash }\n"
				 "role sh { members user:root  program shell }\nrule r { allow sh to read, list on one }\n";

/* ---- the process that is led ---- */

static int op_churn(const char *dir)
{
	char path[160];
	int r = 0;

	for (int i = 0; i < FILES && !r; i++) {
		snprintf(path, sizeof(path), "%s/churn%d", dir, i);
		r = op_create(path);
		r = r ? r : op_write(path);
		r = r ? r : op_read(path);
		r = r ? r : op_unlink(path);
	}
	return r;
}

static int carry_out(struct led_order *o)
{
	switch (o->what) {
	case 'r': return op_read(o->path);
	case 'w': return op_write(o->path);
	case 't': return op_trunc(o->path);
	case 'c': return op_create(o->path);
	case 'u': return op_unlink(o->path);
	case 'm': return op_mkdir(o->path);
	case 'd': return op_rmdir(o->path);
	case '*': return op_churn(o->path);
	case '0': return setresuid(0, 0, 0) ? errno : 0;
	default:  return 222;
	}
}

/* The saved user stays root's: order '0' goes back to it. */
static int become(uid_t uid)
{
	return setresgid(2002, 2002, 2002) || setresuid(uid, uid, 0);
}

static struct led lead(uid_t uid)
{
	return led_start(become, uid, carry_out);
}

static struct pw_counters counters(struct suite *s)
{
	struct kernel_status st = { 0 };
	struct err e;

	(void)kernel_status(s->k, &st, &e);
	return st.sum;
}

static unsigned records(const struct suite *s, pid_t pid, uint8_t hook, uint8_t verdict)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->seen_count; i++)
		n += (pid_t)s->seen[i].tgid == pid && s->seen[i].hook == hook && s->seen[i].verdict == verdict;
	return n;
}

/* One order that must be refused: errno, counter and record. */
static void refused(struct suite *s, const struct led *l, const char *name, char what, const char *path, uint8_t hook)
{
	struct pw_counters was, is;
	int got;

	suite_drain(s);
	was = counters(s);
	got = led_ask(l, what, path);
	is = counters(s);
	suite_drain(s);
	suite_check(s, name, got == EACCES && is.denied == was.denied + 1 && records(s, l->pid, hook, PW_DENY) == 1,
		    "returned %d; denied +%llu, %u records", got, (unsigned long long)(is.denied - was.denied), records(s, l->pid, hook, PW_DENY));
}

static void warm(struct suite *s, const struct led *l, const char *dir)
{
	int got = led_ask(l, '*', dir) ? 1 : led_ask(l, '*', dir);

	suite_check(s, "... warm", got == 0, "returned %d", got);
}

static void make(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);

	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", path, strerror(errno));
	close(fd);
}

/* ---- cases ---- */

/* As `count` times making, writing, reading and removing a new file cost this many decisions. */
static void saves(struct suite *s, const char *name, const char *dir, uint64_t most)
{
	struct led l = lead(writer.uid);
	struct pw_counters was, is;
	int first = led_ask(&l, '*', dir), again;

	was = counters(s);
	again = led_ask(&l, '*', dir);
	is = counters(s);
	suite_check(s, name, !first && !again && is.allowed - was.allowed <= most, "returned %d, %d; %llu decisions for %d files", first, again,
		    (unsigned long long)(is.allowed - was.allowed), FILES);
	led_stop(&l);
}

static void only_what_was_asked(struct suite *s)
{
	struct led l;

	suite_apply(s, everything);
	saves(s, "new files in a store that are made, written, read and removed need no decision", ONE, 0);
	saves(s, "... nor do those beside it", OUT, 0);
	suite_apply(s, reading);
	l = lead(writer.uid);
	suite_check(s, "... reading one file", led_ask(&l, 'r', ONE "/f0") == 0 && led_ask(&l, 'r', ONE "/f0") == 0, "refused");
	suite_check(s, "to read is remembered of the directory", led_ask(&l, 'r', ONE "/f1") == 0, "refused");
	refused(s, &l, "... and not to write", 'w', ONE "/f2", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor to cut off", 't', ONE "/f2", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor to make", 'c', ONE "/new", PW_HOOK_pw_create);
	refused(s, &l, "... nor to remove", 'u', ONE "/f2", PW_HOOK_pw_unlink);
	refused(s, &l, "... nor anything in a directory below another store", 'r', TWO "/f0", PW_HOOK_pw_file_open);
	led_stop(&l);
	suite_apply(s, making);
	l = lead(writer.uid);
	suite_check(s, "... making two files", led_ask(&l, 'c', ONE "/new1") == 0 && led_ask(&l, 'c', ONE "/new2") == 0, "refused");
	refused(s, &l, "who made a file may still not remove it", 'u', ONE "/new1", PW_HOOK_pw_unlink);
	led_stop(&l);
	suite_apply(s, everything);
	suite_check(s, "... clean again", suite_run(&writer, op_unlink, ONE "/new1") == 0 && suite_run(&writer, op_unlink, ONE "/new2") == 0,
		    "cannot");
}

static void ends_with_the_policy(struct suite *s)
{
	struct led l;

	suite_apply(s, everything);
	l = lead(writer.uid);
	warm(s, &l, ONE);
	suite_apply(s, making);
	refused(s, &l, "the next policy takes removing away", 'u', ONE "/f3", PW_HOOK_pw_unlink);
	suite_apply(s, reading);
	refused(s, &l, "... the one after it making", 'c', ONE "/new", PW_HOOK_pw_create);
	refused(s, &l, "... and writing", 'w', ONE "/f3", PW_HOOK_pw_file_open);
	suite_apply(s, everything);
	warm(s, &l, ONE);
	suite_check(s, "... changes its user", led_ask(&l, '0', "") == 0, "cannot");
	refused(s, &l, "as another user it may not make", 'c', ONE "/new", PW_HOOK_pw_create);
	refused(s, &l, "... nor remove", 'u', ONE "/f3", PW_HOOK_pw_unlink);
	refused(s, &l, "... nor read", 'r', ONE "/f3", PW_HOOK_pw_file_open);
	led_stop(&l);
}

/* The shell's role opens two files, then the same task becomes another program. */
static int op_exec_away(const void *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)arg;
	dup2(null, 1);
	dup2(null, 2);
	execl("/usr/bin/dash", "sh", "-c", "read a <" ONE "/f0 && read a <" ONE "/f1 || exit 9; exec cat " ONE "/f2", (char *)NULL);
	return 224;
}

static void ends_with_the_program(struct suite *s)
{
	int got;

	suite_apply(s, by_program);
	got = suite_run(&root, op_exec_away, NULL);
	suite_check(s, "another program in the same task may not read", got == 1, "the shell ended with %d", got);
}

static void labels(struct suite *s)
{
	static const struct two out = { ONE "/f4", TWO "/f4" };
	struct led l;

	suite_apply(s, everything);
	l = lead(writer.uid);
	warm(s, &l, ONE);
	warm(s, &l, OUT);
	refused(s, &l, "a registered hard link among others outside is not read", 'r', OUT "/alias", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor written", 'w', OUT "/alias", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor its name removed", 'u', OUT "/alias", PW_HOOK_pw_unlink);
	suite_check(s, "... reading the file that will go", led_ask(&l, 'r', ONE "/f4") == 0 && led_ask(&l, 'r', ONE "/f4") == 0, "refused");
	suite_check(s, "... it goes to the other store", suite_run(&writer, op_rename, &out) == 0, "cannot");
	refused(s, &l, "there it is not read", 'r', TWO "/f4", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor removed", 'u', TWO "/f4", PW_HOOK_pw_unlink);
	led_stop(&l);
}

/* All of these must be seen by somebody: nothing of it may be remembered. */
static void recorded(struct suite *s, const char *name, const char *policy, uint8_t verdict)
{
	struct led l;
	unsigned made, opened, removed;
	int got;

	suite_apply(s, policy);
	l = lead(writer.uid);
	suite_drain(s);
	got = led_ask(&l, '*', ONE);
	suite_drain(s);
	made = records(s, l.pid, PW_HOOK_pw_create, verdict);
	opened = records(s, l.pid, PW_HOOK_pw_file_open, verdict);
	removed = records(s, l.pid, PW_HOOK_pw_unlink, verdict);
	suite_check(s, name, got == 0 && made == FILES && opened == 3 * FILES && removed == FILES,
		    "returned %d; %u made, %u opened, %u removed are recorded of %d, %d, %d", got, made, opened, removed, FILES, 3 * FILES, FILES);
	led_stop(&l);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void by_the_clock(struct suite *s)
{
	uint64_t until[PW_WINDOWS_MAX];
	struct led l;

	suite_apply(s, timed);
	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until[w] = now_ns() + 1000000000u;
	kernel_windows(s->k, 1, until);
	l = lead(writer.uid);
	warm(s, &l, ONE);
	nanosleep(&(struct timespec){ 1, 300000000 }, NULL);
	refused(s, &l, "after the window nothing is made", 'c', ONE "/new", PW_HOOK_pw_create);
	refused(s, &l, "... nor read", 'r', ONE "/f5", PW_HOOK_pw_file_open);
	refused(s, &l, "... nor removed", 'u', ONE "/f5", PW_HOOK_pw_unlink);
	led_stop(&l);
}

/* A directory that goes away leaves its address to the next one: of another store. It goes by the hand of `who`. */
static void addresses(struct suite *s, const char *name, bool by_itself)
{
	struct led l, maker;
	int through = 0, odd = 0;

	suite_apply(s, moving);
	l = lead(other.uid);
	maker = lead(0);
	for (int i = 0; i < 300; i++) {
		const struct led *by = by_itself ? &l : &maker;

		odd += led_ask(by, 'm', ONE "/d") != 0;
		odd += led_ask(by, 'c', ONE "/d/f") != 0;
		odd += chmod(ONE "/d/f", 0666) != 0;
		odd += led_ask(&l, 'r', ONE "/d/f") != 0;
		odd += led_ask(by, 'u', ONE "/d/f") != 0;
		odd += led_ask(by, 'd', ONE "/d") != 0;
		odd += mkdir(TWO "/d", 0777) != 0;
		make(TWO "/d/f");
		through += led_ask(&l, 'r', TWO "/d/f") != EACCES;
		unlink(TWO "/d/f");
		odd += rmdir(TWO "/d") != 0;
	}
	suite_drain(s);
	suite_check(s, name, !through && !odd, "%d of 300 let through, %d steps failed", through, odd);
	led_stop(&maker); /* the later one holds copies of the earlier one's pipes */
	led_stop(&l);
}

/* A file that goes to and fro between what may be read and what may not, while it is opened. */
static void races(struct suite *s)
{
	static const struct two there = { ONE "/race", TWO "/race" }, back = { TWO "/race", ONE "/race" };
	int status = 0, wrong = 0, seen = 0;
	pid_t mover;

	suite_apply(s, moving);
	make(ONE "/race");
	make(ONE "/calm");
	fflush(stdout);
	mover = fork();
	if (!mover) {
		for (int i = 0; i < 1500; i++)
			if (op_rename(&there) || op_rename(&back))
				_exit(1);
		_exit(0);
	}
	for (struct led l = lead(other.uid);; ) {
		int got = led_ask(&l, 'r', TWO "/race");

		seen += got == EACCES;
		wrong += got != EACCES && got != ENOENT;
		wrong += led_ask(&l, 'r', ONE "/calm") != 0;
		if (waitpid(mover, &status, WNOHANG) == mover) {
			led_stop(&l);
			break;
		}
	}
	suite_drain(s);
	suite_check(s, "a file that is moved to and fro is never read where it may not be", !wrong && !status && seen, "%d wrong, mover %d, "
		    "met %d times", wrong, status, seen);
}

static void prepare(void)
{
	static const char *const dirs[] = { BASE, ONE, TWO, OUT };
	char path[160];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0777) || chmod(dirs[i], 0777))
			printf("# cannot make %s: %s\n", dirs[i], strerror(errno));
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), ONE "/f%d", i);
		make(path);
	}
	make(TWO "/f0");
	make(TWO "/linked");
	if (link(TWO "/linked", OUT "/alias"))
		printf("# cannot link: %s\n", strerror(errno));
}

void cases_memory(struct suite *s)
{
	prepare();
	only_what_was_asked(s);
	ends_with_the_policy(s);
	ends_with_the_program(s);
	labels(s);
	recorded(s, "log all: each of them is recorded", loud, PW_ALLOW);
	recorded(s, "mode audit: each of them is recorded", trial, PW_AUDIT);
	recorded(s, "a strict store: each of them is recorded", strict, PW_ALLOW);
	by_the_clock(s);
	addresses(s, "a new directory at the address of one that somebody removed has none of its permissions", false);
	addresses(s, "... nor of one that it removed itself", true);
	races(s);
}
