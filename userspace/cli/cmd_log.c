/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log: which of its words was said. Without one it shows records. Arguments are counted here, because each word takes another
 * number of them; what an option means to a word is that word's business.
 */
#include <string.h>

#include "cli/cmd_log.h"

static const struct { const char *word; size_t args; const char *what; int (*run)(struct cli *c); } words[] = {
	{ "verify",      0, "",     cmd_log_verify },
	{ "prove",       1, "N",    cmd_log_prove },
	{ "check-proof", 1, "FILE", cmd_log_check_proof },
	{ "index",       0, "",     cmd_log_index },
	{ "export",      0, "",     cmd_log_export },
};

int cmd_log(struct cli *c)
{
	if (!c->args_count)
		return cmd_log_show(c);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(c->args[0], words[i].word) != 0)
			continue;
		if (c->args_count - 1 < words[i].args)
			return cli_usage(c, "what to look at is missing: polyward log %s %s", words[i].word, words[i].what);
		if (c->args_count - 1 > words[i].args)
			return cli_usage(c, "there is an argument too many: '%s'", c->args[words[i].args + 1]);
		return words[i].run(c);
	}
	return cli_usage(c, "'%s': log knows verify, prove N, check-proof FILE, index and export", c->args[0]);
}
