/* SPDX-License-Identifier: Apache-2.0 */
/* Zones, the moments that depend on them, and what tests name. */
#include "policy/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/stamp.h"

#define SOME_MOMENT_S INT64_C(1767225600) /* 2026-01-01T00:00Z: any moment will do to ask whether a zone exists */
#define DAY_S         INT64_C(86400)

static void zone_fault(struct resolver *r, const struct ast_time *t, int status)
{
	if (status == -ENODATA)
		(void)diag(r->d, DIAG_ERROR, "no-zones", t->zone.span,
			   "this host has no tz database, so zone '%.64s' cannot be read; install the package tzdata, or use UTC",
			   t->zone.text);
	else if (status == -ENOENT)
		(void)diag(r->d, DIAG_ERROR, "unknown-zone", t->zone.span,
			   "unknown zone '%.64s'; write a zone of the tz database, as in Europe/Berlin or UTC", t->zone.text);
	else
		(void)diag(r->d, DIAG_ERROR, "unknown-zone", t->zone.span, "cannot read zone '%.64s': %s; reinstall the package tzdata",
			   t->zone.text, strerror(-status));
}

void resolve_times(struct resolver *r)
{
	const struct ast *a = r->a;

	for (size_t i = 0; i < a->times.count; i++) {
		_free_ struct names_shift *shifts = NULL;
		size_t count = 0;
		int status = a->times.v[i].zone.text ?
			     r->n->zone(r->n->ctx, a->times.v[i].zone.text, SOME_MOMENT_S, 1, &shifts, &count) : 0;

		if (status == -ENOMEM)
			r->nomem = true;
		else if (status < 0)
			zone_fault(r, &a->times.v[i], status);
	}
}

/* A moment without a zone is meant in the zone that all time blocks share, and in UTC if they share none. */
static const char *local_zone(const struct ast *a)
{
	const char *zone = a->times.count ? a->times.v[0].zone.text : NULL;

	for (size_t i = 1; zone && i < a->times.count; i++)
		if (!a->times.v[i].zone.text || strcmp(zone, a->times.v[i].zone.text))
			return NULL;
	return zone;
}

/*
 * The UTC moment at which clocks show local_s. Where clocks show it twice, the first time; where they skip it, as if they had
 * not yet been moved.
 */
static int64_t to_utc(const struct names_shift *shifts, size_t count, int64_t local_s)
{
	for (size_t i = 0; i < count; i++) {
		int64_t utc_s = local_s - shifts[i].offset_s;

		if ((i == 0 || utc_s >= shifts[i].from_utc_s) && (i + 1 == count || utc_s < shifts[i + 1].from_utc_s))
			return utc_s;
	}
	return local_s - shifts[0].offset_s;
}

static void moment(struct resolver *r, struct ast_subject *as)
{
	_free_ struct names_shift *shifts = NULL;
	const char *zone = local_zone(r->a);
	size_t count = 0;
	int64_t local_s;
	bool local;

	/* From the text, so that resolving a second time gives the same moment. */
	if (!as->has_at || !as->at_text || !zone || stamp_parse(as->at_text, strlen(as->at_text), &local_s, &local) < 0 || !local)
		return;
	/* A missing zone was reported with its time block. Two days earlier every zone's offset of the day before is in force. */
	if (r->n->zone(r->n->ctx, zone, local_s - 2 * DAY_S, 1, &shifts, &count) == 0 && count)
		as->at_utc_s = to_utc(shifts, count, local_s);
}

static void subject(struct resolver *r, struct ast_subject *as)
{
	if (as->user.text)
		(void)resolve_principal(r, false, &as->user);
	for (size_t i = 0; i < as->groups.count; i++)
		(void)resolve_principal(r, true, &as->groups.v[i]);
	as->program_idx = as->program.text ? resolve_name(r, SYMBOL_PROGRAM, &as->program) : AST_NONE;
	as->purpose_idx = as->purpose.text ? resolve_name(r, SYMBOL_PURPOSE, &as->purpose) : AST_NONE;
	moment(r, as);
}

static void expect(struct resolver *r, struct ast_expect *e)
{
	e->action_bit = resolve_action(r, &e->action);
	e->store_idx = resolve_name(r, SYMBOL_STORE, &e->store);
	e->rule_idx = AST_NONE;
	if (!e->has_by)
		return;
	if (strcmp(e->by.text, "default"))
		e->rule_idx = resolve_name(r, SYMBOL_RULE, &e->by);
	else if (!e->deny)
		(void)diag(r->d, DIAG_ERROR, "default-allow", e->by.span,
			   "nothing is allowed by default inside a store; name the rule that allows this");
	if (e->rule_idx != AST_NONE && r->a->rules.v[e->rule_idx].deny != e->deny)
		(void)diag(r->d, DIAG_ERROR, "wrong-rule", e->by.span, "rule '%s' is %s rule, and so cannot %s", e->by.text,
			   e->deny ? "an allow" : "a deny", e->deny ? "refuse this" : "allow this");
}

void resolve_tests(struct resolver *r)
{
	for (size_t i = 0; i < r->a->tests.count; i++)
		for (size_t k = 0; k < r->a->tests.v[i].cases_count; k++) {
			struct ast_case *c = &r->a->tests.v[i].cases[k];

			subject(r, &c->as);
			for (size_t x = 0; x < c->expects_count; x++)
				expect(r, &c->expects[x]);
		}
}
