// SPDX-License-Identifier: Apache-2.0
/*
 * Cost of operations as the caller sees them. In a guest with --icount the clock counts instructions, so the figures are
 * whole-system instructions per operation and repeat to within 0.4 %; elsewhere they are nanoseconds.
 * Usage: ops [--drained] DIR ROUNDS [many | files | images ARCHIVE BUSYBOX RUNS]   Works in DIR/a/b/c/d, or m, which it makes.
 * files: only the operations on files. many: open and close 4,096 files in turn, so that no access resembles the one before; this figure
 * counts this process alone, and opens-many says how many openings there were in all. images: unpack an archive of small files and read
 * them, RUNS times; the figure is the median, for one file. Pages that the guest has never touched are no system's fault, so one run
 * should have gone before.
 * --drained: what others go on doing after the last round, writing what they recorded say, belongs to the operation as well.
 */
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define FILE_PATH "file"
#define NEW_PATH  "new"
#define MANY      4096u
#define IMAGE_RUNS_MAX 9u
#define DRAIN_S   2u

enum meter { METER_CLOCK, METER_OWN, METER_BUSY };

/* What the first processor has done that was not waiting, up to when it last changed hands. 0 if the kernel does not say. */
static uint64_t busy_ns(void)
{
	_buf_ struct buf text = BUF_INIT;
	const char *at;
	uint64_t ns = 0;

	if (fd_read_file(-1, "/proc/schedstat", 1 << 20, &text) < 0 || !(at = strstr(text.data, "\ncpu0 ")))
		return 0;
	at++;
	for (unsigned field = 0; field < 7 && at; field++)
		at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
	if (at)
		(void)num_parse(at, strspn(at, "0123456789"), UINT64_MAX, &ns);
	return ns;
}

static uint64_t now_ns(enum meter meter)
{
	struct timespec t;

	if (meter == METER_BUSY) {
		sleep(DRAIN_S);
		return busy_ns();
	}
	clock_gettime(meter == METER_OWN ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool open_close(struct bench *b, uint64_t n)
{
	int f = open(FILE_PATH, O_RDONLY);

	(void)b;
	(void)n;
	return f >= 0 && close(f) == 0;
}

static bool pread_block(struct bench *b, uint64_t n)
{
	(void)n;
	return pread(b->fd, b->block, sizeof(b->block), 0) == (ssize_t)sizeof(b->block);
}

static bool create_unlink(struct bench *b, uint64_t n)
{
	int f = open(NEW_PATH, O_RDWR | O_CREAT | O_EXCL, 0600);

	(void)b;
	(void)n;
	return f >= 0 && close(f) == 0 && unlink(NEW_PATH) == 0;
}

static bool stat_file(struct bench *b, uint64_t n)
{
	struct stat st;

	(void)b;
	(void)n;
	return stat(FILE_PATH, &st) == 0;
}

static void many_name(char *ret, size_t size, uint64_t n)
{
	(void)snprintf(ret, size, "m%u", (unsigned)(n % MANY));
}

static bool open_many(struct bench *b, uint64_t n)
{
	char name[16];
	int f;

	(void)b;
	many_name(name, sizeof(name), n);
	f = open(name, O_RDONLY);
	return f >= 0 && close(f) == 0;
}

/* The many have a folder of their own: what an entry costs may depend on how many there are already. */
static int prepare(struct bench *b, const char *dir, bool is_many)
{
	const char *const dirs[] = { "a", "a/b", "a/b/c", is_many ? "a/b/c/m" : "a/b/c/d" };

	if (chdir(dir) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0755) < 0 && errno != EEXIST)
			return -errno;
	if (chdir(dirs[3]) < 0)
		return -errno;
	b->fd = open(FILE_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (b->fd < 0)
		return -errno;
	memset(b->block, 'x', sizeof(b->block));
	return pwrite(b->fd, b->block, sizeof(b->block), 0) == (ssize_t)sizeof(b->block) ? 0 : -errno;
}

static int prepare_many(void)
{
	char name[16];

	/* There already: then whoever records openings has only those to record that are counted. */
	many_name(name, sizeof(name), MANY - 1);
	if (access(name, F_OK) == 0)
		return 0;
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
static bool measure(const struct op *op, enum meter meter, uint64_t rounds, struct bench *b)
{
	uint64_t warm, start = 0; /* caches, in the kernel and in the emulator */

	rounds = rounds / op->part ? rounds / op->part : 1;
	warm = rounds / 4 + 1;
	for (uint64_t n = 0; n < rounds + warm; n++) {
		if (n == warm)
			start = now_ns(meter);
		if (!op->run(b, n)) {
			fprintf(stderr, "ops: %s: %s\n", op->name, strerror(errno));
			return false;
		}
	}
	printf("%s %.1f\n", op->name, (double)(now_ns(meter) - start) / (double)rounds);
	fflush(stdout);
	return true;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool measure_images(const char *archive, const char *busybox, int runs, enum meter meter)
{
	double ns[IMAGE_RUNS_MAX];

	for (int i = 0; i < runs; i++) {
		uint64_t start = now_ns(meter);
		int files = ops_images(archive, busybox), r = files;

		if (files > 0) {
			ns[i] = (double)(now_ns(meter) - start) / files;
			r = ops_images_remove();
		}
		if (r < 0 || files <= 0) {
			fprintf(stderr, "ops: %s: %s\n", archive, strerror(-r));
			return false;
		}
	}
	qsort(ns, (size_t)runs, sizeof(ns[0]), by_size);
	printf("image %.1f\nimage-least %.1f\nimage-most %.1f\n", ns[runs / 2], ns[0], ns[runs - 1]);
	return true;
}

static bool measure_all(const char *what, uint64_t rounds, struct bench *b, enum meter meter)
{
	static const struct op ops[] = {
		{ "open+close", open_close, 1 },
		{ "pread", pread_block, 1 },
		{ "create+close+unlink", create_unlink, 1 },
		{ "stat", stat_file, 1 },
		{ "fork", op_fork, 100 },
		{ "exec", op_exec, 100 },
		{ "connect-tcp", op_connect_tcp, 20 },
		{ "connect-unix", op_connect_unix, 10 },
	};
	static const struct op many = { "open+close-many", open_many, 1 };
	bool good = true;

	if (!strcmp(what, "many")) {
		printf("opens-many %llu\n", (unsigned long long)(rounds + rounds / 4 + 1));
		return measure(&many, METER_OWN, rounds, b);
	}
	for (size_t i = 0; good && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].part == 1 || strcmp(what, "files"))
			good = measure(&ops[i], meter, rounds, b);
	return good;
}

int main(int argc, char **argv)
{
	bool is_drained = argc > 1 && !strcmp(argv[1], "--drained");
	const char *self = argv[0], *slash = strrchr(self, '/'), *what;
	bool is_images;
	enum meter meter = is_drained ? METER_BUSY : METER_CLOCK;
	struct bench b = { .fd = -1 };
	uint64_t rounds = 0, runs = 1;
	char program[4096];
	int r;

	argc -= is_drained;
	argv += is_drained;
	what = argc > 3 ? argv[3] : "";
	is_images = argc == 7 && !strcmp(what, "images");
	if (!slash || argc < 3 || (argc > 3 && !is_images && (argc > 4 || (strcmp(what, "many") && strcmp(what, "files")))) ||
	    num_parse(argv[2], strlen(argv[2]), 100000000, &rounds) < 0 || rounds < 4 ||
	    (is_images && (num_parse(argv[6], strlen(argv[6]), IMAGE_RUNS_MAX, &runs) < 0 || !runs))) {
		fprintf(stderr, "usage: .../ops [--drained] DIR ROUNDS [many | files | images ARCHIVE BUSYBOX RUNS]\n");
		return 2;
	}
	(void)snprintf(program, sizeof(program), "%.*s/nop", (int)(slash - self), self);
	r = *program == '/' ? 0 : -EINVAL; /* the directory is left */
	if (r == 0 && is_drained && !busy_ns())
		r = -ENOTSUP; /* a kernel without /proc/schedstat */
	if (r == 0)
		r = prepare(&b, argv[1], !strcmp(what, "many"));
	if (r == 0 && argc == 3)
		r = ops_more_prepare(&b, program);
	if (r == 0 && !strcmp(what, "many"))
		r = prepare_many();
	if (r < 0) {
		fprintf(stderr, "ops: %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	return !(is_images ? measure_images(argv[4], argv[5], (int)runs, meter) : measure_all(what, rounds, &b, meter));
}
