// SPDX-License-Identifier: Apache-2.0
/*
 * Execution is no reading: a descriptor that exec opened and handed to an interpreter (binfmt_misc, flag O) tells nobody
 * what is in a file that its user may only execute.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define REGISTER "/run/suite-binfmt/register"
#define OBJECT   "/srv/sealed/program"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 }\n"
	"store sealed { path /srv/sealed }\n"
	"role runners { members user:reader }\n"
	"role keepers { members user:writer }\n"
	"rule run { allow runners to exec on sealed }\n"
	"rule all { allow keepers to exec, read, list on sealed }\n";

/* The interpreter's life: this program again, with the stored file open. Ends with the errno of looking into it. */
int execfd_interpreter(int argc, char **argv)
{
	int fd = (int)getauxval(AT_EXECFD);
	char byte[16];
	void *at;

	if (argc > 2 && !strcmp(argv[2], "map")) {
		at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		return at == MAP_FAILED ? errno : 0;
	}
	return pread(fd, byte, sizeof(byte), 0) < 0 ? errno : 0;
}

static OP(exec_then_read)
{
	execl(arg, arg, "read", (char *)NULL);
	return errno;
}

static OP(exec_then_map)
{
	execl(arg, arg, "map", (char *)NULL);
	return errno;
}

static int prepare(void)
{
	static const char contents[] = "PWSEALED and what follows\n";
	char self[512] = { 0 }, line[700];
	int n;

	if (mkdir("/srv/sealed", 0755) && errno != EEXIST)
		return -errno;
	_fd_ int file = open(OBJECT, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);

	if (file < 0 || fd_write_all(file, contents, sizeof(contents) - 1) || fchmod(file, 0755))
		return -errno;
	mkdir("/run/suite-binfmt", 0700);
	if (system("modprobe binfmt_misc 2>/dev/null") || mount("binfmt_misc", "/run/suite-binfmt", "binfmt_misc", 0, ""))
		return -errno;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	n = snprintf(line, sizeof(line), ":pwsuite:M::PWSEALED::%s:O", self);
	_fd_ int reg = open(REGISTER, O_WRONLY | O_CLOEXEC);

	return reg < 0 || write(reg, line, (size_t)n) != n ? -errno : 0;
}

void cases_execfd(struct suite *s)
{
	int rc = prepare();

	suite_check(s, "an interpreter for stored programs is registered", !rc, "%s", strerror(-rc));
	suite_apply(s, policy);
	suite_case(s, "read by the descriptor that exec left: refused to who may only execute", &reader, op_exec_then_read, OBJECT,
		   REFUSED(pw_file_perm, PW_A_READ));
	suite_case(s, "map by it: refused to who may only execute", &reader, op_exec_then_map, OBJECT, REFUSED(pw_mmap_file, PW_A_READ));
	suite_case(s, "read by it: allowed to who may read", &writer, op_exec_then_read, OBJECT, SILENT);
	suite_case(s, "read by it: not even executed by root", &root, op_exec_then_read, OBJECT, REFUSED(pw_file_open, PW_A_EXEC));
	umount2("/run/suite-binfmt", MNT_DETACH);
}
