/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one decision costs natively, without the kernel around it: `make bench-decide` prints nanoseconds for policies of 10 and of
 * 10,000 rules, through the cell alone and through the walk. For instructions, which do not depend on the machine's mood:
 *   valgrind --tool=callgrind --toggle-collect=ask build/tests/bench/bench_decide 1000000 0
 * Collected instructions divided by the rounds are those of one line, the first (with 10 rules only).
 */
#include <stdio.h>
#include <time.h>

#include "base/num.h"
#include "../unit/back.h"

struct way { const char *name; bool fast; uint32_t row; uint32_t need; };

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may be at work on this machine */
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Kept apart so that a profiler can count it; the sum keeps the compiler from leaving it out. */
static __attribute__((noipa)) uint32_t ask(const struct image *img, const struct way *w, uint32_t label, const struct pw_facts *f)
{
	struct pw_decision d = w->fast ? table_decide_fast(img, w->row, label, f, w->need)
				       : table_decide(img, w->row, label, f, w->need);

	return d.verdict;
}

static void measure(const struct back *b, const struct way *w, uint64_t rounds, const char *rules)
{
	struct pw_facts f = { .roles = 1, .mfa_age_s = PW_MFA_NEVER };
	uint32_t labels = b->img.gen->labels - 1, sum = 0;
	int64_t start = now_ns();

	for (uint64_t i = 0; i < rounds; i++)
		sum += ask(&b->img, w, 1 + (uint32_t)(i % labels), &f);
	printf("%-14s %-34s %7.2f ns  (%u of %llu refused)\n", rules, w->name, (double)(now_ns() - start) / (double)rounds, sum,
	       (unsigned long long)rounds);
}

/* line: of the table below; ALL of them otherwise. */
#define ALL 99u
static int run(uint32_t rules, const char *name, uint64_t rounds, uint64_t line)
{
	static const struct way ways[] = {
		{ "read, the cell alone", true, 1, PW_A_READ },
		{ "read, walk over the row", false, 1, PW_A_READ },
		{ "read, walk over single roles", false, PW_ROW_NONE, PW_A_READ },
		{ "write, under a time condition", true, 1, PW_A_WRITE },
	};
	_buf_ struct buf text = BUF_INIT;
	_back_ struct back b = { 0 };
	uint32_t stores = rules < 10 ? 1 : rules / 10;

	buf_add_str(&text, "polyward 1\npolicy p { version 1 }\nadmin { members user:root may apply }\n"
		    "time t { hours 08:00-09:00 }\nrole r { members user:alice }\n");
	for (uint32_t i = 0; i < stores; i++)
		buf_printf(&text, "store x%u { path /srv/x%u }\n", i, i);
	for (uint32_t i = 0; i < rules; i++)
		buf_printf(&text, i / stores % 2 ? "rule y%u { allow r to read on x%u }\n" :
			   "rule y%u { allow r to write on x%u when during t }\n", i, i % stores);
	if (text.failed || back_open(&b, text.data) < 0) {
		fprintf(stderr, "bench_decide: cannot compile the policy (run it in the top folder): %s\n", b.e.text);
		return 1;
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (line == ALL || line == i)
			measure(&b, &ways[i], rounds, name);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t rounds = 10000000, line = ALL;

	if (argc > 3 || (argc >= 2 && num_parse(argv[1], strlen(argv[1]), UINT32_MAX, &rounds) < 0) || !rounds ||
	    (argc == 3 && num_parse(argv[2], strlen(argv[2]), 3, &line) < 0)) {
		fprintf(stderr, "usage: bench_decide [ROUNDS [LINE]]\n");
		return 2;
	}
	if (line != ALL)
		return run(10, "10 rules", rounds, line);
	return run(10, "10 rules", rounds, ALL) || run(10000, "10,000 rules", rounds, ALL);
}
