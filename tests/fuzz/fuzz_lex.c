/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes to the lexer alone: tokens and comments lie in the text, in order and without overlap; between them is nothing but white
 * space, or a message says what stands there; words and strings have a text of their own that is shorter than their place.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/lex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static void must_lie_in_order(const struct lexed *l, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i + 1 < l->tokens_count; i++) {
		MUST(l->tokens[i].kind != TOKEN_END && l->tokens[i].len_bytes > 0);
		MUST(l->tokens[i].off_bytes >= at && l->tokens[i].len_bytes <= size - l->tokens[i].off_bytes);
		at = (size_t)l->tokens[i].off_bytes + l->tokens[i].len_bytes;
	}
	MUST(l->tokens_count && l->tokens[l->tokens_count - 1].kind == TOKEN_END && l->tokens[l->tokens_count - 1].off_bytes == size);
	at = 0;
	for (size_t i = 0; i < l->comments_count; i++) {
		MUST(l->comments[i].off_bytes >= at && l->comments[i].len_bytes <= size - l->comments[i].off_bytes);
		at = (size_t)l->comments[i].off_bytes + l->comments[i].len_bytes;
	}
}

/* Every byte belongs to a token, to a comment, or is a blank, unless there was something to complain about. */
static void must_cover(const char *text, size_t size, const struct lexed *l)
{
	char *seen = calloc(1, size + 1);

	MUST(seen);
	for (size_t i = 0; i < l->tokens_count; i++)
		memset(seen + l->tokens[i].off_bytes, 1, l->tokens[i].len_bytes);
	for (size_t i = 0; i < l->comments_count; i++)
		memset(seen + l->comments[i].off_bytes, 1, l->comments[i].len_bytes);
	for (size_t i = 0; i < size; i++)
		MUST(seen[i] || strchr(" \t\r\n", text[i]));
	free(seen);
}

static void must_have_text(const char *text, struct token t)
{
	char *own = lex_text(text, t);

	MUST(own && strlen(own) <= t.len_bytes);
	MUST(t.kind != TOKEN_WORD || (strlen(own) == t.len_bytes && lex_is_word(own)));
	for (const char *p = own; *p;) {
		uint32_t point;
		bool shown;
		uint32_t n = lex_character(p, strlen(p), &point, &shown);

		MUST(n && shown); /* what a terminal would suffer from never gets into a name */
		p += n;
	}
	free(own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct diags d = { 0 };
	struct lexed l;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	MUST(lex(text, size, SPAN_NONE, &d, &l) == 0);
	must_lie_in_order(&l, size);
	if (!d.errors_count) {
		must_cover(text, size, &l);
		for (size_t i = 0; i < l.tokens_count; i++)
			if (l.tokens[i].kind == TOKEN_WORD || l.tokens[i].kind == TOKEN_STRING)
				must_have_text(text, l.tokens[i]);
	}
	lexed_free(&l);
	diags_free(&d);
	free(text);
	return 0;
}
