/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts that read.c makes one sequence of: the tail's segments, bundles of the tile log, and the personal fields that are sealed.
 * Private to this folder; a caller outside wants log_reader.
 */
#ifndef AUDIT_READ_PARTS_H
#define AUDIT_READ_PARTS_H

#include "audit/internal.h"

/* ---- read_tail.c ---- */
struct tail;
int  tail_open(int dir_fd, struct tail **ret, struct err *e); /* dir_fd stays the caller's */
void tail_close(struct tail *t);
/* Segments may have come, and old ones gone. -ESTALE: the one that was being read is gone; stand somewhere again. */
int  tail_refresh(struct tail *t, struct err *e);
uint64_t tail_first(const struct tail *t);  /* UINT64_MAX: there is no segment */
/* One behind the last whole record; 0 without a segment. -ESTALE: refresh. */
int  tail_end(struct tail *t, uint64_t *ret, struct err *e);
/*
 * Stand at record seq; one behind the last is allowed. -ERANGE: below the first, or the records end before: then it stands where
 * they end, and tail_next() says whether something there is damaged. -ESTALE: refresh.
 */
int  tail_seek(struct tail *t, uint64_t seq, struct err *e);
/* 1 and *ret; 0: no more for now; -EBADMSG with a sentence; -ESTALE: the segment is gone, or it stands nowhere yet. */
int  tail_next(struct tail *t, struct record_view *ret, struct err *e);
uint64_t tail_seq(const struct tail *t);
size_t tail_rest(const struct tail *t);
void tail_place(const struct tail *t, struct log_place *ret);

/* ---- read_bundles.c ---- */
struct bundle { uint64_t idx; bool loaded; uint8_t *bytes; size_t len_bytes, pos_bytes; uint64_t next_seq; };
void bundle_free(struct bundle *b);
/* Load full bundle idx and stand at its first record. -ENOENT: there is none. */
int  bundle_load(struct bundle *b, int dir_fd, uint64_t idx, struct err *e);
/* The next record of the bundle. 1; 0: its end; -EBADMSG with a sentence. */
int  bundle_next(struct bundle *b, struct record_view *ret, struct err *e);
int  bundle_seek(struct bundle *b, uint64_t seq, struct err *e);
/* Lowest full bundle in the directory. -ENOENT: none. */
int  bundles_first(int dir_fd, uint64_t *ret_idx, struct err *e);
bool bundle_exists(int dir_fd, uint64_t idx);

/* ---- tiles.c ---- */
/* A tile or bundle (TREE_ENTRIES) at least so wide, as the writer leaves them when the log grows: its width; 0: there is none. */
unsigned tile_width_there(int dir_fd, int level, uint64_t idx, unsigned width);

/* ---- read.c: for a record that another one points to ---- */
struct aside { int dir_fd; struct log_reader *reader; }; /* dir_fd stays the caller's; a reader of its own, which points nowhere itself */
void aside_close(struct aside *a);
/* Record seq as its bytes say it, valid until the next call. -ERANGE: not in the log (any more); -EBADMSG. */
int  aside_read(struct aside *a, uint64_t seq, struct record_view *ret, struct err *e);

/* ---- abridged.c ---- */
struct abridged;
int  abridged_new(struct aside *aside, struct abridged **ret, struct err *e); /* aside stays the caller's */
void abridged_free(struct abridged *a);
/* Every record, as it comes by: fills v->shared of an abridged one. Valid until the next call. -EBADMSG: it names none, or one that is gone. */
int  abridged_fill(struct abridged *a, struct record_view *v, struct err *e);

/* ---- unseal.c ---- */
struct unseal;
int  unseal_new(struct aside *aside, int keys_fd, struct unseal **ret, struct err *e); /* both stay the caller's */
void unseal_free(struct unseal *u);
/* A sealed record came by: kept for those that follow. */
int  unseal_keep(struct unseal *u, const struct record_view *v);
/* Fill v->personal and v->state of a record with SEALED_BY; v->personal is valid until the next call. */
int  unseal_fill(struct unseal *u, struct record_view *v, struct err *e);

#endif
