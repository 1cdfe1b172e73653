/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which statement or field a comment belongs to: what stands above something belongs to it, what stands behind something on
 * its line belongs to that. No comment is ever lost; one inside a field's values moves above the field.
 */
#include "policy/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t newlines(const struct comments *c, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = from; i < to; i++)
		n += c->source->text[i] == '\n';
	return n;
}

/* The last mark that starts before off, a statement if asked for one. */
static size_t mark_before(const struct comments *c, uint32_t off, bool statement)
{
	size_t low = 0, high = c->marks.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->marks.v[middle].start <= off)
			low = middle + 1;
		else
			high = middle;
	}
	while (low && statement && c->marks.v[low - 1].field >= 0)
		low--;
	return low ? low - 1 : SIZE_MAX;
}

static size_t next_mark(const struct comments *c, size_t mark, bool statement)
{
	size_t i = mark == SIZE_MAX ? 0 : mark + 1;

	while (i < c->marks.count && statement && c->marks.v[i].field >= 0)
		i++;
	return i < c->marks.count ? i : SIZE_MAX;
}

static void put(struct comment *it, enum comment_place place, size_t mark)
{
	it->place = place;
	it->mark = mark;
}

/* Inside the statement `s`: a field's, or the closing brace's. */
static void place_inside(const struct comments *c, struct comment *it, size_t s)
{
	uint32_t off = it->token.off_bytes;
	size_t f = mark_before(c, off, false), next = next_mark(c, f, false);

	if (!c->marks.v[s].open || off < c->marks.v[s].open)
		put(it, COMMENT_BEFORE, s);
	else if (f != s && off < c->marks.v[f].end)
		put(it, COMMENT_BEFORE, f);
	else if (f != s && !newlines(c, c->marks.v[f].end, off))
		put(it, COMMENT_BEHIND, f);
	else if (next != SIZE_MAX && c->marks.v[next].field >= 0)
		put(it, COMMENT_BEFORE, next);
	else
		put(it, COMMENT_LAST, s);
}

static void place(const struct comments *c, struct comment *it)
{
	uint32_t off = it->token.off_bytes;
	size_t s = mark_before(c, off, true), next = next_mark(c, s, true);

	if (s != SIZE_MAX && off < c->marks.v[s].end)
		place_inside(c, it, s);
	else if (s != SIZE_MAX && !newlines(c, c->marks.v[s].end, off))
		put(it, COMMENT_BEHIND, s);
	else if (next != SIZE_MAX)
		put(it, COMMENT_BEFORE, next);
	else
		put(it, COMMENT_END, 0);
}

/* Is there an empty line right above this place, with nothing but blanks between? */
static bool blank_above(const struct comments *c, uint32_t off)
{
	uint32_t lines = 0;

	while (off > 0 && strchr(" \t\r\n", c->source->text[off - 1])) {
		off--;
		lines += c->source->text[off] == '\n';
	}
	return off > 0 && lines >= 2;
}

int comments_collect(const struct source *source, struct comments *ret)
{
	struct comments c = { .source = source };
	struct diags d = { 0 };
	int r;

	if (!source) {
		*ret = c;
		return 0;
	}
	r = parse_outline(source, &c.marks);
	if (r == 0)
		r = lex(source->text, source->len_bytes, 0, &d, &c.lexed);
	diags_free(&d);
	if (r == 0) {
		c.v = calloc(c.lexed.comments_count + 1, sizeof(*c.v));
		if (!c.v)
			r = -ENOMEM;
	}
	if (r < 0) {
		comments_free(&c);
		return r;
	}
	for (; c.count < c.lexed.comments_count; c.count++) {
		struct comment *it = &c.v[c.count];

		it->token = c.lexed.comments[c.count];
		it->blank_before = blank_above(&c, it->token.off_bytes);
		place(&c, it);
	}
	*ret = c;
	return 0;
}

void comments_free(struct comments *c)
{
	free(c->marks.v);
	lexed_free(&c->lexed);
	free(c->v);
	*c = (struct comments){ 0 };
}

size_t comments_statement(const struct comments *c, uint32_t off_bytes)
{
	size_t s = mark_before(c, off_bytes, true);

	return s != SIZE_MAX && off_bytes < c->marks.v[s].end ? s : SIZE_MAX;
}

size_t comments_field(const struct comments *c, size_t statement, int field, size_t n)
{
	if (statement == SIZE_MAX)
		return SIZE_MAX;
	for (size_t i = statement + 1; i < c->marks.count && c->marks.v[i].field >= 0; i++)
		if (c->marks.v[i].field == field && n-- == 0)
			return i;
	return SIZE_MAX;
}

/* The first comment of those that are placed at this mark or after it: comments are in the order of the text. */
static size_t first_from(const struct comments *c, uint32_t off)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->v[middle].token.off_bytes < off)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where the comments of a mark can begin: behind the mark before it. */
static uint32_t reach(const struct comments *c, size_t mark)
{
	return mark ? c->marks.v[mark - 1].start : 0;
}

static uint32_t reach_end(const struct comments *c, size_t mark)
{
	size_t next = next_mark(c, mark, c->marks.v[mark].field < 0);

	return next == SIZE_MAX ? UINT32_MAX : c->marks.v[next].start;
}

bool comments_inside(const struct comments *c, size_t statement)
{
	const struct mark *m;

	if (statement == SIZE_MAX)
		return false;
	m = &c->marks.v[statement];
	for (size_t i = first_from(c, m->start); i < c->count && c->v[i].token.off_bytes < m->end; i++)
		if (c->v[i].mark != statement || c->v[i].place == COMMENT_LAST)
			return true;
	return false;
}

bool comments_blank_before(const struct comments *c, size_t statement)
{
	if (statement == SIZE_MAX)
		return false;
	for (size_t i = first_from(c, reach(c, statement)); i < c->count; i++) {
		if (c->v[i].token.off_bytes >= c->marks.v[statement].start)
			break;
		if (c->v[i].mark == statement && c->v[i].place == COMMENT_BEFORE)
			return c->v[i].blank_before;
	}
	return blank_above(c, c->marks.v[statement].start);
}

bool comments_blank_between(const struct comments *c, size_t statement)
{
	uint32_t start;
	size_t i;

	if (statement == SIZE_MAX)
		return false;
	start = c->marks.v[statement].start;
	i = first_from(c, start);
	return i > 0 && c->v[i - 1].mark == statement && c->v[i - 1].place == COMMENT_BEFORE && blank_above(c, start);
}

void comments_add(const struct comments *c, size_t mark, enum comment_place place_, const char *indent, struct buf *b)
{
	bool first = true;
	size_t i = 0;
	uint32_t end = UINT32_MAX;

	if (mark == SIZE_MAX)
		return;
	if (place_ != COMMENT_END) {
		i = first_from(c, reach(c, mark));
		end = reach_end(c, mark);
	}
	for (; i < c->count && c->v[i].token.off_bytes < end; i++) {
		const struct comment *it = &c->v[i];

		if (it->mark != mark || it->place != place_)
			continue;
		if (place_ == COMMENT_BEHIND) {
			buf_add_str(b, "  ");
			buf_add(b, c->source->text + it->token.off_bytes, it->token.len_bytes);
			continue;
		}
		/* Between comments an empty line is kept; above the first one it is the statement's business. */
		if (it->blank_before && (!first || place_ == COMMENT_END) && !*indent)
			buf_add_char(b, '\n');
		first = false;
		buf_add_str(b, indent);
		buf_add(b, c->source->text + it->token.off_bytes, it->token.len_bytes);
		buf_add_char(b, '\n');
	}
}
