/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The question behind a difference, as a search over subjects that are decided bit by bit: who it is, each group, program, unit, purpose,
 * second factor, moment. A rule on a subject that is half known holds, fails or is open; what is open is decided next.
 */
#ifndef POLICY_DIFF_SOLVE_H
#define POLICY_DIFF_SOLVE_H

#include "policy/diff.h"

#define SOLVE_UNSET    UINT32_MAX
#define SOLVE_CASES    60000u /* looked at for one question */
#define SOLVE_TIMES    1024u

struct solve_user  { const char *name; uint32_t uid; };
struct solve_time  { int64_t at_utc_s; uint32_t open[2]; }; /* windows of the old and the new policy */

/* Everything that either policy can tell apart. The last value of users, programs, units and purposes is "none of these". */
struct universe {
	struct diff_side side[2];
	struct solve_user *users; size_t users_count;
	struct solve_user *groups; size_t groups_count;
	const struct ast_program **programs; size_t programs_count;
	const char **units; size_t units_count;
	const char **purposes; size_t purposes_count;
	uint32_t *mfa; size_t mfa_count;       /* ages; the last: never */
	struct solve_time *times; size_t times_count;
};
int  universe_make(const struct diff_side *old, const struct diff_side *new, int64_t now_utc_s, struct universe *ret);
void universe_free(struct universe *u);

enum tri { TRI_NO, TRI_YES, TRI_OPEN };

/* A subject half known: indexes into the universe, or SOLVE_UNSET. */
struct partial { uint32_t user, program, unit, purpose, mfa, time; uint8_t *group; /* 0 no, 1 yes, 2 open */ };
struct variable { enum { VAR_NONE, VAR_USER, VAR_GROUP, VAR_PROGRAM, VAR_UNIT, VAR_PURPOSE, VAR_MFA, VAR_TIME } kind; uint32_t idx; };

/* The rules of one side that speak about one store and one action. */
struct speakers { uint32_t *v; size_t count; bool outside; };

struct question_of {
	const struct universe *u;
	struct speakers about[2];
	uint32_t side, rule, role;             /* that side's allow rule; AST_NONE: any role */
	struct variable open;                  /* the first thing that was not known */
	uint32_t cases;
};
/* 1 and the subject in *p: that rule, through that role, lets pass what the other side does not. 0: nobody. -E2BIG: too many cases. */
int solve(struct question_of *q, struct partial *p);

#endif
