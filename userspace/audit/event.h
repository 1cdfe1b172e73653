/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel event as the bytes of an access record, fast: one goes by for every access. Fields that follow from rule, store and roles alone
 * are put together once and remembered. Asks for no memory and believes nothing of the event. Private to this folder.
 */
#ifndef AUDIT_EVENT_H
#define AUDIT_EVENT_H

#include "audit/audit.h"

#define EVENT_TEXT_MAX     4096u /* bytes of one name or path: a record always fits, whatever a policy is called */
#define EVENT_RECORD_MAX   (sizeof(struct pw_record) + 40u * 12u + 9u * (4u + EVENT_TEXT_MAX))
#define EVENT_PERSONAL_MAX (2u * (4u + EVENT_TEXT_MAX))
#define EVENT_NAMES        64u   /* remembered combinations */
#define EVENT_NAMES_BYTES  960u

struct event_names {
	bool used;
	uint16_t label, label_to;
	uint32_t gen, rule, purpose;
	uint64_t roles;
	const char *class_;      /* of the store, in the image; NULL: none */
	const char *store_path;
	size_t len_bytes;
	uint8_t bytes[EVENT_NAMES_BYTES];
};
struct event_cache { struct event_names v[EVENT_NAMES]; };

/* An image is exchanged: nothing that came from one counts any more. */
void event_forget(struct event_cache *c);
/*
 * Header and fields into out (EVENT_RECORD_MAX bytes), without the personal fields, which go to personal (EVENT_PERSONAL_MAX bytes).
 * Returns the end in out. crc, seq and boot_id of the header are left to the caller. tai_ahead_ns: TAI less UTC, whole seconds.
 * *ret_class: data class of the store, or NULL.
 */
uint8_t *event_fields(uint8_t *out, const struct pw_event *ev, const struct image *img, struct event_cache *cache, int64_t tai_ahead_ns,
		      uint8_t *personal, size_t *ret_personal_bytes, const char **ret_class);
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
