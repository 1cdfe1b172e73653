/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest changes that would have turned a recorded decision: everything that a rule on that store and need asks for is a
 * candidate; sets of up to four are tried, small ones first, and a set that holds another answer is none. Nothing is told that the
 * tables did not confirm.
 */
#include "policy/explain_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/check.h"
#include "policy/stamp.h"

#define TIME_STEPS 400u     /* boundaries of windows looked ahead */
#define TIMES_MAX  16u
#define TRIES_MAX  100000u
#define FUTILE_MAX 4u

/* ---- what the policy speaks about ---- */

static void add(struct fact_work *w, struct fact_edit e)
{
	for (size_t i = 0; i < w->edits_count; i++) {
		const struct fact_edit *k = &w->edits[i];

		if (k->kind == e.kind && k->value == e.value &&
		    (k->name == e.name || (k->name && e.name && strcmp(k->name, e.name) == 0)))
			return;
	}
	if (w->edits_count < FACT_EDITS_MAX)
		w->edits[w->edits_count++] = e;
}

static bool names_value(const struct ast_cond *c, enum ast_cond_kind kind, const char *name)
{
	for (size_t i = 0; c && c->kind == kind && i < c->values.count; i++)
		if (strcmp(c->values.v[i].text, name) == 0)
			return true;
	return false;
}

static const struct ast_program *program_named(const struct ast *a, const char *name)
{
	for (size_t i = 0; i < a->programs.count; i++)
		if (strcmp(a->programs.v[i].name.text, name) == 0)
			return &a->programs.v[i];
	return NULL;
}

/* Whoever runs the one also runs the other: the same file, and a digest that is asked for is stated. */
static bool runs_too(const struct ast_program *p, const struct ast_program *q)
{
	return p && q && strcmp(p->exe.text, q->exe.text) == 0 &&
	       (!q->has_verity || (p->has_verity && memcmp(p->verity, q->verity, sizeof(p->verity)) == 0));
}

static bool role_asks(const struct ast *a, const struct ast_role *r, enum ast_cond_kind kind, const char *name)
{
	const struct ast_words *words = kind == AST_COND_PROGRAM ? &r->programs : &r->units;

	for (size_t i = 0; kind == AST_COND_GROUP && i < r->members.count; i++)
		if (r->members.v[i].is_group && strcmp(r->members.v[i].name.text, name) == 0)
			return true;
	for (size_t i = 0; kind != AST_COND_GROUP && i < words->count; i++)
		if (strcmp(words->v[i].text, name) == 0 ||
		    (kind == AST_COND_PROGRAM && runs_too(program_named(a, name), program_named(a, words->v[i].text))))
			return true;
	return false;
}

/* Roles, hidden ones too, that ask for this group, program or unit. */
static uint64_t roles_asking(const struct fact_work *w, enum ast_cond_kind kind, const char *name)
{
	uint64_t roles = 0;

	for (uint32_t r = 0; r < w->img->count[PW_SEC_ROLES]; r++) {
		bool asks = r < w->a->roles.count ? role_asks(w->a, &w->a->roles.v[r], kind, name) : names_value(w->hidden[r], kind, name);

		for (size_t i = 0; !asks && r >= w->a->roles.count && kind == AST_COND_PROGRAM && w->hidden[r] &&
		     w->hidden[r]->kind == kind && i < w->hidden[r]->values.count; i++)
			asks = runs_too(program_named(w->a, name), program_named(w->a, w->hidden[r]->values.v[i].text));
		if (asks)
			roles |= UINT64_C(1) << r;
	}
	return roles;
}

/* Another program or unit may take a role away that the record does not name as its own: then neither is a candidate. */
static void add_named(struct fact_work *w, enum ast_cond_kind kind, const char *name)
{
	const struct pw_gen *g = w->img->gen;
	uint64_t roles = roles_asking(w, kind, name), on = w->rec->facts.roles & g->startable;

	if (kind == AST_COND_GROUP)
		add(w, (struct fact_edit){ .kind = FACT_JOIN, .name = name, .roles = roles });
	else if (kind == AST_COND_PROGRAM && !(on & ~g->program_any))
		add(w, (struct fact_edit){ .kind = FACT_PROGRAM, .name = name, .roles = roles });
	else if (kind == AST_COND_UNIT && !(on & ~g->unit_any))
		add(w, (struct fact_edit){ .kind = FACT_UNIT, .name = name, .roles = roles });
}

static void add_conds(struct fact_work *w, const struct ast_conds *conds)
{
	for (size_t i = 0; i < conds->count; i++) {
		const struct ast_cond *c = &conds->v[i];

		if (c->kind == AST_COND_MFA && c->mfa_within_s < PW_MFA_NEVER)
			add(w, (struct fact_edit){ .kind = FACT_MFA, .value = (uint32_t)c->mfa_within_s });
		for (size_t k = 0; k < c->values.count; k++) {
			if (c->kind == AST_COND_DURING && explain_window(w->a, w->img, c->value_idx[k]) != AST_NONE)
				w->windows |= 1u << explain_window(w->a, w->img, c->value_idx[k]);
			else if (c->kind == AST_COND_PURPOSE)
				add(w, (struct fact_edit){ .kind = FACT_PURPOSE, .name = c->values.v[k].text, .value = 1 + c->value_idx[k] });
			else if (c->kind == AST_COND_GROUP || c->kind == AST_COND_PROGRAM || c->kind == AST_COND_UNIT)
				add_named(w, c->kind, c->values.v[k].text);
		}
	}
}

/* What makes a role of this rule come on, by itself or through one that inherits it. */
static void add_role(struct fact_work *w, uint32_t role)
{
	for (size_t q = 0; q < w->a->roles.count; q++) {
		const struct ast_role *r = &w->a->roles.v[q];

		if (r->abstract || !(r->closure >> role & 1))
			continue;
		for (size_t i = 0; i < r->members.count; i++)
			if (r->members.v[i].is_group)
				add_named(w, AST_COND_GROUP, r->members.v[i].name.text);
		for (size_t i = 0; i < r->programs.count; i++)
			add_named(w, AST_COND_PROGRAM, r->programs.v[i].text);
		for (size_t i = 0; i < r->units.count; i++)
			add_named(w, AST_COND_UNIT, r->units.v[i].text);
	}
}

static void add_times(struct fact_work *w)
{
	int64_t at = w->rec->utc_s, next;
	uint32_t seen[TIMES_MAX + 1], count = 0;

	seen[count++] = w->rec->facts.windows & w->windows;
	(void)table_windows(w->img, at, &next);
	for (uint32_t i = 0; i < TIME_STEPS && next != INT64_MAX && count <= TIMES_MAX; i++) {
		uint32_t open, k = 0;

		at = next;
		open = table_windows(w->img, at, &next);
		while (k < count && seen[k] != (open & w->windows))
			k++;
		if (k < count)
			continue;
		if (count < TIMES_MAX)
			seen[count] = open & w->windows;
		count++;
		add(w, (struct fact_edit){ .kind = FACT_TIME, .value = open, .utc_s = at });
	}
}

/* In the order of their cost; of second factors the oldest first, of moments the nearest. */
static int by_cost(const void *a, const void *b)
{
	const struct fact_edit *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->kind == FACT_MFA)
		return x->value > y->value ? -1 : x->value < y->value;
	if (x->kind == FACT_TIME)
		return x->utc_s < y->utc_s ? -1 : x->utc_s > y->utc_s;
	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static void hidden_conds(struct fact_work *w)
{
	for (size_t i = 0; i < w->a->rules.count; i++) {
		const struct ast_rule *rule = &w->a->rules.v[i];

		for (size_t k = 0; k < rule->when.count + rule->unless.count; k++) {
			const struct ast_cond *c = k < rule->when.count ? &rule->when.v[k] : &rule->unless.v[k - rule->when.count];
			_buf_ struct buf words = BUF_INIT;

			if (c->kind == AST_COND_DURING || c->kind == AST_COND_PURPOSE || c->kind == AST_COND_MFA)
				continue;
			explain_cond_words(w->a, c, &words);
			w->nomem |= words.failed;
			for (uint32_t r = (uint32_t)w->a->roles.count; !words.failed && r < w->img->count[PW_SEC_ROLES]; r++)
				if (!w->hidden[r] && strcmp(image_str(w->img, w->img->roles[r].name), words.data) == 0)
					w->hidden[r] = c;
		}
	}
}

void fact_collect(struct fact_work *w)
{
	hidden_conds(w);
	for (size_t i = 0; i < w->x->rules_count; i++) {
		const struct ast_rule *rule = &w->a->rules.v[w->x->rules[i].rule_idx];

		add_conds(w, &rule->when);
		add_conds(w, &rule->unless);
		for (size_t k = 0; k < rule->roles.count; k++)
			add_role(w, rule->role_idx[k]);
		if (explain_until(w->img, rule->until_utc_s) != AST_NONE && rule->until_utc_s)
			w->windows |= 1u << explain_until(w->img, rule->until_utc_s);
	}
	add_times(w);
	if (w->rec->facts.mfa_age_s != PW_MFA_NEVER)
		add(w, (struct fact_edit){ .kind = FACT_MFA, .value = PW_MFA_NEVER });
	if (w->rec->facts.purpose)
		add(w, (struct fact_edit){ .kind = FACT_PURPOSE });
	for (uint32_t r = 0; w->rec->verdict == PW_ALLOW && r < w->a->roles.count; r++)
		if (w->rec->facts.roles >> r & 1)
			add(w, (struct fact_edit){ .kind = FACT_WITHOUT, .name = w->a->roles.v[r].name.text, .value = r,
						   .roles = UINT64_C(1) << r });
	qsort(w->edits, w->edits_count, sizeof(w->edits[0]), by_cost);
}

/* ---- words ---- */

uint32_t fact_cost(const struct fact_edit *e)
{
	static const uint32_t costs[FACT_KINDS] = {
		[FACT_MFA] = 1, [FACT_PURPOSE] = 2, [FACT_TIME] = 3, [FACT_PROGRAM] = 4, [FACT_UNIT] = 4, [FACT_JOIN] = 5, [FACT_WITHOUT] = 5,
	};

	return costs[e->kind];
}

static void tell_time(const struct fact_work *w, const struct fact_edit *e, struct buf *b)
{
	bool any = false;

	buf_add_str(b, "at ");
	stamp_add(b, e->utc_s);
	buf_add_char(b, 'Z');
	for (uint32_t i = 0; i < w->img->count[PW_SEC_WINDOWS]; i++) {
		bool open = e->value >> i & 1;

		if (!(w->windows >> i & 1) || open == (w->rec->facts.windows >> i & 1))
			continue;
		buf_add_str(b, any ? ", " : ", when ");
		any = true;
		if (w->img->windows[i].until_utc_s) {
			buf_add_str(b, open ? "a rule has not ended" : "a rule has ended");
			continue;
		}
		buf_printf(b, "%s is %s (", image_str(w->img, w->img->windows[i].name), open ? "open" : "closed");
		explain_clock(w->img, i, e->utc_s, b);
		buf_add_str(b, " on its clocks)");
	}
}

void fact_tell(const struct fact_work *w, const struct fact_edit *e, struct buf *b)
{
	switch (e->kind) {
	case FACT_MFA:
		buf_add_str(b, e->value == PW_MFA_NEVER ? "without a second factor" : "with a second factor at most ");
		if (e->value != PW_MFA_NEVER) {
			stamp_add_duration(b, e->value);
			buf_add_str(b, " old" EXPLAIN_NOT_YET);
		}
		break;
	case FACT_PURPOSE:
		buf_printf(b, e->name ? "for purpose %s%s" : "%s%s", e->name ? e->name : "without a declared purpose",
			   e->name ? EXPLAIN_NOT_YET : "");
		break;
	case FACT_TIME:    tell_time(w, e, b); break;
	case FACT_PROGRAM: buf_printf(b, "running program %s", e->name); break;
	case FACT_UNIT:    buf_printf(b, "in unit %s", e->name); break;
	case FACT_JOIN:    buf_printf(b, "as a member of group %s", e->name); break;
	case FACT_WITHOUT: buf_printf(b, "without role %s", e->name); break;
	case FACT_KINDS:
	default:           break;
	}
}

/* ---- the search ---- */

struct set { const struct fact_edit *v[FACT_TOGETHER]; size_t count; uint32_t cost; };
struct search { struct fact_work *w; struct set found[64]; size_t found_count; uint32_t tries; bool nomem; };

/* Another age of a second factor, or another moment, is the same kind of change. */
static bool same_change(const struct fact_edit *a, const struct fact_edit *b)
{
	return a == b || (a->kind == b->kind && (a->kind == FACT_MFA || a->kind == FACT_TIME));
}

static bool holds_one(const struct search *s, const struct set *set)
{
	for (size_t i = 0; i < s->found_count; i++) {
		size_t in = 0;

		for (size_t k = 0; k < s->found[i].count; k++)
			for (size_t m = 0; m < set->count; m++)
				if (same_change(s->found[i].v[k], set->v[m])) {
					in++;
					break;
				}
		if (in == s->found[i].count)
			return true;
	}
	return false;
}

static bool fits(const struct set *set, const struct fact_edit *e)
{
	size_t joins = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->v[i]->kind == e->kind && e->kind != FACT_JOIN && e->kind != FACT_WITHOUT)
			return false;
		joins += set->v[i]->kind == FACT_JOIN || set->v[i]->kind == FACT_WITHOUT;
	}
	return joins < 2 || (e->kind != FACT_JOIN && e->kind != FACT_WITHOUT);
}

static int tell_set(struct fact_work *w, const struct set *set, const struct pw_decision *d, bool turned,
		    struct explain_change **v, size_t *count)
{
	struct explain_change *grown = reallocarray(*v, *count + 1, sizeof(*grown)), c = { .cost = set->cost };
	_buf_ struct buf text = BUF_INIT;

	if (!grown)
		return -ENOMEM;
	*v = grown;
	for (size_t i = 0; i < set->count; i++) {
		buf_add_str(&text, i ? ", " : "");
		fact_tell(w, set->v[i], &text);
	}
	c.text = buf_take(&text);
	c.now_allowed = turned ? d->verdict != PW_DENY : false;
	c.rule = d->rule ? strdup(image_str(w->img, w->img->rules[d->rule].name)) : NULL;
	if (!c.text || (d->rule && !c.rule)) {
		free(c.text);
		return -ENOMEM;
	}
	grown[(*count)++] = c;
	return 0;
}

static void try_set(struct search *s, const struct set *set)
{
	struct explanation *x = s->w->x;
	struct pw_decision d;
	int r;

	if (s->tries++ >= TRIES_MAX || s->nomem || holds_one(s, set))
		return;
	r = fact_try(s->w, set->v, set->count, &d);
	if (r == 1 && s->found_count < sizeof(s->found) / sizeof(s->found[0])) {
		s->found[s->found_count++] = *set;
		s->nomem |= tell_set(s->w, set, &d, true, &x->changes, &x->changes_count) < 0;
	} else if (r == 0 && set->count == 1 && !x->decision.rule && d.rule && x->futile_count < FUTILE_MAX &&
		   s->w->rec->verdict != PW_ALLOW && s->w->img->rules[d.rule].effect != PW_EFFECT_ALLOW) {
		s->nomem |= tell_set(s->w, set, &d, false, &x->futile, &x->futile_count) < 0;
	}
}

static void sets_of(struct search *s, struct set *set, size_t from, size_t size)
{
	if (set->count == size) {
		try_set(s, set);
		return;
	}
	for (size_t i = from; i < s->w->edits_count && s->tries < TRIES_MAX; i++) {
		const struct fact_edit *e = &s->w->edits[i];

		if (!fits(set, e))
			continue;
		set->v[set->count++] = e;
		set->cost += fact_cost(e);
		sets_of(s, set, i + 1, size);
		set->cost -= fact_cost(e);
		set->count--;
	}
}

static int by_price(const void *a, const void *b)
{
	const struct explain_change *x = a, *y = b;

	if (x->cost != y->cost)
		return x->cost < y->cost ? -1 : 1;
	return strcmp(x->text, y->text);
}

int explain_fact_changes(const struct ast *a, const struct image *img, const struct recorded *rec, struct explanation *x)
{
	_free_ struct fact_work *w = calloc(1, sizeof(*w));
	_free_ struct search *s = calloc(1, sizeof(*s));
	struct set set = { 0 };

	if (!w || !s)
		return -ENOMEM;
	*w = (struct fact_work){ .a = a, .img = img, .rec = rec, .x = x };
	s->w = w;
	fact_collect(w);
	s->nomem = w->nomem;
	for (size_t size = 1; size <= FACT_TOGETHER; size++)
		sets_of(s, &set, 0, size);
	if (x->changes_count)
		qsort(x->changes, x->changes_count, sizeof(*x->changes), by_price);
	while (x->changes_count > FACT_CHANGES_MAX) {
		free(x->changes[--x->changes_count].text);
		free(x->changes[x->changes_count].rule);
	}
	return s->nomem ? -ENOMEM : 0;
}
