/* SPDX-License-Identifier: Apache-2.0 */
/* The options that describe a subject (--user, --groups, --program, --unit, --time, --mfa, --purpose) as a question. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/policy.h"

struct ask { struct question q; char *groups_text; const char **groups; char *user; };

/* CLI_YES, or the exit code to end with after the message. Names that the policy or the host does not know are a usage error. */
int ask_subject(const struct cli *c, const struct cli_policy *p, struct ask *ret);
void ask_free(struct ask *ask);
/* "user alice, groups radiology, program viewer": who was asked about. */
void ask_words(const struct ask *ask, struct buf *b);
/* Index of a store by its name or by an absolute path below it; AST_NONE with *ret_unknown: no such name. */
uint32_t ask_store(const struct ast *a, const char *text, bool *ret_unknown);
/* The messages for names that the policy does not have, with the nearest one that it has. Return CLI_USAGE. */
int ask_unknown_action(const struct cli *c, const char *word);
int ask_unknown_store(const struct cli *c, const struct ast *a, const char *name);
struct json_t;
struct json_t *ask_actions_json(uint32_t actions);
struct json_t *ask_roles_json(const struct ast *a, uint64_t roles); /* names; hidden roles left out */
/* A table of grants for people, columns aligned, or as a JSON array. */
void ask_print_grants(const struct grant_rows *rows, bool with_store);
struct json_t *ask_grants_json(const struct grant_rows *rows);

#endif
