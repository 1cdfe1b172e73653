/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access records as decisions that can be made again: the inputs out of the record, and the policy that it names out of the log's own
 * archive. Shared by explain, replay and learn. What a record does not say stays unsaid here.
 */
#ifndef CLI_EVENT_H
#define CLI_EVENT_H

#include <errno.h>

#include "audit/audit.h"
#include "policy/archive.h"
#include "policy/explain.h"

#define EVENT_USER_MAX 80u
#define EVENT_PURPOSE_MAX 80u

struct event {
	struct recorded rec;           /* user, purpose: below. facts.purpose needs the image: event_bind() */
	uint64_t seq, count;           /* count: accesses that it stands for */
	const uint8_t *path; size_t path_len_bytes; /* NULL: none, or sealed and not to be had: see personal */
	enum record_personal personal;
	const uint8_t *hash; size_t hash_len_bytes; /* of the policy; 0 bytes: not at hand when it was written */
	bool windows_known;            /* the record always says them when the rules had a say */
	char user[EVENT_USER_MAX], purpose[EVENT_PURPOSE_MAX];
};

/* -EINVAL: no record of an access. Points into the view's bytes. */
int event_read(const struct record_view *v, struct event *ret);
/*
 * The users behind uids: those of this host's name service, or of --root. A record holds no names, so a name is that of today.
 */
struct event_users;
int  event_users_open(const struct names *root, struct event_users **ret, struct err *e); /* NULL: this host */
void event_users_close(struct event_users *u);
const char *event_user_name(struct event_users *u, uint32_t uid); /* NULL: nobody; valid until the next call */
/* Groups of a uid, as the name service has them today. 0 and malloc'd *ret; -ENOENT: it knows no such user. */
int event_user_gids(struct event_users *u, uint32_t uid, uint32_t **ret, size_t *ret_count);
/* Set e->rec.user to the user's name, or to "uid N"; and the pointers into e, which must not move from then on. */
void event_name_user(struct event *e, struct event_users *u);
/* Take the purpose's number from the image that decided. -EINVAL: it has no such purpose, so it did not decide this. */
int event_bind(struct event *e, const struct image *img);

/*
 * Stand at the first record that is not older than the moment, or a little before: records are in the order in which they were written,
 * and clocks are set now and then. INT64_MIN: the oldest.
 */
int event_seek(struct log_reader *r, int64_t since_ns, struct err *e);

/* All accesses of a time in the order of the log, with a bar. */
struct event_pass {
	const char *what;              /* for the bar: "replaying" */
	int64_t since_ns, until_ns;
	int (*see)(void *ctx, const struct record_view *v, struct err *e); /* < 0 with a sentence ends the pass */
	void *ctx;
	uint64_t lost;                 /* set: events that the records of losses of that time name */
};
int event_each(struct log_reader *r, struct event_pass *pass, struct err *e);

/* ---- the archive: DIR/policy/<policy hash>[-<body hash>].pwi ---- */
struct archive;
int  archive_open(int dir_fd, struct archive **ret, struct err *e); /* dir_fd stays the caller's and must outlive it */
void archive_close(struct archive *a);
static inline bool archive_absent(int code) { return code == -ENOENT || code == -EINVAL; }
/*
 * The policy with this hash (its first bytes are enough) that had been compiled last before the moment. Stays the archive's. With a
 * sentence: -ENOENT, it is not in the archive; -EINVAL, what is there is damaged; anything else is a failure to look
 * (archive_absent()). Several may begin with one hash: the same policy on changed users.
 */
int archive_find(struct archive *a, const uint8_t *hash, size_t hash_len_bytes, int64_t utc_ns, const struct archived **ret,
		 struct err *e);

#endif
