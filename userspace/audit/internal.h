/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share among themselves: the end of a log, names of segments, and where a reader stands. */
#ifndef AUDIT_INTERNAL_H
#define AUDIT_INTERNAL_H

#include "audit/audit.h"

/* ---- record.c ---- */
/* Compute the CRC of a record (without its length) again, after a word of its head was filled in. */
void record_seal(uint8_t *record, size_t len_bytes);
/* Every field whole, of its type, and no known tag twice: also for the personal fields that came out of a sealed record. */
bool record_fields_are_good(const uint8_t *fields, size_t len_bytes);
/*
 * bytes: all that is left of the last segment, beginning where a record should; it does not parse. True if a crash explains that: a
 * record that was not written to its end. False if a record that was whole has been changed.
 */
bool record_tail_is_torn(const uint8_t *bytes, size_t len_bytes, uint64_t file_off_bytes, uint64_t next_seq);
/* CRC-32C of the bytes, by the processor's instruction where it has one, or by the table. */
uint32_t record_crc32c(const void *bytes, size_t len_bytes, bool by_instruction);

/* ---- read.c ---- */
#define SEGMENT_NAME_SIZE AUDIT_NAME_SIZE
void segment_name(uint64_t first_seq, char ret[static SEGMENT_NAME_SIZE]);

struct segments { uint64_t *first_seq; size_t count; }; /* ascending */
int segments_list(int dir_fd, struct segments *ret, struct err *e);

struct log_place { uint64_t first_seq, next_seq, off_bytes; };
/* Where the next record should begin. */
void log_reader_place(const struct log_reader *r, struct log_place *ret);

#endif
