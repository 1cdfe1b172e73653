/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies as resolved trees, and random accesses that lie close to what the policy speaks about: second factors at the
 * edge of their age, moments at the edge of a window, groups that the name service did not list.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/decide.h>

#define MORE(list) ({ \
	(list).v = grow((list).v, (list).count, sizeof(*(list).v)); \
	&(list).v[(list).count++]; })
#define SPAN ((struct span){ .file = SPAN_NONE })

static void *grow(void *v, size_t count, size_t size)
{
	char *p = reallocarray(v, count + 1, size);

	if (!p)
		abort();
	memset(p + count * size, 0, size);
	return p;
}

static struct ast_word word(const char *prefix, uint32_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%s%u", prefix, n);
	return (struct ast_word){ .text = strdup(text), .span = SPAN };
}

static struct ast_word copy(const char *text)
{
	return (struct ast_word){ .text = strdup(text), .span = SPAN };
}

static void add_word(struct ast_words *words, struct ast_word text)
{
	*MORE(*words) = text;
}

static void add_index(uint32_t **v, size_t count, uint32_t index)
{
	*v = grow(*v, count, sizeof(**v));
	(*v)[count] = index;
}

/* Audit until: never, past at compile time, or within the days that accesses come from. */
static void mode(struct random *r, uint32_t one_in, enum ast_mode *ret_mode, int64_t *ret_until)
{
	*ret_mode = random_one_in(r, one_in) ? AST_MODE_AUDIT : AST_MODE_ENFORCE;
	*ret_until = 0;
	if (*ret_mode == AST_MODE_AUDIT && !random_one_in(r, 3))
		*ret_until = WORLD_NOW + (random_one_in(r, 4) ? -86400 : 86400 * (int64_t)(1 + random_below(r, 20)));
}

static void vocabulary(struct ast *a, const struct world *w, struct random *r)
{
	static const char *const exes[] = { "/opt/a", "/opt/b", "/opt/c" };
	uint32_t n = random_below(r, 5);

	for (uint32_t i = 0; i < n; i++) {
		struct ast_time *t = MORE(a->times);

		*t = (struct ast_time){ .name = word("t", i), .zone = copy(w->zones[random_below(r, WORLD_ZONES)]), .span = SPAN };
		t->days = 1 + random_below(r, 127);
		if (!random_one_in(r, 5)) {
			t->start_min = (uint16_t)random_below(r, 1440);
			t->end_min = (uint16_t)random_below(r, 1441);
		}
	}
	n = random_below(r, 4);
	for (uint32_t i = 0; i < n; i++)
		*MORE(a->purposes) = (struct ast_purpose){ .name = word("p", i), .text = word("purpose ", i), .span = SPAN };
	n = random_below(r, 5);
	for (uint32_t i = 0; i < n; i++) {
		struct ast_program *p = MORE(a->programs);

		*p = (struct ast_program){ .name = word("x", i), .exe = copy(exes[random_below(r, 3)]), .span = SPAN };
		p->has_verity = random_one_in(r, 4);
		memset(p->verity, p->has_verity ? (int)random_below(r, 2) + 1 : 0, sizeof(p->verity));
	}
	n = 1 + random_below(r, 4);
	for (uint32_t i = 0; i < n; i++) {
		struct ast_store *s = MORE(a->stores);

		*s = (struct ast_store){ .name = word("s", i), .path = word("/srv/s", i), .modality = copy("image"),
					 .class_ = word("c", random_below(r, 2)), .span = SPAN };
		mode(r, 6, &s->mode, &s->audit_until_utc_s);
		/* Words that speak about records and mappings: no verdict may depend on them. */
		s->strict = random_one_in(r, 3);
		s->on_tighten.kind = (enum ast_tighten_kind)random_below(r, 3);
		s->on_tighten.kill_after_s = s->on_tighten.kind == AST_TIGHTEN_KILL ? random_below(r, PW_IMG_KILL_MAX_S + 1) : 0;
	}
}

static void members(struct ast_members *m, const struct world *w, struct random *r, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct ast_member *one = MORE(*m);
		uint32_t n;

		one->is_group = !random_one_in(r, 3);
		n = random_below(r, one->is_group ? WORLD_GROUPS : WORLD_USERS);
		one->name = copy(one->is_group ? w->groups[n] : w->users[n]);
		one->id = one->is_group ? w->gids[n] : w->uids[n];
	}
}

static void roles(struct ast *a, const struct world *w, struct random *r)
{
	uint32_t n = 1 + random_below(r, 9);

	for (uint32_t i = 0; i < n; i++) {
		struct ast_role *role = MORE(a->roles);

		*role = (struct ast_role){ .name = word("r", i), .span = SPAN, .closure = UINT64_C(1) << i };
		role->abstract = random_one_in(r, 5);
		if (!random_one_in(r, 5))
			members(&role->members, w, r, 1 + random_below(r, 3));
		if (a->programs.count && random_one_in(r, 4))
			for (uint32_t k = 0; k < 1 + random_below(r, 2); k++) {
				uint32_t p = random_below(r, (uint32_t)a->programs.count);

				add_index(&role->program_idx, role->programs.count, p);
				add_word(&role->programs, copy(a->programs.v[p].name.text));
			}
		if (random_one_in(r, 5))
			add_word(&role->units, word("unit", random_below(r, 3)));
		for (uint32_t k = 0; k < i; k++)
			if (random_one_in(r, 4)) {
				add_index(&role->inherit_idx, role->inherits.count, k);
				add_word(&role->inherits, word("r", k));
				role->closure |= a->roles.v[k].closure;
			}
	}
}

static void cond_value(struct ast_cond *c, uint32_t index, struct ast_word text)
{
	add_index(&c->value_idx, c->values.count, index);
	add_word(&c->values, text);
}

/* False: this policy has nothing that such an atom could speak about. */
static bool cond(const struct ast *a, const struct world *w, struct random *r, struct ast_cond *c)
{
	uint32_t values = 1 + random_below(r, 3) / 2 + random_one_in(r, 6), n;

	*c = (struct ast_cond){ .kind = (enum ast_cond_kind)random_below(r, 8), .span = SPAN };
	for (uint32_t i = 0; i < values; i++) {
		switch (c->kind) {
		case AST_COND_DURING:
			if (!a->times.count)
				return false;
			n = random_below(r, (uint32_t)a->times.count);
			cond_value(c, n, word("t", n));
			break;
		case AST_COND_PURPOSE:
			if (!a->purposes.count)
				return false;
			n = random_below(r, (uint32_t)a->purposes.count);
			cond_value(c, n, word("p", n));
			break;
		case AST_COND_MFA:
			c->mfa_within_s = 60u << random_below(r, 5);
			break;
		case AST_COND_USER:
			n = random_below(r, WORLD_USERS);
			cond_value(c, w->uids[n], copy(w->users[n]));
			break;
		case AST_COND_GROUP:
			n = random_below(r, WORLD_GROUPS);
			cond_value(c, w->gids[n], copy(w->groups[n]));
			break;
		case AST_COND_ROLE:
			n = random_below(r, (uint32_t)a->roles.count);
			cond_value(c, n, word("r", n));
			break;
		case AST_COND_PROGRAM:
			if (!a->programs.count)
				return false;
			n = random_below(r, (uint32_t)a->programs.count);
			cond_value(c, n, word("x", n));
			break;
		case AST_COND_UNIT:
		default:
			cond_value(c, AST_NONE, word("unit", random_below(r, 3)));
			break;
		}
	}
	return true;
}

static void conds(const struct ast *a, const struct world *w, struct random *r, uint32_t count, struct ast_conds *ret)
{
	for (uint32_t i = 0; i < count; i++) {
		struct ast_cond c;

		if (cond(a, w, r, &c))
			*MORE(*ret) = c;
	}
}

static void rule_place(const struct ast *a, struct random *r, struct ast_rule *rule)
{
	char class_[8];

	rule->on_kind = (enum ast_on_kind)random_below(r, 3);
	(void)snprintf(class_, sizeof(class_), "c%u", random_below(r, 2));
	for (uint32_t s = 0; s < a->stores.count; s++) {
		bool on = rule->on_kind == AST_ON_ANY || (rule->on_kind == AST_ON_STORES && (s == 0 || random_one_in(r, 2))) ||
			  (rule->on_kind == AST_ON_CLASS && strcmp(a->stores.v[s].class_.text, class_) == 0);

		if (!on)
			continue;
		add_index(&rule->store_idx, rule->store_idx_count++, s);
		if (rule->on_kind == AST_ON_STORES)
			add_word(&rule->on, word("s", s));
	}
	if (rule->on_kind == AST_ON_CLASS)
		add_word(&rule->on, copy(class_));
}

static void rule_actions(struct random *r, struct ast_rule *rule)
{
	static const struct { uint32_t bit; const char *text; } all[] = {
#define PW_ACTION(name, bit, text, brings, meaning) { PW_A_##name, text },
#include <polyward/actions.def>
#undef PW_ACTION
	};
	uint32_t n = 1 + random_below(r, 3);

	for (uint32_t i = 0; i < n; i++) {
		/* Mostly the four actions that rules are about, so that rules meet. */
		uint32_t k = random_one_in(r, 3) ? random_below(r, sizeof(all) / sizeof(all[0])) : random_below(r, 4);

		if (rule->action_mask & all[k].bit)
			continue;
		rule->action_mask |= all[k].bit;
		add_word(&rule->actions, copy(all[k].text));
	}
}

static void rules(struct ast *a, const struct world *w, struct random *r)
{
	uint32_t n = 1 + random_below(r, 14);

	for (uint32_t i = 0; i < n; i++) {
		struct ast_rule *rule = MORE(a->rules);

		*rule = (struct ast_rule){ .name = word("rule", i), .span = SPAN };
		rule->deny = random_one_in(r, 3);
		rule->absolute = rule->deny && random_one_in(r, 3);
		rule->any_role = random_one_in(r, 5);
		for (uint32_t k = 0; k < a->roles.count && !rule->any_role; k++)
			if (random_one_in(r, 3) || (k + 1 == a->roles.count && !rule->roles.count)) {
				add_index(&rule->role_idx, rule->roles.count, k);
				add_word(&rule->roles, word("r", k));
			}
		rule_actions(r, rule);
		rule_place(a, r, rule);
		if (!random_one_in(r, 3))
			conds(a, w, r, random_below(r, 3), &rule->when);
		if (random_one_in(r, 3))
			conds(a, w, r, 1 + random_below(r, 2), &rule->unless);
		if (rule->deny)
			mode(r, 4, &rule->mode, &rule->audit_until_utc_s);
		else if (random_one_in(r, 5))
			rule->until_utc_s = WORLD_NOW + (random_one_in(r, 4) ? -86400 : 86400 * (int64_t)(1 + random_below(r, 20)));
	}
}

struct ast *generate_policy(const struct world *w, struct random *r)
{
	struct ast *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->version = 1;
	a->has_policy = true;
	a->policy = (struct ast_policy){ .name = copy("random"), .version = copy("1"), .owner = copy("nobody"), .span = SPAN };
	mode(r, 12, &a->policy.mode, &a->policy.audit_until_utc_s);
	a->policy.log_denied_only = random_one_in(r, 2);
	vocabulary(a, w, r);
	roles(a, w, r);
	rules(a, w, r);
	return a;
}

/* ---- accesses ---- */

static uint32_t any_need(struct random *r)
{
	static const uint32_t needs[] = {
		PW_NEED_READ, PW_NEED_READ, PW_NEED_LIST, PW_NEED_STAT, PW_NEED_WRITE, PW_NEED_WRITE, PW_NEED_CREATE,
		PW_NEED_DELETE, PW_NEED_EXEC, PW_NEED_ATTR, PW_NEED_LINK, PW_NEED_LOCK, PW_NEED_LOCK_EXCL, PW_NEED_WATCH,
		PW_NEED_WATCH_DIR, PW_NEED_MOUNT, PW_A_READ | PW_A_WRITE, PW_A_CONNECT, PW_A_READ | PW_A_LIST,
	};

	if (random_one_in(r, 6))
		return 1 + random_below(r, (1u << 13) - 1);
	return needs[random_below(r, sizeof(needs) / sizeof(needs[0]))];
}

/* Within a second of a boundary as often as not. */
static int64_t any_moment(const struct ast *a, const struct world *w, struct random *r)
{
	int64_t day = WORLD_NOW + (int64_t)random_below(r, 30) * 86400, nudge = (int64_t)random_below(r, 3) - 1;
	const struct ast_time *t;
	uint32_t zone;

	if (random_one_in(r, 8))
		return day + nudge > WORLD_NOW ? day + nudge : WORLD_NOW; /* an expiry */
	if (!a->times.count || random_one_in(r, 3))
		return day + (int64_t)random_below(r, 86400);
	t = &a->times.v[random_below(r, (uint32_t)a->times.count)];
	zone = random_below(r, WORLD_ZONES);
	day = day - day % 86400 + 86400 + (random_one_in(r, 2) ? t->start_min : t->end_min) * 60 + nudge;
	return day - w->shifts[zone][random_below(r, (uint32_t)w->shifts_count[zone])].offset_s;
}

void generate_access(const struct world *w, const struct ast *a, struct random *r, struct access *ret)
{
	static const char *const units[] = { "unit0", "unit1", "unit2", "other" };
	uint32_t user = random_below(r, WORLD_USERS);

	memset(ret, 0, sizeof(*ret));
	ret->uid = random_one_in(r, 12) ? 5000 : w->uids[user];
	ret->login_uid = random_one_in(r, 2) ? 0xffffffffu : random_one_in(r, 3) ? w->uids[random_below(r, WORLD_USERS)] : ret->uid;
	for (uint32_t g = 0; g < WORLD_GROUPS; g++)
		if (w->member[user][g] != random_one_in(r, 10))
			ret->gids[ret->gids_count++] = w->gids[g];
	ret->program = a->programs.count && !random_one_in(r, 3) ? random_below(r, (uint32_t)a->programs.count) : AST_NONE;
	ret->unit = random_one_in(r, 2) ? NULL : units[random_below(r, 4)];
	ret->purpose = a->purposes.count && !random_one_in(r, 3) ? random_below(r, (uint32_t)a->purposes.count) : AST_NONE;
	ret->has_mfa = !random_one_in(r, 3);
	ret->mfa_age_s = ret->has_mfa ? (60u << random_below(r, 5)) + random_below(r, 3) - 1 : 0;
	ret->utc_s = any_moment(a, w, r);
	if (ret->utc_s < WORLD_NOW)
		ret->utc_s = WORLD_NOW;
	ret->store = random_below(r, (uint32_t)a->stores.count);
	ret->need = any_need(r);
}
