/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that wait for their commit, as the bytes that will be written: numbered when they come, sealed parts filled in when the group is
 * closed. Keeps everything until the disk has it. Knows no file but the keys. Private to this folder.
 */
#ifndef AUDIT_GROUP_H
#define AUDIT_GROUP_H

#include "audit/seal.h"
#include "audit/tree.h"

#define GROUP_SEALED (1u << 31)            /* an entry's off_bytes is then the index of a part */
#define GROUP_RECORD_ROOM (PW_RECORD_MAX + 2u)

struct group_entry { uint32_t off_bytes, len_bytes; };  /* with its length prefix; of a part: filled in when it is closed */
/* Personal fields of one class and month in this group, and the record that they become. */
struct group_part { char class_[SEAL_CLASS_MAX], period[SEAL_PERIOD_SIZE]; struct pw_record head; struct buf plain, record; size_t entry; };

struct group {
	uint8_t *bytes; size_t len_bytes;
	struct group_entry *v; size_t count, cap;
	struct group_part *part; size_t parts, parts_cap;
	size_t open_from;      /* parts from here on may still grow; those before are closed, or full */
	size_t parts_bytes;    /* of all plain texts */
	uint64_t first_seq;
	uint64_t since_ns;     /* CLOCK_BOOTTIME of the first record */
};

int  group_init(struct group *g);
void group_free(struct group *g);
void group_clear(struct group *g, uint64_t next_seq);  /* all of it is on disk */
static inline uint64_t group_next_seq(const struct group *g) { return g->first_seq + g->count; }
static inline size_t group_bytes(const struct group *g) { return g->len_bytes + g->parts_bytes; }
/* Room for one more record (GROUP_RECORD_ROOM bytes), as long as group_bytes() is at most AUDIT_PENDING_MAX_BYTES. */
static inline uint8_t *group_room(const struct group *g) { return g->bytes + g->len_bytes; }
/* A record of that many bytes, prefix included, stands there now; it has number group_next_seq(). -ENOMEM. */
int  group_take(struct group *g, size_t len_bytes);
/* The last record, no sealed part, is that many bytes now, prefix included. */
static inline void group_grow_last(struct group *g, size_t len_bytes)
{
	g->len_bytes += len_bytes - g->v[g->count - 1].len_bytes;
	g->v[g->count - 1].len_bytes = (uint32_t)len_bytes;
}
/*
 * The part for personal fields of that class and month with room for len_bytes more. A new part takes the next number, so ask before
 * the record's own is read. head: for a new one; its seq is filled in. part: room for the length, and then len_bytes of fields.
 * *ret_seq, *ret_off: what SEALED_BY and SEALED_AT have to say.
 */
#define GROUP_PART_LEN_BYTES 2u
int  group_seal(struct group *g, const char *class_, const char period[static SEAL_PERIOD_SIZE], const struct pw_record *head, uint8_t *part,
		size_t len_bytes, uint64_t *ret_seq, uint64_t *ret_off);
/* Seal what was not yet. Nothing is lost on failure; it can be tried again. */
int  group_close(struct group *g, struct seals *keys, struct err *e);
/* Every number grows by one, since a record was put in front; sealed parts are open again. -ENOMEM: nothing has changed. */
int  group_shift(struct group *g);
/* Entry i of a closed group: its bytes with the prefix. */
void group_record(const struct group *g, size_t i, const uint8_t **ret, size_t *ret_len_bytes);

#endif
