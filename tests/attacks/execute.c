// SPDX-License-Identifier: Apache-2.0
/* Execute what lies in a store, in every way; and read it by way of an interpreter that is not in a store. */
#include "attack.h"

#include <sys/syscall.h>

#define ECHO STORE "/echo" /* a program; called like this it prints its words */

static char *const words[] = { (char[]){ "echo" }, (char[]){ "it runs" }, NULL };
static char *const none[] = { NULL };

static int by_path(void) { return attempt("execve", execve(ECHO, words, none)); }

static int by_fd(void)
{
	int fd = open(ECHO, O_PATH | O_CLOEXEC);

	need(fd >= 0);
	return attempt("execveat", syscall(SYS_execveat, fd, "", words, none, AT_EMPTY_PATH));
}

/* Only asked: would it be executed? What an interpreter goes by before it reads a script. */
static int checked(void)
{
	return attempt("execveat, asked", syscall(SYS_execveat, AT_FDCWD, ECHO, words, none, 0x10000 /* AT_EXECVE_CHECK, 6.14 */));
}

static int early(void)  { return attempt("fexecve", fexecve(EARLY_EXEC, words, none)); }
static int proc(void)   { return attempt("exec /proc/self/fd", execve("/proc/self/fd/109", words, none)); }
static int script(void) { return attempt("exec a script", execve(STORE "/tool.sh", words, none)); }

static int linked(void)
{
	need(!symlink(ECHO, SCRATCH "/echo"));
	return attempt("exec by a link", execve(SCRATCH "/echo", words, none));
}

/* A script outside whose interpreter lies in the store. */
static int interpreter(void)
{
	int fd = open(SCRATCH "/s", O_WRONLY | O_CREAT | O_CLOEXEC, 0777);

	need(fd >= 0 && write(fd, "#!" ECHO "\n", strlen("#!" ECHO "\n")) > 0);
	close(fd);
	return attempt("exec with a stored interpreter", execve(SCRATCH "/s", words, none));
}

static int ended(int status)
{
	say("it ended with %d", status);
	return status ? EACCES : 0;
}

static int loader(void)   { return ended(run_program((const char *const[]){ "/lib64/ld-linux-x86-64.so.2", ECHO, "echo", "it runs", NULL })); }
static int shell(void)    { return ended(run_program((const char *const[]){ "sh", STORE "/tool.sh", NULL })); }
static int source(void)   { return ended(run_program((const char *const[]){ "sh", "-c", ". " STORE "/tool.sh", NULL })); }
static int redirect(void) { return ended(run_program((const char *const[]){ "sh", "-c", "cat <" SECRET, NULL })); }
static int perl(void)     { return ended(run_program((const char *const[]){ "perl", "-e", "open F, '" SECRET "' or exit 1; print <F>", NULL })); }
static int copy(void)     { return ended(run_program((const char *const[]){ "cp", SECRET, SCRATCH "/x", NULL })); }
static int archive(void)  { return ended(run_program((const char *const[]){ "tar", "-cf", SCRATCH "/x", "-C", STORE, "secret.txt", NULL })); }
static int walk(void)     { return ended(run_program((const char *const[]){ "grep", "-r", "-s", "-c", ".", STORE "/sub", NULL })); }

/* A stored file as a library of another program. */
static int preload(void)
{
	setenv("LD_PRELOAD", STORE "/lib.so", 1);
	(void)run_program((const char *const[]){ "cat", "/dev/null", NULL });
	return CAME_TO_NOTHING;
}

VARIANTS({ "by_path", by_path }, { "checked", checked }, { "by_fd", by_fd }, { "early", early }, { "proc", proc }, { "script", script }, { "linked", linked },
	 { "interpreter", interpreter }, { "loader", loader }, { "preload", preload }, { "shell", shell }, { "source", source },
	 { "redirect", redirect }, { "perl", perl }, { "copy", copy }, { "archive", archive }, { "walk", walk })
