/* SPDX-License-Identifier: Apache-2.0 */
/* A policy file to an image, as the compiler does it, for the programs that measure what comes after. */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "policy/policy.h"

static int read_text(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_free_ char *text = NULL;
	struct stat st;
	int r;

	(void)ctx;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = fd_read_all(fd, text, (size_t)st.st_size);
	if (r < 0)
		return r;
	*ret_len_bytes = (size_t)st.st_size;
	*ret_text = take_ptr(text);
	return 0;
}

int bench_compile(const char *path, struct buf *ret_image)
{
	const struct policy_reader reader = { .read = read_text };
	struct names names = { 0 };
	struct ast *ast = NULL;
	struct diags d = { 0 };
	struct err e = { 0 };
	int r = policy_parse(&reader, path, &d, &ast);

	if (r == 0)
		r = names_host(&names, &e);
	if (r == 0)
		r = policy_resolve(ast, &names, &d);
	if (r == 0)
		r = policy_compile(ast, &names, time(NULL), &d, ret_image);
	if (r < 0)
		fprintf(stderr, "%s: this policy does not compile; polyward check says why\n", path);
	names_free(&names);
	ast_free(ast);
	diags_free(&d);
	return r;
}
