/* SPDX-License-Identifier: Apache-2.0 */
/* TAP in a page. A test file lists its cases: TESTS(one, two) at its end. */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test { const char *name; void (*run)(void); };

static int test_failed_; /* cases of one file run one after the other */

#define CHECK(c) do { if (!(c)) { printf("# %s:%d: %s\n", __FILE__, __LINE__, #c); test_failed_ = 1; return; } } while (0)
#define CHECK_INT(got, want) do { long long g_ = (long long)(got), w_ = (long long)(want); if (g_ != w_) { \
	printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #got, g_, w_); test_failed_ = 1; return; } } while (0)
#define CHECK_STR(got, want) do { const char *g_ = (got), *w_ = (want); if (!g_ || strcmp(g_, w_)) { \
	printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #got, g_ ? g_ : "(null)", w_); test_failed_ = 1; return; } } while (0)

#define TEST_ROW_(n) { #n, n }
#define TESTS(...) \
	int main(void) \
	{ \
		static const struct test tests[] = { __VA_ARGS__ }; \
		int failed = 0; \
		printf("1..%zu\n", sizeof(tests) / sizeof(tests[0])); \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) { \
			test_failed_ = 0; \
			tests[i].run(); \
			printf("%sok %zu - %s\n", test_failed_ ? "not " : "", i + 1, tests[i].name); \
			failed |= test_failed_; \
			fflush(stdout); \
		} \
		return failed; \
	}
#define T(n) TEST_ROW_(n)

#endif
