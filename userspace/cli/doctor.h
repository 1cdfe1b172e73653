/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kernel enforces, judged from its report and the tables alone: pure, so that a test can hold it to kernels that are not here.
 * Nothing counts as enforced by default: an action that no attachable hook decides on is not enforced.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "kernel/kernel.h"
#include "policy/ast.h"

enum doctor_use { DOCTOR_REQUIRED, DOCTOR_STAT, DOCTOR_OPTIONAL };
struct doctor_hook { const char *program, *hook, *why; uint32_t needs; enum doctor_use use; };

/*
 * The report's list of hooks put in order, so that hooks[h] is about enum pw_hook h; hooks that it does not speak of are missing. The
 * functions below take a report in this order.
 */
void doctor_order(struct kernel_report *k);

/* Row of hooks.def for an enum pw_hook, or NULL. */
const struct doctor_hook *doctor_hook(unsigned hook);
/* Is this row one to speak of? Of two rows for one hook whose arguments changed, only one can ever be attached. */
bool doctor_hook_counts(const struct kernel_report *k, unsigned hook);
/* A hook that apply refuses to do without and that this kernel lacks. */
bool doctor_hook_lacking(const struct kernel_report *k, unsigned hook);

/* Why one action is not enforced on this kernel: a sentence in *ret. false: it is enforced. */
bool doctor_action_open(const struct kernel_report *k, uint32_t action_bit, struct buf *ret);
/* Why this rule can never apply in this version, whatever the kernel: a sentence in *ret. false: it can. */
bool doctor_rule_idle(const struct ast_rule *rule, struct buf *ret);
/* What else a reader should know about the rule: exceptions that nobody can use, mode audit. Sentences, one a line; none: empty. */
void doctor_rule_notes(const struct ast *a, const struct ast_rule *rule, struct buf *ret);

const char *doctor_ready_word(enum kernel_ready ready); /* for JSON */

#endif
