/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log for a verb: from the daemon (which records that the caller reads), or with --dir and --keys straight from disk. Shared by log,
 * explain, replay, learn and report.
 */
#ifndef CLI_LOGOPEN_H
#define CLI_LOGOPEN_H

#include "audit/audit.h"
#include "audit/note.h"
#include "cli/cli.h"

struct cli_log {
	int dir_fd, keys_fd;               /* keys_fd -1: no keys; sealed fields stay sealed */
	bool from_daemon;
	struct log_reader *reader;
	bool has_checkpoint;
	struct note_checkpoint checkpoint; /* the newest; its signature is right under the key that the log itself names */
};
/* Borrows c's options. A log without a checkpoint is none that was written by this version: has_checkpoint false. */
int  cli_log_open(const struct cli *c, struct cli_log *ret, struct err *e);
void cli_log_close(struct cli_log *l);

#endif
