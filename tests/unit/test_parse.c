/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: what stands in the tree, limits, and messages. The wording of messages is the golden tests' business. */
#include "test.h"

#include "front.h"

#include <stdio.h>

#include "base/buf.h"
#include "policy/stamp.h"

#define HEAD "polyward 1 policy p { version 1 } store s { path /srv/s class c } "

static int count_errors(const char *text)
{
	_front_ struct front f = { 0 };

	(void)front_open(&f, (char *)text);
	return (int)f.d.errors_count;
}

static const char *first_code(const char *text)
{
	_front_ struct front f = { 0 };

	(void)front_open(&f, (char *)text);
	return f.d.count ? f.d.v[0].code : "";
}

static void every_field_of_a_rule(void)
{
	static char text[] = HEAD "role r { members user:bob } time t { days mon }\n"
		"rule x { deny r to write, read on class c when during t, mfa within 2h unless user { root, bob } absolute mode audit until "
		"2026-12-15T01:00+01:00 }";
	_front_ struct front f = { 0 };
	const struct ast_rule *r;

	CHECK_INT(front_open(&f, text), 0);
	r = &f.a->rules.v[0];
	CHECK(r->deny && r->absolute && !r->any_role);
	CHECK_INT(r->mode, AST_MODE_AUDIT);
	CHECK_INT(r->audit_until_utc_s, 1797292800);
	CHECK_INT(r->on_kind, AST_ON_CLASS);
	CHECK_INT(r->when.count, 2);
	CHECK_INT(r->when.v[0].kind, AST_COND_DURING);
	CHECK_INT(r->when.v[1].mfa_within_s, 7200);
	CHECK_INT(r->unless.v[0].values.count, 2);
	CHECK_STR(r->actions.v[0].text, "write");
	CHECK_INT(r->span.off_bytes, strchr(text, '\n') + 1 - text);
	CHECK_INT(r->span.len_bytes, strlen("rule x"));
}

static void times_and_days(void)
{
	static char text[] = HEAD "time a { days sat-mon, wed hours 22:00-06:30 zone UTC } time b { hours 08:00-00:00 }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(f.a->times.v[0].days, 1 | 4 | 32 | 64);
	CHECK_INT(f.a->times.v[0].start_min, 1320);
	CHECK_INT(f.a->times.v[0].end_min, 390);
	CHECK_INT(f.a->times.v[1].days, 127);
	CHECK_INT(f.a->times.v[1].end_min, 1440);
	CHECK_STR(f.a->times.v[1].zone.text, "UTC");
}

static void tests_have_cases(void)
{
	static char text[] = HEAD "test \"t\" { as user bob groups ml mfa 20m expect deny read on s expect deny list on s by default "
		"as user root expect deny read on s }";
	_front_ struct front f = { 0 };
	const struct ast_test *t;

	CHECK_INT(front_open(&f, text), 0);
	t = &f.a->tests.v[0];
	CHECK_INT(t->cases_count, 2);
	CHECK_INT(t->cases[0].expects_count, 2);
	CHECK_INT(t->cases[1].expects_count, 1);
	CHECK(t->cases[0].as.has_groups && t->cases[0].as.has_mfa && !t->cases[0].as.has_at);
	CHECK_INT(t->cases[0].as.mfa_age_s, 1200);
	CHECK_INT(t->cases[0].as.program_idx, AST_NONE);
	CHECK(t->cases[0].expects[1].has_by);
	CHECK_INT(t->cases[0].expects[1].rule_idx, AST_NONE);
}

static void one_fault_does_not_hide_the_next(void)
{
	CHECK_INT(count_errors(HEAD "store a { pth /x } role b { membrs user:bob } frob x { } rule c { allow }"), 4);
	CHECK_INT(count_errors(HEAD "} } }"), 1);
	CHECK_STR(first_code(HEAD "store a { path /srv/a role b { members user:bob }"), "unclosed");
	CHECK_STR(first_code(HEAD "derive x { from y }"), "not-in-version");
	CHECK_STR(first_code(HEAD "store s { path /srv/t }"), "duplicate-name");
	CHECK_STR(first_code(HEAD "store t { path /srv/s }"), "duplicate-path");
}

static void at_most_twenty_messages_are_kept(void)
{
	_buf_ struct buf b = BUF_INIT;
	_front_ struct front f = { 0 };

	buf_add_str(&b, HEAD);
	for (int i = 0; i < 1000; i++)
		buf_add_str(&b, "store X { }\n");
	CHECK_INT(front_open(&f, b.data), -EINVAL);
	CHECK_INT(f.d.errors_count, 1000);
	CHECK_INT(f.d.count, DIAG_ERRORS_MAX);
}

static void deep_and_long_texts_are_only_texts(void)
{
	_buf_ struct buf b = BUF_INIT, sets = BUF_INIT;

	for (int i = 0; i < 300000; i++)
		buf_add_char(&b, '{');
	CHECK(count_errors(b.data) > 0);
	buf_add_str(&sets, HEAD "rule r { allow any to read on ");
	for (int i = 0; i < 100000; i++)
		buf_printf(&sets, "%ss%d", i ? ", " : "", i);
	buf_add_str(&sets, " }");
	CHECK(sets.len_bytes < 1 << 20);
	CHECK(count_errors(sets.data) > 0);
}

static void a_larger_file_is_refused(void)
{
	_buf_ struct buf b = BUF_INIT;

	buf_add_str(&b, "polyward 1 policy p { version 1 }\n");
	while (b.len_bytes <= 1 << 20)
		buf_add_str(&b, "# and so on\n");
	CHECK_STR(first_code(b.data), "unreadable");
}

static int read_itself(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	/* Each file includes another one, without end. */
	(*(int *)ctx)++;
	(void)path;
	if (asprintf(ret_text, "polyward 1 include \"%d.pw\"", *(int *)ctx) < 0)
		return -ENOMEM;
	*ret_len_bytes = strlen(*ret_text);
	return 0;
}

static void includes_without_end_end(void)
{
	struct diags d = { 0 };
	struct ast *a = NULL;
	int files = 0;
	const struct policy_reader reader = { .ctx = &files, .read = read_itself };

	CHECK_INT(policy_parse(&reader, "0.pw", &d, &a), -EINVAL);
	CHECK_INT(files, 17);
	CHECK_STR(d.v[0].code, "too-many");
	diags_free(&d);
}

static void moments(void)
{
	static const struct { const char *text; int64_t s; bool local; } good[] = {
		{ "2026-12-02T10:00Z", 1796205600, false },
		{ "2026-12-02T10:00", 1796205600, true },
		{ "2026-12-02T10:00:30+01:00", 1796202030, false },
		{ "2000-02-29T00:00Z", 951782400, false },
		{ "2199-12-31T23:59:59Z", 7258118399, false },
	};
	static const char *const bad[] = { "2026-12-02", "2026-13-02T10:00Z", "2026-02-29T10:00Z", "2026-12-02T24:00Z",
					   "2026-12-02T10:00z", "2026-12-02T10:00+1:00", "2026-12-02T10:0 Z", "1999-12-02T10:00Z", "2026-12-02T10:00:60Z",
					   "2026-12-02T10:00ZZ", "2199-12-31T23:59-01:00", "2000-01-01T00:00+01:00", "" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		_buf_ struct buf b = BUF_INIT;
		int64_t s = 0, again = 0;
		bool local;

		CHECK_INT(stamp_parse(good[i].text, strlen(good[i].text), &s, &local), 0);
		CHECK_INT(s, good[i].s);
		CHECK_INT(local, good[i].local);
		stamp_add(&b, s);
		CHECK_INT(stamp_parse(b.data, b.len_bytes, &again, &local), 0);
		CHECK_INT(again, s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t s;
		bool local;

		CHECK_INT(stamp_parse(bad[i], strlen(bad[i]), &s, &local), -EINVAL);
	}
}

TESTS(T(every_field_of_a_rule), T(times_and_days), T(tests_have_cases), T(one_fault_does_not_hide_the_next),
      T(at_most_twenty_messages_are_kept), T(deep_and_long_texts_are_only_texts), T(a_larger_file_is_refused),
      T(includes_without_end_end), T(moments))
