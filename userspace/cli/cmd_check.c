/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward check: is this policy one that could be applied? Parses, resolves, looks for rules that do not do what they seem to,
 * compiles, and runs the policy's tests on the compiled tables. Changes nothing and needs no privilege.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/policy.h"

struct outcome {
	struct cli_policy p;
	_Alignas(8) uint8_t hash[32];
	struct buf image_bytes;
	struct image image;
	bool compiled;
	size_t tests;
	bool tests_failed;
};

static size_t expects(const struct ast *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->tests.count; i++)
		for (size_t k = 0; k < a->tests.v[i].cases_count; k++)
			n += a->tests.v[i].cases[k].expects_count;
	return n;
}

/* 0, -EINVAL: the messages say what is wrong with the policy; anything else is a failure, in e. */
static int examine(struct outcome *o, struct err *e)
{
	struct ast *a = o->p.ast;
	struct diags *d = o->p.diags;
	int r = policy_hash(a, o->hash);

	if (r < 0)
		return err_set(e, r, "cannot hash the policy");
	o->tests = expects(a);
	r = policy_check(a, o->p.names, d);
	if (r == 0 && !d->errors_count)
		r = policy_compile(a, o->p.names, (int64_t)time(NULL), d, &o->image_bytes);
	if (r < 0 || d->errors_count)
		return r < 0 && r != -EINVAL ? err_set(e, r, "cannot check the policy") : -EINVAL;
	if (image_check(o->image_bytes.data, o->image_bytes.len_bytes, &o->image, e) < 0) {
		(void)err_wrap(e, "the compiled policy does not stand its own check, which is a fault of polyward");
		return -EIO;
	}
	o->compiled = true;
	r = table_tests(&o->image, e);
	if (r == -EINVAL) {
		o->tests_failed = true;
		(void)diag(d, DIAG_ERROR, "test-failed", (struct span){ .file = SPAN_NONE }, "%s; `polyward test` shows every one", e->text);
	}
	return r;
}

static void add_count(struct buf *b, const char *comma, size_t n, const char *one, const char *many)
{
	buf_printf(b, "%s%zu %s", comma, n, n == 1 ? one : many);
}

static void summary(const struct outcome *o, struct buf *b)
{
	const struct ast *a = o->p.ast;
	const struct diags *d = o->p.diags;
	size_t notes = d->count;

	for (size_t i = 0; i < d->count; i++)
		notes -= d->v[i].level != DIAG_NOTE;
	buf_printf(b, "%s: ", a->policy.name.text);
	add_count(b, "", a->stores.count, "store", "stores");
	add_count(b, ", ", a->roles.count, "role", "roles");
	add_count(b, ", ", a->rules.count, "rule", "rules");
	if (!o->compiled)
		buf_add_str(b, ", tests not run");
	else if (o->tests_failed)
		buf_add_str(b, ", a test failed");
	else
		add_count(b, ", ", o->tests, "test passed", "tests passed");
	if (!d->errors_count && !d->warnings_count) {
		buf_add_str(b, "; no finding");
	} else {
		add_count(b, "; ", d->errors_count, "error", "errors");
		add_count(b, ", ", d->warnings_count, "warning", "warnings");
	}
	if (notes)
		add_count(b, ", ", notes, "note", "notes");
	buf_add_char(b, '\n');
}

static void hex(const uint8_t hash[static 32], struct buf *b)
{
	for (size_t i = 0; i < 32; i++)
		buf_printf(b, "%02x", hash[i]);
}

static json_t *image_json(const struct outcome *o)
{
	const struct image *img = &o->image;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "bytes", (json_int_t)o->image_bytes.len_bytes,
			 "labels", (json_int_t)img->gen->labels, "rows", (json_int_t)img->gen->rows,
			 "cells", (json_int_t)img->count[PW_SEC_CELLS], "entries", (json_int_t)img->count[PW_SEC_ENTRIES],
			 "conditions", (json_int_t)img->count[PW_SEC_CONDS], "roles", (json_int_t)img->count[PW_SEC_ROLES],
			 "windows", (json_int_t)img->count[PW_SEC_WINDOWS], "tests", (json_int_t)img->count[PW_SEC_TESTS]);
}

static void print_document(const struct outcome *o, const char *file)
{
	const struct ast *a = o->p.ast;
	const struct diags *d = o->p.diags;
	_buf_ struct buf hash = BUF_INIT, name = BUF_INIT;
	json_t *doc;

	hex(o->hash, &hash);
	buf_add_escaped(&name, file, strlen(file));
	doc = json_pack("{s:b, s:s, s:I, s:I, s:o}", "ok", d->errors_count == 0, "file", cli_text(&name),
			"errors", (json_int_t)d->errors_count, "warnings", (json_int_t)d->warnings_count, "findings", diags_json(d));
	json_object_set_new(doc, "policy", json_pack("{s:s, s:s?, s:s?, s:s}", "name", a->policy.name.text, "version",
						     a->policy.version.text, "owner", a->policy.owner.text, "hash",
						     cli_text(&hash)));
	json_object_set_new(doc, "counts", json_pack("{s:I, s:I, s:I, s:I}", "stores", (json_int_t)a->stores.count, "roles",
						     (json_int_t)a->roles.count, "rules", (json_int_t)a->rules.count, "tests",
						     (json_int_t)o->tests));
	json_object_set_new(doc, "tests_passed", o->compiled ? json_boolean(!o->tests_failed) : json_null());
	if (o->compiled)
		json_object_set_new(doc, "image", image_json(o));
	cli_print_json(doc);
}

/* --print: one thing on stdout and nothing else. */
static int print_asked(const char *what, const struct outcome *o)
{
	_buf_ struct buf b = BUF_INIT;

	if (strcmp(what, "image") == 0) {
		if (o->compiled)
			cli_print_json(image_json(o));
		return CLI_YES;
	}
	if (strcmp(what, "hash") == 0)
		hex(o->hash, &b);
	else
		b.failed |= policy_json(o->p.ast, &b) < 0;
	buf_add_char(&b, '\n');
	fputs(cli_text(&b), stdout);
	return CLI_YES;
}

static int print_all(const struct cli *c, const char *what, const struct outcome *o)
{
	_buf_ struct buf b = BUF_INIT;

	if (!what && c->json) {
		print_document(o, c->args[0]);
		return CLI_YES;
	}
	diags_render(o->p.diags, c->color, &b);
	fputs(cli_text(&b), stderr);
	if (what)
		return print_asked(what, o);
	buf_free(&b);
	summary(o, &b);
	buf_add_str(&b, "policy hash ");
	hex(o->hash, &b);
	fflush(stderr);
	puts(cli_text(&b));
	return CLI_YES;
}

int cmd_check(struct cli *c)
{
	const char *what = cli_opt(c, "print");
	struct outcome o = { 0 };
	struct err e = { 0 };
	int r, code;

	if (what && strcmp(what, "json") && strcmp(what, "hash") && strcmp(what, "image"))
		return cli_usage(c, "--print takes json, hash or image, not '%s'", what);
	code = cli_policy_load(c, c->args[0], false, &o.p);
	if (code != CLI_YES)
		return code;
	r = examine(&o, &e);
	if (r < 0 && r != -EINVAL) {
		code = cli_fail(c, &e);
	} else {
		code = print_all(c, what, &o);
		if (code == CLI_YES && r < 0)
			code = CLI_NO;
	}
	buf_free(&o.image_bytes);
	cli_policy_free(&o.p);
	return code;
}
