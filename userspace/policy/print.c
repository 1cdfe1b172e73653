/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form: statements in the order of the text, fields in the order of the language, sets sorted, one space where
 * one does; a block stands on one line if it fits in 100 columns and holds no comment, otherwise one field a line. At most one
 * empty line between statements, where the text has one. Printing what was printed changes nothing.
 */
#include "policy/print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

enum { KIND_POLICY, KIND_ADMIN, KIND_TIME, KIND_PURPOSE, KIND_PROGRAM, KIND_STORE, KIND_ROLE, KIND_SEPARATE, KIND_RULE, KIND_TEST,
       KIND_INCLUDE };

struct node { uint32_t off; int kind; size_t idx; };
struct nodes { struct node *v; size_t count; bool one_file; }; /* one_file: with its includes, without what stands behind them */

static bool push_node(struct nodes *n, struct span span, int kind, size_t idx)
{
	struct node *new;

	if (n->one_file && span.file != 0)
		return true;
	new = list_push(n);
	if (new)
		*new = (struct node){ .off = span.off_bytes, .kind = kind, .idx = idx };
	return new != NULL;
}

static int by_place(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->idx < y->idx ? -1 : x->idx > y->idx;
}

/* The statements, kind by kind. */
static bool nodes_of(const struct ast *a, struct nodes *n)
{
	bool ok = !a->has_policy || push_node(n, a->policy.span, KIND_POLICY, 0);

#define EACH(list, kind) for (size_t i = 0; i < a->list.count && ok; i++) ok = push_node(n, a->list.v[i].span, kind, i)
	EACH(admins, KIND_ADMIN);
	EACH(times, KIND_TIME);
	EACH(purposes, KIND_PURPOSE);
	EACH(programs, KIND_PROGRAM);
	EACH(stores, KIND_STORE);
	EACH(roles, KIND_ROLE);
	EACH(separates, KIND_SEPARATE);
	EACH(rules, KIND_RULE);
	EACH(tests, KIND_TEST);
	if (n->one_file)
		EACH(includes, KIND_INCLUDE);
#undef EACH
	return ok;
}

static void make(const struct ast *a, const struct node *n, struct statement *s)
{
	switch (n->kind) {
	case KIND_POLICY:   print_policy(&a->policy, s); break;
	case KIND_ADMIN:    print_admin(&a->admins.v[n->idx], s); break;
	case KIND_TIME:     print_time(&a->times.v[n->idx], s); break;
	case KIND_PURPOSE:  print_purpose(&a->purposes.v[n->idx], s); break;
	case KIND_PROGRAM:  print_program(&a->programs.v[n->idx], s); break;
	case KIND_STORE:    print_store(&a->stores.v[n->idx], s); break;
	case KIND_ROLE:     print_role(&a->roles.v[n->idx], s); break;
	case KIND_SEPARATE: print_separate(&a->separates.v[n->idx], s); break;
	case KIND_RULE:     print_rule(&a->rules.v[n->idx], s); break;
	case KIND_TEST:     print_test(&a->tests.v[n->idx], s); break;
	default:            print_include(&a->includes.v[n->idx], s); break;
	}
}

/* Lines that say only what holds without them go, unless the text has them: what was written stays written. */
static void drop_plain(const struct comments *c, size_t mark, struct statement *s)
{
	size_t out = 0;

	for (size_t i = 0; i < s->lines.count; i++) {
		struct line *l = &s->lines.v[i];

		if (l->plain && comments_field(c, mark, l->field, l->nth) == SIZE_MAX)
			free(l->text);
		else
			s->lines.v[out++] = *l;
	}
	s->lines.count = out;
}

static size_t columns(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void on_one_line(const struct statement *s, struct buf *b)
{
	buf_add(b, s->head.data, s->head.len_bytes);
	if (!s->block)
		return;
	buf_add_str(b, " {");
	for (size_t i = 0; i < s->lines.count; i++)
		buf_printf(b, "%s%s", i ? "  " : " ", s->lines.v[i].text);
	buf_add_str(b, " }");
}

static void on_lines(const struct comments *c, size_t mark, const struct statement *s, struct buf *b)
{
	buf_add(b, s->head.data, s->head.len_bytes);
	buf_add_str(b, " {\n");
	for (size_t i = 0; i < s->lines.count; i++) {
		const struct line *l = &s->lines.v[i];
		size_t field = comments_field(c, mark, l->field, l->nth);

		comments_add(c, field, COMMENT_BEFORE, "    ", b);
		buf_printf(b, "    %s", l->text);
		comments_add(c, field, COMMENT_BEHIND, "", b);
		buf_add_char(b, '\n');
	}
	comments_add(c, mark, COMMENT_LAST, "    ", b);
	buf_add_char(b, '}');
}

static void add_statement(const struct comments *c, size_t mark, const struct statement *s, struct buf *ret)
{
	_buf_ struct buf line = BUF_INIT;

	if (ret->len_bytes && comments_blank_before(c, mark))
		buf_add_char(ret, '\n');
	comments_add(c, mark, COMMENT_BEFORE, "", ret);
	if (comments_blank_between(c, mark))
		buf_add_char(ret, '\n');
	on_one_line(s, &line);
	ret->failed |= line.failed || s->head.failed;
	if (ret->failed)
		return;
	if (s->block && (s->tall || columns(line.data, line.len_bytes) > PRINT_COLUMNS || comments_inside(c, mark)))
		on_lines(c, mark, s, ret);
	else
		buf_add(ret, line.data, line.len_bytes);
	comments_add(c, mark, COMMENT_BEHIND, "", ret);
	buf_add_char(ret, '\n');
}

static void statement_free(struct statement *s)
{
	for (size_t i = 0; i < s->lines.count; i++)
		free(s->lines.v[i].text);
	free(s->lines.v);
	buf_free(&s->head);
}

static void print_node(const struct ast *a, const struct comments *c, const struct node *n, struct buf *ret)
{
	struct statement s = { 0 };
	size_t mark = comments_statement(c, n->off);

	make(a, n, &s);
	s.failed |= s.head.failed;
	if (!s.failed) {
		drop_plain(c, mark, &s);
		add_statement(c, mark, &s, ret);
	}
	ret->failed |= s.failed;
	statement_free(&s);
}

/*
 * Kind by kind, each in the order in which the policy was read: so the text gives the same lists, and with them the same numbers of
 * roles, stores and rules, as the files that it was made from.
 */
int policy_source(const struct ast *a, struct buf *ret)
{
	struct comments none = { 0 };
	struct nodes nodes = { 0 };

	ret->failed |= !nodes_of(a, &nodes);
	buf_add_str(ret, "polyward 1\n");
	for (size_t i = 0; i < nodes.count && !ret->failed; i++)
		print_node(a, &none, &nodes.v[i], ret);
	free(nodes.v);
	return ret->failed ? -ENOMEM : 0;
}

int policy_format(const struct sources *s, const struct ast *a, struct buf *ret)
{
	struct comments c = { 0 };
	struct nodes nodes = { .one_file = true };
	struct statement version = { 0 };
	int r = comments_collect(s && s->count ? &s->v[0] : NULL, &c);

	if (r < 0)
		return r;
	buf_add_str(&version.head, "polyward 1");
	add_statement(&c, c.marks.count ? 0 : SIZE_MAX, &version, ret);
	statement_free(&version);
	ret->failed |= !nodes_of(a, &nodes);
	if (nodes.count)
		qsort(nodes.v, nodes.count, sizeof(*nodes.v), by_place);
	for (size_t i = 0; i < nodes.count && !ret->failed; i++)
		print_node(a, &c, &nodes.v[i], ret);
	comments_add(&c, 0, COMMENT_END, "", ret);
	free(nodes.v);
	comments_free(&c);
	return ret->failed ? -ENOMEM : 0;
}
