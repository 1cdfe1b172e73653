/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy front end as a filter for golden tests: front diag|fmt|json ROOT FILE. Reads a policy and its includes, takes users
 * and groups from ROOT/etc, prints the messages, the canonical text or the JSON twin. Status 1: the policy has errors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "policy/policy.h"

static int read_policy(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, 1u << 20, &b);

	(void)ctx;
	if (r < 0)
		return r;
	*ret_len_bytes = b.len_bytes;
	*ret_text = buf_take(&b);
	return *ret_text ? 0 : -ENOMEM;
}

static int answer(const char *what, const struct ast *a, const struct diags *d, struct buf *out)
{
	if (strcmp(what, "fmt") == 0)
		return policy_format(&d->sources, a, out);
	if (strcmp(what, "json") == 0) {
		int r = policy_json(a, out);

		buf_add_char(out, '\n');
		return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct policy_reader reader = { .read = read_policy };
	_buf_ struct buf out = BUF_INIT;
	struct diags d = { 0 };
	struct names n = { 0 };
	struct ast *a = NULL;
	struct err e;
	int r;

	if (argc != 4 || names_root(argv[2], &n, &e) < 0) {
		fprintf(stderr, "usage: front diag|fmt|json ROOT FILE: %s\n", argc == 4 ? e.text : "three arguments");
		return 2;
	}
	r = policy_parse(&reader, argv[3], &d, &a);
	if (r == 0 && strcmp(argv[1], "fmt"))
		r = policy_resolve(a, &n, &d);
	diags_render(&d, false, &out);
	if (r == 0)
		r = answer(argv[1], a, &d, &out);
	if (out.data)
		fwrite(out.data, 1, out.len_bytes, stdout);
	ast_free(a);
	diags_free(&d);
	names_free(&n);
	return r == 0 ? 0 : r == -EINVAL ? 1 : 3;
}
