/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward fmt: policies in their canonical form, on stdout or in place. A file that does not parse is left as it is; a file that
 * is rewritten is replaced whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/policy.h"

/* Through links to the file itself, so that a link stays a link. */
static int rewrite(const char *file, const struct buf *text, struct err *e)
{
	_free_ char *real = realpath(file, NULL), *copy = NULL;
	_fd_ int dir = -1;
	struct stat st;
	char *slash;
	int r;

	if (!real || stat(real, &st) < 0)
		return err_set(e, -errno, "cannot rewrite %s", file);
	copy = strdup(real);
	if (!copy)
		return err_set(e, -ENOMEM, "cannot rewrite %s", file);
	slash = strrchr(copy, '/'); /* a real path has one */
	*slash = '\0';
	dir = open(*copy ? copy : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, -errno, "cannot rewrite %s: open its folder", file);
	r = fd_replace_file(dir, slash + 1, text->data, text->len_bytes, st.st_mode & 07777);
	return r < 0 ? err_set(e, r, "cannot rewrite %s; it holds the old text or the new one, whole", file) : 0;
}

static bool canonical(const struct diags *d, const struct buf *text)
{
	const struct source *s = &d->sources.v[0];

	return s->len_bytes == text->len_bytes && memcmp(s->text, text->data, text->len_bytes) == 0;
}

static json_t *describe(const char *file, bool same, const struct buf *text)
{
	_buf_ struct buf name = BUF_INIT;

	buf_add_escaped(&name, file, strlen(file));
	return json_pack("{s:s, s:b, s:s}", "file", cli_text(&name), "canonical", same, "text", text->data);
}

static int one(const struct cli *c, const char *file, json_t *list)
{
	struct diags d = { 0 };
	struct ast *a = NULL;
	_buf_ struct buf text = BUF_INIT;
	struct err e;
	int code = cli_policy_parse(c, file, &d, &a), r;

	if (code == CLI_YES) {
		bool same;

		r = policy_format(&d.sources, a, &text);
		same = r == 0 && canonical(&d, &text);
		if (r < 0)
			(void)err_set(&e, r, "cannot format %s", file);
		else if (cli_flag(c, "write") && !same)
			r = rewrite(file, &text, &e);
		if (r < 0)
			code = cli_fail(c, &e);
		else if (cli_flag(c, "check") && !same)
			code = CLI_NO;
		if (r == 0 && c->json)
			json_array_append_new(list, describe(file, same, &text));
		else if (r == 0 && !cli_flag(c, "check") && !cli_flag(c, "write"))
			fputs(text.data, stdout);
	}
	ast_free(a);
	diags_free(&d);
	return code;
}

int cmd_fmt(struct cli *c)
{
	json_t *list = json_array();
	int code = CLI_YES;

	if (cli_flag(c, "check") && cli_flag(c, "write")) {
		json_decref(list);
		return cli_usage(c, "--check changes nothing and --write does; give one of them");
	}
	for (size_t i = 0; i < c->args_count; i++) {
		int status = one(c, c->args[i], list);

		code = status > code ? status : code;
	}
	/* A broken file has already printed its own document. */
	if (c->json && code != CLI_FAILED && json_array_size(list) == c->args_count)
		cli_print_json(json_pack("{s:b, s:O}", "ok", code == CLI_YES, "files", list));
	json_decref(list);
	return code;
}
