/* SPDX-License-Identifier: Apache-2.0 */
/* Bars over time, bars by name, and a strip of covered time. Draws the document's figures and no others. */
#include "report/svg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

#define WIDE   760
#define BARS_MAX 16u

struct row { const char *name, *class_; long long allowed, denied, passed; };

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static struct row row_of(const json_t *o)
{
	return (struct row){ text_of(o, "name"), text_of(o, "class"), json_integer_value(json_object_get(o, "allowed")),
			     json_integer_value(json_object_get(o, "denied")), json_integer_value(json_object_get(o, "passed")) };
}

static void open_svg(struct buf *b, const char *id, const char *title, const char *desc, int height)
{
	buf_printf(b, "<svg role=\"img\" viewBox=\"0 0 %d %d\" aria-labelledby=\"%s-t %s-d\"><title id=\"%s-t\">", WIDE, height, id, id, id);
	buf_add_html(b, title);
	buf_printf(b, "</title><desc id=\"%s-d\">", id);
	buf_add_html(b, desc);
	buf_add_str(b, "</desc>");
}

static void bar(struct buf *b, const char *class_, double x, double y, double w, double h)
{
	if (w > 0 && h > 0)
		buf_printf(b, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>", class_, x, y, w, h);
}

static void label(struct buf *b, double x, double y, const char *anchor, const char *text)
{
	buf_printf(b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	buf_add_html(b, text);
	buf_add_str(b, "</text>");
}

static void legend(struct buf *b)
{
	buf_add_str(b, "<p class=\"legend\"><span class=\"key allowed\"></span>allowed <span class=\"key denied\"></span>refused "
		       "<span class=\"key passed\"></span>passed in mode audit</p>");
}

/* The day, and the hour where the whole range is short. */
static void when(char ret[static 24], const char *time, bool hours)
{
	if (hours)
		(void)snprintf(ret, 24, "%.10s %.5s", time, strlen(time) > 16 ? time + 11 : "");
	else
		(void)snprintf(ret, 24, "%.10s", time);
}

void svg_time(const json_t *doc, struct buf *ret)
{
	enum { LEFT = 56, TOP = 12, TALL = 150, BELOW = 26 };
	const json_t *list = json_object_get(json_object_get(doc, "series"), "time");
	size_t n = json_array_size(list), i;
	long long most = 1, sum = 0, denied = 0;
	double step = n ? (double)(WIDE - LEFT) / (double)n : 1;
	bool hours = json_real_value(json_object_get(json_object_get(doc, "coverage"), "seconds")) < 4 * 86400;
	char desc[256], text[32];
	json_t *o;

	json_array_foreach(list, i, o) {
		struct row r = row_of(o);
		long long all = r.allowed + r.denied + r.passed;

		most = all > most ? all : most;
		sum += all;
		denied += r.denied;
	}
	(void)snprintf(desc, sizeof(desc), "%lld accesses in %zu columns, %lld of them refused; the tallest column has %lld.", sum, n, denied, most);
	open_svg(ret, "time", "Accesses over time", desc, TOP + TALL + BELOW);
	for (int line = 0; line <= 2; line++) {
		double y = TOP + TALL - TALL * line / 2.0;

		buf_printf(ret, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, WIDE, y, y);
		if (line == 1 && most < 2)
			continue;
		(void)snprintf(text, sizeof(text), "%lld", most * line / 2);
		label(ret, LEFT - 6, y + 4, "end", text);
	}
	json_array_foreach(list, i, o) {
		struct row r = row_of(o);
		double x = LEFT + step * (double)i, unit = TALL / (double)most, y = TOP + TALL;

		y -= unit * (double)r.allowed;
		bar(ret, "allowed", x + 1, y, step - 2, unit * (double)r.allowed);
		y -= unit * (double)r.passed;
		bar(ret, "passed", x + 1, y, step - 2, unit * (double)r.passed);
		y -= unit * (double)r.denied;
		bar(ret, "denied", x + 1, y, step - 2, unit * (double)r.denied);
	}
	when(text, text_of(json_object_get(doc, "range"), "since"), hours);
	label(ret, LEFT, TOP + TALL + 18, "start", text);
	when(text, text_of(json_object_get(doc, "range"), "until"), hours);
	label(ret, WIDE, TOP + TALL + 18, "end", text);
	buf_add_str(ret, "</svg>");
	legend(ret);
}

static int by_size(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	long long more = (y->allowed + y->denied + y->passed) - (x->allowed + x->denied + x->passed);

	return more < 0 ? -1 : more > 0 ? 1 : strcmp(x->name, y->name);
}

static void bars(const struct row *rows, size_t count, size_t all, const char *title, const char *id, struct buf *ret)
{
	enum { LEFT = 220, RIGHT = 90, ROW = 24 };
	long long most = 1;
	char desc[160], text[64];

	for (size_t i = 0; i < count; i++)
		most = rows[i].allowed + rows[i].denied + rows[i].passed > most ? rows[i].allowed + rows[i].denied + rows[i].passed : most;
	(void)snprintf(desc, sizeof(desc), "The %zu largest of %zu; the figures stand in the table below.", count, all);
	open_svg(ret, id, title, desc, (int)count * ROW + 8);
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		double y = (double)i * ROW + 4, unit = (WIDE - LEFT - RIGHT) / (double)most, x = LEFT;

		(void)snprintf(text, sizeof(text), "%.30s%s", r->name, strlen(r->name) > 30 ? "..." : "");
		label(ret, LEFT - 8, y + 15, "end", text);
		bar(ret, "allowed", x, y, unit * (double)r->allowed, ROW - 6);
		x += unit * (double)r->allowed;
		bar(ret, "passed", x, y, unit * (double)r->passed, ROW - 6);
		x += unit * (double)r->passed;
		bar(ret, "denied", x, y, unit * (double)r->denied, ROW - 6);
		x += unit * (double)r->denied;
		(void)snprintf(text, sizeof(text), "%lld", r->allowed + r->denied + r->passed);
		label(ret, x + 6, y + 15, "start", text);
	}
	buf_add_str(ret, "</svg>");
	legend(ret);
}

void svg_bars(const json_t *doc, const char *series, const char *title, const char *id, struct buf *ret)
{
	const json_t *list = json_object_get(json_object_get(doc, "series"), series);
	size_t n = json_array_size(list), i;
	struct row *rows = calloc(n + 1, sizeof(*rows));
	json_t *o;

	if (!rows) {
		ret->failed = true;
		return;
	}
	json_array_foreach(list, i, o)
		rows[i] = row_of(o);
	qsort(rows, n, sizeof(*rows), by_size);
	if (n)
		bars(rows, n < BARS_MAX ? n : BARS_MAX, n, title, id, ret);
	free(rows);
}

/* ---- the strip ---- */

/* Seconds of an ISO moment; -1: not one. */
static double seconds_of(const char *time)
{
	static const size_t at[] = { 0, 5, 8, 11, 14, 17 }, len[] = { 4, 2, 2, 2, 2, 2 };
	uint64_t v[6];
	struct tm tm = { 0 };

	for (size_t i = 0; i < 6; i++)
		if (strlen(time) < 19 || num_parse(time + at[i], len[i], 9999, &v[i]) < 0)
			return -1;
	tm.tm_year = (int)v[0] - 1900;
	tm.tm_mon = (int)v[1] - 1;
	tm.tm_mday = (int)v[2];
	tm.tm_hour = (int)v[3];
	tm.tm_min = (int)v[4];
	tm.tm_sec = (int)v[5];
	return (double)timegm(&tm);
}

static void strip(const json_t *doc, const char *key, const char *class_, double y, double tall, struct buf *ret)
{
	enum { LEFT = 110 };
	const json_t *range = json_object_get(doc, "range");
	double from = seconds_of(text_of(range, "since")), width = seconds_of(text_of(range, "until")) - from;
	size_t i;
	json_t *span;

	json_array_foreach(json_object_get(json_object_get(json_object_get(doc, "coverage"), key), "list"), i, span) {
		double x = (seconds_of(text_of(span, "from")) - from) / (width > 0 ? width : 1) * (WIDE - LEFT);
		double w = (seconds_of(text_of(span, "until")) - from) / (width > 0 ? width : 1) * (WIDE - LEFT) - x;

		/* What is short is drawn wide enough to be seen. */
		bar(ret, class_, LEFT + (x > WIDE - LEFT - 2 ? WIDE - LEFT - 2 : x), y, w < 2 ? 2 : w, tall);
	}
}

/* Each where it is, as long as the list has them all; otherwise the columns of time that hold some. */
static void losses(const json_t *doc, double wide, double left, double tall, struct buf *ret)
{
	const json_t *gaps = json_object_get(doc, "gaps"), *list = json_object_get(gaps, "list"), *range = json_object_get(doc, "range");
	const json_t *columns = json_object_get(json_object_get(doc, "series"), "time");
	double from = seconds_of(text_of(range, "since")), width = seconds_of(text_of(range, "until")) - from;
	double step = wide / (double)(json_array_size(columns) ? json_array_size(columns) : 1);
	json_t *o;
	size_t i;

	if ((long long)json_array_size(list) == (long long)json_integer_value(json_object_get(gaps, "records"))) {
		json_array_foreach(list, i, o)
			bar(ret, "loss", left + (seconds_of(text_of(o, "time")) - from) / (width > 0 ? width : 1) * wide - 1, 0, 3, tall);
		return;
	}
	json_array_foreach(columns, i, o)
		if (json_integer_value(json_object_get(o, "lost")))
			bar(ret, "loss", left + step * (double)i, tall - 6, step, 6);
}

/* A strip that leaves something out says so. */
static bool draws_all(const json_t *coverage)
{
	static const char *const keys[] = { "not_recorded", "not_enforced", "enforcement_not_known", "mode_audit" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *periods = json_object_get(coverage, keys[i]);

		if ((long long)json_array_size(json_object_get(periods, "list")) < (long long)json_integer_value(json_object_get(periods, "count")))
			return false;
	}
	return true;
}

void svg_coverage(const json_t *doc, struct buf *ret)
{
	enum { LEFT = 110, ROW = 30 };
	const json_t *coverage = json_object_get(doc, "coverage"), *range = json_object_get(doc, "range");
	bool hours = json_real_value(json_object_get(coverage, "seconds")) < 4 * 86400;
	char desc[200], text[24];

	(void)snprintf(desc, sizeof(desc), "Nothing recorded for %.1f s; not enforced, or not known to be, for %.1f s; losses marked: %lld.",
		       json_real_value(json_object_get(json_object_get(coverage, "not_recorded"), "seconds")),
		       json_real_value(json_object_get(json_object_get(coverage, "not_enforced"), "seconds")) +
		       json_real_value(json_object_get(json_object_get(coverage, "enforcement_not_known"), "seconds")),
		       (long long)json_integer_value(json_object_get(json_object_get(doc, "gaps"), "records")));
	open_svg(ret, "cover", "When accesses were recorded and enforced", desc, 2 * ROW + 26);
	label(ret, LEFT - 8, 18, "end", "recorded");
	label(ret, LEFT - 8, ROW + 18, "end", "enforced");
	bar(ret, "covered", LEFT, 2, WIDE - LEFT, ROW - 8);
	bar(ret, "covered", LEFT, ROW + 2, WIDE - LEFT, ROW - 8);
	strip(doc, "not_recorded", "hole", 2, ROW - 8, ret);
	strip(doc, "mode_audit", "passed", ROW + 2, ROW - 8, ret);
	strip(doc, "enforcement_not_known", "hole", ROW + 2, ROW - 8, ret);
	strip(doc, "not_enforced", "denied", ROW + 2, ROW - 8, ret);
	losses(doc, WIDE - LEFT, LEFT, ROW - 4, ret);
	when(text, text_of(range, "since"), hours);
	label(ret, LEFT, 2 * ROW + 16, "start", text);
	when(text, text_of(range, "until"), hours);
	label(ret, WIDE, 2 * ROW + 16, "end", text);
	buf_add_str(ret, "</svg><p class=\"legend\"><span class=\"key covered\"></span>covered by records <span class=\"key hole\"></span>not covered "
			 "<span class=\"key passed\"></span>a store in mode audit <span class=\"key denied\"></span>told to stop <span class=\"key "
					"loss\"></span>lost events</p>");
	if (!draws_all(coverage))
		buf_add_str(ret, "<p class=\"legend\">There are more periods than the strip draws: the first 512 of each kind are there.</p>");
}
