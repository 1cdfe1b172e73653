/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What else changes from one policy to another: stores, roles, rights, modes, hours. Read off the two trees; a change that lets in, or
 * shows less, is marked as one that loosens.
 */
#include "policy/diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/explain.h"
#include "policy/stamp.h"

int diff_say(struct diff *d, bool loosens, struct buf *text)
{
	struct diff_change *v = reallocarray(d->changes, d->changes_count + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	d->changes = v;
	v[d->changes_count] = (struct diff_change){ .text = buf_take(text), .loosens = loosens };
	if (!v[d->changes_count].text)
		return -ENOMEM;
	d->changes_count++;
	d->widened |= loosens;
	return 0;
}

__attribute__((format(printf, 3, 4)))
static int say(struct diff *d, bool loosens, const char *fmt, ...)
{
	_buf_ struct buf b = BUF_INIT;
	char room[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(room, sizeof(room), fmt, ap);
	va_end(ap);
	buf_add_str(&b, room);
	return diff_say(d, loosens, &b);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *text(const struct ast_word *w)
{
	return w->text ? w->text : "none";
}

static void mode_words(enum ast_mode mode, int64_t until_utc_s, struct buf *b)
{
	buf_add_str(b, mode == AST_MODE_AUDIT ? "audit" : "enforce");
	if (mode == AST_MODE_AUDIT && until_utc_s) {
		buf_add_str(b, " until ");
		stamp_add(b, until_utc_s);
		buf_add_char(b, 'Z');
	}
}

/* For how long nothing is refused: 0 not at all. */
static int64_t audits_until(enum ast_mode mode, int64_t until_utc_s)
{
	return mode != AST_MODE_AUDIT ? 0 : until_utc_s ? until_utc_s : INT64_MAX;
}

struct mode { enum ast_mode mode; int64_t until_utc_s; };

static int say_mode(struct diff *d, const char *what, struct mode old, struct mode new)
{
	_buf_ struct buf was = BUF_INIT, is = BUF_INIT;

	if (old.mode == new.mode && (old.mode != AST_MODE_AUDIT || old.until_utc_s == new.until_utc_s))
		return 0;
	mode_words(old.mode, old.until_utc_s, &was);
	mode_words(new.mode, new.until_utc_s, &is);
	if (was.failed || is.failed)
		return -ENOMEM;
	return say(d, audits_until(new.mode, new.until_utc_s) > audits_until(old.mode, old.until_utc_s), "%s: mode %s becomes %s", what,
		   was.data, is.data);
}

/* ---- the policy itself ---- */

static int say_policy(const struct ast *a, const struct ast *b, struct diff *d)
{
	const struct ast_policy *p = &a->policy, *q = &b->policy;
	int r = say_mode(d, "the whole policy", (struct mode){ p->mode, p->audit_until_utc_s }, (struct mode){ q->mode, q->audit_until_utc_s });

	if (r == 0 && p->sealed != q->sealed)
		r = say(d, p->sealed, p->sealed ? "the kernel is no longer sealed against further code, from the next boot on" :
						  "the kernel is sealed against further code (guard sealed)");
	if (r == 0 && p->log_denied_only != q->log_denied_only)
		r = say(d, false, q->log_denied_only ? "allowed accesses are no longer recorded, but in strict stores (log denied)" :
						       "allowed accesses are recorded, too (log all)");
	return r;
}

static uint32_t may_of(const struct ast *a, bool group, const char *name)
{
	uint32_t may = 0;

	for (size_t i = 0; i < a->admins.count; i++)
		for (size_t k = 0; k < a->admins.v[i].members.count; k++)
			if (a->admins.v[i].members.v[k].is_group == group && strcmp(a->admins.v[i].members.v[k].name.text, name) == 0)
				may |= a->admins.v[i].may;
	return may;
}

static void may_words(uint32_t may, struct buf *b)
{
	static const struct { uint32_t bit; const char *word; } words[] = {
		{ PW_MAY_APPLY, "apply" }, { PW_MAY_ROLLBACK, "rollback" }, { PW_MAY_DOWN, "down" }, { PW_MAY_READ_LOG, "read log" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(may & words[i].bit))
			continue;
		buf_printf(b, "%s%s", any ? ", " : "", words[i].word);
		any = true;
	}
}

/* Rights that a's administrators have and b does not give them. */
static int say_rights(const struct ast *a, const struct ast *b, bool gains, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->admins.count; i++)
		for (size_t k = 0; k < a->admins.v[i].members.count && r == 0; k++) {
			const struct ast_member *m = &a->admins.v[i].members.v[k];
			uint32_t may = a->admins.v[i].may & ~may_of(b, m->is_group, m->name.text);
			_buf_ struct buf words = BUF_INIT;

			if (!may)
				continue;
			may_words(may, &words);
			r = words.failed ? -ENOMEM : say(d, gains, "%s %s %s: %s", m->is_group ? "group" : "user", m->name.text,
							 gains ? "may now" : "may no longer", words.data);
		}
	return r;
}

/* ---- stores ---- */

static const struct ast_store *store_named(const struct ast *a, const char *name)
{
	for (size_t i = 0; i < a->stores.count; i++)
		if (strcmp(a->stores.v[i].name.text, name) == 0)
			return &a->stores.v[i];
	return NULL;
}

static void tighten_words(struct ast_tighten t, struct buf *b)
{
	if (t.kind != AST_TIGHTEN_KILL) {
		buf_add_str(b, "leave");
	} else if (!t.kill_after_s) {
		buf_add_str(b, "kill at once");
	} else {
		buf_add_str(b, "kill after ");
		stamp_add_duration(b, t.kill_after_s);
	}
}

static int64_t outlives_s(struct ast_tighten t)
{
	return t.kind == AST_TIGHTEN_KILL ? (int64_t)t.kill_after_s : INT64_MAX;
}

static int say_store(const struct ast *a, const struct ast *b, const struct ast_store *s, const struct ast_store *t, struct diff *d)
{
	struct ast_tighten was = ast_tighten(a, s), is = ast_tighten(b, t);
	_buf_ struct buf name = BUF_INIT, old = BUF_INIT, new = BUF_INIT;
	int r;

	buf_printf(&name, "store %s", s->name.text);
	tighten_words(was, &old);
	tighten_words(is, &new);
	if (name.failed || old.failed || new.failed)
		return -ENOMEM;
	r = say_mode(d, name.data, (struct mode){ s->mode, s->audit_until_utc_s }, (struct mode){ t->mode, t->audit_until_utc_s });
	if (r == 0 && s->strict != t->strict)
		r = say(d, s->strict, s->strict ? "%s is no longer strict: an access without room for its record passes" :
						  "%s is strict: no record, no access", name.data);
	if (r == 0 && outlives_s(was) != outlives_s(is))
		r = say(d, outlives_s(is) > outlives_s(was), "%s: mappings that outlive a right: %s becomes %s", name.data, old.data, new.data);
	if (r == 0 && !same(s->class_.text, t->class_.text))
		r = say(d, false, "%s: class %s becomes %s", name.data, text(&s->class_), text(&t->class_));
	if (r == 0 && !same(s->modality.text, t->modality.text))
		r = say(d, false, "%s: modality %s becomes %s", name.data, text(&s->modality), text(&t->modality));
	return r;
}

/* Places that one policy protects and the other does not. */
static int say_places(const struct ast *a, const struct ast *b, bool gone, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->stores.count && r == 0; i++) {
		const struct ast_store *s = &a->stores.v[i];

		if (policy_store_at(b, s->path.text) != AST_NONE)
			continue;
		r = gone ? say(d, true, "%s (store %s) is protected no more: everybody may there what file modes let", s->path.text, s->name.text)
			 : say(d, false, "%s (store %s) is protected: what no rule allows is refused there", s->path.text, s->name.text);
	}
	return r;
}

static int say_stores(const struct ast *a, const struct ast *b, struct diff *d)
{
	int r = say_places(a, b, true, d);

	if (r == 0)
		r = say_places(b, a, false, d);
	for (size_t i = 0; i < a->stores.count && r == 0; i++) {
		const struct ast_store *s = &a->stores.v[i], *t = store_named(b, s->name.text);

		if (t && strcmp(s->path.text, t->path.text) != 0)
			r = say(d, false, "store %s moves from %s to %s", s->name.text, s->path.text, t->path.text);
		if (r == 0 && t)
			r = say_store(a, b, s, t, d);
	}
	return r;
}

/* ---- roles and times ---- */

static const struct ast_role *role_named(const struct ast *a, const char *name)
{
	for (size_t i = 0; i < a->roles.count; i++)
		if (strcmp(a->roles.v[i].name.text, name) == 0)
			return &a->roles.v[i];
	return NULL;
}

static void role_words(const struct ast *a, const struct ast_role *r, struct buf *b)
{
	explain_members(a, r, b);
	for (size_t i = 0; i < r->inherits.count; i++)
		buf_printf(b, "%s%s", i ? ", " : "; inherits ", r->inherits.v[i].text);
}

/* Whom a change of a role lets in stands in the rows; here is what was written. */
static int say_roles(const struct ast *a, const struct ast *b, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->roles.count && r == 0; i++) {
		const struct ast_role *o = &a->roles.v[i], *n = role_named(b, o->name.text);
		_buf_ struct buf was = BUF_INIT, is = BUF_INIT;

		role_words(a, o, &was);
		if (n)
			role_words(b, n, &is);
		if (was.failed || is.failed)
			r = -ENOMEM;
		else if (!n)
			r = say(d, false, "role %s (%s) is gone", o->name.text, was.data);
		else if (strcmp(was.data, is.data) != 0)
			r = say(d, false, "role %s: %s becomes %s", o->name.text, was.data, is.data);
	}
	for (size_t i = 0; i < b->roles.count && r == 0; i++) {
		_buf_ struct buf is = BUF_INIT;

		if (role_named(a, b->roles.v[i].name.text))
			continue;
		role_words(b, &b->roles.v[i], &is);
		r = is.failed ? -ENOMEM : say(d, false, "role %s (%s) is new", b->roles.v[i].name.text, is.data);
	}
	return r;
}

static void time_words(const struct ast_time *t, struct buf *b)
{
	static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (size_t i = 0; i < 7; i++)
		if (t->days >> i & 1)
			buf_printf(b, "%s ", days[i]);
	if (t->start_min || t->end_min)
		buf_printf(b, "%02u:%02u-%02u:%02u ", t->start_min / 60u, t->start_min % 60u, t->end_min / 60u, t->end_min % 60u);
	buf_add_str(b, t->zone.text ? t->zone.text : "UTC");
}

static int say_times(const struct ast *a, const struct ast *b, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->times.count && r == 0; i++)
		for (size_t k = 0; k < b->times.count && r == 0; k++) {
			_buf_ struct buf was = BUF_INIT, is = BUF_INIT;

			if (strcmp(a->times.v[i].name.text, b->times.v[k].name.text) != 0)
				continue;
			time_words(&a->times.v[i], &was);
			time_words(&b->times.v[k], &is);
			if (was.failed || is.failed)
				r = -ENOMEM;
			else if (strcmp(was.data, is.data) != 0)
				r = say(d, false, "time %s: %s becomes %s", a->times.v[i].name.text, was.data, is.data);
		}
	return r;
}

static int say_programs(const struct ast *a, const struct ast *b, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->programs.count && r == 0; i++)
		for (size_t k = 0; k < b->programs.count && r == 0; k++) {
			const struct ast_program *p = &a->programs.v[i], *q = &b->programs.v[k];

			if (strcmp(p->name.text, q->name.text) == 0 &&
			    (strcmp(p->exe.text, q->exe.text) != 0 || p->has_verity != q->has_verity ||
			     memcmp(p->verity, q->verity, sizeof(p->verity)) != 0))
				r = say(d, false, "program %s: %s%s becomes %s%s", p->name.text, p->exe.text, p->has_verity ? " with its digest" : "",
					q->exe.text, q->has_verity ? " with its digest" : "");
		}
	return r;
}

/* How many of some roles may meet in one person: separations are checked when a policy is applied. */
static int say_separations(const struct ast *a, const struct ast *b, bool gone, struct diff *d)
{
	int r = 0;

	for (size_t i = 0; i < a->separates.count && r == 0; i++) {
		_buf_ struct buf roles = BUF_INIT;
		bool there = false;

		for (size_t n = 0; n < a->separates.v[i].roles.count; n++)
			buf_printf(&roles, "%s%s", n ? ", " : "", a->separates.v[i].roles.v[n].text);
		for (size_t k = 0; k < b->separates.count && !there; k++) {
			there = b->separates.v[k].at_most <= a->separates.v[i].at_most;
			for (size_t n = 0; n < a->separates.v[i].roles.count && there; n++) {
				there = false;
				for (size_t m = 0; m < b->separates.v[k].roles.count && !there; m++)
					there = strcmp(a->separates.v[i].roles.v[n].text, b->separates.v[k].roles.v[m].text) == 0;
			}
		}
		if (!there)
			r = roles.failed ? -ENOMEM : say(d, gone, gone ? "nobody checks any more that at most %u of these roles meet: %s" :
								   "at most %u of these roles may meet in one: %s",
							 a->separates.v[i].at_most, roles.data);
	}
	return r;
}

int diff_changes(const struct diff_side *old, const struct diff_side *new, struct diff *d)
{
	const struct ast *a = old->a, *b = new->a;
	int r = say_policy(a, b, d);

	if (r == 0)
		r = say_rights(b, a, true, d);
	if (r == 0)
		r = say_rights(a, b, false, d);
	if (r == 0)
		r = say_stores(a, b, d);
	if (r == 0)
		r = say_roles(a, b, d);
	if (r == 0)
		r = say_times(a, b, d);
	if (r == 0)
		r = say_programs(a, b, d);
	if (r == 0)
		r = say_separations(a, b, true, d);
	return r < 0 ? r : say_separations(b, a, false, d);
}
