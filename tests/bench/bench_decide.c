/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: bench_decide POLICY ROUNDS   Cost of one decision on the compiled tables, outside the kernel: the very code of decide.h. Prints
 * nanoseconds for one question asked again and again, and for 64 in turn. Under callgrind, collect in decide_one and
 * decide_in_turn only.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "compile.h"
#include "policy/image.h"

#define QUESTIONS 64u

struct question { __u32 row, label, need; struct pw_facts facts; };

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Interned rows and stores that exist, all needs of the everyday operations. */
static void ask_all(const struct image *img, struct question q[static QUESTIONS])
{
	static const __u32 needs[] = { PW_NEED_READ, PW_NEED_WRITE, PW_NEED_LIST, PW_NEED_CREATE, PW_NEED_DELETE };

	for (__u32 i = 0; i < QUESTIONS; i++) {
		q[i].row = i % img->gen->rows;
		q[i].label = 1 + i * 7 % (img->gen->labels - 1);
		q[i].need = needs[i % (sizeof(needs) / sizeof(needs[0]))];
		q[i].facts = (struct pw_facts){ .roles = img->rows[q[i].row], .mfa_age_s = PW_MFA_NEVER };
	}
}

/* noinline: so that the profiler finds them by name. The sum keeps the compiler from leaving the work out. */
__attribute__((noinline)) static uint64_t decide_one(const struct image *img, const struct question *q, uint64_t rounds)
{
	uint64_t sum = 0;

	for (uint64_t n = 0; n < rounds; n++) {
		__asm__ volatile("" ::: "memory"); /* or it would be decided once */
		sum += table_decide_fast(img, q->row, q->label, &q->facts, q->need).verdict;
	}
	return sum;
}

__attribute__((noinline)) static uint64_t decide_in_turn(const struct image *img, const struct question *q, uint64_t rounds)
{
	uint64_t sum = 0;

	for (uint64_t n = 0; n < rounds; n++) {
		const struct question *at = &q[n % QUESTIONS];

		sum += table_decide_fast(img, at->row, at->label, &at->facts, at->need).verdict;
	}
	return sum;
}

static void report(const char *what, double began_s, uint64_t rounds, uint64_t denied)
{
	printf("%s %.3f ns, %.0f %% refused\n", what, (now_s() - began_s) * 1e9 / (double)rounds, 100.0 * (double)denied / (double)rounds);
}

int main(int argc, char **argv)
{
	_buf_ struct buf bytes = BUF_INIT;
	struct question q[QUESTIONS];
	struct err e = { 0 };
	struct image img;
	uint64_t rounds = 0, denied;
	double began_s;

	if (argc != 3 || num_parse(argv[2], strlen(argv[2]), 10000000000u, &rounds) < 0 || !rounds) {
		fprintf(stderr, "usage: bench_decide POLICY ROUNDS\n");
		return 2;
	}
	if (bench_compile(argv[1], &bytes) < 0)
		return 1;
	if (image_check(bytes.data, bytes.len_bytes, &img, &e) < 0 || img.gen->labels < 2) {
		fprintf(stderr, "bench_decide: %s: %s\n", argv[1], e.text[0] ? e.text : "the policy has no store");
		return 1;
	}
	ask_all(&img, q);
	printf("table %u labels, %u rows, %u entries\n", img.gen->labels, img.gen->rows, img.count[PW_SEC_ENTRIES]);
	/* Root's role on the store of the first rule: allowed by its cell alone. */
	q[0] = (struct question){ .row = 1, .label = 1, .need = PW_NEED_READ, .facts = { .roles = img.rows[1], .mfa_age_s = PW_MFA_NEVER } };
	began_s = now_s();
	denied = decide_one(&img, q, rounds);
	report("one", began_s, rounds, denied);
	began_s = now_s();
	denied = decide_in_turn(&img, q, rounds);
	report("in-turn", began_s, rounds, denied);
	return 0;
}
