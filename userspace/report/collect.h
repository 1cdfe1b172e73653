/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the log into bounded tables: what checks and documents are made from. Memory does not grow with the log; where a table
 * is full, what found no room is counted, and whoever reads the table must say so.
 */
#ifndef REPORT_COLLECT_H
#define REPORT_COLLECT_H

#include "audit/complete.h"
#include "audit/tree.h"
#include "report/policies.h"
#include "report/tally.h"

#define COLLECT_STORES  1024u
#define COLLECT_ROLES   256u
#define COLLECT_USERS   4096u
#define COLLECT_SPANS   512u  /* of each kind; the sums go on */
#define COLLECT_GAPS    512u
#define COLLECT_KEYS    512u  /* of sealed fields */
#define COLLECT_SEALED  256u
#define COLLECT_REVIEWS 512u
#define COLLECT_BUCKETS 48u   /* columns of a chart over time */
#define COLLECT_QUIET_S 150   /* a heartbeat is due every minute; longer silence is a hole in the logging time */
#define NS_PER_S        1000000000ll

struct counts { uint64_t allowed, denied, passed; };

struct store_row { char name[64]; char class_[64]; struct counts n; };
struct role_row { char name[64]; struct counts n; };
/* An entry for every real user; other_login: a login uid that acted as this user, beside the first one seen. */
struct user_row { uint32_t uid; bool has_login, shared; uint32_t login_uid, other_login_uid; struct counts n; uint64_t logreads; struct tally by_others; };
/* Accesses without a login, by the roles that were active: which of these roles are services is known when the policies are. */
struct nologin_row { char roles[256]; struct tally t; };

enum span_why {
	SPAN_SILENT,       /* the same boot ran and nothing was recorded */
	SPAN_BOOT,         /* from the last record of one boot to the first of the next */
	SPAN_BEFORE,       /* before the first record of the log */
	SPAN_AFTER,        /* after the last */
	SPAN_DOWN,         /* polyward was told to stop enforcing */
	SPAN_UNKNOWN,      /* no record says that a policy was in force */
	SPAN_AUDIT,        /* a store was in mode audit */
};
struct stretch { enum span_why why; int64_t from_ns, to_ns; uint64_t before_seq, after_seq; char store[64]; }; /* seq UINT64_MAX: none */
struct stretches { struct stretch v[COLLECT_SPANS]; size_t count; uint64_t total; int64_t sum_ns; };

struct gap_row { uint64_t seq, first, last; int64_t time_ns; uint16_t cpu; };
/* A key of sealed fields: what it opened, and when it was destroyed. */
struct key_row { uint8_t id[16]; char class_[64]; char period[16]; uint64_t records, opened, unread; bool erased; uint64_t erased_seq; };
struct review_row { int64_t since_ns, until_ns, time_ns; };

struct frontier { struct tree_hash v[64]; uint64_t size; };
enum verified { VERIFIED_NOT, VERIFIED_YES, VERIFIED_WRONG };

struct collect {
	int64_t since_ns, until_ns;
	int64_t made_ns;                 /* when this is done: what is due is measured from here */
	uint64_t seed;                   /* of samples */
	uint32_t own_pid;                /* who opened the log just now to make this: no examination */
	struct policies *policies;       /* borrowed */
	bool has_checkpoint; uint64_t checkpoint_size; struct tree_hash checkpoint_root;

	struct tally tally[T_MAX_];
	struct store_row stores[COLLECT_STORES]; size_t stores_count;
	struct role_row roles[COLLECT_ROLES]; size_t roles_count;
	struct user_row users[COLLECT_USERS]; size_t users_count;
	struct nologin_row nologin[COLLECT_ROLES]; size_t nologin_count;
	struct counts buckets[COLLECT_BUCKETS];
	uint64_t buckets_lost[COLLECT_BUCKETS]; /* events */
	uint64_t stores_lost, roles_lost, users_lost, nologin_lost; /* records that found no row */
	struct tally unarchived;         /* accesses whose policy is not in the archive */

	struct stretches quiet, down, unknown, permissive;
	struct gap_row gaps[COLLECT_GAPS]; size_t gaps_count;
	struct key_row keys[COLLECT_KEYS]; size_t keys_count; uint64_t keys_lost;
	struct { uint64_t seq; size_t key_idx; } sealed[COLLECT_SEALED]; size_t sealed_next; /* the newest sealed records */
	struct tally erasures;           /* of the whole log */
	struct review_row reviews[COLLECT_REVIEWS]; size_t reviews_count; uint64_t reviews_lost; /* of the range, whenever they were recorded */
	struct tally reviewing;
	uint64_t sealed_unread; /* records whose personal part could not be opened, in the range */
	uint64_t erased_unread;
	uint64_t examined; int64_t examined_ns, unexamined_max_ns; /* openings and reviews in the range, and the longest time without */

	/* the log as a whole */
	bool any; uint64_t first_seq, next_seq; int64_t first_ns, last_ns;
	bool in_range; uint64_t range_first_seq, range_last_seq; int64_t range_first_ns, range_last_ns;
	struct frontier frontier; enum verified verified;
	bool has_start_root; struct tree_hash start_root;
	struct complete *complete; uint64_t missing; bool complete_failed; /* events in no record and no gap, in the whole log */
	bool timed;                      /* a record that says when it was; then: */
	struct pw_record last;           /* the one before */
	uint64_t last_boot_ns;           /* the newest moment of that boot; records of two rings come out of order */
	/* what is in force while the pass goes on */
	enum { FORCE_UNKNOWN, FORCE_NONE, FORCE_POLICY } force;
	int64_t force_since_ns; uint64_t force_since_seq; int force_policy; /* index into policies, -1: not in the archive */
	uint32_t force_gen;
};

/* Everything is zero but what the caller sets: range, seed, policies, checkpoint. */
void collect_see(struct collect *c, const struct record_view *v);
void collect_end(struct collect *c);
void collect_free(struct collect *c);

int64_t collect_bucket_ns(const struct collect *c, size_t idx); /* start of a column; idx may be COLLECT_BUCKETS */

/* collect_time.c */
void collect_time(struct collect *c, const struct facts *f);
void collect_time_end(struct collect *c);
void stretch_add(struct stretches *s, const struct collect *c, const struct stretch *add); /* clipped to the range */
/* collect_tree.c */
void collect_tree(struct collect *c, const struct record_view *v);

#endif
