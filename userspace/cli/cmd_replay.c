/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward replay CANDIDATE: every recorded access decided again under another policy; which of them flip, by person and store. What
 * cannot be decided is counted with its reason and never among those that stay.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/logopen.h"
#include "cli/show.h"
#include "cli/today.h"
#include "cli/when.h"

#define EXAMPLES 3u

struct flip {
	uint32_t uid, actions, rule;
	uint8_t from, to;
	bool outside;
	char *store;
	uint64_t accesses, records, examples[EXAMPLES]; size_t examples_count;
};

/* One policy of the log, and the candidate as seen from it. */
struct seen { const struct archived *from; struct replay *replay; };

struct run {
	const struct cli *c;
	struct cli_policy p;
	struct image img;
	struct cli_log log;
	struct archive *archive;
	struct names root; bool has_root;
	struct event_users *users;
	struct today *today;
	struct seen *seen; size_t seen_count;
	int64_t since_ns, until_ns, first_ns, last_ns;
	uint64_t records, accesses, stay, flipped, of_today, lost, open[REPLAY_WHYS];
	struct flip *flips; size_t flips_count;
};

static int replay_for(struct run *r, const struct archived *from, struct replay **ret)
{
	struct replay_host host = today_host(r->today);
	struct seen *v;

	for (size_t i = 0; i < r->seen_count; i++)
		if (r->seen[i].from == from) {
			*ret = r->seen[i].replay;
			return 0;
		}
	v = reallocarray(r->seen, r->seen_count + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->seen = v;
	if (replay_open(from, r->p.ast, &r->img, &host, ret) < 0)
		return -ENOMEM;
	v[r->seen_count++] = (struct seen){ from, *ret };
	return 0;
}

static bool same_flip(const struct flip *f, const struct event *ev, const struct replay_answer *a, const char *store)
{
	return f->uid == ev->rec.uid && f->from == ev->rec.verdict && f->to == a->decision.verdict && f->rule == a->decision.rule &&
	       f->outside == a->outside && strcmp(f->store, store) == 0;
}

static int add_flip(struct run *r, const struct event *ev, const struct replay_answer *a, const char *store)
{
	struct flip *f = NULL;

	for (size_t i = 0; i < r->flips_count && !f; i++)
		if (same_flip(&r->flips[i], ev, a, store))
			f = &r->flips[i];
	if (!f) {
		struct flip *v = reallocarray(r->flips, r->flips_count + 1, sizeof(*v));

		if (!v)
			return -ENOMEM;
		r->flips = v;
		f = &v[r->flips_count];
		*f = (struct flip){ .uid = ev->rec.uid, .from = ev->rec.verdict, .to = a->decision.verdict, .rule = a->decision.rule,
				    .outside = a->outside, .store = strdup(store) };
		if (!f->store)
			return -ENOMEM;
		r->flips_count++;
	}
	f->actions |= ev->rec.need;
	f->accesses += ev->count;
	f->records++;
	if (f->examples_count < EXAMPLES)
		f->examples[f->examples_count++] = ev->seq;
	return 0;
}

static int one(void *ctx, const struct record_view *v, struct err *e)
{
	struct replay_answer a = { .why = REPLAY_NO_POLICY };
	const struct archived *from;
	struct replay *replay;
	struct run *r = ctx;
	struct event ev;
	int code;

	r->first_ns = r->records ? r->first_ns : v->head.time_utc_ns;
	r->last_ns = v->head.time_utc_ns;
	if (event_read(v, &ev) < 0)
		return 0;
	r->records++;
	r->accesses += ev.count;
	today_boot(r->today, v->head.boot_id);
	if (ev.rec.label == PW_LABEL_OUTSIDE || ev.rec.label >= PW_LABEL_OWN_FIRST) {
		a.why = REPLAY_BY_OTHERS;
	} else {
		code = archive_find(r->archive, ev.hash, ev.hash_len_bytes, v->head.time_utc_ns, &from, e);
		if (code < 0 && !archive_absent(code))
			return code;
		if (code == 0 && event_bind(&ev, &from->img) == 0 &&
		    (replay_for(r, from, &replay) < 0 || replay_one(replay, &ev.rec, (const char *)ev.path, ev.path_len_bytes, &a) < 0 ||
		     today_failed(r->today)))
			return err_set(e, -ENOMEM, "replay the log");
	}
	r->of_today += a.why == REPLAY_DECIDED && a.today ? ev.count : 0;
	if (a.why != REPLAY_DECIDED) {
		r->open[a.why] += ev.count;
		return 0;
	}
	if (a.decision.verdict == ev.rec.verdict) {
		r->stay += ev.count;
		return 0;
	}
	r->flipped += ev.count;
	return add_flip(r, &ev, &a, image_str(&from->img, from->img.stores[ev.rec.label].name)) < 0 ?
	       err_set(e, -ENOMEM, "replay the log") : 0;
}

static int all(struct run *r, struct err *e)
{
	struct event_pass pass = { .what = "replaying", .since_ns = r->since_ns, .until_ns = r->until_ns, .see = one, .ctx = r };
	int code = event_each(r->log.reader, &pass, e);

	r->lost = pass.lost;
	return code;
}

/* ---- out ---- */

static int by_size(const void *a, const void *b)
{
	const struct flip *x = a, *y = b;
	bool denies_x = x->to == PW_DENY, denies_y = y->to == PW_DENY;

	if (denies_x != denies_y)
		return denies_x ? -1 : 1;
	if (x->accesses != y->accesses)
		return x->accesses > y->accesses ? -1 : 1;
	return x->examples[0] < y->examples[0] ? -1 : x->examples[0] > y->examples[0];
}

static void user_words(struct run *r, uint32_t uid, struct buf *b)
{
	const char *name = event_user_name(r->users, uid);

	if (name)
		buf_add_escaped(b, name, strlen(name));
	else
		buf_printf(b, "uid %u", uid);
}

static const char *by_words(const struct run *r, const struct flip *f)
{
	return f->outside ? "no store there" : f->rule ? image_str(&r->img, r->img.rules[f->rule].name) : f->to == PW_ALLOW ? "-" : "no rule";
}

static void print_flips(struct run *r)
{
	if (r->flips_count)
		printf("%-16s %-16s %-14s %-20s %9s  %-18s %s\n", "FLIP", "PERSON", "STORE", "ACTIONS", "ACCESSES", "THEN BY", "EVENTS");
	for (size_t i = 0; i < r->flips_count; i++) {
		const struct flip *f = &r->flips[i];
		_buf_ struct buf user = BUF_INIT, actions = BUF_INIT, flip = BUF_INIT, events = BUF_INIT;

		user_words(r, f->uid, &user);
		explain_actions(f->actions, &actions);
		buf_printf(&flip, "%s -> %s", record_verdict_word(f->from), record_verdict_word(f->to));
		for (size_t k = 0; k < f->examples_count; k++)
			buf_printf(&events, "%s%llu", k ? ", " : "", (unsigned long long)f->examples[k]);
		if (f->records > f->examples_count)
			buf_add_str(&events, ", ...");
		printf("%-16s %-16s %-14s %-20s %9llu  %-18s %s\n", cli_text(&flip), cli_text(&user), f->store, cli_text(&actions),
		       (unsigned long long)f->accesses, by_words(r, f), cli_text(&events));
	}
}

static void print_text(struct run *r)
{
	_buf_ struct buf first = BUF_INIT, last = BUF_INIT;
	uint64_t open = 0;

	for (int w = 0; w < REPLAY_WHYS; w++)
		open += r->open[w];
	if (!r->records) {
		puts("the log has no access in that time");
		return;
	}
	record_time(r->first_ns, true, &first);
	record_time(r->last_ns, true, &last);
	printf("%llu accesses (%llu records) from %.19sZ to %.19sZ: %llu flip, %llu stay, %llu cannot be decided\n",
	       (unsigned long long)r->accesses, (unsigned long long)r->records, cli_text(&first), cli_text(&last),
	       (unsigned long long)r->flipped, (unsigned long long)r->stay, (unsigned long long)open);
	print_flips(r);
	for (int w = 0; w < REPLAY_WHYS; w++)
		if (r->open[w])
			printf("not decided: %llu %s\n", (unsigned long long)r->open[w], replay_why_sentence((enum replay_why)w));
	if (r->of_today)
		printf("%llu of them by roles that the recorded policy did not describe alike: there the groups, programs and units are those that "
		       "this host has today\n", (unsigned long long)r->of_today);
	if (r->lost)
		printf("%llu events were lost in that time and are not among them\n", (unsigned long long)r->lost);
	puts("what lay in no store of the policy of its time is not in the log");
}

static json_t *flips_json(struct run *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->flips_count; i++) {
		const struct flip *f = &r->flips[i];
		const char *name = event_user_name(r->users, f->uid);
		_buf_ struct buf user = BUF_INIT;
		json_t *events = json_array(), *o;

		if (name)
			user_words(r, f->uid, &user);
		for (size_t k = 0; k < f->examples_count; k++)
			json_array_append_new(events, json_integer((json_int_t)f->examples[k]));
		o = json_pack("{s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:b, s:o}", "from", record_verdict_word(f->from), "to",
			      record_verdict_word(f->to), "uid", (json_int_t)f->uid, "store", f->store, "actions", ask_actions_json(f->actions),
			      "accesses", (json_int_t)f->accesses, "records", (json_int_t)f->records, "outside", f->outside, "events", events);
		json_object_set_new(o, "user", name ? json_string(cli_text(&user)) : json_null());
		json_object_set_new(o, "rule", f->rule ? json_string(image_str(&r->img, r->img.rules[f->rule].name)) : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static void print_document(struct run *r)
{
	_buf_ struct buf first = BUF_INIT, last = BUF_INIT;
	char hash[65];
	json_t *open = json_object(), *doc;

	for (int w = 1; w < REPLAY_WHYS; w++)
		json_object_set_new(open, replay_why_word((enum replay_why)w), json_integer((json_int_t)r->open[w]));
	show_hash(r->img.head->policy_hash, hash);
	doc = json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I}", "candidate_hash", hash, "accesses", (json_int_t)r->accesses, "records",
			(json_int_t)r->records, "flip", (json_int_t)r->flipped, "stay", (json_int_t)r->stay, "undecided", open, "flips",
			flips_json(r), "by_host_of_today", (json_int_t)r->of_today, "lost_events", (json_int_t)r->lost);
	if (r->records) {
		record_time(r->first_ns, true, &first);
		record_time(r->last_ns, true, &last);
		json_object_set_new(doc, "first", json_string(cli_text(&first)));
		json_object_set_new(doc, "last", json_string(cli_text(&last)));
	}
	cli_print_json(doc);
}

/* ---- in ---- */

/* The oldest moment that is asked about: zones and ends of trials have to reach back so far. */
static int64_t oldest_s(struct run *r)
{
	int64_t now_s = (int64_t)time(NULL), s = r->since_ns == INT64_MIN ? now_s : r->since_ns / 1000000000;
	struct record_view v;
	struct err e;

	if (r->since_ns == INT64_MIN && log_reader_seek(r->log.reader, log_reader_first(r->log.reader), &e) == 0 &&
	    log_reader_next(r->log.reader, &v, &e) == 1)
		s = v.head.time_utc_ns / 1000000000 - 86400;
	return s < now_s ? s : now_s;
}

static int compile(struct run *r, struct err *e)
{
	_buf_ struct buf bytes = BUF_INIT;

	if (policy_compile(r->p.ast, r->p.names, oldest_s(r), r->p.diags, &bytes) < 0)
		return err_say(e, -EINVAL, "the candidate cannot be compiled; polyward check %s says why", r->c->args[0]);
	r->p.image_len_bytes = bytes.len_bytes;
	r->p.image = buf_take(&bytes);
	if (!r->p.image)
		return err_set(e, -ENOMEM, "compile the candidate");
	return image_check(r->p.image, r->p.image_len_bytes, &r->img, e);
}

static int prepare(struct run *r, struct err *e)
{
	const char *root = cli_opt(r->c, "root");
	int code = cli_log_open(r->c, &r->log, e);

	if (code < 0)
		return code;
	code = compile(r, e);
	if (code == 0 && root) {
		code = names_root(root, &r->root, e);
		r->has_root = code == 0;
	}
	if (code == 0)
		code = event_users_open(r->has_root ? &r->root : NULL, &r->users, e);
	if (code == 0)
		code = today_open(r->users, &r->img, &r->today, e);
	return code < 0 ? code : archive_open(r->log.dir_fd, &r->archive, e);
}

static void run_free(struct run *r)
{
	for (size_t i = 0; i < r->seen_count; i++)
		replay_close(r->seen[i].replay);
	for (size_t i = 0; i < r->flips_count; i++)
		free(r->flips[i].store);
	free(r->seen);
	free(r->flips);
	today_close(r->today);
	event_users_close(r->users);
	if (r->has_root)
		names_free(&r->root);
	archive_close(r->archive);
	cli_log_close(&r->log);
	cli_policy_free(&r->p);
}

static int times(const struct cli *c, struct run *r, struct err *e)
{
	const char *since = cli_opt(c, "since"), *until = cli_opt(c, "until");
	int64_t now_s = (int64_t)time(NULL);
	int code = since ? when_parse(since, now_s, &r->since_ns, e) : 0;

	return code < 0 || !until ? code : when_parse(until, now_s, &r->until_ns, e);
}

int cmd_replay(struct cli *c)
{
	struct run r = { .c = c, .since_ns = INT64_MIN, .until_ns = INT64_MAX, .log = { .dir_fd = -1, .keys_fd = -1 } };
	struct err e = { 0 };
	int code;

	if (times(c, &r, &e) < 0)
		return cli_usage(c, "%s", e.text);
	code = cli_policy_load(c, c->args[0], false, &r.p);
	if (code != CLI_YES)
		return code;
	code = prepare(&r, &e);
	if (code == 0)
		code = all(&r, &e);
	if (code < 0) {
		code = cli_fail(c, &e);
	} else {
		if (r.flips_count)
			qsort(r.flips, r.flips_count, sizeof(*r.flips), by_size);
		if (c->json)
			print_document(&r);
		else
			print_text(&r);
		code = r.flips_count ? CLI_NO : CLI_YES;
	}
	run_free(&r);
	return code;
}
