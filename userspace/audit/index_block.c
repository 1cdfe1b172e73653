/* SPDX-License-Identifier: Apache-2.0 */
/* What of a record is looked for: people by number, stores, roles, rules, actions, kinds, refusals. Never a path or a name of a program. */
#include "audit/index_block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void index_block_free(struct index_block *b)
{
	for (size_t i = 0; i < b->cap; i++) {
		buf_free(&b->v[i].text);
		buf_free(&b->v[i].gaps);
	}
	free(b->v);
	free(b->table);
	*b = (struct index_block){ 0 };
}

void index_block_begin(struct index_block *b, uint64_t first_seq)
{
	b->first_seq = first_seq;
	b->since_utc_ns = INT64_MAX;
	b->until_utc_ns = INT64_MIN;
	b->count = 0;
	if (b->table)
		memset(b->table, 0, b->table_size * sizeof(*b->table));
}

static uint64_t hash_of(enum index_key key, uint64_t number, const uint8_t *text, size_t len_bytes)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)key * 0x9e3779b97f4a7c15u;

	h = (h ^ number) * 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < len_bytes; i++)
		h = (h ^ text[i]) * 0x100000001b3u;
	return h ^ h >> 29;
}

static bool is_it(const struct index_posting *p, enum index_key key, uint64_t number, const uint8_t *text, size_t len_bytes)
{
	return p->key == key && p->number == number && p->text.len_bytes == len_bytes && (!len_bytes || !memcmp(p->text.data, text, len_bytes));
}

/* Twice the room, and everything in its new place. */
static int grow(struct index_block *b)
{
	size_t cap = b->cap ? b->cap * 2 : 1024, size = cap * 2;
	struct index_posting *v = reallocarray(b->v, cap, sizeof(*v));
	uint32_t *table;

	if (!v)
		return -ENOMEM;
	memset(v + b->cap, 0, (cap - b->cap) * sizeof(*v));
	b->v = v;
	b->cap = cap;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(b->table);
	b->table = table;
	b->table_size = size;
	for (size_t i = 0; i < b->count; i++) {
		size_t at = hash_of(v[i].key, v[i].number, (const uint8_t *)v[i].text.data, v[i].text.len_bytes) % size;

		while (table[at])
			at = (at + 1) % size;
		table[at] = (uint32_t)i + 1;
	}
	return 0;
}

static struct index_posting *posting(struct index_block *b, enum index_key key, uint64_t number, const uint8_t *text, size_t len_bytes)
{
	struct index_posting *p;
	size_t at;

	if (b->count == b->cap && grow(b) < 0)
		return NULL;
	at = hash_of(key, number, text, len_bytes) % b->table_size;
	for (; b->table[at]; at = (at + 1) % b->table_size)
		if (is_it(&b->v[b->table[at] - 1], key, number, text, len_bytes))
			return &b->v[b->table[at] - 1];
	p = &b->v[b->count++];
	b->table[at] = (uint32_t)b->count;
	p->key = key;
	p->number = number;
	p->text.len_bytes = p->gaps.len_bytes = 0;
	p->last = 0;
	buf_add(&p->text, text ? text : (const uint8_t *)"", len_bytes);
	return p->text.failed ? NULL : p;
}

static int add(struct index_block *b, uint64_t seq, enum index_key key, uint64_t number, const uint8_t *text, size_t len_bytes)
{
	struct index_posting *p = posting(b, key, number, text, len_bytes);
	uint32_t place = (uint32_t)(seq - b->first_seq) + 1, gap;

	if (!p)
		return -ENOMEM;
	if (p->last == place)
		return 0; /* the same person as user and at login */
	gap = place - p->last;
	p->last = place;
	for (; gap >= 0x80; gap >>= 7)
		buf_add_char(&p->gaps, (char)(gap | 0x80));
	buf_add_char(&p->gaps, (char)gap);
	return p->gaps.failed ? -ENOMEM : 0;
}

static int add_numbers(struct index_block *b, const struct record_view *v)
{
	static const enum pw_field_tag people[] = { PW_F_UID, PW_F_LOGIN_UID, PW_F_ACTOR_UID };
	uint64_t seq = v->head.seq, need = record_find_u64(v, PW_F_NEED, 0);
	int code = add(b, seq, INDEX_KIND, v->head.kind, NULL, 0);

	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]) && code == 0; i++) {
		uint64_t uid = record_find_u64(v, people[i], UINT64_MAX);

		if (uid != UINT64_MAX)
			code = add(b, seq, INDEX_USER, uid, NULL, 0);
	}
	for (unsigned bit = 0; bit < 64 && code == 0; bit++)
		if (need >> bit & 1)
			code = add(b, seq, INDEX_ACTION, bit, NULL, 0);
	if (code == 0 && v->head.kind == PW_REC_ACCESS && record_find_u64(v, PW_F_VERDICT, UINT64_MAX) == PW_DENY)
		code = add(b, seq, INDEX_DENY, 1, NULL, 0);
	return code;
}

static int add_text(struct index_block *b, const struct record_view *v, enum index_key key, enum pw_field_tag tag)
{
	const uint8_t *p;
	size_t n;

	return record_find(v, tag, &p, &n) && n ? add(b, v->head.seq, key, 0, p, n) : 0;
}

/* Each word of a comma-separated list. */
static int add_roles(struct index_block *b, const struct record_view *v)
{
	const uint8_t *p;
	int code = 0;
	size_t n;

	if (!record_find(v, PW_F_ROLES, &p, &n))
		return 0;
	while (n && code == 0) {
		const uint8_t *comma = memchr(p, ',', n);
		size_t len = comma ? (size_t)(comma - p) : n;

		if (len)
			code = add(b, v->head.seq, INDEX_ROLE, 0, p, len);
		n -= comma ? len + 1 : len;
		p += comma ? len + 1 : len;
	}
	return code;
}

int index_block_add(struct index_block *b, const struct record_view *v)
{
	int code = add_numbers(b, v);

	if (code == 0)
		code = add_text(b, v, INDEX_STORE, PW_F_STORE);
	if (code == 0)
		code = add_text(b, v, INDEX_STORE, PW_F_STORE_TO);
	if (code == 0)
		code = add_text(b, v, INDEX_RULE, PW_F_RULE);
	if (code == 0)
		code = add_roles(b, v);
	if (v->head.time_utc_ns < b->since_utc_ns)
		b->since_utc_ns = v->head.time_utc_ns;
	if (v->head.time_utc_ns > b->until_utc_ns)
		b->until_utc_ns = v->head.time_utc_ns;
	return code;
}

int index_bits(const void *gaps, size_t len_bytes, uint8_t bits[static INDEX_BLOCK / 8])
{
	const uint8_t *p = gaps, *end = p + len_bytes;
	uint32_t place = 0;

	while (p < end) {
		uint32_t gap = 0;
		unsigned shift = 0;

		while (p < end && *p & 0x80 && shift < 14) {
			gap |= (uint32_t)(*p++ & 0x7f) << shift;
			shift += 7;
		}
		if (p == end || *p & 0x80)
			return -EBADMSG;
		gap |= (uint32_t)*p++ << shift;
		place += gap;
		if (!gap || place > INDEX_BLOCK)
			return -EBADMSG;
		bits[(place - 1) / 8] |= (uint8_t)(1u << ((place - 1) % 8));
	}
	return 0;
}
