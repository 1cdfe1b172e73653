/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every policy that parses, whoever made it: one canonical form, with the meaning and the comments of the text. */
#ifndef FUZZ_CANONICAL_H
#define FUZZ_CANONICAL_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define MUST(c) do { if (!(c)) abort(); } while (0)

struct input { const char *text, *included; size_t len, included_len; };

static inline int read_input(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	const struct input *in = ctx;
	bool first = strcmp(path, "fuzz.pw") == 0;
	size_t len = first ? in->len : in->included_len;
	char *copy;

	if (!first && !in->included)
		return -ENOENT;
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, first ? in->text : in->included, len);
	copy[len] = '\0';
	*ret_text = copy;
	*ret_len_bytes = len;
	return 0;
}

/* A canonical form must parse; if one does not, it is shown before the end. */
static inline struct ast *parse_again(const struct policy_reader *reader, const char *text, struct diags *d)
{
	struct ast *a = NULL;

	if (policy_parse(reader, "fuzz.pw", d, &a) < 0) {
		_buf_ struct buf why = BUF_INIT;

		diags_render(d, false, &why);
		fprintf(stderr, "%s%s", text, why.data ? why.data : "");
		abort();
	}
	return a;
}

static inline void json_of(const char *text, size_t len, const struct input *in, struct buf *ret)
{
	struct input again = { .text = text, .len = len, .included = in->included, .included_len = in->included_len };
	const struct policy_reader reader = { .ctx = &again, .read = read_input };
	struct diags d = { 0 };
	struct ast *a = parse_again(&reader, text, &d);

	MUST(policy_json(a, ret) == 0);
	ast_free(a);
	diags_free(&d);
}

static inline void format_of(const char *text, size_t len, const struct input *in, struct buf *ret)
{
	struct input again = { .text = text, .len = len, .included = in->included, .included_len = in->included_len };
	const struct policy_reader reader = { .ctx = &again, .read = read_input };
	struct diags d = { 0 };
	struct ast *a = parse_again(&reader, text, &d);

	MUST(policy_format(&d.sources, a, ret) == 0);
	ast_free(a);
	diags_free(&d);
}

static inline size_t count_comments(const char *text, size_t len)
{
	bool string = false, comment = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			string = comment = false;
		} else if (string && text[i] == '\\') {
			i++;
		} else if (!comment && text[i] == '"') {
			string = !string;
		} else if (!comment && !string && text[i] == '#') {
			comment = true;
			n++;
		}
	}
	return n;
}

/* a: parsed from in->text, with its messages in d. */
static inline void must_be_canonical(const struct input *in, const struct ast *a, const struct diags *d)
{
	_buf_ struct buf json = BUF_INIT, json_again = BUF_INIT, canonical = BUF_INIT, canonical_again = BUF_INIT;

	MUST(policy_json(a, &json) == 0);
	MUST(policy_format(&d->sources, a, &canonical) == 0);
	json_of(canonical.data, canonical.len_bytes, in, &json_again);
	MUST(strcmp(json.data, json_again.data) == 0);
	format_of(canonical.data, canonical.len_bytes, in, &canonical_again);
	MUST(strcmp(canonical.data, canonical_again.data) == 0);
	MUST(count_comments(in->text, in->len) == count_comments(canonical.data, canonical.len_bytes));
}

#endif
