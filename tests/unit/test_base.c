/* SPDX-License-Identifier: Apache-2.0 */
/* base: numbers, durations, escaping, growing errors. */
#include "test.h"

#include <errno.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

static void numbers_are_digits_and_nothing_else(void)
{
	uint64_t v = 7;

	CHECK_INT(num_parse("42", 2, 100, &v), 0);
	CHECK_INT(v, 42);
	CHECK_INT(num_parse("-1", 2, UINT64_MAX, &v), -EINVAL);
	CHECK_INT(num_parse("+1", 2, UINT64_MAX, &v), -EINVAL);
	CHECK_INT(num_parse(" 1", 2, UINT64_MAX, &v), -EINVAL);
	CHECK_INT(num_parse("", 0, UINT64_MAX, &v), -EINVAL);
	CHECK_INT(num_parse("101", 3, 100, &v), -ERANGE);
	CHECK_INT(num_parse("18446744073709551616", 20, UINT64_MAX, &v), -ERANGE);
	CHECK_INT(v, 42);
}

static void durations_need_a_unit(void)
{
	uint64_t s = 0;

	CHECK_INT(num_parse_duration("15m", 3, UINT64_MAX, &s), 0);
	CHECK_INT(s, 900);
	CHECK_INT(num_parse_duration("2w", 2, UINT64_MAX, &s), 0);
	CHECK_INT(s, 1209600);
	CHECK_INT(num_parse_duration("15", 2, UINT64_MAX, &s), -EINVAL);
	CHECK_INT(num_parse_duration("m", 1, UINT64_MAX, &s), -EINVAL);
	CHECK_INT(num_parse_duration("99999999999999999999d", 21, UINT64_MAX, &s), -ERANGE);
}

static void hostile_text_is_escaped(void)
{
	_buf_ struct buf b = BUF_INIT;
	static const char bytes[] = "a\x1b[31m\\\xff\xc3\xa9\xc2\x9b\n";

	buf_add_escaped(&b, bytes, sizeof(bytes) - 1);
	CHECK_STR(b.data, "a\\x1b[31m\\\\\\xff\xc3\xa9\\xc2\\x9b\\x0a");
}

static void errors_grow_outwards(void)
{
	struct err e = { 0 };

	CHECK_INT(err_set(&e, -EACCES, "open /x"), -EACCES);
	err_wrap(&e, "cannot apply policy");
	err_add(&e, "generation %d stays", 6);
	CHECK_STR(e.text, "cannot apply policy: open /x: Permission denied; generation 6 stays");
}

TESTS(T(numbers_are_digits_and_nothing_else), T(durations_need_a_unit), T(hostile_text_is_escaped), T(errors_grow_outwards))
