/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward diff A B: who gains and loses what, as sentences, each with somebody whose access flips; and what else changes. Exit 1 when
 * access widens, so that a change of policy can be stopped where changes are reviewed.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/progress.h"
#include "cli/when.h"
#include "policy/diff.h"
#include "policy/explain.h"

static json_t *string_json(const char *text)
{
	_buf_ struct buf b = BUF_INIT;

	if (!text)
		return json_null();
	buf_add_escaped(&b, text, strlen(text));
	return json_string(cli_text(&b));
}

static void print_clean(const struct buf *raw)
{
	_buf_ struct buf b = BUF_INIT;

	buf_add_escaped(&b, cli_text(raw), raw->len_bytes);
	printf("%s\n", cli_text(&b));
}

/* "group radiology gains write on notes, during clinic (rule rad-report, b.pw:12; before: no rule)" */
static void row_words(const struct diff_row *r, struct buf *b)
{
	buf_printf(b, "  %s %s ", r->who, r->gains ? "gains" : "loses");
	explain_actions(r->actions, b);
	buf_printf(b, " on %s%s%s (rule %s, %s; %s: %s)", r->store, *r->conditions ? ", " : "", r->conditions, r->rule, r->at,
		   r->gains ? "before" : "now", r->other);
}

static void print_row(const struct cli *c, const struct diff_row *r)
{
	_buf_ struct buf words = BUF_INIT, witness = BUF_INIT;

	row_words(r, &words);
	print_clean(&words);
	buf_add_str(&witness, "      for example ");
	diff_subject_words(&r->witness, &witness);
	buf_add_str(&witness, ": ");
	explain_actions(r->witness_action, &witness);
	buf_printf(&witness, " is refused by %s and allowed by %s", c->args[r->gains ? 0 : 1], c->args[r->gains ? 1 : 0]);
	print_clean(&witness);
}

static void print_rows(const struct cli *c, const struct diff *d, bool gains)
{
	bool any = false;

	for (size_t i = 0; i < d->rows_count; i++) {
		if (d->rows[i].gains != gains)
			continue;
		if (!any)
			puts(gains ? "Access that is gained:" : "Access that is lost:");
		any = true;
		print_row(c, &d->rows[i]);
	}
}

static void print_text(const struct cli *c, const struct diff *d)
{
	print_rows(c, d, true);
	print_rows(c, d, false);
	if (d->changes_count)
		puts("What else changes:");
	for (size_t i = 0; i < d->changes_count; i++) {
		_buf_ struct buf b = BUF_INIT;

		buf_printf(&b, "  %s%s", d->changes[i].text, d->changes[i].loosens ? "  [loosens]" : "");
		print_clean(&b);
	}
	if (d->unsettled)
		printf("%zu questions have too many cases to be settled; they count as gains\n", d->unsettled);
	puts(d->widened ? "access widens" : d->rows_count || d->changes_count ? "nobody gains access" : "nobody's access changes");
}

static json_t *witness_json(const struct diff_row *r)
{
	const struct diff_subject *s = &r->witness;
	_buf_ struct buf words = BUF_INIT;
	json_t *groups = json_array(), *o;

	for (size_t i = 0; i < s->groups_count; i++)
		json_array_append_new(groups, string_json(s->groups[i]));
	diff_subject_words(s, &words);
	o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "user", string_json(s->user), "groups", groups, "program",
		      string_json(s->program ? s->program->exe.text : NULL), "unit", string_json(s->unit), "purpose", string_json(s->purpose),
		      "mfa_age_s", s->mfa_age_s == PW_MFA_NEVER ? json_null() : json_integer((json_int_t)s->mfa_age_s), "at_utc_s",
		      (json_int_t)s->at_utc_s, "action", ask_actions_json(r->witness_action));
	json_object_set_new(o, "text", string_json(cli_text(&words)));
	return o;
}

static void print_document(const struct diff *d)
{
	json_t *gains = json_array(), *losses = json_array(), *changes = json_array();

	for (size_t i = 0; i < d->rows_count; i++) {
		const struct diff_row *r = &d->rows[i];

		json_array_append_new(r->gains ? gains : losses,
				      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "who", string_json(r->who), "role",
						string_json(r->role), "actions", ask_actions_json(r->actions), "store", string_json(r->store), "path",
						string_json(r->path), "conditions", string_json(r->conditions), "rule", string_json(r->rule), "at",
						string_json(r->at), "other", string_json(r->other), "witness", witness_json(r)));
	}
	for (size_t i = 0; i < d->changes_count; i++)
		json_array_append_new(changes, json_pack("{s:o, s:b}", "text", string_json(d->changes[i].text), "loosens", d->changes[i].loosens));
	cli_print_json(json_pack("{s:b, s:o, s:o, s:o, s:I}", "widened", d->widened, "gains", gains, "losses", losses, "changes", changes,
				 "unsettled", (json_int_t)d->unsettled));
}

static int compare(const struct cli *c, const struct cli_policy *p, int64_t now_s)
{
	struct image img[2];
	struct diff_side side[2];
	struct progress bar;
	struct diff d;
	struct err e;
	int code;

	for (int s = 0; s < 2; s++) {
		if (image_check(p[s].image, p[s].image_len_bytes, &img[s], &e) < 0)
			return cli_fail(c, &e);
		side[s] = (struct diff_side){ p[s].ast, &img[s], &p[s].diags->sources };
	}
	progress_begin(&bar, "comparing");
	code = policy_diff(&side[0], &side[1], now_s, progress_show, &bar, &d, &e);
	progress_end(&bar);
	if (code < 0)
		return cli_fail(c, &e);
	if (c->json)
		print_document(&d);
	else
		print_text(c, &d);
	code = d.widened ? CLI_NO : CLI_YES;
	diff_free(&d);
	return code;
}

/* Both as of one moment: a rule that has ended by then is in neither. */
static int load(const struct cli *c, const char *file, int64_t now_s, struct cli_policy *ret)
{
	_buf_ struct buf image = BUF_INIT;
	struct err e;
	int code = cli_policy_load(c, file, false, ret);

	if (code != CLI_YES)
		return code;
	if (policy_compile(ret->ast, ret->names, now_s, ret->diags, &image) < 0) {
		(void)err_say(&e, -EINVAL, "%s cannot be compiled; polyward check %s says why", file, file);
		return cli_fail(c, &e);
	}
	ret->image_len_bytes = image.len_bytes;
	ret->image = buf_take(&image);
	if (!ret->image)
		cli_no_memory();
	return CLI_YES;
}

int cmd_diff(struct cli *c)
{
	const char *at = cli_opt(c, "time");
	int64_t now_s = (int64_t)time(NULL), at_ns = now_s * 1000000000;
	struct cli_policy p[2] = { 0 };
	struct err e;
	int code;

	if (at && when_parse(at, now_s, &at_ns, &e) < 0)
		return cli_usage(c, "--time: %s", e.text);
	now_s = at_ns / 1000000000;
	code = load(c, c->args[0], now_s, &p[0]);
	if (code == CLI_YES)
		code = load(c, c->args[1], now_s, &p[1]);
	if (code == CLI_YES)
		code = compare(c, p, now_s);
	cli_policy_free(&p[0]);
	cli_policy_free(&p[1]);
	return code;
}
