/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward test: every expect line of a policy, put to the compiled tables as the loader does before it applies them, and which
 * rules no test asks about. Changes nothing and needs no privilege.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/policy.h"

struct tally { size_t passed, failed; bool *decided; size_t rules_untested; };

static void add_escaped(struct buf *b, const char *text)
{
	buf_add_escaped(b, text, strlen(text));
}

static const char *by(const struct image *img, __u32 rule)
{
	return rule ? image_str(img, img->rules[rule].name) : "default";
}

static const char *word(unsigned int verdict)
{
	return verdict == PW_ALLOW ? "allow" : "deny";
}

static void print_line(const struct cli *c, const struct image *img, __u32 i, bool good, const struct pw_decision *d)
{
	const struct pw_img_test *t = &img->tests[i];
	_buf_ struct buf b = BUF_INIT;

	buf_add_str(&b, good ? (c->color ? "\x1b[32mok\x1b[0m      " : "ok      ") : (c->color ? "\x1b[31mnot ok\x1b[0m  " : "not ok  "));
	add_escaped(&b, image_str(img, t->name));
	buf_printf(&b, ": %s %s on %s", word(t->verdict), table_need_word(t->need), image_str(img, img->stores[t->label].name));
	/* What decided, also where the test leaves it open: that is what one wants to write down next. */
	if (t->says_by || good)
		buf_printf(&b, " by %s", by(img, t->says_by ? t->rule : d->rule));
	if (!good) {
		buf_add_str(&b, "\n        at ");
		add_escaped(&b, image_str(img, img->files[t->file]));
		buf_printf(&b, ":%u; but the policy says %s by %s", t->line, word(d->verdict), by(img, d->rule));
	}
	puts(cli_text(&b));
}

static json_t *line_json(const struct image *img, __u32 i, bool good, const struct pw_decision *d)
{
	const struct pw_img_test *t = &img->tests[i];
	_buf_ struct buf file = BUF_INIT, name = BUF_INIT;

	add_escaped(&file, image_str(img, img->files[t->file]));
	add_escaped(&name, image_str(img, t->name));
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s?, s:s, s:s, s:b}", "test", cli_text(&name), "file",
			 cli_text(&file), "line", (json_int_t)t->line, "action", table_need_word(t->need), "store",
			 image_str(img, img->stores[t->label].name), "expected", word(t->verdict), "expected_by",
			 t->says_by ? by(img, t->rule) : NULL, "got", word(d->verdict), "got_by", by(img, d->rule), "ok", good);
}

static json_t *run(const struct cli *c, const struct image *img, struct tally *t)
{
	json_t *lines = c->json ? json_array() : NULL;

	for (__u32 i = 0; i < img->count[PW_SEC_TESTS]; i++) {
		struct pw_decision d = table_test_decide(img, i);
		struct err e;
		bool good = table_test(img, i, &e) == 0;

		t->decided[d.rule] = true;
		t->passed += good;
		t->failed += !good;
		if (c->json)
			json_array_append_new(lines, line_json(img, i, good, &d));
		else
			print_line(c, img, i, good, &d);
	}
	for (__u32 r = 1; r < img->count[PW_SEC_RULES]; r++)
		t->rules_untested += !t->decided[r];
	return lines;
}

static void print_summary(const struct image *img, const struct tally *t)
{
	__u32 rules = img->count[PW_SEC_RULES] - 1;
	_buf_ struct buf b = BUF_INIT;

	printf("%zu passed, %zu failed; %zu of %u rules decide a test\n", t->passed, t->failed, rules - t->rules_untested, rules);
	for (__u32 r = 1; r < img->count[PW_SEC_RULES]; r++) {
		const struct pw_img_rule *rule = &img->rules[r];

		if (t->decided[r])
			continue;
		buf_printf(&b, "no test is decided by rule %s (", image_str(img, rule->name));
		add_escaped(&b, image_str(img, img->files[rule->file]));
		buf_printf(&b, ":%u)\n", rule->line);
	}
	fputs(cli_text(&b), stdout);
}

static void print_document(const char *file, const struct image *img, const struct tally *t, json_t *lines)
{
	json_t *untested = json_array();
	_buf_ struct buf name = BUF_INIT;

	add_escaped(&name, file);
	for (__u32 r = 1; r < img->count[PW_SEC_RULES]; r++)
		if (!t->decided[r])
			json_array_append_new(untested, json_string(image_str(img, img->rules[r].name)));
	cli_print_json(json_pack("{s:b, s:s, s:I, s:I, s:I, s:o, s:o}", "ok", t->failed == 0, "file", cli_text(&name),
				 "passed", (json_int_t)t->passed, "failed", (json_int_t)t->failed, "rules",
				 (json_int_t)(img->count[PW_SEC_RULES] - 1), "tests", lines, "rules_without_test", untested));
}

static int test_all(const struct cli *c, const struct image *img)
{
	struct tally t = { .decided = calloc(img->count[PW_SEC_RULES], sizeof(bool)) };
	struct err e;
	json_t *lines;

	if (!t.decided) {
		(void)err_set(&e, -ENOMEM, "cannot run the tests");
		return cli_fail(c, &e);
	}
	lines = run(c, img, &t);
	if (c->json)
		print_document(c->args[0], img, &t, lines);
	else
		print_summary(img, &t);
	free(t.decided);
	return t.failed ? CLI_NO : CLI_YES;
}

int cmd_test(struct cli *c)
{
	struct cli_policy p = { 0 };
	struct image img;
	struct err e;
	int code = cli_policy_load(c, c->args[0], true, &p);

	if (code != CLI_YES)
		return code;
	code = image_check(p.image, p.image_len_bytes, &img, &e) < 0 ? cli_fail(c, &e) : test_all(c, &img);
	cli_policy_free(&p);
	return code;
}
