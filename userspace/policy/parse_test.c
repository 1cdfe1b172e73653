/* SPDX-License-Identifier: Apache-2.0 */
/* Test blocks: who asks, and what is expected then. Each "as" begins a case, and the "expect" lines behind it belong to it. */
#include "policy/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/stamp.h"

enum { AS_USER, AS_GROUPS, AS_PROGRAM, AS_UNIT, AS_MFA, AS_AT, AS_PURPOSE };

static void *test_begin(struct parser *p, struct ast_word name, struct span span)
{
	struct ast_test *test = list_push(&p->run->a->tests);

	if (!test) {
		(void)parse_out_of_memory(p);
		return NULL;
	}
	test->name = name;
	test->span = span;
	return test;
}

static struct ast_case *push_case(struct parser *p, struct ast_test *test)
{
	struct ast_case *grown = list_grow(test->cases, test->cases_count, sizeof(*grown));

	if (!grown) {
		(void)parse_out_of_memory(p);
		return NULL;
	}
	test->cases = grown;
	return &grown[test->cases_count++];
}

static bool at(struct parser *p, struct ast_subject *as)
{
	_buf_ struct buf text = BUF_INIT;
	bool local;

	if (!parse_moment(p, "a moment behind 'at'", &as->at_utc_s, &local))
		return false;
	as->has_at = true;
	stamp_add(&text, as->at_utc_s);
	if (!local)
		buf_add_char(&text, 'Z');
	free(as->at_text);
	as->at_text = buf_take(&text);
	return as->at_text || parse_out_of_memory(p);
}

static bool subject_field(struct parser *p, int idx, struct ast_subject *as)
{
	switch (idx) {
	case AS_USER:
		return parse_principal(p, "a user", &as->user);
	case AS_GROUPS:
		as->has_groups = true;
		return parse_list(p, "group", parse_principal, &as->groups);
	case AS_PROGRAM:
		return parse_name(p, "a program of this policy", &as->program);
	case AS_UNIT:
		return parse_unit(p, "a unit", &as->unit);
	case AS_MFA:
		as->has_mfa = true;
		return parse_duration(p, "the age of a second factor", 0, &as->mfa_age_s);
	case AS_AT:
		return at(p, as);
	default:
		return parse_name(p, "a purpose", &as->purpose);
	}
}

static bool test_as(struct parser *p, void *node)
{
	static const char *const words[] = { "user", "groups", "program", "unit", "mfa", "at", "purpose" };
	const struct token *start = p->tok - 1;
	struct ast_case *c = push_case(p, node);
	uint32_t seen = 0;

	if (!c)
		return false;
	c->as.program_idx = c->as.purpose_idx = AST_NONE;
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < (int)(sizeof(words) / sizeof(words[0])) && !more; i++) {
			const struct token *word = p->tok;

			if (!parse_accept(p, words[i]))
				continue;
			if (parse_has(seen, i))
				return parse_error(p, "duplicate-field", parse_span(p, word), "'%s' stands twice in this subject; remove one",
						   words[i]);
			if (!subject_field(p, i, &c->as))
				return false;
			seen |= 1u << i;
			more = true;
		}
	}
	c->as.span = parse_span_to(p, start);
	if (parse_at(p, "tainted"))
		return parse_error(p, "not-in-version", parse_span(p, p->tok),
				   "'tainted' is part of the language but not of this version; remove it and its class");
	if (!parse_has(seen, AS_USER))
		return parse_error(p, "missing-field", c->as.span, "this subject has no name; add 'user NAME'");
	return true;
}

static bool expect_tail(struct parser *p, struct ast_expect *e)
{
	e->has_by = parse_accept(p, "by");
	if (e->has_by && !parse_name(p, "a rule, or 'default', behind 'by'", &e->by))
		return false;
	if (parse_at(p, "with"))
		return parse_error(p, "not-in-version", parse_span(p, p->tok),
				   "'with break-glass' is part of the language but not of this version; remove it");
	return true;
}

static bool test_expect(struct parser *p, void *node)
{
	struct ast_test *test = node;
	const struct token *start = p->tok - 1;
	struct ast_case *c = test->cases_count ? &test->cases[test->cases_count - 1] : NULL;
	struct ast_expect *grown, *e;
	bool ok;

	if (!c)
		return parse_error(p, "missing-field", parse_span(p, start), "nobody asks yet; put 'as user NAME' before 'expect'");
	grown = list_grow(c->expects, c->expects_count, sizeof(*grown));
	if (!grown)
		return parse_out_of_memory(p);
	c->expects = grown;
	e = &grown[c->expects_count++];
	e->rule_idx = e->store_idx = AST_NONE;
	e->deny = parse_at(p, "deny");
	if (!parse_accept(p, "deny") && !parse_accept(p, "allow"))
		return parse_expected(p, "'allow' or 'deny' behind 'expect'");
	if (!parse_name(p, "an action", &e->action))
		return false;
	if (!parse_accept(p, "on"))
		return parse_expected(p, "'on' and a store");
	ok = parse_name(p, "a store", &e->store) && expect_tail(p, e);
	e->span = parse_span_to(p, start);
	return ok;
}

static void test_end(struct parser *p, void *node, uint32_t seen)
{
	struct ast_test *test = node;

	(void)seen;
	if (!test->cases_count)
		(void)parse_error(p, "missing-field", test->span, "this test asks nothing; add 'as user NAME' and 'expect ...'");
	for (size_t i = 0; i < test->cases_count; i++)
		if (!test->cases[i].expects_count)
			(void)parse_error(p, "missing-field", test->cases[i].as.span,
					  "nothing is expected of this subject; add 'expect allow ACTION on STORE' or 'expect deny ...'");
}

static const struct field_def test_fields[] = {
	[TEST_AS] = { "as", test_as, true },
	[TEST_EXPECT] = { "expect", test_expect, true },
};
const struct kind_def parse_kind_test = {
	.word = "test", .head = HEAD_STRING, .begin = test_begin, .fields = test_fields,
	.fields_count = sizeof(test_fields) / sizeof(test_fields[0]), .end = test_end,
};
