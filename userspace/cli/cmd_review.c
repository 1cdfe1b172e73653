/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward review: have it recorded that the activity of a period was reviewed, by whom, and what was found. It binds the review to the
 * tree as it is now, which holds all that was reviewed; it does not look over anybody's shoulder.
 */
#include <string.h>
#include <time.h>

#include "cli/report_ask.h"
#include "cli/when.h"

#define NS_PER_S 1000000000ll

static int ask(const struct cli *c, int64_t now_s, struct msg_evidence *m, struct err *e)
{
	const char *since = cli_opt(c, "since"), *until = cli_opt(c, "until"), *note = cli_opt(c, "note");
	_buf_ struct buf words = BUF_INIT;

	if (!since || !note)
		return err_say(e, -1, "say which period was reviewed, and what was found: polyward review --since TIME --note TEXT");
	m->until_utc_ns = now_s * NS_PER_S;
	if (when_parse(since, now_s, &m->since_utc_ns, e) < 0 || (until && when_parse(until, now_s, &m->until_utc_ns, e) < 0))
		return -1;
	if (m->until_utc_ns > now_s * NS_PER_S)
		return err_say(e, -1, "--until %s has not come yet: what did not happen cannot be reviewed", until);
	if (m->since_utc_ns >= m->until_utc_ns)
		return err_say(e, -1, "the period is empty: --since is not before --until");
	if (strlen(note) >= sizeof(m->note))
		return err_say(e, -1, "the note is longer than %zu bytes; keep it elsewhere and say where", sizeof(m->note) - 1);
	command_words(c, '\n', false, &words);
	ipc_put(m->what, sizeof(m->what), "review");
	ipc_put(m->note, sizeof(m->note), note);
	ipc_put(m->query, sizeof(m->query), cli_text(&words));
	return 0;
}

int cmd_review(struct cli *c)
{
	struct msg_evidence m = { 0 };
	struct err e = { 0 };
	struct cli_log l;
	int code;

	if (ask(c, time(NULL), &m, &e) < 0)
		return cli_usage(c, "%s", e.text);
	code = cli_log_open(c, &l, &e);
	if (code < 0)
		return cli_fail(c, &e);
	if (l.has_checkpoint) {
		m.tree_size = l.checkpoint.size;
		memcpy(m.tree_root, l.checkpoint.root.v, sizeof(m.tree_root));
	}
	cli_log_close(&l);
	if (client_evidence(&m, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		cli_print_json(json_pack("{s:b, s:I}", "recorded", 1, "tree_size", (json_int_t)m.tree_size));
	else
		printf("the review is recorded; it is bound to the first %llu records of the log\n", (unsigned long long)m.tree_size);
	return CLI_YES;
}
