/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a document that every report has: which log, which range, which policies, what is missing, and the figures for charts. */
#include "report/parts.h"

#include <stdio.h>
#include <string.h>

static const char *why_word(enum span_why why)
{
	switch (why) {
	case SPAN_SILENT:  return "nothing was recorded";
	case SPAN_BOOT:    return "restart of the host";
	case SPAN_BEFORE:  return "before the first record";
	case SPAN_AFTER:   return "after the last record";
	case SPAN_DOWN:    return "told to stop enforcing";
	case SPAN_UNKNOWN: return "no record shows a policy in force";
	case SPAN_AUDIT:   return "mode audit";
	default:           return "";
	}
}

static json_t *seq_or_null(uint64_t seq)
{
	return seq == UINT64_MAX ? json_null() : json_integer((json_int_t)seq);
}

static json_t *stretches(const struct stretches *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->count; i++) {
		const struct stretch *p = &s->v[i];
		json_t *row = json_pack("{s:o, s:o, s:f, s:s, s:o, s:o}", "from", part_time(p->from_ns), "until", part_time(p->to_ns), "seconds",
					(double)(p->to_ns - p->from_ns) / 1e9, "why", why_word(p->why), "record_before",
					seq_or_null(p->before_seq), "record_after", seq_or_null(p->after_seq));

		if (p->store[0])
			json_object_set_new(row, "store", part_text(p->store));
		json_array_append_new(list, row);
	}
	return json_pack("{s:I, s:f, s:o}", "count", (json_int_t)s->total, "seconds", (double)s->sum_ns / 1e9, "list", list);
}

json_t *part_coverage(const struct report *r)
{
	const struct collect *c = r->c;

	return json_pack("{s:f, s:I, s:o, s:o, s:o, s:o}", "seconds", (double)(c->until_ns - c->since_ns) / 1e9, "quiet_limit_seconds",
			 (json_int_t)COLLECT_QUIET_S, "not_recorded", stretches(&c->quiet), "not_enforced", stretches(&c->down),
			 "enforcement_not_known", stretches(&c->unknown), "mode_audit", stretches(&c->permissive));
}

static json_t *counts(const struct counts *n)
{
	return json_pack("{s:I, s:I, s:I}", "allowed", (json_int_t)n->allowed, "denied", (json_int_t)n->denied, "passed", (json_int_t)n->passed);
}

json_t *part_series(const struct report *r)
{
	const struct collect *c = r->c;
	json_t *time = json_array(), *stores = json_array(), *roles = json_array(), *row;

	for (size_t i = 0; i < COLLECT_BUCKETS; i++) {
		row = counts(&c->buckets[i]);
		json_object_set_new(row, "from", part_time(collect_bucket_ns(c, i)));
		json_object_set_new(row, "until", part_time(collect_bucket_ns(c, i + 1)));
		json_object_set_new(row, "lost", json_integer((json_int_t)c->buckets_lost[i]));
		json_array_append_new(time, row);
	}
	for (size_t i = 0; i < c->stores_count; i++) {
		row = counts(&c->stores[i].n);
		json_object_set_new(row, "name", part_text(c->stores[i].name[0] ? c->stores[i].name : "(name not known)"));
		json_object_set_new(row, "class", part_text(c->stores[i].class_));
		json_array_append_new(stores, row);
	}
	for (size_t i = 0; i < c->roles_count; i++) {
		row = counts(&c->roles[i].n);
		json_object_set_new(row, "name", part_text(c->roles[i].name));
		json_array_append_new(roles, row);
	}
	return json_pack("{s:o, s:o, s:o, s:I}", "time", time, "stores", stores, "roles", roles, "records_without_row",
			 (json_int_t)(c->stores_lost + c->roles_lost));
}

static json_t *policy_stores(const struct policy_row *p, bool *ret_silent)
{
	json_t *list = json_array();

	for (uint32_t s = 1; s < p->img.count[PW_SEC_STORES]; s++) {
		const struct pw_img_store *st = &p->img.stores[s];
		bool all = p->img.cells[s].flags & (PW_CELL_LOG_ALL | PW_CELL_STRICT);

		*ret_silent = *ret_silent || !all;
		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:b, s:b, s:b}", "name", part_text(image_str(&p->img, st->name)), "path",
						      part_text(image_str(&p->img, st->path)), "class", part_text(image_str(&p->img, st->class_)),
						      "modality", part_text(image_str(&p->img, st->modality)), "strict",
						      (st->flags & PW_IMG_STRICT) != 0, "mode_audit", (p->img.cells[s].flags & PW_CELL_AUDIT) != 0,
						      "allowed_recorded", all));
	}
	return list;
}

static json_t *policy_roles(const struct policy_row *p)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < p->img.count[PW_SEC_ROLES]; i++)
		if (!(p->img.roles[i].flags & PW_ROLE_HIDDEN))
			json_array_append_new(list, part_text(image_str(&p->img, p->img.roles[i].name)));
	return list;
}

static json_t *policy(const struct policy_row *p)
{
	bool silent = false;
	json_t *row = json_pack("{s:o, s:b, s:o, s:o, s:I}", "hash", part_hex(p->hash, p->archived ? 32 : 8), "archived", p->archived, "from",
				part_time(p->from_ns), "until", part_time(p->to_ns), "records", (json_int_t)p->records);

	if (!p->archived)
		return row;
	json_object_set_new(row, "name", part_text(image_str(&p->img, p->img.head->name)));
	json_object_set_new(row, "version", part_text(image_str(&p->img, p->img.head->policy_version)));
	json_object_set_new(row, "owner", part_text(image_str(&p->img, p->img.head->owner)));
	json_object_set_new(row, "tests", json_integer(p->img.count[PW_SEC_TESTS]));
	json_object_set_new(row, "stores", policy_stores(p, &silent));
	json_object_set_new(row, "roles", policy_roles(p));
	json_object_set_new(row, "all_accesses_recorded", json_boolean(!silent));
	return row;
}

json_t *part_register(const struct report *r)
{
	json_t *list = json_array();
	int64_t after_ns = INT64_MIN;

	/* By the moment from which they were in force; there are few. */
	for (bool more = true; more;) {
		int64_t next_ns = INT64_MAX;

		more = false;
		for (size_t i = 0; i < r->policies->count; i++)
			if (r->policies->v[i].in_range && r->policies->v[i].from_ns > after_ns && r->policies->v[i].from_ns < next_ns) {
				next_ns = r->policies->v[i].from_ns;
				more = true;
			}
		for (size_t i = 0; more && i < r->policies->count; i++)
			if (r->policies->v[i].in_range && r->policies->v[i].from_ns == next_ns)
				json_array_append_new(list, policy(&r->policies->v[i]));
		after_ns = next_ns;
	}
	return list;
}
