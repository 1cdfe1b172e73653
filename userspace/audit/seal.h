/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personal fields under keys that can be destroyed: one key a data class and month, a file each in keys/, AES-256-GCM. What was sealed
 * with a destroyed key stays in the tree as it is, and nobody can read it again. Private to this folder.
 */
#ifndef AUDIT_SEAL_H
#define AUDIT_SEAL_H

#include "audit/audit.h"
#include "audit/note.h"

#define SEAL_CLASS_MAX   64u  /* with the final NUL; longer names of classes are cut */
#define SEAL_PERIOD_SIZE 8u   /* "2026-11" */
/* Long enough that what a sealed record costs beside its text is little; short, because one record is hashed by one lane alone. */
#define SEAL_PLAIN_MAX   (8u << 10)
#define SEAL_FIELDS_MAX  (60u << 10) /* of one record: a part of its own then, which still fits a record */
#define SEAL_NONE        "general"

struct seal_id { uint8_t v[16]; };

/* The month of a moment, and how long it lasts. */
struct seal_month { int64_t begin_utc_ns, end_utc_ns; char text[SEAL_PERIOD_SIZE]; };
void seal_month_of(int64_t utc_ns, struct seal_month *ret);

/* ---- seal_open.c: what readers need too ---- */
#define SEAL_KEY_BYTES   32u
#define SEAL_NONCE_BYTES 12u
#define SEAL_TAG_BYTES   16u
struct seal_key { char class_[SEAL_CLASS_MAX], period[SEAL_PERIOD_SIZE]; struct seal_id id; uint8_t secret[SEAL_KEY_BYTES]; };
void seal_name(const struct seal_id *id, char ret[static 33]);
/* -ENOENT: destroyed, or never there. -EBADMSG: no key file. The caller wipes *ret. */
int  seal_read_key(int keys_fd, const struct seal_id *id, struct seal_key *ret);
void seal_associated(const char *origin, uint64_t seq, const struct seal_key *key, struct buf *ret);
/*
 * The personal fields that a record of kind sealed holds: parts one behind the other, each its length (2 bytes, little-endian) and that
 * many bytes of fields. -ENOKEY: its key was destroyed; -EBADMSG: it is not what was sealed. The caller wipes *ret_plain.
 */
int  seal_open(int keys_fd, const char *origin, const struct record_view *sealed, struct buf *ret_plain);

/* ---- seal.c: the writer's half ---- */
/* key: those in use, wiped when their time is over. cipher: made ready with the key of that name; gone when that key is. */
struct evp_cipher_ctx_st;
struct seals { int keys_fd; const char *origin; struct seal_key *key; size_t count; struct evp_cipher_ctx_st *cipher; struct seal_id cipher_id; };
void seals_free(struct seals *s);
/*
 * One finished record (with its length) of kind sealed. head: seq and times are set. Makes and keeps a key where the class has none for
 * that month. -ENOSPC and the like: tried again with the same plain text.
 */
int  seals_seal(struct seals *s, const struct pw_record *head, const char *class_, const char *period, const struct buf *plain,
		struct buf *ret, struct err *e);
/* Is there a key of that class and month? 1, 0, -errno. */
int  seals_find(struct seals *s, const char *class_, const char *period);
/* The months that a class has keys for, each once, at most max of them, the oldest first. 0 or -errno. */
int  seals_periods(struct seals *s, const char *class_, char ret[][SEAL_PERIOD_SIZE], size_t max, size_t *ret_count);
/* Destroy every key of that class and month. *ret_ids: how many, at most max of them are named. 0 or -errno: then some may be left. */
int  seals_erase(struct seals *s, const char *class_, const char *period, struct seal_id *ret, size_t max, size_t *ret_count, struct err *e);

#endif
