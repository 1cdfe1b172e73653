/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward erase: destroy the key of the personal fields (path, program name) of one class of stores and one month. Who, when, store, role
 * and verdict stay, and so does every proof. It asks for a flag that nobody gives by accident, because nothing brings the fields back.
 */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "base/cleanup.h"

#include <jansson.h>

static bool is_period(const char *text)
{
	uint64_t year, month;

	return strlen(text) == 7 && text[4] == '-' && num_parse(text, 4, 2261, &year) == 0 && year >= 1970 &&
	       num_parse(text + 5, 2, 12, &month) == 0 && month >= 1;
}

static int fill(const struct cli *c, struct msg_erase *m, struct err *e)
{
	const char *reason = cli_opt(c, "reason");

	if (!reason)
		return err_say(e, -1, "say why: --reason TEXT is recorded with the erasure");
	if (!is_period(c->args[1]))
		return err_say(e, -1, "'%s' is no month: write it as in 2026-11 (UTC)", c->args[1]);
	if (strlen(c->args[0]) >= sizeof(m->class_) || strlen(reason) >= sizeof(m->reason))
		return err_say(e, -1, "the class or the reason is too long (%zu and %zu bytes at most)", sizeof(m->class_) - 1, sizeof(m->reason) - 1);
	if (!cli_flag(c, "yes-destroy-key"))
		return err_say(e, -1, "paths and program names in the records of class %s of %s would be gone for good; say that you mean it: "
				"--yes-destroy-key",
			       c->args[0], c->args[1]);
	ipc_put(m->class_, sizeof(m->class_), c->args[0]);
	ipc_put(m->period, sizeof(m->period), c->args[1]);
	ipc_put(m->reason, sizeof(m->reason), reason);
	return 0;
}

static int order(const struct msg_erase *m, struct err *e)
{
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r == 0)
		r = client_ask(sock, IPC_DO_ERASE, m, -1, e);
	while (r >= 0) {
		_msg_ struct ipc_msg answer = IPC_MSG_INIT;

		r = client_answer(sock, &answer, e);
		if (r > 0 && answer.type == IPC_SAY_OUTCOME) {
			struct msg_outcome *o = &answer.body.as_SAY_OUTCOME;

			return o->code ? err_say(e, o->code, "%s", ipc_text(o->text, sizeof(o->text))) : 0;
		}
	}
	return r;
}

int cmd_erase(struct cli *c)
{
	struct msg_erase m = { 0 };
	struct err e = { 0 };

	if (fill(c, &m, &e) < 0)
		return cli_usage(c, "%s", e.text);
	if (order(&m, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		cli_print_json(json_pack("{s:b, s:s, s:s}", "erased", 1, "class", m.class_, "period", m.period));
	else
		printf("the key is destroyed: personal fields of class %s of %s cannot be read any more; polyward log verify still holds\n", m.class_,
				m.period);
	return CLI_YES;
}
