/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward learn store NAME for TIME: rules for one store out of what the log shows there. The proposal is compiled together with the
 * policy, and every access behind it is decided again: a rule is printed only if it allows what it was made from, and no deny rule stands
 * against it. It always ends by itself.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/ask.h"
#include "cli/logopen.h"
#include "cli/policy.h"
#include "cli/today.h"
#include "cli/when.h"
#include "policy/learn.h"
#include "policy/stamp.h"

#define EXPIRES_S (INT64_C(90) * 86400)

/* A policy as text, resolved and compiled on this host. */
struct words { struct diags d; struct ast *a; struct buf bytes; struct image img; };

struct run {
	const struct cli *c;
	struct cli_log log;
	struct archive *archive;
	struct names names;
	struct event_users *users;
	struct today *today;
	struct words words;              /* the policy that declares the vocabulary */
	const struct archived *from; struct replay *replay; /* of the record before */
	uint32_t store_idx;
	int64_t since_ns, until_ns, expires_s;
	bool allowed;                    /* learn from what was allowed: there was nothing in mode audit */
	struct learn seen;
	uint64_t accesses, forbidden, refused, unsettled, lost;
};

/* ---- policies as text ---- */

struct text_of { const char *text; size_t len_bytes; };

static int read_text(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	const struct text_of *t = ctx;

	(void)path;
	*ret_text = strndup(t->text, t->len_bytes);
	*ret_len_bytes = t->len_bytes;
	return *ret_text ? 0 : -ENOMEM;
}

static void words_free(struct words *w)
{
	ast_free(w->a);
	diags_free(&w->d);
	buf_free(&w->bytes);
	*w = (struct words){ 0 };
}

static int words_of(const struct names *names, struct text_of text, int64_t at_s, struct words *ret, struct err *e)
{
	struct policy_reader reader = { .ctx = &text, .read = read_text, .max_bytes = PW_IMAGE_MAX };
	struct words w = { 0 };
	int r = policy_parse(&reader, "policy", &w.d, &w.a);

	if (r == 0)
		r = policy_resolve(w.a, names, &w.d);
	if (r == 0)
		r = policy_compile(w.a, names, at_s, &w.d, &w.bytes);
	if (r < 0) {
		(void)err_say(e, r, "the policy cannot be used on this host: %s; name one with --policy FILE, or its users with --root DIR",
			      w.d.count ? w.d.v[0].text : "it does not compile");
		words_free(&w);
		return r;
	}
	r = image_check(w.bytes.data, w.bytes.len_bytes, &w.img, e);
	if (r < 0)
		words_free(&w);
	else
		*ret = w;
	return r;
}

/* The policy of the newest access in the log. */
static int newest_policy(struct run *r, const struct archived **ret, struct err *e)
{
	uint64_t end = log_reader_end(r->log.reader), first = log_reader_first(r->log.reader);
	struct record_view v;
	struct event ev;
	int code;

	for (uint64_t seq = end; seq > first && end - seq < 100000; seq--) {
		code = log_reader_seek(r->log.reader, seq - 1, e);
		if (code == 0)
			code = log_reader_next(r->log.reader, &v, e);
		if (code < 0)
			return code;
		if (code == 1 && event_read(&v, &ev) == 0 && ev.hash_len_bytes)
			return archive_find(r->archive, ev.hash, ev.hash_len_bytes, v.head.time_utc_ns, ret, e);
	}
	return err_say(e, -ENOENT, "the log has no access that names a policy; say with --policy FILE whose words are to be used");
}

static int vocabulary(struct run *r, struct err *e)
{
	const char *file = cli_opt(r->c, "policy");
	const struct archived *newest = NULL;
	int64_t at_s = r->since_ns / 1000000000;
	_buf_ struct buf text = BUF_INIT;
	struct cli_policy p = { 0 };
	int code;

	if (!file) {
		code = newest_policy(r, &newest, e);
		return code < 0 ? code : words_of(&r->names, (struct text_of){ newest->img.source, newest->img.count[PW_SEC_SOURCE] }, at_s,
						  &r->words, e);
	}
	if (cli_policy_load(r->c, file, false, &p) != CLI_YES)
		return err_say(e, -EINVAL, "policy %s cannot be used", file);
	code = policy_source(p.ast, &text);
	cli_policy_free(&p);
	return code < 0 ? err_set(e, code, "read the policy") : words_of(&r->names, (struct text_of){ text.data, text.len_bytes }, at_s, &r->words, e);
}

/* ---- what was seen ---- */

static int replay_for(struct run *r, const struct archived *from, struct err *e)
{
	struct replay_host host = today_host(r->today);

	if (r->from == from)
		return 0;
	replay_close(r->replay);
	r->replay = NULL;
	r->from = from;
	return replay_open(from, r->words.a, &r->words.img, &host, &r->replay) < 0 ? err_set(e, -ENOMEM, "replay the log") : 0;
}

static uint64_t programs_of(struct run *r, const struct recorded *rec)
{
	struct replay_host host = today_host(r->today);
	uint64_t programs = 0;

	for (uint32_t i = 0; i < r->words.img.count[PW_SEC_PROGRAMS] && i < 64; i++)
		if (host.program(host.ctx, rec, i) == REPLAY_YES)
			programs |= UINT64_C(1) << i;
	return programs;
}

static int take(struct run *r, const struct event *ev, struct err *e)
{
	struct learn_seen one = { .uid = ev->rec.uid, .need = ev->rec.need, .mfa_age_s = ev->rec.facts.mfa_age_s, .accesses = ev->count,
				  .events = { ev->seq }, .events_count = 1, .first_utc_s = ev->rec.utc_s, .last_utc_s = ev->rec.utc_s };
	const char *name = event_user_name(r->users, ev->rec.uid);
	uint64_t roles;
	int code;

	replay_inputs(r->replay, &ev->rec, &roles, &one.windows, &one.purpose);
	one.roles = explain_largest(r->words.a, roles & (r->words.a->roles.count < 64 ? (UINT64_C(1) << r->words.a->roles.count) - 1 : UINT64_MAX));
	one.programs = programs_of(r, &ev->rec);
	one.user = name ? strdup(name) : NULL;
	if (name && !one.user)
		return err_set(e, -ENOMEM, "learn from the log");
	code = learn_add(&r->seen, &one);
	free(one.user);
	return code < 0 ? err_set(e, code, "learn from the log") : 0;
}

/* Is this one of those that rules are learned from? */
static int one(void *ctx, const struct record_view *v, struct err *e)
{
	struct run *r = ctx;
	struct replay_answer a;
	const struct archived *from;
	struct event ev;
	int code;

	if (event_read(v, &ev) < 0 || ev.rec.label == PW_LABEL_OUTSIDE)
		return 0;
	code = archive_find(r->archive, ev.hash, ev.hash_len_bytes, v->head.time_utc_ns, &from, e);
	if (code < 0)
		return archive_absent(code) ? 0 : code;
	if (event_bind(&ev, &from->img) < 0)
		return 0;
	today_boot(r->today, v->head.boot_id);
	if (replay_for(r, from, e) < 0 || replay_one(r->replay, &ev.rec, (const char *)ev.path, ev.path_len_bytes, &a) < 0 ||
	    today_failed(r->today))
		return err_set(e, -ENOMEM, "replay the log");
	if (a.why != REPLAY_DECIDED) {
		r->unsettled += a.label == 1 + r->store_idx ? ev.count : 0;
		return 0;
	}
	if (a.label != 1 + r->store_idx)
		return 0;
	if (ev.rec.verdict == PW_DENY) {
		r->refused += ev.count;
		return 0;
	}
	/* What the policy's rules refuse by name is never proposed; what they allow needs no rule. */
	if (a.decision.verdict != PW_ALLOW && a.decision.reason != PW_R_DEFAULT) {
		r->forbidden += ev.count;
		return 0;
	}
	if ((a.decision.verdict == PW_ALLOW) != r->allowed)
		return 0;
	r->accesses += ev.count;
	return take(r, &ev, e);
}

static int gather(struct run *r, struct err *e)
{
	struct event_pass pass = { .what = "learning", .since_ns = r->since_ns, .until_ns = r->until_ns, .see = one, .ctx = r };
	int code;

	r->accesses = r->forbidden = r->refused = r->unsettled = 0;
	code = event_each(r->log.reader, &pass, e);
	r->lost = pass.lost;
	return code;
}

/* ---- the proposal, put to the test ---- */

/* Every kind of access behind the rules, decided by the policy with them. */
static int confirm(struct run *r, const struct learn_rules *rules, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	struct words both = { 0 };
	struct replay_host host;
	struct record_view v;
	int code;

	buf_add(&text, r->words.img.source, r->words.img.count[PW_SEC_SOURCE]);
	for (size_t i = 0; i < rules->count; i++)
		buf_printf(&text, "%s\n", rules->v[i].text);
	if (text.failed)
		return err_set(e, -ENOMEM, "put the proposal to the test");
	code = words_of(&r->names, (struct text_of){ text.data, text.len_bytes }, r->since_ns / 1000000000, &both, e);
	if (code < 0)
		return err_wrap(e, "the proposal does not go together with the policy");
	host = today_host(r->today);
	for (size_t i = 0; i < rules->count && code == 0; i++)
		for (size_t k = 0; k < rules->v[i].events_count && code == 0; k++) {
			struct replay_answer a = { .why = REPLAY_TOO_OPEN };
			const struct archived *from;
			struct replay *replay;
			struct event ev;

			code = log_reader_seek(r->log.reader, rules->v[i].events[k], e);
			if (code == 0)
				code = log_reader_next(r->log.reader, &v, e);
			if (code == 1 && event_read(&v, &ev) == 0)
				code = archive_find(r->archive, ev.hash, ev.hash_len_bytes, v.head.time_utc_ns, &from, e);
			if (code == 0 && event_bind(&ev, &from->img) == 0)
				code = replay_open(from, both.a, &both.img, &host, &replay) < 0 ? err_set(e, -ENOMEM, "replay the log") : 1;
			if (code == 1) {
				today_boot(r->today, v.head.boot_id);
				(void)replay_one(replay, &ev.rec, (const char *)ev.path, ev.path_len_bytes, &a);
				replay_close(replay);
				code = today_failed(r->today) ? err_set(e, -ENOMEM, "replay the log") : 0;
			}
			if (code == 0 && (a.why != REPLAY_DECIDED || a.decision.verdict != PW_ALLOW))
				code = err_say(e, -EPROTO, "%s would not allow event %llu, from which it was learned; this is a fault of polyward",
					       rules->v[i].name, (unsigned long long)rules->v[i].events[k]);
		}
	words_free(&both);
	return code;
}

/* ---- out ---- */

static void seen_words(const struct learn_rule *rule, struct buf *b)
{
	buf_printf(b, "%llu access%s by ", (unsigned long long)rule->accesses, rule->accesses == 1 ? "" : "es");
	for (size_t k = 0; k < rule->people_count && k < 6; k++)
		buf_printf(b, "%s%s", k ? ", " : "", rule->people[k]);
	if (rule->people_count > 6)
		buf_printf(b, " and %zu more", rule->people_count - 6);
	buf_add_str(b, " from ");
	stamp_add(b, rule->first_utc_s);
	buf_add_str(b, "Z to ");
	stamp_add(b, rule->last_utc_s);
	buf_add_str(b, "Z, events ");
	for (size_t k = 0; k < rule->events_count; k++)
		buf_printf(b, "%s%llu", k ? ", " : "", (unsigned long long)rule->events[k]);
	buf_add_str(b, rule->accesses > rule->events_count ? ", ..." : "");
}

static void comment(struct buf *b, const char *label, const char *text)
{
	buf_printf(b, "# %s", label);
	buf_add_escaped(b, text, strlen(text));
	buf_add_char(b, '\n');
}

static void notes(const struct run *r, const struct learn_rules *rules, struct buf *b)
{
	const struct { uint64_t n; const char *words; } rows[] = {
		{ r->forbidden, "that a deny rule forbids: no rule is proposed for them" },
		{ r->refused, "that were refused: what was refused is not learned from" },
		{ rules->nameless, "by users whom this host does not know: no rule can name them" },
		{ r->unsettled, "that could not be decided again: they are not among those counted here" },
		{ r->lost, "lost in that time: what they were is not known" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].n)
			buf_printf(b, "# not here: %llu accesses %s\n", (unsigned long long)rows[i].n, rows[i].words);
}

/* What `polyward check` accepts when the policy includes it; in canonical form. */
static int fragment(const struct run *r, const struct learn_rules *rules, struct buf *ret)
{
	_buf_ struct buf raw = BUF_INIT;
	struct text_of text;
	struct policy_reader reader = { .ctx = &text, .read = read_text, .max_bytes = PW_IMAGE_MAX };
	struct diags d = { 0 };
	struct ast *a = NULL;
	int code;

	buf_printf(&raw, "polyward 1\n\n# Proposed from %llu accesses on store %s that %s.\n# Read each rule, and what it allows beyond what was "
		   "seen, before you include this file.\n# Every rule is about the whole store, whatever files were seen, and ends by itself.\n",
		   (unsigned long long)r->accesses, r->words.a->stores.v[r->store_idx].name.text,
		   r->allowed ? "the policy allowed" : "no rule of the policy allows");
	notes(r, rules, &raw);
	for (size_t i = 0; i < rules->count; i++) {
		_buf_ struct buf seen = BUF_INIT;

		seen_words(&rules->v[i], &seen);
		buf_add_char(&raw, '\n');
		comment(&raw, "seen: ", cli_text(&seen));
		for (size_t k = 0; k < rules->v[i].wider_count; k++)
			comment(&raw, "wider than that: ", rules->v[i].wider[k]);
		buf_printf(&raw, "%s\n", rules->v[i].text);
	}
	text = (struct text_of){ cli_text(&raw), raw.len_bytes };
	code = policy_parse(&reader, "learned.pw", &d, &a);
	if (code == 0)
		code = policy_format(&d.sources, a, ret);
	ast_free(a);
	diags_free(&d);
	return code;
}

static json_t *rules_json(const struct learn_rules *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rules->count; i++) {
		const struct learn_rule *rule = &rules->v[i];
		json_t *people = json_array(), *wider = json_array(), *events = json_array();

		for (size_t k = 0; k < rule->people_count; k++)
			json_array_append_new(people, json_string(rule->people[k]));
		for (size_t k = 0; k < rule->wider_count; k++)
			json_array_append_new(wider, json_string(rule->wider[k]));
		for (size_t k = 0; k < rule->events_count; k++)
			json_array_append_new(events, json_integer((json_int_t)rule->events[k]));
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:o}", "rule", rule->name, "who", rule->who, "text",
						      rule->text, "actions", ask_actions_json(rule->actions), "accesses",
						      (json_int_t)rule->accesses, "people", people, "wider", wider, "events", events));
	}
	return list;
}

static int show(const struct run *r, const struct learn_rules *rules)
{
	_buf_ struct buf text = BUF_INIT;
	struct err e;

	if (rules->count && fragment(r, rules, &text) < 0) {
		(void)err_say(&e, -EPROTO, "the proposal is no policy text; this is a fault of polyward");
		return cli_fail(r->c, &e);
	}
	if (r->c->json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:s}", "store",
					 r->words.a->stores.v[r->store_idx].name.text, "from", r->allowed ? "allowed" : "mode-audit", "accesses",
					 (json_int_t)r->accesses, "forbidden", (json_int_t)r->forbidden, "refused", (json_int_t)r->refused,
					 "nameless", (json_int_t)rules->nameless, "unsettled", (json_int_t)r->unsettled, "lost_events",
					 (json_int_t)r->lost, "rules", rules_json(rules), "fragment", cli_text(&text)));
	else if (rules->count)
		printf("%s", cli_text(&text));
	else
		fprintf(stderr, "polyward learn: the log has no access on store %s in that time from which a rule could be learned (%llu refused, "
			"%llu forbidden by a deny rule)\n", r->words.a->stores.v[r->store_idx].name.text, (unsigned long long)r->refused,
			(unsigned long long)r->forbidden);
	return rules->count ? CLI_YES : CLI_NO;
}

/* ---- in ---- */

static int learn(struct run *r, struct err *e)
{
	struct learn_rules rules = { 0 };
	int code = gather(r, e);

	/* Where no rule was missing, the rules that there are may be wider than needed. */
	if (code == 0 && !r->seen.count) {
		r->allowed = true;
		code = gather(r, e);
	}
	if (code == 0)
		code = learn_propose(&r->seen, r->words.a, &r->words.img, r->store_idx, r->expires_s, &rules);
	if (code == 0 && rules.count)
		code = confirm(r, &rules, e);
	if (code == 0)
		code = show(r, &rules);
	else if (!e->code)
		(void)err_set(e, code, "learn from the log");
	learn_rules_free(&rules);
	return code;
}

static int prepare(struct run *r, struct err *e)
{
	const char *root = cli_opt(r->c, "root");
	bool unknown;
	int code = root ? names_root(root, &r->names, e) : names_host(&r->names, e);

	if (code == 0)
		code = cli_log_open(r->c, &r->log, e);
	if (code == 0)
		code = archive_open(r->log.dir_fd, &r->archive, e);
	if (code == 0)
		code = vocabulary(r, e);
	if (code == 0)
		code = event_users_open(root ? &r->names : NULL, &r->users, e);
	if (code == 0)
		code = today_open(r->users, &r->words.img, &r->today, e);
	if (code < 0)
		return code;
	r->store_idx = ask_store(r->words.a, r->c->args[1], &unknown);
	return unknown || r->store_idx == AST_NONE ? err_say(e, -EINVAL, "the policy has no store '%s'", r->c->args[1]) : 0;
}

static int times(const struct cli *c, struct run *r, struct err *e)
{
	const char *since = cli_opt(c, "since"), *until = cli_opt(c, "until"), *expires = cli_opt(c, "expires");
	int64_t now_s = (int64_t)time(NULL), expires_ns;
	uint64_t age_s;
	int code = 0;

	if (num_parse_duration(c->args[3], strlen(c->args[3]), (uint64_t)now_s, &age_s) < 0)
		return err_say(e, -EINVAL, "'%s' is no span of time; write one as in 7d", c->args[3]);
	r->since_ns = (now_s - (int64_t)age_s) * 1000000000;
	r->expires_s = now_s + EXPIRES_S - (now_s + EXPIRES_S) % 86400;
	if (since)
		code = when_parse(since, now_s, &r->since_ns, e);
	if (code == 0 && until)
		code = when_parse(until, now_s, &r->until_ns, e);
	if (code == 0 && expires) {
		code = when_parse(expires, now_s, &expires_ns, e);
		r->expires_s = code == 0 ? expires_ns / 1000000000 : 0;
		if (code == 0 && r->expires_s <= now_s)
			code = err_say(e, -EINVAL, "--expires %s is in the past", expires);
	}
	return code;
}

static void run_free(struct run *r)
{
	learn_free(&r->seen);
	replay_close(r->replay);
	today_close(r->today);
	event_users_close(r->users);
	archive_close(r->archive);
	words_free(&r->words);
	names_free(&r->names);
	cli_log_close(&r->log);
}

int cmd_learn(struct cli *c)
{
	struct run r = { .c = c, .until_ns = INT64_MAX, .log = { .dir_fd = -1, .keys_fd = -1 } };
	struct err e = { 0 };
	int code;

	if (strcmp(c->args[0], "store") != 0 || strcmp(c->args[2], "for") != 0)
		return cli_usage(c, "write it as in: polyward learn store scans for 7d");
	if (times(c, &r, &e) < 0)
		return cli_usage(c, "%s", e.text);
	code = prepare(&r, &e);
	if (code == 0)
		code = learn(&r, &e);
	run_free(&r);
	return code < 0 ? cli_fail(c, &e) : code;
}
