/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `polyward report` as a question: checked before the log is read, so that a slip is not a long wait for nothing. */
#ifndef CLI_REPORT_ASK_H
#define CLI_REPORT_ASK_H

#include "cli/client.h"
#include "cli/logopen.h"
#include "report/report.h"

enum report_format { FORMAT_TEXT, FORMAT_HTML, FORMAT_JSON, FORMAT_OSCAL };

struct report_words {
	struct report_ask ask;
	enum report_format format;
	bool usage;                  /* what went wrong is the command line's fault */
	struct buf words;            /* the command line, one word a line */
	struct buf query;            /* the same in one line, for a shell */
	struct buf log_command, log_command_whole;
	struct buf catalog, key;
	struct users *users;
	char sha256[65];
};

int  report_ask_parse(const struct cli *c, struct report_words *ret, struct err *e);
void report_ask_free(struct report_words *w);

/* Words of a command line in one printable line that a shell takes apart as they were. */
void shell_word(struct buf *b, const char *word);
void command_words(const struct cli *c, char between, bool quoted, struct buf *ret);

#endif
