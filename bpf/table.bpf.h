/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk over cells, entries and conditions of one generation. Judges nothing itself: every judgement is in decide.h. Knows
 * tables only, no hook, no task, no inode, so that the differential test runs this very code. Fill in pw_walk.facts, call
 * pw_table_open(), then pw_table_fast() and, where that does not settle it, pw_table_walk().
 */
#ifndef PW_TABLE_BPF_H
#define PW_TABLE_BPF_H

#include "maps.bpf.h"
#include <polyward/decide.h>

/* Everything that one decision needs. `broken`: a table does not answer; the caller must refuse (PW_R_INTERNAL). */
struct pw_walk {
	struct pw_facts facts;   /* in: set by the caller */
	struct pw_tally tally;
	__u32 need, label, labels, row;
	__u32 first;             /* first entry of the cell being walked */
	__u32 flags;             /* out: enum pw_cell_flag of all cells looked at */
	__u32 audits, audit_timed, broken;
	void *cells, *entries, *conds; /* this generation's inner maps */
};

/*
 * A zero that the verifier of kernels before 6.7 does not know to be one. They check the callback of bpf_loop() for its first
 * round only; a constant in the context would make branches that later rounds take look dead, and dead code is cut out.
 */
static __always_inline __u32 pw_opaque_zero(void)
{
	return bpf_get_smp_processor_id() >> 31;
}

/* 0, or -1 if there is no such generation. */
static __always_inline int pw_table_open(struct pw_walk *w, __u32 gen, __u32 label, __u32 need)
{
	__u32 place = gen % PW_GENERATIONS, zero = pw_opaque_zero();
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);

	w->tally = (struct pw_tally){ zero, zero, zero, zero, zero, zero, zero, zero, zero };
	w->need = need;
	w->label = label;
	w->first = zero;
	w->flags = w->audits = w->audit_timed = w->broken = zero;
	if (!g || g->gen != gen || label >= g->labels)
		return -1;
	w->labels = g->labels;
	w->cells = bpf_map_lookup_elem(&pw_cells, &place);
	w->entries = bpf_map_lookup_elem(&pw_entries, &place);
	w->conds = bpf_map_lookup_elem(&pw_conds, &place);
	return w->cells && w->entries && w->conds ? 0 : -1;
}

static __always_inline struct pw_cell *pw_table_cell(const struct pw_walk *w, __u32 row)
{
	__u32 index = row * w->labels + w->label;

	return w->cells ? bpf_map_lookup_elem(w->cells, &index) : NULL;
}

/*
 * What the cell of an interned row says alone. Sets w->flags. PW_FAST_WALK for a set that is not interned, and for a table that
 * does not answer: the walk then finds that out and refuses.
 */
static __always_inline enum pw_fast pw_table_fast(struct pw_walk *w, __u32 row)
{
	struct pw_cell *cell = row == PW_ROW_NONE ? NULL : pw_table_cell(w, row);

	if (!cell)
		return PW_FAST_WALK;
	w->flags |= cell->flags;
	return pw_fast(cell, w->need);
}

static long pw_walk_entry(__u32 i, struct pw_walk *w)
{
	struct pw_entry *e = NULL;
	struct pw_cond *c = NULL;
	__u32 index = w->first + i, cond;

	if (w->entries)
		e = bpf_map_lookup_elem(w->entries, &index);
	if (e && e->cond && w->conds) {
		cond = e->cond;
		c = bpf_map_lookup_elem(w->conds, &cond);
	}
	if (!e || (e->cond && !c)) {
		w->broken = 1;
		return 1;
	}
	pw_consider(&w->tally, e, c, &w->facts, w->need);
	return 0;
}

/* One round for an interned row; else one for each role, over the rows of the single roles that are on. */
static long pw_walk_row(__u32 role, struct pw_walk *w)
{
	__u32 row = w->row == PW_ROW_NONE ? 1 + role : w->row;
	struct pw_cell *cell;

	if (w->row == PW_ROW_NONE && !(w->facts.roles >> (role & 63) & 1))
		return 0;
	cell = pw_table_cell(w, row);
	if (!cell || cell->count > PW_CELL_ENTRIES_MAX) {
		w->broken = 1;
		return 1;
	}
	w->flags |= cell->flags;
	w->audit_timed |= cell->audit_window != 0;
	w->audits |= (__u32)pw_cell_audits(cell, &w->facts);
	w->first = cell->first;
	bpf_loop(cell->count, pw_walk_entry, w, 0);
	return w->broken ? 1 : 0;
}

/* The decision with rule and reason. */
static __always_inline struct pw_decision pw_table_walk(struct pw_walk *w, __u32 row)
{
	struct pw_decision internal = { .missing = w->need, .verdict = PW_DENY, .reason = PW_R_INTERNAL };

	w->row = row;
	bpf_loop(row == PW_ROW_NONE ? PW_ROLES_MAX : 1, pw_walk_row, w, 0);
	/* A table that does not answer is no permission, and mode audit was never read from it. */
	if (w->broken)
		return internal;
	return pw_conclude(&w->tally, w->need, (int)w->audits, (int)w->audit_timed);
}

#endif
