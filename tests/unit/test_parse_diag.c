/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: places, carets, and what hostile text may not do to a terminal. */
#include "test.h"

#include <errno.h>
#include <jansson.h>

#include "base/buf.h"
#include "policy/diag.h"

static void with_source(struct diags *d, const char *text)
{
	d->sources.v = calloc(1, sizeof(*d->sources.v));
	d->sources.count = 1;
	d->sources.v[0] = (struct source){ .path = strdup("a.pw"), .text = strdup(text), .len_bytes = strlen(text) };
}

static void carets_copy_tabs_and_count_columns(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct diags d = { 0 };

	with_source(&d, "one\n\t\xc3\xa9\twrong here\n");
	CHECK_INT(diag(&d, DIAG_ERROR, "x", (struct span){ 0, 8, 5 }, "bad"), -EINVAL);
	diags_render(&d, false, &b);
	CHECK_STR(b.data, "a.pw:2:5: error: bad\n    2 | \t\xc3\xa9\twrong here\n      | \t \t^^^^^\n");
	diags_free(&d);
}

static void hostile_text_does_not_reach_the_terminal(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct diags d = { 0 };

	with_source(&d, "\x1b]0;gone\x07 \xe2\x80\xae\n");
	(void)diag(&d, DIAG_ERROR, "x", (struct span){ 0, 0, 1 }, "found '%s'", "\x1b[2J\xe2\x80\xae");
	diags_render(&d, false, &b);
	CHECK(!strchr(b.data, '\x1b') && !strchr(b.data, '\x07') && !strstr(b.data, "\xe2\x80\xae"));
	CHECK(strstr(b.data, "found '\\x1b[2J<U+202E>'"));
	diags_free(&d);
}

static void a_place_outside_the_text_is_no_place(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct diags d = { 0 };

	with_source(&d, "x");
	(void)diag(&d, DIAG_WARNING, "x", (struct span){ 0, 99, 1 }, "far");
	(void)diag(&d, DIAG_WARNING, "x", (struct span){ 7, 0, 1 }, "elsewhere");
	(void)diag(&d, DIAG_NOTE, "x", (struct span){ .file = SPAN_NONE }, "nowhere");
	(void)diag(&d, DIAG_WARNING, "x", (struct span){ 0, 1, 0 }, "end");
	diags_render(&d, false, &b);
	CHECK_STR(b.data, "warning: far\nwarning: elsewhere\nnote: nowhere\na.pw:1:2: warning: end\n    1 | x\n      |  ^\n");
	diags_free(&d);
}

static void json_has_places_and_second_places(void)
{
	struct diags d = { 0 };
	json_t *list;

	with_source(&d, "ab\ncd\n");
	(void)diag(&d, DIAG_ERROR, "duplicate-name", (struct span){ 0, 3, 2 }, "twice");
	diag_second(&d, (struct span){ 0, 0, 2 }, "first declared here");
	list = diags_json(&d);
	CHECK_INT(json_array_size(list), 1);
	CHECK_STR(json_string_value(json_object_get(json_array_get(list, 0), "code")), "duplicate-name");
	CHECK_STR(json_string_value(json_object_get(json_array_get(list, 0), "file")), "a.pw");
	CHECK_INT(json_integer_value(json_object_get(json_array_get(list, 0), "line")), 2);
	CHECK_INT(json_integer_value(json_object_get(json_array_get(list, 0), "end_col")), 3);
	CHECK_INT(json_integer_value(json_object_get(json_object_get(json_array_get(list, 0), "second"), "line")), 1);
	json_decref(list);
	diags_free(&d);
}

static void colour_ends_where_it_must(void)
{
	_buf_ struct buf b = BUF_INIT;
	struct diags d = { 0 };

	(void)diag(&d, DIAG_ERROR, "x", (struct span){ .file = SPAN_NONE }, "text");
	diags_render(&d, true, &b);
	CHECK_STR(b.data, "\x1b[1;31merror:\x1b[0m text\n");
	diags_free(&d);
}

static void near_words(void)
{
	static const char *const words[] = { "radiologist", "read", "list", "on" };

	CHECK_STR(closest("radiolgist", words, 4), "radiologist");
	CHECK_STR(closest("raed", words, 4), "read");
	CHECK(!closest("no", words, 4));     /* half of the word would change */
	CHECK(!closest("re", words, 4));
	CHECK(!closest("unlike", words, 4));
	CHECK(!closest("", words, 4));
	CHECK(!closest("reading-room", words, 4));
}

TESTS(T(carets_copy_tabs_and_count_columns), T(hostile_text_does_not_reach_the_terminal), T(a_place_outside_the_text_is_no_place),
      T(json_has_places_and_second_places), T(colour_ends_where_it_must), T(near_words))
