/* SPDX-License-Identifier: Apache-2.0 */
/* polyward what-can: everything that the rules let one subject do, store by store, with the conditions that are left. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/ask.h"
#include "policy/explain.h"

static int show(const struct cli *c, const struct ast *a, const struct ask *ask, uint64_t roles, const struct grant_rows *rows)
{
	_buf_ struct buf who = BUF_INIT, on = BUF_INIT, clean = BUF_INIT;

	ask_words(ask, &who);
	explain_roles(a, roles, "none", &on);
	buf_add_escaped(&clean, cli_text(&who), who.len_bytes);
	if (c->json) {
		cli_print_json(json_pack("{s:s, s:o, s:o}", "subject", cli_text(&clean), "roles", ask_roles_json(a, roles),
					 "grants", ask_grants_json(rows)));
	} else {
		printf("%s; roles: %s\n", cli_text(&clean), cli_text(&on));
		if (rows->count)
			ask_print_grants(rows, true);
		else
			puts("may do nothing in any store");
	}
	return rows->count ? CLI_YES : CLI_NO;
}

static int answer(const struct cli *c, const struct cli_policy *p)
{
	struct grant_rows rows = { 0 };
	struct ask ask = { 0 };
	uint64_t roles = 0;
	struct image img;
	struct err e;
	int code = ask_subject(c, p, &ask);

	if (code != CLI_YES) {
		ask_free(&ask);
		return code;
	}
	if (image_check(p->image, p->image_len_bytes, &img, &e) < 0) {
		code = cli_fail(c, &e);
	} else if (policy_roles(p->ast, &img, p->names, &ask.q, &roles) < 0 || policy_what_can(p->ast, &img, p->names, &ask.q, &rows) < 0) {
		(void)err_set(&e, -ENOMEM, "cannot list what can be done");
		code = cli_fail(c, &e);
	} else {
		code = show(c, p->ast, &ask, roles, &rows);
	}
	grant_rows_free(&rows);
	ask_free(&ask);
	return code;
}

int cmd_what_can(struct cli *c)
{
	struct cli_policy p = { 0 };
	int code = cli_policy_load(c, c->args[0], true, &p);

	if (code == CLI_YES)
		code = answer(c, &p);
	cli_policy_free(&p);
	return code;
}
