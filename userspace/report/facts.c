/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over a record's fields, whose form the reader has checked. Believes no length that the reader did not look at. */
#include "report/facts.h"

#include <string.h>

static void take_fields(struct facts *f, const uint8_t *p, size_t left)
{
	while (left >= sizeof(struct pw_field)) {
		struct pw_field head;

		memcpy(&head, p, sizeof(head));
		p += sizeof(head);
		left -= sizeof(head);
		if (head.len_bytes > left)
			return;
		if (head.tag < FACTS_TAGS && !(f->present >> head.tag & 1)) {
			f->present |= 1ull << head.tag;
			f->p[head.tag] = p;
			f->len_bytes[head.tag] = head.len_bytes;
		}
		p += head.len_bytes;
		left -= head.len_bytes;
	}
}

void facts_of(const struct record_view *v, struct facts *ret)
{
	ret->v = v;
	ret->present = 0;
	take_fields(ret, v->fields, v->fields_len_bytes);
	if (v->personal)
		take_fields(ret, v->personal, v->personal_len_bytes);
	if (v->shared)
		take_fields(ret, v->shared, v->shared_len_bytes);
}

uint64_t facts_u64(const struct facts *f, enum pw_field_tag tag, uint64_t otherwise)
{
	uint64_t value = 0;

	if (!facts_has(f, tag) || f->len_bytes[tag] > sizeof(value))
		return otherwise;
	memcpy(&value, f->p[tag], f->len_bytes[tag]);
	return value;
}

int64_t facts_i64(const struct facts *f, enum pw_field_tag tag, int64_t otherwise)
{
	int64_t value;

	if (!facts_has(f, tag) || f->len_bytes[tag] != sizeof(value))
		return otherwise;
	memcpy(&value, f->p[tag], sizeof(value));
	return value;
}

bool facts_is(const struct facts *f, enum pw_field_tag tag, const char *word)
{
	return facts_has(f, tag) && f->len_bytes[tag] == strlen(word) && !memcmp(f->p[tag], word, strlen(word));
}

char *facts_text(const struct facts *f, enum pw_field_tag tag)
{
	struct buf b = BUF_INIT;

	if (facts_has(f, tag))
		buf_add_escaped(&b, (const char *)f->p[tag], f->len_bytes[tag]);
	return buf_take(&b);
}

bool facts_in_store(const struct facts *f)
{
	uint64_t label = facts_u64(f, PW_F_LABEL, PW_LABEL_OUTSIDE);

	return f->v->head.kind == PW_REC_ACCESS && label > PW_LABEL_OUTSIDE && label < PW_LABEL_OWN_FIRST;
}

bool facts_lists(const struct facts *f, enum pw_field_tag tag, const char *word)
{
	size_t n, len = strlen(word);
	const uint8_t *p;

	if (!facts_has(f, tag))
		return false;
	n = f->len_bytes[tag];
	p = f->p[tag];
	while (n) {
		const uint8_t *comma = memchr(p, ',', n);
		size_t part = comma ? (size_t)(comma - p) : n;

		if (part == len && !memcmp(p, word, len))
			return true;
		n -= comma ? part + 1 : part;
		p += comma ? part + 1 : part;
	}
	return false;
}
