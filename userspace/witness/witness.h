/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-witness: vouches for the logs of other hosts (C2SP tlog-witness). It keeps one checkpoint a log, the last that it cosigned,
 * and never cosigns what that one is not a beginning of. The only program of polyward that speaks to a network.
 */
#ifndef WITNESS_WITNESS_H
#define WITNESS_WITNESS_H

#include <stddef.h>

#include "audit/note.h"
#include "base/buf.h"
#include "base/err.h"

#define WITNESS_BODY_MAX 16384u /* 63 lines of proof and a checkpoint with its signatures are less */

/* ---- state.c: the witness's directory ---- */
struct state;
/* A new key in the directory, which is made if it is not there. -EEXIST: it has one. *ret_vkey: the public key. */
int  state_make_key(const char *dir, const char *name, struct buf *ret_vkey, struct err *e);
/* One server a directory: -EBUSY. The directory's descriptor is state_fd(). */
int  state_open(const char *dir, struct state **ret, struct err *e);
void state_close(struct state *s);
int  state_fd(const struct state *s);
const struct note_key *state_key(const struct state *s);
/* Cosign for the log of this key too, beside those in DIR/logs. */
int  state_add_log(struct state *s, const char *vkey_or_file, struct err *e);
size_t state_logs(const struct state *s);
/* Any key of that log that signed the text. -ENOENT: the log is not known; -EKEYREJECTED: known, and not signed by it. */
int  state_check(const struct state *s, const char *text, size_t len_bytes, struct err *e);
/* The last checkpoint that was cosigned; size 0: none yet. */
int  state_last(const struct state *s, const char *origin, struct note_checkpoint *ret, struct err *e);
/* On disk when it returns 0. */
int  state_store(const struct state *s, const char *origin, const char *text, size_t len_bytes, struct err *e);
/* A signed checkpoint that cannot be: evidence against its log, kept as DIR/refused/... */
void state_keep_refused(const struct state *s, const char *origin, const char *text, size_t len_bytes);

/* ---- answer.c: one request ---- */
struct answer { unsigned status; const char *type; struct buf body; struct err why; }; /* why: for the witness's own messages; code 0: nothing */
/* The body of POST /add-checkpoint. */
void answer_checkpoint(const struct state *s, const char *body, size_t len_bytes, struct answer *ret);

/* ---- serve.c, post.c ---- */
int serve_listen(const char *at, int *ret_fd, struct err *e); /* "127.0.0.1:8490"; port 0: the kernel chooses */
#define SERVE_WHERE_SIZE 96u
void serve_where(int fd, char ret[static SERVE_WHERE_SIZE]);
/* A sentence about a request that should worry somebody; may hold what a stranger wrote. */
typedef void serve_say(const char *text);
int serve(int fd, const struct state *s, serve_say *say, struct err *e); /* fd is taken over; returns on failure alone */
/* Send body; 0 and status and answer, or an error. */
int post(const char *url, const struct buf *body, unsigned *ret_status, struct buf *ret_answer, struct err *e);

#endif
