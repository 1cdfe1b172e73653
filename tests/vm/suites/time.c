// SPDX-License-Identifier: Apache-2.0
/* What the clock and the mode change: windows as leases, a change that goes back by itself, rules on trial. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define HEAD "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/time }\nrole readers { members user:reader }\n"
#define OBJECT "/srv/time/f"

static const char windowed[] =
	"polyward 1\npolicy suite { version 1 }\nstore data { path /srv/time }\nrole readers { members user:reader }\n"
	"time hours { zone UTC  days mon-sun  hours 00:00-23:59 }\nrule r { allow readers to read on data when during hours }\n";
static const char closed[] = HEAD "rule r { allow readers to list on data }\n";
static const char opened[] = HEAD "rule r { allow readers to read on data }\n";
static const char trial[] =
	"polyward 1\npolicy suite { version 1  mode audit }\nstore data { path /srv/time }\nrole readers { members user:reader }\n"
	"rule r { allow readers to read on data }\n";

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void leases(struct suite *s, uint32_t open, uint64_t until_ns)
{
	uint64_t until[PW_WINDOWS_MAX];

	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until[w] = until_ns;
	kernel_windows(s->k, open, until);
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void windows(struct suite *s)
{
	suite_apply(s, windowed);
	leases(s, 0, 0);
	suite_case(s, "a closed window", &reader, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
	leases(s, 1, now_ns() + 60000000000u);
	suite_case(s, "an open window", &reader, op_read, OBJECT, ALLOWED(pw_file_open, PW_A_READ));
	leases(s, 1, now_ns() + 300000000u);
	sleep_ms(600);
	suite_case(s, "a lease that nobody renewed", &reader, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
}

static uint32_t deciding(struct suite *s)
{
	struct kernel_status st = { 0 };
	struct err e;

	(void)kernel_status(s->k, &st, &e);
	return st.gen;
}

/* Stage a second policy, flip to it with a deadline. Returns its generation. */
static uint32_t flip_for(struct suite *s, const char *policy, uint64_t ns)
{
	struct err e = { 0 };
	uint32_t gen = suite_stage(s, policy);

	suite_check(s, "flip with a deadline", kernel_flip(s->k, gen, now_ns() + ns, &e) == 0 && deciding(s) == gen, "%s", e.text);
	return gen;
}

static void deadlines(struct suite *s)
{
	struct err e = { 0 };
	uint32_t first, second;

	suite_apply(s, closed);
	first = s->gen;
	second = flip_for(s, opened, 1500000000u);
	s->gen = second;
	suite_case(s, "before the deadline the new policy decides", &reader, op_read, OBJECT, ALLOWED(pw_file_open, PW_A_READ));
	sleep_ms(1800);
	s->gen = first;
	suite_case(s, "after it the old one does, with nobody's help", &reader, op_read, OBJECT, REFUSED(pw_file_open, PW_A_READ));
	suite_check(s, "too late to confirm", kernel_confirm(s->k, &e) == -ETIME && deciding(s) == first, "%s", e.text);
	suite_check(s, "taken back for good", kernel_revert(s->k, &e) == 0 && deciding(s) == first, "%s", e.text);
	suite_check(s, "nothing more to confirm", kernel_confirm(s->k, &e) == -ENOENT, "%s", e.text);
	kernel_retire(s->k, second);
	second = flip_for(s, opened, 60000000000u);
	suite_check(s, "confirmed in time", kernel_confirm(s->k, &e) == 0 && deciding(s) == second, "%s", e.text);
	kernel_retire(s->k, first);
	s->gen = second;
	suite_case(s, "... and it stays", &reader, op_read, OBJECT, ALLOWED(pw_file_open, PW_A_READ));
}

static void audit(struct suite *s)
{
	suite_apply(s, trial);
	suite_case(s, "mode audit lets pass and says so", &other, op_read, OBJECT,
		   (struct want){ 0, PW_HOOK_pw_file_open, PW_AUDIT, PW_R_DEFAULT, PW_A_READ });
	suite_case(s, "... and every read again", &other, op_read, OBJECT,
		   (struct want){ 0, PW_HOOK_pw_file_perm, PW_AUDIT, PW_R_DEFAULT, PW_A_READ });
	suite_case(s, "... what is allowed is allowed", &reader, op_read, OBJECT, ALLOWED(pw_file_open, PW_A_READ));
}

void cases_time(struct suite *s)
{
	int fd;

	mkdir("/srv/time", 0777);
	chmod("/srv/time", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", OBJECT, strerror(errno));
	close(fd);
	windows(s);
	deadlines(s);
	audit(s);
}
