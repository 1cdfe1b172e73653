/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: bench_hash BATCH ROUNDS   What leaves and nodes of a log cost, BATCH records at a time: mostly records of two blocks, every 50th of
 * 300 bytes, every 160th sealed, of 8 KiB. Natively in nanoseconds, by whatever this processor does best; and in instructions of the lanes
 * (valgrind shows a processor without SHA instructions):
 *   valgrind --tool=callgrind --toggle-collect=batch build/tests/bench/bench_hash 512 20
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/hash.h"
#include "base/cleanup.h"
#include "base/num.h"

#define BATCH_MAX  4096u
#define RECORD_MAX 8192u
#define AT_ONCE    512u /* as grow_add() */

struct mix { struct tree_bytes record[BATCH_MAX]; struct tree_hash leaf[BATCH_MAX]; size_t count; };

static uint32_t any(uint32_t *x)
{
	return (*x = *x * 1664525 + 1013904223) >> 8;
}

/* Lengths of a log; the bytes do not matter to a hash. */
static void fill(struct mix *m, uint8_t *bytes, size_t count)
{
	uint32_t x = 7;

	for (size_t i = 0; i < RECORD_MAX + BATCH_MAX; i++)
		bytes[i] = (uint8_t)any(&x);
	for (size_t i = 0; i < count; i++) {
		size_t len_bytes = i % 160 == 5 ? 8100 + any(&x) % 90 : i % 50 == 9 ? 295 + any(&x) % 20 : 86 + any(&x) % 24;

		m->record[i] = (struct tree_bytes){ bytes + i, len_bytes };
	}
	m->count = count;
}

__attribute__((noinline)) static void batch(struct mix *m)
{
	for (size_t at = 0; at < m->count; at += AT_ONCE)
		tree_leaves(m->record + at, m->count - at < AT_ONCE ? m->count - at : AT_ONCE, m->leaf + at);
	for (size_t at = 0; at + TREE_TILE_WIDTH <= m->count; at += TREE_TILE_WIDTH)
		for (size_t n = TREE_TILE_WIDTH; n > 1; n /= 2)
			tree_nodes(m->leaf + at, n, m->leaf + at);
}

int main(int argc, char **argv)
{
	_free_ struct mix *m = calloc(1, sizeof(*m));
	_free_ uint8_t *bytes = malloc(RECORD_MAX + BATCH_MAX);
	uint64_t count = 0, rounds = 0;
	struct timespec from, to;

	if (!m || !bytes || argc != 3 || num_parse(argv[1], strlen(argv[1]), BATCH_MAX, &count) < 0 || !count ||
	    num_parse(argv[2], strlen(argv[2]), 1000000, &rounds) < 0 || !rounds) {
		fprintf(stderr, "usage: bench_hash BATCH ROUNDS\n");
		return 2;
	}
	fill(m, bytes, count);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (uint64_t i = 0; i < rounds; i++)
		batch(m);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("%llu records at a time, %s: %.0f ns a record\n", (unsigned long long)count, hash_has_wide() ? "eight side by side" : "one by one",
	       ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)rounds / (double)count);
	return 0;
}
