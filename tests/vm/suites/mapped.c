// SPDX-License-Identifier: Apache-2.0
/* Mappings that exist when a right goes: which of them the iterator reports, and what it says that they may no longer do. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define OBJECT "/srv/mapped/f"
#define HEAD "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/mapped }\n" \
	"role readers { members user:reader }\nrole writers { members user:writer }\nrole team { members group:team }\n"

static const char open_to_all[] =
	HEAD "rule r { allow readers, team to read on data }\nrule w { allow writers to read, write, exec on data }\n";
static const char readers_only[] = HEAD "rule r { allow readers to read on data }\nrule w { allow writers to read on data }\n";
static const char nobody[] = HEAD "rule r { allow readers, writers to list on data }\n";
static const char timed[] = HEAD "time hours { zone UTC  days mon-sun  hours 00:00-23:59 }\n"
	"rule r { allow readers to read on data when during hours }\n";
static const char killing[] = "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/mapped on-tighten kill after 5s }\n"
	"role readers { members user:reader }\nrule r { allow readers to list on data }\n";

#define LAYERED "polyward 1\npolicy suite { version 1 }\nstore layered { path /opt/mapped }\nrole writers { members user:writer }\n"

static const char layered_open[] = LAYERED "rule w { allow writers to read, write on layered }\n";
static const char layered_closed[] = LAYERED "rule w { allow writers to list on layered }\n";

/* A process that maps the object and waits. */
struct holder { pid_t pid; int up, down; };
struct how { const struct who *who; int prot, flags; const char *path; };

static int hold(const struct how *h, const int up, const int down)
{
	_fd_ int fd = open(h->path, h->prot & PROT_WRITE || !h->prot ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, h->prot, h->flags, fd, 0);
	char byte = at == MAP_FAILED ? 'x' : 'm';

	if (write(up, &byte, 1) != 1)
		return 1;
	while (read(down, &byte, 1) == 1 && byte != 'q') {
		if (byte == 'g' && (setgroups(0, NULL) || write(up, "g", 1) != 1))
			return 2;
		if (byte == 'w')
			byte = !mprotect(at, 4096, PROT_READ | PROT_WRITE) ? 'w' : errno == EACCES ? 'd' : 'e';
		if (byte == 'p')
			byte = !syscall(SYS_remap_file_pages, at, 4096, 0, 0, 0) ? 'p' : errno == EACCES ? 'd' : 'e';
		if (byte != 'g' && write(up, &byte, 1) != 1)
			return 2;
	}
	return 0;
}

static char answer(const struct holder *h)
{
	char byte = 0;

	return read(h->up, &byte, 1) == 1 ? byte : 0;
}

static struct holder start_holder(const struct how *h, bool by_group)
{
	const gid_t team = 2001;
	struct holder ret = { -1, -1, -1 };
	int up[2], down[2];

	if (pipe(up) || pipe(down))
		return ret;
	fflush(stdout);
	ret.pid = fork();
	if (!ret.pid) {
		close(up[0]);
		close(down[1]);
		suite_stranger();
		/* With a group of its own it keeps what it takes to give it up again. */
		if (setgroups(by_group, &team) || (by_group && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) ||
		    setresgid(h->who->gid, h->who->gid, h->who->gid) || setresuid(h->who->uid, by_group ? 0 : h->who->uid, by_group ? 0 : h->who->uid))
			_exit(253);
		_exit(hold(h, up[1], down[0]));
	}
	close(up[1]);
	close(down[0]);
	ret.up = up[0];
	ret.down = down[1];
	return ret;
}

static void stop_holder(struct holder *h)
{
	/* Later holders have inherited our end, so that closing it would tell nobody. */
	if (write(h->down, "q", 1) != 1)
		kill(h->pid, SIGKILL);
	close(h->down);
	close(h->up);
	waitpid(h->pid, NULL, 0);
}

struct look { pid_t pid; uint32_t gen, mappings, missing, need; bool good; uint64_t took_ns; };

static int take(void *ctx, const struct pw_mapped *m)
{
	struct look *l = ctx;

	if ((pid_t)m->tgid != l->pid)
		return 0;
	l->mappings++;
	l->missing |= m->missing;
	l->need |= m->need;
	l->good = l->good && m->gen == l->gen && m->label == 1 && m->ino && m->dev && m->start_boot_ns;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct look look_at(struct suite *s, pid_t pid)
{
	struct look l = { .pid = pid, .gen = s->gen, .good = true };
	struct err e = { 0 };
	uint64_t from_ns = now_ns();

	if (kernel_mapped(s->k, take, &l, &e) < 0) {
		printf("# %s\n", e.text);
		l.good = false;
	}
	l.took_ns = now_ns() - from_ns;
	return l;
}

static void expect(struct suite *s, const char *name, const struct holder *h, uint32_t need, uint32_t missing)
{
	struct look l = look_at(s, h->pid);

	suite_check(s, name, l.good && l.mappings == 1 && l.need == need && l.missing == missing,
		    "%u mappings, need %#x missing %#x, expected %#x %#x", l.mappings, l.need, l.missing, need, missing);
}

static void policies(struct suite *s)
{
	const struct how by_reader = { &reader, PROT_READ, MAP_SHARED, OBJECT }, by_writer = { &writer, PROT_READ | PROT_WRITE, MAP_SHARED, OBJECT },
			 private_copy = { &writer, PROT_READ | PROT_WRITE, MAP_PRIVATE, OBJECT },
			 code = { &writer, PROT_READ | PROT_EXEC, MAP_PRIVATE, OBJECT }, none = { &writer, PROT_NONE, MAP_PRIVATE, OBJECT };
	struct holder h[5];
	struct look l;

	suite_apply(s, open_to_all);
	h[0] = start_holder(&by_reader, false);
	h[1] = start_holder(&by_writer, false);
	h[2] = start_holder(&private_copy, false);
	h[3] = start_holder(&code, false);
	h[4] = start_holder(&none, false);
	for (size_t i = 0; i < 5; i++)
		suite_check(s, "mapped: a mapping is made", answer(&h[i]) == 'm', "refused");
	expect(s, "mapped: one that may be is found and nothing is missing", &h[0], PW_A_READ, 0);
	expect(s, "mapped: shared and writable", &h[1], PW_A_READ | PW_A_WRITE, 0);
	expect(s, "mapped: a private copy only reads", &h[2], PW_A_READ, 0);
	expect(s, "mapped: code is executed", &h[3], PW_A_EXEC, 0);
	l = look_at(s, h[4].pid);
	suite_check(s, "mapped: one that can do nothing is not reported: raising it asks", l.good && !l.mappings, "%u", l.mappings);
	suite_apply(s, readers_only);
	expect(s, "mapped: after a new policy the reader's is as it was", &h[0], PW_A_READ, 0);
	expect(s, "mapped: the writer's misses write", &h[1], PW_A_READ | PW_A_WRITE, PW_A_WRITE);
	expect(s, "mapped: its code misses exec", &h[3], PW_A_EXEC, PW_A_EXEC);
	suite_apply(s, nobody);
	expect(s, "mapped: without a right all that it can do is missing", &h[0], PW_A_READ, PW_A_READ);
	for (size_t i = 0; i < 5; i++)
		stop_holder(&h[i]);
	l = look_at(s, h[0].pid);
	suite_check(s, "mapped: gone with its process", !l.mappings, "%u", l.mappings);
	printf("# one look over all mappings of all processes: %llu us\n", (unsigned long long)(l.took_ns / 1000));
}

static void others(struct suite *s)
{
	const struct how by_reader = { &reader, PROT_READ, MAP_SHARED, OBJECT }, by_group = { &other, PROT_READ, MAP_SHARED, OBJECT };
	uint64_t until[PW_WINDOWS_MAX];
	struct holder h;

	suite_apply(s, open_to_all);
	h = start_holder(&by_group, true);
	suite_check(s, "mapped: by a group", answer(&h) == 'm', "refused");
	expect(s, "mapped: ... whose member it is", &h, PW_A_READ, 0);
	suite_check(s, "mapped: the process leaves the group", write(h.down, "g", 1) == 1 && answer(&h) == 'g', "it did not");
	expect(s, "mapped: ... and may no longer", &h, PW_A_READ, PW_A_READ);
	stop_holder(&h);
	suite_apply(s, timed);
	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until[w] = now_ns() + 60000000000u;
	kernel_windows(s->k, 1, until);
	h = start_holder(&by_reader, false);
	suite_check(s, "mapped: while a window is open", answer(&h) == 'm', "refused");
	expect(s, "mapped: ... it may be", &h, PW_A_READ, 0);
	kernel_windows(s->k, 0, until);
	expect(s, "mapped: ... and not when it has closed", &h, PW_A_READ, PW_A_READ);
	stop_holder(&h);
	suite_check(s, "mapped: this kernel can be asked", kernel_finds_mapped(s->k), "it cannot");
	suite_apply(s, killing);
	suite_check(s, "mapped: and so a policy may say kill", s->gen != 0, "refused");
}

static bool asked(const struct holder *h, char what)
{
	return write(h->down, &what, 1) == 1 && answer(h) == 'd';
}

/* The guest's root is an overlay: what is mapped is the file below, which lies in no store. */
static void on_overlay(struct suite *s)
{
	static const char object[] = "/opt/mapped/f";
	const struct how writes = { &writer, PROT_READ | PROT_WRITE, MAP_SHARED, object }, reads = { &writer, PROT_READ, MAP_SHARED, object },
			 none = { &writer, PROT_NONE, MAP_SHARED, object };
	struct holder h[3];
	_fd_ int fd = -1;

	mkdir("/opt/mapped", 0777);
	fd = open(object, O_CREAT | O_RDWR | O_CLOEXEC, 0777);
	suite_check(s, "mapped: a store on an overlay", fd >= 0 && !chmod("/opt/mapped", 0777) && !ftruncate(fd, 4096) && !fchmod(fd, 0777), "%s",
		    strerror(errno));
	suite_apply(s, layered_open);
	h[0] = start_holder(&writes, false);
	h[1] = start_holder(&reads, false);
	h[2] = start_holder(&none, false);
	for (size_t i = 0; i < 3; i++)
		suite_check(s, "mapped: ... mapped", answer(&h[i]) == 'm', "refused");
	expect(s, "mapped: ... is found", &h[0], PW_A_READ | PW_A_WRITE, 0);
	suite_apply(s, layered_closed);
	expect(s, "mapped: ... and what is missing", &h[0], PW_A_READ | PW_A_WRITE, PW_A_READ | PW_A_WRITE);
	expect(s, "mapped: ... to the reader", &h[1], PW_A_READ, PW_A_READ);
	suite_check(s, "mapped: ... and raising one that can do nothing asks", asked(&h[2], 'w'), "allowed");
	suite_check(s, "mapped: ... and so does mapping another page in its place", asked(&h[0], 'p'), "allowed");
	for (size_t i = 0; i < 3; i++)
		stop_holder(&h[i]);
}

void cases_mapped(struct suite *s)
{
	_fd_ int fd = -1;

	mkdir("/srv/mapped", 0777);
	chmod("/srv/mapped", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0777);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || ftruncate(fd, 4096) || fchmod(fd, 0777))
		printf("# cannot make %s: %s\n", OBJECT, strerror(errno));
	policies(s);
	others(s);
	on_overlay(s);
}
