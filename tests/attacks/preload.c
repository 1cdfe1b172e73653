// SPDX-License-Identifier: Apache-2.0
/* Code smuggled into a program that a role names, by its environment and by the loader: what is loaded there has the role. */
#include "attack.h"

static int with(const char *name, const char *value)
{
	int status;

	setenv(name, value, 1);
	/* What we say ourselves stays out of it: the library prints what it can read, and the harness looks for that. */
	status = run_program((const char *const[]){ VIEWER, "show", SECRET, NULL });
	unsetenv(name);
	say("the viewer ended with %d", status);
	return status ? attempt("the viewer could not do its work", (errno = ENOENT, -1)) : CAME_TO_NOTHING;
}

static int preload(void) { return with("LD_PRELOAD", "/srv/bin/evil.so"); }
static int audit(void)   { return with("LD_AUDIT", "/srv/bin/evil.so"); }

static int library_path(void)
{
	need(!run_program((const char *const[]){ "cp", "/srv/bin/evil.so", SCRATCH "/libc.so.6", NULL }));
	return with("LD_LIBRARY_PATH", SCRATCH);
}

static int gconv(void)
{
	int fd = open(SCRATCH "/gconv-modules", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	static const char modules[] = "module PWATTACK// INTERNAL evil 1\nmodule INTERNAL PWATTACK// evil 1\n";

	need(fd >= 0 && write(fd, modules, sizeof(modules) - 1) > 0);
	close(fd);
	need(!run_program((const char *const[]){ "cp", "/srv/bin/evil.so", SCRATCH "/evil.so", NULL }));
	return with("GCONV_PATH", SCRATCH);
}

/* The program by the loader: then the loader is what is executed, and no role names that. */
static int by_loader(void)
{
	int status = run_program((const char *const[]){ "/lib64/ld-linux-x86-64.so.2", "--preload", "/srv/bin/evil.so", VIEWER, "show", SECRET, NULL });

	say("the viewer ended with %d", status);
	return status == 1 ? EACCES : 0;
}

/* A copy is another program. */
static int copied(void)
{
	need(!run_program((const char *const[]){ "cp", VIEWER, SCRATCH "/viewer", NULL }));
	return run_program((const char *const[]){ SCRATCH "/viewer", "show", SECRET, NULL }) ? EACCES : 0;
}

/* A second name of the same inode is the same program, and does no more than that. */
static int linked(void)
{
	if (link(VIEWER, "/srv/bin/viewer2"))
		return attempt("link the program", -1);
	setenv("LD_PRELOAD", "/srv/bin/evil.so", 1);
	run_program((const char *const[]){ "/srv/bin/viewer2", "show", SECRET, NULL });
	unlink("/srv/bin/viewer2");
	return CAME_TO_NOTHING;
}

/* Write into the program itself: whoever can, gives everybody who runs it other code. Changed, it is not what the policy named. */
static int rewrite(void)
{
	char byte;
	int fd = open(VIEWER, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return attempt("open the role's program to write", fd);
	need(pread(fd, &byte, 1, 0) == 1 && pwrite(fd, &byte, 1, 0) == 1);
	close(fd);
	return run_program((const char *const[]){ VIEWER, "show", SECRET, NULL }) ? EACCES : 0;
}

VARIANTS({ "preload", preload }, { "audit", audit }, { "library_path", library_path }, { "gconv", gconv }, { "by_loader", by_loader },
	 { "copied", copied }, { "linked", linked }, { "rewrite", rewrite })
