/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log. record.c and read.c know the format and are linked into readers; log.c writes and is linked into the audit
 * process alone. Files: DIR/records-<first seq, 16 hex digits>.pwr, append only, a new one from AUDIT_SEGMENT_BYTES on.
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
#define AUDIT_COMMIT_MS 50 /* group commit: a record is on disk at most this much later; urgent ones at once */

/* ---- record.c ---- */
/* Build a record in b: begin, fields, end (fills length prefix and CRC). */
void record_begin(struct buf *b, const struct pw_record *head);
void record_u64(struct buf *b, enum pw_field_tag tag, uint64_t v);
void record_i64(struct buf *b, enum pw_field_tag tag, int64_t v);
void record_bytes(struct buf *b, enum pw_field_tag tag, const void *bytes, size_t len_bytes);
void record_text(struct buf *b, enum pw_field_tag tag, const char *text);
int  record_end(struct buf *b, size_t begin_off_bytes); /* -EMSGSIZE above PW_RECORD_MAX, -ENOMEM */
/* An access record from a kernel event; img: the image of the event's generation for names, or NULL. */
void record_from_event(struct buf *b, const struct pw_event *ev, const struct image *img, struct pw_record *head);

struct record_view { struct pw_record head; const uint8_t *fields; size_t fields_len_bytes; };
/* Check framing, schema, CRC and every field's length. -EBADMSG; -ENODATA: the bytes end before the record does. */
int record_parse(const uint8_t *bytes, size_t len_bytes, struct record_view *ret, size_t *ret_used_bytes);
bool record_find(const struct record_view *v, enum pw_field_tag tag, const uint8_t **ret, size_t *ret_len_bytes);
uint64_t record_find_u64(const struct record_view *v, enum pw_field_tag tag, uint64_t otherwise);
/* One line for people (escaped, no newline), or one JSON object (jansson not needed: keys from record.def). */
void record_render_text(const struct record_view *v, bool color, struct buf *ret);
void record_render_json(const struct record_view *v, struct buf *ret);

/* ---- log.c ---- */
struct audit_log;
/*
 * dir_fd is taken over. Finds the end: a torn last record is cut off and reported in *ret_cut_bytes, so that the caller can record
 * it; anything else that does not parse is -EBADMSG with file and offset, and nothing is changed.
 */
int  audit_open(int dir_fd, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e);
void audit_close(struct audit_log *l); /* commits */
/* Append one record as built above, its head's seq and time filled in here. Not yet on disk. */
int  audit_append(struct audit_log *l, struct buf *record, struct err *e);
int  audit_commit(struct audit_log *l, struct err *e);      /* write and fdatasync all appended so far */
int  audit_commit_in_ms(const struct audit_log *l);         /* until the group commit is due; -1: nothing waits */
uint64_t audit_next_seq(const struct audit_log *l);
/* Note a CPU's event number; a hole appends a gap record first. boot restarts the count. */
int  audit_note_cpu_seq(struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, struct err *e);

/* ---- read.c ---- */
struct log_reader;
int  log_reader_open(int dir_fd, struct log_reader **ret, struct err *e); /* dir_fd is taken over */
void log_reader_close(struct log_reader *r);
/* 1 and *ret (valid until the next call), 0: no more for now (call again to follow), -EBADMSG with a sentence. */
int  log_reader_next(struct log_reader *r, struct record_view *ret, struct err *e);

#endif
