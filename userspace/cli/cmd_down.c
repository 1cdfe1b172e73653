/* SPDX-License-Identifier: Apache-2.0 */
/* polyward down: end enforcement. Asks for a word that nobody types by accident, and is recorded before it happens. */
#include <stdio.h>

#include "cli/client.h"
#include "cli/show.h"

int cmd_down(struct cli *c)
{
	struct msg_outcome o = { 0 };
	struct err e = { 0 };

	if (!cli_flag(c, "yes-stop-enforcing"))
		return cli_usage(c, "this ends enforcement for every store, also after a restart, until a policy is applied again; it is "
				 "recorded. If you mean it: polyward down --yes-stop-enforcing");
	if (client_order(IPC_DO_DOWN, &o, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		cli_print_json(show_outcome_json(&o));
	else
		printf("nothing is enforced any more; `polyward rollback` brings the last policy back, `polyward apply FILE` another one\n");
	show_warning(c, &o);
	return CLI_YES;
}
