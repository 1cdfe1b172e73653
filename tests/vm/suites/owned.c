// SPDX-License-Identifier: Apache-2.0
/* Polyward's own processes: who becomes one, and that they are out of everybody's reach but process 1's. */
#include "victims.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/internal.h"

static bool kernel_since(unsigned int a, unsigned int b)
{
	unsigned int x = 0, y = 0;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%u.%u", &x, &y) == 2 && (x > a || (x == a && y >= b));
}

static const char to_reader[] = "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/owned }\n"
	"role readers { members user:reader }\nrule r { allow readers to list, read on data }\n";

/* ---- polyward's own processes ---- */

static void own_processes(struct suite *s)
{
	pid_t own = victim_start(&root, true);
	struct signal_to to = { own, SIGKILL };

	suite_apply(s, to_reader);
	suite_case(s, "SIGKILL to one of polyward's processes", &root, op_signal, &to, GUARDED(pw_kill));
	victim_named(s, "... and the record names it", PW_HOOK_pw_kill, PW_R_GUARD, own);
	suite_case(s, "... by a pidfd", &root, op_pidfd_signal, &to, GUARDED(pw_kill));
	to.sig = SIGSTOP;
	suite_case(s, "SIGSTOP to it", &root, op_signal, &to, GUARDED(pw_kill));
	to.sig = 0;
	suite_case(s, "is it there?", &root, op_signal, &to, SILENT);
	suite_case(s, "attach to it", &root, op_attach, &own, GUARDED(pw_ptrace));
	suite_case(s, "read its memory", &root, op_vm_read, &own, GUARDED(pw_ptrace));
	suite_case(s, "take its descriptor", &root, op_take_fd, &own, GUARDED(pw_ptrace));
	/* Since 6.14 the kernel asks, hears no, and shows what is empty all the same to who has CAP_PERFMON. */
	suite_check(s, "look at its environment: refused, or asked in vain", suite_run(&root, op_environ, &own) == (kernel_since(6, 14) ? 0 : EACCES),
		    "otherwise");
	suite_drain(s);
	victim_named(s, "... and recorded", PW_HOOK_pw_ptrace, PW_R_GUARD, own);
	suite_case(s, "lower its priority", &root, op_nice, &own, GUARDED(pw_setnice));
	suite_case(s, "make it idle", &root, op_sched, &own, GUARDED(pw_setsched));
	suite_case(s, "make its disk accesses idle", &root, op_ioprio, &own, GUARDED(pw_setioprio));
	suite_case(s, "take its descriptors away by a limit", &root, op_limit, &own, GUARDED(pw_setrlimit));
	suite_check(s, "have the kernel kill it by SIGIO", suite_run(&root, op_sigio, &own) == 0 && victim_alive(own), "it is dead");
	suite_drain(s);
	victim_named(s, "... and recorded", PW_HOOK_pw_sigio, PW_R_GUARD, own);
	suite_check(s, "polyward itself ends it", kill(own, SIGTERM) == 0 && waitpid(own, NULL, 0) == own, "refused");
}

static bool ended_by_process_1(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command), "tests/vm/pid1 kill TERM %d", (int)pid);
	return system(command) == 0 && waitpid(pid, NULL, 0) == pid;
}

/* ---- who becomes polyward's own ---- */

static const char entry[] = PROGRAMS "/entry", role[] = PROGRAMS "/role";

static void register_program(struct suite *s, const char *path, enum pw_own_exe what)
{
	_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct mounts *m = NULL;
	struct place at;
	struct err e = { 0 };

	if (mounts_read(&m, &e) || place_fd(m, fd, path, &at, &e) || attr_own_program(s->k, &at, what, &e))
		printf("# cannot register %s: %s\n", path, e.text);
	mounts_free(m);
}

static pid_t run_sleep(const char *path, bool own, bool traced)
{
	char there[64], now[256];
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (!own)
			suite_stranger();
		if (traced)
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(path, "sleep", "100", (char *)NULL);
		_exit(250);
	}
	if (traced && waitpid(pid, NULL, WUNTRACED) == pid)
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	snprintf(there, sizeof(there), "/proc/%d/exe", (int)pid);
	for (int i = 0; i < 200; i++) {
		ssize_t n = readlink(there, now, sizeof(now) - 1);

		now[n < 0 ? 0 : n] = '\0';
		if (!strcmp(now, path))
			break;
		usleep(10000);
	}
	return pid;
}

static void becomes(struct suite *s, const char *name, const char *path, bool own, bool traced, bool expected)
{
	pid_t pid = run_sleep(path, own, traced);
	struct signal_to to = { pid, SIGTERM };

	if (expected)
		suite_case(s, name, &root, op_signal, &to, GUARDED(pw_kill));
	else
		suite_case(s, name, &root, op_signal, &to, SILENT);
	victim_bury(pid);
}

static void becoming_own(struct suite *s)
{
	pid_t pid;

	if (victim_copy("/usr/bin/sleep", entry) || victim_copy("/usr/bin/sleep", role))
		printf("# cannot copy programs\n");
	suite_apply(s, to_reader);
	register_program(s, entry, PW_OWN_ENTRY);
	register_program(s, role, PW_OWN_ROLE);
	becomes(s, "whoever executes the entry program is polyward's own", entry, false, false, true);
	becomes(s, "... but not while traced", entry, false, true, false);
	becomes(s, "a role's program makes nobody polyward's own", role, false, false, false);
	becomes(s, "... but who was before", role, true, false, true);
	becomes(s, "any other program ends it", "/usr/bin/sleep", true, false, false);
	if (victim_copy("/usr/bin/head", PROGRAMS "/deaf"))
		printf("# cannot copy programs\n");
	register_program(s, PROGRAMS "/deaf", PW_OWN_ENTRY);
	suite_check(s, "polyward's programs listen to no environment", suite_run(&root, op_secure, PROGRAMS "/deaf") == 1, "AT_SECURE is not 1");
	pid = run_sleep(entry, false, false);
	suite_check(s, "process 1 ends it", ended_by_process_1(pid), "refused");
	unlink(entry);
	if (victim_copy("/usr/bin/sleep", entry))
		printf("# cannot copy programs\n");
	becomes(s, "a file in its place is none of polyward's", entry, false, false, false);
}

void cases_owned(struct suite *s)
{
	mkdir("/srv/owned", 0755);
	mkdir(PROGRAMS, 0755);
	own_processes(s);
	becoming_own(s);
}
