/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules out of accesses that were seen, in the words that a policy has already: its roles, purposes, times and programs. As few as cover
 * what was seen, each with an end, and each with what it allows beyond what was seen. Proposes; decides nothing.
 */
#ifndef POLICY_LEARN_H
#define POLICY_LEARN_H

#include "policy/policy.h"

#define LEARN_EVENTS 3u

/* Accesses of one person that the same words describe. */
struct learn_seen {
	uint32_t uid;
	char *user;               /* its name, or NULL: then no rule can name it */
	uint64_t roles;           /* that were on; of those that bring each other the largest */
	uint32_t need, purpose;   /* purpose: 1 + index, 0: none */
	uint32_t windows;         /* open at all of these accesses */
	uint64_t programs;        /* of the image that each of them ran, bits */
	uint32_t mfa_age_s;       /* the oldest factor; PW_MFA_NEVER: at least one had none */
	uint64_t accesses, events[LEARN_EVENTS]; size_t events_count;
	int64_t first_utc_s, last_utc_s;
};
struct learn { struct learn_seen *v; size_t count; };
/* one: a single access; its user is copied. 0 or -ENOMEM. */
int  learn_add(struct learn *l, const struct learn_seen *one);
void learn_free(struct learn *l);

struct learn_rule {
	char *name, *text;        /* "rule learned-pilot-1 { ... }" */
	char *who;                /* "role radiologist", "user eve" */
	uint32_t role;            /* AST_NONE: for a user by name */
	uint32_t actions;
	char **people; size_t people_count;
	char **wider; size_t wider_count; /* sentences: what it allows that was not seen */
	uint64_t accesses, events[LEARN_EVENTS]; size_t events_count;
	int64_t first_utc_s, last_utc_s;
};
struct learn_rules { struct learn_rule *v; size_t count; uint64_t nameless; /* accesses of users without a name */ };
/* a and img: the policy with the words; store_idx: into a->stores. */
int  learn_propose(const struct learn *l, const struct ast *a, const struct image *img, uint32_t store_idx, int64_t until_utc_s,
		   struct learn_rules *ret);
void learn_rules_free(struct learn_rules *r);

#endif
