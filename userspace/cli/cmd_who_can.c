/* SPDX-License-Identifier: Apache-2.0 */
/* polyward who-can: every role that a rule lets do ACTION on STORE, with its members and the conditions that are left. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli/ask.h"

static int answer(const struct cli *c, const struct ast *a, uint32_t action, uint32_t store)
{
	struct grant_rows rows = { 0 };
	struct err e;
	int code;

	if (policy_who_can(a, action, store, &rows) < 0) {
		(void)err_set(&e, -ENOMEM, "cannot list who can");
		return cli_fail(c, &e);
	}
	code = rows.count ? CLI_YES : CLI_NO;
	if (c->json)
		cli_print_json(json_pack("{s:s, s:s, s:o}", "action", c->args[1], "store", a->stores.v[store].name.text, "grants",
					 ask_grants_json(&rows)));
	else if (rows.count)
		ask_print_grants(&rows, false);
	else
		printf("nobody: no rule allows %s on %s, or a deny rule takes all of it back\n", c->args[1], a->stores.v[store].name.text);
	grant_rows_free(&rows);
	return code;
}

int cmd_who_can(struct cli *c)
{
	uint32_t action = policy_action_bit(c->args[1]), store;
	struct cli_policy p = { 0 };
	bool unknown;
	int code;

	if (action == AST_NONE)
		return ask_unknown_action(c, c->args[1]);
	code = cli_policy_load(c, c->args[0], false, &p);
	if (code != CLI_YES)
		return code;
	store = ask_store(p.ast, c->args[2], &unknown);
	if (unknown)
		code = ask_unknown_store(c, p.ast, c->args[2]);
	else if (store == AST_NONE)
		code = cli_usage(c, "'%s' lies in no store of this policy, so polyward does not decide who may", c->args[2]);
	else
		code = answer(c, p.ast, action, store);
	cli_policy_free(&p);
	return code;
}
