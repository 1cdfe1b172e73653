/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log. record.c, read.c and render.c know the format and are linked into readers; log.c and its neighbours
 * write and are linked into the audit process alone. Files: docs/LOG-FORMAT.md.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyward/abi.h>
#include <polyward/record.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/image.h"

#define AUDIT_SEGMENT_BYTES (64u << 20)
#define AUDIT_PENDING_MAX_BYTES (4u << 20) /* held in memory while the disk takes nothing */
#define AUDIT_COMMIT_MS 50 /* group commit: a record is on disk at most this much later; urgent ones at once */
#define AUDIT_HOLE_MS 2000 /* so long may an event number be missing before it counts as lost */

/* ---- record.c ---- */
/* Build a record in b: begin, fields, end (fills length prefix and CRC). */
void record_begin(struct buf *b, const struct pw_record *head);
void record_u64(struct buf *b, enum pw_field_tag tag, uint64_t v);
void record_i64(struct buf *b, enum pw_field_tag tag, int64_t v);
void record_bytes(struct buf *b, enum pw_field_tag tag, const void *bytes, size_t len_bytes);
void record_text(struct buf *b, enum pw_field_tag tag, const char *text);
int  record_end(struct buf *b, size_t begin_off_bytes); /* -EMSGSIZE above PW_RECORD_MAX, -ENOMEM, -EINVAL: a tag twice, or a bad head */
/*
 * event.c: a whole access record (record_end() is done) from a kernel event; img: the image of the event's generation for names, or
 * NULL. *head: boot_id is read, all else is written. Nothing in the event is believed: what does not fit the image is left out.
 */
void record_from_event(struct buf *b, const struct pw_event *ev, const struct image *img, struct pw_record *head);

/* What became of a record's personal fields (path, comm). */
enum record_personal { RECORD_PLAIN, RECORD_UNSEALED, RECORD_SEALED, RECORD_ERASED }; /* no sealed part; opened; no key given; key destroyed */
struct record_view {
	struct pw_record head;
	const uint8_t *fields; size_t fields_len_bytes;
	const uint8_t *personal; size_t personal_len_bytes; /* unsealed fields; NULL: see state. record_find() looks here too */
	const uint8_t *shared; size_t shared_len_bytes;     /* abridged: the fields of the record that it is like; NULL: not at hand. Here too */
	uint64_t tags;                                      /* which fields below 64 its own bytes have, a bit each */
	enum record_personal state;
	const uint8_t *bytes; size_t len_bytes;             /* the record as it is hashed: header and fields, without the length prefix */
};
/* Check framing, schema, CRC and every field's length. -EBADMSG; -ENODATA: the bytes end before the record does. */
int record_parse(const uint8_t *bytes, size_t len_bytes, struct record_view *ret, size_t *ret_used_bytes);
static inline bool record_has(const struct record_view *v, enum pw_field_tag tag) { return v->tags >> tag & 1; } /* in its own bytes */
bool record_find(const struct record_view *v, enum pw_field_tag tag, const uint8_t **ret, size_t *ret_len_bytes);
uint64_t record_find_u64(const struct record_view *v, enum pw_field_tag tag, uint64_t otherwise);
/* The fields of a full record that abridged ones may share, to ret (fields_len_bytes bytes, or the record's own fields). Their length. */
size_t record_shared(const struct record_view *full, uint8_t *ret);
/* ---- render.c ---- */
/* How a line for people looks. user: the name of a uid, or NULL; may be NULL itself. */
struct record_style {
	bool color, utc; /* utc: times end in Z; otherwise local time with its offset */
	const char *(*user)(void *ctx, uint32_t uid);
	void *ctx;
};
/* One line for people (escaped, no newline), or one JSON object (jansson not needed: keys from record.def). */
void record_render_text(const struct record_view *v, const struct record_style *style, struct buf *ret);
void record_render_json(const struct record_view *v, struct buf *ret);
/* The words of the JSON, for filters; NULL outside the enum. And ISO 8601 of a moment: with local offset, or Z. */
const char *record_kind_word(uint8_t kind);
const char *record_action_word(uint32_t bit);
const char *record_verdict_word(uint64_t verdict);
const char *record_reason_word(uint64_t reason);
void record_time(int64_t utc_ns, bool utc, struct buf *ret);

/* ---- log.c and its neighbours ---- */
struct audit_log;
/* The log's directory, the keys of sealed fields, the signer's own. keys_fd, signer_fd -1: nothing is sealed, nothing is signed. */
struct audit_dirs { int dir_fd, keys_fd, signer_fd; };
/*
 * The descriptors are taken over. Finds the end: a torn last record is cut off and reported in *ret_cut_bytes, so that the caller can
 * record it; anything else that does not parse, and a log that holds less or something else than was signed, is -EBADMSG with a sentence,
 * and nothing is changed. -EBUSY: another process writes it. Brings up tiles and bundles from the tail.
 * Files are 0644, so that descriptors handed to a reader are enough; the directory above them is what keeps others out.
 * Reads /proc/sys/kernel/random/boot_id, so call it before the sandbox closes. From then on the log needs openat, read, pwrite64,
 * lseek, fstat, getdents64, fdatasync, fsync, syncfs, ftruncate, mkdirat, renameat, unlinkat, getrandom, close and clock_gettime.
 */
int  audit_open_signed(const struct audit_dirs *dirs, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e);
/* A log without keys and signatures: tiles and bundles alone. */
int  audit_open(int dir_fd, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e);
void audit_close(struct audit_log *l); /* commits and signs */
/*
 * Append one record as built above; its seq is filled in here, and so are times and boot_id that are zero. Not yet on disk. On failure
 * (the disk has taken nothing for AUDIT_PENDING_MAX_BYTES) the record is not in the log, and if it came from a CPU, a gap record will
 * say so. Where the log has keys, path and comm of an access record go into a sealed record in front of it, under the key of the class
 * (NULL: general) and of the record's month.
 */
int  audit_append(struct audit_log *l, struct buf *record, struct err *e);
int  audit_append_class(struct audit_log *l, struct buf *record, const char *class_, struct err *e);
/* The same from a kernel event, fast, its number noted, unless it is in the log already (audit_knows()). img: as record_from_event(). */
int  audit_append_event(struct audit_log *l, const struct pw_event *ev, const struct image *img, struct err *e);
void audit_forget_names(struct audit_log *l); /* an image that was used with audit_append_event() is about to go */
/* Write and fdatasync all appended so far. On failure nothing is lost: what was appended stays in memory, and the next call tries again. */
int  audit_commit(struct audit_log *l, struct err *e);
/* Commit, and sign a checkpoint now; audit_commit() signs when one is due. */
int  audit_checkpoint(struct audit_log *l, struct err *e);
/* What keeps tiles and checkpoints from the disk, while records get there; NULL: nothing. */
const struct err *audit_tree_trouble(const struct audit_log *l);
/*
 * One short record in front of all that waits, into the room that every commit keeps for it behind its own: for saying that the disk takes
 * no more. On disk when it returns 0.
 */
int  audit_append_first(struct audit_log *l, struct buf *record, struct err *e);
int  audit_commit_in_ms(const struct audit_log *l);         /* until a commit or a checkpoint is due; -1: nothing waits */
uint64_t audit_next_seq(const struct audit_log *l);
/* ---- log_keys.c ---- */
/* uid UINT32_MAX, pid 0: nobody asked, a retention time is over. period: "2026-11". */
struct audit_erasure { const char *class_, *period; uint32_t uid, pid; const char *why; };
/* Destroy the keys of that class and month; recorded before and after. -ENOENT: there is none; -EINVAL. */
int  audit_erase(struct audit_log *l, const struct audit_erasure *what, struct err *e);

/* ---- log_policy.c ---- */
/* Keep a checked image under policy/, before the first record that it decides. */
int  audit_archive_policy(struct audit_log *l, const void *image, size_t len_bytes, struct err *e);
/* The kept image whose hash begins so and that was the newest at that moment, to read. -ENOENT: none. */
int  audit_find_policy(struct audit_log *l, const uint8_t *hash, size_t hash_bytes, int64_t utc_ns, int *ret_fd);
/* ---- log_tree.c ---- */
/* A witness's line for a checkpoint that was signed here lately. -ESTALE: take a newer one; -EINVAL: no cosignature line. */
struct tree_hash;
int  audit_cosigned(struct audit_log *l, uint64_t size, const struct tree_hash *root, const char *line, struct err *e);

/* The file being written, and its bytes with those that wait for a commit. */
#define AUDIT_NAME_SIZE 32u
void audit_segment(const struct audit_log *l, char ret_name[static AUDIT_NAME_SIZE], uint64_t *ret_bytes);
/*
 * Note a CPU's event number, then append its record. The numbers of one CPU come in two rings and so out of order: a hole that is still
 * open after AUDIT_HOLE_MS becomes a gap record with the next commit (audit_commit_in_ms() counts that in). Another boot restarts the
 * count; a restart of the daemon does not, for the log says how far it was.
 */
/* ... unless it is in the log, or appended, already: a reader that died between the log and the ring offers some a second time. */
bool audit_knows(const struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, uint64_t time_boot_ns);
int  audit_note_cpu_seq(struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, struct err *e);
/* The rings are gone and drained: every open hole is a loss, and the next programs count from 0. */
int  audit_restart_cpu_seqs(struct audit_log *l, struct err *e);

/* ---- read.c ---- */
struct log_reader;
/*
 * dir_fd and keys_fd are taken over; keys_fd -1: none, personal fields stay sealed. Reads bundles, then the tail: one sequence from
 * log_reader_first() on.
 */
int  log_reader_open(int dir_fd, int keys_fd, struct log_reader **ret, struct err *e);
void log_reader_close(struct log_reader *r);
/* 1 and *ret (valid until the next call), 0: no more for now (call again to follow), -EBADMSG with a sentence. */
int  log_reader_next(struct log_reader *r, struct record_view *ret, struct err *e);
uint64_t log_reader_first(const struct log_reader *r); /* oldest record that was not pruned */
uint64_t log_reader_end(struct log_reader *r);         /* one behind the newest now */
/* The next record is seq. -ERANGE: not in the log. Costs one bundle, not the way to it. */
int  log_reader_seek(struct log_reader *r, uint64_t seq, struct err *e);
uint64_t log_reader_seq(const struct log_reader *r);   /* of the record that the next call returns, if there is one */
/* Bytes behind the last whole record: being written just now, or torn by a crash. */
size_t log_reader_rest(const struct log_reader *r);

/* ---- tiles.c ---- */
/* Tiles of a log directory as a source of proofs; dir_fd stays the caller's and must outlive it. */
struct log_tiles;
int  log_tiles_open(int dir_fd, struct log_tiles **ret, struct err *e);
void log_tiles_close(struct log_tiles *t);
struct tree_source;
void log_tiles_source(struct log_tiles *t, struct tree_source *ret);

#endif
