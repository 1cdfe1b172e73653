/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who gains and loses what from one policy to another. Exact: for every rule and everybody it is for, either somebody is found whose
 * access flips, and decided again under both policies, or every case was looked at. Both are resolved on the same host.
 */
#ifndef POLICY_DIFF_H
#define POLICY_DIFF_H

#include "policy/policy.h"

/* Somebody whose access flips. Strings are borrowed from the two trees; what is not named does not matter. */
#define DIFF_GROUPS_MAX 16u
struct diff_subject {
	const char *user;           /* NULL: somebody whom neither policy names */
	uint32_t uid;
	const char *groups[DIFF_GROUPS_MAX]; uint32_t gids[DIFF_GROUPS_MAX]; size_t groups_count;
	const struct ast_program *program; /* NULL: another one */
	const char *unit, *purpose; /* NULL: none */
	uint32_t mfa_age_s;         /* PW_MFA_NEVER: none */
	int64_t at_utc_s;
};

struct diff_row {
	bool gains;                 /* else: loses */
	char *who;                  /* "group radiology", "anybody", "user ann running viewer" */
	char *role;                 /* NULL: any */
	char *store;                /* name, in the policy that the rule stands in */
	char *path;                 /* of the part of the file system that this is about */
	uint32_t actions;
	char *conditions;           /* "during clinic"; "": always */
	char *rule, *at;            /* the allow: of the new policy for a gain, of the old one for a loss; file:line */
	char *other;                /* what the other policy says: "no rule", "deny rule no-root", "no store there" */
	struct diff_subject witness; uint32_t witness_action;
};
struct diff_change { char *text; bool loosens; }; /* stores, roles, rights, modes: "store notes is no longer strict" */
struct diff {
	struct diff_row *rows; size_t rows_count;
	struct diff_change *changes; size_t changes_count;
	size_t unsettled;           /* questions that took too many cases: who reads this must take them for gains */
	bool widened;
};

struct diff_side { const struct ast *a; const struct image *img; const struct sources *sources; };
/* 0; -ENOMEM; -EPROTO with a sentence: a witness did not flip when it was decided again, which is a fault of polyward. */
int  policy_diff(const struct diff_side *old, const struct diff_side *new, int64_t now_utc_s,
		 void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, struct diff *ret, struct err *e);
void diff_free(struct diff *d);
/* "user ann, in groups a, b, running /opt/viewer, for care, at 2026-12-02T10:00Z" */
void diff_subject_words(const struct diff_subject *s, struct buf *b);
/* Does polyward let it pass, mode audit of stores left out of account? path: in which store it lies. */
bool diff_passes(const struct diff_side *side, const struct diff_subject *s, const char *path, uint32_t action_bit);

/* ---- diff_words.c ---- */
int diff_changes(const struct diff_side *old, const struct diff_side *new, struct diff *d);
int diff_say(struct diff *d, bool loosens, struct buf *text); /* takes the text over */

#endif
