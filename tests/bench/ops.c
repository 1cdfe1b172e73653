/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of file operations as the caller sees them. In a guest with --icount the clock counts instructions, so the figures are
 * whole-system instructions per operation and repeat to within 0.2 %; elsewhere they are nanoseconds.
 * Usage: ops DIR ROUNDS [many]   Works in DIR/a/b/c/d, which it makes. many: open and close 4,096 files in turn, so that no access
 * resembles the one before; this figure counts this process alone.
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
#define MANY      4096u

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool open_close(uint64_t n, int fd, char *block)
{
	int f = open(FILE_PATH, O_RDONLY);

	(void)n;
	(void)fd;
	(void)block;
	return f >= 0 && close(f) == 0;
}

static bool pread_block(uint64_t n, int fd, char *block)
{
	(void)n;
	return pread(fd, block, 4096, 0) == 4096;
}

static bool create_unlink(uint64_t n, int fd, char *block)
{
	int f = open(NEW_PATH, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)n;
	(void)fd;
	(void)block;
	return f >= 0 && close(f) == 0 && unlink(NEW_PATH) == 0;
}

static bool stat_file(uint64_t n, int fd, char *block)
{
	struct stat st;

	(void)n;
	(void)fd;
	(void)block;
	return stat(FILE_PATH, &st) == 0;
}

static void many_name(char *ret, size_t size, uint64_t n)
{
	(void)snprintf(ret, size, "m%u", (unsigned)(n % MANY));
}

static bool open_many(uint64_t n, int fd, char *block)
{
	char name[16];
	int f;

	(void)fd;
	(void)block;
	many_name(name, sizeof(name), n);
	f = open(name, O_RDONLY);
	return f >= 0 && close(f) == 0;
}

struct op { const char *name; bool (*run)(uint64_t n, int fd, char *block); };

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

static int prepare_many(void)
{
	char name[16];

	for (uint64_t n = 0; n < MANY; n++) {
		int fd;

		many_name(name, sizeof(name), n);
		fd = open(name, O_WRONLY | O_CREAT, 0644);
		if (fd < 0 || close(fd) < 0)
			return -errno;
	}
	return 0;
}

/* Returns false, errno set, if the operation failed. */
static bool measure(const struct op *op, clockid_t clock, uint64_t rounds, int fd)
{
	static char block[4096];
	uint64_t warm = rounds / 4, start = 0; /* caches, in the kernel and in the emulator */

	for (uint64_t n = 0; n < rounds + warm; n++) {
		if (n == warm)
			start = now_ns(clock);
		if (!op->run(n, fd, block))
			return false;
	}
	printf("%s %.1f\n", op->name, (double)(now_ns(clock) - start) / (double)rounds);
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	static const struct op ops[] = {
		{ "open+close", open_close },
		{ "pread", pread_block },
		{ "create+close+unlink", create_unlink },
		{ "stat", stat_file },
	};
	static const struct op many = { "open+close-many", open_many };
	bool is_many = argc == 4 && !strcmp(argv[3], "many");
	uint64_t rounds = 0;
	int fd = -1, r;

	if ((argc != 3 && !is_many) || num_parse(argv[2], strlen(argv[2]), 100000000, &rounds) < 0 || rounds < 4) {
		fprintf(stderr, "usage: ops DIR ROUNDS [many]\n");
		return 2;
	}
	r = prepare(argv[1], &fd);
	if (r == 0 && is_many)
		r = prepare_many();
	if (r < 0) {
		fprintf(stderr, "ops: %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	if (is_many && !measure(&many, CLOCK_PROCESS_CPUTIME_ID, rounds, fd)) {
		fprintf(stderr, "ops: %s: %s\n", many.name, strerror(errno));
		return 1;
	}
	for (size_t i = 0; !is_many && i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (!measure(&ops[i], CLOCK_MONOTONIC, rounds, fd)) {
			fprintf(stderr, "ops: %s: %s\n", ops[i].name, strerror(errno));
			return 1;
		}
	}
	return 0;
}
