/* SPDX-License-Identifier: Apache-2.0 */
/* Bookkeeping of event numbers: pure, no clock and no file. It may call a loss late, never two times and never too small. */
#include "audit/gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOST_MAX      64u   /* reported losses remembered per CPU, for events that come later still */
#define BEFORE_LOG    1024u /* numbers below the first one found in the log that may still arrive after a restart */

static void remove_at(struct holes *h, size_t i)
{
	memmove(&h->v[i], &h->v[i + 1], (h->count - i - 1) * sizeof(*h->v));
	h->count--;
}

/* Joined to the last one where they touch; the younger age counts, so that no part is judged too early. */
static bool add(struct holes *h, struct hole one)
{
	if (h->count && h->v[h->count - 1].last + 1 == one.first) {
		h->v[h->count - 1].last = one.last;
		h->v[h->count - 1].since_ns = one.since_ns;
		return true;
	}
	if (h->count == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 4;
		struct hole *more = reallocarray(h->v, cap, sizeof(*more));

		if (!more)
			return false;
		h->v = more;
		h->cap = cap;
	}
	h->v[h->count++] = one;
	return true;
}

/* Without memory for one more hole the last one grows over it: a loss is then reported too large, never too small. */
static void add_open(struct gaps_cpu *c, uint64_t first, uint64_t last, uint64_t since_ns)
{
	struct hole *grown;

	if (add(&c->open, (struct hole){ first, last, since_ns }) || !c->open.count)
		return;
	grown = &c->open.v[c->open.count - 1];
	if (grown->last < last)
		grown->last = last;
	if (grown->first > first)
		grown->first = first;
}

static void add_lost(struct gaps_cpu *c, uint64_t first, uint64_t last)
{
	if (c->lost.count == LOST_MAX)
		remove_at(&c->lost, 0);
	(void)add(&c->lost, (struct hole){ first, last, 0 }); /* remembered for convenience alone */
}

static bool holds(const struct holes *h, uint64_t seq)
{
	for (size_t i = 0; i < h->count; i++)
		if (seq >= h->v[i].first && seq <= h->v[i].last)
			return true;
	return false;
}

/* Numbers first to last are no longer missing. */
static void close_range(struct gaps_cpu *c, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < c->open.count;) {
		struct hole old = c->open.v[i];

		if (old.last < first || old.first > last) {
			i++;
			continue;
		}
		remove_at(&c->open, i);
		if (old.first < first)
			add_open(c, old.first, first - 1, old.since_ns);
		if (old.last > last)
			add_open(c, last + 1, old.last, old.since_ns);
	}
}

static struct gaps_cpu *find(struct gaps *g, uint32_t cpu)
{
	if (cpu >= g->count) {
		struct gaps_cpu *more = reallocarray(g->v, (size_t)cpu + 1, sizeof(*more));

		if (!more)
			return NULL;
		memset(more + g->count, 0, ((size_t)cpu + 1 - g->count) * sizeof(*more));
		g->v = more;
		g->count = (size_t)cpu + 1;
	}
	return &g->v[cpu];
}

void gaps_free(struct gaps *g)
{
	for (size_t i = 0; i < g->count; i++) {
		free(g->v[i].open.v);
		free(g->v[i].lost.v);
	}
	free(g->v);
	memset(g, 0, sizeof(*g));
}

int gaps_begin(struct gaps *g, uint32_t cpu, uint64_t first)
{
	struct gaps_cpu *c = cpu < GAPS_CPUS_MAX ? find(g, cpu) : NULL;

	if (!c)
		return cpu < GAPS_CPUS_MAX ? -ENOMEM : -EINVAL;
	if (!c->seen && first)
		add_lost(c, first > BEFORE_LOG ? first - BEFORE_LOG : 0, first - 1);
	if (!c->seen)
		c->next = first;
	c->seen = true;
	return 0;
}

bool gaps_known(const struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t time_boot_ns)
{
	const struct gaps_cpu *c = cpu < g->count ? &g->v[cpu] : NULL;

	return c && c->seen && seq < c->next && time_boot_ns <= c->newest_ns && !holds(&c->open, seq) && !holds(&c->lost, seq);
}

void gaps_time(struct gaps *g, uint32_t cpu, uint64_t time_boot_ns)
{
	if (cpu < g->count && g->v[cpu].newest_ns < time_boot_ns)
		g->v[cpu].newest_ns = time_boot_ns;
}

int gaps_note(struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t now_ns)
{
	struct gaps_cpu *c = cpu < GAPS_CPUS_MAX ? find(g, cpu) : NULL;

	if (!c)
		return cpu < GAPS_CPUS_MAX ? -ENOMEM : -EINVAL;
	if (seq < c->next && (holds(&c->open, seq) || holds(&c->lost, seq))) {
		close_range(c, seq, seq);
		return 0;
	}
	if (seq < c->next) {
		/* A number that was taken already: the counters began again, because the programs were loaded anew. */
		c->lost.count = 0;
		c->next = 0;
	}
	if (seq > c->next)
		add_open(c, c->next, seq - 1, now_ns);
	c->seen = true;
	c->next = seq + 1;
	return 0;
}

void gaps_unnote(struct gaps *g, uint32_t cpu, uint64_t seq, uint64_t now_ns)
{
	if (cpu < g->count)
		add_open(&g->v[cpu], seq, seq, now_ns);
}

void gaps_declare(struct gaps *g, uint32_t cpu, const struct hole *h)
{
	struct gaps_cpu *c;

	if (cpu >= g->count)
		return;
	c = &g->v[cpu];
	close_range(c, h->first, h->last);
	add_lost(c, h->first, h->last);
	if (c->next <= h->last)
		c->next = h->last + 1;
}

bool gaps_oldest(const struct gaps *g, uint32_t *ret_cpu, struct hole *ret)
{
	bool found = false;

	for (size_t cpu = 0; cpu < g->count; cpu++)
		for (size_t i = 0; i < g->v[cpu].open.count; i++) {
			const struct hole *h = &g->v[cpu].open.v[i];

			if (found && h->since_ns >= ret->since_ns)
				continue;
			*ret = *h;
			*ret_cpu = (uint32_t)cpu;
			found = true;
		}
	return found;
}
