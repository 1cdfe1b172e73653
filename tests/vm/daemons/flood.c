// SPDX-License-Identifier: Apache-2.0
/*
 * A storm of openings from one processor, counted by who makes it, and the log counted number by number, so that the two can be compared.
 * Usage: flood run DIR FILES SECONDS CPU   open DIR/0 to DIR/FILES-1 in turn on this processor; "ATTEMPTS OPENED REFUSED"
 *        flood count DIR                   a line a processor: "CPU NUMBERS RECORDED MISSING HOLES ALLOWED": numbers spent in this boot,
 *                                          with a record, in a gap and without one, in neither, and records of allowed accesses
 * Must never estimate: a number that it cannot place is a hole.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define CPUS_MAX    64u
#define NUMBERS_MAX (1u << 26) /* that a log is followed to */
#define BLOCK       256u       /* openings between two looks at the clock */

/* ---- the storm ---- */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int stay_on(uint64_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

static int run(const char *dir, uint64_t files, uint64_t seconds, uint64_t cpu)
{
	uint64_t attempts = 0, opened = 0, refused = 0;
	_fd_ int at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	double end_s;

	if (at < 0 || !files || stay_on(cpu) < 0)
		return 1;
	for (end_s = now_s() + (double)seconds; now_s() < end_s;)
		for (uint32_t i = 0; i < BLOCK; i++, attempts++) {
			char name[24];
			_fd_ int fd = -1;

			(void)snprintf(name, sizeof(name), "%u", (unsigned)(attempts % files));
			fd = openat(at, name, O_RDONLY | O_CLOEXEC);
			opened += fd >= 0;
			refused += fd < 0 && errno == EACCES;
		}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", attempts, opened, refused);
	return 0;
}

/* ---- the log ---- */

struct numbers { uint8_t *recorded, *missing; uint64_t count, allowed; };
struct log { uint8_t boot_id[16]; struct numbers cpu[CPUS_MAX]; };

static int mark(struct numbers *n, bool recorded, uint64_t first, uint64_t last)
{
	if (last >= NUMBERS_MAX || last < first)
		return -ERANGE;
	if (!n->recorded)
		n->recorded = calloc(1, NUMBERS_MAX / 8);
	if (!n->missing)
		n->missing = calloc(1, NUMBERS_MAX / 8);
	if (!n->recorded || !n->missing)
		return -ENOMEM;
	for (uint64_t i = first; i <= last; i++)
		(recorded ? n->recorded : n->missing)[i / 8] |= (uint8_t)(1u << i % 8);
	if (n->count <= last)
		n->count = last + 1;
	return 0;
}

static int take(struct log *l, const struct record_view *v)
{
	bool gap = v->head.kind == PW_REC_GAP;
	uint64_t first = v->head.cpu_seq, last = first;
	struct numbers *n;

	if ((!gap && v->head.kind != PW_REC_ACCESS) || v->head.cpu >= CPUS_MAX || memcmp(v->head.boot_id, l->boot_id, sizeof(l->boot_id)) != 0)
		return 0;
	n = &l->cpu[v->head.cpu];
	if (gap) {
		first = record_find_u64(v, PW_F_GAP_FIRST, 0);
		last = record_find_u64(v, PW_F_GAP_LAST, 0);
	} else {
		uint64_t folded = record_find_u64(v, PW_F_COUNT, 1);

		last = first + folded - 1;
		if (record_find_u64(v, PW_F_VERDICT, PW_DENY) == PW_ALLOW)
			n->allowed += folded;
	}
	return mark(n, !gap, first, last);
}

static void print(uint32_t cpu, const struct numbers *n)
{
	uint64_t recorded = 0, missing = 0, holes = 0;

	for (uint64_t i = 0; i < n->count; i++) {
		bool has = n->recorded[i / 8] >> i % 8 & 1, lacks = n->missing[i / 8] >> i % 8 & 1;

		recorded += has;
		missing += !has && lacks;
		holes += !has && !lacks;
	}
	printf("%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", cpu, n->count, recorded, missing, holes, n->allowed);
}

static int read_boot_id(uint8_t ret[static 16])
{
	_buf_ struct buf text = BUF_INIT;
	size_t n = 0;
	int r = fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text);

	for (const char *p = r < 0 ? "" : text.data; *p && *p != '\n'; p++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, *p);

		if (*p == '-')
			continue;
		if (!digit || n >= 32)
			return -EINVAL;
		ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | (digit - digits));
		n++;
	}
	return n == 32 ? 0 : -EINVAL;
}

static int count(const char *dir)
{
	_free_ struct log *l = calloc(1, sizeof(*l));
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e = { 0 };
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = -ENOMEM;

	if (!l || fd < 0 || read_boot_id(l->boot_id) < 0 || log_reader_open(fd, -1, &r, &e) < 0) {
		fprintf(stderr, "flood: cannot read %s: %s\n", dir, e.text);
		return 1;
	}
	while ((code = log_reader_next(r, &v, &e)) > 0) {
		code = take(l, &v);
		if (code < 0)
			break;
	}
	log_reader_close(r);
	for (uint32_t cpu = 0; cpu < CPUS_MAX && code == 0; cpu++)
		if (l->cpu[cpu].count)
			print(cpu, &l->cpu[cpu]);
	for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++) {
		free(l->cpu[cpu].recorded);
		free(l->cpu[cpu].missing);
	}
	if (code < 0)
		fprintf(stderr, "flood: %s: %s %s\n", dir, strerror(-code), e.text);
	return code < 0;
}

int main(int argc, char **argv)
{
	uint64_t n[3] = { 0 };

	if (argc == 3 && !strcmp(argv[1], "count"))
		return count(argv[2]);
	for (int i = 0; i < 3 && argc == 6; i++)
		if (num_parse(argv[3 + i], strlen(argv[3 + i]), UINT32_MAX, &n[i]) < 0)
			argc = 0;
	if (argc == 6 && !strcmp(argv[1], "run"))
		return run(argv[2], n[0], n[1], n[2]);
	fprintf(stderr, "usage: flood run DIR FILES SECONDS CPU | flood count DIR\n");
	return 2;
}
