/* SPDX-License-Identifier: Apache-2.0 */
/* polyward rollback: the policy before this one again; at once, also when a confirmation is awaited. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/show.h"

int cmd_rollback(struct cli *c)
{
	struct msg_outcome o = { 0 };
	struct err e = { 0 };
	char name[SHOW_NAME_MAX], hash[65];

	if (client_order(IPC_DO_ROLLBACK, &o, &e) < 0)
		return cli_fail(c, &e);
	show_name(o.name, o.version, name);
	show_hash(o.policy_hash, hash);
	if (c->json)
		cli_print_json(show_outcome_json(&o));
	else if (o.gen)
		printf("%s is enforced again (generation %u, policy hash %.12s)\n", name, o.gen, hash);
	else
		printf("nothing is enforced, as before\n");
	show_warning(c, &o);
	return CLI_YES;
}
