/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every verb is given: parsed options and arguments, and the way out. Verbs print; nobody below them does. Output goes to
 * stdout, errors to stderr; exit codes are the enum below and nothing else.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct json_t;

enum cli_exit { CLI_YES = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_FAILED = 3 };

struct cli_value { const char *name; const char *value; }; /* value "" for a flag */

struct cli {
	const char *verb;            /* the word, as in verbs.def */
	struct cli_value *options; size_t options_count;
	char **args; size_t args_count;
	bool json, color;            /* color: stdout is a terminal, NO_COLOR unset, no --no-color */
};

const char *cli_opt(const struct cli *c, const char *name);  /* value, "" for a given flag, NULL if not given */
bool cli_flag(const struct cli *c, const char *name);

/* "polyward VERB: text" on stderr (JSON mode: {"error": text} on stdout as well); returns CLI_FAILED. */
int cli_fail(const struct cli *c, const struct err *e);
/* "polyward VERB: text" and where to find the usage; returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The end of a verb that has no memory for its answer: a sentence on stderr, CLI_FAILED. Half an answer would be taken for a whole one. */
struct buf;
_Noreturn void cli_no_memory(void);
/* What stands in a buffer, "" if nothing was written to it; does not return if something of it is missing. */
const char *cli_text(const struct buf *b);
/* Print a document and a newline, keys in the order they were set; steals the reference. */
void cli_print_json(struct json_t *doc);

/* Policy verbs share this: read FILE (includes relative to it), parse, resolve against --root or this host; messages are printed
 * on failure. Returns CLI_YES, or the exit code to end with. Free with cli_policy_free. */
struct ast;
struct diags;
struct names;
struct cli_policy { struct ast *ast; struct diags *diags; struct names *names; void *image; size_t image_len_bytes; };
int cli_policy_load(const struct cli *c, const char *file, bool compile, struct cli_policy *ret);
void cli_policy_free(struct cli_policy *p);

#define PW_VERB(name, word, args, min, max, help) int cmd_##name(struct cli *c);
#include "cli/verbs.def"
#undef PW_VERB

#endif
