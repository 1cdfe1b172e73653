/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what the log holds against what it says it lost. Knows no file; believes no number but those in records. */
#include "audit/complete.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NO_CPU 0xffffu

struct hole { uint64_t first, last, before_ns; }; /* before_ns: time of the event that showed it */
struct track {
	uint8_t boot_id[16];
	uint32_t cpu;
	uint64_t next, newest_ns;
	struct hole *holes;
	size_t count, cap;
};

struct complete {
	bool from_start;
	struct track *tracks;
	size_t count, cap, last; /* last: the one that was noted last, which the next record is likely of */
	struct complete_ranges recorded, missing, open;
};

int complete_new(bool from_start, struct complete **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->from_start = from_start;
	return 0;
}

void complete_free(struct complete *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		free(c->tracks[i].holes);
	free(c->tracks);
	free(c->recorded.v);
	free(c->missing.v);
	free(c->open.v);
	free(c);
}

/* Room for one more of an array that doubles. */
static void *room(void *v, size_t count, size_t *cap, size_t size)
{
	void *more;

	if (count < *cap)
		return v;
	more = reallocarray(v, *cap ? *cap * 2 : 16, size);
	if (more)
		*cap = *cap ? *cap * 2 : 16;
	return more;
}

static int range_add(struct complete_ranges *r, const struct track *t, const struct hole *h)
{
	struct complete_range *more = room(r->v, r->count, &r->cap, sizeof(*r->v));

	if (!more)
		return -ENOMEM;
	r->v = more;
	r->v[r->count] = (struct complete_range){ .cpu = t->cpu, .first = h->first, .last = h->last, .before_ns = h->before_ns };
	memcpy(r->v[r->count++].boot_id, t->boot_id, sizeof(t->boot_id));
	return 0;
}

static bool is_track(const struct track *t, const struct pw_record *h)
{
	return t->cpu == h->cpu && !memcmp(t->boot_id, h->boot_id, sizeof(t->boot_id));
}

static struct track *track_of(struct complete *c, const struct pw_record *h, uint64_t first)
{
	struct track *more;

	if (c->last < c->count && is_track(&c->tracks[c->last], h))
		return &c->tracks[c->last];
	for (size_t i = c->count; i--;)
		if (is_track(&c->tracks[i], h)) {
			c->last = i;
			return &c->tracks[i];
		}
	more = room(c->tracks, c->count, &c->cap, sizeof(*more));
	if (!more)
		return NULL;
	c->tracks = more;
	c->last = c->count++;
	c->tracks[c->last] = (struct track){ .cpu = h->cpu, .next = c->from_start ? 0 : first };
	memcpy(c->tracks[c->last].boot_id, h->boot_id, sizeof(h->boot_id));
	return &c->tracks[c->last];
}

static int hole_add(struct track *t, uint64_t first, uint64_t last, uint64_t before_ns)
{
	struct hole *more = room(t->holes, t->count, &t->cap, sizeof(*more));

	if (!more)
		return -ENOMEM;
	t->holes = more;
	t->holes[t->count++] = (struct hole){ first, last, before_ns };
	return 0;
}

/* [first, last] is accounted for. True if any of it was due: then it is not the second time. */
static int cover(struct track *t, uint64_t first, uint64_t last, uint64_t time_ns, bool *ret_due)
{
	*ret_due = last >= t->next;
	for (size_t i = 0; i < t->count;) {
		struct hole *h = &t->holes[i];
		struct hole was = *h;

		if (was.last < first || was.first > last) {
			i++;
			continue;
		}
		*ret_due = true;
		*h = t->holes[--t->count];
		if (was.first < first && hole_add(t, was.first, first - 1, was.before_ns) < 0)
			return -ENOMEM;
		if (was.last > last && hole_add(t, last + 1, was.last, was.before_ns) < 0)
			return -ENOMEM;
	}
	if (first > t->next && hole_add(t, t->next, first - 1, time_ns) < 0)
		return -ENOMEM;
	if (last >= t->next)
		t->next = last + 1;
	return 0;
}

static int give_up(struct complete *c, struct track *t)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct hole *h = &t->holes[i];
		bool recent = h->before_ns + COMPLETE_OPEN_NS >= t->newest_ns;

		if (range_add(recent ? &c->open : &c->missing, t, h) < 0)
			return -ENOMEM;
	}
	t->count = 0;
	return 0;
}

static int note_gap(struct complete *c, const struct record_view *v)
{
	struct hole lost = { .first = record_find_u64(v, PW_F_GAP_FIRST, v->head.cpu_seq), .before_ns = v->head.time_boot_ns };
	struct track *t = track_of(c, &v->head, lost.first);
	bool due;

	lost.last = record_find_u64(v, PW_F_GAP_LAST, lost.first);
	if (!t)
		return -ENOMEM;
	if (lost.last < lost.first || lost.last == UINT64_MAX)
		return -EBADMSG;
	if (range_add(&c->recorded, t, &lost) < 0)
		return -ENOMEM;
	return cover(t, lost.first, lost.last, v->head.time_boot_ns, &due);
}

static int note_access(struct complete *c, const struct record_view *v)
{
	struct track *t = track_of(c, &v->head, v->head.cpu_seq);
	uint64_t first = v->head.cpu_seq, count = record_has(v, PW_F_COUNT) ? record_find_u64(v, PW_F_COUNT, 1) : 1, last = first + count - 1;
	bool due;
	int code;

	if (!t)
		return -ENOMEM;
	if (count < 1 || count > PW_COUNT_MAX || last < first || last == UINT64_MAX)
		return -EBADMSG;
	code = cover(t, first, last, v->head.time_boot_ns, &due);
	/* A number that was there already, of an event younger than all: the programs were loaded anew and count from 0 again. */
	if (code == 0 && !due && v->head.time_boot_ns > t->newest_ns) {
		code = give_up(c, t);
		t->next = 0;
		if (code == 0)
			code = cover(t, first, last, v->head.time_boot_ns, &due);
	}
	if (v->head.time_boot_ns > t->newest_ns)
		t->newest_ns = v->head.time_boot_ns;
	return code;
}

int complete_note(struct complete *c, const struct record_view *v)
{
	if (v->head.cpu == NO_CPU)
		return 0;
	if (v->head.kind == PW_REC_GAP)
		return note_gap(c, v);
	return v->head.kind == PW_REC_ACCESS ? note_access(c, v) : 0;
}

int complete_end(struct complete *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (give_up(c, &c->tracks[i]) < 0)
			return -ENOMEM;
	return 0;
}

const struct complete_ranges *complete_recorded(const struct complete *c)
{
	return &c->recorded;
}

const struct complete_ranges *complete_missing(const struct complete *c)
{
	return &c->missing;
}

const struct complete_ranges *complete_open(const struct complete *c)
{
	return &c->open;
}

uint64_t complete_cpus(const struct complete *c)
{
	return c->count;
}
