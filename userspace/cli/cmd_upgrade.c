/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward upgrade begin|done: open a window in which the installed programs may be replaced, and say that what is there now is
 * polyward. Both are recorded. A window that nobody closes ends after ten minutes.
 */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/show.h"

int cmd_upgrade(struct cli *c)
{
	const bool begin = !strcmp(c->args[0], "begin");
	struct msg_outcome o = { 0 };
	struct err e = { 0 };

	if (!begin && strcmp(c->args[0], "done"))
		return cli_usage(c, "say `polyward upgrade begin` before the programs are replaced and `polyward upgrade done` afterwards");
	if (client_order(begin ? IPC_DO_UPGRADE_BEGIN : IPC_DO_UPGRADE_DONE, &o, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		cli_print_json(show_outcome_json(&o));
	else if (begin)
		printf("polyward's programs may be replaced for ten minutes; run `polyward upgrade done` as soon as the new ones are there, then "
		       "restart the daemon\n");
	else
		printf("the programs that are there now are polyward's own; restart the daemon to run them (systemctl restart polyward)\n");
	show_warning(c, &o);
	return CLI_YES;
}
