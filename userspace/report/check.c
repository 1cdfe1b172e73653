/* SPDX-License-Identifier: Apache-2.0 */
/* What all checks share: the table of clauses, sentences, evidence with its queries, and the three questions that come before any other. */
#include "report/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define TOLERATED 10000 /* one part in so many of a range may be without a record: 99.99 % are asked for */

static const struct clause rows[] = {
#define CLAUSE(regulation, id, title, in_force, check, source) { REG_##regulation, id, title, in_force, check_##check, source },
#include "report/clauses.def"
#undef CLAUSE
};

const struct clause *clauses(size_t *ret_count)
{
	*ret_count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

const char *finding_word(enum finding_state state)
{
	switch (state) {
	case SATISFIED:     return "satisfied";
	case NOT_SATISFIED: return "not satisfied";
	case NOT_SHOWN:
	default:            return "not shown";
	}
}

void finding_begin(struct finding *f, const struct clause *clause, const char *log_command, const char *log_command_whole)
{
	*f = (struct finding){ .clause = clause, .state = NOT_SHOWN, .log_command = log_command, .log_command_whole = log_command_whole };
	f->said = json_array();
	f->needed = json_array();
	f->evidence = json_array();
}

void finding_free(struct finding *f)
{
	json_decref(f->said);
	json_decref(f->needed);
	json_decref(f->evidence);
}

static void add_sentence(json_t *list, const char *fmt, va_list ap)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	json_array_append_new(list, json_string(text));
}

void finding_say(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_sentence(f->said, fmt, ap);
	va_end(ap);
}

void finding_need(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_sentence(f->needed, fmt, ap);
	va_end(ap);
}

static json_t *numbers(const uint64_t *v, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_integer((json_int_t)v[i]));
	return list;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void use(struct finding *f, const struct tally *t, const char *log_command, const char *words, const char *jq, enum evidence_role role)
{
	static const char *const role_words[] = { [EXAMINED] = "examined", [OFFENDING] = "offending", [NOTED] = "noted" };
	_buf_ struct buf query = BUF_INIT;
	uint64_t sample[TALLY_SAMPLE];

	for (size_t i = 0; i < t->sample_count; i++)
		sample[i] = t->sample[i].seq;
	qsort(sample, t->sample_count, sizeof(sample[0]), ascending);
	buf_printf(&query, "%s | jq -c 'select(%s)'", log_command, jq);
	json_array_append_new(f->evidence, json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "role", role_words[role], "what", words,
						     "records", (json_int_t)t->records, "accesses", (json_int_t)t->accesses, "query",
						     query.data ? query.data : "", "first",
						     numbers(t->first, t->records < TALLY_FIRST ? (size_t)t->records : TALLY_FIRST),
						     "sample", numbers(sample, t->sample_count)));
}

void finding_use_own(struct finding *f, const struct tally *t, const char *words, const char *jq, enum evidence_role role)
{
	use(f, t, f->log_command, words, jq, role);
}

void finding_use_whole(struct finding *f, const struct tally *t, const char *words, const char *jq, enum evidence_role role)
{
	use(f, t, f->log_command_whole, words, jq, role);
}

void finding_use(struct finding *f, const struct collect *c, enum tally_id id, enum evidence_role role)
{
	finding_use_own(f, &c->tally[id], tally_words(id), tally_jq(id), role);
}

/* ---- questions before any other ---- */

bool check_any(const struct collect *c, struct finding *f)
{
	if (c->in_range)
		return true;
	finding_say(f, "No record lies in this range.");
	finding_need(f, "Records of the range. An empty range proves nothing, neither compliance nor its absence.");
	return false;
}

static bool tolerable(const struct collect *c, int64_t sum_ns)
{
	return sum_ns <= (c->until_ns - c->since_ns) / TOLERATED;
}

/* Stores whose allowed accesses some policy leaves out of the log. */
static unsigned silent_stores(const struct collect *c, const char **ret_name)
{
	unsigned found = 0;

	for (size_t i = 0; i < c->policies->count; i++) {
		const struct policy_row *p = &c->policies->v[i];

		for (uint32_t s = 1; p->in_range && p->archived && s < p->img.count[PW_SEC_STORES]; s++)
			if (!(p->img.cells[s].flags & (PW_CELL_LOG_ALL | PW_CELL_STRICT))) {
				*ret_name = image_str(&p->img, p->img.stores[s].name);
				found++;
			}
	}
	return found;
}

bool check_whole(const struct collect *c, struct finding *f)
{
	const struct tally *gaps = &c->tally[T_GAP];
	const char *store = "";
	unsigned silent = silent_stores(c, &store);
	bool whole = true;

	if (gaps->records) {
		finding_say(f, "Events lost in the range: %llu (records of losses: %llu). What they were is not known.",
			    (unsigned long long)gaps->accesses, (unsigned long long)gaps->records);
		finding_use(f, c, T_GAP, NOTED);
		whole = false;
	}
	if (silent) {
		finding_say(f, "Stores whose allowed accesses a policy left out of the log (log denied): %u (%s%s).", silent, store,
				silent == 1 ? "" : " and others");
		whole = false;
	}
	if (c->unarchived.records) {
		finding_say(f, "Accesses that name a policy that is not archived beside the log: %s. What it left out is not known.",
			    tally_said(&c->unarchived).text);
		whole = false;
	}
	if (!tolerable(c, c->quiet.sum_ns)) {
		finding_say(f, "Time in which no record shows that anything was being recorded: %.1f s (periods: %llu).",
			    (double)c->quiet.sum_ns / 1e9, (unsigned long long)c->quiet.total);
		whole = false;
	}
	if (c->missing || c->complete_failed) {
		if (c->missing)
			finding_say(f, "Events that are in no record and in no record of losses, in the whole log: %llu.", (unsigned long long)c->missing);
		else
			finding_say(f, "Whether every event of the log is accounted for could not be found out.");
		whole = false;
	}
	if (c->verified == VERIFIED_WRONG) {
		finding_say(f, "The records do not have the signed root: the log was changed.");
		whole = false;
	}
	if (c->verified == VERIFIED_NOT)
		finding_say(f, "That these records are those that were signed was not computed for this report; \"Verified\", in the head, says why.");
	if (!whole)
		finding_need(f, "A range without losses and silence, with every allowed access recorded: only then does \"none\" mean that there was none.");
	return whole;
}

bool check_enforced(const struct collect *c, struct finding *f)
{
	if (tolerable(c, c->unknown.sum_ns))
		return true;
	finding_say(f, "Time in which no record shows that a policy was in force: %.1f s (periods: %llu).", (double)c->unknown.sum_ns / 1e9,
		    (unsigned long long)c->unknown.total);
	finding_need(f, "A range in which records show at all times which policy was in force.");
	return false;
}
