// SPDX-License-Identifier: Apache-2.0
/*
 * What the daemons' suites need that a shell is too slow for: many openings, a mapping that waits, and the log counted record by record.
 * Usage: load open FILE COUNT           how many of COUNT openings succeed
 *        load turn FILE FILE2 COUNT     the same, by turns, so that no access repeats the one before and each has a record of its own
 *        load try FILE PAUSE_US         open until SIGTERM; then "OPENED REFUSED OTHERWISE"
 *        load map FILE                  map it, and wait for SIGTERM
 *        load account DIR               "RECORDS LOST ALLOWED": access records, accesses that gap records stand for, allowed ones among the first
 *        load events DIR                the events of all other records, one a line
 *        load watch DIR SEEN            remember every record as it appears, until SIGTERM
 *        load check DIR SEEN ATTEMPTS ALLOWED  nothing that was seen has changed; numbers have no hole; records + lost == ATTEMPTS;
 *                                       and exactly ALLOWED of the records are of allowed accesses
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define SEEN_MAX 2000000u /* records remembered */

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void pause_us(uint64_t us)
{
	const struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

static int open_many(const char *const paths[static 2], uint64_t count)
{
	uint64_t passed = 0;

	for (uint64_t i = 0; i < count; i++) {
		_fd_ int fd = open(paths[i % 2], O_RDONLY | O_CLOEXEC);

		passed += fd >= 0;
	}
	printf("%" PRIu64 "\n", passed);
	return 0;
}

static int try(const char *path, uint64_t us)
{
	uint64_t opened = 0, refused = 0, otherwise = 0;

	while (!ended) {
		_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

		opened += fd >= 0;
		refused += fd < 0 && errno == EACCES;
		otherwise += fd < 0 && errno != EACCES;
		pause_us(us);
	}
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", opened, refused, otherwise);
	return 0;
}

static int map(const char *path)
{
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 1;
	while (!ended)
		pause();
	return 0;
}

/* ---- the log ---- */
struct seen { uint64_t *hash; uint64_t count; }; /* by number of the record; 0: none */

static uint64_t hash_of(const struct record_view *v)
{
	const uint8_t *parts[] = { (const uint8_t *)&v->head, v->fields };
	const size_t sizes[] = { sizeof(v->head), v->fields_len_bytes };
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < sizes[p]; i++)
			h = (h ^ parts[p][i]) * 0x100000001b3u;
	return h ? h : 1;
}

static struct log_reader *open_log(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct log_reader *r = NULL;
	struct err e = { 0 };

	if (fd < 0 || log_reader_open(fd, -1, &r, &e) < 0)
		fprintf(stderr, "load: %s: %s\n", dir, fd < 0 ? strerror(errno) : e.text);
	return r;
}

struct account { uint64_t records, access, allowed, lost; };

static void add(struct account *a, const struct record_view *v)
{
	uint64_t count = v->head.kind == PW_REC_ACCESS ? record_find_u64(v, PW_F_COUNT, 1) : 0;

	a->records++;
	a->access += count;
	a->allowed += record_find_u64(v, PW_F_VERDICT, PW_DENY) == PW_ALLOW ? count : 0;
	if (v->head.kind == PW_REC_GAP)
		a->lost += record_find_u64(v, PW_F_GAP_LAST, 0) - record_find_u64(v, PW_F_GAP_FIRST, 0) + 1;
}

static int each(const char *dir, int (*take)(void *ctx, const struct record_view *v), void *ctx)
{
	struct log_reader *r = open_log(dir);
	struct record_view v;
	struct err e = { 0 };
	int code = r ? 1 : -ENOENT;

	while (code > 0) {
		code = log_reader_next(r, &v, &e);
		if (code > 0 && take(ctx, &v) < 0)
			code = -EBADMSG;
	}
	if (code < 0)
		fprintf(stderr, "load: %s: %s\n", dir, e.text);
	log_reader_close(r);
	return code < 0 ? 1 : 0;
}

static int take_account(void *ctx, const struct record_view *v)
{
	add(ctx, v);
	return 0;
}

static int account(const char *dir)
{
	struct account a = { 0 };
	int rc = each(dir, take_account, &a);

	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", a.access, a.lost, a.allowed);
	return rc;
}

static int take_other(void *ctx, const struct record_view *v)
{
	const uint8_t *text;
	size_t len_bytes;

	(void)ctx;
	if (v->head.kind != PW_REC_ACCESS && record_find(v, PW_F_EVENT, &text, &len_bytes))
		printf("%.*s\n", (int)len_bytes, (const char *)text);
	return 0;
}

static int take_seen(void *ctx, const struct record_view *v)
{
	struct seen *s = ctx;

	if (v->head.seq < SEEN_MAX) {
		s->hash[v->head.seq] = hash_of(v);
		if (s->count <= v->head.seq)
			s->count = v->head.seq + 1;
	}
	return 0;
}

/* A reader like any other, that follows the writer through all of its deaths; what a death tore it reads again. */
static int watch(const char *dir, const char *path)
{
	struct seen s = { .hash = calloc(SEEN_MAX, sizeof(uint64_t)) };
	struct log_reader *r = open_log(dir);
	struct record_view v;
	struct err e;
	_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!s.hash || !r || fd < 0)
		return 1;
	while (!ended) {
		int code = log_reader_next(r, &v, &e);

		if (code > 0) {
			(void)take_seen(&s, &v);
			continue;
		}
		if (code < 0) {
			log_reader_close(r);
			r = open_log(dir);
			if (!r)
				return 1;
		}
		pause_us(100000);
	}
	log_reader_close(r);
	return fd_write_all(fd, s.hash, s.count * sizeof(uint64_t)) < 0;
}

struct check { struct account a; struct seen seen; uint64_t next, changed; };

static int take_check(void *ctx, const struct record_view *v)
{
	struct check *c = ctx;

	if (v->head.seq != c->next)
		fprintf(stderr, "load: record %" PRIu64 " comes where %" PRIu64 " should\n", (uint64_t)v->head.seq, c->next);
	if (v->head.seq != c->next++)
		return -1;
	if (v->head.seq < c->seen.count && c->seen.hash[v->head.seq] && c->seen.hash[v->head.seq] != hash_of(v))
		c->changed++;
	add(&c->a, v);
	return 0;
}

static int check(const char *dir, const char *path, uint64_t attempts, uint64_t allowed)
{
	_buf_ struct buf seen = BUF_INIT;
	struct check c = { 0 };
	uint64_t remembered = 0;
	int rc = fd_read_file(AT_FDCWD, path, SEEN_MAX * sizeof(uint64_t), &seen);

	if (rc < 0)
		return 1;
	c.seen = (struct seen){ (uint64_t *)(void *)seen.data, seen.len_bytes / sizeof(uint64_t) };
	rc = each(dir, take_check, &c);
	for (uint64_t i = 0; i < c.seen.count; i++)
		remembered += c.seen.hash[i] != 0;
	printf("%" PRIu64 " records, %" PRIu64 " of accesses, %" PRIu64 " accesses in gaps, %" PRIu64 " attempts; %" PRIu64 " allowed by the log, %"
	       PRIu64 " by who did it; %" PRIu64 " records had been read before, %" PRIu64 " of them changed\n", c.a.records, c.a.access,
	       c.a.lost, attempts, c.a.allowed, allowed, remembered, c.changed);
	return rc || c.changed || c.next < c.seen.count || c.a.access + c.a.lost != attempts || c.a.allowed != allowed;
}

int main(int argc, char **argv)
{
	const struct sigaction stop = { .sa_handler = end };
	uint64_t n = 0, allowed = 0;

	sigaction(SIGTERM, &stop, NULL);
	if (argc == 6)
		(void)num_parse(argv[5], strlen(argv[5]), UINT64_MAX, &allowed);
	if (argc >= 4)
		(void)num_parse(argv[argc > 4 ? 4 : 3], strlen(argv[argc > 4 ? 4 : 3]), UINT64_MAX, &n);
	if (argc == 4 && !strcmp(argv[1], "open"))
		return open_many((const char *const[2]){ argv[2], argv[2] }, n);
	if (argc == 5 && !strcmp(argv[1], "turn"))
		return open_many((const char *const[2]){ argv[2], argv[3] }, n);
	if (argc == 4 && !strcmp(argv[1], "try"))
		return try(argv[2], n);
	if (argc == 3 && !strcmp(argv[1], "map"))
		return map(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "account"))
		return account(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "events"))
		return each(argv[2], take_other, NULL);
	if (argc == 4 && !strcmp(argv[1], "watch"))
		return watch(argv[2], argv[3]);
	if (argc == 6 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3], n, allowed);
	fprintf(stderr, "usage: load open|turn|try|map|account|events|watch|check ARGUMENTS...\n");
	return 2;
}
