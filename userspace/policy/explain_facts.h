/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a recorded decision: what could have been different, and what roles the subject would then have had. A record holds
 * roles, not groups and programs; what it does not say is tried both ways, and only what turns the outcome either way is told.
 */
#ifndef POLICY_EXPLAIN_FACTS_H
#define POLICY_EXPLAIN_FACTS_H

#include "policy/explain.h"

enum fact_kind { FACT_MFA, FACT_PURPOSE, FACT_TIME, FACT_PROGRAM, FACT_UNIT, FACT_JOIN, FACT_WITHOUT, FACT_KINDS };

struct fact_edit {
	enum fact_kind kind;
	const char *name;      /* of purpose, program, unit, group or role; NULL: none of it */
	uint32_t value;        /* MFA: its age, PW_MFA_NEVER: none; PURPOSE: 1 + index, 0: none; TIME: open windows */
	int64_t utc_s;         /* TIME */
	uint64_t roles;        /* PROGRAM, UNIT, JOIN: roles that ask for it; WITHOUT: the role */
};

#define FACT_EDITS_MAX   96u
#define FACT_TOGETHER    4u     /* changes at once */
#define FACT_CHANGES_MAX 12u

struct fact_work {
	const struct ast *a;
	const struct image *img;
	const struct recorded *rec;
	struct explanation *x;
	const struct ast_cond *hidden[PW_ROLES_MAX]; /* the condition that a hidden role stands for */
	uint32_t windows;                            /* that some rule on this store and need asks for */
	struct fact_edit edits[FACT_EDITS_MAX]; size_t edits_count;
	bool nomem;                                  /* not all was collected */
};

/* explain_facts.c */
void fact_collect(struct fact_work *w);
uint32_t fact_cost(const struct fact_edit *e);
void fact_tell(const struct fact_work *w, const struct fact_edit *e, struct buf *b);

/*
 * explain_facts_try.c: 1 and *ret: these changes turn the outcome, whatever the record leaves open; 0: they do not, *ret is the answer
 * as far as it is certain; -E2BIG: too much is open to tell.
 */
int fact_try(const struct fact_work *w, const struct fact_edit *const *edits, size_t count, struct pw_decision *ret);

#endif
