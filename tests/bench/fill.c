/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: fill DIR FILES   Make DIR/d<n>/f<n>, a thousand empty files in a folder: a store as large as a training set.
 * Must never touch what is there already.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"

#define FILES_PER_DIR 1000u

static int fill_one(uint64_t n)
{
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "d%u", (unsigned)(n / FILES_PER_DIR));
	if (n % FILES_PER_DIR == 0 && mkdir(name, 0755) < 0)
		return -errno;
	(void)snprintf(name, sizeof(name), "d%u/f%u", (unsigned)(n / FILES_PER_DIR), (unsigned)(n % FILES_PER_DIR));
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	return close(fd) < 0 ? -errno : 0;
}

int main(int argc, char **argv)
{
	uint64_t files = 0;
	int r = 0;

	if (argc != 3 || num_parse(argv[2], strlen(argv[2]), 10000000, &files) < 0) {
		fprintf(stderr, "usage: fill DIR FILES\n");
		return 2;
	}
	if (chdir(argv[1]) < 0)
		r = -errno;
	for (uint64_t n = 0; n < files && r == 0; n++)
		r = fill_one(n);
	if (r < 0)
		fprintf(stderr, "fill: %s: %s\n", argv[1], strerror(-r));
	return r < 0;
}
