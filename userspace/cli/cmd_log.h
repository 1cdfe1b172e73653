/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind `polyward log WORD`: one function a word, each the whole verb for its word. */
#ifndef CLI_CMD_LOG_H
#define CLI_CMD_LOG_H

#include "cli/cli.h"

int cmd_log_show(struct cli *c);        /* no word: records as lines */
int cmd_log_verify(struct cli *c);
int cmd_log_prove(struct cli *c);       /* args: prove, N */
/* The proof of one record as a text: for reports. */
struct cli_log;
struct buf;
int cli_log_prove(const struct cli_log *l, uint64_t seq, struct buf *ret, struct err *e);
int cmd_log_check_proof(struct cli *c); /* args: check-proof, FILE */
int cmd_log_index(struct cli *c);
int cmd_log_export(struct cli *c);

#endif
