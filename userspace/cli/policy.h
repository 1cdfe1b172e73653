/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that read policy text share beyond cli.h. */
#ifndef CLI_POLICY_H
#define CLI_POLICY_H

#include "cli/cli.h"
#include "policy/policy.h"

/* The file system as a policy_reader; *ctx keeps the reason why the first file could not be read (-errno, 0: it could). */
struct cli_reader { int first_status; bool asked; };
struct policy_reader cli_policy_reader(struct cli_reader *ctx);

/* Show all messages: to stderr, or in JSON mode as {"ok": false, "file", "errors", "warnings", "findings"} on stdout. */
void cli_policy_tell(const struct cli *c, const char *file, const struct diags *d);
/* Parse FILE with its includes. CLI_YES, or the exit code to end with, after the messages were shown. */
int cli_policy_parse(const struct cli *c, const char *file, struct diags *d, struct ast **ret);

#endif
