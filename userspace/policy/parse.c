/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements and blocks, driven by the tables of the kinds; and recovery, so that one run shows more than one fault. Whatever
 * the text is, every loop here steps over at least one token a turn.
 */
#include "policy/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/abi.h>

#include "base/buf.h"
#include "base/num.h"

static const struct kind_def *const kinds[] = {
	&parse_kind_policy, &parse_kind_admin, &parse_kind_time, &parse_kind_purpose, &parse_kind_program, &parse_kind_store,
	&parse_kind_role, &parse_kind_rule, &parse_kind_test,
};
#define KINDS_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* Words of the language that this version does not have. block NULL: a statement. */
static const struct { const char *block, *word; } later[] = {
	{ NULL, "endpoint" }, { NULL, "derive" }, { NULL, "taint" }, { NULL, "break-glass" }, { NULL, "key" }, { NULL, "strict" },
	{ "policy", "strict" }, { "store", "endpoint" }, { "store", "served-by" }, { "store", "key" },
	{ "role", "session" }, { "role", "strict" }, { "rule", "view" }, { "rule", "strict" },
};

bool parse_has(uint32_t seen, int field)
{
	return seen >> field & 1;
}

static bool token_is(const struct parser *p, const struct token *t, const char *word)
{
	return t->kind == TOKEN_WORD && strlen(word) == t->len_bytes && memcmp(p->text + t->off_bytes, word, t->len_bytes) == 0;
}

static const struct kind_def *kind_at(const struct parser *p, const struct token *t)
{
	for (size_t i = 0; i < KINDS_COUNT; i++)
		if (token_is(p, t, kinds[i]->word))
			return kinds[i];
	return NULL;
}

static bool later_at(const struct parser *p, const struct token *t, const char *block)
{
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (!block == !later[i].block && (!block || strcmp(block, later[i].block) == 0) && token_is(p, t, later[i].word))
			return true;
	return false;
}

static bool first_on_line(const struct parser *p, const struct token *t)
{
	uint32_t off = t->off_bytes;

	while (off > 0 && (p->text[off - 1] == ' ' || p->text[off - 1] == '\t'))
		off--;
	return off == 0 || p->text[off - 1] == '\n';
}

/* Does a statement begin here? Asked inside blocks too, where it means that a "}" is missing. */
static bool statement_at(const struct parser *p, const struct token *t)
{
	const struct kind_def *k = kind_at(p, t);
	const struct token *next = t->kind == TOKEN_END ? t : t + 1;

	if (k && k->head == HEAD_NONE)
		return next->kind == TOKEN_OPEN && first_on_line(p, t);
	if (k || (later_at(p, t, NULL) && first_on_line(p, t)))
		return (next->kind == TOKEN_WORD || next->kind == TOKEN_STRING) && next[1].kind == TOKEN_OPEN;
	if (token_is(p, t, "separate"))
		return token_is(p, next, "static") || token_is(p, next, "dynamic");
	return token_is(p, t, "include") && next->kind == TOKEN_STRING && first_on_line(p, t);
}

static bool word_begins(const struct parser *p, const struct token *t)
{
	return kind_at(p, t) || later_at(p, t, NULL) || token_is(p, t, "separate") || token_is(p, t, "include");
}

/* Step over a block that is not understood, or up to what looks like the next statement. */
static void skip_statement(struct parser *p)
{
	uint32_t depth = 0;

	while (p->tok->kind != TOKEN_END) {
		bool start = statement_at(p, p->tok) && first_on_line(p, p->tok);

		if (start || (depth == 0 && first_on_line(p, p->tok) && word_begins(p, p->tok)))
			return;
		if (p->tok->kind == TOKEN_OPEN)
			depth++;
		if (p->tok->kind == TOKEN_CLOSE && (depth == 0 || --depth == 0)) {
			p->tok++;
			return;
		}
		p->tok++;
	}
}

int parse_field_at(const struct parser *p, const struct token *t)
{
	for (size_t i = 0; p->kind && i < p->kind->fields_count; i++)
		if (token_is(p, t, p->kind->fields[i].word))
			return (int)i;
	return -1;
}

/* After a fault in a field: up to the next field, the end of the block, or the next statement. */
static void skip_field(struct parser *p, const struct kind_def *k)
{
	uint32_t depth = 0;

	while (p->tok->kind != TOKEN_END && !statement_at(p, p->tok)) {
		bool listed = p->tok > p->first && (p->tok[-1].kind == TOKEN_COMMA || p->tok[-1].kind == TOKEN_OPEN);

		if (depth == 0 && (p->tok->kind == TOKEN_CLOSE ||
				   (!listed && (parse_field_at(p, p->tok) >= 0 || later_at(p, p->tok, k->word)))))
			return;
		depth += p->tok->kind == TOKEN_OPEN;
		depth -= p->tok->kind == TOKEN_CLOSE;
		p->tok++;
	}
}

static struct mark *mark_start(struct parser *p, int field, size_t *ret_idx)
{
	struct marks *marks = p->run->marks;
	struct mark *m;

	if (!marks)
		return NULL;
	m = list_push(marks);
	if (!m) {
		p->run->nomem = true;
		return NULL;
	}
	*m = (struct mark){ .start = p->tok->off_bytes, .field = field };
	*ret_idx = marks->count - 1;
	return m;
}

static void mark_end(struct parser *p, size_t idx)
{
	if (p->run->marks && idx < p->run->marks->count)
		p->run->marks->v[idx].end = p->tok[-1].off_bytes + p->tok[-1].len_bytes;
}

static void unknown_field(struct parser *p, const struct kind_def *k)
{
	const char *words[PARSE_FIELDS_MAX], *near;
	_buf_ struct buf list = BUF_INIT;
	struct ast_word word = { 0 };
	bool after_value = p->tok > p->first && p->tok[-1].kind != TOKEN_OPEN;
	size_t n = 0;

	for (; n < k->fields_count; n++) {
		words[n] = k->fields[n].word;
		buf_printf(&list, "%s%s", n ? ", " : "", words[n]);
	}
	if (!parse_word(p, "a field", &word))
		return;
	near = closest(word.text, words, n);
	if (near)
		(void)parse_error(p, "unknown-field", word.span, "'%.64s' is not a field of %s; did you mean '%s'?", word.text, k->word,
				  near);
	else
		(void)parse_error(p, "unknown-field", word.span, "'%.64s' is not a field of %s%s; its fields are %s", word.text, k->word,
				  after_value ? ", or a ',' is missing before it" : "", list.data ? list.data : "");
	free(word.text);
}

/* One field of a block; steps over at least one token. `firsts`: where each field was first seen. */
static void field(struct parser *p, const struct kind_def *k, void *node, uint32_t *seen, const struct token **firsts)
{
	const struct token *start = p->tok;
	int idx = parse_field_at(p, start);
	size_t mark = SIZE_MAX;

	if (idx < 0) {
		if (start->kind == TOKEN_WORD && later_at(p, start, k->word)) {
			p->tok++;
			(void)parse_error(p, "not-in-version", parse_span(p, start),
					  "'%.*s' is part of the language but not of this version; remove this field",
					  (int)start->len_bytes, p->text + start->off_bytes);
		} else if (start->kind == TOKEN_WORD) {
			unknown_field(p, k);
		} else {
			_buf_ struct buf what = BUF_INIT;

			buf_printf(&what, "a field of %s or '}'", k->word);
			(void)parse_expected(p, what.data ? what.data : "a field");
			p->tok += start->kind != TOKEN_OPEN;
		}
		skip_field(p, k);
		return;
	}
	(void)mark_start(p, idx, &mark);
	p->tok++;
	if (parse_has(*seen, idx) && !k->fields[idx].repeats) {
		(void)parse_error(p, "duplicate-field", parse_span(p, start), "'%s' stands twice in this %s; join the two or remove one",
				  k->fields[idx].word, k->word);
		diag_second(p->run->d, parse_span(p, firsts[idx]), "first given here");
		skip_field(p, k);
		return;
	}
	*seen |= 1u << idx;
	firsts[idx] = start;
	if (!k->fields[idx].parse(p, node))
		skip_field(p, k);
	mark_end(p, mark);
}

static void unclosed(struct parser *p, const struct kind_def *k, const struct token *open)
{
	(void)parse_error(p, "unclosed", parse_span(p, open), "this '{' of %s is never closed; add '}'", k->word);
	if (p->tok->kind != TOKEN_END)
		diag_second(p->run->d, parse_span(p, p->tok), "the next statement begins here");
}

static void fields(struct parser *p, const struct kind_def *k, void *node, const struct token *open)
{
	const struct token *firsts[PARSE_FIELDS_MAX] = { NULL };
	size_t errors = p->run->d->errors_count;
	uint32_t seen = 0;

	while (p->tok->kind != TOKEN_CLOSE) {
		if (p->tok->kind == TOKEN_END || statement_at(p, p->tok)) {
			unclosed(p, k, open);
			return;
		}
		field(p, k, node, &seen, firsts);
	}
	p->tok++;
	if (k->end && p->run->d->errors_count == errors)
		k->end(p, node, seen);
}

/* The body of a block that has values in place of fields. */
static void body(struct parser *p, const struct kind_def *k, void *node, const struct token *open)
{
	if (!k->body(p, node))
		skip_field(p, k);
	else if (p->tok->kind != TOKEN_CLOSE && p->tok->kind != TOKEN_END && !statement_at(p, p->tok))
		(void)parse_expected(p, "'}'");
	while (p->tok->kind != TOKEN_CLOSE && p->tok->kind != TOKEN_END && !statement_at(p, p->tok))
		p->tok++;
	if (!parse_accept_kind(p, TOKEN_CLOSE))
		unclosed(p, k, open);
}

static bool head(struct parser *p, const struct kind_def *k, struct ast_word *name)
{
	if (k->head == HEAD_NAME)
		return parse_name(p, "a name", name);
	if (k->head == HEAD_STRING) {
		if (p->tok->kind != TOKEN_STRING)
			return parse_expected(p, "a name in quotes, as in test \"root sees nothing\"");
		return parse_word(p, "a name", name);
	}
	return true;
}

static void block(struct parser *p, const struct kind_def *k)
{
	const struct token *start = p->tok, *open;
	struct ast_word name = { 0 };
	struct span span;
	size_t mark = SIZE_MAX;
	void *node;

	(void)mark_start(p, -1, &mark);
	p->tok++;
	if (!head(p, k, &name)) {
		free(name.text);
		skip_statement(p);
		return;
	}
	span = parse_span_to(p, start);
	open = p->tok;
	if (!parse_accept_kind(p, TOKEN_OPEN)) {
		free(name.text);
		(void)parse_expected(p, "'{'");
		skip_statement(p);
		return;
	}
	if (mark != SIZE_MAX)
		p->run->marks->v[mark].open = open->off_bytes;
	node = k->begin(p, name, span);
	if (!node) {
		free(name.text);
		skip_statement(p);
		return;
	}
	p->kind = k;
	if (k->body)
		body(p, k, node, open);
	else
		fields(p, k, node, open);
	p->kind = NULL;
	mark_end(p, mark);
}

static bool separate(struct parser *p, const struct token *start)
{
	struct ast_separate *s;
	uint64_t most;

	if (parse_at(p, "dynamic")) {
		(void)parse_error(p, "not-in-version", parse_span(p, p->tok),
				  "'separate dynamic' is part of the language but not of this version; remove this statement");
		return false;
	}
	if (!parse_accept(p, "static"))
		return parse_expected(p, "'static' behind 'separate'");
	s = list_push(&p->run->a->separates);
	if (!s)
		return parse_out_of_memory(p);
	s->span = parse_span_to(p, start);
	if (p->tok->kind != TOKEN_OPEN)
		return parse_expected(p, "a set of roles, as in { auditor, trainer }");
	if (!parse_one_or_set(p, "role", parse_name, &s->roles))
		return false;
	if (!parse_accept(p, "at-most"))
		return parse_expected(p, "'at-most' and a number");
	if (p->tok->kind != TOKEN_WORD || num_parse(p->text + p->tok->off_bytes, p->tok->len_bytes, PW_ROLES_MAX, &most) < 0)
		return parse_expected(p, "a number of roles");
	if (most == 0 || most >= s->roles.count)
		return parse_error(p, "bad-number", parse_span(p, p->tok++),
				   "of %zu roles at most %llu says nothing; write a number from 1 to %zu, and at least two roles",
				   s->roles.count, (unsigned long long)most, s->roles.count > 1 ? s->roles.count - 1 : 1);
	s->at_most = (uint32_t)most;
	p->tok++;
	return true;
}

/* "separate" and "include": statements without a block of fields. */
static void one_liner(struct parser *p, bool (*rest)(struct parser *p, const struct token *start))
{
	const struct token *start = p->tok;
	size_t mark = SIZE_MAX;

	(void)mark_start(p, -1, &mark);
	p->tok++;
	if (!rest(p, start)) {
		skip_statement(p);
		if (parse_accept(p, "at-most") && p->tok->kind == TOKEN_WORD && !first_on_line(p, p->tok))
			p->tok++;
	}
	mark_end(p, mark);
}

static bool include(struct parser *p, const struct token *start)
{
	(void)start;
	return parse_include(p);
}

static void unknown_statement(struct parser *p)
{
	const char *words[KINDS_COUNT + 2] = { "separate", "include" }, *near;
	struct ast_word word = { 0 };

	if (p->tok->kind == TOKEN_CLOSE) {
		(void)parse_error(p, "syntax", parse_span(p, p->tok), "this '}' closes nothing; remove it");
		while (parse_accept_kind(p, TOKEN_CLOSE))
			;
		return;
	}
	if (p->tok->kind != TOKEN_WORD) {
		(void)parse_expected(p, "a statement");
		p->tok += p->tok->kind != TOKEN_OPEN;
		skip_statement(p);
		return;
	}
	for (size_t i = 0; i < KINDS_COUNT; i++)
		words[i + 2] = kinds[i]->word;
	if (!parse_word(p, "a statement", &word))
		return;
	near = closest(word.text, words, KINDS_COUNT + 2);
	if (near)
		(void)parse_error(p, "unknown-kind", word.span, "'%.64s' is not a statement; did you mean '%s'?", word.text, near);
	else
		(void)parse_error(p, "unknown-kind", word.span,
				  "'%.64s' is not a statement; statements are policy, admin, time, purpose, program, store, role, "
				  "separate, rule, test and include", word.text);
	free(word.text);
	skip_statement(p);
}

static void statement(struct parser *p)
{
	const struct kind_def *k = kind_at(p, p->tok);
	const struct token *start = p->tok;

	if (k) {
		block(p, k);
	} else if (parse_at(p, "separate")) {
		one_liner(p, separate);
	} else if (parse_at(p, "include")) {
		one_liner(p, include);
	} else if (parse_at(p, "polyward")) {
		p->tok++;
		(void)parse_error(p, "syntax", parse_span(p, start), "the language version stands once, as the first statement; remove this one");
		skip_statement(p);
	} else if (later_at(p, start, NULL)) {
		p->tok++;
		(void)parse_error(p, "not-in-version", parse_span(p, start),
				  "'%.*s' is part of the language but not of this version; remove this statement",
				  (int)start->len_bytes, p->text + start->off_bytes);
		skip_statement(p);
	} else {
		unknown_statement(p);
	}
}

/* "polyward 1". False: this text is of another version, and reading on would only guess. */
static bool version(struct parser *p)
{
	uint64_t number = 0;
	size_t mark = SIZE_MAX;

	(void)mark_start(p, -1, &mark);
	if (!parse_accept(p, "polyward"))
		return parse_error(p, "no-version", parse_span(p, p->tok),
				   "a policy begins with the version of its language; write 'polyward 1' in front") || p->tok->kind != TOKEN_END;
	if (p->tok->kind != TOKEN_WORD || num_parse(p->text + p->tok->off_bytes, p->tok->len_bytes, UINT32_MAX, &number) < 0)
		return parse_expected(p, "the version of the language, as in 'polyward 1'");
	if (number != 1)
		return parse_error(p, "bad-version", parse_span(p, p->tok),
				   "this file is written in version %llu of the language; this polyward reads version 1",
				   (unsigned long long)number);
	p->run->a->version = 1;
	p->tok++;
	mark_end(p, mark);
	return true;
}

void parse_statements(struct parser *p)
{
	if (!version(p))
		return;
	while (p->tok->kind != TOKEN_END && !p->run->nomem)
		statement(p);
}
