/* SPDX-License-Identifier: Apache-2.0 */
/* The document of an explanation for people. Every string goes into HTML through one function; the page loads nothing. */
#include <stdio.h>
#include <string.h>

#include "cli/explain_event.h"

static const char *str(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static bool has(const json_t *o, const char *key)
{
	return !json_is_null(json_object_get(o, key)) && json_object_get(o, key);
}

static long long num(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void words(const json_t *list, struct buf *b)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		buf_printf(b, "%s%s", i ? ", " : "", json_string_value(json_array_get(list, i)));
}

static const char *title_word(const json_t *doc)
{
	return strcmp(str(doc, "verdict"), "deny") == 0 ? "REFUSED" : strcmp(str(doc, "verdict"), "audit") == 0 ? "PASSED IN MODE AUDIT" : "ALLOWED";
}

/* "read on /srv/ai/scans/a.dcm (store scans)" */
static void what(const json_t *doc, struct buf *b)
{
	words(json_object_get(doc, "action"), b);
	if (has(doc, "path"))
		buf_printf(b, " on %s", str(doc, "path"));
	else if (strcmp(str(doc, "path_state"), "none") != 0)
		buf_printf(b, " on a file whose path is %s", str(doc, "path_state"));
	if (has(doc, "store"))
		buf_printf(b, " (store %s)", str(doc, "store"));
}

static void who(const json_t *doc, struct buf *b)
{
	const json_t *w = json_object_get(doc, "who");

	buf_printf(b, "%s (uid %lld)", str(w, "name"), num(w, "uid"));
	if (has(w, "login_uid") && num(w, "login_uid") != num(w, "uid"))
		buf_printf(b, ", logged in as uid %lld", num(w, "login_uid"));
	buf_printf(b, ", process %lld", num(w, "pid"));
	if (has(w, "comm"))
		buf_printf(b, " '%s'", str(w, "comm"));
	buf_printf(b, " of %lld, roles: %s", num(w, "ppid"), has(doc, "roles") ? str(doc, "roles") : "none");
}

static void policy(const json_t *doc, struct buf *b)
{
	const json_t *p = json_object_get(doc, "policy");

	if (has(p, "name"))
		buf_printf(b, "%s %s, ", str(p, "name"), str(p, "version"));
	buf_printf(b, "generation %lld, hash %.16s", num(p, "generation"), has(p, "hash") ? str(p, "hash") : "not recorded");
}

static void replay(const json_t *doc, struct buf *b)
{
	const json_t *r = json_object_get(doc, "replay");

	if (!json_is_true(json_object_get(r, "done")))
		buf_printf(b, "not done: %s", str(r, "why"));
	else if (json_is_true(json_object_get(r, "agrees")))
		buf_add_str(b, "agrees: the same tables and inputs give the same answer");
	else
		buf_printf(b, "DISAGREES: these tables say %s, reason %s, rule %s", str(r, "verdict"), str(r, "reason"),
			   has(r, "rule") ? str(r, "rule") : "none");
}

static void proof(const json_t *doc, struct buf *b)
{
	const json_t *p = json_object_get(doc, "proof");

	buf_printf(b, "%s: %s", str(p, "state"), str(p, "text"));
	if (has(p, "signer"))
		buf_printf(b, "; %lld records, signed by %s", num(p, "tree_size"), str(p, "signer"));
}

static void cause(const json_t *doc, struct buf *b)
{
	static const struct { const char *word, *meaning; } rows[] = {
		{ "forbidden", "a deny rule names it" }, { "not-permitted", "no deny rule decided; nothing allows it" },
		{ "audit-only", "mode audit records what would be refused" }, { "no-log-slot", "no record, no access" },
		{ "internal", "a failure inside a store is a refusal" }, { "border", "the border of a store is not crossed" },
		{ "guard", "polyward guards itself and the stores' devices" }, { "not-ours", "outside every store" },
	};
	const char *word = str(doc, "cause");

	buf_add_str(b, *word ? word : "not known without the policy");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].word, word) == 0)
			buf_printf(b, " (%s)", rows[i].meaning);
}

static void decided(const json_t *doc, struct buf *b)
{
	buf_add_str(b, strcmp(str(doc, "decided_by"), "polyward") == 0 ? "by polyward, not by file modes, ACLs or another LSM" :
			 "not by polyward");
}

static const struct { const char *label; void (*add)(const json_t *doc, struct buf *b); } facts[] = {
	{ "decided", decided }, { "cause", cause }, { "who", who }, { "policy", policy }, { "replay", replay }, { "proof", proof },
};

static const char *changes_title(const json_t *doc)
{
	return strcmp(str(doc, "verdict"), "allow") == 0 ? "It would not have been allowed:" : "It would have been allowed:";
}

/* ---- text ---- */

#define RULES_SHOWN 8u

static void text_rules(const json_t *list)
{
	if (json_array_size(list))
		puts("rules on this store and action:");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i), *conds = json_object_get(r, "conditions");

		if (i == RULES_SHOWN) {
			printf("  and %zu more; --json shows all\n", json_array_size(list) - i);
			return;
		}
		printf("  %s %s%s (%s)\n", str(r, "effect"), str(r, "rule"), json_is_true(json_object_get(r, "decided")) ? ", decides" : "",
		       str(r, "at"));
		for (size_t k = 0; k < json_array_size(conds); k++) {
			const json_t *c = json_array_get(conds, k);

			printf("    %s  %s\n", json_is_true(json_object_get(c, "holds")) ? "holds" : "fails", str(c, "text"));
		}
		if (!json_array_size(conds))
			puts("    holds  for anybody, at any time");
	}
}

static void text_changes(const json_t *doc)
{
	const json_t *changes = json_object_get(doc, "changes"), *futile = json_object_get(doc, "futile");

	if (!json_is_true(json_object_get(json_object_get(doc, "replay"), "agrees")))
		return;
	if (strcmp(str(doc, "cause"), "no-log-slot") == 0) {
		puts("room for its record would have been enough: the log writer was stopped, too slow, or had no disk; polyward status shows it now");
		return;
	}
	if (json_array_size(changes))
		puts(changes_title(doc));
	else
		puts("no second factor, purpose, time, program, unit or further group that this policy speaks about would have turned that");
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *c = json_array_get(changes, i);

		printf("  %zu. %s  (cost %lld, then %s)\n", i + 1, str(c, "change"), num(c, "cost"), has(c, "rule") ? str(c, "rule") : "no rule allows it");
	}
	if (json_array_size(futile))
		puts("This would not have helped:");
	for (size_t i = 0; i < json_array_size(futile); i++)
		printf("  %s: deny rule %s applies\n", str(json_array_get(futile, i), "change"), str(json_array_get(futile, i), "rule"));
}

void explain_text(const json_t *doc)
{
	_buf_ struct buf head = BUF_INIT;

	what(doc, &head);
	printf("%s %s\nevent %lld at %s\n%s\n", title_word(doc), cli_text(&head), num(doc, "event"), str(doc, "time"), str(doc, "sentence"));
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		_buf_ struct buf b = BUF_INIT;

		facts[i].add(doc, &b);
		printf("  %-8s %s\n", facts[i].label, cli_text(&b));
	}
	text_rules(json_object_get(doc, "rules"));
	text_changes(doc);
}

/* ---- HTML ---- */

static const char style[] =
	":root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#5b6570;--line:#d5dae0;--bad:#b3261e;--good:#1a7f37;--warn:#8a5a00}"
	"@media (prefers-color-scheme:dark){:root{--fg:#e6e9ec;--bg:#14171a;--soft:#9aa4ae;--line:#353b42;--bad:#ff8b82;--good:#6fd08c;--warn:#e8b84a}}"
	"body{font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:52rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}"
	".deny{color:var(--bad)}.allow{color:var(--good)}.audit{color:var(--warn)}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:1rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}"
	"section{border-top:1px solid var(--line)}.rule{margin:.6rem 0;break-inside:avoid}.rule ul{list-style:none;margin:.2rem 0;padding-left:1rem}"
	".at,.cost{color:var(--soft);font-size:.9em}li{overflow-wrap:anywhere}.y::before{content:\"\\2713\\00a0\";color:var(--good)}"
	".n::before{content:\"\\2717\\00a0\";color:var(--bad)}"
	"@media print{:root{--fg:#000;--bg:#fff;--soft:#444;--line:#999;--bad:#000;--good:#000;--warn:#000}body{margin:0;max-width:none;font-size:11pt}}";

static void html_rules(const json_t *list, struct buf *b)
{
	if (json_array_size(list))
		buf_add_str(b, "<section><h2>Rules on this store and action</h2>\n");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i), *conds = json_object_get(r, "conditions");

		buf_add_str(b, "<div class=\"rule\"><strong>");
		buf_add_html(b, str(r, "effect"));
		buf_add_char(b, ' ');
		buf_add_html(b, str(r, "rule"));
		buf_add_str(b, json_is_true(json_object_get(r, "decided")) ? "</strong> \xe2\x80\x94 decides" : "</strong>");
		buf_add_str(b, " <span class=\"at\">");
		buf_add_html(b, str(r, "at"));
		buf_add_str(b, "</span><ul>\n");
		for (size_t k = 0; k < json_array_size(conds); k++) {
			const json_t *c = json_array_get(conds, k);

			buf_add_str(b, json_is_true(json_object_get(c, "holds")) ? "<li class=\"y\">holds: " : "<li class=\"n\">fails: ");
			buf_add_html(b, str(c, "text"));
			buf_add_str(b, "</li>\n");
		}
		buf_add_str(b, json_array_size(conds) ? "</ul></div>\n" : "<li class=\"y\">for anybody, at any time</li></ul></div>\n");
	}
	if (json_array_size(list))
		buf_add_str(b, "</section>\n");
}

static void html_changes(const json_t *doc, struct buf *b)
{
	const json_t *changes = json_object_get(doc, "changes"), *futile = json_object_get(doc, "futile");

	buf_printf(b, "<section><h2>%s</h2><ol>\n", json_array_size(changes) ? changes_title(doc) : "No change would have turned it");
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *c = json_array_get(changes, i);

		buf_add_str(b, "<li>");
		buf_add_html(b, str(c, "change"));
		buf_printf(b, " <span class=\"cost\">cost %lld, then ", num(c, "cost"));
		buf_add_html(b, has(c, "rule") ? str(c, "rule") : "no rule allows it");
		buf_add_str(b, "</span></li>\n");
	}
	buf_add_str(b, json_array_size(futile) ? "</ol><h2>This would not have helped</h2><ul>\n" : "</ol>\n");
	for (size_t i = 0; i < json_array_size(futile); i++) {
		buf_add_str(b, "<li>");
		buf_add_html(b, str(json_array_get(futile, i), "change"));
		buf_add_str(b, ": deny rule ");
		buf_add_html(b, str(json_array_get(futile, i), "rule"));
		buf_add_str(b, " applies</li>\n");
	}
	buf_add_str(b, json_array_size(futile) ? "</ul></section>\n" : "</section>\n");
}

void explain_html(const json_t *doc, struct buf *b)
{
	_buf_ struct buf head = BUF_INIT;

	what(doc, &head);
	buf_printf(b, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
		   "<title>polyward: event %lld</title>\n<style>%s</style></head><body>\n<h1><span class=\"", num(doc, "event"), style);
	buf_add_html(b, str(doc, "verdict"));
	buf_printf(b, "\">%s</span> ", title_word(doc));
	buf_add_html(b, cli_text(&head));
	buf_printf(b, "</h1>\n<p>Event %lld at <time>", num(doc, "event"));
	buf_add_html(b, str(doc, "time"));
	buf_add_str(b, "</time></p>\n<p>");
	buf_add_html(b, str(doc, "sentence"));
	buf_add_str(b, "</p>\n<dl>\n");
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		_buf_ struct buf one = BUF_INIT;

		facts[i].add(doc, &one);
		buf_printf(b, "<dt>%s</dt><dd>", facts[i].label);
		buf_add_html(b, cli_text(&one));
		buf_add_str(b, "</dd>\n");
	}
	buf_add_str(b, "</dl>\n");
	html_rules(json_object_get(doc, "rules"), b);
	if (json_is_true(json_object_get(json_object_get(doc, "replay"), "agrees")) && strcmp(str(doc, "cause"), "no-log-slot") != 0)
		html_changes(doc, b);
	buf_add_str(b, "</body></html>\n");
}
