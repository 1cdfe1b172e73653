/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical lines of declarations, and the helpers that rules and tests share. Sets are sorted; nothing is left out. */
#include "policy/print.h"

#include <stdlib.h>
#include <string.h>

#include <polyward/image.h>

#include "base/cleanup.h"
#include "policy/stamp.h"

void print_line(struct statement *s, int field, size_t nth, bool plain, struct buf *text)
{
	struct line *l = list_push(&s->lines);

	if (!l) {
		buf_free(text);
		s->failed = true;
		return;
	}
	*l = (struct line){ .field = field, .nth = nth, .plain = plain, .text = buf_take(text) };
	s->failed |= !l->text;
}

void print_string(struct buf *b, const char *text)
{
	buf_add_char(b, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, *text);
	}
	buf_add_char(b, '"');
}

void print_word(struct buf *b, const char *text)
{
	if (lex_is_word(text))
		buf_add_str(b, text);
	else
		print_string(b, text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **print_sorted(const struct ast_words *words)
{
	const char **v = words->count ? calloc(words->count, sizeof(*v)) : NULL;

	for (size_t i = 0; v && i < words->count; i++)
		v[i] = words->v[i].text;
	if (v)
		qsort(v, words->count, sizeof(*v), by_text);
	return v;
}

void print_words(struct buf *b, const struct ast_words *words)
{
	_free_ const char **v = print_sorted(words);

	b->failed |= words->count && !v;
	for (size_t i = 0; v && i < words->count; i++) {
		buf_add_str(b, i ? ", " : "");
		print_word(b, v[i]);
	}
}

void print_members(struct buf *b, const struct ast_members *m)
{
	_free_ char **v = calloc(m->count + 1, sizeof(*v));

	b->failed |= !v;
	for (size_t i = 0; v && i < m->count; i++) {
		_buf_ struct buf one = BUF_INIT;

		buf_printf(&one, "%s:%s", m->v[i].is_group ? "group" : "user", m->v[i].name.text);
		v[i] = buf_take(&one);
		b->failed |= !v[i];
	}
	if (v && !b->failed)
		qsort(v, m->count, sizeof(*v), by_text);
	for (size_t i = 0; v && i < m->count; i++) {
		buf_add_str(b, i ? ", " : "");
		if (v[i])
			print_word(b, v[i]);
		free(v[i]);
	}
}

void print_mode(struct statement *s, int field, enum ast_mode mode, int64_t until_utc_s)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "mode %s", mode == AST_MODE_AUDIT ? "audit" : "enforce");
	if (until_utc_s) {
		buf_add_str(&b, " until ");
		stamp_add(&b, until_utc_s);
		buf_add_char(&b, 'Z');
	}
	print_line(s, field, 0, mode == AST_MODE_ENFORCE, &b);
}

static void line_tighten(struct statement *s, int field, const struct ast_tighten *t, bool plain_leave)
{
	struct buf b = BUF_INIT;

	if (t->kind == AST_TIGHTEN_UNSAID)
		return;
	buf_add_str(&b, "on-tighten ");
	if (t->kind == AST_TIGHTEN_LEAVE) {
		buf_add_str(&b, "leave");
	} else if (!t->kill_after_s) {
		buf_add_str(&b, "kill at once");
	} else {
		buf_add_str(&b, "kill after ");
		stamp_add_duration(&b, t->kill_after_s);
	}
	print_line(s, field, 0, plain_leave && t->kind == AST_TIGHTEN_LEAVE, &b);
}

/* A field that is one word. */
static void line_bare(struct statement *s, int field, const char *word, bool said)
{
	struct buf b = BUF_INIT;

	if (!said)
		return;
	buf_add_str(&b, word);
	print_line(s, field, 0, false, &b);
}

static void head(struct statement *s, const char *kind, const struct ast_word *name)
{
	s->block = true;
	buf_printf(&s->head, "%s %s", kind, name->text);
}

/* "keyword text" if there is a text. */
static void line_word(struct statement *s, int field, const char *keyword, const char *text, bool quoted)
{
	struct buf b = BUF_INIT;

	if (!text)
		return;
	buf_printf(&b, "%s ", keyword);
	if (quoted)
		print_string(&b, text);
	else
		print_word(&b, text);
	print_line(s, field, 0, false, &b);
}

static void line_words(struct statement *s, int field, const char *keyword, const struct ast_words *words)
{
	struct buf b = BUF_INIT;

	if (!words->count)
		return;
	buf_printf(&b, "%s ", keyword);
	print_words(&b, words);
	print_line(s, field, 0, false, &b);
}

static void line_members(struct statement *s, int field, const struct ast_members *m)
{
	struct buf b = BUF_INIT;

	if (!m->count)
		return;
	buf_add_str(&b, "members ");
	print_members(&b, m);
	print_line(s, field, 0, false, &b);
}

void print_policy(const struct ast_policy *p, struct statement *s)
{
	struct buf b = BUF_INIT;

	head(s, "policy", &p->name);
	line_word(s, POLICY_VERSION, "version", p->version.text, false);
	line_word(s, POLICY_OWNER, "owner", p->owner.text, true);
	print_mode(s, POLICY_MODE, p->mode, p->audit_until_utc_s);
	buf_printf(&b, "log %s", p->log_denied_only ? "denied" : "all");
	print_line(s, POLICY_LOG, 0, !p->log_denied_only, &b);
	line_bare(s, POLICY_GUARD, "guard sealed", p->sealed);
	line_tighten(s, POLICY_TIGHTEN, &p->on_tighten, true);
}

void print_admin(const struct ast_admin *a, struct statement *s)
{
	static const struct { uint32_t bit; const char *word; } rights[] = {
		{ PW_MAY_APPLY, "apply" }, { PW_MAY_ROLLBACK, "rollback" }, { PW_MAY_DOWN, "down" }, { PW_MAY_READ_LOG, "read log" },
	};
	struct buf may = BUF_INIT, when = BUF_INIT;
	bool first = true;

	s->block = true;
	buf_add_str(&s->head, "admin");
	line_members(s, ADMIN_MEMBERS, &a->members);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		if (a->may & rights[i].bit) {
			buf_printf(&may, "%s%s", first ? "may " : ", ", rights[i].word);
			first = false;
		}
	if (!first)
		print_line(s, ADMIN_MAY, 0, false, &may);
	if (!a->has_mfa)
		return;
	buf_add_str(&when, "when mfa within ");
	stamp_add_duration(&when, a->mfa_within_s);
	print_line(s, ADMIN_WHEN, 0, false, &when);
}

/* "mon-wed, fri": runs of three and more days, and of two, with a dash. */
static void add_days(struct buf *b, uint32_t days)
{
	static const char names[][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
	const char *comma = "";

	for (int i = 0; i < 7; i++) {
		int last = i;

		if (!(days >> i & 1))
			continue;
		while (last < 6 && days >> (last + 1) & 1)
			last++;
		buf_printf(b, "%s%s", comma, names[i]);
		if (last > i)
			buf_printf(b, "-%s", names[last]);
		comma = ", ";
		i = last;
	}
}

void print_time(const struct ast_time *t, struct statement *s)
{
	struct buf days = BUF_INIT, hours = BUF_INIT, zone = BUF_INIT;
	bool whole_day = t->start_min == 0 && (t->end_min == 1440 || t->end_min == 0);

	head(s, "time", &t->name);
	buf_add_str(&days, "days ");
	add_days(&days, t->days);
	print_line(s, TIME_DAYS, 0, t->days == 0x7f && !whole_day, &days);
	buf_printf(&hours, "hours %02u:%02u-%02u:%02u", t->start_min / 60u, t->start_min % 60u, t->end_min ? t->end_min / 60u : 24u,
		   t->end_min % 60u);
	print_line(s, TIME_HOURS, 0, whole_day, &hours);
	buf_add_str(&zone, "zone ");
	print_word(&zone, t->zone.text ? t->zone.text : "UTC");
	print_line(s, TIME_ZONE, 0, !t->zone.text || strcmp(t->zone.text, "UTC") == 0, &zone);
}

void print_purpose(const struct ast_purpose *p, struct statement *s)
{
	struct buf b = BUF_INIT;

	head(s, "purpose", &p->name);
	print_string(&b, p->text.text);
	print_line(s, PURPOSE_TEXT, 0, false, &b);
}

void print_program(const struct ast_program *p, struct statement *s)
{
	struct buf b = BUF_INIT;

	head(s, "program", &p->name);
	line_word(s, PROGRAM_EXE, "exe", p->exe.text, false);
	if (!p->has_verity)
		return;
	buf_add_str(&b, "verity sha256:");
	for (size_t i = 0; i < sizeof(p->verity); i++)
		buf_printf(&b, "%02x", p->verity[i]);
	print_line(s, PROGRAM_VERITY, 0, false, &b);
}

void print_store(const struct ast_store *p, struct statement *s)
{
	head(s, "store", &p->name);
	line_word(s, STORE_PATH, "path", p->path.text, false);
	line_word(s, STORE_MODALITY, "modality", p->modality.text, false);
	line_word(s, STORE_CLASS, "class", p->class_.text, false);
	print_mode(s, STORE_MODE, p->mode, p->audit_until_utc_s);
	line_bare(s, STORE_STRICT, "strict", p->strict);
	line_tighten(s, STORE_TIGHTEN, &p->on_tighten, false); /* "leave" may speak against the policy's own word */
}

void print_role(const struct ast_role *r, struct statement *s)
{
	head(s, "role", &r->name);
	line_bare(s, ROLE_ABSTRACT, "abstract", r->abstract);
	line_words(s, ROLE_INHERITS, "inherits", &r->inherits);
	line_members(s, ROLE_MEMBERS, &r->members);
	line_words(s, ROLE_PROGRAM, "program", &r->programs);
	line_words(s, ROLE_UNIT, "unit", &r->units);
}

void print_separate(const struct ast_separate *p, struct statement *s)
{
	buf_add_str(&s->head, "separate static { ");
	print_words(&s->head, &p->roles);
	buf_printf(&s->head, " } at-most %u", p->at_most);
}

void print_include(const struct ast_word *p, struct statement *s)
{
	buf_add_str(&s->head, "include ");
	print_string(&s->head, p->text);
}
