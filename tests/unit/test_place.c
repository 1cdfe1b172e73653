/* SPDX-License-Identifier: Apache-2.0 */
/* kernel/place: programs of a policy that no process could ever be seen to run are refused with the sentence that says what to write. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "back.h"
#include "kernel/internal.h"

static bool put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

/* What place_program() says to a file with this content and mode. */
static int ask(const char *text, mode_t mode, struct err *e)
{
	char dir[] = "/tmp/polyward-place-XXXXXX", path[64], policy[512];
	_back_ struct back b = { 0 };
	struct mounts *m = NULL;
	struct place at;
	int r = -1;

	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/program", dir);
	(void)snprintf(policy, sizeof(policy), BACK_HEAD "program x { exe %s }\nrole r { program x }\nrule one { allow r to read on s }\n", path);
	if (put(path, text, mode) && back_open(&b, policy) == 0 && mounts_read(&m, e) == 0)
		r = place_program(m, &b.img, 0, &at, e);
	mounts_free(m);
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}

static void a_script_is_no_program(void)
{
	struct err e = { 0 };

	CHECK_INT(ask("#!/bin/sh\ntrue\n", 0755, &e), -ENOEXEC);
	CHECK(strstr(e.text, "program 'x'") && strstr(e.text, "is a script") && strstr(e.text, "give the role a unit"));
}

static void other_files_are_places(void)
{
	struct err e = { 0 };

	CHECK_INT(ask("\x7f" "ELF", 0755, &e), 0);
	CHECK_INT(ask("#", 0755, &e), 0);
	CHECK_INT(ask("", 0711, &e), 0);
	CHECK_INT(ask("#!/bin/sh\n", 0644, &e), -ENOEXEC);
	CHECK(strstr(e.text, "no executable file"));
}

TESTS(T(a_script_is_no_program), T(other_files_are_places))
