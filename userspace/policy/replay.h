/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded access under another policy. What both policies say in the same words is taken from the record, which knows it exactly; the
 * rest is asked of the host as it is today, and what that cannot answer is tried both ways. Nothing is guessed: an access that comes out
 * one way or the other is counted as not decided, with the reason.
 */
#ifndef POLICY_REPLAY_H
#define POLICY_REPLAY_H

#include "policy/archive.h"
#include "policy/explain.h"

enum replay_known { REPLAY_NO, REPLAY_YES, REPLAY_UNKNOWN };

/* The host today. A member that is NULL knows nothing. */
struct replay_host {
	void *ctx;
	int (*gids)(void *ctx, uint32_t uid, const uint32_t **ret, size_t *ret_count);          /* -ENOENT: no such user */
	enum replay_known (*program)(void *ctx, const struct recorded *rec, uint32_t program);  /* of the candidate's image */
	enum replay_known (*unit)(void *ctx, const struct recorded *rec, const char *unit);
};

/* Why an access is not decided. The words are keys of the JSON. */
enum replay_why {
	REPLAY_DECIDED, REPLAY_BY_OTHERS, REPLAY_NO_PATH, REPLAY_CUT_PATH, REPLAY_GROUPS, REPLAY_PROGRAM, REPLAY_UNIT, REPLAY_TOO_OPEN,
	REPLAY_NO_POLICY, REPLAY_WHYS
};
const char *replay_why_word(enum replay_why why);
const char *replay_why_sentence(enum replay_why why);

struct replay_answer {
	enum replay_why why;     /* REPLAY_DECIDED: the rest counts */
	bool outside;            /* the candidate has no store there: polyward would not decide about it */
	bool today;              /* groups, programs or units of today had a say */
	uint32_t label;
	struct pw_decision decision;
};

struct replay;
/* All stay the caller's. cand_a and cand are the candidate, resolved and compiled on this host; from: what decided the records. */
int  replay_open(const struct archived *from, const struct ast *cand_a, const struct image *cand, const struct replay_host *host,
		 struct replay **ret);
void replay_close(struct replay *r);
/* path NULL: not known. 0, or -ENOMEM. */
/* Roles of the candidate that were on for certain, inherited ones included, and its windows that were open. */
void replay_inputs(const struct replay *r, const struct recorded *rec, uint64_t *ret_roles, uint32_t *ret_windows, uint32_t *ret_purpose);
int  replay_one(struct replay *r, const struct recorded *rec, const char *path, size_t path_len_bytes, struct replay_answer *ret);

/* replay_where.c: the candidate's label of a recorded object, or why not. */
enum replay_why replay_where(const struct image *from, const struct image *cand, const struct recorded *rec, const char *path,
			     size_t path_len_bytes, uint32_t *ret_label);

#endif
