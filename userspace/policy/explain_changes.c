/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest changes that turn an outcome: every single change of the question that the policy gives a reason for, then every
 * pair of them of which neither alone is enough. Each candidate is put to the same tables; nothing is guessed.
 */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/stamp.h"

#define CANDIDATES_MAX 128u
#define CHANGES_MAX    12u
#define WINDOW_STEPS   200u /* boundaries looked ahead for the next time that a window is open or closed */

enum edit_kind { EDIT_MFA, EDIT_PURPOSE, EDIT_TIME, EDIT_PROGRAM, EDIT_UNIT, EDIT_JOIN, EDIT_LEAVE, EDIT_USER };

struct edit {
	enum edit_kind kind;
	const char *name;      /* NULL: none of it */
	uint64_t age_s;
	int64_t utc_s;
	uint32_t window;
	bool enough;           /* turns the outcome alone */
};

struct work {
	const struct ast *a;
	const struct image *img;
	const struct names *n;
	const struct question *q;
	struct explanation *x;
	struct edit edits[CANDIDATES_MAX];
	size_t edits_count;
	const char **groups; size_t groups_count; /* of the question, by name, where they can be named */
};

static bool same_edit(const struct edit *a, const struct edit *b)
{
	bool same_name = a->name == b->name || (a->name && b->name && strcmp(a->name, b->name) == 0);

	return a->kind == b->kind && same_name && a->age_s == b->age_s && a->utc_s == b->utc_s;
}

static void add_edit(struct work *w, struct edit e)
{
	for (size_t i = 0; i < w->edits_count; i++)
		if (same_edit(&w->edits[i], &e))
			return;
	if (w->edits_count < CANDIDATES_MAX)
		w->edits[w->edits_count++] = e;
}

/* ---- what the policy speaks about ---- */

static bool in_group(const struct work *w, const char *group)
{
	if (!w->q->has_groups)
		return w->q->user && w->n->member && w->n->member(w->n->ctx, w->q->user, group);
	for (size_t i = 0; i < w->q->groups_count; i++)
		if (strcmp(w->q->groups[i], group) == 0)
			return true;
	return false;
}

static void add_principal(struct work *w, bool group, const char *name)
{
	if (group)
		add_edit(w, (struct edit){ .kind = in_group(w, name) ? EDIT_LEAVE : EDIT_JOIN, .name = name });
	else if (!w->q->user || strcmp(w->q->user, name) != 0)
		add_edit(w, (struct edit){ .kind = EDIT_USER, .name = name });
}

/* The next moment at which the window is open when it is closed now, or the other way round. */
static void add_time(struct work *w, uint32_t time_idx)
{
	uint32_t bit = explain_window(w->a, w->img, time_idx);
	int64_t at = w->q->at_utc_s, next;
	uint32_t open;

	if (bit == AST_NONE)
		return;
	open = table_windows(w->img, at, &next) >> bit & 1;
	for (size_t i = 0; i < WINDOW_STEPS && next != INT64_MAX; i++) {
		at = next;
		if ((table_windows(w->img, at, &next) >> bit & 1) != open) {
			add_edit(w, (struct edit){ .kind = EDIT_TIME, .name = w->a->times.v[time_idx].name.text, .utc_s = at,
						   .window = bit });
			return;
		}
	}
}

static void add_value(struct work *w, const struct ast_cond *c, size_t i)
{
	const char *text = c->values.v[i].text;

	switch (c->kind) {
	case AST_COND_DURING:
		add_time(w, c->value_idx[i]);
		break;
	case AST_COND_PURPOSE:
		add_edit(w, (struct edit){ .kind = EDIT_PURPOSE, .name = text });
		break;
	case AST_COND_USER:
	case AST_COND_GROUP:
		add_principal(w, c->kind == AST_COND_GROUP, text);
		break;
	case AST_COND_PROGRAM:
		add_edit(w, (struct edit){ .kind = EDIT_PROGRAM, .name = text });
		break;
	case AST_COND_UNIT:
		add_edit(w, (struct edit){ .kind = EDIT_UNIT, .name = text });
		break;
	case AST_COND_MFA:
	case AST_COND_ROLE: /* roles come from members, programs and units, which are candidates already */
	default:
		break;
	}
}

static void add_conds(struct work *w, const struct ast_conds *conds)
{
	for (size_t i = 0; i < conds->count; i++) {
		if (conds->v[i].kind == AST_COND_MFA)
			add_edit(w, (struct edit){ .kind = EDIT_MFA, .name = "", .age_s = conds->v[i].mfa_within_s });
		for (size_t k = 0; k < conds->v[i].values.count; k++)
			add_value(w, &conds->v[i], k);
	}
}

static void add_role(struct work *w, const struct ast_role *role)
{
	for (size_t i = 0; i < role->programs.count; i++)
		add_edit(w, (struct edit){ .kind = EDIT_PROGRAM, .name = role->programs.v[i].text });
	for (size_t i = 0; i < role->units.count; i++)
		add_edit(w, (struct edit){ .kind = EDIT_UNIT, .name = role->units.v[i].text });
	for (size_t i = 0; i < role->members.count; i++)
		add_principal(w, role->members.v[i].is_group, role->members.v[i].name.text);
}

/* In the order in which people can do them: what is nearest to hand first. */
static int by_kind(const void *a, const void *b)
{
	const struct edit *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->age_s != y->age_s)
		return x->age_s > y->age_s ? -1 : 1;
	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static void collect(struct work *w)
{
	const struct question *q = w->q;

	for (size_t i = 0; i < w->x->rules_count; i++) {
		add_conds(w, &w->a->rules.v[w->x->rules[i].rule_idx].when);
		add_conds(w, &w->a->rules.v[w->x->rules[i].rule_idx].unless);
	}
	if (q->has_mfa)
		add_edit(w, (struct edit){ .kind = EDIT_MFA });
	if (q->purpose)
		add_edit(w, (struct edit){ .kind = EDIT_PURPOSE });
	if (q->program)
		add_edit(w, (struct edit){ .kind = EDIT_PROGRAM });
	if (q->unit)
		add_edit(w, (struct edit){ .kind = EDIT_UNIT });
	for (size_t i = 0; i < w->a->roles.count; i++)
		add_role(w, &w->a->roles.v[i]);
	qsort(w->edits, w->edits_count, sizeof(w->edits[0]), by_kind);
}

/* ---- trying ---- */

/* Room for the question's groups and one more. */
static void edit_groups(const struct edit *e, struct question *q, const char **room)
{
	size_t n = 0;

	for (size_t i = 0; i < q->groups_count; i++)
		if (e->kind != EDIT_LEAVE || strcmp(q->groups[i], e->name) != 0)
			room[n++] = q->groups[i];
	if (e->kind == EDIT_JOIN)
		room[n++] = e->name;
	q->groups = room;
	q->groups_count = n;
	q->has_groups = true;
}

static void apply(const struct edit *e, struct question *q, const char **room)
{
	switch (e->kind) {
	case EDIT_MFA:
		q->has_mfa = e->name != NULL;
		q->mfa_age_s = e->age_s;
		break;
	case EDIT_PURPOSE: q->purpose = e->name; break;
	case EDIT_TIME:    q->at_utc_s = e->utc_s; break;
	case EDIT_PROGRAM: q->program = e->name; break;
	case EDIT_UNIT:    q->unit = e->name; break;
	case EDIT_USER:    q->user = e->name; break;
	case EDIT_JOIN:
	case EDIT_LEAVE:
	default:
		edit_groups(e, q, room);
		break;
	}
}

/* Does it turn the outcome? -ENOMEM, 0 or 1. */
static int turns(const struct work *w, const struct edit *first, const struct edit *second, struct pw_decision *ret)
{
	_free_ const char **one = calloc(w->groups_count + 2, sizeof(*one));
	_free_ const char **two = calloc(w->groups_count + 3, sizeof(*two));
	struct question q = *w->q;
	struct pw_facts f;

	if (!one || !two)
		return -ENOMEM;
	/* Somebody else comes with his own groups, unless the question said which. */
	if (!q.has_groups && first->kind != EDIT_USER && (!second || second->kind != EDIT_USER)) {
		q.groups = w->groups;
		q.groups_count = w->groups_count;
		q.has_groups = true;
	}
	apply(first, &q, one);
	if (second)
		apply(second, &q, two);
	if (explain_facts(w->a, w->img, w->n, &q, &f) < 0)
		return -ENOMEM;
	*ret = explain_decide(w->img, &f, w->x->store_idx, w->x->action_bit);
	return (ret->verdict == PW_DENY) != (w->x->decision.verdict == PW_DENY);
}

/* ---- telling ---- */

static void tell(const struct work *w, const struct edit *e, struct buf *b)
{
	switch (e->kind) {
	case EDIT_MFA:
		buf_add_str(b, e->name ? "give a second factor at most " : "do not give a second factor");
		if (e->name) {
			stamp_add_duration(b, e->age_s);
			buf_printf(b, " before%s", EXPLAIN_NOT_YET);
		}
		break;
	case EDIT_PURPOSE:
		buf_printf(b, "%s%s%s", e->name ? "declare purpose " : "declare no purpose", e->name ? e->name : "",
			   e->name ? EXPLAIN_NOT_YET : "");
		break;
	case EDIT_TIME:
		buf_printf(b, "wait until %s %s: ", e->name, table_windows(w->img, e->utc_s, &(int64_t){ 0 }) >> e->window & 1 ?
			   "opens" : "closes");
		explain_clock(w->img, e->window, e->utc_s, b);
		buf_add_str(b, " on its clocks");
		break;
	case EDIT_PROGRAM:
		buf_printf(b, "run program %s", e->name ? e->name : "other than this one");
		break;
	case EDIT_UNIT:
		buf_printf(b, "run in unit %s", e->name ? e->name : "other than this one");
		break;
	case EDIT_JOIN:
		buf_printf(b, "be a member of group %s", e->name);
		break;
	case EDIT_LEAVE:
		buf_printf(b, "be no member of group %s", e->name);
		break;
	case EDIT_USER:
	default:
		buf_printf(b, "be user %s", e->name);
		break;
	}
}

static int add_change(struct work *w, const struct edit *first, const struct edit *second, const struct pw_decision *d)
{
	struct explain_change *v = reallocarray(w->x->changes, w->x->changes_count + 1, sizeof(*v));
	_buf_ struct buf text = BUF_INIT;
	struct explain_change c = { .now_allowed = d->verdict != PW_DENY };

	if (!v)
		return -ENOMEM;
	w->x->changes = v;
	tell(w, first, &text);
	if (second) {
		buf_add_str(&text, ", and ");
		tell(w, second, &text);
	}
	c.text = buf_take(&text);
	c.rule = d->rule ? strdup(image_str(w->img, w->img->rules[d->rule].name)) : NULL;
	if (!c.text || (d->rule && !c.rule)) {
		free(c.text);
		return -ENOMEM;
	}
	v[w->x->changes_count++] = c;
	return 0;
}

static int try_singles(struct work *w)
{
	struct pw_decision d;

	for (size_t i = 0; i < w->edits_count; i++) {
		int r = turns(w, &w->edits[i], NULL, &d);

		if (r < 0)
			return r;
		w->edits[i].enough = r;
		if (r && w->x->changes_count < CHANGES_MAX && add_change(w, &w->edits[i], NULL, &d) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Somebody else in other groups is no small change. */
static bool exclusive(const struct edit *a, const struct edit *b)
{
	bool groups = b->kind == EDIT_JOIN || b->kind == EDIT_LEAVE || a->kind == EDIT_JOIN || a->kind == EDIT_LEAVE;

	if (a->kind == EDIT_USER || b->kind == EDIT_USER)
		return groups || a->kind == b->kind;
	return a->kind == b->kind && !groups;
}

static int try_pairs(struct work *w)
{
	struct pw_decision d;

	for (size_t i = 0; i < w->edits_count; i++)
		for (size_t k = i + 1; k < w->edits_count && w->x->changes_count < CHANGES_MAX; k++) {
			const struct edit *a = &w->edits[i], *b = &w->edits[k];
			int r;

			if (a->enough || b->enough || exclusive(a, b))
				continue;
			r = turns(w, a, b, &d);
			if (r < 0 || (r && add_change(w, a, b, &d) < 0))
				return -ENOMEM;
		}
	return 0;
}

/* The groups that the host gives the user, as far as the policy names them: others cannot matter. */
static int own_groups(struct work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->edits_count; i++)
		n += w->edits[i].kind == EDIT_LEAVE;
	w->groups = calloc(n + w->q->groups_count + 1, sizeof(*w->groups));
	if (!w->groups)
		return -ENOMEM;
	for (size_t i = 0; w->q->has_groups && i < w->q->groups_count; i++)
		w->groups[w->groups_count++] = w->q->groups[i];
	for (size_t i = 0; !w->q->has_groups && i < w->edits_count; i++)
		if (w->edits[i].kind == EDIT_LEAVE)
			w->groups[w->groups_count++] = w->edits[i].name;
	return 0;
}

int explain_changes(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		    struct explanation *x)
{
	_free_ struct work *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->a = a;
	w->img = img;
	w->n = n;
	w->q = q;
	w->x = x;
	collect(w);
	r = own_groups(w);
	if (r == 0)
		r = try_singles(w);
	if (r == 0)
		r = try_pairs(w);
	free(w->groups);
	return r;
}
