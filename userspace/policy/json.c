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

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static void set_buf(json_t *o, const char *key, struct buf *text)
{
	json_object_set_new(o, key, text->failed ? NULL : json_string(text->data ? text->data : ""));
}

static json_t *words(const struct ast_words *w)
{
	json_t *list = json_array();
	const char **sorted = print_sorted(w);

	for (size_t i = 0; sorted && i < w->count; i++)
		json_array_append_new(list, json_string(sorted[i]));
	free(sorted);
	return list;
}

static void set_words(json_t *o, const char *key, const struct ast_words *w)
{
	if (w->count)
		json_object_set_new(o, key, words(w));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* Put strings into order; takes the list over. */
static json_t *sorted_strings(json_t *list)
{
	size_t n = json_array_size(list);
	json_t **v = calloc(n ? n : 1, sizeof(json_t *)), *out = json_array();

	for (size_t i = 0; v && i < n; i++)
		v[i] = json_array_get(list, i);
	if (v && n)
		qsort(v, n, sizeof(json_t *), by_text);
	for (size_t i = 0; v && i < n; i++)
		json_array_append(out, v[i]);
	free(v);
	json_decref(list);
	return out;
}

static void set_members(json_t *o, const struct ast_members *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->count; i++)
		json_array_append_new(list, json_sprintf("%s:%s", m->v[i].is_group ? "group" : "user", m->v[i].name.text));
	if (m->count)
		json_object_set_new(o, "members", sorted_strings(list));
	else
		json_decref(list);
}

static void set_mode(json_t *o, enum ast_mode mode, int64_t until_utc_s)
{
	json_object_set_new(o, "mode", json_string(mode == AST_MODE_AUDIT ? "audit" : "enforce"));
	if (until_utc_s) {
		_buf_ struct buf b = BUF_INIT;

		stamp_add(&b, until_utc_s);
		buf_add_char(&b, 'Z');
		set_buf(o, "audit_until", &b);
	}
}

static json_t *policy_block(const struct ast_policy *p)
{
	json_t *o = json_object();

	set_text(o, "name", p->name.text);
	set_text(o, "version", p->version.text);
	set_text(o, "owner", p->owner.text);
	set_mode(o, p->mode, p->audit_until_utc_s);
	set_text(o, "log", p->log_denied_only ? "denied" : "all");
	return o;
}

static json_t *admin(const struct ast_admin *a)
{
	static const struct { uint32_t bit; const char *word; } rights[] = {
		{ PW_MAY_APPLY, "apply" }, { PW_MAY_DOWN, "down" }, { PW_MAY_READ_LOG, "read log" }, { PW_MAY_ROLLBACK, "rollback" },
	};
	json_t *o = json_object(), *may = json_array();

	set_members(o, &a->members);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (a->may & rights[i].bit)
			json_array_append_new(may, json_string(rights[i].word));
	json_object_set_new(o, "may", may);
	if (a->has_mfa)
		json_object_set_new(o, "mfa_within_s", json_integer((json_int_t)a->mfa_within_s));
	return o;
}

static json_t *time_block(const struct ast_time *t)
{
	static const char names[][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	unsigned end = t->end_min || t->start_min ? t->end_min : 1440u;
	json_t *o = json_object(), *days = json_array();

	for (int i = 0; i < 7; i++)
		if (t->days >> i & 1)
			json_array_append_new(days, json_string(names[i]));
	json_object_set_new(o, "days", days);
	json_object_set_new(o, "hours", json_sprintf("%02u:%02u-%02u:%02u", t->start_min / 60u, t->start_min % 60u, end / 60u, end % 60u));
	set_text(o, "zone", t->zone.text ? t->zone.text : "UTC");
	return o;
}

static json_t *program(const struct ast_program *p)
{
	json_t *o = json_object();

	set_text(o, "exe", p->exe.text);
	if (p->has_verity) {
		_buf_ struct buf b = BUF_INIT;

		buf_add_str(&b, "sha256:");
		for (size_t i = 0; i < sizeof(p->verity); i++)
			buf_printf(&b, "%02x", p->verity[i]);
		set_buf(o, "verity", &b);
	}
	return o;
}

static json_t *store(const struct ast_store *s)
{
	json_t *o = json_object();

	set_text(o, "path", s->path.text);
	set_text(o, "modality", s->modality.text);
	set_text(o, "class", s->class_.text);
	set_mode(o, s->mode, s->audit_until_utc_s);
	return o;
}

static json_t *role(const struct ast_role *r)
{
	json_t *o = json_object();

	set_members(o, &r->members);
	set_words(o, "programs", &r->programs);
	set_words(o, "units", &r->units);
	set_words(o, "inherits", &r->inherits);
	json_object_set_new(o, "abstract", json_boolean(r->abstract));
	return o;
}

static json_t *condition(const struct ast_cond *c)
{
	static const char *const keys[] = {
		[AST_COND_DURING] = "during", [AST_COND_PURPOSE] = "purpose", [AST_COND_MFA] = "mfa_within_s", [AST_COND_USER] = "user",
		[AST_COND_GROUP] = "group", [AST_COND_ROLE] = "role", [AST_COND_PROGRAM] = "program", [AST_COND_UNIT] = "unit",
	};
	json_t *o = json_object();

	json_object_set_new(o, keys[c->kind], c->kind == AST_COND_MFA ? json_integer((json_int_t)c->mfa_within_s) : words(&c->values));
	return o;
}

/* Conditions are a set: sorted by their own text. */
static void set_conditions(json_t *o, const char *key, const struct ast_conds *conds)
{
	json_t *texts = json_array(), *list = json_array();

	for (size_t i = 0; i < conds->count; i++) {
		json_t *c = condition(&conds->v[i]);
		char *text = json_dumps(c, JSON_SORT_KEYS | JSON_COMPACT);

		json_array_append_new(texts, text ? json_string(text) : NULL);
		free(text);
		json_decref(c);
	}
	texts = sorted_strings(texts);
	for (size_t i = 0; i < json_array_size(texts); i++)
		json_array_append_new(list, json_loads(json_string_value(json_array_get(texts, i)), 0, NULL));
	json_decref(texts);
	if (conds->count)
		json_object_set_new(o, key, list);
	else
		json_decref(list);
}

static json_t *rule(const struct ast_rule *r)
{
	json_t *o = json_object();

	set_text(o, "name", r->name.text);
	set_text(o, "effect", r->deny ? "deny" : "allow");
	json_object_set_new(o, "absolute", json_boolean(r->absolute));
	json_object_set_new(o, "roles", r->any_role ? json_string("any") : words(&r->roles));
	json_object_set_new(o, "to", words(&r->actions));
	if (r->on_kind == AST_ON_ANY)
		set_text(o, "on", "any");
	else
		json_object_set_new(o, r->on_kind == AST_ON_CLASS ? "on_class" : "on", words(&r->on));
	set_conditions(o, "when", &r->when);
	set_conditions(o, "unless", &r->unless);
	set_mode(o, r->mode, r->audit_until_utc_s);
	return o;
}

static json_t *expectation(const struct ast_expect *e)
{
	json_t *o = json_object();

	set_text(o, "verdict", e->deny ? "deny" : "allow");
	set_text(o, "action", e->action.text);
	set_text(o, "store", e->store.text);
	if (e->has_by)
		set_text(o, "by", e->by.text);
	return o;
}

static json_t *test_case(const struct ast_case *c)
{
	json_t *o = json_object(), *as = json_object(), *expects = json_array();

	set_text(as, "user", c->as.user.text);
	if (c->as.has_groups)
		json_object_set_new(as, "groups", words(&c->as.groups));
	set_text(as, "program", c->as.program.text);
	set_text(as, "unit", c->as.unit.text);
	if (c->as.has_mfa)
		json_object_set_new(as, "mfa_age_s", json_integer((json_int_t)c->as.mfa_age_s));
	if (c->as.has_at)
		set_text(as, "at", c->as.at_text);
	set_text(as, "purpose", c->as.purpose.text);
	for (size_t i = 0; i < c->expects_count; i++)
		json_array_append_new(expects, expectation(&c->expects[i]));
	json_object_set_new(o, "as", as);
	json_object_set_new(o, "expect", expects);
	return o;
}

static json_t *test(const struct ast_test *t)
{
	json_t *o = json_object(), *cases = json_array();

	set_text(o, "name", t->name.text);
	for (size_t i = 0; i < t->cases_count; i++)
		json_array_append_new(cases, test_case(&t->cases[i]));
	json_object_set_new(o, "cases", cases);
	return o;
}

/* { "separate": [ ... ] } is a set of sets: sorted by text, as conditions are. */
static json_t *separates(const struct ast *a)
{
	json_t *texts = json_array(), *list = json_array();

	for (size_t i = 0; i < a->separates.count; i++) {
		json_t *o = json_object();
		char *text;

		json_object_set_new(o, "roles", words(&a->separates.v[i].roles));
		json_object_set_new(o, "at_most", json_integer(a->separates.v[i].at_most));
		text = json_dumps(o, JSON_SORT_KEYS | JSON_COMPACT);
		json_array_append_new(texts, text ? json_string(text) : NULL);
		free(text);
		json_decref(o);
	}
	texts = sorted_strings(texts);
	for (size_t i = 0; i < json_array_size(texts); i++)
		json_array_append_new(list, json_loads(json_string_value(json_array_get(texts, i)), 0, NULL));
	json_decref(texts);
	return list;
}

static json_t *whole(const struct ast *a)
{
	json_t *o = json_object(), *times = json_object(), *purposes = json_object(), *programs = json_object(),
	       *stores = json_object(), *roles = json_object(), *rules = json_array(), *tests = json_array();

	json_object_set_new(o, "polyward", json_integer(1));
	if (a->has_policy)
		json_object_set_new(o, "policy", policy_block(&a->policy));
	if (a->admins.count)
		json_object_set_new(o, "admin", admin(&a->admins.v[0]));
#define EACH(list, into, make) for (size_t i = 0; i < a->list.count; i++) json_object_set_new(into, a->list.v[i].name.text, make)
	EACH(times, times, time_block(&a->times.v[i]));
	EACH(purposes, purposes, json_string(a->purposes.v[i].text.text));
	EACH(programs, programs, program(&a->programs.v[i]));
	EACH(stores, stores, store(&a->stores.v[i]));
	EACH(roles, roles, role(&a->roles.v[i]));
#undef EACH
	for (size_t i = 0; i < a->rules.count; i++)
		json_array_append_new(rules, rule(&a->rules.v[i]));
	for (size_t i = 0; i < a->tests.count; i++)
		json_array_append_new(tests, test(&a->tests.v[i]));
	json_object_set_new(o, "times", times);
	json_object_set_new(o, "purposes", purposes);
	json_object_set_new(o, "programs", programs);
	json_object_set_new(o, "stores", stores);
	json_object_set_new(o, "roles", roles);
	json_object_set_new(o, "separate", separates(a));
	json_object_set_new(o, "rules", rules);
	json_object_set_new(o, "tests", tests);
	return o;
}

int policy_json(const struct ast *a, struct buf *ret)
{
	json_t *o = whole(a);
	char *text = o ? json_dumps(o, JSON_SORT_KEYS | JSON_COMPACT) : NULL;

	if (text)
		buf_add_str(ret, text);
	free(text);
	json_decref(o);
	return text && !ret->failed ? 0 : -ENOMEM;
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
