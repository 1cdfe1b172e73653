/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the resolver: the index of names and the look-ups that report what they do not find. Only resolve*.c include this. */
#ifndef POLICY_RESOLVE_H
#define POLICY_RESOLVE_H

#include "policy/policy.h"
#include "policy/symbols.h"

struct resolver {
	struct ast *a;
	const struct names *n;
	struct diags *d;
	struct symbols symbols;    /* what the policy declares, and the users and groups found so far */
	bool nomem;
};

/* The index of a name that the policy declares; AST_NONE and a message if there is none. */
uint32_t resolve_name(struct resolver *r, enum symbol_kind kind, const struct ast_word *word);
/* The same for each word of a list: *ret is malloc'd, NULL for an empty list. */
void resolve_names(struct resolver *r, enum symbol_kind kind, const struct ast_words *words, uint32_t **ret);
/* A uid or gid; AST_NONE and a message if the name service knows no such user or group. */
uint32_t resolve_principal(struct resolver *r, bool is_group, const struct ast_word *word);
/* An action's bit (enum pw_action); 0 and a message if there is no such action. */
uint32_t resolve_action(struct resolver *r, const struct ast_word *word);
void *resolve_array(struct resolver *r, size_t count, size_t size); /* zeroed; NULL: no memory, or nothing to hold */

/* resolve_test.c */
void resolve_times(struct resolver *r);
void resolve_tests(struct resolver *r);

#endif
