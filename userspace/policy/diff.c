/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every rule of one policy against the whole of the other, place by place and action by action. A row is told because somebody was found,
 * and that somebody is decided again by the tables of both policies before anything is said.
 */
#include "policy/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/check.h"
#include "policy/diff_solve.h"
#include "policy/explain.h"
#include "policy/stamp.h"

struct diff_work {
	struct universe u;
	struct diff *d;
	uint8_t *groups;       /* of the partial subject */
	const char *path;      /* the place that is looked at: a store's root in one of the policies */
	uint32_t store[2];     /* who owns it, or AST_NONE */
	struct speakers here[2]; /* all rules on that store */
	struct err *e;
};

/* ---- one subject, decided ---- */

static uint64_t program_roles(const struct image *img, const struct ast_program *p)
{
	uint64_t roles = 0;

	for (__u32 i = 0; p && i < img->count[PW_SEC_PROGRAMS]; i++) {
		const struct pw_img_program *q = &img->programs[i];

		if (strcmp(p->exe.text, image_str(img, q->path)) == 0 &&
		    (!q->has_verity || (p->has_verity && memcmp(p->verity, q->verity, sizeof(q->verity)) == 0)))
			roles |= q->roles;
	}
	return roles;
}

static struct pw_facts facts_of(const struct image *img, const struct diff_subject *s)
{
	struct table_who who = { .uid = s->uid, .login_uid = TABLE_ID_NONE, .gids = s->gids, .gids_count = s->groups_count,
				 .programs = program_roles(img, s->program) };
	struct pw_facts f = { .mfa_age_s = s->mfa_age_s };
	int64_t next;

	for (__u32 i = 0; s->unit && i < img->count[PW_SEC_UNITS]; i++)
		if (strcmp(s->unit, image_str(img, img->units[i].name)) == 0)
			who.units |= img->units[i].roles;
	for (__u32 i = 0; s->purpose && i < img->count[PW_SEC_PURPOSES]; i++)
		if (strcmp(s->purpose, image_str(img, img->purposes[i])) == 0)
			f.purpose = 1 + i;
	f.roles = table_roles(img->gen, img->attrs, img->count[PW_SEC_ATTRS], &who);
	f.windows = table_windows(img, s->at_utc_s, &next);
	return f;
}

/* What the rules say: mode audit of a store is told as a change of its own and left out here. */
static struct pw_decision decide(const struct diff_side *side, const struct diff_subject *s, uint32_t store, uint32_t need)
{
	struct pw_facts f = facts_of(side->img, s);
	uint32_t row = table_row(side->img, f.roles);
	struct pw_decision d = table_decide(side->img, row, store == AST_NONE ? PW_LABEL_OUTSIDE : 1 + store, &f, need);
	bool trial = d.verdict == PW_AUDIT && d.reason == PW_R_RULE && d.rule && (side->img->rules[d.rule].flags & PW_IMG_AUDIT);

	if (d.verdict != PW_AUDIT)
		return d;
	/* A rule on trial passes; what a store in mode audit lets pass is refused by its rules. Both at once: without the store's mode. */
	if (trial && store != AST_NONE) {
		struct pw_tally t = { 0 };
		const struct pw_cell *cells = side->img->cells;
		uint32_t labels = side->img->gen->labels;

		for (__u32 r = 0; r < side->img->gen->rows; r++) {
			const struct pw_cell *cell = &cells[(size_t)r * labels + 1 + store];

			if (row == PW_ROW_NONE ? !(r >= 1 && r <= side->img->count[PW_SEC_ROLES] && (f.roles >> (r - 1) & 1)) : r != row)
				continue;
			for (__u32 i = 0; i < cell->count; i++) {
				const struct pw_entry *en = &side->img->entries[cell->first + i];

				pw_consider(&t, en, en->cond ? &side->img->conds[en->cond] : NULL, &f, need);
			}
		}
		d = pw_conclude(&t, need, 0, 0);
		return d;
	}
	d.verdict = PW_DENY;
	return d;
}

bool diff_passes(const struct diff_side *side, const struct diff_subject *s, const char *path, uint32_t action_bit)
{
	return decide(side, s, policy_store_at(side->a, path), action_bit).verdict != PW_DENY;
}

void diff_subject_words(const struct diff_subject *s, struct buf *b)
{
	if (s->user)
		buf_printf(b, "user %s", s->user);
	else
		buf_add_str(b, "somebody");
	for (size_t i = 0; i < s->groups_count; i++)
		buf_printf(b, "%s%s", i ? ", " : " in group ", s->groups[i]);
	if (s->program)
		buf_printf(b, ", running %s", s->program->exe.text);
	if (s->unit)
		buf_printf(b, ", in unit %s", s->unit);
	if (s->purpose)
		buf_printf(b, ", for %s", s->purpose);
	if (s->mfa_age_s != PW_MFA_NEVER) {
		buf_add_str(b, ", second factor ");
		stamp_add_duration(b, s->mfa_age_s);
		buf_add_str(b, " old");
	}
	buf_add_str(b, ", at ");
	stamp_add(b, s->at_utc_s);
	buf_add_char(b, 'Z');
}

/* ---- rows ---- */

static bool subject_of(const struct diff_work *w, const struct partial *p, struct diff_subject *ret)
{
	const struct universe *u = &w->u;
	struct diff_subject s = { .uid = TABLE_ID_NONE, .mfa_age_s = PW_MFA_NEVER, .at_utc_s = u->times[0].at_utc_s };

	if (p->user != SOLVE_UNSET) {
		s.user = u->users[p->user].name;
		s.uid = u->users[p->user].uid;
	}
	for (size_t i = 0; i < u->groups_count; i++) {
		if (p->group[i] != 1)
			continue;
		if (s.groups_count == DIFF_GROUPS_MAX)
			return false;
		s.groups[s.groups_count] = u->groups[i].name;
		s.gids[s.groups_count++] = u->groups[i].uid;
	}
	s.program = p->program == SOLVE_UNSET ? NULL : u->programs[p->program];
	s.unit = p->unit == SOLVE_UNSET ? NULL : u->units[p->unit];
	s.purpose = p->purpose == SOLVE_UNSET ? NULL : u->purposes[p->purpose];
	if (p->mfa != SOLVE_UNSET)
		s.mfa_age_s = u->mfa[p->mfa];
	if (p->time != SOLVE_UNSET)
		s.at_utc_s = u->times[p->time].at_utc_s;
	*ret = s;
	return true;
}

/* "group radiology running viewer", of a role and one of its members (AST_NONE: it has none). */
static void who_words(const struct ast *a, uint32_t role, size_t member, struct buf *b)
{
	const struct ast_role *r = role == AST_NONE ? NULL : &a->roles.v[role];

	if (!r || member >= r->members.count)
		buf_add_str(b, "anybody");
	else
		buf_printf(b, "%s %s", r->members.v[member].is_group ? "group" : "user", r->members.v[member].name.text);
	for (size_t i = 0; r && i < r->programs.count; i++)
		buf_printf(b, "%s%s", i ? " or " : " running ", r->programs.v[i].text);
	for (size_t i = 0; r && i < r->units.count; i++)
		buf_printf(b, "%s%s", i ? " or " : " in unit ", r->units.v[i].text);
}

static void other_words(const struct diff_side *side, const struct pw_decision *d, uint32_t store, struct buf *b)
{
	if (store == AST_NONE)
		buf_add_str(b, "no store there");
	else if (d->rule)
		buf_printf(b, "%s rule %s", d->verdict == PW_DENY ? "deny" : "allow", image_str(side->img, side->img->rules[d->rule].name));
	else
		buf_add_str(b, "no rule");
}

static bool same_row(const struct diff_row *r, bool gains, const char *who, const char *role, const char *path, const char *rule)
{
	return r->gains == gains && strcmp(r->who, who) == 0 && strcmp(r->path, path) == 0 && strcmp(r->rule, rule) == 0 &&
	       (r->role == role || (r->role && role && strcmp(r->role, role) == 0));
}

static char *place(const struct diff_side *side, const struct ast_rule *rule)
{
	_buf_ struct buf b = BUF_INIT;
	uint32_t line = 1, col;

	if (side->sources && rule->span.file < side->sources->count) {
		span_where(side->sources, rule->span, &line, &col);
		buf_printf(&b, "%s:%u", side->sources->v[rule->span.file].path, line);
	}
	return buf_take(&b);
}

/* The witness goes through the tables of both policies: only then is it told. */
static int add_row(struct diff_work *w, const struct question_of *q, size_t member, uint32_t action, const struct diff_subject *s)
{
	const struct diff_side *side = &w->u.side[q->side], *other = &w->u.side[1 - q->side];
	const struct ast_rule *rule = &side->a->rules.v[q->rule];
	struct pw_decision here = decide(side, s, w->store[q->side], action), there = decide(other, s, w->store[1 - q->side], action);
	const char *role = q->role == AST_NONE ? NULL : side->a->roles.v[q->role].name.text;
	_buf_ struct buf who = BUF_INIT, conds = BUF_INIT, words = BUF_INIT;
	struct diff_row *v, row = { .gains = q->side == 1, .actions = action, .witness = *s, .witness_action = action };

	if (here.verdict == PW_DENY || there.verdict != PW_DENY)
		return err_say(w->e, -EPROTO, "rule '%s' was thought to make a difference that the tables do not show; this is a fault of "
			       "polyward: please report it with both policies", rule->name.text);
	who_words(side->a, q->role, member, &who);
	if (who.failed)
		return -ENOMEM;
	for (size_t i = 0; i < w->d->rows_count; i++)
		if (same_row(&w->d->rows[i], row.gains, who.data, role, w->path, rule->name.text)) {
			w->d->rows[i].actions |= action;
			return 0;
		}
	v = reallocarray(w->d->rows, w->d->rows_count + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	w->d->rows = v;
	explain_rule_words(side->a, rule, &conds);
	other_words(other, &there, w->store[1 - q->side], &words);
	row.who = buf_take(&who);
	row.role = role ? strdup(role) : NULL;
	row.store = strdup(side->a->stores.v[w->store[q->side]].name.text);
	row.path = strdup(w->path);
	row.conditions = buf_take(&conds);
	row.rule = strdup(rule->name.text);
	row.at = place(side, rule);
	row.other = buf_take(&words);
	v[w->d->rows_count++] = row;
	w->d->widened |= row.gains;
	return row.who && (row.role || !role) && row.store && row.path && row.conditions && row.rule && row.at && row.other ? 0 : -ENOMEM;
}

/* ---- questions ---- */

static int ask(struct diff_work *w, struct question_of *q, size_t member, uint32_t action)
{
	const struct ast *a = w->u.side[q->side].a;
	const struct ast_members *m = q->role == AST_NONE ? NULL : &a->roles.v[q->role].members;
	struct partial p = { SOLVE_UNSET, SOLVE_UNSET, SOLVE_UNSET, SOLVE_UNSET, SOLVE_UNSET, SOLVE_UNSET, w->groups };
	struct diff_subject s;
	int r;

	memset(w->groups, 2, w->u.groups_count);
	if (m && member < m->count) {
		const struct solve_user *list = m->v[member].is_group ? w->u.groups : w->u.users;
		size_t i = 0;

		while (list[i].uid != m->v[member].id)
			i++;
		if (m->v[member].is_group)
			w->groups[i] = 1;
		else
			p.user = (uint32_t)i;
	}
	q->cases = 0;
	r = solve(q, &p);
	if (r == 1 && subject_of(w, &p, &s))
		return add_row(w, q, member, action, &s);
	w->d->unsettled += r != 0;
	return 0;
}

/* Everybody a rule is for: each member of each role that is on by itself and brings one of the rule's. */
static int ask_all(struct diff_work *w, struct question_of *q, uint32_t action)
{
	const struct ast *a = w->u.side[q->side].a;
	const struct ast_rule *rule = &a->rules.v[q->rule];
	int r = 0;

	q->role = AST_NONE;
	if (rule->any_role)
		return ask(w, q, 0, action);
	for (uint32_t role = 0; role < a->roles.count && r == 0; role++) {
		size_t members = a->roles.v[role].members.count;

		q->role = role;
		if (a->roles.v[role].abstract || !box_covers_role(a, rule, role))
			continue;
		for (size_t m = 0; m < (members ? members : 1) && r == 0; m++)
			r = ask(w, q, m, action);
	}
	return r;
}

static int rules_here(struct diff_work *w, uint32_t side)
{
	const struct ast *a = w->u.side[side].a;
	struct speakers *s = &w->here[side];

	*s = (struct speakers){ .outside = w->store[side] == AST_NONE, .v = calloc(a->rules.count + 1, sizeof(*s->v)) };
	if (!s->v)
		return -ENOMEM;
	for (uint32_t i = 0; !s->outside && i < a->rules.count; i++)
		if (box_has_store(&a->rules.v[i], w->store[side]))
			s->v[s->count++] = i;
	return 0;
}

static int speakers_of(const struct diff_work *w, uint32_t side, uint32_t action, struct speakers *ret)
{
	const struct ast *a = w->u.side[side].a;
	const struct speakers *here = &w->here[side];

	*ret = (struct speakers){ .outside = here->outside, .v = calloc(here->count + 1, sizeof(*ret->v)) };
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < here->count; i++)
		if (box_actions(&a->rules.v[here->v[i]]) & action)
			ret->v[ret->count++] = here->v[i];
	return 0;
}

static int ask_action(struct diff_work *w, uint32_t action)
{
	struct question_of q = { .u = &w->u };
	int r = speakers_of(w, 0, action, &q.about[0]);

	if (r == 0)
		r = speakers_of(w, 1, action, &q.about[1]);
	for (q.side = 0; q.side < 2 && r == 0; q.side++)
		for (size_t i = 0; i < q.about[q.side].count && r == 0; i++) {
			q.rule = q.about[q.side].v[i];
			/* Where the other side has no store it decides about nobody: nothing can be gained from it. */
			if (!w->u.side[q.side].a->rules.v[q.rule].deny && !q.about[1 - q.side].outside)
				r = ask_all(w, &q, action);
		}
	free(q.about[0].v);
	free(q.about[1].v);
	return r;
}

static int ask_place(struct diff_work *w, const char *path)
{
	int r = 0;

	w->path = path;
	for (uint32_t s = 0; s < 2; s++) {
		w->store[s] = policy_store_at(w->u.side[s].a, path);
		if (rules_here(w, s) < 0)
			r = -ENOMEM;
	}
	for (uint32_t action = 1; action <= PW_A_CONNECT && r == 0; action <<= 1)
		r = ask_action(w, action);
	free(w->here[0].v);
	free(w->here[1].v);
	return r;
}

static bool has_root(const struct ast *a, const char *path)
{
	for (size_t i = 0; i < a->stores.count; i++)
		if (strcmp(a->stores.v[i].path.text, path) == 0)
			return true;
	return false;
}

static int ask_everywhere(struct diff_work *w, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx)
{
	uint64_t total = w->u.side[0].a->stores.count + w->u.side[1].a->stores.count, done = 0;
	int r = 0;

	for (int s = 0; s < 2 && r == 0; s++)
		for (size_t i = 0; i < w->u.side[s].a->stores.count && r == 0; i++, done++) {
			const char *path = w->u.side[s].a->stores.v[i].path.text;

			if (progress)
				progress(ctx, done, total);
			if (s == 0 || !has_root(w->u.side[0].a, path))
				r = ask_place(w, path);
		}
	return r;
}

void diff_free(struct diff *d)
{
	for (size_t i = 0; i < d->rows_count; i++) {
		struct diff_row *r = &d->rows[i];

		free(r->who);
		free(r->role);
		free(r->store);
		free(r->path);
		free(r->conditions);
		free(r->rule);
		free(r->at);
		free(r->other);
	}
	for (size_t i = 0; i < d->changes_count; i++)
		free(d->changes[i].text);
	free(d->rows);
	free(d->changes);
	*d = (struct diff){ 0 };
}

int policy_diff(const struct diff_side *old, const struct diff_side *new, int64_t now_utc_s,
		void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, struct diff *ret, struct err *e)
{
	struct diff d = { 0 };
	struct diff_work w = { .d = &d, .e = e };
	int r = universe_make(old, new, now_utc_s, &w.u);

	w.groups = r == 0 ? malloc(w.u.groups_count + 1) : NULL;
	if (r == 0 && !w.groups)
		r = -ENOMEM;
	if (r == 0)
		r = ask_everywhere(&w, progress, ctx);
	if (r == 0)
		r = diff_changes(old, new, &d);
	universe_free(&w.u);
	free(w.groups);
	if (r < 0) {
		diff_free(&d);
		return r == -EPROTO ? r : err_set(e, r, "compare the policies");
	}
	d.widened |= d.unsettled > 0;
	*ret = d;
	return 0;
}
