/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time blocks that some rule asks for, and expiries ("until T", of a mode audit or of a rule), become windows: one bit each. A zone's offsets from UTC go into
 * the image for years ahead, so that the host that enforces needs no tz database. Whether a window is open is table.c's to say.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define YEAR_S        (INT64_C(366) * 86400)
#define YEARS_AHEAD   15
#define YEARS_AT_MOST 120

bool compile_still(const struct compiler *c, enum ast_mode mode, int64_t until_utc_s)
{
	return mode == AST_MODE_AUDIT && (!until_utc_s || until_utc_s > c->now_utc_s);
}

static size_t windows_count(const struct compiler *c)
{
	return c->sec[PW_SEC_WINDOWS].len_bytes / sizeof(struct pw_img_window);
}

uint32_t compile_until_window(const struct compiler *c, int64_t until_utc_s)
{
	const struct pw_img_window *w = (const struct pw_img_window *)c->sec[PW_SEC_WINDOWS].data;

	for (uint32_t i = 0; i < windows_count(c); i++)
		if (w[i].until_utc_s == until_utc_s)
			return i;
	return AST_NONE;
}

/* From a year before the earliest moment that matters to 15 years after the latest. */
static void years(const struct compiler *c, int64_t *ret_from_utc_s, int *ret_years)
{
	int64_t first = c->now_utc_s, last = c->now_utc_s, span;

	for (size_t i = 0; i < c->a->tests.count; i++)
		for (size_t k = 0; k < c->a->tests.v[i].cases_count; k++) {
			const struct ast_subject *as = &c->a->tests.v[i].cases[k].as;

			if (as->has_at && as->at_utc_s < first)
				first = as->at_utc_s;
			if (as->has_at && as->at_utc_s > last)
				last = as->at_utc_s;
		}
	span = (last - first) / YEAR_S + 2 + YEARS_AHEAD;
	*ret_from_utc_s = first - YEAR_S;
	*ret_years = span < YEARS_AT_MOST ? (int)span : YEARS_AT_MOST;
}

static int add_shifts(struct compiler *c, const struct ast_time *t, struct pw_img_window *w)
{
	_free_ struct names_shift *shifts = NULL;
	const char *zone = t->zone.text ? t->zone.text : "UTC";
	int64_t from_utc_s;
	size_t count = 0;
	int years_count, r;

	years(c, &from_utc_s, &years_count);
	r = c->n->zone(c->n->ctx, zone, from_utc_s, years_count, &shifts, &count);
	if (r == -ENOENT)
		return diag(c->d, DIAG_ERROR, "unknown-zone", t->zone.span, "no time zone '%s' in this host's tz database; write a "
			    "name such as Europe/Berlin, or UTC", zone);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return diag(c->d, DIAG_ERROR, "unknown-zone", t->zone.span, "cannot read zone '%s': %s; reinstall the package tzdata", zone,
			    strerror(-r));
	if (!count)
		return diag(c->d, DIAG_ERROR, "unknown-zone", t->zone.span, "this host's tz database gives no offset for zone '%s'; "
			    "install tzdata, or use UTC", zone);
	w->shift_first = (__u32)(c->sec[PW_SEC_SHIFTS].len_bytes / sizeof(struct pw_img_shift));
	w->shift_count = (__u32)count;
	for (size_t i = 0; i < count; i++) {
		struct pw_img_shift out = { .from_utc_s = shifts[i].from_utc_s, .offset_s = shifts[i].offset_s };

		buf_add(&c->sec[PW_SEC_SHIFTS], &out, sizeof(out));
	}
	return c->sec[PW_SEC_SHIFTS].failed ? -ENOMEM : 0; /* tests read them at once */
}

/* Windows of the same zone share its shifts. */
static int find_shifts(struct compiler *c, size_t index, struct pw_img_window *w)
{
	const struct ast_time *t = &c->a->times.v[index];
	const struct pw_img_window *have = (const struct pw_img_window *)c->sec[PW_SEC_WINDOWS].data;

	for (size_t i = 0; i < index; i++) {
		const char *a = t->zone.text ? t->zone.text : "UTC";
		const char *b = c->a->times.v[i].zone.text ? c->a->times.v[i].zone.text : "UTC";

		if (c->time_window[i] == AST_NONE || strcmp(a, b) != 0)
			continue;
		w->shift_first = have[c->time_window[i]].shift_first;
		w->shift_count = have[c->time_window[i]].shift_count;
		return 0;
	}
	return add_shifts(c, t, w);
}

static int add_window(struct compiler *c, const struct pw_img_window *w, struct span span)
{
	if (windows_count(c) == PW_WINDOWS_MAX)
		return diag(c->d, DIAG_ERROR, "limit-windows", span, "this does not fit: a policy has room for %u times and "
			    "expiries together; merge times with the same days and hours, or use one date for several "
			    "'until'", PW_WINDOWS_MAX);
	buf_add(&c->sec[PW_SEC_WINDOWS], w, sizeof(*w));
	return c->sec[PW_SEC_WINDOWS].failed ? -ENOMEM : 0; /* its bit is counted from here: a missing one would be another's */
}

static int add_until(struct compiler *c, enum ast_mode mode, int64_t until_utc_s, struct span span)
{
	struct pw_img_window w = { .until_utc_s = until_utc_s };

	if (!compile_still(c, mode, until_utc_s) || !until_utc_s || compile_until_window(c, until_utc_s) != AST_NONE)
		return 0;
	if (compile_str(c, "until", &w.name) < 0)
		return -ENOMEM;
	return add_window(c, &w, span);
}

static void mark_used(const struct ast_conds *conds, bool *used)
{
	for (size_t i = 0; i < conds->count; i++)
		for (size_t k = 0; conds->v[i].kind == AST_COND_DURING && k < conds->v[i].values.count; k++)
			used[conds->v[i].value_idx[k]] = true;
}

static int add_times(struct compiler *c)
{
	const struct ast *a = c->a;
	_free_ bool *used = calloc(a->times.count + 1, sizeof(*used));
	int r;

	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < a->rules.count; i++) {
		mark_used(&a->rules.v[i].when, used);
		mark_used(&a->rules.v[i].unless, used);
	}
	for (size_t i = 0; i < a->times.count; i++) {
		const struct ast_time *t = &a->times.v[i];
		struct pw_img_window w = { .days = t->days, .start_min = t->start_min, .end_min = t->end_min };

		c->time_window[i] = AST_NONE;
		if (!used[i])
			continue;
		r = find_shifts(c, i, &w);
		if (r == 0)
			r = compile_str(c, t->name.text, &w.name);
		if (r == 0)
			r = add_window(c, &w, t->span);
		if (r < 0)
			return r;
		c->time_window[i] = (uint32_t)windows_count(c) - 1;
	}
	return 0;
}

/* Mode audit of the policy and of the store: whichever lasts longer. */
static int store_modes(struct compiler *c)
{
	const struct ast_policy *p = &c->a->policy;
	bool policy_audits = c->a->has_policy && compile_still(c, p->mode, p->audit_until_utc_s);

	for (size_t i = 0; i < c->a->stores.count; i++) {
		const struct ast_store *s = &c->a->stores.v[i];
		bool audits = compile_still(c, s->mode, s->audit_until_utc_s);
		bool for_ever = (policy_audits && !p->audit_until_utc_s) || (audits && !s->audit_until_utc_s);
		int64_t until = audits ? s->audit_until_utc_s : 0;
		struct span span = s->span;
		int r;

		c->store_audits[i] = audits || policy_audits;
		if (for_ever || !c->store_audits[i])
			continue;
		if (policy_audits && p->audit_until_utc_s > until) {
			until = p->audit_until_utc_s;
			span = p->span;
		}
		r = add_until(c, AST_MODE_AUDIT, until, span);
		if (r < 0)
			return r;
		c->store_audit_window[i] = (uint8_t)(1 + compile_until_window(c, until));
	}
	return 0;
}

int compile_windows(struct compiler *c)
{
	const struct ast *a = c->a;
	int r;

	c->time_window = calloc(a->times.count + 1, sizeof(*c->time_window));
	c->store_audit_window = calloc(a->stores.count + 1, sizeof(*c->store_audit_window));
	c->store_audits = calloc(a->stores.count + 1, sizeof(*c->store_audits));
	if (!c->time_window || !c->store_audit_window || !c->store_audits)
		return -ENOMEM;
	r = add_times(c);
	if (r == 0)
		r = store_modes(c);
	for (size_t i = 0; i < a->rules.count && r == 0; i++) {
		r = add_until(c, a->rules.v[i].mode, a->rules.v[i].audit_until_utc_s, a->rules.v[i].span);
		if (r == 0)
			r = add_until(c, AST_MODE_AUDIT, a->rules.v[i].until_utc_s, a->rules.v[i].span);
	}
	return r;
}
