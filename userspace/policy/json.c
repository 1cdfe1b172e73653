/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON twin: all that a policy means, without places, comments and file borders. Keys and sets are sorted, so equal
 * policies have equal bytes; rules and tests keep their order, because records name the lowest of several rules that decide.
 * These bytes are what is hashed: a change here changes every policy's hash.
 */
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/image.h>

#include "policy/policy.h"
#include "policy/print.h"
#include "policy/stamp.h"

/* A twin that lacks something because memory was short would have another policy's hash: every failure is kept. */
struct twin { bool failed; };

static void put(struct twin *t, json_t *o, const char *key, json_t *value)
{
	t->failed |= json_object_set_new(o, key, value) < 0;
}

static void add(struct twin *t, json_t *list, json_t *value)
{
	t->failed |= json_array_append_new(list, value) < 0;
}

static void set_text(struct twin *t, json_t *o, const char *key, const char *text)
{
	if (text)
		put(t, o, key, json_string(text));
}

static void set_buf(struct twin *t, json_t *o, const char *key, struct buf *text)
{
	put(t, o, key, text->failed ? NULL : json_string(text->data ? text->data : ""));
}

static json_t *words(struct twin *t, const struct ast_words *w)
{
	json_t *list = json_array();
	const char **sorted = print_sorted(w);

	t->failed |= w->count && !sorted;
	for (size_t i = 0; sorted && i < w->count; i++)
		add(t, list, json_string(sorted[i]));
	free(sorted);
	return list;
}

static void set_words(struct twin *t, json_t *o, const char *key, const struct ast_words *w)
{
	if (w->count)
		put(t, o, key, words(t, w));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* Put strings into order; takes the list over. */
static json_t *sorted_strings(struct twin *t, json_t *list)
{
	size_t n = json_array_size(list);
	json_t **v = calloc(n ? n : 1, sizeof(json_t *)), *out = json_array();

	t->failed |= !v;
	for (size_t i = 0; v && i < n; i++)
		v[i] = json_array_get(list, i);
	if (v && n)
		qsort(v, n, sizeof(json_t *), by_text);
	for (size_t i = 0; v && i < n; i++)
		t->failed |= json_array_append(out, v[i]) < 0;
	free(v);
	json_decref(list);
	return out;
}

static void set_members(struct twin *t, json_t *o, const struct ast_members *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->count; i++)
		add(t, list, json_sprintf("%s:%s", m->v[i].is_group ? "group" : "user", m->v[i].name.text));
	if (m->count)
		put(t, o, "members", sorted_strings(t, list));
	else
		json_decref(list);
}

static void set_mode(struct twin *t, json_t *o, enum ast_mode mode, int64_t until_utc_s)
{
	put(t, o, "mode", json_string(mode == AST_MODE_AUDIT ? "audit" : "enforce"));
	if (until_utc_s) {
		_buf_ struct buf b = BUF_INIT;

		stamp_add(&b, until_utc_s);
		buf_add_char(&b, 'Z');
		set_buf(t, o, "audit_until", &b);
	}
}

static json_t *policy_block(struct twin *t, const struct ast_policy *p)
{
	json_t *o = json_object();

	set_text(t, o, "name", p->name.text);
	set_text(t, o, "version", p->version.text);
	set_text(t, o, "owner", p->owner.text);
	set_mode(t, o, p->mode, p->audit_until_utc_s);
	set_text(t, o, "log", p->log_denied_only ? "denied" : "all");
	if (p->sealed)
		set_text(t, o, "guard", "sealed");
	return o;
}

static json_t *admin(struct twin *t, const struct ast_admin *a)
{
	static const struct { uint32_t bit; const char *word; } rights[] = {
		{ PW_MAY_APPLY, "apply" }, { PW_MAY_DOWN, "down" }, { PW_MAY_READ_LOG, "read log" }, { PW_MAY_ROLLBACK, "rollback" },
	};
	json_t *o = json_object(), *may = json_array();

	set_members(t, o, &a->members);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (a->may & rights[i].bit)
			add(t, may, json_string(rights[i].word));
	put(t, o, "may", may);
	if (a->has_mfa)
		put(t, o, "mfa_within_s", json_integer((json_int_t)a->mfa_within_s));
	return o;
}

static json_t *time_block(struct twin *t, const struct ast_time *time)
{
	static const char names[][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	unsigned end = time->end_min || time->start_min ? time->end_min : 1440u;
	json_t *o = json_object(), *days = json_array();

	for (int i = 0; i < 7; i++)
		if (time->days >> i & 1)
			add(t, days, json_string(names[i]));
	put(t, o, "days", days);
	put(t, o, "hours", json_sprintf("%02u:%02u-%02u:%02u", time->start_min / 60u, time->start_min % 60u, end / 60u, end % 60u));
	set_text(t, o, "zone", time->zone.text ? time->zone.text : "UTC");
	return o;
}

static json_t *program(struct twin *t, const struct ast_program *p)
{
	json_t *o = json_object();

	set_text(t, o, "exe", p->exe.text);
	if (p->has_verity) {
		_buf_ struct buf b = BUF_INIT;

		buf_add_str(&b, "sha256:");
		for (size_t i = 0; i < sizeof(p->verity); i++)
			buf_printf(&b, "%02x", p->verity[i]);
		set_buf(t, o, "verity", &b);
	}
	return o;
}

/* What holds for the store, wherever it was written. What is not said is left out: such policies keep their hashes. */
static json_t *store(struct twin *t, const struct ast *a, const struct ast_store *s)
{
	struct ast_tighten tighten = ast_tighten(a, s);
	json_t *o = json_object();

	set_text(t, o, "path", s->path.text);
	set_text(t, o, "modality", s->modality.text);
	set_text(t, o, "class", s->class_.text);
	set_mode(t, o, s->mode, s->audit_until_utc_s);
	if (s->strict)
		put(t, o, "strict", json_true());
	if (tighten.kind == AST_TIGHTEN_KILL)
		put(t, o, "on_tighten_kill_after_s", json_integer(tighten.kill_after_s));
	return o;
}

static json_t *role(struct twin *t, const struct ast_role *r)
{
	json_t *o = json_object();

	set_members(t, o, &r->members);
	set_words(t, o, "programs", &r->programs);
	set_words(t, o, "units", &r->units);
	set_words(t, o, "inherits", &r->inherits);
	put(t, o, "abstract", json_boolean(r->abstract));
	return o;
}

static json_t *condition(struct twin *t, const struct ast_cond *c)
{
	static const char *const keys[] = {
		[AST_COND_DURING] = "during", [AST_COND_PURPOSE] = "purpose", [AST_COND_MFA] = "mfa_within_s", [AST_COND_USER] = "user",
		[AST_COND_GROUP] = "group", [AST_COND_ROLE] = "role", [AST_COND_PROGRAM] = "program", [AST_COND_UNIT] = "unit",
	};
	json_t *o = json_object();

	put(t, o, keys[c->kind], c->kind == AST_COND_MFA ? json_integer((json_int_t)c->mfa_within_s) : words(t, &c->values));
	return o;
}

static int collect(const char *bytes, size_t len_bytes, void *buf)
{
	buf_add(buf, bytes, len_bytes);
	return ((struct buf *)buf)->failed ? -1 : 0;
}

/* Into a buffer that remembers its failure: the library's own growing string loses bytes when memory is short. */
static void dump(struct twin *t, const json_t *o, struct buf *b)
{
	t->failed |= !o || json_dump_callback(o, collect, b, JSON_SORT_KEYS | JSON_COMPACT) < 0 || b->failed;
}

/* Conditions are a set: sorted by their own text. */
static void set_conditions(struct twin *t, json_t *o, const char *key, const struct ast_conds *conds)
{
	json_t *texts = json_array(), *list = json_array();

	for (size_t i = 0; i < conds->count; i++) {
		json_t *c = condition(t, &conds->v[i]);
		_buf_ struct buf text = BUF_INIT;

		dump(t, c, &text);
		add(t, texts, text.data ? json_string(text.data) : NULL);
		json_decref(c);
	}
	texts = sorted_strings(t, texts);
	for (size_t i = 0; i < json_array_size(texts); i++)
		add(t, list, json_loads(json_string_value(json_array_get(texts, i)), 0, NULL));
	json_decref(texts);
	if (conds->count)
		put(t, o, key, list);
	else
		json_decref(list);
}

static json_t *rule(struct twin *t, const struct ast_rule *r)
{
	json_t *o = json_object();

	set_text(t, o, "name", r->name.text);
	set_text(t, o, "effect", r->deny ? "deny" : "allow");
	put(t, o, "absolute", json_boolean(r->absolute));
	put(t, o, "roles", r->any_role ? json_string("any") : words(t, &r->roles));
	put(t, o, "to", words(t, &r->actions));
	if (r->on_kind == AST_ON_ANY)
		set_text(t, o, "on", "any");
	else
		put(t, o, r->on_kind == AST_ON_CLASS ? "on_class" : "on", words(t, &r->on));
	set_conditions(t, o, "when", &r->when);
	set_conditions(t, o, "unless", &r->unless);
	set_mode(t, o, r->mode, r->audit_until_utc_s);
	if (r->until_utc_s) {
		_buf_ struct buf b = BUF_INIT;

		stamp_add(&b, r->until_utc_s);
		buf_add_char(&b, 'Z');
		set_buf(t, o, "until", &b);
	}
	return o;
}

static json_t *expectation(struct twin *t, const struct ast_expect *e)
{
	json_t *o = json_object();

	set_text(t, o, "verdict", e->deny ? "deny" : "allow");
	set_text(t, o, "action", e->action.text);
	set_text(t, o, "store", e->store.text);
	if (e->has_by)
		set_text(t, o, "by", e->by.text);
	return o;
}

static json_t *test_case(struct twin *t, const struct ast_case *c)
{
	json_t *o = json_object(), *as = json_object(), *expects = json_array();

	set_text(t, as, "user", c->as.user.text);
	if (c->as.has_groups)
		put(t, as, "groups", words(t, &c->as.groups));
	set_text(t, as, "program", c->as.program.text);
	set_text(t, as, "unit", c->as.unit.text);
	if (c->as.has_mfa)
		put(t, as, "mfa_age_s", json_integer((json_int_t)c->as.mfa_age_s));
	if (c->as.has_at)
		set_text(t, as, "at", c->as.at_text);
	set_text(t, as, "purpose", c->as.purpose.text);
	for (size_t i = 0; i < c->expects_count; i++)
		add(t, expects, expectation(t, &c->expects[i]));
	put(t, o, "as", as);
	put(t, o, "expect", expects);
	return o;
}

static json_t *test(struct twin *t, const struct ast_test *block)
{
	json_t *o = json_object(), *cases = json_array();

	set_text(t, o, "name", block->name.text);
	for (size_t i = 0; i < block->cases_count; i++)
		add(t, cases, test_case(t, &block->cases[i]));
	put(t, o, "cases", cases);
	return o;
}

/* { "separate": [ ... ] } is a set of sets: sorted by text, as conditions are. */
static json_t *separates(struct twin *t, const struct ast *a)
{
	json_t *texts = json_array(), *list = json_array();

	for (size_t i = 0; i < a->separates.count; i++) {
		json_t *o = json_object();
		_buf_ struct buf text = BUF_INIT;

		put(t, o, "roles", words(t, &a->separates.v[i].roles));
		put(t, o, "at_most", json_integer(a->separates.v[i].at_most));
		dump(t, o, &text);
		add(t, texts, text.data ? json_string(text.data) : NULL);
		json_decref(o);
	}
	texts = sorted_strings(t, texts);
	for (size_t i = 0; i < json_array_size(texts); i++)
		add(t, list, json_loads(json_string_value(json_array_get(texts, i)), 0, NULL));
	json_decref(texts);
	return list;
}

static json_t *whole(struct twin *t, const struct ast *a)
{
	json_t *o = json_object(), *times = json_object(), *purposes = json_object(), *programs = json_object(),
	       *stores = json_object(), *roles = json_object(), *rules = json_array(), *tests = json_array();

	put(t, o, "polyward", json_integer(1));
	if (a->has_policy)
		put(t, o, "policy", policy_block(t, &a->policy));
	if (a->admins.count)
		put(t, o, "admin", admin(t, &a->admins.v[0]));
#define EACH(list, into, make) for (size_t i = 0; i < a->list.count; i++) put(t, into, a->list.v[i].name.text, make)
	EACH(times, times, time_block(t, &a->times.v[i]));
	EACH(purposes, purposes, json_string(a->purposes.v[i].text.text));
	EACH(programs, programs, program(t, &a->programs.v[i]));
	EACH(stores, stores, store(t, a, &a->stores.v[i]));
	EACH(roles, roles, role(t, &a->roles.v[i]));
#undef EACH
	for (size_t i = 0; i < a->rules.count; i++)
		add(t, rules, rule(t, &a->rules.v[i]));
	for (size_t i = 0; i < a->tests.count; i++)
		add(t, tests, test(t, &a->tests.v[i]));
	put(t, o, "times", times);
	put(t, o, "purposes", purposes);
	put(t, o, "programs", programs);
	put(t, o, "stores", stores);
	put(t, o, "roles", roles);
	put(t, o, "separate", separates(t, a));
	put(t, o, "rules", rules);
	put(t, o, "tests", tests);
	return o;
}

int policy_json(const struct ast *a, struct buf *ret)
{
	struct twin t = { 0 };
	json_t *o = whole(&t, a);

	dump(&t, o, ret);
	json_decref(o);
	return t.failed || ret->failed ? -ENOMEM : 0;
}

int policy_hash(const struct ast *a, uint8_t ret[static 32])
{
	_buf_ struct buf json = BUF_INIT;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int r = policy_json(a, &json);

	if (r < 0)
		return r;
	if (!EVP_Digest(json.data, json.len_bytes, digest, &len, EVP_sha256(), NULL) || len != 32)
		return -EIO;
	memcpy(ret, digest, 32);
	return 0;
}
