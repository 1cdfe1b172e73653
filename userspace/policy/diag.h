/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about the user's text: file:line:col, the line, a caret under the span, a second span for "first declared here",
 * and at most DIAG_ERRORS_MAX errors a run. The text is kept until the messages are printed.
 */
#ifndef POLICY_DIAG_H
#define POLICY_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define DIAG_ERRORS_MAX 20u

/* Bytes off_bytes .. off_bytes+len_bytes of file number `file` (index into sources). file == SPAN_NONE: no place. */
#define SPAN_NONE UINT32_MAX
struct span { uint32_t file; uint32_t off_bytes; uint32_t len_bytes; };

struct source { char *path; char *text; size_t len_bytes; }; /* path as the user wrote it; text owned, NUL-terminated */

struct sources { struct source *v; size_t count; };

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
	enum diag_level level;
	struct span span, second;   /* second.file == SPAN_NONE: none */
	char *text;                 /* owned: "unknown role 'radiolgist'; did you mean 'radiologist'?" */
	char *second_text;          /* owned, may be NULL: "first declared here" */
	const char *code;           /* static, stable word for JSON: "unknown-role", "shadowed", "test-failed", ... */
};

struct diags {
	struct sources sources;
	struct diag *v;
	size_t count;
	bool nomem;                 /* a message is lost for want of memory: what is here is not all */
	size_t errors_count, warnings_count; /* all of them, also those beyond DIAG_ERRORS_MAX that were not kept */
};

void diags_free(struct diags *d);

/* Returns -EINVAL for an error, 0 otherwise, so that a caller can return it. -ENOMEM if the message could not be kept. */
int diag(struct diags *d, enum diag_level level, const char *code, struct span span, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Give the last message a second place. */
void diag_second(struct diags *d, struct span span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* 1-based line and column (bytes) of a span's start. */
void span_where(const struct sources *s, struct span span, uint32_t *ret_line, uint32_t *ret_col);

/* All messages as a person reads them; colour: ANSI colours. Then "N errors, N warnings" if there were more than shown. */
void diags_render(const struct diags *d, bool colour, struct buf *ret);
/* The same as a JSON array of {level, code, file, line, col, end_col, text, second: {...}}. Returns a jansson array. */
struct json_t;
struct json_t *diags_json(const struct diags *d);

/* The candidate closest to word (edit distance at most 2 and less than half of its length), or NULL. */
const char *closest(const char *word, const char *const *candidates, size_t count);

#endif
