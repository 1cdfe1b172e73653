/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the policy front end: a policy from a string, users and groups from tests/fixtures/root. */
#ifndef UNIT_FRONT_H
#define UNIT_FRONT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "policy/policy.h"

struct front { struct diags d; struct names n; struct ast *a; };

static inline int front_read(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	if (strcmp(path, "p.pw"))
		return -ENOENT;
	*ret_text = strdup(ctx);
	*ret_len_bytes = strlen(ctx);
	return *ret_text ? 0 : -ENOMEM;
}

/* Parse and resolve. The text is copied. */
static inline int front_open(struct front *f, char *text)
{
	struct policy_reader reader = { .ctx = text, .read = front_read };
	struct err e;
	int r = names_root("tests/fixtures/root", &f->n, &e);

	if (r == 0)
		r = policy_parse(&reader, "p.pw", &f->d, &f->a);
	if (r == 0)
		r = policy_resolve(f->a, &f->n, &f->d);
	return r;
}

static inline void front_close(struct front *f)
{
	ast_free(f->a);
	diags_free(&f->d);
	names_free(&f->n);
	memset(f, 0, sizeof(*f));
}

#define _front_ __attribute__((cleanup(front_close)))

#endif
