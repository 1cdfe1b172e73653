/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a log that is being written: the tail's file, the group that waits, the tree behind it. log.c appends and commits,
 * log_tail.c writes segments, log_tree.c grows and signs the tree, log_open.c finds where it ended. Private to this folder.
 */
#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

#include <time.h>

#include "audit/event.h"
#include "audit/gaps.h"
#include "audit/group.h"
#include "audit/grow.h"
#include "audit/internal.h"
#include "audit/signer.h"

#define LOG_NO_CPU     0xffffu
#define LOG_KEPT_BYTES (16u << 10)  /* always free behind what is committed: for the record that says that nothing more fits */
#define LOG_NS_PER_MS  1000000ull

/* The last access of the group, which may come again. len_bytes: of its record before it was counted, with the prefix. */
struct fold {
	bool open;
	size_t entry, len_bytes;
	uint64_t full_seq, count, first_ns, cpu_seq, ino;
	uint32_t target, mfa_age_s;
	uint16_t cpu, names_len;
	uint8_t flags;
	char comm[sizeof(((struct pw_event *)0)->comm)], names[PW_NAMES_MAX];
};

struct audit_log {
	struct audit_dirs dirs;     /* keys_fd, signer_fd -1: nothing is sealed, nothing signed */
	int fd;                     /* the segment being written, -1: made with the next commit */
	uint64_t segment_first_seq;
	uint64_t segment_bytes;     /* committed */
	uint64_t allocated_bytes;   /* of the segment, as far as we asked for it; 0: not yet */
	size_t segments;            /* in the directory, the one being written included */
	struct group group;         /* appended, not known to be on disk */
	size_t group_bytes;         /* of the last group that was committed */
	uint64_t now_ns;            /* CLOCK_BOOTTIME, read once in a while */
	int64_t now_utc_ns, tai_ahead_ns;
	uint32_t now_uses;          /* since it was read */
	uint64_t failed_ns;         /* when writing failed last, CLOCK_BOOTTIME; 0: it did not */
	struct err failure;         /* ... and why */
	uint8_t boot_id[16];
	struct gaps gaps;
	struct seals seals;
	struct seal_month month;    /* of the latest sealed record */
	struct event_cache names;
	struct fold fold;
	struct grow *tree;
	struct signer *signer;      /* NULL: nothing is signed */
	uint64_t unsigned_ns;       /* since when there are records that no checkpoint covers; 0: none */
	uint64_t signed_ns;         /* of the last checkpoint */
	uint64_t tree_failed_ns;    /* when growing or signing failed last; 0: it did not */
	struct err tree_failure;
};

uint64_t log_clock_ns(clockid_t clock);
void log_read_clocks(struct audit_log *l);

/* ---- log_fold.c ---- */
void log_fold_begin(struct audit_log *l, const struct pw_event *ev, uint64_t full_seq);
/* Is ev what the last record says once more? Then it is counted there. like: event_like(), or NULL. */
bool log_fold(struct audit_log *l, const struct pw_event *ev, const struct event_full *like);

/* ---- log_tail.c ---- */
/* Write and sync the group, closed. It stays as it is; the caller clears it. */
int  log_tail_write(struct audit_log *l, struct err *e);
/* One short record right behind what is committed, into the room that is kept there. */
int  log_tail_write_kept(struct audit_log *l, const void *record, size_t len_bytes, struct err *e);
void log_tail_close(struct audit_log *l);
/* Remove segments whose records are in full bundles, on disk and signed for. */
int  log_tail_drop(struct audit_log *l, struct err *e);

/* ---- log_tree.c ---- */
/* The group's records are on disk now: into the tree. A failure is kept in tree_failure and made good later, from the tail. */
void log_tree_feed(struct audit_log *l);
/* Sign if it is time, or now. Also takes up what failed before. */
int  log_tree_sign(struct audit_log *l, bool now, struct err *e);
uint64_t log_tree_due_ns(const struct audit_log *l);  /* CLOCK_BOOTTIME; UINT64_MAX: nothing is due */
/* Records from the tree's size up to `until` into it, read from the log itself. */
int  log_tree_catch_up(struct audit_log *l, uint64_t until, struct err *e);

/* ---- log_open.c ---- */
int  log_find_end(struct audit_log *l, uint64_t *ret_cut_bytes, struct err *e);
/* The tree of what is there: checked against what was signed before anything is written, then its files made whole. */
int  log_find_tree(struct audit_log *l, struct err *e);

#endif
