/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people, shared by the compiler's messages, explain, who-can and the findings of check. */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/policy.h"

/* "user root", "during clinic or nights", "mfa within 8h": the values of one atom, as the policy writes them. */
void explain_cond_words(const struct ast *a, const struct ast_cond *cond, struct buf *b);
/* All atoms of a rule: "mfa within 8h, during clinic, unless user root"; "" for none. */
void explain_rule_words(const struct ast *a, const struct ast_rule *rule, struct buf *b);
/* "read, list": words of action bits. */
void explain_actions(uint32_t actions, struct buf *b);
/* "radiologist, clinician" of declared roles; `none` if there is none. */
void explain_roles(const struct ast *a, uint64_t roles, const char *none, struct buf *b);
/* "group:radiology or user:ann, program viewer, unit x.service": what makes a role active; "anybody" without a clause. */
void explain_members(const struct ast *a, const struct ast_role *role, struct buf *b);
/* What an "allow" of these actions brings in all. */
uint32_t explain_brought(uint32_t actions);

/* ---- explain_subject.c: a question as the tables see it ---- */

/* Everything that the decision is told about the subject of a question. Unknown names are nobody's. */
int explain_facts(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		  struct pw_facts *ret);
struct pw_decision explain_decide(const struct image *img, const struct pw_facts *f, uint32_t store_idx, uint32_t action_bit);
/* Does this atom hold (an atom of "unless" is asked the same way)? */
bool explain_atom_holds(const struct ast *a, const struct image *img, const struct pw_facts *f, const struct ast_cond *cond);
/* Window bit of a time block in the image, or AST_NONE. */
uint32_t explain_window(const struct ast *a, const struct image *img, uint32_t time_idx);
/* "2026-12-02T23:00" on the clocks of that window's zone. */
void explain_clock(const struct image *img, uint32_t window, int64_t utc_s, struct buf *b);
/* "alice", "uid unknown (zoe)", "nobody": who asks. */
void explain_subject(const struct question *q, struct buf *b);

/* ---- explain_changes.c ---- */
int explain_changes(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		    struct explanation *x);

#endif
