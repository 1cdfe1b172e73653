/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When was logged, when was enforced, and when was a store only watched. What no record shows counts as not covered: the state at a
 * moment follows from records alone, never from what ought to have been.
 */
#include "report/collect.h"

#include <stdio.h>
#include <string.h>

#define NO_SEQ UINT64_MAX

void stretch_add(struct stretches *s, const struct collect *c, const struct stretch *add)
{
	struct stretch clipped = *add;

	if (clipped.from_ns < c->since_ns)
		clipped.from_ns = c->since_ns;
	if (clipped.to_ns > c->until_ns)
		clipped.to_ns = c->until_ns;
	if (clipped.to_ns <= clipped.from_ns)
		return;
	s->total++;
	s->sum_ns += clipped.to_ns - clipped.from_ns;
	if (s->count < COLLECT_SPANS)
		s->v[s->count++] = clipped;
}

/* ---- what is in force ---- */

/* Stores of the policy that were in mode audit from c->force_since_ns to to_ns. */
static void add_permissive(struct collect *c, int64_t to_ns, uint64_t to_seq)
{
	const struct policy_row *row = &c->policies->v[c->force_policy];
	const struct image *img = &row->img;

	if (!row->archived)
		return;
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES]; s++) {
		const struct pw_cell *cell = &img->cells[s];
		struct stretch add = { SPAN_AUDIT, c->force_since_ns, to_ns, c->force_since_seq, to_seq, "" };

		if (!(cell->flags & PW_CELL_AUDIT))
			continue;
		if (cell->audit_window && cell->audit_window <= img->count[PW_SEC_WINDOWS]) {
			int64_t until_s = img->windows[cell->audit_window - 1].until_utc_s;

			if (until_s && until_s * NS_PER_S < add.to_ns)
				add.to_ns = until_s * NS_PER_S;
		}
		(void)snprintf(add.store, sizeof(add.store), "%s", image_str(img, img->stores[s].name));
		stretch_add(&c->permissive, c, &add);
	}
}

/* What was so far ends here. */
static void close_force(struct collect *c, int64_t to_ns, uint64_t to_seq)
{
	struct stretch add = { c->force == FORCE_NONE ? SPAN_DOWN : SPAN_UNKNOWN, c->force_since_ns, to_ns, c->force_since_seq, to_seq, "" };

	if (c->force != FORCE_POLICY) {
		stretch_add(c->force == FORCE_NONE ? &c->down : &c->unknown, c, &add);
		return;
	}
	if (c->force_policy < 0)
		return;
	if (to_ns >= c->since_ns && c->force_since_ns <= c->until_ns) {
		struct policy_row *row = &c->policies->v[c->force_policy];

		if (!row->in_range || row->from_ns > c->force_since_ns)
			row->from_ns = c->force_since_ns;
		row->in_range = true;
		row->to_ns = to_ns;
	}
	add_permissive(c, to_ns, to_seq);
}

/* Behind that record nobody knows what is enforced, until another one shows it. */
static void forget_force(struct collect *c, const struct pw_record *last)
{
	close_force(c, last->time_utc_ns, last->seq);
	c->force = FORCE_UNKNOWN;
	c->force_since_ns = last->time_utc_ns;
	c->force_since_seq = last->seq;
	c->force_policy = -1;
	c->force_gen = 0;
}

static void now_in_force(struct collect *c, const struct facts *f, int force)
{
	const struct pw_record *h = &f->v->head;
	uint32_t gen = (uint32_t)facts_u64(f, PW_F_GEN, 0);
	int policy = -1;

	if (force == FORCE_POLICY && facts_has(f, PW_F_POLICY_HASH))
		policy = policies_note(c->policies, f->p[PW_F_POLICY_HASH], f->len_bytes[PW_F_POLICY_HASH]);
	if (force == FORCE_POLICY && c->force == FORCE_POLICY && (policy < 0 || policy == c->force_policy))
		return;
	close_force(c, h->time_utc_ns, h->seq);
	c->force = (__typeof__(c->force))force;
	c->force_since_ns = h->time_utc_ns;
	c->force_since_seq = h->seq;
	c->force_policy = policy;
	c->force_gen = gen;
}

static void see_force(struct collect *c, const struct facts *f)
{
	static const char *const begins[] = { "applied", "confirmed", "rolled-back", "reverted", "started", "adopted" };
	uint8_t kind = f->v->head.kind;

	if (kind == PW_REC_ACCESS) {
		/* A decision of a table shows that the table was in force. Late ones of the generation before change nothing. */
		if (facts_in_store(f) && facts_has(f, PW_F_POLICY_HASH) && facts_u64(f, PW_F_GEN, 0) > c->force_gen)
			now_in_force(c, f, FORCE_POLICY);
		return;
	}
	if (kind != PW_REC_POLICY && kind != PW_REC_MODE)
		return;
	if (facts_is(f, PW_F_EVENT, "down")) {
		now_in_force(c, f, FORCE_NONE);
		c->force_gen = 0;
		return;
	}
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (facts_is(f, PW_F_EVENT, begins[i])) {
			c->force_gen = 0;
			now_in_force(c, f, facts_u64(f, PW_F_GEN, 0) ? FORCE_POLICY : FORCE_NONE);
			return;
		}
}

/* ---- when was logged ---- */

static void see_silence(struct collect *c, const struct pw_record *h)
{
	struct stretch add = { SPAN_SILENT, c->last.time_utc_ns, h->time_utc_ns, c->last.seq, h->seq, "" };

	if (!c->timed) {
		add = (struct stretch){ SPAN_BEFORE, INT64_MIN, h->time_utc_ns, NO_SEQ, h->seq, "" };
		stretch_add(&c->quiet, c, &add);
		return;
	}
	if (memcmp(c->last.boot_id, h->boot_id, sizeof(h->boot_id)) != 0) {
		add.why = SPAN_BOOT;
		stretch_add(&c->quiet, c, &add);
		forget_force(c, &c->last);
	} else if (h->time_boot_ns > c->last_boot_ns && h->time_boot_ns - c->last_boot_ns > COLLECT_QUIET_S * (uint64_t)NS_PER_S) {
		stretch_add(&c->quiet, c, &add);
	}
}

void collect_time(struct collect *c, const struct facts *f)
{
	const struct pw_record *h = &f->v->head;
	bool same_boot = c->timed && !memcmp(c->last.boot_id, h->boot_id, sizeof(h->boot_id));

	if (!c->timed) {
		c->force = FORCE_UNKNOWN;
		c->force_since_ns = INT64_MIN;
		c->force_since_seq = NO_SEQ;
		c->force_policy = -1;
	}
	see_silence(c, h);
	see_force(c, f);
	c->timed = true;
	/* Events of two processors come out of order: the newest one counts. */
	if (!same_boot || h->time_boot_ns >= c->last_boot_ns) {
		c->last_boot_ns = h->time_boot_ns;
		c->last = *h;
	}
}

void collect_time_end(struct collect *c)
{
	struct stretch after = { SPAN_AFTER, c->timed ? c->last.time_utc_ns : INT64_MIN, INT64_MAX, c->timed ? c->last.seq : NO_SEQ, NO_SEQ, "" };

	/* The end of the range is now, or a moment that later records follow: then the silence is a short one. */
	if (!c->timed || c->until_ns - c->last.time_utc_ns > COLLECT_QUIET_S * NS_PER_S)
		stretch_add(&c->quiet, c, &after);
	if (c->timed && c->made_ns - c->last.time_utc_ns > COLLECT_QUIET_S * NS_PER_S)
		forget_force(c, &c->last);
	close_force(c, INT64_MAX, NO_SEQ);
}
