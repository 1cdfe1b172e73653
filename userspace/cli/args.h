/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line against the tables verbs.def and options.def. Nothing here prints or knows what a verb does; words are matched
 * exactly, so that a script that works today does not mean something else when a verb is added.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/err.h"
#include "cli/cli.h"

struct cli_verb { const char *word, *args, *help; size_t args_min, args_max; };
struct cli_option { const char *verb, *name, *arg, *help; }; /* verb "": exists everywhere; arg "": a flag */

const struct cli_verb *cli_verbs(size_t *ret_count);     /* in the order of verbs.def */
const struct cli_option *cli_options(size_t *ret_count); /* in the order of options.def */
const struct cli_verb *cli_verb_find(const char *word);  /* NULL: no such verb */
/* Does this option belong to the verb? Those that exist everywhere belong to each. */
bool cli_option_of(const struct cli_option *o, const char *verb);

/*
 * argv[1..argc) into *ret, whose strings are borrowed from argv and from the tables; args_free() it. Options stand anywhere behind the
 * verb, those that exist everywhere before it too; "--" ends them. color is left to the caller. 0, or -EINVAL with a sentence that
 * says what to write instead; ret->verb is set as soon as the verb is known. "polyward --help" and no words at all give verb NULL.
 * The number of arguments is not looked at when --help is given.
 */
int args_parse(int argc, char **argv, struct cli *ret, struct err *e);
void args_free(struct cli *c);

#endif
