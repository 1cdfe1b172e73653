/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lexer. Its input is hostile: every byte is looked at before it is believed, and a place never lies outside the text.
 * It must never decide what a word means; that is the parser's business.
 */
#include "policy/lex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	const char *text;
	uint32_t len, pos, file;
	struct diags *d;
	struct { struct token *v; size_t count; } tokens, comments;
	bool nomem;
};

void *list_grow(void *v, size_t count, size_t size)
{
	size_t room = count ? 2 * count : 1;
	char *grown;

	if (count & (count - 1)) /* between two powers of two there is room left */
		return v;
	grown = reallocarray(v, room, size);
	if (grown)
		memset(grown + count * size, 0, (room - count) * size);
	return grown;
}

/* Decode one character: its length and code point, or 0 if these bytes are no UTF-8 (RFC 3629). */
static uint32_t decode(const char *text, uint32_t left, uint32_t *ret_point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text;
	uint32_t n = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t point;

	if (n == 0 || n > left)
		return 0;
	point = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (uint32_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (p[i] & 0x3f);
	}
	if ((n > 1 && point < least[n]) || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return n;
}

/*
 * Characters that make a text read other than it is: controls, blanks that are not a blank, marks of no width, and marks
 * that turn the direction of writing. A policy must look like what it says.
 */
static bool forbidden(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0xa0) || point == 0xad || (point >= 0x2000 && point <= 0x200f) ||
	       (point >= 0x2028 && point <= 0x202f) || (point >= 0x205f && point <= 0x206f) || point == 0x3000 ||
	       point == 0xfeff || (point >= 0xe0000 && point <= 0xe007f);
}

uint32_t lex_character(const char *p, size_t left, uint32_t *ret_point, bool *ret_shown)
{
	uint32_t n = decode(p, left > 4 ? 4 : (uint32_t)left, ret_point);

	*ret_shown = n && (*ret_point == '\t' || !forbidden(*ret_point));
	return n;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool special(char c)
{
	return blank(c) || c == '{' || c == '}' || c == ',' || c == '"' || c == '#';
}

/* Length of the good character at pos, 0 if it is a bad one. A tab is good: only words must not hold one. */
static uint32_t good(const struct lexer *l)
{
	uint32_t point, n;
	bool shown;

	n = lex_character(l->text + l->pos, l->len - l->pos, &point, &shown);
	return shown ? n : 0;
}

/* "\n" or "\r\n". A return anywhere else would let a terminal write one text over another. */
static bool line_end(const struct lexer *l)
{
	const char *p = l->text + l->pos;

	return *p == '\n' || (*p == '\r' && l->len - l->pos > 1 && p[1] == '\n');
}

/* Skip a run of bad characters with one message. */
static void skip_bad(struct lexer *l)
{
	struct span span = { .file = l->file, .off_bytes = l->pos };
	uint32_t point = 0;
	bool utf8 = decode(l->text + l->pos, l->len - l->pos, &point) > 0;

	do {
		uint32_t n = decode(l->text + l->pos, l->len - l->pos, &(uint32_t){ 0 });

		l->pos += n ? n : 1;
	} while (l->pos < l->len && l->text[l->pos] != '\n' && l->text[l->pos] != '\r' && !good(l));
	span.len_bytes = l->pos - span.off_bytes;
	if (utf8)
		(void)diag(l->d, DIAG_ERROR, "bad-character", span,
			   "the character U+%04X is invisible or changes how the text reads; remove it", point);
	else
		(void)diag(l->d, DIAG_ERROR, "bad-character", span,
			   "the byte 0x%02x is not UTF-8; a policy is UTF-8 text",
			   (unsigned)(unsigned char)l->text[span.off_bytes]);
}

static void add(struct lexer *l, enum token_kind kind, uint32_t off)
{
	struct token *t = list_push(&l->tokens);

	if (!t) {
		l->nomem = true;
		return;
	}
	*t = (struct token){ .kind = kind, .off_bytes = off, .len_bytes = l->pos - off };
}

static void comment(struct lexer *l)
{
	uint32_t off = l->pos, end = l->pos + 1;
	struct token *t;

	l->pos++;
	while (l->pos < l->len && !line_end(l)) {
		uint32_t n = good(l);

		if (!n) {
			skip_bad(l);
			continue;
		}
		if (!blank(l->text[l->pos]))
			end = l->pos + n;
		l->pos += n;
	}
	t = list_push(&l->comments);
	if (!t) {
		l->nomem = true;
		return;
	}
	*t = (struct token){ .kind = TOKEN_END, .off_bytes = off, .len_bytes = end - off };
}

static void string(struct lexer *l)
{
	uint32_t off = l->pos++;

	while (l->pos < l->len && !line_end(l)) {
		uint32_t n = good(l);

		if (l->text[l->pos] == '"') {
			l->pos++;
			add(l, TOKEN_STRING, off);
			return;
		}
		if (!n) {
			skip_bad(l);
			continue;
		}
		if (l->text[l->pos] == '\\') {
			char next = l->pos + 1 < l->len ? l->text[l->pos + 1] : '\0';

			if (next != '"' && next != '\\') {
				(void)diag(l->d, DIAG_ERROR, "bad-string",
					   (struct span){ .file = l->file, .off_bytes = l->pos, .len_bytes = 1 },
					   "a backslash in a string stands only before '\"' or another backslash; write '\\\\' for one");
				n = 1;
			} else {
				n = 2;
			}
		}
		l->pos += n;
	}
	(void)diag(l->d, DIAG_ERROR, "bad-string",
		   (struct span){ .file = l->file, .off_bytes = off, .len_bytes = l->pos - off },
		   "this string is not closed on its line; add '\"'");
	add(l, TOKEN_STRING, off);
}

static void word(struct lexer *l)
{
	uint32_t off = l->pos;

	while (l->pos < l->len && !special(l->text[l->pos])) {
		uint32_t n = good(l);

		if (!n)
			break;
		l->pos += n;
	}
	add(l, TOKEN_WORD, off);
}

static void one(struct lexer *l)
{
	uint32_t off = l->pos;
	char c = l->text[off];

	if (blank(c) && (c != '\r' || line_end(l))) {
		l->pos++;
	} else if (c == '#') {
		comment(l);
	} else if (c == '"') {
		string(l);
	} else if (c == '{' || c == '}' || c == ',') {
		l->pos++;
		add(l, c == '{' ? TOKEN_OPEN : c == '}' ? TOKEN_CLOSE : TOKEN_COMMA, off);
	} else if (good(l)) {
		word(l);
	} else {
		skip_bad(l);
	}
}

int lex(const char *text, size_t len_bytes, uint32_t file, struct diags *d, struct lexed *ret)
{
	struct lexer l = { .text = text, .len = (uint32_t)len_bytes, .file = file, .d = d };

	while (l.pos < l.len && !l.nomem)
		one(&l);
	add(&l, TOKEN_END, l.len);
	*ret = (struct lexed){ .tokens = l.tokens.v, .tokens_count = l.tokens.count,
			       .comments = l.comments.v, .comments_count = l.comments.count };
	if (!l.nomem)
		return 0;
	lexed_free(ret);
	return -ENOMEM;
}

void lexed_free(struct lexed *l)
{
	free(l->tokens);
	free(l->comments);
	*l = (struct lexed){ 0 };
}

char *lex_text(const char *text, struct token t)
{
	const char *from = text + t.off_bytes;
	size_t n = 0;
	char *out;

	if (t.kind != TOKEN_STRING)
		return strndup(from, t.len_bytes);
	out = malloc((size_t)t.len_bytes + 1);
	if (!out)
		return NULL;
	for (uint32_t i = 1; i < t.len_bytes; i++) {
		/* A quote that no backslash precedes is the closing one; in an unclosed string there is none. */
		if (from[i] == '"')
			break;
		if (from[i] == '\\' && i + 1 < t.len_bytes && (from[i + 1] == '"' || from[i + 1] == '\\'))
			i++;
		out[n++] = from[i];
	}
	out[n] = '\0';
	return out;
}

bool lex_is_word(const char *text)
{
	struct lexer l = { .text = text, .len = (uint32_t)strlen(text) };

	if (l.len == 0)
		return false;
	while (l.pos < l.len) {
		uint32_t n = special(l.text[l.pos]) ? 0 : good(&l);

		if (!n)
			return false;
		l.pos += n;
	}
	return true;
}
