/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log. record.c, read.c and render.c know the format and are linked into readers; log.c writes and is linked into the
 * audit process alone. Files: DIR/records-<first seq, 16 hex digits>.pwr, append only, a new one from AUDIT_SEGMENT_BYTES on.
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
	enum record_personal state;
	const uint8_t *bytes; size_t len_bytes;             /* the record as it is hashed: header and fields, without the length prefix */
};
/* Check framing, schema, CRC and every field's length. -EBADMSG; -ENODATA: the bytes end before the record does. */
int record_parse(const uint8_t *bytes, size_t len_bytes, struct record_view *ret, size_t *ret_used_bytes);
bool record_find(const struct record_view *v, enum pw_field_tag tag, const uint8_t **ret, size_t *ret_len_bytes);
uint64_t record_find_u64(const struct record_view *v, enum pw_field_tag tag, uint64_t otherwise);
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
void record_time(int64_t utc_ns, bool utc, struct buf *ret);

/* ---- log.c ---- */
struct audit_log;
/*
 * dir_fd is taken over. Finds the end: a torn last record is cut off and reported in *ret_cut_bytes, so that the caller can record
 * it; anything else that does not parse is -EBADMSG with file and offset, and nothing is changed. -EBUSY: another process writes it.
 * Files are 0644, so that a dir_fd handed to a reader is enough; the directory above it is what keeps others out.
 * Reads /proc/sys/kernel/random/boot_id, so call it before the sandbox closes. From then on the log needs openat, read, pwrite64,
 * lseek, fstat, getdents64, fdatasync, fsync, ftruncate, close and clock_gettime.
 */
int  audit_open(int dir_fd, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e);
void audit_close(struct audit_log *l); /* commits */
/*
 * Append one record as built above; its seq is filled in here, and so are times and boot_id that are zero. Not yet on disk. On failure
 * (the disk has taken nothing for AUDIT_PENDING_MAX_BYTES) the record is not in the log, and if it came from a CPU, a gap record will
 * say so.
 */
int  audit_append(struct audit_log *l, struct buf *record, struct err *e);
/* Write and fdatasync all appended so far. On failure nothing is lost: what was appended stays in memory, and the next call tries again. */
int  audit_commit(struct audit_log *l, struct err *e);
/*
 * One short record in front of all that waits, into the room that every commit keeps for it behind its own: for saying that the disk takes
 * no more. On disk when it returns 0.
 */
int  audit_append_first(struct audit_log *l, struct buf *record, struct err *e);
int  audit_commit_in_ms(const struct audit_log *l);         /* until a commit is due; -1: nothing waits */
uint64_t audit_next_seq(const struct audit_log *l);
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
int  log_reader_open(int dir_fd, struct log_reader **ret, struct err *e); /* dir_fd is taken over */
void log_reader_close(struct log_reader *r);
/* 1 and *ret (valid until the next call), 0: no more for now (call again to follow), -EBADMSG with a sentence. */
int  log_reader_next(struct log_reader *r, struct record_view *ret, struct err *e);
/* Segments there are now, and reading from the start of one on (0: the oldest), so that the newest records can be had first. */
size_t log_reader_segments(const struct log_reader *r);
int  log_reader_seek(struct log_reader *r, size_t segment_idx, struct err *e);
uint64_t log_reader_seq(const struct log_reader *r); /* of the record that the next call returns, if there is one */
/* Bytes behind the last whole record: being written just now, or torn by a crash. */
size_t log_reader_rest(const struct log_reader *r);

#endif
