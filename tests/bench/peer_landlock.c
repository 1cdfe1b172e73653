// SPDX-License-Identifier: Apache-2.0
/*
 * Usage: peer_landlock DIR [DIR...] -- COMMAND...   Run COMMAND in a Landlock domain with one rule a folder: everything below it.
 * Whatever the kernel's Landlock can handle about files is handled. Must never run COMMAND without the domain.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "base/cleanup.h"

/* Rights on files by ABI: 1, 2 (refer), 3 (truncate), 5 (ioctl on devices). */
static uint64_t rights(long abi)
{
	return abi >= 5 ? 0xffff : abi >= 3 ? 0x7fff : abi == 2 ? 0x3fff : 0x1fff;
}

static int add(int set_fd, const char *dir, uint64_t access)
{
	_fd_ int fd = open(dir, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };

	if (fd < 0)
		return -errno;
	return syscall(SYS_landlock_add_rule, set_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = { .handled_access_fs = rights(abi) };
	_fd_ int set_fd = -1;
	int i = 1;

	if (abi < 1) {
		perror("peer_landlock: this kernel has no Landlock");
		return 77;
	}
	set_fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	for (; set_fd >= 0 && i < argc && strcmp(argv[i], "--"); i++) {
		int r = add(set_fd, argv[i], attr.handled_access_fs);

		if (r < 0) {
			fprintf(stderr, "peer_landlock: %s: %s\n", argv[i], strerror(-r));
			return 1;
		}
	}
	if (set_fd < 0 || i + 1 >= argc || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_landlock_restrict_self, set_fd, 0)) {
		perror("usage: peer_landlock DIR... -- COMMAND...");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror("peer_landlock: exec");
	return 127;
}
