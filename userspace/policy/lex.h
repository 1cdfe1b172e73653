/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy text to tokens. A token is a place in the text, never a copy. Bytes that are not UTF-8, control characters and
 * characters that hide or reorder text are reported and never become part of a token.
 */
#ifndef POLICY_LEX_H
#define POLICY_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diag.h"

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_COMMA };

struct token {
	enum token_kind kind;
	uint32_t off_bytes, len_bytes; /* a string's place includes its quotes */
};

struct lexed {
	struct token *tokens;    /* the last one is TOKEN_END, at the end of the text */
	size_t tokens_count;
	struct token *comments;  /* from "#" to the last character that is not a blank; kind is TOKEN_END */
	size_t comments_count;
};

/* 0 or -ENOMEM. What is wrong with the text stands in d; tokens are made from the rest of it. */
int lex(const char *text, size_t len_bytes, uint32_t file, struct diags *d, struct lexed *ret);
void lexed_free(struct lexed *l);

/* The text of a word, or of a string without quotes and backslashes; malloc'd, NULL without memory. */
char *lex_text(const char *text, struct token t);

/*
 * The length of the character at p, *ret_point its code point; 0 if these bytes are not UTF-8. *ret_shown: it may be shown as
 * it is (a tab may; what is invisible, or turns the direction of writing, may not).
 */
uint32_t lex_character(const char *p, size_t left, uint32_t *ret_point, bool *ret_shown);

/* Can this text stand as a word, without quotes? */
bool lex_is_word(const char *text);

/* A list that grows by doubling: v holds `count` elements; returns v with room for one more (zeroed), NULL without memory. */
void *list_grow(void *v, size_t count, size_t size);
/* A new zeroed element at the end of a list with members v and count, or NULL. */
#define list_push(list) ({ \
	__typeof__((list)->v) grown_ = list_grow((list)->v, (list)->count, sizeof(*(list)->v)); \
	if (grown_) \
		(list)->v = grown_; \
	grown_ ? &(list)->v[(list)->count++] : NULL; })

#endif
