/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of tallies.def in C, and bounded counting. Never keeps a record, only its number. */
#include "report/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *words, *jq; } rows[T_MAX_] = {
#define TALLY(name, words, jq) [T_##name] = { words, jq },
#include "report/tallies.def"
#undef TALLY
};

const char *tally_words(enum tally_id id)
{
	return rows[id].words;
}

const char *tally_jq(enum tally_id id)
{
	return rows[id].jq;
}

static uint64_t bit(enum tally_id id, bool belongs)
{
	return belongs ? 1ull << id : 0;
}

_Static_assert(T_MAX_ <= 64, "a mask holds all tallies");

static uint64_t of_allowed(const struct facts *f, bool changes)
{
	uint64_t reason = facts_u64(f, PW_F_REASON, PW_R_NONE);
	uint64_t uid = facts_u64(f, PW_F_UID, UINT64_MAX), login = facts_u64(f, PW_F_LOGIN_UID, UINT64_MAX);
	bool moved = facts_has(f, PW_F_STORE_TO) &&
		     (!facts_has(f, PW_F_STORE) || f->len_bytes[PW_F_STORE] != f->len_bytes[PW_F_STORE_TO] ||
		      memcmp(f->p[PW_F_STORE], f->p[PW_F_STORE_TO], f->len_bytes[PW_F_STORE]));

	return bit(T_ALLOW, true) |
	       bit(T_NO_ROLE, reason != PW_R_SELF && facts_has(f, PW_F_POLICY_HASH) && !facts_has(f, PW_F_ROLES)) |
	       bit(T_NO_RULE, reason != PW_R_SELF && reason != PW_R_RULE) |
	       bit(T_NO_LOGIN, !facts_has(f, PW_F_LOGIN_UID)) |
	       bit(T_OTHER_LOGIN, facts_has(f, PW_F_LOGIN_UID) && login != uid) |
	       bit(T_CHANGE, changes) | bit(T_FACTOR, facts_has(f, PW_F_MFA_AGE_S)) | bit(T_PURPOSE, facts_has(f, PW_F_PURPOSE)) |
	       bit(T_MOVED, moved);
}

static uint64_t of_access(const struct facts *f)
{
	uint64_t verdict = facts_u64(f, PW_F_VERDICT, UINT64_MAX), reason = facts_u64(f, PW_F_REASON, PW_R_NONE);
	bool changes = facts_u64(f, PW_F_NEED, 0) & FACTS_CHANGES;
	uint64_t mask = bit(T_GUARD, verdict == PW_DENY && (reason == PW_R_GUARD || reason == PW_R_SEALED || reason == PW_R_BORROWED));

	if (!facts_in_store(f))
		return mask;
	mask |= bit(T_ACCESS, true) | bit(T_NO_POLICY, !facts_has(f, PW_F_POLICY_HASH));
	if (verdict == PW_ALLOW)
		return mask | of_allowed(f, changes);
	if (verdict == PW_AUDIT)
		return mask | bit(T_PASSED, true) | bit(T_CHANGE_PASSED, changes);
	if (verdict == PW_DENY)
		mask |= bit(T_DENY, true) | bit(T_CHANGE_DENIED, changes) | bit(T_BY_DEFAULT, reason == PW_R_DEFAULT) |
			bit(T_INTERNAL, reason == PW_R_INTERNAL || reason == PW_R_DEPTH || reason == PW_R_UNRECORDED);
	return mask;
}

uint64_t tally_of(const struct facts *f)
{
	uint64_t all = bit(T_RECORD, true);

	switch (f->v->head.kind) {
	case PW_REC_ACCESS:   return all | of_access(f);
	case PW_REC_GAP:      return all | bit(T_GAP, true);
	case PW_REC_LOGREAD:  return all | bit(T_LOGREAD, true);
	case PW_REC_ERASURE:  return all | bit(T_ERASURE, facts_is(f, PW_F_EVENT, "erased"));
	case PW_REC_POLICY:   return all | bit(T_POLICY, true) | bit(T_DOWN, facts_is(f, PW_F_EVENT, "down"));
	case PW_REC_MODE:     return all | bit(T_MODE, true);
	case PW_REC_EVIDENCE:
		return all | bit(T_REVIEW, facts_is(f, PW_F_EVENT, "review")) | bit(T_REPORT, facts_is(f, PW_F_EVENT, "report")) |
		       bit(T_EXPORT, facts_is(f, PW_F_EVENT, "export"));
	default:
		return all;
	}
}

uint64_t tally_priority(uint64_t seed, uint64_t seq)
{
	uint64_t z = seed + (seq + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

struct tally_said tally_said(const struct tally *t)
{
	struct tally_said said = { "" };

	if (t->accesses == t->records)
		(void)snprintf(said.text, sizeof(said.text), "%" PRIu64, t->records);
	else
		(void)snprintf(said.text, sizeof(said.text), "%" PRIu64 " (%" PRIu64 " record%s)", t->accesses, t->records,
			       t->records == 1 ? "" : "s");
	return said;
}

static void sample_put(struct tally *t, uint64_t priority, uint64_t seq)
{
	size_t at = t->sample_count;

	if (at == TALLY_SAMPLE && priority >= t->sample[at - 1].priority)
		return;
	at = at < TALLY_SAMPLE ? t->sample_count++ : at - 1;
	for (; at && t->sample[at - 1].priority > priority; at--)
		t->sample[at] = t->sample[at - 1];
	t->sample[at].priority = priority;
	t->sample[at].seq = seq;
}

void tally_add(struct tally *t, uint64_t seed, uint64_t seq, uint64_t accesses)
{
	if (t->records < TALLY_FIRST)
		t->first[t->records] = seq;
	t->records++;
	t->accesses += accesses;
	sample_put(t, tally_priority(seed, seq), seq);
}

void tally_merge(struct tally *a, const struct tally *b)
{
	uint64_t merged[TALLY_FIRST] = { 0 };
	size_t an = a->records < TALLY_FIRST ? (size_t)a->records : TALLY_FIRST;
	size_t bn = b->records < TALLY_FIRST ? (size_t)b->records : TALLY_FIRST;

	for (size_t i = 0, ai = 0, bi = 0; i < TALLY_FIRST && (ai < an || bi < bn); i++)
		merged[i] = bi >= bn || (ai < an && a->first[ai] <= b->first[bi]) ? a->first[ai++] : b->first[bi++];
	memcpy(a->first, merged, sizeof(merged));
	a->records += b->records;
	a->accesses += b->accesses;
	for (size_t i = 0; i < b->sample_count; i++)
		sample_put(a, b->sample[i].priority, b->sample[i].seq);
}
