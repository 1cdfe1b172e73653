/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer: places of tokens and comments, strings, and bytes that have no business in a policy. */
#include "test.h"

#include "policy/lex.h"

static size_t kinds(const char *text, size_t len, char *ret)
{
	struct diags d = { 0 };
	struct lexed l;
	size_t errors;

	if (lex(text, len, 0, &d, &l) < 0)
		abort();
	for (size_t i = 0; i < l.tokens_count; i++)
		ret[i] = "$ws{},"[l.tokens[i].kind];
	ret[l.tokens_count] = '\0';
	errors = d.errors_count;
	lexed_free(&l);
	diags_free(&d);
	return errors;
}

static void tokens_need_no_blanks(void)
{
	char k[32];

	CHECK_INT(kinds("a{b,c}\"d\"e#f\ng", 14, k), 0);
	CHECK_STR(k, "w{w,w}sww$");
}

static void places_are_those_of_the_text(void)
{
	struct diags d = { 0 };
	struct lexed l;

	CHECK_INT(lex("  ab \"c\" # d \n", 14, 0, &d, &l), 0);
	CHECK_INT(l.tokens_count, 3);
	CHECK_INT(l.tokens[0].off_bytes, 2);
	CHECK_INT(l.tokens[0].len_bytes, 2);
	CHECK_INT(l.tokens[1].off_bytes, 5);
	CHECK_INT(l.tokens[1].len_bytes, 3);
	CHECK_INT(l.tokens[2].off_bytes, 14);
	CHECK_INT(l.comments_count, 1);
	CHECK_INT(l.comments[0].off_bytes, 9);
	CHECK_INT(l.comments[0].len_bytes, 3);
	lexed_free(&l);
}

static void strings_lose_quotes_and_backslashes(void)
{
	static const char text[] = "\"a\\\"b\\\\c\"";
	struct diags d = { 0 };
	struct lexed l;
	char *s;

	CHECK_INT(lex(text, sizeof(text) - 1, 0, &d, &l), 0);
	s = lex_text(text, l.tokens[0]);
	CHECK_STR(s, "a\"b\\c");
	free(s);
	lexed_free(&l);
}

static void an_unclosed_string_ends_with_its_line(void)
{
	char k[32];

	CHECK_INT(kinds("\"abc\nd", 6, k), 1);
	CHECK_STR(k, "sw$");
	CHECK_INT(kinds("\"abc\\", 5, k), 2);
	CHECK_INT(kinds("\"", 1, k), 1);
}

static void bytes_that_deceive_are_errors(void)
{
	static const char *const bad[] = { "a\xff", "a\x1b[0m", "\xc0\xaf", "\xed\xa0\x80", "a\xe2\x80\x8b", "# \xe2\x80\xae",
					   "\"\xc2\x9b\"", "\x7f", "\xf4\x90\x80\x80", "\xef\xbb\xbfpolyward", "\xc3" };
	char k[32];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(kinds(bad[i], strlen(bad[i]), k) > 0);
	CHECK_INT(kinds("a\0b", 3, k), 1);
	CHECK(kinds("a\rb", 3, k) > 0);
	CHECK(kinds("\"a\rb\"", 5, k) > 0);
	CHECK(kinds("# a\rb\n", 6, k) > 0);
	CHECK_INT(kinds("a # x\r\nb\r\n\r\n", 12, k), 0);
	CHECK_INT(kinds("\xc3\xa9t\xc3\xa9 \xe6\x97\xa5", 9, k), 0);
	CHECK_STR(k, "ww$");
}

static void words_that_need_quotes(void)
{
	CHECK(lex_is_word("/srv/x@y:z"));
	CHECK(!lex_is_word(""));
	CHECK(!lex_is_word("a b"));
	CHECK(!lex_is_word("a,b"));
	CHECK(!lex_is_word("a#b"));
	CHECK(!lex_is_word("{"));
}

TESTS(T(tokens_need_no_blanks), T(places_are_those_of_the_text), T(strings_lose_quotes_and_backslashes),
      T(an_unclosed_string_ends_with_its_line), T(bytes_that_deceive_are_errors), T(words_that_need_quotes))
