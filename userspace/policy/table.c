/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision on the tables of a checked image: the native twin of the walk in bpf/table.bpf.h. Every judgement is made in
 * decide.h; here is only where things lie. Never trusts an index that image_check() has not looked at.
 */
#include "policy/image.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

#define DAY_S    86400
#define DAY_MIN  1440

__u32 table_row(const struct image *img, __u64 roles)
{
	for (__u32 r = 0; r < img->count[PW_SEC_ROWS]; r++)
		if (img->rows[r] == roles)
			return r;
	return PW_ROW_NONE;
}

static const struct pw_cell *cell_at(const struct image *img, __u32 row, __u32 label)
{
	return &img->cells[(size_t)row * img->gen->labels + label];
}

static void walk(const struct image *img, const struct pw_cell *cell, const struct pw_facts *f, __u32 need, struct pw_tally *t)
{
	for (__u32 i = 0; i < cell->count; i++) {
		const struct pw_entry *e = &img->entries[cell->first + i];

		pw_consider(t, e, e->cond ? &img->conds[e->cond] : NULL, f, need);
	}
}

struct pw_decision table_decide(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need)
{
	struct pw_tally t = { 0 };
	const struct pw_cell *cell;

	if (label == PW_LABEL_OUTSIDE)
		return (struct pw_decision){ .verdict = PW_ALLOW, .reason = PW_R_NONE };
	if (row == PW_ROW_NONE && !f->roles)
		row = 0;
	/* Out of range cannot come from a checked image: not known to be harmless, so refused. */
	if (label >= img->gen->labels || (row != PW_ROW_NONE && row >= img->gen->rows))
		return (struct pw_decision){ .verdict = PW_DENY, .reason = PW_R_INTERNAL, .missing = need };
	cell = cell_at(img, row == PW_ROW_NONE ? 0 : row, label);
	if (row != PW_ROW_NONE) {
		walk(img, cell, f, need, &t);
	} else {
		for (__u32 r = 0; r < img->count[PW_SEC_ROLES]; r++)
			if (f->roles >> r & 1)
				walk(img, cell_at(img, 1 + r, label), f, need, &t);
	}
	return pw_conclude(&t, need, pw_cell_audits(cell, f), cell->audit_window != 0);
}

struct pw_decision table_decide_fast(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need)
{
	const struct pw_cell *cell;

	if (row >= img->gen->rows || label == PW_LABEL_OUTSIDE || label >= img->gen->labels)
		return table_decide(img, row, label, f, need);
	cell = cell_at(img, row, label);
	switch (pw_fast(cell, need)) {
	case PW_FAST_ALLOW:
		return (struct pw_decision){ .verdict = PW_ALLOW };
	case PW_FAST_DENY:
		return (struct pw_decision){ .verdict = PW_DENY, .missing = need & ~cell->allow };
	case PW_FAST_WALK:
	default:
		return table_decide(img, row, label, f, need);
	}
}

/* ---- subjects ---- */

static __u64 attr_roles(const struct pw_img_attr *attrs, size_t count, __u32 kind, __u32 id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (attrs[mid].kind == kind && attrs[mid].id == id)
			return attrs[mid].roles;
		if (attrs[mid].kind < kind || (attrs[mid].kind == kind && attrs[mid].id < id))
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}

__u64 table_roles(const struct pw_gen *g, const struct pw_img_attr *attrs, size_t attrs_count, const struct table_who *w)
{
	__u64 user = attr_roles(attrs, attrs_count, PW_ATTR_UID, w->uid), groups = 0, counted = 0, named;

	for (size_t i = 0; i < w->gids_count; i++)
		groups |= attr_roles(attrs, attrs_count, PW_ATTR_GID, w->gids[i]);
	named = user | groups;
	if (w->login_uid != TABLE_ID_NONE)
		named |= attr_roles(attrs, attrs_count, PW_ATTR_UID, w->login_uid);
	if (pw_user_counts(w->uid, w->login_uid))
		counted |= user;
	if (pw_groups_count(w->uid, w->login_uid))
		counted |= groups;
	return pw_roles_close(g, pw_roles_base(g, pw_members(g, counted, named), w->programs, w->units));
}

/* ---- time ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static void sooner(int64_t *next, int64_t candidate)
{
	if (candidate < *next)
		*next = candidate;
}

static bool recurring_open(const struct pw_img_window *w, __u32 weekday, int64_t minute)
{
	bool today = w->days >> weekday & 1;
	bool yesterday = w->days >> ((weekday + 6) % 7) & 1;

	if (!w->start_min && !w->end_min)
		return today;
	if (w->start_min < w->end_min)
		return today && minute >= w->start_min && minute < w->end_min;
	/* Past midnight: the early hours belong to the day before. */
	return (today && minute >= w->start_min) || (yesterday && minute < w->end_min);
}

static bool window_open(const struct image *img, const struct pw_img_window *w, int64_t utc_s, int64_t *next_utc_s)
{
	const struct pw_img_shift *shifts = &img->shifts[w->shift_first];
	int64_t local_s, second;
	__u32 i = 0;

	if (w->until_utc_s) {
		if (utc_s < w->until_utc_s)
			sooner(next_utc_s, w->until_utc_s);
		return utc_s < w->until_utc_s;
	}
	while (i + 1 < w->shift_count && shifts[i + 1].from_utc_s <= utc_s)
		i++;
	local_s = utc_s + shifts[i].offset_s;
	second = local_s - floor_div(local_s, DAY_S) * DAY_S;
	if (i + 1 < w->shift_count)
		sooner(next_utc_s, shifts[i + 1].from_utc_s);
	sooner(next_utc_s, utc_s + DAY_S - second);
	if (second < w->start_min * 60)
		sooner(next_utc_s, utc_s + w->start_min * 60 - second);
	if (second < w->end_min * 60)
		sooner(next_utc_s, utc_s + w->end_min * 60 - second);
	/* 1970-01-01 was a Thursday, and Monday is day 0. */
	return recurring_open(w, (__u32)(((floor_div(local_s, DAY_S) + 3) % 7 + 7) % 7), second / 60);
}

__u32 table_windows(const struct image *img, int64_t utc_s, int64_t *ret_next_utc_s)
{
	int64_t next = INT64_MAX;
	__u32 open = 0;

	for (__u32 i = 0; i < img->count[PW_SEC_WINDOWS]; i++)
		if (window_open(img, &img->windows[i], utc_s, &next))
			open |= 1u << i;
	*ret_next_utc_s = next;
	return open;
}

/* ---- tests ---- */

__u32 table_need(__u32 action_bit)
{
	switch (action_bit) {
	case PW_A_ATTR:  return PW_NEED_ATTR;
	case PW_A_LINK:  return PW_NEED_LINK;
	case PW_A_LOCK:  return PW_NEED_LOCK;
	case PW_A_WATCH: return PW_NEED_WATCH;
	default:         return action_bit;
	}
}

const char *table_need_word(__u32 need)
{
	static const struct { __u32 bit; const char *word; } words[] = {
#define PW_ACTION(name, bit, word, brings, meaning) { PW_A_##name, word },
#include <polyward/actions.def>
#undef PW_ACTION
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (need == table_need(words[i].bit))
			return words[i].word;
	return "several actions";
}

static const char *by(const struct image *img, __u32 rule)
{
	return rule ? image_str(img, img->rules[rule].name) : "default";
}

struct pw_decision table_test_decide(const struct image *img, __u32 index)
{
	const struct pw_img_test *t = &img->tests[index];
	struct pw_facts f = { .roles = t->roles, .windows = t->windows, .mfa_age_s = t->mfa_age_s, .purpose = t->purpose };
	struct pw_decision d = table_decide(img, table_row(img, t->roles), t->label, &f, t->need);

	/* Mode audit is left out of account: a test says what the rules want. */
	if (d.verdict == PW_AUDIT)
		d.verdict = PW_DENY;
	return d;
}

int table_test(const struct image *img, __u32 index, struct err *e)
{
	const struct pw_img_test *t = &img->tests[index];
	struct pw_decision d = table_test_decide(img, index);
	_buf_ struct buf b = BUF_INIT;

	if (d.verdict == t->verdict && (!t->says_by || d.rule == t->rule))
		return 0;
	buf_add_str(&b, "test '");
	buf_add_str(&b, image_str(img, t->name));
	buf_add_str(&b, "' (");
	buf_add_str(&b, image_str(img, img->files[t->file]));
	buf_printf(&b, ":%u): expected %s %s on ", t->line, t->verdict == PW_ALLOW ? "allow" : "deny", table_need_word(t->need));
	buf_add_str(&b, image_str(img, img->stores[t->label].name));
	if (t->says_by) {
		buf_add_str(&b, " by ");
		buf_add_str(&b, by(img, t->rule));
	}
	buf_printf(&b, ", but the policy says %s by ", d.verdict == PW_ALLOW ? "allow" : "deny");
	buf_add_str(&b, by(img, d.rule));
	return b.failed ? err_set(e, -ENOMEM, "run the tests of the policy") : err_say(e, -EINVAL, "%s", b.data);
}

int table_tests(const struct image *img, struct err *e)
{
	for (__u32 i = 0; i < img->count[PW_SEC_TESTS]; i++) {
		int r = table_test(img, i, e);

		if (r < 0)
			return r;
	}
	return 0;
}
