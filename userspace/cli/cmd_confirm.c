/* SPDX-License-Identifier: Apache-2.0 */
/* polyward confirm: keep what was applied with --confirm. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/show.h"

int cmd_confirm(struct cli *c)
{
	struct msg_outcome o = { 0 };
	struct err e = { 0 };
	char name[SHOW_NAME_MAX];

	if (client_order(IPC_DO_CONFIRM, &o, &e) < 0)
		return cli_fail(c, &e);
	show_name(o.name, o.version, name);
	if (c->json)
		cli_print_json(show_outcome_json(&o));
	else
		printf("%s stays (generation %u)\n", name, o.gen);
	show_warning(c, &o);
	return CLI_YES;
}
