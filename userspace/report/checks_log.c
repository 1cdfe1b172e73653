/* SPDX-License-Identifier: Apache-2.0 */
/* Checks about the log itself: was everything recorded, examined, kept, and is it the log that was signed? */
#include "report/check.h"

#include <stdio.h>

#include "base/buf.h"

#define DAY_NS        (86400 * NS_PER_S)
#define EXAMINE_DAYS  7   /* the log is looked at once in so many days */
#define REVIEW_DAYS   30  /* a period is signed off so many days after its end */
#define TOLERATED     10000

static double days(int64_t ns)
{
	return (double)ns / (double)DAY_NS;
}

/* Is what was read what was signed? false: not shown, or worse, and that is said. */
static bool signed_log(const struct collect *c, struct finding *f, bool *ret_changed)
{
	*ret_changed = c->verified == VERIFIED_WRONG;
	switch (c->verified) {
	case VERIFIED_YES:
		finding_say(f, "Every record from the first one to the checkpoint, %llu in all, was hashed for this report; the tree over them has "
				"the signed root.",
			    (unsigned long long)c->checkpoint_size);
		return true;
	case VERIFIED_WRONG:
		finding_say(f, "The tree over the records does not have the signed root: the log was changed after it was signed.");
		return false;
	case VERIFIED_NOT:
	default:
		finding_say(f, c->has_checkpoint ? "The records from the first one to the checkpoint are not all here, so the signed root could not "
				"be computed."
						 : "The log has no signed checkpoint.");
		finding_need(f, "A log with a checkpoint, from its first record on; for one whose oldest records were removed: polyward log verify.");
		return false;
	}
}

/* Losses and silence. true: none that counts. */
static bool recorded(const struct collect *c, struct finding *f)
{
	int64_t range_ns = c->until_ns - c->since_ns;
	bool good = c->quiet.sum_ns <= range_ns / TOLERATED;

	finding_say(f, "Records, at most %d s apart, cover %.4f %% of the range. Time not covered: %.1f s (periods: %llu).", COLLECT_QUIET_S,
		    100.0 * (double)(range_ns - c->quiet.sum_ns) / (double)range_ns, (double)c->quiet.sum_ns / 1e9, (unsigned long long)c->quiet.total);
	finding_say(f, "Lost events: %llu (records of losses: %llu). Events in no record at all, in the whole log: %llu.",
		    (unsigned long long)c->tally[T_GAP].accesses, (unsigned long long)c->tally[T_GAP].records, (unsigned long long)c->missing);
	finding_use(f, c, T_RECORD, EXAMINED);
	finding_use(f, c, T_GAP, OFFENDING);
	finding_use(f, c, T_MODE, NOTED);
	if (c->complete_failed)
		finding_say(f, "Whether every event of the log is accounted for could not be found out.");
	return good && !c->tally[T_GAP].records && !c->missing && !c->complete_failed;
}

void check_audit_controls(const struct collect *c, struct finding *f)
{
	bool changed, is_signed, good;

	if (!check_any(c, f))
		return;
	good = recorded(c, f);
	is_signed = signed_log(c, f, &changed);
	finding_say(f, "This is the log of accesses to stores on this host; other activity of the host is in other logs.");
	finding_use(f, c, T_LOGREAD, EXAMINED);
	finding_use(f, c, T_REVIEW, EXAMINED);
	if (!c->examined) {
		finding_say(f, "Nobody opened the log or signed a review in the range (the reading for this report is not counted).");
		good = false;
	} else {
		finding_say(f, "Openings of the log and reviews: %llu. The longest time without one: %.1f days (limit: %d).",
			    (unsigned long long)c->examined, days(c->unexamined_max_ns), EXAMINE_DAYS);
		good = good && c->unexamined_max_ns <= EXAMINE_DAYS * DAY_NS;
	}
	f->state = changed || !good ? NOT_SATISFIED : is_signed ? SATISFIED : NOT_SHOWN;
}

/* ---- reviews ---- */

/* From at_ns on: how far do reviews reach without a hole? */
static int64_t reviewed_to(const struct collect *c, int64_t at_ns)
{
	for (bool moved = true; moved;) {
		moved = false;
		for (size_t i = 0; i < c->reviews_count; i++) {
			const struct review_row *r = &c->reviews[i];

			if (r->since_ns <= at_ns && r->until_ns > at_ns && r->time_ns - r->until_ns <= REVIEW_DAYS * DAY_NS) {
				at_ns = r->until_ns;
				moved = true;
			}
		}
	}
	return at_ns;
}

/* The next moment behind at_ns that some review covers; until_ns if none does. */
static int64_t next_review(const struct collect *c, int64_t at_ns)
{
	int64_t next_ns = c->until_ns;

	for (size_t i = 0; i < c->reviews_count; i++)
		if (c->reviews[i].since_ns > at_ns && c->reviews[i].since_ns < next_ns &&
		    c->reviews[i].time_ns - c->reviews[i].until_ns <= REVIEW_DAYS * DAY_NS)
			next_ns = c->reviews[i].since_ns;
	return next_ns;
}

void check_review(const struct collect *c, struct finding *f)
{
	int64_t open_ns = 0, oldest_ns = c->until_ns;
	_buf_ struct buf jq = BUF_INIT;

	if (!check_any(c, f))
		return;
	for (int64_t at_ns = reviewed_to(c, c->since_ns); at_ns < c->until_ns;) {
		int64_t next_ns = next_review(c, at_ns);

		if (!open_ns)
			oldest_ns = at_ns;
		open_ns += next_ns - at_ns;
		at_ns = reviewed_to(c, next_ns);
	}
	buf_printf(&jq, "%s and .since<%lld and .until>%lld", tally_jq(T_REVIEW), (long long)c->until_ns, (long long)c->since_ns);
	finding_use_whole(f, &c->reviewing, "reviews of a part of the range, whenever they were recorded", jq.data, EXAMINED);
	finding_use(f, c, T_LOGREAD, NOTED);
	finding_say(f, "Reviews of parts of the range: %llu. Those recorded at most %d days after the end of their period leave %.2f days of it open.",
		    (unsigned long long)c->reviewing.records, REVIEW_DAYS, days(open_ns));
	if (!open_ns) {
		f->state = SATISFIED;
	} else if (c->made_ns - oldest_ns > REVIEW_DAYS * DAY_NS) {
		f->state = NOT_SATISFIED;
	} else {
		finding_need(f, "A review of what is still open; it is due %d days after the end of its period: polyward review.", REVIEW_DAYS);
	}
	if (f->state == SATISFIED && c->reviews_lost) {
		f->state = NOT_SHOWN;
		finding_need(f, "A range with fewer reviews than %u.", COLLECT_REVIEWS);
	}
}

/* ---- retention ---- */

static void retention(const struct collect *c, struct finding *f, int64_t keep_days, const char *words)
{
	bool changed, is_signed;

	if (!c->any) {
		finding_say(f, "The log is empty.");
		finding_need(f, "Records.");
		return;
	}
	is_signed = signed_log(c, f, &changed);
	finding_say(f, "The oldest record is number %llu. Its age: %.1f days; %s are %lld days.", (unsigned long long)c->first_seq,
		    days(c->made_ns - c->first_ns), words, (long long)keep_days);
	if (c->first_seq == 0)
		finding_say(f, "It is the first that was ever written, and nothing was removed since. A log that was begun anew looks the same; a "
				"witness knows the difference.");
	finding_use_whole(f, &c->erasures, "destroyed keys of personal fields, in the whole log", tally_jq(T_ERASURE), OFFENDING);
	if (c->erasures.records)
		finding_say(f, "Destroyed keys, which took path and program name out of records and left who, when, store, role and verdict: %llu.",
			    (unsigned long long)c->erasures.records);
	if (c->unarchived.records)
		finding_say(f, "Accesses of the range whose policy is not archived beside the log: %s.", tally_said(&c->unarchived).text);
	if (changed || c->erasures.records || c->unarchived.records ||
	    (c->first_seq > 0 && c->made_ns - c->first_ns < keep_days * DAY_NS))
		f->state = NOT_SATISFIED;
	else if (is_signed && c->made_ns - c->first_ns >= keep_days * DAY_NS)
		f->state = SATISFIED;
	else if (is_signed)
		finding_need(f, "A log that is old enough: so far everything was kept, and that it will be for %s is not shown yet.", words);
}

void check_six_years(const struct collect *c, struct finding *f)
{
	retention(c, f, 2192, "six years");
}

void check_six_months(const struct collect *c, struct finding *f)
{
	retention(c, f, 183, "six months");
	finding_say(f, "This is about the log of accesses to stores; logs that an AI system keeps of itself are not known to polyward.");
}

/* ---- the rest ---- */

/* The condition that finds accesses by another policy than those that are archived, or by none that is named. */
static void not_archived(const struct collect *c, struct buf *jq)
{
	const char *comma = "";

	buf_printf(jq, "%s and ((.policy_hash // \"\")[0:16] | IN(", tally_jq(T_ACCESS));
	for (size_t i = 0; i < c->policies->count; i++) {
		const uint8_t *h = c->policies->v[i].hash;

		if (!c->policies->v[i].archived || !c->policies->v[i].in_range)
			continue;
		buf_printf(jq, "%s\"%02x%02x%02x%02x%02x%02x%02x%02x\"", comma, h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
		comma = ",";
	}
	buf_printf(jq, "%s) | not)", *comma ? "" : "empty");
}

void check_accountability(const struct collect *c, struct finding *f)
{
	_buf_ struct buf jq = BUF_INIT;
	bool changed, is_signed;

	if (!check_any(c, f))
		return;
	is_signed = signed_log(c, f, &changed);
	if (!c->tally[T_ACCESS].records) {
		finding_say(f, "No access to a store is recorded in this range.");
		finding_need(f, "Accesses in the range.");
		f->state = changed ? NOT_SATISFIED : NOT_SHOWN;
		return;
	}
	finding_use(f, c, T_ACCESS, EXAMINED);
	not_archived(c, &jq);
	finding_use_own(f, &c->unarchived, "accesses whose policy is not archived beside the log", jq.data, OFFENDING);
	finding_use(f, c, T_POLICY, NOTED);
	finding_say(f, "Accesses: %s; those whose policy is not archived beside the log: %s.", tally_said(&c->tally[T_ACCESS]).text,
		    tally_said(&c->unarchived).text);
	f->state = changed || c->unarchived.records ? NOT_SATISFIED : is_signed ? SATISFIED : NOT_SHOWN;
}

void check_recording(const struct collect *c, struct finding *f)
{
	if (!check_any(c, f))
		return;
	if (!recorded(c, f))
		f->state = NOT_SATISFIED;
	finding_need(f, "Records of each use of an AI system, its start and its end: this version records accesses to stores and not which use they "
			"belong to.");
}

void check_erasure(const struct collect *c, struct finding *f)
{
	uint64_t records = 0, opened = 0, unread = 0, keys = 0;

	finding_use(f, c, T_ERASURE, EXAMINED);
	if (!c->tally[T_ERASURE].records) {
		finding_say(f, "No erasure is recorded in this range.");
		finding_need(f, "An erasure: polyward erase. Whether somebody asked for one is not known to polyward.");
		return;
	}
	for (size_t i = 0; i < c->keys_count; i++) {
		const struct key_row *k = &c->keys[i];

		if (!k->erased)
			continue;
		keys++;
		records += k->records;
		opened += k->opened;
		unread += k->unread;
	}
	finding_say(f, "Destroyed keys, in the whole log: %llu. Records whose path and program name they held: %llu; of these could still be opened: %llu.",
		    (unsigned long long)keys, (unsigned long long)records, (unsigned long long)opened);
	finding_say(f, "This erases what the log holds about persons. The data in the stores is not touched by it, and the log tells classes and "
			"months apart, not persons.");
	if (opened) {
		f->state = NOT_SATISFIED;
	} else if (unread || !records || c->keys_lost) {
		finding_need(f, "The log's directory of keys (by the daemon, or --keys), and sealed records of the erased class and month: only then "
				"does \"could not be opened\" mean anything.");
	} else {
		f->state = SATISFIED;
	}
}

void check_register(const struct collect *c, struct finding *f)
{
	uint64_t stores = 0;

	if (!check_any(c, f))
		return;
	for (size_t i = 0; i < c->policies->count; i++)
		if (c->policies->v[i].in_range && c->policies->v[i].archived)
			stores += c->policies->v[i].img.count[PW_SEC_STORES] - 1;
	finding_say(f, "Stores that the policies of the range declare, with modality and class: %llu. They stand in the register of this report.",
			(unsigned long long)stores);
	finding_need(f, "For each store its purpose, recipients, transfers and time of deletion: the policy language has no words for them.");
}

void check_testing(const struct collect *c, struct finding *f)
{
	uint64_t tests = 0, policies = 0;

	if (!check_any(c, f))
		return;
	for (size_t i = 0; i < c->policies->count; i++)
		if (c->policies->v[i].in_range && c->policies->v[i].archived) {
			tests += c->policies->v[i].img.count[PW_SEC_TESTS];
			policies++;
		}
	finding_say(f, "Policies of the range: %llu; test cases in them, which had to come true before they were applied: %llu.",
		    (unsigned long long)policies, (unsigned long long)tests);
	finding_use(f, c, T_POLICY, NOTED);
	finding_need(f, "Signed records of regular checks of the host: this version makes none.");
}
