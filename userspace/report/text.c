/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document for a terminal, at most 100 columns but for queries, which are there to be copied. Says what the document says, in its
 * order, and nothing else.
 */
#include <string.h>

#include "report/report.h"

#define WIDTH     96u
#define SHOWN_MAX 10u /* of what is missing; the list may be long, and this is a terminal */

struct page { struct buf *out; bool color; json_t *queries; };

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* Columns of valid UTF-8: bytes that begin a character. */
static size_t columns_of(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((uint8_t)text[i] & 0xc0) != 0x80;
	return n;
}

/* A paragraph, its first line behind `first`, the others behind as many blanks. */
static void wrap(struct page *p, const char *first, const char *text)
{
	size_t indent = columns_of(first, strlen(first)), at = indent;
	bool begun = false;

	buf_add_str(p->out, first);
	while (*text) {
		size_t len = strcspn(text, " "), columns = columns_of(text, len);

		if (begun && at + 1 + columns > WIDTH) {
			buf_printf(p->out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (begun) {
			buf_add_char(p->out, ' ');
			at++;
		}
		buf_add(p->out, text, len);
		at += columns;
		begun = true;
		text += len;
		text += *text == ' ';
	}
	buf_add_char(p->out, '\n');
}

static void heading(struct page *p, const char *text)
{
	buf_printf(p->out, "\n%s%s%s\n", p->color ? "\033[1m" : "", text, p->color ? "\033[0m" : "");
}

static void state(struct page *p, const char *word)
{
	const char *color = !strcmp(word, "satisfied") ? "\033[32m" : !strcmp(word, "not satisfied") ? "\033[31m" : "\033[33m";
	const char *shown = !strcmp(word, "satisfied") ? "SATISFIED" : !strcmp(word, "not satisfied") ? "NOT SATISFIED" : "NOT SHOWN";

	buf_printf(p->out, "%s%s%s", p->color ? color : "", shown, p->color ? "\033[0m" : "");
}

/* ---- head ---- */

static void log_lines(struct page *p, const json_t *doc)
{
	const json_t *log = json_object_get(doc, "log"), *start = json_object_get(log, "root_at_start");
	const char *verified = text_of(log, "verified");
	_buf_ struct buf line = BUF_INIT;

	if (json_is_string(json_object_get(log, "root"))) {
		buf_printf(&line, "%s, %lld records, root %s", text_of(log, "origin"), number_of(log, "size"), text_of(log, "root"));
		wrap(p, "Log        ", line.data ? line.data : "");
		line.len_bytes = 0;
		buf_printf(&line, "%s%s", *text_of(log, "signer") ? text_of(log, "signer") : "the log names none",
			   *text_of(log, "signer") ? ", " REPORT_SIGNER_NOTE : "");
		wrap(p, "Signer     ", line.data ? line.data : "");
	} else {
		wrap(p, "Log        ", "has no signed checkpoint");
	}
	line.len_bytes = 0;
	if (json_is_integer(json_object_get(log, "size_at_start")))
		buf_printf(&line, "%lld records before the range%s%s", number_of(log, "size_at_start"), json_is_string(start) ? ", root " : "",
			   json_is_string(start) ? json_string_value(start) : "");
	else
		buf_add_str(&line, "no record lies in the range");
	wrap(p, "At start   ", line.data ? line.data : "");
	wrap(p, "Verified   ", !strcmp(verified, "yes") ? "every record up to the checkpoint was hashed, and the tree has the signed root" :
	     !strcmp(verified, "wrong") ? "NO: the records do not have the signed root" :
	     "no: the log has no checkpoint, or does not begin with its first record; polyward log verify says more");
	line.len_bytes = 0;
	buf_printf(&line, "%lld in the range, of %lld read; %lld behind the checkpoint; path erased in %lld, not opened in %lld",
		   number_of(log, "records_in_range"), number_of(log, "records_read"), number_of(log, "behind_checkpoint"),
		   number_of(log, "erased"), number_of(log, "sealed_unread"));
	wrap(p, "Records    ", line.data ? line.data : "");
}

static void policy_lines(struct page *p, const json_t *doc)
{
	json_t *policy;
	size_t i;

	json_array_foreach(json_object_get(doc, "policies"), i, policy) {
		_buf_ struct buf line = BUF_INIT;

		if (json_is_true(json_object_get(policy, "archived")))
			buf_printf(&line, "%s %s, ", text_of(policy, "name"), text_of(policy, "version"));
		buf_printf(&line, "%s, between %s and %s", text_of(policy, "hash"), text_of(policy, "from"),
			   *text_of(policy, "until") ? text_of(policy, "until") : "now");
		if (!json_is_true(json_object_get(policy, "archived")))
			buf_add_str(&line, "; NOT ARCHIVED beside the log");
		wrap(p, i ? "           " : "Policies   ", line.data ? line.data : "");
	}
	wrap(p, i ? "           " : "Policies   ", i ? REPORT_POLICY_NOTE : "no record of the range names one");
}

static void live_lines(struct page *p, const json_t *doc)
{
	const json_t *live = json_object_get(doc, "live");
	_buf_ struct buf line = BUF_INIT;

	wrap(p, "Recorded   ", !strcmp(text_of(json_object_get(doc, "log"), "source"), "daemon") ?
	     "in the log, by the SHA-256 of this document, before it was shown" : "not in the log, which was read from a directory");
	if (!json_is_object(live)) {
		wrap(p, "Live state ", "not asked: the log was read from a directory");
		return;
	}
	if (*text_of(live, "error"))
		buf_printf(&line, "could not be asked: %s", text_of(live, "error"));
	else if (number_of(live, "generation"))
		buf_printf(&line, "generation %lld of %s is in force, %lld stores, %lld of them in mode audit; polyward itself is %s",
			   number_of(live, "generation"), text_of(live, "policy_hash"), number_of(live, "stores"), number_of(live, "stores_audit"),
			   json_is_true(json_object_get(live, "guarded")) ? "guarded" : "NOT guarded");
	else
		buf_add_str(&line, "NO policy is in force");
	wrap(p, "Live state ", line.data ? line.data : "");
}

static void head(struct page *p, const json_t *doc)
{
	const json_t *range = json_object_get(doc, "range"), *tool = json_object_get(doc, "tool"), *totals = json_object_get(doc, "totals");
	_buf_ struct buf line = BUF_INIT;

	buf_printf(p->out, "%s%s%s\n", p->color ? "\033[1m" : "", text_of(doc, "title"), p->color ? "\033[0m" : "");
	if (*text_of(doc, "subject"))
		wrap(p, "Person     ", text_of(doc, "subject"));
	buf_printf(&line, "%s to %s", text_of(range, "since"), text_of(range, "until"));
	wrap(p, "Range      ", line.data ? line.data : "");
	line.len_bytes = 0;
	buf_printf(&line, "%s by polyward %s, program SHA-256 %s", text_of(doc, "made"), text_of(tool, "version"), text_of(tool, "sha256"));
	wrap(p, "Made       ", line.data ? line.data : "");
	wrap(p, "Query      ", text_of(doc, "query"));
	log_lines(p, doc);
	policy_lines(p, doc);
	live_lines(p, doc);
	if (!totals)
		return;
	line.len_bytes = 0;
	buf_printf(&line, "%lld satisfied, %lld not satisfied, %lld not shown", number_of(totals, "satisfied"), number_of(totals, "not_satisfied"),
		   number_of(totals, "not_shown"));
	wrap(p, "Result     ", line.data ? line.data : "");
	wrap(p, "           ", "\"Satisfied\" means that the check described in the row held on every record of the range. It is no legal opinion.");
}

/* ---- what is missing ---- */

/* Behind so many lines of a list it says how many more there are, and where. */
static bool is_enough(struct page *p, size_t shown, long long total, const char *where)
{
	_buf_ struct buf line = BUF_INIT;

	if (shown < SHOWN_MAX)
		return false;
	buf_printf(&line, "and %lld more%s", total - (long long)shown, where);
	wrap(p, "    ", line.data ? line.data : "");
	return true;
}

/* The last record before a stretch and the first one behind it: whoever doubts the stretch looks there. */
static void add_records_beside(const json_t *span, struct buf *line)
{
	const json_t *before = json_object_get(span, "record_before"), *after = json_object_get(span, "record_after");

	if (json_is_integer(before) && json_is_integer(after))
		buf_printf(line, ", from record %lld to record %lld", number_of(span, "record_before"), number_of(span, "record_after"));
	else if (json_is_integer(before) || json_is_integer(after))
		buf_printf(line, ", %s record %lld", json_is_integer(before) ? "from" : "to",
			   number_of(span, json_is_integer(before) ? "record_before" : "record_after"));
}

static void span_lines(struct page *p, const json_t *coverage, const char *key, const char *what)
{
	const json_t *spans = json_object_get(coverage, key);
	_buf_ struct buf line = BUF_INIT;
	json_t *span;
	size_t i;

	if (!number_of(spans, "count"))
		return;
	buf_printf(&line, "%s: %.1f s (periods: %lld)", what, json_real_value(json_object_get(spans, "seconds")), number_of(spans, "count"));
	wrap(p, "  ", line.data ? line.data : "");
	json_array_foreach(json_object_get(spans, "list"), i, span) {
		if (is_enough(p, i, number_of(spans, "count"), "; the JSON form lists the first 512"))
			break;
		line.len_bytes = 0;
		buf_printf(&line, "%s to %s, %.1f s: %s%s%s", text_of(span, "from"), text_of(span, "until"),
			   json_real_value(json_object_get(span, "seconds")), text_of(span, "why"), *text_of(span, "store") ? ", store " : "",
			   text_of(span, "store"));
		add_records_beside(span, &line);
		wrap(p, "    ", line.data ? line.data : "");
	}
}

static void missing(struct page *p, const json_t *doc)
{
	const json_t *gaps = json_object_get(doc, "gaps"), *coverage = json_object_get(doc, "coverage");
	_buf_ struct buf line = BUF_INIT;
	json_t *gap;
	size_t i;

	heading(p, "What is missing");
	buf_printf(&line, "Lost events: %lld (records of losses: %lld). Events in no record at all, in the whole log: %lld", number_of(gaps, "events"),
		   number_of(gaps, "records"), number_of(gaps, "unaccounted"));
	wrap(p, "  ", line.data ? line.data : "");
	json_array_foreach(json_object_get(gaps, "list"), i, gap) {
		if (is_enough(p, i, number_of(gaps, "records"), ": polyward log --kind gap lists them"))
			break;
		line.len_bytes = 0;
		buf_printf(&line, "record %lld, %s: processor %lld, events %lld to %lld (%lld)", number_of(gap, "record"), text_of(gap, "time"),
			   number_of(gap, "cpu"), number_of(gap, "first"), number_of(gap, "last"), number_of(gap, "events"));
		wrap(p, "    ", line.data ? line.data : "");
	}
	span_lines(p, coverage, "not_recorded", "Nothing recorded");
	span_lines(p, coverage, "not_enforced", "Told to stop enforcing");
	span_lines(p, coverage, "enforcement_not_known", "No record shows a policy in force");
	span_lines(p, coverage, "mode_audit", "Stores in mode audit");
}

/* ---- clauses ---- */

static void numbers(struct page *p, const json_t *list, const char *before, long long total)
{
	_buf_ struct buf line = BUF_INIT;
	json_t *seq;
	size_t i;

	if (!json_array_size(list))
		return;
	json_array_foreach(list, i, seq)
		buf_printf(&line, "%s%lld", i ? ", " : "", (long long)json_integer_value(seq));
	if (total > (long long)json_array_size(list))
		buf_printf(&line, ", and %lld more", total - (long long)json_array_size(list));
	wrap(p, before, line.data ? line.data : "");
}

/* The same query stands once, at the end. */
static size_t query_number(struct page *p, const char *query)
{
	json_t *known;
	size_t i;

	json_array_foreach(p->queries, i, known)
		if (!strcmp(json_string_value(known), query))
			return i + 1;
	json_array_append_new(p->queries, json_string(query));
	return json_array_size(p->queries);
}

static void evidence_lines(struct page *p, const json_t *list)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		_buf_ struct buf line = BUF_INIT;

		buf_printf(&line, "%lld record%s of %s", number_of(e, "records"), number_of(e, "records") == 1 ? "" : "s", text_of(e, "what"));
		if (number_of(e, "accesses") != number_of(e, "records"))
			buf_printf(&line, ", standing for %lld", number_of(e, "accesses"));
		if (*text_of(e, "query")) {
			buf_printf(&line, " [q%zu]", query_number(p, text_of(e, "query")));
		}
		wrap(p, !strcmp(text_of(e, "role"), "offending") ? "    offending  " : !strcmp(text_of(e, "role"), "examined") ? "    examined   " :
		     "    noted      ", line.data ? line.data : "");
		if (!strcmp(text_of(e, "role"), "offending"))
			numbers(p, json_object_get(e, "first"), "               first: ", number_of(e, "records"));
		numbers(p, json_object_get(e, "sample"), "               sample: ", 0);
	}
}

static void clause_lines(struct page *p, const json_t *doc)
{
	json_t *clause, *sentence;
	size_t i, j;

	json_array_foreach(json_object_get(doc, "clauses"), i, clause) {
		buf_printf(p->out, "\n%s%s%s  ", p->color ? "\033[1m" : "", text_of(clause, "id"), p->color ? "\033[0m" : "");
		state(p, text_of(clause, "state"));
		buf_add_char(p->out, '\n');
		wrap(p, "    ", text_of(clause, "title"));
		wrap(p, "    ", text_of(clause, "in_force"));
		wrap(p, "    reading:   ", text_of(clause, "source"));
		json_array_foreach(json_object_get(clause, "said"), j, sentence)
			wrap(p, "  - ", json_string_value(sentence));
		json_array_foreach(json_object_get(clause, "needed"), j, sentence)
			wrap(p, "    needed:    ", json_string_value(sentence));
		evidence_lines(p, json_object_get(clause, "evidence"));
	}
}

/* ---- tables ---- */

static void cell(struct buf *row, const char *label, const json_t *value)
{
	const char *comma = row->len_bytes ? "; " : "";

	if (json_is_integer(value))
		buf_printf(row, "%s%s: %lld", comma, label, (long long)json_integer_value(value));
	else if (json_string_length(value))
		buf_printf(row, "%s%s: %s", comma, label, json_string_value(value));
}

/* Rows are paragraphs: a table of twelve columns is read on paper or as JSON, not on a terminal. */
static void table_lines(struct page *p, const json_t *doc)
{
	json_t *table, *row, *column, *sentence;
	size_t i, j, k;

	json_array_foreach(json_object_get(doc, "tables"), i, table) {
		heading(p, text_of(table, "title"));
		wrap(p, "  ", text_of(table, "note"));
		if (!json_array_size(json_object_get(table, "rows")))
			wrap(p, "    ", "none");
		json_array_foreach(json_object_get(table, "rows"), j, row) {
			_buf_ struct buf number = BUF_INIT, text = BUF_INIT;

			buf_printf(&number, "  %3zu. ", j + 1);
			json_array_foreach(json_object_get(table, "columns"), k, column)
				cell(&text, text_of(column, "label"), json_object_get(row, text_of(column, "key")));
			wrap(p, number.data ? number.data : "", text.data ? text.data : "");
		}
	}
	if (!json_array_size(json_object_get(doc, "limits")))
		return;
	heading(p, "What this does not say");
	json_array_foreach(json_object_get(doc, "limits"), i, sentence)
		wrap(p, "  - ", json_string_value(sentence));
}

/* What the policies of the range declare: stores with their class, and roles. */
static void register_lines(struct page *p, const json_t *doc)
{
	json_t *policy, *item;
	size_t i, j;

	heading(p, "Stores and roles of the policies in force");
	json_array_foreach(json_object_get(doc, "policies"), i, policy) {
		_buf_ struct buf line = BUF_INIT;

		buf_printf(&line, "%s %s, owner %s", text_of(policy, "name"), text_of(policy, "version"), *text_of(policy, "owner") ? text_of(policy,
				"owner") : "not named");
		wrap(p, "  ", json_is_true(json_object_get(policy, "archived")) ? line.data : "a policy that is not archived beside the log");
		json_array_foreach(json_object_get(policy, "stores"), j, item) {
			line.len_bytes = 0;
			buf_printf(&line, "%s at %s, class %s, modality %s%s%s%s", text_of(item, "name"), text_of(item, "path"),
				   *text_of(item, "class") ? text_of(item, "class") : "none", *text_of(item, "modality") ? text_of(item, "modality") : "none",
				   json_is_true(json_object_get(item, "strict")) ? ", strict" : "",
				   json_is_true(json_object_get(item, "mode_audit")) ? ", mode audit" : "",
				   json_is_true(json_object_get(item, "allowed_recorded")) ? "" : ", allowed accesses left out of the log");
			wrap(p, "    store ", line.data ? line.data : "");
		}
		line.len_bytes = 0;
		json_array_foreach(json_object_get(policy, "roles"), j, item)
			buf_printf(&line, "%s%s", j ? ", " : "", json_string_value(item));
		if (j)
			wrap(p, "    roles ", line.data ? line.data : "");
	}
	if (!i)
		wrap(p, "  ", "none");
}

static void breach_lines(struct page *p, const json_t *doc)
{
	const json_t *breach = json_object_get(doc, "breach"), *subjects = json_object_get(breach, "subjects");
	_buf_ struct buf line = BUF_INIT;

	if (!breach)
		return;
	heading(p, "Extent");
	buf_printf(&line, "Identity: %s; store: %s", json_is_string(json_object_get(breach, "user")) ? text_of(breach, "user") : "any",
		   json_is_string(json_object_get(breach, "store")) ? text_of(breach, "store") : "any");
	wrap(p, "  ", line.data ? line.data : "");
	line.len_bytes = 0;
	buf_printf(&line, "Distinct objects: %s%lld; persons: ", json_is_true(json_object_get(breach, "objects_at_least")) ? "at least " : "",
		   number_of(breach, "objects"));
	if (json_is_integer(subjects))
		buf_printf(&line, "%lld", (long long)json_integer_value(subjects));
	else
		buf_add_str(&line, "not shown");
	wrap(p, "  ", line.data ? line.data : "");
}

void report_text(const json_t *doc, bool color, struct buf *ret)
{
	struct page p = { .out = ret, .color = color, .queries = json_array() };
	const json_t *sample = json_object_get(doc, "sample");
	json_t *query;
	size_t i;

	head(&p, doc);
	missing(&p, doc);
	breach_lines(&p, doc);
	clause_lines(&p, doc);
	table_lines(&p, doc);
	register_lines(&p, doc);
	if (json_array_size(json_object_get(doc, "evidence"))) {
		heading(&p, "Evidence");
		evidence_lines(&p, json_object_get(doc, "evidence"));
	}
	heading(&p, "Samples and proofs");
	wrap(&p, "  ", text_of(sample, "how"));
	wrap(&p, "  proofs: ", *text_of(sample, "proofs") ? text_of(sample, "proofs") :
	     "none were written; with --proofs DIR each sampled record comes with its inclusion proof");
	if (json_array_size(p.queries))
		heading(&p, "Queries");
	json_array_foreach(p.queries, i, query)
		buf_printf(ret, "[q%zu] %s\n", i + 1, json_string_value(query));
	json_decref(p.queries);
}
