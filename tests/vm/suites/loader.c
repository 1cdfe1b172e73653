// SPDX-License-Identifier: Apache-2.0
/* The loader: what it refuses and in which words, what survives it, and what it costs. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define HEAD "polyward 1\npolicy suite { version 1 }\nrole readers { members user:reader }\n"
#define RULE "rule r { allow readers to list, read on data }\n"
#define OBJECT "/srv/load/f"

static void refusals(struct suite *s)
{
	suite_apply_fails(s, "a path that does not exist", HEAD "store data { path /srv/nowhere/x }\n" RULE, ENOENT, "/srv/nowhere does not exist");
	suite_apply_fails(s, "a path inside a file", HEAD "store data { path /srv/load/f/x }\n" RULE, ENOTDIR, "/srv/load/f is a file");
	suite_apply_fails(s, "a symbolic link", HEAD "store data { path /srv/load-link }\n" RULE, ELOOP, "/srv/load-link is a symbolic link");
	suite_apply_fails(s, "a filesystem of the kernel's own", HEAD "store data { path /proc/sys }\n" RULE, EINVAL, "is on proc");
	suite_apply_fails(s, "another filesystem inside", HEAD "store data { path /srv/load }\n" RULE, EXDEV, "/srv/load/other");
	umount2("/srv/load/other", MNT_DETACH);
	suite_apply_fails(s, "a program that does not exist",
			  "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/load }\nprogram p { exe /usr/bin/no-such }\n"
			  "role readers { members user:reader  program p }\n" RULE, ENOENT, "/usr/bin/no-such does not exist");
	suite_apply_fails(s, "a program that is a script",
			  "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/load }\nprogram p { exe /usr/bin/ldd }\n"
			  "role readers { members user:reader  program p }\n" RULE, ENOEXEC, "/usr/bin/ldd is a script");
	suite_apply_fails(s, "a failing test of the policy's own",
			  HEAD "store data { path /srv/load }\n" RULE "test \"wrong\" { as user reader expect allow write on data }\n", EINVAL, "wrong");
}

static void adopting(struct suite *s)
{
	static const char policy[] = HEAD "store data { path /srv/load }\n" RULE;
	struct kernel_status st = { 0 };
	struct err e = { 0 };
	uint32_t gen;

	suite_apply(s, policy);
	gen = s->gen;
	suite_close(s);
	suite_check(s, "without a loader a stranger stays out", suite_run(&other, op_read, OBJECT) == EACCES, "let in");
	suite_check(s, "... root too", suite_run(&root, op_read, OBJECT) == EACCES, "let in");
	suite_check(s, "... and the role stays in", suite_run(&reader, op_read, OBJECT) == 0, "refused");
	if (suite_open(s))
		return;
	suite_check(s, "a new loader adopts what is pinned", kernel_status(s->k, &st, &e) == 0 && st.gen == gen && st.hooks_attached > 30,
		    "generation %u, %u hooks, %s", st.gen, st.hooks_attached, e.text);
	suite_apply(s, policy);
	suite_check(s, "... and can go on to the next generation", s->gen == gen + 1, "generation %u after %u", s->gen, gen);
	(void)kernel_status(s->k, &st, &e);
	suite_check(s, "maps take no more than 8 MiB", st.map_bytes && st.map_bytes <= 8u << 20, "%llu bytes", (unsigned long long)st.map_bytes);
	suite_check(s, "no event was lost and nothing failed inside", st.sum.lost == 0, "%llu lost", (unsigned long long)st.sum.lost);
}

static void partial(struct suite *s)
{
	struct kernel *again = NULL;
	struct err e = { 0 };
	int rc;

	if (rename(KERNEL_PINS "/links/pw_file_open", KERNEL_PINS "/maps/aside"))
		printf("# rename: %s\n", strerror(errno));
	rc = kernel_adopt(&again, &e);
	suite_check(s, "half of the pins is adopted by nobody", rc == -ESTALE && strstr(e.text, "pw_file_open"), "returned %d: %s", rc, e.text);
	if (rename(KERNEL_PINS "/maps/aside", KERNEL_PINS "/links/pw_file_open"))
		printf("# rename: %s\n", strerror(errno));
}

static void stat_rule(struct suite *s)
{
	suite_apply(s, HEAD "store data { path /srv/load }\nrule r { allow readers to stat, read on data }\n");
	suite_case(s, "a rule names stat: a stranger is refused it", &other, op_stat, OBJECT, REFUSED(pw_getattr, PW_A_STAT));
	suite_case(s, "... the role is not", &reader, op_stat, OBJECT, ALLOWED(pw_getattr, PW_A_STAT));
	suite_apply(s, HEAD "store data { path /srv/load }\n" RULE);
	suite_case(s, "no rule names it any more: anybody", &other, op_stat, OBJECT, SILENT);
}

static void down(struct suite *s)
{
	struct err e = { 0 };

	suite_check(s, "down takes everything away", kernel_down(s->k, &e) == 0 && access(KERNEL_PINS, F_OK) && errno == ENOENT, "%s", e.text);
	suite_check(s, "... and nothing is refused", suite_run(&other, op_read, OBJECT) == 0, "refused");
}

static void link_away(void)
{
	if (link(OBJECT, "/srv/load-late"))
		printf("# cannot link: %s\n", strerror(errno));
}

/* The look into the stores has passed by the file when it gets a second name, outside. */
static void late_links(struct suite *s)
{
	(void)unlink("/srv/load-late");
	suite_fresh(s);
	suite_apply_while(s, HEAD "store data { path /srv/load }\n" RULE, link_away);
	suite_case(s, "a name made between the look and the flip", &other, op_read, "/srv/load-late", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... root as well", &root, op_read, "/srv/load-late", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... the role reads it", &reader, op_read, "/srv/load-late", ALLOWED(pw_file_open, PW_A_READ));
	(void)unlink("/srv/load-late");
}

void cases_loader(struct suite *s)
{
	int fd;

	mkdir("/srv/load", 0777);
	chmod("/srv/load", 0777);
	mkdir("/srv/load/other", 0777);
	fd = open(OBJECT, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666) || symlink("/srv/load", "/srv/load-link") ||
	    mount("none", "/srv/load/other", "tmpfs", 0, NULL))
		printf("# cannot prepare: %s\n", strerror(errno));
	close(fd);
	refusals(s);
	adopting(s);
	partial(s);
	late_links(s);
	stat_rule(s);
	down(s);
}
