/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules as boxes (stores × actions × roles, under conditions), and what one box says about another. Every answer "yes" is certain;
 * "no" may mean that it cannot be told.
 */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "policy/policy.h"

/* check_box.c */
uint32_t box_actions(const struct ast_rule *rule);           /* what an allow brings along included */
bool box_has_store(const struct ast_rule *rule, uint32_t store);
/* Does a subject with this role always have one of the rule's roles? role AST_NONE: a subject without any. */
bool box_covers_role(const struct ast *a, const struct ast_rule *by, uint32_t role);
/* Whenever the conditions of `rule` hold, do those of `by`? */
bool box_conds_follow(const struct ast *a, const struct ast_rule *rule, const struct ast_rule *by);
/* Can the conditions of a rule never hold together? The reason as words, or NULL. */
const char *box_never(const struct ast *a, const struct ast_rule *rule);
/* Roles that some subject can have: those that can be on by themselves, and all that they inherit from. */
uint64_t box_live_roles(const struct ast *a);

/* check_rules.c, check_names.c, check_who.c, check_means.c: the findings of policy_check() */
void check_rules(const struct ast *a, struct diags *d);
void check_names(const struct ast *a, struct diags *d);
int check_separations(const struct ast *a, const struct names *n, struct diags *d);
int check_admin(const struct ast *a, const struct names *n, struct diags *d);
void check_means(const struct ast *a, struct diags *d);
void check_programs(const struct ast *a, struct diags *d);
void check_tests(const struct ast *a, struct diags *d);

#endif
