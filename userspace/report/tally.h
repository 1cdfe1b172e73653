/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of records that a question is about: how many, the first of them by number, and a sample that nobody can choose. A record
 * belongs to the sample if its priority, splitmix64 of the tree's root and its number, is among the smallest.
 */
#ifndef REPORT_TALLY_H
#define REPORT_TALLY_H

#include "report/facts.h"

#define TALLY_FIRST  10u
#define TALLY_SAMPLE 5u

enum tally_id {
#define TALLY(name, words, jq) T_##name,
#include "report/tallies.def"
#undef TALLY
	T_MAX_
};

struct tally {
	uint64_t records;
	uint64_t accesses; /* a record may stand for several; of gaps: lost events */
	uint64_t first[TALLY_FIRST];
	struct { uint64_t priority, seq; } sample[TALLY_SAMPLE]; /* ascending */
	size_t sample_count;
};

/* Bit tally_id: the record belongs to it. */
uint64_t tally_of(const struct facts *f);
void tally_add(struct tally *t, uint64_t seed, uint64_t seq, uint64_t accesses);
/* As if all that went into b had gone into a too. */
void tally_merge(struct tally *a, const struct tally *b);
uint64_t tally_priority(uint64_t seed, uint64_t seq);
/* "55 (31 records)", or "31" where each record is one access. */
struct tally_said { char text[64]; };
struct tally_said tally_said(const struct tally *t);
const char *tally_words(enum tally_id id);
const char *tally_jq(enum tally_id id);

#endif
