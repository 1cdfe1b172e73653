/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of fields: words, names, paths, members, lists and sets. A reader takes exactly its own tokens and never looks
 * up what a name stands for.
 */
#include "policy/parse.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/abi.h>

#include "base/cleanup.h"

struct span parse_span(const struct parser *p, const struct token *t)
{
	return (struct span){ .file = p->file, .off_bytes = t->off_bytes, .len_bytes = t->len_bytes };
}

struct span parse_span_to(const struct parser *p, const struct token *from)
{
	const struct token *last = p->tok > from ? p->tok - 1 : from;

	return (struct span){ .file = p->file, .off_bytes = from->off_bytes,
			      .len_bytes = last->off_bytes + last->len_bytes - from->off_bytes };
}

bool parse_error(struct parser *p, const char *code, struct span span, const char *fmt, ...)
{
	_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return parse_out_of_memory(p);
	}
	if (diag(p->run->d, DIAG_ERROR, code, span, "%s", text) == -ENOMEM)
		return parse_out_of_memory(p);
	return false;
}

bool parse_out_of_memory(struct parser *p)
{
	p->run->nomem = true;
	return false;
}

bool parse_expected(struct parser *p, const char *what)
{
	const struct token *t = p->tok;

	if (t->kind == TOKEN_END)
		return parse_error(p, "syntax", parse_span(p, t), "expected %s, found the end of the file", what);
	return parse_error(p, "syntax", parse_span(p, t), "expected %s, found %s%.*s%s", what, t->kind == TOKEN_STRING ? "" : "'",
			   t->len_bytes > 64 ? 64 : (int)t->len_bytes, p->text + t->off_bytes, t->kind == TOKEN_STRING ? "" : "'");
}

bool parse_at(const struct parser *p, const char *word)
{
	return p->tok->kind == TOKEN_WORD && strlen(word) == p->tok->len_bytes &&
	       memcmp(p->text + p->tok->off_bytes, word, p->tok->len_bytes) == 0;
}

bool parse_accept(struct parser *p, const char *word)
{
	bool at = parse_at(p, word);

	p->tok += at;
	return at;
}

bool parse_accept_kind(struct parser *p, enum token_kind kind)
{
	bool at = p->tok->kind == kind && kind != TOKEN_END;

	p->tok += at;
	return at;
}

bool parse_word(struct parser *p, const char *what, struct ast_word *ret)
{
	const struct token *t = p->tok;
	char *text;

	if (t->kind != TOKEN_WORD && t->kind != TOKEN_STRING)
		return parse_expected(p, what);
	text = lex_text(p->text, *t);
	if (!text)
		return parse_out_of_memory(p);
	p->tok++;
	if (!*text) {
		free(text);
		return parse_error(p, "syntax", parse_span(p, t), "expected %s, found an empty string", what);
	}
	free(ret->text);
	*ret = (struct ast_word){ .text = text, .span = parse_span(p, t) };
	return true;
}

static bool is_name(const char *text, size_t len)
{
	if (len == 0 || text[0] < 'a' || text[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') || text[i] == '-'))
			return false;
	return true;
}

bool parse_name(struct parser *p, const char *what, struct ast_word *ret)
{
	const struct token *t = p->tok;

	if (t->kind != TOKEN_WORD)
		return parse_expected(p, what);
	if (!is_name(p->text + t->off_bytes, t->len_bytes)) {
		p->tok++;
		return parse_error(p, "bad-name", parse_span(p, t),
				   "'%.*s' is not a name: a name has small letters, digits and '-', and begins with a letter",
				   t->len_bytes > 64 ? 64 : (int)t->len_bytes, p->text + t->off_bytes);
	}
	if (t->len_bytes > PARSE_NAME_MAX) {
		p->tok++;
		return parse_error(p, "bad-name", parse_span(p, t), "this name has %u bytes; %u is the most", t->len_bytes,
				   PARSE_NAME_MAX);
	}
	return parse_word(p, what, ret);
}

/* What every login, and the reading of the next policy, begin with: held as a store it keeps everybody out, polyward too. */
static bool is_of_the_system(const char *path)
{
	static const char *const system_dirs[] = { "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr" };

	for (size_t i = 0; i < sizeof(system_dirs) / sizeof(*system_dirs); i++)
		if (!strcmp(path, system_dirs[i]))
			return true;
	return false;
}

/* Why a path cannot name one place for ever, or NULL. */
static const char *path_fault(const char *path)
{
	size_t len = strlen(path);

	if (is_of_the_system(path))
		return "is the system's own, which nothing starts without; name a directory for data";
	if (path[0] != '/')
		return "is relative; write it from '/' on";
	if (len == 1)
		return "is the root of everything; name a directory below it";
	if (len >= PATH_MAX)
		return "is longer than the kernel takes";
	if (path[len - 1] == '/')
		return "ends in '/'; leave that out";
	for (const char *part = path; part; part = strchr(part + 1, '/')) {
		size_t n = strcspn(part + 1, "/");

		if (n == 0)
			return "holds '//'; write one '/'";
		if ((n == 1 && part[1] == '.') || (n == 2 && part[1] == '.' && part[2] == '.'))
			return "holds '.' or '..'; write the place that it leads to";
		if (n > NAME_MAX)
			return "holds a name longer than the kernel takes";
	}
	return NULL;
}

bool parse_path(struct parser *p, const char *what, struct ast_word *ret)
{
	const char *fault;

	if (!parse_word(p, what, ret))
		return false;
	fault = path_fault(ret->text);
	if (fault)
		return parse_error(p, "bad-path", ret->span, "the path '%.200s' %s", ret->text, fault);
	return true;
}

bool parse_unit(struct parser *p, const char *what, struct ast_word *ret)
{
	static const char *const types[] = { ".service", ".scope", ".slice", ".socket", ".mount", ".swap" };
	size_t len;

	if (!parse_word(p, what, ret))
		return false;
	len = strlen(ret->text);
	if (len >= PW_UNIT_NAME_MAX)
		return parse_error(p, "bad-unit", ret->span, "this unit name has %zu bytes; %u is the most", len,
				   PW_UNIT_NAME_MAX - 1);
	if (strchr(ret->text, '/'))
		return parse_error(p, "bad-unit", ret->span, "'%s' is a path; write the unit's name alone", ret->text);
	if (strstr(ret->text, "@."))
		return parse_error(p, "bad-unit", ret->span,
				   "'%s' is a template, and no process runs in it; name an instance, as in 'name@1.service'",
				   ret->text);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t n = strlen(types[i]);

		if (len > n && strcmp(ret->text + len - n, types[i]) == 0)
			return true;
	}
	return parse_error(p, "bad-unit", ret->span, "'%s' has no unit type; write '%s.service' or what systemctl calls it",
			   ret->text, ret->text);
}

static bool principal_ok(struct parser *p, const char *text, struct span span)
{
	if (!*text || strlen(text) > 255 || strchr(text, ':'))
		return parse_error(p, "bad-name", span, "'%.64s' is not the name of a user or group: it is empty, too long or has a ':'",
				   text);
	return true;
}

bool parse_principal(struct parser *p, const char *what, struct ast_word *ret)
{
	return parse_word(p, what, ret) && principal_ok(p, ret->text, ret->span);
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(const struct ast_word *const *)a)->text, (*(const struct ast_word *const *)b)->text);
}

/* A value said twice is a slip of the pen, and sets have one canonical form. */
static bool no_repeats(struct parser *p, const char *what, const struct ast_words *w)
{
	_free_ const struct ast_word **sorted = NULL;
	bool ok = true;

	if (w->count < 2)
		return true;
	sorted = calloc(w->count, sizeof(const struct ast_word *));
	if (!sorted)
		return parse_out_of_memory(p);
	for (size_t i = 0; i < w->count; i++)
		sorted[i] = &w->v[i];
	qsort(sorted, w->count, sizeof(const struct ast_word *), by_text);
	for (size_t i = 1; i < w->count; i++)
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0) {
			const struct ast_word *one = sorted[i - 1], *other = sorted[i];
			bool later = one->span.off_bytes > other->span.off_bytes;

			ok = parse_error(p, "duplicate-value", later ? one->span : other->span, "%s '%s' is listed twice", what,
					 one->text);
			diag_second(p->run->d, later ? other->span : one->span, "first listed here");
		}
	return ok;
}

static bool push_item(struct parser *p, const char *what, parse_item item, struct ast_words *ret)
{
	struct ast_word word = { 0 };
	struct ast_word *new;

	if (!item(p, what, &word)) {
		free(word.text);
		return false;
	}
	new = list_push(ret);
	if (!new) {
		free(word.text);
		return parse_out_of_memory(p);
	}
	*new = word;
	return true;
}

/*
 * Behind a comma: a value must follow. "to read, on scans" would otherwise take "on" for one, and the message would be about
 * what comes then.
 */
static bool comma(struct parser *p, const char *what)
{
	const struct token *at = p->tok;

	if (!parse_accept_kind(p, TOKEN_COMMA))
		return false;
	if (parse_field_at(p, p->tok) >= 0 && p->tok[1].kind != TOKEN_COMMA && p->tok[1].kind != TOKEN_CLOSE &&
	    parse_field_at(p, p->tok + 1) < 0) {
		(void)parse_error(p, "syntax", parse_span(p, at), "behind this ',' one more %s is missing; add it or remove the ','", what);
		return false;
	}
	return true;
}

/* One value, or a set of them in braces. */
static bool items(struct parser *p, const char *what, parse_item item, struct ast_words *ret)
{
	const struct token *open = p->tok;

	if (!parse_accept_kind(p, TOKEN_OPEN))
		return push_item(p, what, item, ret);
	if (parse_accept_kind(p, TOKEN_CLOSE))
		return parse_error(p, "empty-set", parse_span_to(p, open), "this set is empty; name at least one %s", what);
	do {
		if (!push_item(p, what, item, ret))
			return false;
	} while (comma(p, what));
	return parse_accept_kind(p, TOKEN_CLOSE) || parse_expected(p, "',' or '}'");
}

bool parse_list(struct parser *p, const char *what, parse_item item, struct ast_words *ret)
{
	do {
		if (!items(p, what, item, ret))
			return false;
	} while (comma(p, what));
	return no_repeats(p, what, ret);
}

bool parse_one_or_set(struct parser *p, const char *what, parse_item item, struct ast_words *ret)
{
	return items(p, what, item, ret) && no_repeats(p, what, ret);
}

static bool member_word(struct parser *p, const char *what, struct ast_word *ret)
{
	if (!parse_word(p, what, ret))
		return false;
	if (strncmp(ret->text, "user:", 5) && strncmp(ret->text, "group:", 6))
		return parse_error(p, "bad-member", ret->span, "'%.64s' does not say what it is; write 'user:%.64s' or 'group:%.64s'",
				   ret->text, ret->text, ret->text);
	return principal_ok(p, strchr(ret->text, ':') + 1, ret->span);
}

bool parse_members(struct parser *p, struct ast_members *ret)
{
	struct ast_words words = { 0 };
	bool ok = parse_list(p, "member", member_word, &words);

	for (size_t i = 0; i < words.count; i++) {
		struct ast_word *w = &words.v[i];
		struct ast_member *m = ok ? list_push(ret) : NULL;

		if (ok && !m)
			ok = parse_out_of_memory(p);
		if (m) {
			const char *name = strchr(w->text, ':') + 1;

			m->is_group = w->text[0] == 'g';
			m->name.span = w->span;
			m->name.text = strdup(name);
			if (!m->name.text) {
				ret->count--;
				ok = parse_out_of_memory(p);
			}
		}
		free(w->text);
	}
	free(words.v);
	return ok;
}
