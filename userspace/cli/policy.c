/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a policy for a verb: files, users, messages. What a verb then asks of the policy is its own business. */
#include "cli/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define POLICY_FILE_MAX_BYTES (1u << 20)

static int read_file(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	struct cli_reader *reader = ctx;
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, POLICY_FILE_MAX_BYTES, &b);

	if (!reader->asked)
		reader->first_status = r;
	reader->asked = true;
	if (r < 0)
		return r;
	*ret_len_bytes = b.len_bytes;
	*ret_text = buf_take(&b);
	return *ret_text ? 0 : -ENOMEM;
}

struct policy_reader cli_policy_reader(struct cli_reader *ctx)
{
	return (struct policy_reader){ .ctx = ctx, .read = read_file };
}

void cli_policy_tell(const struct cli *c, const char *file, const struct diags *d)
{
	_buf_ struct buf text = BUF_INIT, name = BUF_INIT;

	if (!c->json) {
		diags_render(d, c->color, &text);
		fflush(stdout);
		fputs(cli_text(&text), stderr);
		return;
	}
	buf_add_escaped(&name, file, strlen(file));
	cli_print_json(json_pack("{s:b, s:s, s:I, s:I, s:o}", "ok", d->errors_count == 0, "file", cli_text(&name),
				 "errors", (json_int_t)d->errors_count, "warnings", (json_int_t)d->warnings_count, "findings",
				 diags_json(d)));
}

/* For verbs whose "no" means something else, a broken policy is a failure. */
static int broken(const struct cli *c)
{
	return strcmp(c->verb, "check") == 0 || strcmp(c->verb, "fmt") == 0 || strcmp(c->verb, "test") == 0 ? CLI_NO : CLI_FAILED;
}

static int no_memory(const struct cli *c)
{
	struct err e;

	(void)err_set(&e, -ENOMEM, "cannot read the policy");
	return cli_fail(c, &e);
}

static int end_with(const struct cli *c, const char *file, const struct diags *d, int status)
{
	if (status == 0 && !d->nomem)
		return CLI_YES;
	if (status != -EINVAL || d->nomem)
		return no_memory(c);
	cli_policy_tell(c, file, d);
	return broken(c);
}

int cli_policy_parse(const struct cli *c, const char *file, struct diags *d, struct ast **ret)
{
	struct cli_reader ctx = { 0 };
	const struct policy_reader reader = cli_policy_reader(&ctx);
	int r = policy_parse(&reader, file, d, ret);
	struct err e;

	if (ctx.first_status == -EFBIG)
		(void)err_say(&e, -EFBIG, "cannot read policy %s: it is larger than 1 MiB; split it with include", file);
	else if (ctx.first_status < 0)
		(void)err_set(&e, ctx.first_status, "cannot read policy %s", file);
	if (ctx.first_status < 0)
		return cli_fail(c, &e);
	return end_with(c, file, d, r);
}

static int open_names(const struct cli *c, struct names *ret)
{
	const char *root = cli_opt(c, "root");
	struct err e;
	int r = root ? names_root(root, ret, &e) : names_host(ret, &e);

	return r < 0 ? cli_fail(c, &e) : CLI_YES;
}

static int compile(const struct cli *c, const char *file, struct cli_policy *p)
{
	_buf_ struct buf image = BUF_INIT;
	struct image checked;
	struct err e = { 0 };
	int r = policy_compile(p->ast, p->names, (int64_t)time(NULL), p->diags, &image);

	if (r == 0 && (image.failed || !image.data))
		r = -ENOMEM;
	if (r == 0 && image_check(image.data, image.len_bytes, &checked, &e) < 0) {
		(void)err_wrap(&e, "the compiled policy does not stand its own check, which is a fault of polyward");
		return cli_fail(c, &e);
	}
	if (r < 0)
		return end_with(c, file, p->diags, r);
	p->image_len_bytes = image.len_bytes;
	p->image = buf_take(&image);
	return CLI_YES;
}

int cli_policy_load(const struct cli *c, const char *file, bool with_image, struct cli_policy *ret)
{
	struct cli_policy p = { 0 };
	int code;

	p.diags = calloc(1, sizeof(*p.diags));
	p.names = calloc(1, sizeof(*p.names));
	if (!p.diags || !p.names) {
		cli_policy_free(&p);
		return no_memory(c);
	}
	code = open_names(c, p.names);
	if (code == CLI_YES)
		code = cli_policy_parse(c, file, p.diags, &p.ast);
	if (code == CLI_YES)
		code = end_with(c, file, p.diags, policy_resolve(p.ast, p.names, p.diags));
	if (code == CLI_YES && with_image)
		code = compile(c, file, &p);
	if (code == CLI_YES)
		*ret = p;
	else
		cli_policy_free(&p);
	return code;
}

void cli_policy_free(struct cli_policy *p)
{
	ast_free(p->ast);
	if (p->diags)
		diags_free(p->diags);
	if (p->names)
		names_free(p->names);
	free(p->diags);
	free(p->names);
	free(p->image);
	*p = (struct cli_policy){ 0 };
}
