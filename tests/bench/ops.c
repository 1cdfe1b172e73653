/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of file operations as the caller sees them. In a guest with --icount the clock counts instructions, so the figures are
 * whole-system instructions per operation and repeat to within 0.2 %; elsewhere they are nanoseconds.
 * Usage: ops DIR ROUNDS   (works in DIR/a/b/c/d, which it makes)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

#define FILE_PATH "file"
#define NEW_PATH  "new"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool open_close(int fd, char *block)
{
	int f = open(FILE_PATH, O_RDONLY);

	(void)fd;
	(void)block;
	return f >= 0 && close(f) == 0;
}

static bool pread_block(int fd, char *block)
{
	return pread(fd, block, 4096, 0) == 4096;
}

static bool create_unlink(int fd, char *block)
{
	int f = open(NEW_PATH, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)fd;
	(void)block;
	return f >= 0 && close(f) == 0 && unlink(NEW_PATH) == 0;
}

static bool stat_file(int fd, char *block)
{
	struct stat st;

	(void)fd;
	(void)block;
	return stat(FILE_PATH, &st) == 0;
}

static const struct op { const char *name; bool (*run)(int fd, char *block); } ops[] = {
	{ "open+close", open_close },
	{ "pread", pread_block },
	{ "create+close+unlink", create_unlink },
	{ "stat", stat_file },
};

static int prepare(const char *dir, int *ret_fd)
{
	static const char *const dirs[] = { "a", "a/b", "a/b/c", "a/b/c/d" };
	char block[4096];

	if (chdir(dir) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	if (chdir("a/b/c/d") < 0)
		return -errno;
	*ret_fd = open(FILE_PATH, O_RDWR | O_CREAT, 0644);
	if (*ret_fd < 0)
		return -errno;
	memset(block, 'x', sizeof(block));
	return pwrite(*ret_fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) ? 0 : -errno;
}

int main(int argc, char **argv)
{
	static char block[4096];
	uint64_t rounds = 0;
	int fd = -1, r;

	if (argc != 3 || num_parse(argv[2], strlen(argv[2]), 100000000, &rounds) < 0 || rounds == 0) {
		fprintf(stderr, "usage: ops DIR ROUNDS\n");
		return 2;
	}
	r = prepare(argv[1], &fd);
	if (r < 0) {
		fprintf(stderr, "ops: %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		uint64_t start = 0;

		for (uint64_t n = 0; n < rounds + rounds / 8; n++) {
			if (n == rounds / 8) /* the first rounds warm caches, in the kernel and in the emulator */
				start = now_ns();
			if (!ops[i].run(fd, block)) {
				fprintf(stderr, "ops: %s: %s\n", ops[i].name, strerror(errno));
				return 1;
			}
		}
		printf("%s %.0f\n", ops[i].name, (double)(now_ns() - start) / (double)rounds);
		fflush(stdout);
	}
	return 0;
}
