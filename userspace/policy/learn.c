/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was seen, gathered by person, and covered by roles: each time the role that explains most of what is left. Whom no role explains is
 * named, and a condition stands in a rule only if every access behind it fulfilled it.
 */
#include "policy/learn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/explain.h"
#include "policy/print.h"
#include "policy/stamp.h"

static bool same_seen(const struct learn_seen *a, const struct learn_seen *b)
{
	return a->uid == b->uid && a->roles == b->roles && a->need == b->need && a->purpose == b->purpose;
}

static void merge(struct learn_seen *into, const struct learn_seen *one)
{
	into->windows &= one->windows;
	into->programs &= one->programs;
	if (one->mfa_age_s > into->mfa_age_s)
		into->mfa_age_s = one->mfa_age_s;
	into->accesses += one->accesses;
	for (size_t i = 0; i < one->events_count && into->events_count < LEARN_EVENTS; i++)
		into->events[into->events_count++] = one->events[i];
	if (one->first_utc_s < into->first_utc_s)
		into->first_utc_s = one->first_utc_s;
	if (one->last_utc_s > into->last_utc_s)
		into->last_utc_s = one->last_utc_s;
}

int learn_add(struct learn *l, const struct learn_seen *one)
{
	struct learn_seen *v;

	for (size_t i = 0; i < l->count; i++)
		if (same_seen(&l->v[i], one)) {
			merge(&l->v[i], one);
			return 0;
		}
	v = reallocarray(l->v, l->count + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->count] = *one;
	v[l->count].user = one->user ? strdup(one->user) : NULL;
	if (one->user && !v[l->count].user)
		return -ENOMEM;
	l->count++;
	return 0;
}

void learn_free(struct learn *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->v[i].user);
	free(l->v);
	*l = (struct learn){ 0 };
}

void learn_rules_free(struct learn_rules *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->v[i].name);
		free(r->v[i].text);
		free(r->v[i].who);
		for (size_t k = 0; k < r->v[i].people_count; k++)
			free(r->v[i].people[k]);
		for (size_t k = 0; k < r->v[i].wider_count; k++)
			free(r->v[i].wider[k]);
		free(r->v[i].people);
		free(r->v[i].wider);
	}
	free(r->v);
	*r = (struct learn_rules){ 0 };
}

/* ---- who ---- */

struct work {
	const struct learn *l;
	const struct ast *a;
	const struct image *img;
	uint32_t store_idx;
	int64_t until_utc_s;
	uint32_t *role_of;        /* per seen: the role that covers it, or AST_NONE: it is named */
	struct learn_rules *out;
};

/* The role that explains the most accesses that none explains yet; AST_NONE: none explains any. */
static uint32_t best_role(const struct work *w, const bool *covered)
{
	uint64_t most = 0;
	uint32_t best = AST_NONE;

	for (uint32_t r = 0; r < w->a->roles.count; r++) {
		uint64_t n = 0;

		for (size_t i = 0; i < w->l->count; i++)
			n += !covered[i] && (w->l->v[i].roles >> r & 1) ? w->l->v[i].accesses : 0;
		if (n > most) {
			most = n;
			best = r;
		}
	}
	return best;
}

static int cover(struct work *w)
{
	_free_ bool *covered = calloc(w->l->count + 1, sizeof(*covered));
	uint32_t role;

	if (!covered)
		return -ENOMEM;
	for (size_t i = 0; i < w->l->count; i++)
		w->role_of[i] = AST_NONE;
	while ((role = best_role(w, covered)) != AST_NONE)
		for (size_t i = 0; i < w->l->count; i++)
			if (!covered[i] && (w->l->v[i].roles >> role & 1)) {
				covered[i] = true;
				w->role_of[i] = role;
			}
	return 0;
}

/* ---- under which conditions ---- */

/* What all accesses of one action by one kind of person have in common. */
struct common { uint32_t actions, purposes, windows, mfa_age_s; uint64_t programs; bool purpose_always, any; };

/* Does the seen belong to this rule: the role, or, without one, the person? */
static bool belongs(const struct work *w, size_t i, uint32_t role, uint32_t uid)
{
	return w->role_of[i] == role && (role != AST_NONE || w->l->v[i].uid == uid);
}

static void common_of(const struct work *w, uint32_t role, uint32_t uid, uint32_t action, struct common *ret)
{
	*ret = (struct common){ .actions = action, .windows = UINT32_MAX, .programs = UINT64_MAX, .purpose_always = true };
	for (size_t i = 0; i < w->l->count; i++) {
		const struct learn_seen *s = &w->l->v[i];

		if (!(s->need & action) || !belongs(w, i, role, uid))
			continue;
		ret->any = true;
		ret->windows &= s->windows;
		ret->programs &= s->programs;
		ret->purpose_always &= s->purpose != 0;
		ret->purposes |= s->purpose ? 1u << (s->purpose - 1) : 0;
		if (s->mfa_age_s > ret->mfa_age_s)
			ret->mfa_age_s = s->mfa_age_s;
	}
}

/* Minutes a week; an end is no time of the week. */
static uint32_t minutes(const struct pw_img_window *w)
{
	uint32_t start = w->start_min, end = w->end_min, day = end > start ? end - start : 1440u - start + end;

	return w->until_utc_s ? UINT32_MAX : (uint32_t)__builtin_popcount(w->days) * day;
}

static uint32_t narrowest(const struct work *w, uint32_t windows)
{
	uint32_t best = AST_NONE;

	for (uint32_t i = 0; i < w->img->count[PW_SEC_WINDOWS]; i++)
		if ((windows >> i & 1) && minutes(&w->img->windows[i]) != UINT32_MAX &&
		    (best == AST_NONE || minutes(&w->img->windows[i]) < minutes(&w->img->windows[best])))
			best = i;
	return best;
}

/* The shortest age that the policy asks for somewhere and all of them kept; 0: none. */
static uint64_t mfa_within(const struct work *w, uint32_t oldest_s)
{
	uint64_t best = 0;

	for (size_t i = 0; i < w->a->rules.count && oldest_s != PW_MFA_NEVER; i++)
		for (size_t k = 0; k < w->a->rules.v[i].when.count; k++) {
			const struct ast_cond *c = &w->a->rules.v[i].when.v[k];

			if (c->kind == AST_COND_MFA && c->mfa_within_s >= oldest_s && (!best || c->mfa_within_s < best))
				best = c->mfa_within_s;
		}
	return best;
}

static bool asks_program(const struct work *w, uint32_t role)
{
	return role != AST_NONE && w->a->roles.v[role].programs.count;
}

static void add_cond(struct buf *b, const char *words)
{
	buf_printf(b, "%s%s", b->len_bytes ? ", " : "", words);
}

static void conditions(const struct work *w, uint32_t role, const char *user, const struct common *c, struct buf *b)
{
	uint32_t window = narrowest(w, c->windows);
	uint64_t within = mfa_within(w, c->mfa_age_s);

	if (window != AST_NONE) {
		add_cond(b, "during ");
		buf_add_str(b, image_str(w->img, w->img->windows[window].name));
	}
	if (within) {
		add_cond(b, "mfa within ");
		stamp_add_duration(b, within);
	}
	if (c->programs && !asks_program(w, role)) {
		add_cond(b, "program ");
		buf_add_str(b, image_str(w->img, w->img->programs[__builtin_ctzll(c->programs)].name));
	}
	if (c->purpose_always && c->purposes) {
		bool first = true, many = __builtin_popcount(c->purposes) > 1;

		add_cond(b, many ? "purpose { " : "purpose ");
		for (uint32_t i = 0; i < w->img->count[PW_SEC_PURPOSES]; i++)
			if (c->purposes >> i & 1) {
				buf_printf(b, "%s%s", first ? "" : ", ", image_str(w->img, w->img->purposes[i]));
				first = false;
			}
		buf_add_str(b, many ? " }" : "");
	}
	if (role == AST_NONE) {
		add_cond(b, "user ");
		print_word(b, user);
	}
}

/* ---- one rule ---- */

static int add_text(char ***list, size_t *count, struct buf *text)
{
	char **v = reallocarray(*list, *count + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	*list = v;
	v[*count] = buf_take(text);
	return v[*count] ? ((*count)++, 0) : -ENOMEM;
}

static bool name_taken(const struct work *w, const char *name)
{
	for (size_t i = 0; i < w->a->rules.count; i++)
		if (strcmp(w->a->rules.v[i].name.text, name) == 0)
			return true;
	for (size_t i = 0; i < w->out->count; i++)
		if (w->out->v[i].name && strcmp(w->out->v[i].name, name) == 0)
			return true;
	return false;
}

static char *new_name(const struct work *w)
{
	for (unsigned int n = 1; n < PW_RULES_MAX; n++) {
		_buf_ struct buf b = BUF_INIT;

		buf_printf(&b, "learned-%.40s-%u", w->a->stores.v[w->store_idx].name.text, n);
		if (b.failed || !name_taken(w, b.data))
			return buf_take(&b);
	}
	return NULL;
}

/* Actions that another of them brings along need not be named. */
static uint32_t fewest(uint32_t actions)
{
	uint32_t out = actions;

	for (uint32_t bit = 1; bit <= PW_A_CONNECT; bit <<= 1)
		if ((out & bit) && (explain_brought(out & ~bit) & bit))
			out &= ~bit;
	return out;
}

static int count_seen(const struct work *w, uint32_t role, uint32_t uid, uint32_t actions, struct learn_rule *r)
{
	for (size_t i = 0; i < w->l->count; i++) {
		const struct learn_seen *s = &w->l->v[i];
		_buf_ struct buf name = BUF_INIT;
		bool known = false;

		if (!belongs(w, i, role, uid) || !(s->need & actions))
			continue;
		r->first_utc_s = r->accesses && r->first_utc_s < s->first_utc_s ? r->first_utc_s : s->first_utc_s;
		r->last_utc_s = r->accesses && r->last_utc_s > s->last_utc_s ? r->last_utc_s : s->last_utc_s;
		r->accesses += s->accesses;
		for (size_t k = 0; k < s->events_count && r->events_count < LEARN_EVENTS; k++)
			r->events[r->events_count++] = s->events[k];
		if (s->user)
			buf_add_str(&name, s->user);
		else
			buf_printf(&name, "uid %u", s->uid);
		for (size_t k = 0; k < r->people_count && !name.failed && !known; k++)
			known = strcmp(r->people[k], name.data) == 0;
		if (!known && add_text(&r->people, &r->people_count, &name) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int say_wider(const struct work *w, const struct common *c, struct learn_rule *r)
{
	_buf_ struct buf who = BUF_INIT, when = BUF_INIT, what = BUF_INIT;
	uint32_t brought = explain_brought(r->actions) & ~c->actions;

	if (r->role != AST_NONE) {
		buf_printf(&who, "everybody with role %s (", w->a->roles.v[r->role].name.text);
		explain_members(w->a, &w->a->roles.v[r->role], &who);
		buf_printf(&who, "); %zu %s seen", r->people_count, r->people_count == 1 ? "person was" : "people were");
		if (add_text(&r->wider, &r->wider_count, &who) < 0)
			return -ENOMEM;
	}
	if (narrowest(w, c->windows) == AST_NONE) {
		buf_add_str(&when, c->programs || asks_program(w, r->role) ? "at any time" : "at any time, with any program");
		if (add_text(&r->wider, &r->wider_count, &when) < 0)
			return -ENOMEM;
	}
	if (brought) {
		buf_add_str(&what, "brings along: ");
		explain_actions(brought, &what);
		if (add_text(&r->wider, &r->wider_count, &what) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_rule(struct work *w, uint32_t role, uint32_t uid, const char *user, const struct common *c, const char *conds)
{
	struct learn_rule *v = reallocarray(w->out->v, w->out->count + 1, sizeof(*v)), *r;
	_buf_ struct buf text = BUF_INIT, who = BUF_INIT;
	int code;

	if (!v)
		return -ENOMEM;
	w->out->v = v;
	r = &v[w->out->count++];
	*r = (struct learn_rule){ .role = role, .actions = fewest(c->actions) };
	r->name = new_name(w);
	if (!r->name)
		return -ENOMEM;
	buf_printf(&text, "rule %s { allow %s  to ", r->name, role == AST_NONE ? "any" : w->a->roles.v[role].name.text);
	explain_actions(r->actions, &text);
	buf_printf(&text, "  on %s%s%s  until ", w->a->stores.v[w->store_idx].name.text, *conds ? "  when " : "", conds);
	stamp_add(&text, w->until_utc_s);
	buf_add_str(&text, "Z }");
	r->text = buf_take(&text);
	buf_printf(&who, "%s %s", role == AST_NONE ? "user" : "role", role == AST_NONE ? user : w->a->roles.v[role].name.text);
	r->who = buf_take(&who);
	if (!r->text || !r->who)
		return -ENOMEM;
	code = count_seen(w, role, uid, c->actions, r);
	return code < 0 ? code : say_wider(w, c, r);
}

/* One kind of person: a rule for each set of actions that were done under the same conditions. */
static int propose(struct work *w, uint32_t role, uint32_t uid, const char *user)
{
	uint32_t done = 0;

	for (uint32_t bit = 1; bit <= PW_A_CONNECT; bit <<= 1) {
		_buf_ struct buf conds = BUF_INIT;
		struct common c, other;

		common_of(w, role, uid, bit, &c);
		if (!c.any || (done & bit))
			continue;
		conditions(w, role, user, &c, &conds);
		for (uint32_t more = bit << 1; more <= PW_A_CONNECT; more <<= 1) {
			_buf_ struct buf same = BUF_INIT;

			common_of(w, role, uid, more, &other);
			if (!other.any)
				continue;
			conditions(w, role, user, &other, &same);
			if (same.failed || conds.failed)
				return -ENOMEM;
			if (same.len_bytes == conds.len_bytes && (!same.len_bytes || memcmp(same.data, conds.data, same.len_bytes) == 0))
				c.actions |= more;
		}
		done |= c.actions;
		if (conds.failed || add_rule(w, role, uid, user, &c, conds.data ? conds.data : "") < 0)
			return -ENOMEM;
	}
	return 0;
}

static int propose_all(struct work *w)
{
	int r = 0;

	for (uint32_t role = 0; role < w->a->roles.count && r == 0; role++)
		r = propose(w, role, 0, NULL);
	for (size_t i = 0; i < w->l->count && r == 0; i++) {
		const struct learn_seen *s = &w->l->v[i];
		bool before = false;

		if (w->role_of[i] != AST_NONE)
			continue;
		if (!s->user) {
			w->out->nameless += s->accesses;
			continue;
		}
		for (size_t k = 0; k < i && !before; k++)
			before = w->role_of[k] == AST_NONE && w->l->v[k].uid == s->uid;
		if (!before)
			r = propose(w, AST_NONE, s->uid, s->user);
	}
	return r;
}

int learn_propose(const struct learn *l, const struct ast *a, const struct image *img, uint32_t store_idx, int64_t until_utc_s,
		  struct learn_rules *ret)
{
	struct learn_rules out = { 0 };
	_free_ uint32_t *role_of = calloc(l->count + 1, sizeof(*role_of));
	struct work w = { .l = l, .a = a, .img = img, .store_idx = store_idx, .until_utc_s = until_utc_s, .role_of = role_of, .out = &out };
	int r = role_of ? cover(&w) : -ENOMEM;

	if (r == 0)
		r = propose_all(&w);
	if (r < 0)
		learn_rules_free(&out);
	else
		*ret = out;
	return r;
}
