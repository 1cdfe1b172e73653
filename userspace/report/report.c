/* SPDX-License-Identifier: Apache-2.0 */
/* A report from its first record to its document. Holds no record: what a document lists was put down while the log went by. */
#include "report/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *word, *title; int regulation; } kinds[REPORT_MAX_] = {
	[REPORT_GDPR]        = { "gdpr", "General Data Protection Regulation", REG_GDPR },
	[REPORT_HIPAA]       = { "hipaa", "HIPAA Security, Privacy and Breach Notification Rules", REG_HIPAA },
	[REPORT_CCPA]        = { "ccpa", "California Consumer Privacy Act and its cybersecurity audit", REG_CCPA },
	[REPORT_AI_ACT]      = { "ai-act", "EU Artificial Intelligence Act", REG_AI_ACT },
	[REPORT_SUBJECT]     = { "subject", "Who touched one person's data", -1 },
	[REPORT_DISCLOSURES] = { "disclosures", "Disclosures", -1 },
	[REPORT_BREACH]      = { "breach", "Extent of a breach", -1 },
};

int report_kind_find(const char *word)
{
	for (int i = 0; i < REPORT_MAX_; i++)
		if (!strcmp(kinds[i].word, word))
			return i;
	return -1;
}

const char *report_kind_word(enum report_kind kind)
{
	return kinds[kind].word;
}

/* The sample must not be anybody's choice: it follows from the root that was signed before the question was asked. */
static uint64_t seed_of(const struct report_log *log)
{
	uint64_t seed = 0;

	if (log->has_checkpoint)
		memcpy(&seed, log->root.v, sizeof(seed));
	return seed;
}

int report_begin(const struct report_ask *ask, const struct report_log *log, struct report **ret, struct err *e)
{
	struct report *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return err_set(e, -ENOMEM, "begin a report");
	r->ask = *ask;
	r->log = *log;
	r->c = calloc(1, sizeof(*r->c));
	code = r->c ? policies_load(log->dir_fd, &r->policies, e) : err_set(e, -ENOMEM, "begin a report");
	if (code == 0) {
		r->c->since_ns = ask->since_ns;
		r->c->until_ns = ask->until_ns;
		r->c->made_ns = ask->made_ns;
		r->c->own_pid = ask->own_pid;
		r->c->seed = seed_of(log);
		r->c->policies = r->policies;
		r->c->has_checkpoint = log->has_checkpoint;
		r->c->checkpoint_size = log->size;
		r->c->checkpoint_root = log->root;
		if (kinds[ask->kind].regulation < 0)
			code = rows_begin(r, e);
	}
	if (code < 0) {
		report_free(r);
		return code;
	}
	*ret = r;
	return 0;
}

void report_free(struct report *r)
{
	if (!r)
		return;
	rows_free(r->rows);
	policies_free(r->policies);
	collect_free(r->c);
	free(r);
}

int report_see(struct report *r, const struct record_view *v, struct err *e)
{
	collect_see(r->c, v);
	return r->rows ? rows_see(r, v, e) : 0;
}

/* ---- the document ---- */

static json_t *the_log(const struct report *r)
{
	static const char *const verified[] = { [VERIFIED_NOT] = "no", [VERIFIED_YES] = "yes", [VERIFIED_WRONG] = "wrong" };
	const struct collect *c = r->c;
	json_t *log = json_pack("{s:s, s:I, s:I, s:I, s:s}", "source", r->log.from_daemon ? "daemon" : "directory", "records_read",
				(json_int_t)(c->next_seq - c->first_seq), "first_record", (json_int_t)c->first_seq, "records_in_range",
				(json_int_t)c->tally[T_RECORD].records, "verified", verified[c->verified]);

	json_object_set_new(log, "oldest", c->any ? part_time(c->first_ns) : json_null());
	json_object_set_new(log, "newest", c->any ? part_time(c->last_ns) : json_null());
	json_object_set_new(log, "origin", r->log.has_checkpoint ? part_text(r->log.origin) : json_null());
	json_object_set_new(log, "signer", r->log.signer ? part_text(r->log.signer) : json_null());
	json_object_set_new(log, "size", r->log.has_checkpoint ? json_integer((json_int_t)r->log.size) : json_null());
	json_object_set_new(log, "root", r->log.has_checkpoint ? part_hex(r->log.root.v, sizeof(r->log.root.v)) : json_null());
	json_object_set_new(log, "behind_checkpoint", json_integer(r->log.has_checkpoint && c->next_seq > r->log.size ?
								   (json_int_t)(c->next_seq - r->log.size) : 0));
	json_object_set_new(log, "size_at_start", c->in_range ? json_integer((json_int_t)c->range_first_seq) : json_null());
	json_object_set_new(log, "root_at_start", c->has_start_root ? part_hex(c->start_root.v, sizeof(c->start_root.v)) : json_null());
	json_object_set_new(log, "sealed_unread", json_integer((json_int_t)c->sealed_unread));
	json_object_set_new(log, "erased", json_integer((json_int_t)c->erased_unread));
	return log;
}

static json_t *gaps(const struct report *r)
{
	const struct collect *c = r->c;
	json_t *list = json_array();

	for (size_t i = 0; i < c->gaps_count; i++) {
		const struct gap_row *g = &c->gaps[i];

		json_array_append_new(list, json_pack("{s:I, s:o, s:i, s:I, s:I, s:I}", "record", (json_int_t)g->seq, "time", part_time(g->time_ns),
						      "cpu", g->cpu, "first", (json_int_t)g->first, "last", (json_int_t)g->last, "events",
						      (json_int_t)(g->last - g->first + 1)));
	}
	return json_pack("{s:I, s:I, s:I, s:b, s:o}", "records", (json_int_t)c->tally[T_GAP].records, "events",
			 (json_int_t)c->tally[T_GAP].accesses, "unaccounted", (json_int_t)c->missing, "accounted_for", !c->complete_failed && !c->missing,
			 "list", list);
}

static json_t *sample(const struct report *r)
{
	const char *how = "A record is in the sample of its set if its priority is among the five smallest; priority = splitmix64(seed + "
			  "(number + 1) * 0x9e3779b97f4a7c15), seed = the first eight bytes of the signed root, little-endian.";

	return json_pack("{s:s, s:o}", "how", how, "seed", part_hex(&r->c->seed, sizeof(r->c->seed)));
}

static void add_clauses(const struct report *r, json_t *doc)
{
	json_t *list = json_array();
	json_int_t totals[3] = { 0 };
	const struct clause *all;
	size_t count;

	all = clauses(&count);
	for (size_t i = 0; i < count; i++) {
		struct finding f;

		if ((int)all[i].regulation != kinds[r->ask.kind].regulation)
			continue;
		finding_begin(&f, &all[i], r->ask.log_command, r->ask.log_command_whole);
		all[i].check(r->c, &f);
		totals[f.state]++;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:O}", "id", all[i].id, "title", all[i].title,
						      "in_force", all[i].in_force, "source", all[i].source, "state", finding_word(f.state),
						      "said", f.said, "needed", f.needed, "evidence", f.evidence));
		finding_free(&f);
	}
	json_object_set_new(doc, "totals", json_pack("{s:I, s:I, s:I}", "satisfied", totals[SATISFIED], "not_satisfied", totals[NOT_SATISFIED],
						     "not_shown", totals[NOT_SHOWN]));
	json_object_set_new(doc, "clauses", list);
}

json_t *report_end(struct report *r, json_t *live)
{
	json_t *doc = json_pack("{s:i, s:s, s:s, s:o, s:s}", "schema", 1, "report", kinds[r->ask.kind].word, "title", kinds[r->ask.kind].title,
				"made", part_time(r->ask.made_ns), "query", r->ask.query);

	collect_end(r->c);
	json_object_set_new(doc, "range", json_pack("{s:o, s:o}", "since", part_time(r->ask.since_ns), "until", part_time(r->ask.until_ns)));
	json_object_set_new(doc, "tool", json_pack("{s:s, s:s, s:s}", "name", "polyward", "version", r->ask.version, "sha256", r->ask.binary_sha256));
	json_object_set_new(doc, "log", the_log(r));
	json_object_set_new(doc, "live", live ? live : json_null());
	json_object_set_new(doc, "policies", part_register(r));
	json_object_set_new(doc, "gaps", gaps(r));
	json_object_set_new(doc, "coverage", part_coverage(r));
	json_object_set_new(doc, "sample", sample(r));
	json_object_set_new(doc, "tables", json_array());
	if (r->rows)
		rows_tables(r, doc);
	else
		add_clauses(r, doc);
	json_object_set_new(doc, "series", part_series(r));
	return doc;
}

/* ---- proofs ---- */

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct numbers { uint64_t *v; size_t count; json_int_t end; };

/* What came behind the checkpoint has no proof yet. v NULL: counted only. */
static void take_sample(const json_t *list, struct numbers *n)
{
	json_t *evidence, *seq;
	size_t i, k;

	json_array_foreach(list, i, evidence)
		json_array_foreach(json_object_get(evidence, "sample"), k, seq)
			if (json_integer_value(seq) < n->end) {
				if (n->v)
					n->v[n->count] = (uint64_t)json_integer_value(seq);
				n->count++;
			}
}

static void take_samples(const json_t *doc, struct numbers *n)
{
	json_t *clause;
	size_t i;

	n->count = 0;
	take_sample(json_object_get(doc, "evidence"), n);
	json_array_foreach(json_object_get(doc, "clauses"), i, clause)
		take_sample(json_object_get(clause, "evidence"), n);
}

int report_sampled(const json_t *doc, uint64_t **ret, size_t *ret_count)
{
	struct numbers n = { .end = json_integer_value(json_object_get(json_object_get(doc, "log"), "size")) };
	size_t kept = 0;

	take_samples(doc, &n);
	n.v = calloc(n.count + 1, sizeof(*n.v));
	if (!n.v)
		return -ENOMEM;
	take_samples(doc, &n);
	qsort(n.v, n.count, sizeof(*n.v), ascending);
	for (size_t i = 0; i < n.count; i++)
		if (!kept || n.v[kept - 1] != n.v[i])
			n.v[kept++] = n.v[i];
	*ret = n.v;
	*ret_count = kept;
	return 0;
}

void report_proven(json_t *doc, const char *dir)
{
	json_object_set_new(json_object_get(doc, "sample"), "proofs", part_text(dir));
	json_object_set_new(json_object_get(doc, "sample"), "proof_name", json_string("NUMBER.tlog-proof"));
}

uint64_t report_rows(const json_t *doc)
{
	const json_t *rows = json_object_get(doc, "rows");

	return (uint64_t)json_integer_value(rows ? rows : json_object_get(json_object_get(doc, "log"), "records_in_range"));
}
