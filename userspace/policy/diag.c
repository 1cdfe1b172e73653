/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages about a policy's text. The text comes from whoever wrote the policy, so every byte of it and of every message
 * leaves escaped. Never prints; it fills buffers and JSON.
 */
#include "policy/diag.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/lex.h"

#define WINDOW_BYTES 160u /* of a long line, this much is shown around the place */

void diags_free(struct diags *d)
{
	for (size_t i = 0; i < d->sources.count; i++) {
		free(d->sources.v[i].path);
		free(d->sources.v[i].text);
	}
	free(d->sources.v);
	for (size_t i = 0; i < d->count; i++) {
		free(d->v[i].text);
		free(d->v[i].second_text);
	}
	free(d->v);
	memset(d, 0, sizeof(*d));
}

static size_t errors_kept(const struct diags *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->v[i].level == DIAG_ERROR;
	return n;
}

/*
 * Text as it may be shown: what could harm or mislead a terminal becomes \xNN or <U+NNNN>. A backslash stays one, because
 * people compare these lines with their file.
 */
static void add_visible(struct buf *b, const char *p, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t point, n;
		bool shown;

		n = lex_character(p + i, len - i, &point, &shown);
		if (shown)
			buf_add(b, p + i, n);
		else if (n > 1)
			buf_printf(b, "<U+%04X>", point);
		else
			buf_printf(b, "\\x%02x", (unsigned)(unsigned char)p[i]);
		i += n ? n : 1;
	}
}

/* A formatted text, as it may be shown. NULL without memory. */
static char *visible_text(const char *fmt, va_list ap)
{
	_buf_ struct buf b = BUF_INIT;
	_free_ char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0) {
		text = NULL;
		return NULL;
	}
	add_visible(&b, text, strlen(text));
	return buf_take(&b);
}

int diag(struct diags *d, enum diag_level level, const char *code, struct span span, const char *fmt, ...)
{
	struct diag *m;
	va_list ap;

	if (level == DIAG_ERROR)
		d->errors_count++;
	if (level == DIAG_WARNING)
		d->warnings_count++;
	if (level == DIAG_ERROR && errors_kept(d) >= DIAG_ERRORS_MAX)
		return -EINVAL;
	m = list_push(d);
	if (!m) {
		d->nomem = true;
		return -ENOMEM;
	}
	m->level = level;
	m->span = span;
	m->second.file = SPAN_NONE;
	m->code = code;
	va_start(ap, fmt);
	m->text = visible_text(fmt, ap);
	va_end(ap);
	if (!m->text) {
		d->count--;
		d->nomem = true;
		return -ENOMEM;
	}
	return level == DIAG_ERROR ? -EINVAL : 0;
}

void diag_second(struct diags *d, struct span span, const char *fmt, ...)
{
	struct diag *m = d->count ? &d->v[d->count - 1] : NULL;
	va_list ap;

	/* The message that this belongs to may be one of those beyond the limit. */
	if (!m || m->second_text || (m->level == DIAG_ERROR && d->errors_count > errors_kept(d)))
		return;
	va_start(ap, fmt);
	m->second_text = visible_text(fmt, ap);
	va_end(ap);
	if (m->second_text)
		m->second = span;
	else
		d->nomem = true;
}

/* Bytes of the line around an offset, without its end. */
static void line_of(const struct source *src, uint32_t off, uint32_t *ret_start, uint32_t *ret_end)
{
	uint32_t start = off, end = off;

	while (start > 0 && src->text[start - 1] != '\n')
		start--;
	while (end < src->len_bytes && src->text[end] != '\n')
		end++;
	while (end > start && src->text[end - 1] == '\r')
		end--;
	*ret_start = start;
	*ret_end = end;
}

static const struct source *source_of(const struct sources *s, struct span span)
{
	if (span.file >= s->count || span.off_bytes > s->v[span.file].len_bytes)
		return NULL;
	return &s->v[span.file];
}

void span_where(const struct sources *s, struct span span, uint32_t *ret_line, uint32_t *ret_col)
{
	const struct source *src = source_of(s, span);
	uint32_t line = 1, start = 0;

	if (src)
		for (uint32_t i = 0; i < span.off_bytes; i++)
			if (src->text[i] == '\n') {
				line++;
				start = i + 1;
			}
	*ret_line = src ? line : 0;
	*ret_col = src ? span.off_bytes - start + 1 : 0;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Columns that bytes take as they are shown. */
static size_t width(const char *bytes, size_t len)
{
	_buf_ struct buf b = BUF_INIT;
	size_t n = 0;

	add_visible(&b, bytes, len);
	for (size_t i = 0; i < b.len_bytes; i++)
		n += !continues(b.data[i]);
	return n;
}

static void add_repeated(struct buf *b, char c, size_t n)
{
	while (n--)
		buf_add_char(b, c);
}

/* Blanks up to the place and carets under it; tabs are copied, so that both lines are set alike. */
static void add_caret(struct buf *b, const char *line, size_t before, size_t under)
{
	for (size_t i = 0; i < before;) {
		size_t n = 1;

		if (line[i] == '\t') {
			buf_add_char(b, '\t');
			i++;
			continue;
		}
		while (i + n < before && line[i + n] != '\t')
			n++;
		add_repeated(b, ' ', width(line + i, n));
		i += n;
	}
	under = width(line + before, under);
	add_repeated(b, '^', under ? under : 1);
}

static void add_excerpt(struct buf *b, const struct source *src, struct span span, uint32_t line_number)
{
	uint32_t start, end, off = span.off_bytes, len = span.len_bytes;
	const char *front = "", *tail = "";

	line_of(src, off, &start, &end);
	if (off > end)
		off = end;
	if (len > end - off)
		len = end - off;
	if (end - start > WINDOW_BYTES) {
		if (off - start > WINDOW_BYTES / 2) {
			start = off - WINDOW_BYTES / 2;
			while (start < off && continues(src->text[start]))
				start++;
			front = "...";
		}
		if (end - start > WINDOW_BYTES) {
			end = start + WINDOW_BYTES;
			while (end > off && continues(src->text[end]))
				end--;
			tail = "...";
			if (len > end - off)
				len = end - off;
		}
	}
	buf_printf(b, "%5u | %s", line_number, front);
	add_visible(b, src->text + start, end - start);
	buf_printf(b, "%s\n      | %*s", tail, (int)strlen(front), "");
	add_caret(b, src->text + start, off - start, len);
	buf_add_char(b, '\n');
}

static void add_message(struct buf *b, const struct sources *s, struct span span, const char *level, const char *colour,
			const char *text)
{
	const struct source *src = source_of(s, span);
	uint32_t line, col;

	if (src) {
		span_where(s, span, &line, &col);
		buf_add_escaped(b, src->path, strlen(src->path));
		buf_printf(b, ":%u:%u: ", line, col);
	}
	buf_printf(b, "%s%s:%s %s\n", colour, level, *colour ? "\x1b[0m" : "", text);
	if (src)
		add_excerpt(b, src, span, line);
}

static const char *level_word(enum diag_level level)
{
	return level == DIAG_ERROR ? "error" : level == DIAG_WARNING ? "warning" : "note";
}

void diags_render(const struct diags *d, bool colour, struct buf *ret)
{
	static const char *const colours[] = { "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;36m" };

	for (size_t i = 0; i < d->count; i++) {
		const struct diag *m = &d->v[i];

		add_message(ret, &d->sources, m->span, level_word(m->level), colour ? colours[m->level] : "", m->text);
		if (m->second_text)
			add_message(ret, &d->sources, m->second, "note", colour ? colours[DIAG_NOTE] : "", m->second_text);
	}
	if (d->errors_count > errors_kept(d))
		buf_printf(ret, "%zu errors, %zu warnings; the first %zu errors are shown\n", d->errors_count, d->warnings_count,
			   errors_kept(d));
}

/* Add {text, file, line, col, end_col}; without a place only the text. */
static void add_place(json_t *o, const struct sources *s, struct span span, const char *text)
{
	const struct source *src = source_of(s, span);
	uint32_t line, col;

	json_object_set_new(o, "text", json_string(text));
	if (!src)
		return;
	span_where(s, span, &line, &col);
	/* A file name may hold any byte; JSON may not. */
	{
		_buf_ struct buf b = BUF_INIT;

		buf_add_escaped(&b, src->path, strlen(src->path));
		json_object_set_new(o, "file", json_string(b.data ? b.data : ""));
	}
	json_object_set_new(o, "line", json_integer(line));
	json_object_set_new(o, "col", json_integer(col));
	json_object_set_new(o, "end_col", json_integer((json_int_t)col + span.len_bytes));
}

struct json_t *diags_json(const struct diags *d)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < d->count; i++) {
		const struct diag *m = &d->v[i];
		json_t *o = json_object(), *second = m->second_text ? json_object() : NULL;

		json_object_set_new(o, "level", json_string(level_word(m->level)));
		json_object_set_new(o, "code", json_string(m->code));
		add_place(o, &d->sources, m->span, m->text);
		if (second) {
			add_place(second, &d->sources, m->second, m->second_text);
			json_object_set_new(o, "second", second);
		}
		json_array_append_new(list, o);
	}
	return list;
}
