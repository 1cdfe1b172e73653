/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any order of arrival of a CPU's event numbers, as one byte each: after them, what is called lost is exactly what did not arrive
 * (a set of bits beside it is the judge), each number once, whatever was declared lost in between and came later after all.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "audit/gaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)
#define CPUS    2u
#define NUMBERS 64u

struct judge { bool arrived[NUMBERS], lost[NUMBERS]; uint64_t next; };

/* Declare the oldest hole; every number in it must be one that is missing. */
static bool declare(struct gaps *g, struct judge *j)
{
	struct hole h;
	uint32_t cpu;

	if (!gaps_oldest(g, &cpu, &h))
		return false;
	MUST(cpu < CPUS && h.first <= h.last && h.last < NUMBERS);
	for (uint64_t n = h.first; n <= h.last; n++) {
		MUST(!j[cpu].arrived[n] && !j[cpu].lost[n] && n < j[cpu].next);
		j[cpu].lost[n] = true;
	}
	gaps_declare(g, cpu, &h);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct judge j[CPUS] = { 0 };
	struct gaps g = { 0 };

	for (size_t i = 0; i < size && i < 512; i++) {
		uint32_t cpu = data[i] >> 6 & 1, n = data[i] % NUMBERS;

		if (data[i] & 0x80) {
			(void)declare(&g, j);
			continue;
		}
		if (j[cpu].arrived[n])
			continue; /* the kernel gives no number twice */
		MUST(gaps_note(&g, cpu, n, i) == 0);
		j[cpu].arrived[n] = true;
		j[cpu].lost[n] = false;
		if (n >= j[cpu].next)
			j[cpu].next = n + 1;
	}
	while (declare(&g, j))
		;
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		for (uint32_t n = 0; n < NUMBERS; n++)
			MUST(j[cpu].arrived[n] || j[cpu].lost[n] || n >= j[cpu].next);
	gaps_free(&g);
	return 0;
}
