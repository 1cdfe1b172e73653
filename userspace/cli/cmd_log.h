/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind `polyward log WORD`: one function a word, each the whole verb for its word. */
#ifndef CLI_CMD_LOG_H
#define CLI_CMD_LOG_H

#include "audit/note.h"
#include "base/buf.h"
#include "cli/cli.h"

int cmd_log_show(struct cli *c);        /* no word: records as lines */
int cmd_log_verify(struct cli *c);
int cmd_log_prove(struct cli *c);       /* args: prove, N */
/*
 * The proof of one record as a text, for reports too, and where the record is abridged that of the full one that it names (like; otherwise
 * like is UINT64_MAX and like_text empty). A file of the second is called as that of the first, and CLI_LIKE_SUFFIX.
 */
#define CLI_LIKE_SUFFIX ".like"
struct proof_texts { struct buf text, like_text; uint64_t like, size; char origin[NOTE_NAME_MAX + 1]; };
struct cli_log;
int cli_log_prove(const struct cli_log *l, uint64_t seq, struct proof_texts *ret, struct err *e);
void cli_proof_texts_free(struct proof_texts *t);
int cmd_log_check_proof(struct cli *c); /* args: check-proof, FILE */
int cmd_log_index(struct cli *c);
int cmd_log_export(struct cli *c);

#endif
