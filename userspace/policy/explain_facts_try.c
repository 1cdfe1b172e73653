/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded subject, changed: which roles it would have had for certain and which perhaps. Every combination of the uncertain ones
 * goes through the tables; one that does not turn the outcome is enough to keep a change from being told.
 */
#include "policy/explain_facts.h"

#include <errno.h>

#define UNCERTAIN_MAX 6u

struct changed { struct pw_facts f; uint64_t members, programs, units; bool program, unit; uint64_t without; };

static void apply(const struct fact_work *w, const struct fact_edit *e, struct changed *c)
{
	switch (e->kind) {
	case FACT_MFA:     c->f.mfa_age_s = e->value; break;
	case FACT_PURPOSE: c->f.purpose = e->value; break;
	case FACT_TIME:    c->f.windows = e->value; break;
	case FACT_PROGRAM: c->programs |= e->roles; c->program = true; break;
	case FACT_UNIT:    c->units |= e->roles; c->unit = true; break;
	case FACT_JOIN:
		/* Who acts as another, and root, gets from a group only what takes away. */
		c->members |= pw_groups_count(w->rec->uid, w->rec->login_uid) ? e->roles : e->roles & w->img->gen->loose;
		break;
	case FACT_WITHOUT: c->without |= e->roles; break;
	case FACT_KINDS:
	default:           break;
	}
}

/* Roles that bring none of these: what is left of a subject when they are taken away. */
static uint64_t left_over(const struct pw_gen *g, uint64_t roles, uint64_t without)
{
	uint64_t left = 0;

	for (uint32_t r = 0; r < PW_ROLES_MAX; r++)
		if ((roles >> r & 1) && (g->startable >> r & 1) && !(g->closure[r] & without))
			left |= UINT64_C(1) << r;
	return pw_roles_close(g, left);
}

static uint64_t roles_of_uid(const struct image *img, uint32_t uid)
{
	for (__u32 i = 0; i < img->count[PW_SEC_ATTRS]; i++)
		if (img->attrs[i].kind == PW_ATTR_UID && img->attrs[i].id == uid)
			return img->attrs[i].roles;
	return 0;
}

/* By name the subject is a member of these for certain, for the record has its uid. */
static uint64_t named_members(const struct fact_work *w)
{
	uint64_t user = roles_of_uid(w->img, w->rec->uid), loose = user;

	if (w->rec->login_uid != TABLE_ID_NONE)
		loose |= roles_of_uid(w->img, w->rec->login_uid);
	return pw_members(w->img->gen, pw_user_counts(w->rec->uid, w->rec->login_uid) ? user : 0, loose);
}

/*
 * A role that was off may be on after a change that meets one of its clauses. It is on for certain if the others are known to hold, and
 * perhaps if the record does not say.
 */
static void new_roles(const struct fact_work *w, const struct changed *c, uint64_t *ret_on, uint64_t *ret_perhaps)
{
	const struct pw_gen *g = w->img->gen;
	uint64_t named = named_members(w), touched = c->members | c->programs | c->units;
	uint64_t off = g->startable & ~w->rec->facts.roles & touched;

	*ret_on = *ret_perhaps = 0;
	for (uint32_t r = 0; r < PW_ROLES_MAX; r++) {
		uint64_t bit = UINT64_C(1) << r;
		bool member = (g->members_any | c->members | named) & bit, program = g->program_any & bit, unit = g->unit_any & bit;
		bool never = (c->program && !program && !(c->programs & bit)) || (c->unit && !unit && !(c->units & bit));

		if (!(off & bit) || never)
			continue;
		program |= c->program;
		unit |= c->unit;
		*(member && program && unit ? ret_on : ret_perhaps) |= bit;
	}
}

static bool turned(const struct fact_work *w, const struct pw_decision *d)
{
	switch (w->rec->verdict) {
	case PW_ALLOW: return d->verdict != PW_ALLOW;
	case PW_AUDIT: return d->verdict == PW_ALLOW;
	default:       return d->verdict != PW_DENY;
	}
}

int fact_try(const struct fact_work *w, const struct fact_edit *const *edits, size_t count, struct pw_decision *ret)
{
	const struct pw_gen *g = w->img->gen;
	struct changed c = { .f = w->rec->facts };
	uint64_t on, perhaps, bits[UNCERTAIN_MAX];
	uint32_t open = 0;
	bool all = true;

	for (size_t i = 0; i < count; i++)
		apply(w, edits[i], &c);
	if (c.without)
		c.f.roles = left_over(g, c.f.roles, c.without);
	new_roles(w, &c, &on, &perhaps);
	for (uint32_t r = 0; r < PW_ROLES_MAX; r++) {
		if (!(perhaps >> r & 1))
			continue;
		if (open == UNCERTAIN_MAX)
			return -E2BIG;
		bits[open++] = UINT64_C(1) << r;
	}
	for (uint32_t set = 0; set < 1u << open && (all || !set); set++) {
		struct pw_facts f = c.f;
		struct pw_decision d;
		uint64_t roles = on;

		for (uint32_t i = 0; i < open; i++)
			roles |= set >> i & 1 ? bits[i] : 0;
		f.roles |= pw_roles_close(g, roles);
		d = table_decide(w->img, table_row(w->img, f.roles), w->rec->label, &f, w->rec->need);
		if (!set)
			*ret = d;
		all &= turned(w, &d);
	}
	return all;
}
