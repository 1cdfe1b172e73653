/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the formatter: comments with the place that they belong to, and the lines of one statement. */
#ifndef POLICY_PRINT_H
#define POLICY_PRINT_H

#include "base/buf.h"
#include "policy/parse.h"

#define PRINT_COLUMNS 100u

/* Where a comment belongs. A mark is a statement or a field of the text (parse_outline). */
enum comment_place {
	COMMENT_BEFORE,  /* on lines of its own above the mark */
	COMMENT_BEHIND,  /* at the end of the mark's last line */
	COMMENT_LAST,    /* above the "}" of the statement */
	COMMENT_END,     /* behind all statements */
};

struct comment {
	struct token token;
	enum comment_place place;
	size_t mark;
	bool blank_before;       /* an empty line stands above it */
};

struct comments {
	const struct source *source;
	struct marks marks;
	struct lexed lexed;
	struct comment *v;
	size_t count;
};

/* 0, -EINVAL (the text does not parse), -ENOMEM. source NULL: there are no comments. */
int comments_collect(const struct source *source, struct comments *ret);
void comments_free(struct comments *c);

/* Index of the statement's mark, or SIZE_MAX. */
size_t comments_statement(const struct comments *c, uint32_t off_bytes);
/* The n-th mark of this field within the statement, or SIZE_MAX. */
size_t comments_field(const struct comments *c, size_t statement, int field, size_t n);
/* Does anything but the statement itself carry a comment inside it? Then it is not written on one line. */
bool comments_inside(const struct comments *c, size_t statement);
/* Does an empty line stand above the statement (above its first comment, if it has any)? */
bool comments_blank_before(const struct comments *c, size_t statement);
/* Is there an empty line between the statement and the comments above it? */
bool comments_blank_between(const struct comments *c, size_t statement);
/* Write those of a mark at a place, each on a line of its own (BEFORE, LAST, END) or behind a space (BEHIND). */
void comments_add(const struct comments *c, size_t mark, enum comment_place place, const char *indent, struct buf *b);

/* print_block.c: one statement as a head and lines, in canonical order. */
struct line {
	int field;       /* its place in the kind's table */
	size_t nth;      /* of several such fields */
	bool plain;      /* says only what holds without it: left out unless the text has it */
	char *text;
};
struct lines { struct line *v; size_t count; };
struct statement {
	struct buf head;         /* "store scans", or a whole statement without a block */
	bool block, tall;        /* tall: never on one line */
	struct lines lines;
	bool failed;
};
void print_policy(const struct ast_policy *p, struct statement *s);
void print_admin(const struct ast_admin *a, struct statement *s);
void print_time(const struct ast_time *t, struct statement *s);
void print_purpose(const struct ast_purpose *p, struct statement *s);
void print_program(const struct ast_program *p, struct statement *s);
void print_store(const struct ast_store *p, struct statement *s);
void print_role(const struct ast_role *r, struct statement *s);
void print_separate(const struct ast_separate *p, struct statement *s);
void print_include(const struct ast_word *p, struct statement *s);
/* print_rule.c */
void print_rule(const struct ast_rule *r, struct statement *s);
void print_test(const struct ast_test *t, struct statement *s);

/* Helpers of both. A text is handed over by buf_take. */
void print_line(struct statement *s, int field, size_t nth, bool plain, struct buf *text);
void print_word(struct buf *b, const char *text);    /* quoted where it must be */
void print_string(struct buf *b, const char *text);  /* always quoted */
void print_words(struct buf *b, const struct ast_words *words); /* sorted, with commas */
void print_members(struct buf *b, const struct ast_members *m);
void print_mode(struct statement *s, int field, enum ast_mode mode, int64_t until_utc_s);
/* Words sorted by their text: malloc'd, NULL without memory or for none. */
const char **print_sorted(const struct ast_words *words);

#endif
