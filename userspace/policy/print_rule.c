/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical lines of rules and tests. */
#include "policy/print.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/stamp.h"

static const char *atom_word(enum ast_cond_kind kind)
{
	switch (kind) {
	case AST_COND_DURING:  return "during";
	case AST_COND_PURPOSE: return "purpose";
	case AST_COND_MFA:     return "mfa within";
	case AST_COND_USER:    return "user";
	case AST_COND_GROUP:   return "group";
	case AST_COND_ROLE:    return "role";
	case AST_COND_PROGRAM: return "program";
	case AST_COND_UNIT:
	default:               return "unit";
	}
}

static char *atom_text(const struct ast_cond *c)
{
	_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "%s ", atom_word(c->kind));
	if (c->kind == AST_COND_MFA) {
		stamp_add_duration(&b, c->mfa_within_s);
	} else if (c->values.count == 1) {
		print_word(&b, c->values.v[0].text);
	} else {
		buf_add_str(&b, "{ ");
		print_words(&b, &c->values);
		buf_add_str(&b, " }");
	}
	return buf_take(&b);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void conditions(struct statement *s, int field, const char *keyword, const struct ast_conds *conds)
{
	_free_ char **v = calloc(conds->count + 1, sizeof(*v));
	struct buf b = BUF_INIT;

	if (!v) {
		s->failed = true;
		return;
	}
	for (size_t i = 0; i < conds->count; i++) {
		v[i] = atom_text(&conds->v[i]);
		s->failed |= !v[i];
	}
	if (!s->failed)
		qsort(v, conds->count, sizeof(*v), by_text);
	for (size_t i = 0; i < conds->count; i++) {
		buf_printf(&b, "%s%s", i ? ", " : "", i ? "" : keyword);
		buf_add_str(&b, v[i] ? v[i] : "");
		free(v[i]);
	}
	if (conds->count)
		print_line(s, field, 0, false, &b);
	buf_free(&b);
}

void print_rule(const struct ast_rule *r, struct statement *s)
{
	struct buf who = BUF_INIT, to = BUF_INIT, on = BUF_INIT, absolute = BUF_INIT, until = BUF_INIT;

	s->block = true;
	buf_printf(&s->head, "rule %s", r->name.text);
	buf_add_str(&who, r->deny ? "deny " : "allow ");
	if (r->any_role)
		buf_add_str(&who, "any");
	print_words(&who, &r->roles);
	print_line(s, r->deny ? RULE_DENY : RULE_ALLOW, 0, false, &who);
	buf_add_str(&to, "to ");
	print_words(&to, &r->actions);
	print_line(s, RULE_TO, 0, false, &to);
	buf_add_str(&on, r->on_kind == AST_ON_ANY ? "on any" : r->on_kind == AST_ON_CLASS ? "on class " : "on ");
	print_words(&on, &r->on);
	print_line(s, RULE_ON, 0, false, &on);
	conditions(s, RULE_WHEN, "when ", &r->when);
	conditions(s, RULE_UNLESS, "unless ", &r->unless);
	if (r->absolute) {
		buf_add_str(&absolute, "absolute");
		print_line(s, RULE_ABSOLUTE, 0, false, &absolute);
	}
	print_mode(s, RULE_MODE, r->mode, r->audit_until_utc_s);
	if (r->until_utc_s) {
		buf_add_str(&until, "until ");
		stamp_add(&until, r->until_utc_s);
		buf_add_char(&until, 'Z');
		print_line(s, RULE_UNTIL, 0, false, &until);
	}
}

static void subject(struct statement *s, size_t nth, const struct ast_subject *as)
{
	struct buf b = BUF_INIT;

	buf_add_str(&b, "as user ");
	print_word(&b, as->user.text);
	if (as->has_groups) {
		buf_add_str(&b, "  groups ");
		print_words(&b, &as->groups);
	}
	if (as->program.text)
		buf_printf(&b, "  program %s", as->program.text);
	if (as->unit.text) {
		buf_add_str(&b, "  unit ");
		print_word(&b, as->unit.text);
	}
	if (as->has_mfa) {
		buf_add_str(&b, "  mfa ");
		stamp_add_duration(&b, as->mfa_age_s);
	}
	if (as->has_at)
		buf_printf(&b, "  at %s", as->at_text);
	if (as->purpose.text)
		buf_printf(&b, "  purpose %s", as->purpose.text);
	print_line(s, TEST_AS, nth, false, &b);
}

void print_test(const struct ast_test *t, struct statement *s)
{
	size_t nth = 0;

	s->block = s->tall = true;
	buf_add_str(&s->head, "test ");
	print_string(&s->head, t->name.text);
	for (size_t i = 0; i < t->cases_count; i++) {
		subject(s, i, &t->cases[i].as);
		for (size_t k = 0; k < t->cases[i].expects_count; k++) {
			const struct ast_expect *e = &t->cases[i].expects[k];
			struct buf b = BUF_INIT;

			buf_printf(&b, "expect %s %s on %s", e->deny ? "deny" : "allow", e->action.text, e->store.text);
			if (e->has_by)
				buf_printf(&b, " by %s", e->by.text);
			print_line(s, TEST_EXPECT, nth++, false, &b);
		}
	}
}
