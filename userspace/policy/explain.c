/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decision and everything that led to it: the rule that decided, every other rule on that store and action with the state of
 * each of its conditions, and what would have changed it. Decides nothing itself: the answer is the table's.
 */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/stamp.h"

uint32_t policy_action_bit(const char *word)
{
	static const struct { const char *word; uint32_t bit; } rows[] = {
#define PW_ACTION(name, bit, text, brings, meaning) { text, PW_A_##name },
#include <polyward/actions.def>
#undef PW_ACTION
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].word, word) == 0)
			return rows[i].bit;
	return AST_NONE;
}

uint32_t policy_store_at(const struct ast *a, const char *path)
{
	uint32_t best = AST_NONE;
	size_t best_len = 0;

	for (uint32_t i = 0; i < a->stores.count; i++) {
		const char *root = a->stores.v[i].path.text;
		size_t len = root ? strlen(root) : 0;

		if (len > best_len && strncmp(path, root, len) == 0 && (path[len] == '/' || !path[len])) {
			best = i;
			best_len = len;
		}
	}
	return best;
}

/* ---- atoms ---- */

static void time_state(const struct explain_context *c, const struct ast_cond *cond, struct buf *b)
{
	for (size_t i = 0; i < cond->values.count; i++) {
		const struct ast_time *t = &c->a->times.v[cond->value_idx[i]];
		uint32_t w = explain_window(c->a, c->img, cond->value_idx[i]);

		buf_printf(b, "%s%s is %s", i ? "; " : "", t->name.text,
			   w != AST_NONE && (c->f->windows >> w & 1) ? "open" : "closed");
		if (w == AST_NONE)
			continue;
		buf_add_str(b, ", its clocks show ");
		explain_clock(c->img, w, c->q->at_utc_s, b);
		buf_printf(b, " (%s)", t->zone.text ? t->zone.text : "UTC");
	}
}

/* What a record knows of who it was: less than a question says, and nothing of it is guessed. */
static void recorded_state(const struct explain_context *c, const struct ast_cond *cond, struct buf *b)
{
	const struct recorded *r = c->rec;

	switch (cond->kind) {
	case AST_COND_USER:
		buf_printf(b, "it was %s", r->user);
		if (r->login_uid != TABLE_ID_NONE && r->login_uid != r->uid)
			buf_printf(b, ", who had logged in as uid %u", r->login_uid);
		break;
	case AST_COND_GROUP:
		buf_printf(b, "that is how %s stood when the roles were computed; the record names no groups", r->user);
		break;
	case AST_COND_PROGRAM:
		buf_printf(b, "the program was inode %llu on device %u:%u", (unsigned long long)r->exe_ino, (unsigned int)(r->exe_dev >> 20),
			   (unsigned int)(r->exe_dev & 0xfffff));
		break;
	case AST_COND_UNIT:
		buf_printf(b, "the control group was number %llu", (unsigned long long)r->cgroup);
		break;
	case AST_COND_DURING:
	case AST_COND_PURPOSE:
	case AST_COND_MFA:
	case AST_COND_ROLE:
	default:
		break;
	}
}

static void groups_state(const struct explain_context *c, struct buf *b)
{
	if (!c->q->has_groups) {
		buf_add_str(b, "the groups are those that the host gives ");
		explain_subject(c->q, b);
		return;
	}
	buf_add_str(b, c->q->groups_count ? "the groups are " : "it is in no group");
	for (size_t i = 0; i < c->q->groups_count; i++)
		buf_printf(b, "%s%s", i ? ", " : "", c->q->groups[i]);
}

/* What the subject really has, for the atom's kind. */
static void actual(const struct explain_context *c, const struct ast_cond *cond, struct buf *b)
{
	const struct question *q = c->q;

	if (c->rec && (cond->kind == AST_COND_USER || cond->kind == AST_COND_GROUP || cond->kind == AST_COND_PROGRAM ||
		       cond->kind == AST_COND_UNIT)) {
		recorded_state(c, cond, b);
		return;
	}
	switch (cond->kind) {
	case AST_COND_DURING:
		time_state(c, cond, b);
		break;
	case AST_COND_PURPOSE:
		buf_printf(b, q->purpose ? "the purpose is %s" : "%s", q->purpose ? q->purpose : "no purpose is declared");
		break;
	case AST_COND_MFA:
		if (q->has_mfa) {
			buf_add_str(b, "the second factor is ");
			stamp_add_duration(b, q->mfa_age_s);
			buf_add_str(b, " old");
		} else {
			buf_add_str(b, "there was no second factor");
		}
		break;
	case AST_COND_USER:
		buf_add_str(b, "it is ");
		explain_subject(q, b);
		break;
	case AST_COND_GROUP:
		groups_state(c, b);
		break;
	case AST_COND_ROLE:
		buf_add_str(b, "the roles are ");
		explain_roles(c->a, c->f->roles, "none", b);
		break;
	case AST_COND_PROGRAM:
		buf_printf(b, "the program is %s", q->program ? q->program : "another one");
		break;
	case AST_COND_UNIT:
	default:
		buf_printf(b, "the unit is %s", q->unit ? q->unit : "none");
		break;
	}
}

static int add_atom(struct explain_rule *r, bool holds, struct buf *text)
{
	struct explain_atom *v = reallocarray(r->atoms, r->atoms_count + 1, sizeof(*v));
	char *words;

	if (!v)
		return -ENOMEM;
	r->atoms = v;
	words = buf_take(text);
	if (!words)
		return -ENOMEM;
	v[r->atoms_count++] = (struct explain_atom){ .state = holds ? ATOM_HOLDS : ATOM_FAILS, .text = words };
	return 0;
}

static int add_conds(const struct explain_context *c, const struct ast_rule *rule, bool unless, struct explain_rule *r)
{
	const struct ast_conds *conds = unless ? &rule->unless : &rule->when;

	for (size_t i = 0; i < conds->count; i++) {
		_buf_ struct buf text = BUF_INIT;
		bool takes_away = unless != rule->deny;
		bool holds = explain_atom_holds(c->a, c->img, c->f, &conds->v[i], takes_away) != unless;

		buf_add_str(&text, unless ? "unless " : "when ");
		explain_cond_words(c->a, &conds->v[i], &text);
		buf_add_str(&text, ": ");
		actual(c, &conds->v[i], &text);
		if (add_atom(r, holds, &text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The end of an allow is a condition like any other. */
static int add_until(const struct explain_context *c, const struct ast_rule *rule, struct explain_rule *r)
{
	_buf_ struct buf text = BUF_INIT;
	uint32_t w = explain_until(c->img, rule->until_utc_s);

	if (!rule->until_utc_s)
		return 0;
	buf_add_str(&text, "until ");
	stamp_add(&text, rule->until_utc_s);
	buf_add_str(&text, "Z: it was ");
	stamp_add(&text, c->q->at_utc_s);
	buf_add_char(&text, 'Z');
	return add_atom(r, w != AST_NONE && (c->f->windows >> w & 1), &text);
}

/* Who makes a role of this rule: "role radiologist (group:radiology): not on". */
static int add_roles(const struct explain_context *c, const struct ast_rule *rule, struct explain_rule *r)
{
	r->names_role = rule->any_role;
	for (size_t i = 0; i < rule->roles.count; i++)
		r->names_role |= c->f->roles >> rule->role_idx[i] & 1;
	for (size_t i = 0; i < rule->roles.count; i++) {
		_buf_ struct buf text = BUF_INIT;
		const struct ast_role *role = &c->a->roles.v[rule->role_idx[i]];
		bool on = c->f->roles >> rule->role_idx[i] & 1;

		/* One role is enough: the others are no reason once one is on. */
		if (r->names_role && !on)
			continue;
		buf_printf(&text, "role %s is %s (", role->name.text, on ? "on" : "off");
		explain_members(c->a, role, &text);
		buf_add_char(&text, ')');
		if (add_atom(r, on, &text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- rules ---- */

static bool speaks(const struct ast_rule *rule, uint32_t store_idx, uint32_t need)
{
	uint32_t actions = rule->deny ? rule->action_mask : explain_brought(rule->action_mask);

	for (size_t i = 0; i < rule->store_idx_count; i++)
		if (rule->store_idx[i] == store_idx)
			return actions & need;
	return false;
}

static int add_rules(const struct explain_context *c, struct explanation *x, bool deciding)
{
	for (uint32_t i = 0; i < c->a->rules.count; i++) {
		const struct ast_rule *rule = &c->a->rules.v[i];
		bool decided = x->decision.rule == i + 1;
		struct explain_rule *v, *r;

		if (decided != deciding || (!decided && !speaks(rule, x->store_idx, x->need)))
			continue;
		v = reallocarray(x->rules, x->rules_count + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		x->rules = v;
		r = &v[x->rules_count++];
		*r = (struct explain_rule){ .rule_idx = i, .decided = decided };
		if (add_roles(c, rule, r) < 0 || add_conds(c, rule, false, r) < 0 || add_conds(c, rule, true, r) < 0 ||
		    add_until(c, rule, r) < 0)
			return -ENOMEM;
	}
	return 0;
}

int explain_rules(const struct explain_context *c, struct explanation *x)
{
	int r = add_rules(c, x, true);

	return r < 0 ? r : add_rules(c, x, false);
}

/* ---- the sentence ---- */

void explain_rule_place(const struct image *img, uint32_t rule, struct buf *b)
{
	const struct pw_img_rule *r = &img->rules[rule];

	buf_printf(b, "rule '%s' (%s:%u)", image_str(img, r->name), image_str(img, img->files[r->file]), r->line);
}

static void add_what(const struct explain_context *c, const struct explanation *x, const char *to, struct buf *b)
{
	explain_actions(x->action_bit, b);
	buf_printf(b, " on %s%s", c->a->stores.v[x->store_idx].name.text, to);
	explain_subject(c->q, b);
	buf_add_str(b, " (roles: ");
	explain_roles(c->a, c->f->roles, "none", b);
	buf_add_char(b, ')');
}

static void sentence_inside(const struct explain_context *c, const struct explanation *x, struct buf *b)
{
	const struct pw_decision *d = &x->decision;

	if (d->verdict == PW_AUDIT)
		buf_add_str(b, "passes, because mode audit only records it; it would be ");
	if (d->verdict == PW_ALLOW) {
		buf_add_str(b, "allowed: ");
		explain_rule_place(c->img, d->rule, b);
		buf_add_str(b, " allows ");
	} else if (d->rule) {
		buf_add_str(b, "forbidden: ");
		explain_rule_place(c->img, d->rule, b);
		buf_add_str(b, d->reason == PW_R_ABSOLUTE ? " denies absolutely " : " denies ");
	} else {
		buf_add_str(b, "refused: no rule allows ");
	}
	add_what(c, x, " to ", b);
	if (d->verdict != PW_ALLOW && !d->rule && d->missing != x->action_bit) {
		buf_add_str(b, "; missing: ");
		explain_actions(d->missing, b);
	}
}

static int add_sentence(const struct explain_context *c, struct explanation *x)
{
	_buf_ struct buf b = BUF_INIT;

	if (x->store_idx == AST_NONE)
		buf_add_str(&b, "not ours: this lies in no store, so polyward does not decide about it");
	else
		sentence_inside(c, x, &b);
	x->sentence = buf_take(&b);
	return x->sentence ? 0 : -ENOMEM;
}

void explanation_free(struct explanation *x)
{
	for (size_t i = 0; i < x->rules_count; i++) {
		for (size_t k = 0; k < x->rules[i].atoms_count; k++)
			free(x->rules[i].atoms[k].text);
		free(x->rules[i].atoms);
	}
	free(x->rules);
	for (size_t i = 0; i < x->changes_count; i++) {
		free(x->changes[i].text);
		free(x->changes[i].rule);
	}
	free(x->changes);
	for (size_t i = 0; i < x->futile_count; i++) {
		free(x->futile[i].text);
		free(x->futile[i].rule);
	}
	free(x->futile);
	free(x->sentence);
	memset(x, 0, sizeof(*x));
}

int policy_explain(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		   uint32_t action_bit, uint32_t store_idx, struct explanation *ret, struct err *e)
{
	struct pw_facts f = { 0 };
	struct explain_context c = { .a = a, .img = img, .q = q, .f = &f };
	struct explanation x = { .action_bit = action_bit, .need = table_need(action_bit), .store_idx = store_idx };
	int r = explain_facts(a, img, n, q, &f);

	if (r == 0) {
		x.roles = f.roles;
		x.decision = explain_decide(img, &f, store_idx, action_bit);
		r = add_sentence(&c, &x);
	}
	if (r == 0 && store_idx != AST_NONE) {
		r = explain_rules(&c, &x);
		if (r == 0)
			r = explain_changes(a, img, n, q, &x);
	}
	if (r < 0) {
		explanation_free(&x);
		return err_set(e, r, "cannot explain the access");
	}
	*ret = x;
	return 0;
}
