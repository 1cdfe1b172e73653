/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest of a few candidates by edit distance. Bounded work; long words have no neighbours. */
#include "policy/diag.h"

#include <string.h>

#define LEN_MAX  64u
#define DISTANCE_MAX 2u

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes, and swaps of two neighbours (optimal string alignment). */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][LEN_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *now = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = least(last[j] + 1, now[j - 1] + 1);

			best = least(best, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, before[j - 2] + 1);
			now[j] = best;
		}
	}
	return rows[a_len % 3][b_len];
}

const char *closest(const char *word, const char *const *candidates, size_t count)
{
	size_t len = strlen(word), best = DISTANCE_MAX + 1;
	const char *found = NULL;

	if (len > LEN_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = strlen(candidates[i]), n;

		if (other > LEN_MAX || other > len + DISTANCE_MAX || len > other + DISTANCE_MAX)
			continue;
		n = distance(word, len, candidates[i], other);
		if (n < best && 2 * n < len) {
			best = n;
			found = candidates[i];
		}
	}
	return found;
}
