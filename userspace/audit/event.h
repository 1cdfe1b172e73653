/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel event as the bytes of an access record, fast: one goes by for every access. Most are like one that went by shortly before but
 * for the object, and are abridged: they name that one. Asks for no memory and believes nothing of the event. Private to this folder.
 */
#ifndef AUDIT_EVENT_H
#define AUDIT_EVENT_H

#include "audit/audit.h"

#define EVENT_TEXT_MAX     4096u /* bytes of one name or path: a record always fits, whatever a policy is called */
#define EVENT_RECORD_MAX   (sizeof(struct pw_record) + 40u * 12u + 9u * (4u + EVENT_TEXT_MAX))
#define EVENT_PERSONAL_MAX (2u * (4u + EVENT_TEXT_MAX))
#define EVENT_NAMES        64u   /* remembered combinations */
#define EVENT_NAMES_BYTES  960u

/* What an image says about an event's object: data class of the store, NULL without one, and its path, "" without one. */
struct event_place { const char *class_, *path; };
struct event_place event_place_of(const struct pw_event *ev, const struct image *img); /* img may be NULL */
struct event_names {
	bool used;
	uint16_t label, label_to;
	uint32_t gen, rule, purpose;
	uint64_t roles;
	size_t len_bytes;
	uint8_t bytes[EVENT_NAMES_BYTES];
};
/* A full record that others may name. like: the event, without its names; what is the record's own does not count there. */
#define EVENT_FULL_BYTES offsetof(struct pw_event, comm)
struct event_full { bool used; uint64_t seq; const struct image *img; uint8_t like[EVENT_FULL_BYTES]; };
#define EVENT_FULLS 64u
/* The way down to the last object: names above it as they came, and the path that they make below that store path. */
struct event_way { bool used; const char *store_path; size_t names_len_bytes, path_len_bytes; char names[PW_NAMES_MAX]; uint8_t path[1024]; };
struct event_cache { struct event_names v[EVENT_NAMES]; struct event_full full[EVENT_FULLS]; struct event_way way; };

/* An image is exchanged: nothing that came from one counts any more. */
void event_forget(struct event_cache *c);
/* Numbers of records have changed. */
void event_forget_full(struct event_cache *c);
/*
 * Header and all fields but the personal ones into out (EVENT_RECORD_MAX bytes). Returns the end. crc, seq and boot_id of the header
 * are left to the caller. tai_ahead_ns: TAI less UTC, whole seconds. cache may be NULL.
 */
uint8_t *event_fields(uint8_t *out, const struct pw_event *ev, const struct image *img, struct event_cache *cache, int64_t tai_ahead_ns);
/* The personal fields (EVENT_PERSONAL_MAX bytes). Returns their end. cache may be NULL. */
uint8_t *event_personal(uint8_t *out, const struct pw_event *ev, const struct event_place *place, struct event_cache *cache);
/* A full record that this event's may name, if it lies in the same bundle; NULL: none is remembered. */
const struct event_full *event_like(const struct event_cache *c, const struct pw_event *ev, const struct image *img);
/* Header and fields of an abridged record, as event_fields(). */
uint8_t *event_abridged(uint8_t *out, const struct pw_event *ev, uint64_t like_seq, int64_t tai_ahead_ns);
/* Record seq is this event's, and full. */
void event_remember(struct event_cache *c, const struct pw_event *ev, const struct image *img, uint64_t seq);
int64_t event_tai_ahead_ns(void);
/* A number as a field at p; 12 bytes of room. Returns its end. */
static inline uint8_t *event_u64(uint8_t *p, enum pw_field_tag tag, uint64_t v)
{
	unsigned len_bytes = v ? (71u - (unsigned)__builtin_clzll(v)) / 8u : 1u;
	uint32_t head = (uint32_t)tag | len_bytes << 16;

	__builtin_memcpy(p, &head, sizeof(head));
	__builtin_memcpy(p + sizeof(head), &v, sizeof(v));
	return p + sizeof(head) + len_bytes;
}

#endif
