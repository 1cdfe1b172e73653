/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy language read aloud: rule by rule, word by word, as slowly as it takes. Written from the description of the language,
 * on purpose without decide.h, without tables, and with another way of telling the time. Must share no code with what it tests.
 */
#include <string.h>
#include <time.h>

#include "world.h"

/* ---- who ---- */

/* su and its like do not carry a name: a login user that is set must be the user. */
static bool has_a_name(const struct access *x)
{
	return x->login_uid == 0xffffffffu || x->login_uid == x->uid;
}

static bool is_user(const struct access *x, uint32_t uid)
{
	return has_a_name(x) && x->uid == uid;
}

/* Root is nobody's member: it gains by name only. */
static bool is_in_group(const struct access *x, uint32_t gid)
{
	if (!has_a_name(x) || x->uid == 0)
		return false;
	for (size_t i = 0; i < x->gids_count; i++)
		if (x->gids[i] == gid)
			return true;
	return false;
}

/* What takes access away looks closer: nobody gets rid of a name by becoming somebody else, nor of a group by being root. */
static bool was_ever_user(const struct access *x, uint32_t uid)
{
	return x->uid == uid || (x->login_uid == uid && uid != 0xffffffffu);
}

static bool carries_group(const struct access *x, uint32_t gid)
{
	for (size_t i = 0; i < x->gids_count; i++)
		if (x->gids[i] == gid)
			return true;
	return false;
}

static bool runs(const struct ast *a, const struct access *x, uint32_t program)
{
	const struct ast_program *mine, *wanted = &a->programs.v[program];

	if (x->program == AST_NONE)
		return false;
	mine = &a->programs.v[x->program];
	if (strcmp(mine->exe.text, wanted->exe.text) != 0)
		return false;
	if (!wanted->has_verity)
		return true;
	return mine->has_verity && memcmp(mine->verity, wanted->verity, sizeof(mine->verity)) == 0;
}

static bool in_unit(const struct access *x, const char *unit)
{
	return x->unit && strcmp(x->unit, unit) == 0;
}

static bool clauses_hold(const struct ast *a, const struct access *x, const struct ast_role *role)
{
	bool member = role->members.count == 0, program = role->programs.count == 0, unit = role->units.count == 0;

	for (size_t i = 0; i < role->members.count; i++) {
		const struct ast_member *m = &role->members.v[i];

		member |= m->is_group ? is_in_group(x, m->id) : is_user(x, m->id);
	}
	for (size_t i = 0; i < role->programs.count; i++)
		program |= runs(a, x, role->program_idx[i]);
	for (size_t i = 0; i < role->units.count; i++)
		unit |= in_unit(x, role->units.v[i].text);
	return member && program && unit;
}

/* Does role `from` inherit `to`, at any distance, or is it the same? */
static bool reaches(const struct ast *a, uint32_t from, uint32_t to)
{
	if (from == to)
		return true;
	for (size_t i = 0; i < a->roles.v[from].inherits.count; i++)
		if (reaches(a, a->roles.v[from].inherit_idx[i], to))
			return true;
	return false;
}

static bool has_role(const struct ast *a, const struct access *x, uint32_t role)
{
	for (uint32_t r = 0; r < a->roles.count; r++)
		if (!a->roles.v[r].abstract && clauses_hold(a, x, &a->roles.v[r]) && reaches(a, r, role))
			return true;
	return false;
}

/* ---- when ---- */

static bool open_at(const struct world *w, const struct ast_time *t, int64_t utc_s)
{
	uint32_t zone = 0;
	int32_t offset;
	time_t local;
	struct tm tm;
	int today, minute, start = t->start_min, end = t->end_min;

	while (strcmp(w->zones[zone], t->zone.text) != 0)
		zone++;
	offset = w->shifts[zone][0].offset_s;
	for (size_t i = 0; i < w->shifts_count[zone]; i++)
		if (w->shifts[zone][i].from_utc_s <= utc_s)
			offset = w->shifts[zone][i].offset_s;
	local = (time_t)(utc_s + offset);
	gmtime_r(&local, &tm);
	today = tm.tm_wday == 0 ? 6 : tm.tm_wday - 1;
	minute = tm.tm_hour * 60 + tm.tm_min;
	if (start == 0 && end == 0)
		end = 1440;
	/* Look at the window that began today and at the one that began yesterday, on one line of minutes. */
	for (int back = 0; back <= 1; back++) {
		int day = (today - back + 7) % 7, at = minute + back * 1440, stop = end <= start ? end + 1440 : end;

		if ((t->days & (1u << day)) && at >= start && at < stop)
			return true;
	}
	return false;
}

static bool on_trial(enum ast_mode m, int64_t until, int64_t utc_s)
{
	return m == AST_MODE_AUDIT && (until == 0 || utc_s < until);
}

/* ---- rules ---- */

static bool value_holds(const struct world *w, const struct ast *a, const struct access *x, const struct ast_cond *c, size_t i, bool loss)
{
	if (loss && c->kind == AST_COND_USER)
		return was_ever_user(x, c->value_idx[i]);
	if (loss && c->kind == AST_COND_GROUP)
		return carries_group(x, c->value_idx[i]);
	switch (c->kind) {
	case AST_COND_DURING:  return open_at(w, &a->times.v[c->value_idx[i]], x->utc_s);
	case AST_COND_PURPOSE: return x->purpose != AST_NONE && x->purpose == c->value_idx[i];
	case AST_COND_USER:    return is_user(x, c->value_idx[i]);
	case AST_COND_GROUP:   return is_in_group(x, c->value_idx[i]);
	case AST_COND_ROLE:    return has_role(a, x, c->value_idx[i]);
	case AST_COND_PROGRAM: return runs(a, x, c->value_idx[i]);
	case AST_COND_UNIT:    return in_unit(x, c->values.v[i].text);
	case AST_COND_MFA:
	default:               return false;
	}
}

/* loss: access is lost if this holds. */
static bool atom_holds(const struct world *w, const struct ast *a, const struct access *x, const struct ast_cond *c, bool loss)
{
	if (c->kind == AST_COND_MFA)
		return x->has_mfa && x->mfa_age_s <= c->mfa_within_s;
	for (size_t i = 0; i < c->values.count; i++)
		if (value_holds(w, a, x, c, i, loss))
			return true;
	return false;
}

static bool rule_speaks(const struct world *w, const struct ast *a, const struct access *x, const struct ast_rule *rule)
{
	bool who = rule->any_role, where = false;

	for (size_t i = 0; i < rule->roles.count && !who; i++)
		who = has_role(a, x, rule->role_idx[i]);
	for (size_t i = 0; i < rule->store_idx_count; i++)
		where |= rule->store_idx[i] == x->store;
	if (!who || !where)
		return false;
	for (size_t i = 0; i < rule->when.count; i++)
		if (!atom_holds(w, a, x, &rule->when.v[i], rule->deny))
			return false;
	for (size_t i = 0; i < rule->unless.count; i++)
		if (atom_holds(w, a, x, &rule->unless.v[i], !rule->deny))
			return false;
	return true;
}

/* Whoever may read may stat, lock and watch too, and so on; a deny is meant literally. */
static bool names_action(const struct ast_rule *rule, uint32_t action)
{
	uint32_t m = rule->action_mask;

	if (m & action)
		return true;
	if (rule->deny)
		return false;
	switch (action) {
	case PW_A_STAT:  return m & (PW_A_READ | PW_A_LIST | PW_A_WRITE);
	case PW_A_LOCK:  return m & (PW_A_READ | PW_A_WRITE);
	case PW_A_WATCH: return m & (PW_A_READ | PW_A_LIST);
	case PW_A_ATTR:  return m & PW_A_WRITE;
	case PW_A_LINK:  return m & PW_A_CREATE;
	default:         return false;
	}
}

enum voice { VOICE_ABSOLUTE, VOICE_DENY, VOICE_TRIAL, VOICE_ALLOW, VOICES };

static enum voice voice_of(const struct ast_rule *rule, int64_t utc_s)
{
	if (!rule->deny)
		return VOICE_ALLOW;
	if (on_trial(rule->mode, rule->audit_until_utc_s, utc_s))
		return VOICE_TRIAL;
	return rule->absolute ? VOICE_ABSOLUTE : VOICE_DENY;
}

struct answer interpret(const struct world *w, const struct ast *a, const struct access *x)
{
	uint32_t actions[VOICES] = { 0 }, first[VOICES] = { 0 };
	struct answer no = { .verdict = PW_DENY };
	bool trial = on_trial(a->policy.mode, a->policy.audit_until_utc_s, x->utc_s) ||
		     on_trial(a->stores.v[x->store].mode, a->stores.v[x->store].audit_until_utc_s, x->utc_s);

	for (uint32_t i = 0; i < a->rules.count; i++) {
		enum voice v = voice_of(&a->rules.v[i], x->utc_s);

		if (!rule_speaks(w, a, x, &a->rules.v[i]))
			continue;
		if (a->rules.v[i].until_utc_s && x->utc_s >= a->rules.v[i].until_utc_s)
			continue;
		for (uint32_t bit = 1; bit <= PW_A_CONNECT; bit <<= 1) {
			if (!(x->need & bit) || !names_action(&a->rules.v[i], bit))
				continue;
			actions[v] |= bit;
			if (!first[v])
				first[v] = i + 1;
		}
	}
	if (actions[VOICE_ABSOLUTE]) {
		no.reason = PW_R_ABSOLUTE;
		no.rule = first[VOICE_ABSOLUTE];
		no.missing = actions[VOICE_ABSOLUTE];
	} else if (actions[VOICE_DENY]) {
		no.reason = PW_R_RULE;
		no.rule = first[VOICE_DENY];
		no.missing = actions[VOICE_DENY];
	} else if (actions[VOICE_ALLOW] != x->need) {
		no.reason = PW_R_DEFAULT;
		no.missing = x->need & ~actions[VOICE_ALLOW];
	} else if (actions[VOICE_TRIAL]) {
		return (struct answer){ PW_AUDIT, PW_R_RULE, first[VOICE_TRIAL], actions[VOICE_TRIAL] };
	} else {
		return (struct answer){ PW_ALLOW, PW_R_RULE, first[VOICE_ALLOW], 0 };
	}
	if (trial)
		no.verdict = PW_AUDIT;
	return no;
}
