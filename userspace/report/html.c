/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The document as one HTML file: nothing is fetched, nothing runs, it prints on A4 and Letter, reads on a phone, in light and dark, and
 * to a screen reader. Everything from the document is escaped.
 */
#include <string.h>

#include "report/report.h"
#include "report/svg.h"

static const char style[] =
	":root{--fg:#1b1f24;--dim:#55606b;--bg:#fff;--line:#c8d0d8;--soft:#f3f5f7;--ok:#14632f;--okbg:#e3f4e8;--no:#9a1420;--nobg:#fde8e8;"
	"--open:#6b4a00;--openbg:#fdf3d8;--allowed:#2f6db3;--denied:#b3261e;--passed:#c98a00;--hole:#8a1f6b;--covered:#9fc5a8;--loss:#000}"
	"@media(prefers-color-scheme:dark){:root{--fg:#e6e9ec;--dim:#a9b4be;--bg:#14181c;--line:#3a444e;--soft:#1d232a;--ok:#8fe0a8;--okbg:#12351f;"
	"--no:#ffb3ad;--nobg:#44161a;--open:#f2cf7a;--openbg:#3a2d08;--allowed:#6ca6e6;--denied:#ef7a72;--passed:#e0b03a;--hole:#d978bd;"
	"--covered:#3f6b4b;--loss:#fff}}"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:64rem;padding:1.2rem;font:16px/1.5 system-ui,'DejaVu Sans',sans-serif;color:var(--fg);"
			"background:var(--bg)}"
	"h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0 .6rem}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}"
			"h3{font-size:1rem;margin:0}"
	"table{border-collapse:collapse;width:100%;font-size:.88rem;margin:.3rem 0}caption{text-align:left;color:var(--dim);padding:.2rem 0}"
	"th,td{border:1px solid var(--line);padding:.3rem .45rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:var(--soft)}"
	"td.n,th.n{text-align:right}td.n,th.n,td.as,th.as{white-space:nowrap}table.head th{width:9rem}.wide{overflow-x:auto}.wide td,.wide "
			"th{overflow-wrap:normal}.wide td{min-width:5rem}.wide td.n{min-width:0}a{color:inherit}"
	".clause{border:1px solid var(--line);border-left-width:6px;border-radius:4px;padding:.7rem .9rem;margin:.8rem 0}"
			".clause.short{break-inside:avoid}.clause header{break-after:avoid}"
	".clause.satisfied{border-left-color:var(--ok)}.clause.not-satisfied{border-left-color:var(--no)}.clause.not-shown{border-left-color:var(--open)}"
	".clause header{display:flex;flex-wrap:wrap;gap:.3rem 1rem;justify-content:space-between;align-items:baseline}"
	".state{font-weight:700;padding:.05rem .5rem;border-radius:3px;white-space:nowrap}.state.satisfied{color:var(--ok);background:var(--okbg)}"
	".state.not-satisfied{color:var(--no);background:var(--nobg)}.state.not-shown{color:var(--open);background:var(--openbg)}"
	".dim{color:var(--dim);font-size:.86rem;margin:.1rem 0}.clause ul{margin:.4rem 0;padding-left:1.2rem}.needed{margin:.4rem 0}"
	"code{font:.82rem/1.4 ui-monospace,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}td code{font-size:.76rem}"
	"svg{width:100%;height:auto;display:block;margin:.4rem 0}svg text{font-size:12px;fill:var(--fg)}.grid{stroke:var(--line)}"
	"rect.allowed,.key.allowed{fill:var(--allowed);background:var(--allowed)}rect.denied,.key.denied{fill:var(--denied);background:var(--denied)}"
	"rect.passed,.key.passed{fill:var(--passed);background:var(--passed)}rect.hole,.key.hole{fill:var(--hole);background:var(--hole)}"
	"rect.covered,.key.covered{fill:var(--covered);background:var(--covered)}rect.loss,.key.loss{fill:var(--loss);background:var(--loss)}"
	".key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .8em;border-radius:2px}.legend{font-size:.82rem;color:var(--dim);"
			"margin:.1rem 0 .8rem}"
	".totals{display:flex;flex-wrap:wrap;gap:.6rem;margin:.8rem 0}.totals div{flex:1 1 9rem;padding:.5rem .8rem;border-radius:4px}.totals "
			"b{font-size:1.5rem;display:block}"
	"footer{margin-top:2rem;border-top:1px solid var(--line);color:var(--dim);font-size:.86rem}"
	"@media(max-width:40rem){body{padding:.7rem;font-size:15px}table.head th,table.head td{display:block;width:auto;border-bottom:0}table.head "
			"tr:last-child td{border-bottom:1px solid var(--line)}svg text{font-size:20px}}"
	"@page{margin:14mm}@media print{:root{--fg:#000;--dim:#333;--bg:#fff;--line:#999;--soft:#eee;--ok:#0b4f23;--okbg:#e3f4e8;--no:#8a0f1a;"
			"--nobg:#fde8e8;--open:#5a3e00;--openbg:#fdf3d8;"
	"--allowed:#2f6db3;--denied:#b3261e;--passed:#c98a00;--hole:#8a1f6b;--covered:#9fc5a8;--loss:#000}"
	"*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{max-width:none;padding:0 .4mm;font-size:10pt}h2,h3,caption{break-after:avoid}"
			"thead{display:table-header-group}"
	"tr{break-inside:avoid}figure{break-inside:avoid}.wide{overflow:visible}.wide table{font-size:7.5pt}.wide td{overflow-wrap:anywhere;"
			"min-width:0}.wide th{font-size:6.5pt}td code{font-size:7pt}}";

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

/* A query stands once, in the list at the end; the page links to it. */
static size_t query_number(json_t *queries, const char *query)
{
	json_t *known;
	size_t i;

	json_array_foreach(queries, i, known)
		if (!strcmp(json_string_value(known), query))
			return i + 1;
	json_array_append_new(queries, json_string(query));
	return json_array_size(queries);
}

static void put(struct buf *b, const char *before, const char *text, const char *after)
{
	buf_add_str(b, before);
	buf_add_html(b, text);
	buf_add_str(b, after);
}

static void head_row(struct buf *b, const char *key, const char *text)
{
	put(b, "<tr><th scope=\"row\">", key, "</th>");
	put(b, "<td>", text, "</td></tr>\n");
}

/* ---- head ---- */

static void policies(const json_t *doc, struct buf *b)
{
	json_t *p;
	size_t i;

	buf_add_str(b, "<tr><th scope=\"row\">Policies</th><td>");
	json_array_foreach(json_object_get(doc, "policies"), i, p) {
		buf_add_str(b, i ? "<br>" : "");
		if (json_is_true(json_object_get(p, "archived"))) {
			put(b, "", text_of(p, "name"), " ");
			put(b, "", text_of(p, "version"), ", ");
		}
		put(b, "<code>", text_of(p, "hash"), "</code>");
		put(b, ", between ", text_of(p, "from"), "");
		put(b, " and ", *text_of(p, "until") ? text_of(p, "until") : "now", "");
		if (!json_is_true(json_object_get(p, "archived")))
			buf_add_str(b, ", <b>not archived beside the log</b>");
	}
	put(b, i ? "<br>" : "", i ? REPORT_POLICY_NOTE : "no record of the range names one", "</td></tr>\n");
}

static void live(const json_t *doc, struct buf *b)
{
	const json_t *l = json_object_get(doc, "live");
	_buf_ struct buf text = BUF_INIT;

	if (!json_is_object(l))
		buf_add_str(&text, "not asked: the log was read from a directory");
	else if (*text_of(l, "error"))
		buf_printf(&text, "could not be asked: %s", text_of(l, "error"));
	else if (!number_of(l, "generation"))
		buf_add_str(&text, "NO policy is in force");
	else
		buf_printf(&text, "generation %lld of policy %s is in force; %lld stores, %lld in mode audit; polyward itself is %s", number_of(l,
				"generation"),
			   text_of(l, "policy_hash"), number_of(l, "stores"), number_of(l, "stores_audit"),
			   json_is_true(json_object_get(l, "guarded")) ? "guarded" : "NOT guarded");
	head_row(b, "Recorded", !strcmp(text_of(json_object_get(doc, "log"), "source"), "daemon") ?
		 "in the log, by the SHA-256 of this document, before it was shown" : "not in the log, which was read from a directory");
	head_row(b, "Live state", text.data ? text.data : "");
}

static void the_log(const json_t *doc, struct buf *b)
{
	const json_t *log = json_object_get(doc, "log");
	const char *verified = text_of(log, "verified");
	_buf_ struct buf text = BUF_INIT;

	if (json_is_string(json_object_get(log, "root"))) {
		put(b, "<tr><th scope=\"row\">Log</th><td>", text_of(log, "origin"), "");
		buf_printf(b, ", %lld records, root <code>%s</code></td></tr>\n", number_of(log, "size"), text_of(log, "root"));
		put(b, "<tr><th scope=\"row\">Signer</th><td><code>", *text_of(log, "signer") ? text_of(log, "signer") : "the log names none", "</code>");
		buf_printf(b, "%s</td></tr>\n", *text_of(log, "signer") ? ", " REPORT_SIGNER_NOTE : "");
	} else {
		head_row(b, "Log", "has no signed checkpoint");
	}
	if (json_is_integer(json_object_get(log, "size_at_start")))
		buf_printf(b, "<tr><th scope=\"row\">At start</th><td>%lld records before the range%s%s%s</td></tr>\n", number_of(log, "size_at_start"),
			   *text_of(log, "root_at_start") ? ", root <code>" : "", text_of(log, "root_at_start"),
			   *text_of(log, "root_at_start") ? "</code>" : "");
	head_row(b, "Verified", !strcmp(verified, "yes") ? "every record up to the checkpoint was hashed, and the tree has the signed "
			"root" : !strcmp(verified, "wrong") ?
		 "NO: the records do not have the signed root" : "no: the log has no checkpoint, or does not begin with its first record; polyward "
				"log verify says more");
	buf_printf(&text, "%lld in the range, of %lld read; %lld behind the checkpoint; path erased in %lld, not opened in %lld", number_of(log,
			"records_in_range"),
		   number_of(log, "records_read"), number_of(log, "behind_checkpoint"), number_of(log, "erased"), number_of(log, "sealed_unread"));
	head_row(b, "Records", text.data ? text.data : "");
}

static void head(const json_t *doc, struct buf *b)
{
	const json_t *range = json_object_get(doc, "range"), *tool = json_object_get(doc, "tool"), *totals = json_object_get(doc, "totals");
	_buf_ struct buf text = BUF_INIT;

	put(b, "<h1>", text_of(doc, "title"), "</h1>\n");
	if (totals)
		buf_printf(b, "<div class=\"totals\"><div class=\"state satisfied\"><b>%lld</b>satisfied</div><div class=\"state "
				"not-satisfied\"><b>%lld</b>not satisfied</div>"
			   "<div class=\"state not-shown\"><b>%lld</b>not shown</div></div>\n<p class=\"dim\">Satisfied means that the check "
					"described in the row held on "
			   "every record of the range. It is no legal opinion. Not shown means that nothing here can tell.</p>\n", number_of(totals,
					"satisfied"),
			   number_of(totals, "not_satisfied"), number_of(totals, "not_shown"));
	buf_add_str(b, "<table class=\"head\"><tbody>\n");
	if (*text_of(doc, "subject"))
		head_row(b, "Person", text_of(doc, "subject"));
	buf_printf(&text, "%s to %s", text_of(range, "since"), text_of(range, "until"));
	head_row(b, "Range", text.data ? text.data : "");
	text.len_bytes = 0;
	buf_printf(&text, "%s by polyward %s, program SHA-256 %s", text_of(doc, "made"), text_of(tool, "version"), text_of(tool, "sha256"));
	head_row(b, "Made", text.data ? text.data : "");
	put(b, "<tr><th scope=\"row\">Query</th><td><code>", text_of(doc, "query"), "</code></td></tr>\n");
	the_log(doc, b);
	policies(doc, b);
	live(doc, b);
	buf_add_str(b, "</tbody></table>\n");
}

/* ---- charts and holes ---- */

#define SHOWN_MAX 50u /* rows of a kind; paper is patient, readers are not */

/* What is not drawn is counted. */
static void more_rows(long long total, unsigned columns, const char *where, struct buf *b)
{
	if (total > SHOWN_MAX)
		buf_printf(b, "<tr><td colspan=\"%u\">and %lld more: %s</td></tr>\n", columns, total - SHOWN_MAX, where);
}

static void record_cell(const json_t *number, struct buf *b)
{
	if (json_is_integer(number))
		buf_printf(b, "<td class=\"n\">%lld</td>", (long long)json_integer_value(number));
	else
		buf_add_str(b, "<td class=\"n\">none</td>");
}

static void span_rows(const json_t *coverage, const char *key, struct buf *b)
{
	json_t *span;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(coverage, key), "list"), i, span) {
		if (i == SHOWN_MAX)
			break;
		put(b, "<tr><td>", text_of(span, "from"), "</td>");
		put(b, "<td>", text_of(span, "until"), "</td>");
		buf_printf(b, "<td class=\"n\">%.1f</td>", json_real_value(json_object_get(span, "seconds")));
		put(b, "<td>", text_of(span, "why"), "");
		put(b, *text_of(span, "store") ? ", store " : "", text_of(span, "store"), "</td>");
		record_cell(json_object_get(span, "record_before"), b);
		record_cell(json_object_get(span, "record_after"), b);
		buf_add_str(b, "</tr>\n");
	}
	more_rows(number_of(json_object_get(coverage, key), "count"), 6, "the JSON form lists the first 512", b);
}

static void holes(const json_t *doc, struct buf *b)
{
	const json_t *coverage = json_object_get(doc, "coverage"), *gaps = json_object_get(doc, "gaps");
	json_t *gap;
	size_t i;

	buf_add_str(b, "<h2>What is missing</h2>\n<figure style=\"margin:0\">");
	svg_coverage(doc, b);
	buf_add_str(b, "</figure>\n<table><caption>Time that records do not cover, and stores in mode audit</caption><thead><tr><th "
			"scope=\"col\">From (UTC)</th>"
		       "<th scope=\"col\">Until (UTC)</th><th scope=\"col\" class=\"n\">Seconds</th><th scope=\"col\">Why</th><th scope=\"col\" "
		       "class=\"n\">Record before</th><th scope=\"col\" class=\"n\">Record after</th></tr></thead><tbody>\n");
	span_rows(coverage, "not_recorded", b);
	span_rows(coverage, "not_enforced", b);
	span_rows(coverage, "enforcement_not_known", b);
	span_rows(coverage, "mode_audit", b);
	buf_printf(b, "</tbody></table>\n<table><caption>Lost events: %lld (records of losses: %lld). Events in no record at all, in the whole log: "
			"%lld</caption><thead><tr><th scope=\"col\" class=\"n\">Record</th><th scope=\"col\">"
		   "Time (UTC)</th><th scope=\"col\" class=\"n\">Processor</th><th scope=\"col\" class=\"n\">First</th><th scope=\"col\" "
				"class=\"n\">Last</th><th scope=\"col\" class=\"n\">"
		   "Events</th></tr></thead><tbody>\n", number_of(gaps, "events"), number_of(gaps, "records"), number_of(gaps, "unaccounted"));
	json_array_foreach(json_object_get(gaps, "list"), i, gap) {
		if (i == SHOWN_MAX)
			break;
		buf_printf(b, "<tr><td class=\"n\">%lld</td><td>%s</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td "
				"class=\"n\">%lld</td></tr>\n",
			   number_of(gap, "record"), text_of(gap, "time"), number_of(gap, "cpu"), number_of(gap, "first"), number_of(gap, "last"),
			   number_of(gap, "events"));
	}
	more_rows(number_of(gaps, "records"), 6, "polyward log --kind gap lists them", b);
	buf_add_str(b, "</tbody></table>\n");
}

static void series_table(const json_t *doc, const char *key, const char *caption, const char *first, struct buf *b)
{
	bool with_class = !strcmp(key, "stores");
	json_t *o;
	size_t i;

	put(b, "<table><caption>", caption, "</caption><thead><tr>");
	put(b, "<th scope=\"col\">", first, "</th>");
	buf_printf(b, "%s<th scope=\"col\" class=\"n\">Allowed</th><th scope=\"col\" class=\"n\">Passed in mode audit</th><th scope=\"col\" "
			"class=\"n\">Refused</th></tr></thead><tbody>\n",
		   with_class ? "<th scope=\"col\">Class</th>" : "");
	json_array_foreach(json_object_get(json_object_get(doc, "series"), key), i, o) {
		put(b, "<tr><th scope=\"row\">", text_of(o, "name"), "</th>");
		if (with_class)
			put(b, "<td>", text_of(o, "class"), "</td>");
		buf_printf(b, "<td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td></tr>\n", number_of(o, "allowed"),
			   number_of(o, "passed"), number_of(o, "denied"));
	}
	buf_add_str(b, "</tbody></table>\n");
}

static void charts(const json_t *doc, struct buf *b)
{
	buf_add_str(b, "<h2>Accesses</h2>\n<figure style=\"margin:0\">");
	svg_time(doc, b);
	buf_add_str(b, "</figure>\n");
	if (json_array_size(json_object_get(json_object_get(doc, "series"), "stores"))) {
		buf_add_str(b, "<h3>By store</h3><figure style=\"margin:0\">");
		svg_bars(doc, "stores", "Accesses by store", "stores", b);
		buf_add_str(b, "</figure>\n");
		series_table(doc, "stores", "Accesses by store", "Store", b);
	}
	if (json_array_size(json_object_get(json_object_get(doc, "series"), "roles"))) {
		buf_add_str(b, "<h3>By role</h3><p class=\"dim\">A process with two roles counts with both.</p><figure style=\"margin:0\">");
		svg_bars(doc, "roles", "Accesses by role", "roles", b);
		buf_add_str(b, "</figure>\n");
		series_table(doc, "roles", "Accesses by role", "Role", b);
	}
}

/* ---- clauses ---- */

static void numbers(const json_t *list, long long total, struct buf *b)
{
	json_t *seq;
	size_t i;

	json_array_foreach(list, i, seq)
		buf_printf(b, "%s%lld", i ? ", " : "", (long long)json_integer_value(seq));
	if (total > (long long)json_array_size(list))
		buf_printf(b, ", and %lld more", total - (long long)json_array_size(list));
}

static void evidence(const json_t *list, json_t *queries, struct buf *b)
{
	json_t *e;
	size_t i;

	if (!json_array_size(list))
		return;
	buf_add_str(b, "<table><caption>Evidence</caption><thead><tr><th scope=\"col\">As</th><th scope=\"col\" class=\"n\">Records</th><th "
			"scope=\"col\">What, offending numbers, "
		       "a sample</th><th scope=\"col\" class=\"as\">Query</th></tr></thead><tbody>\n");
	json_array_foreach(list, i, e) {
		put(b, "<tr><td class=\"as\">", text_of(e, "role"), "</td>");
		buf_printf(b, "<td class=\"n\">%lld</td>", number_of(e, "records"));
		put(b, "<td>", text_of(e, "what"), "");
		if (number_of(e, "accesses") != number_of(e, "records"))
			buf_printf(b, ", standing for %lld", number_of(e, "accesses"));
		if (!strcmp(text_of(e, "role"), "offending") && number_of(e, "records")) {
			buf_add_str(b, "<br>numbers ");
			numbers(json_object_get(e, "first"), number_of(e, "records"), b);
		}
		if (json_array_size(json_object_get(e, "sample"))) {
			buf_add_str(b, "<br>sample ");
			numbers(json_object_get(e, "sample"), 0, b);
		}
		buf_add_str(b, "</td><td class=\"as\">");
		if (*text_of(e, "query")) {
			size_t number = query_number(queries, text_of(e, "query"));

			buf_printf(b, "<a href=\"#q%zu\">q%zu</a>", number, number);
		}
		buf_add_str(b, "</td></tr>\n");
	}
	buf_add_str(b, "</tbody></table>\n");
}

static void clause(const json_t *c, json_t *queries, struct buf *b)
{
	const char *word = text_of(c, "state");
	const char *class_ = !strcmp(word, "satisfied") ? "satisfied" : !strcmp(word, "not satisfied") ? "not-satisfied" : "not-shown";
	json_t *sentence;
	size_t i;

	buf_printf(b, "<section class=\"clause %s%s\"><header><h3>", class_, json_array_size(json_object_get(c, "evidence")) > 3 ? "" : " short");
	put(b, "", text_of(c, "id"), " &middot; ");
	put(b, "", text_of(c, "title"), "</h3>");
	buf_printf(b, "<span class=\"state %s\">%s</span></header>\n", class_, word);
	put(b, "<p class=\"dim\">", text_of(c, "in_force"), "");
	put(b, " &middot; reading: ", text_of(c, "source"), "</p>\n");
	if (json_array_size(json_object_get(c, "said"))) {
		buf_add_str(b, "<ul>");
		json_array_foreach(json_object_get(c, "said"), i, sentence)
			put(b, "<li>", json_string_value(sentence), "</li>");
		buf_add_str(b, "</ul>\n");
	}
	json_array_foreach(json_object_get(c, "needed"), i, sentence)
		put(b, "<p class=\"needed\"><b>Needed:</b> ", json_string_value(sentence), "</p>\n");
	evidence(json_object_get(c, "evidence"), queries, b);
	buf_add_str(b, "</section>\n");
}

/* ---- tables ---- */

static bool has_value(const json_t *t, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(t, "rows"), i, row)
		if (json_is_integer(json_object_get(row, key)) || *text_of(row, key))
			return true;
	return false;
}

/* Paper is narrow: a column without any value is named, not drawn. */
static void put_left_out(const json_t *t, struct buf *b)
{
	const char *before = "<p class=\"dim\">No row has a value for: ";
	json_t *column;
	size_t i;

	json_array_foreach(json_object_get(t, "columns"), i, column)
		if (!has_value(t, text_of(column, "key"))) {
			put(b, before, text_of(column, "label"), "");
			before = ", ";
		}
	buf_add_str(b, *before == ',' ? ".</p>\n" : "");
}

static void table(const json_t *t, struct buf *b)
{
	json_t *column, *row, *value;
	size_t i, j;

	put(b, "<h2>", text_of(t, "title"), "</h2>\n");
	put(b, "<p class=\"dim\">", text_of(t, "note"), "</p>\n");
	if (!json_array_size(json_object_get(t, "rows"))) {
		buf_add_str(b, "<p>None.</p>\n");
		return;
	}
	put_left_out(t, b);
	put(b, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"", text_of(t, "title"), "\"><table><thead><tr>");
	json_array_foreach(json_object_get(t, "columns"), i, column)
		if (has_value(t, text_of(column, "key")))
			put(b, "<th scope=\"col\">", text_of(column, "label"), "</th>");
	buf_add_str(b, "</tr></thead><tbody>\n");
	json_array_foreach(json_object_get(t, "rows"), i, row) {
		buf_add_str(b, "<tr>");
		json_array_foreach(json_object_get(t, "columns"), j, column) {
			value = json_object_get(row, text_of(column, "key"));
			if (!has_value(t, text_of(column, "key")))
				continue;
			if (json_is_integer(value))
				buf_printf(b, "<td class=\"n\">%lld</td>", (long long)json_integer_value(value));
			else
				put(b, "<td>", json_is_string(value) ? json_string_value(value) : "", "</td>");
		}
		buf_add_str(b, "</tr>\n");
	}
	buf_add_str(b, "</tbody></table></div>\n");
}

static void store_register(const json_t *doc, struct buf *b)
{
	json_t *p, *s;
	size_t i, j;

	buf_add_str(b, "<h2>Stores of the policies in force</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" "
			"aria-label=\"Stores\"><table><thead><tr><th scope=\"col\">Store</th>"
		       "<th scope=\"col\">Path</th><th scope=\"col\">Class</th><th scope=\"col\">Modality</th><th scope=\"col\">Strict</th><th "
				"scope=\"col\">Mode</th>"
		       "<th scope=\"col\">Allowed accesses</th><th scope=\"col\">Policy</th></tr></thead><tbody>\n");
	json_array_foreach(json_object_get(doc, "policies"), i, p)
		json_array_foreach(json_object_get(p, "stores"), j, s) {
			put(b, "<tr><th scope=\"row\">", text_of(s, "name"), "</th>");
			put(b, "<td>", text_of(s, "path"), "</td>");
			put(b, "<td>", text_of(s, "class"), "</td>");
			put(b, "<td>", text_of(s, "modality"), "</td>");
			buf_printf(b, "<td>%s</td><td>%s</td><td>%s</td>", json_is_true(json_object_get(s, "strict")) ? "strict" : "",
				   json_is_true(json_object_get(s, "mode_audit")) ? "audit" : "enforce",
				   json_is_true(json_object_get(s, "allowed_recorded")) ? "recorded" : "left out");
			put(b, "<td>", text_of(p, "name"), "");
			put(b, " ", text_of(p, "version"), "</td></tr>\n");
		}
	buf_add_str(b, "</tbody></table></div>\n");
	json_array_foreach(json_object_get(doc, "policies"), i, p) {
		put(b, "<p class=\"dim\">Roles of ", text_of(p, "name"), " ");
		put(b, "", text_of(p, "version"), ": ");
		json_array_foreach(json_object_get(p, "roles"), j, s)
			put(b, j ? ", " : "", json_string_value(s), "");
		buf_add_str(b, "</p>\n");
	}
}

static void breach(const json_t *doc, struct buf *b)
{
	const json_t *x = json_object_get(doc, "breach");

	if (!x)
		return;
	buf_add_str(b, "<h2>Extent</h2>\n<table class=\"head\"><tbody>\n");
	head_row(b, "Identity", json_is_string(json_object_get(x, "user")) ? text_of(x, "user") : "any");
	head_row(b, "Store", json_is_string(json_object_get(x, "store")) ? text_of(x, "store") : "any");
	buf_printf(b, "<tr><th scope=\"row\">Objects</th><td>%s%lld</td></tr>\n", json_is_true(json_object_get(x, "objects_at_least")) ? "at least " : "",
		   number_of(x, "objects"));
	if (json_is_integer(json_object_get(x, "subjects")))
		buf_printf(b, "<tr><th scope=\"row\">Persons</th><td>%lld</td></tr>\n", number_of(x, "subjects"));
	else
		head_row(b, "Persons", "not shown");
	buf_add_str(b, "</tbody></table>\n");
}

static void end(const json_t *doc, json_t *queries, struct buf *b)
{
	const json_t *sample = json_object_get(doc, "sample");
	json_t *sentence, *query;
	size_t i;

	if (json_array_size(json_object_get(doc, "evidence"))) {
		buf_add_str(b, "<h2>Evidence</h2>\n");
		evidence(json_object_get(doc, "evidence"), queries, b);
	}
	if (json_array_size(json_object_get(doc, "limits"))) {
		buf_add_str(b, "<h2>What this does not say</h2>\n<ul>");
		json_array_foreach(json_object_get(doc, "limits"), i, sentence)
			put(b, "<li>", json_string_value(sentence), "</li>");
		buf_add_str(b, "</ul>\n");
	}
	if (json_array_size(queries))
		buf_add_str(b, "<h2>Queries</h2>\n<table><caption>Each lists exactly the records that were counted</caption><tbody>\n");
	json_array_foreach(queries, i, query) {
		buf_printf(b, "<tr><th scope=\"row\" id=\"q%zu\" class=\"as\">q%zu</th>", i + 1, i + 1);
		put(b, "<td><code>", json_string_value(query), "</code></td></tr>\n");
	}
	if (json_array_size(queries))
		buf_add_str(b, "</tbody></table>\n");
	put(b, "<footer><p>", text_of(sample, "how"), " ");
	put(b, "Proofs: ", *text_of(sample, "proofs") ? text_of(sample, "proofs") : "none were written; with --proofs DIR each sampled record comes "
			"with its inclusion proof", ".</p></footer>\n");
}

void report_html(const json_t *doc, struct buf *ret)
{
	json_t *item, *queries = json_array();
	size_t i;

	put(ret, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><meta name=\"color-scheme\" "
				"content=\"light dark\">\n<title>",
	    text_of(doc, "title"), "</title>\n<style>");
	buf_add_str(ret, style);
	buf_add_str(ret, "</style></head>\n<body><main>\n");
	head(doc, ret);
	breach(doc, ret);
	if (json_array_size(json_object_get(doc, "clauses")))
		buf_add_str(ret, "<h2>Clause by clause</h2>\n");
	json_array_foreach(json_object_get(doc, "clauses"), i, item)
		clause(item, queries, ret);
	json_array_foreach(json_object_get(doc, "tables"), i, item)
		table(item, ret);
	holes(doc, ret);
	charts(doc, ret);
	store_register(doc, ret);
	end(doc, queries, ret);
	json_decref(queries);
	buf_add_str(ret, "</main></body></html>\n");
}
