/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input steers a writer of good policies: which statements, which fields in which order, and between any two words a blank, a
 * line end or a comment. Such a text must parse, and its canonical form must keep all of it.
 */
#include "canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct writer { const uint8_t *p, *end; struct buf out; unsigned names; };

static unsigned pick(struct writer *w, unsigned n)
{
	return w->p < w->end ? *w->p++ % n : 0;
}

/* What stands between two words. */
static void gap(struct writer *w)
{
	static const char *const gaps[] = { " ", " ", " ", " ", "\n", "\t", "\n\n\n", " # c\n", "\n# own line\n", "\n\n  #\n\n", "\r\n", " #\"{},\n" };

	buf_add_str(&w->out, gaps[pick(w, sizeof(gaps) / sizeof(gaps[0]))]);
}

static void word(struct writer *w, const char *text)
{
	buf_add_str(&w->out, text);
	gap(w);
}

static void new_name(struct writer *w, const char *prefix)
{
	buf_printf(&w->out, "%s%u", prefix, w->names++);
	gap(w);
}

/* One to three values; each place in the list has its own values, so that none is listed twice. */
static void list(struct writer *w, const char *const values[6], bool set)
{
	unsigned n = 1 + pick(w, 3);
	bool braces = pick(w, 2) || (set && n > 1);

	if (braces)
		word(w, "{");
	for (unsigned i = 0; i < n; i++) {
		if (i)
			word(w, ",");
		word(w, values[2 * i + pick(w, 2)]);
	}
	if (braces)
		word(w, "}");
}

static const char *const names[6] = { "a", "b", "c", "d", "e", "f" };
static const char *const actions[6] = { "write", "read", "list", "stat", "exec", "attr" };
static const char *const units[6] = { "b.service", "a.service", "x@1.service", "y.slice", "\"z.scope\"", "w.socket" };
static const char *const people[6] = { "user:bob", "group:bob", "\"user:a b\"", "user:x", "\"group:#\"", "group:y" };
static const char *const moments[6] = { "2026-12-15T00:00Z", "2027-01-01T00:00:01+05:30", "2000-02-29T23:59Z", "2199-12-31T22:59:59-01:00",
					"2026-03-29T01:00Z", "\"2026-01-01T00:00Z\"" };

static void mode(struct writer *w)
{
	word(w, "mode");
	if (pick(w, 3) == 0) {
		word(w, "enforce");
		return;
	}
	word(w, "audit");
	if (pick(w, 2)) {
		word(w, "until");
		word(w, moments[pick(w, 6)]);
	}
}

static void conditions(struct writer *w, const char *keyword)
{
	static const char *const kinds[] = { "during", "purpose", "role", "program", "user", "group" };
	static const char *const ages[] = { "90s", "60m", "24h", "7d", "2w", "3600s" };
	unsigned n = 1 + pick(w, 3);

	word(w, keyword);
	for (unsigned i = 0; i < n; i++) {
		unsigned kind = pick(w, 8);

		if (i)
			word(w, ",");
		if (kind == 6) {
			word(w, "mfa");
			word(w, "within");
			word(w, ages[pick(w, 6)]);
			continue;
		}
		word(w, kind == 7 ? "unit" : kinds[kind]);
		list(w, kind == 7 ? units : names, true);
	}
}

static void rule(struct writer *w)
{
	bool deny = pick(w, 2);
	unsigned first = pick(w, 7);

	word(w, "rule");
	new_name(w, "rule-");
	word(w, "{");
	for (unsigned i = 0; i < 7; i++) {
		unsigned field = (first + i) % 7;

		if (field == 0) {
			word(w, deny ? "deny" : "allow");
			if (pick(w, 2))
				word(w, "any");
			else
				list(w, names, false);
		} else if (field == 1) {
			word(w, "to");
			list(w, actions, false);
		} else if (field == 2) {
			bool every = pick(w, 3) == 0;

			word(w, "on");
			if (every || pick(w, 2))
				word(w, every ? "any" : "class");
			if (!every)
				list(w, names, false);
		} else if (field == 3 && pick(w, 2)) {
			conditions(w, "when");
		} else if (field == 4 && pick(w, 2)) {
			conditions(w, "unless");
		} else if (field == 5 && deny && pick(w, 2)) {
			word(w, "absolute");
		} else if (field == 6 && deny && pick(w, 2)) {
			mode(w);
		}
	}
	word(w, "}");
}

static void role(struct writer *w)
{
	unsigned which = pick(w, 8);

	word(w, "role");
	new_name(w, "role-");
	word(w, "{");
	if (which & 4) {
		word(w, "inherits");
		list(w, names, false);
	}
	if (!(which & 3))
		word(w, "abstract");
	if (which & 1) {
		word(w, "unit");
		list(w, units, false);
	}
	if (which & 2) {
		word(w, "members");
		list(w, people, false);
	}
	word(w, "}");
}

static void place(struct writer *w)
{
	word(w, "store");
	new_name(w, "store-");
	word(w, "{");
	if (pick(w, 2))
		mode(w);
	if (pick(w, 2)) {
		word(w, "class");
		word(w, names[pick(w, 6)]);
	}
	word(w, "path");
	buf_printf(&w->out, pick(w, 2) ? "/srv/p%u" : "\"/srv/ #%u\"", w->names++);
	gap(w);
	word(w, "}");
}

static void hours(struct writer *w)
{
	static const char *const days[6] = { "sun", "mon-fri", "sat-mon", "wed", "tue-tue", "mon-sun" };
	unsigned which = pick(w, 3);

	word(w, "time");
	new_name(w, "time-");
	word(w, "{");
	if (pick(w, 2)) {
		word(w, "zone");
		word(w, pick(w, 2) ? "UTC" : "Europe/Berlin");
	}
	if (which != 1) {
		word(w, "hours");
		word(w, pick(w, 2) ? "22:00-06:30" : pick(w, 2) ? "08:00-00:00" : "00:00-24:00");
	}
	if (which != 0) {
		word(w, "days");
		word(w, days[pick(w, 6)]);
		if (pick(w, 2)) {
			word(w, ",");
			word(w, days[pick(w, 6)]);
		}
	}
	word(w, "}");
}

static void test(struct writer *w)
{
	word(w, "test");
	buf_printf(&w->out, "\"t \\\"%u\\\\\"", w->names++);
	gap(w);
	word(w, "{");
	for (unsigned cases = 1 + pick(w, 2); cases; cases--) {
		word(w, "as");
		if (pick(w, 2)) {
			word(w, "groups");
			list(w, names, false);
		}
		word(w, "user");
		word(w, pick(w, 2) ? "bob" : "\"b o b\"");
		if (pick(w, 2)) {
			word(w, "at");
			word(w, pick(w, 2) ? "2026-12-02T10:00" : moments[pick(w, 6)]);
		}
		for (unsigned expects = 1 + pick(w, 2); expects; expects--) {
			word(w, "expect");
			word(w, pick(w, 2) ? "allow" : "deny");
			word(w, actions[pick(w, 6)]);
			word(w, "on");
			word(w, names[pick(w, 6)]);
			if (pick(w, 2)) {
				word(w, "by");
				word(w, pick(w, 2) ? "default" : names[pick(w, 6)]);
			}
		}
	}
	word(w, "}");
}

static void other(struct writer *w)
{
	unsigned which = pick(w, 3);

	word(w, which == 0 ? "purpose" : which == 1 ? "program" : "separate");
	if (which == 2) {
		word(w, "static");
		word(w, "{");
		word(w, names[pick(w, 3)]);
		word(w, ",");
		word(w, names[3 + pick(w, 3)]);
		word(w, "}");
		word(w, "at-most");
		word(w, "1");
		return;
	}
	new_name(w, "other-");
	word(w, "{");
	if (which == 0)
		word(w, pick(w, 2) ? "\"why # not\"" : "\"\xc3\xa9 \\\"quoted\\\" and rather long, so that it does not always fit on one line of a page\"");
	if (which == 1) {
		word(w, "exe");
		word(w, "/opt/x");
	}
	word(w, "}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void (*const statements[])(struct writer *) = { rule, role, place, hours, test, other };
	struct writer w = { .p = data, .end = data + size };
	struct input in = { 0 };
	const struct policy_reader reader = { .ctx = &in, .read = read_input };
	struct diags d = { 0 };
	struct ast *a;

	gap(&w);
	word(&w, "polyward");
	word(&w, "1");
	while (w.p < w.end && w.names < 64)
		statements[pick(&w, 6)](&w);
	in.text = w.out.data;
	in.len = w.out.len_bytes;
	a = parse_again(&reader, in.text, &d);
	must_be_canonical(&in, a, &d);
	ast_free(a);
	diags_free(&d);
	buf_free(&w.out);
	return 0;
}
