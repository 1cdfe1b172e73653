/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a commit group. Room is asked for once, at the start: appending a record asks for no memory of its own. */
#include "audit/group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "audit/internal.h"

#define PREFIX_BYTES 2u
#define GROUP_CAP (AUDIT_PENDING_MAX_BYTES + 2 * GROUP_RECORD_ROOM)

int group_init(struct group *g)
{
	memset(g, 0, sizeof(*g));
	g->bytes = malloc(GROUP_CAP);
	return g->bytes ? 0 : -ENOMEM;
}

static void part_free(struct group_part *p)
{
	if (p->plain.data)
		OPENSSL_cleanse(p->plain.data, p->plain.cap_bytes);
	buf_free(&p->plain);
	buf_free(&p->record);
}

void group_clear(struct group *g, uint64_t next_seq)
{
	for (size_t i = 0; i < g->parts; i++)
		part_free(&g->part[i]);
	g->parts = g->open_from = 0;
	g->parts_bytes = g->len_bytes = g->count = 0;
	g->first_seq = next_seq;
}

void group_free(struct group *g)
{
	group_clear(g, 0);
	free(g->bytes);
	free(g->v);
	free(g->part);
	memset(g, 0, sizeof(*g));
}

static int add_entry(struct group *g, struct group_entry entry)
{
	if (g->count == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 1024;
		struct group_entry *more = reallocarray(g->v, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		g->v = more;
		g->cap = cap;
	}
	g->v[g->count++] = entry;
	return 0;
}

int group_take(struct group *g, size_t len_bytes)
{
	int code = add_entry(g, (struct group_entry){ (uint32_t)g->len_bytes, (uint32_t)len_bytes });

	if (code == 0)
		g->len_bytes += len_bytes;
	return code;
}

static struct group_part *find_part(struct group *g, const char *class_, const char period[static SEAL_PERIOD_SIZE], size_t more_bytes)
{
	for (size_t i = g->parts; i > g->open_from; i--) {
		struct group_part *p = &g->part[i - 1];

		if (!memcmp(p->period, period, SEAL_PERIOD_SIZE) && !strcmp(p->class_, class_))
			return p->plain.len_bytes + more_bytes <= SEAL_PLAIN_MAX ? p : NULL; /* an older one is fuller still */
	}
	return NULL;
}

static struct group_part *new_part(struct group *g, const char *class_, const char *period, const struct pw_record *head)
{
	struct group_part *p;

	if (g->parts == g->parts_cap) {
		size_t cap = g->parts_cap ? g->parts_cap * 2 : 8;
		struct group_part *more = reallocarray(g->part, cap, sizeof(*more));

		if (!more)
			return NULL;
		g->part = more;
		g->parts_cap = cap;
	}
	if (add_entry(g, (struct group_entry){ GROUP_SEALED | (uint32_t)g->parts, 0 }) < 0)
		return NULL;
	p = &g->part[g->parts++];
	memset(p, 0, sizeof(*p));
	memcpy(p->class_, class_, strnlen(class_, sizeof(p->class_) - 1));
	memcpy(p->period, period, strnlen(period, sizeof(p->period) - 1));
	p->head = *head;
	p->entry = g->count - 1;
	return p;
}

int group_seal(struct group *g, const char *class_, const char period[static SEAL_PERIOD_SIZE], const struct pw_record *head, uint8_t *part,
	       size_t len_bytes, uint64_t *ret_seq, uint64_t *ret_off)
{
	struct group_part *p = find_part(g, class_, period, GROUP_PART_LEN_BYTES + len_bytes);
	size_t at;

	if (!p)
		p = new_part(g, class_, period, head);
	if (!p)
		return -ENOMEM;
	at = p->plain.len_bytes;
	part[0] = (uint8_t)len_bytes;
	part[1] = (uint8_t)(len_bytes >> 8);
	buf_add(&p->plain, part, GROUP_PART_LEN_BYTES + len_bytes);
	if (p->plain.failed) {
		p->plain.failed = false;
		p->plain.len_bytes = at;
		return -ENOMEM;
	}
	g->parts_bytes += GROUP_PART_LEN_BYTES + len_bytes;
	*ret_seq = g->first_seq + p->entry;
	*ret_off = at;
	return 0;
}

int group_close(struct group *g, struct seals *keys, struct err *e)
{
	for (; g->open_from < g->parts; g->open_from++) {
		struct group_part *p = &g->part[g->open_from];
		int code;

		p->head.seq = g->first_seq + p->entry;
		code = seals_seal(keys, &p->head, p->class_, p->period, &p->plain, &p->record, e);
		if (code < 0)
			return code;
		g->v[p->entry].len_bytes = (uint32_t)p->record.len_bytes;
	}
	return 0;
}

void group_record(const struct group *g, size_t i, const uint8_t **ret, size_t *ret_len_bytes)
{
	const struct group_entry *entry = &g->v[i];

	*ret = entry->off_bytes & GROUP_SEALED ? (const uint8_t *)g->part[entry->off_bytes & ~GROUP_SEALED].record.data
						: g->bytes + entry->off_bytes;
	*ret_len_bytes = entry->len_bytes;
}

/* One record again with its number one higher, and those that it names if they stand in this group; each may take one byte more. */
static void shift_record(const struct group *g, const uint8_t *from, size_t len_bytes, struct buf *to)
{
	size_t begin = to->len_bytes, at = PREFIX_BYTES + sizeof(struct pw_record);
	struct pw_record head;

	memcpy(&head, from + PREFIX_BYTES, sizeof(head));
	head.seq++;
	record_begin(to, &head);
	while (at < len_bytes) {
		struct pw_field f;
		uint64_t seq = 0;

		memcpy(&f, from + at, sizeof(f));
		at += sizeof(f);
		if (f.tag == PW_F_SEALED_BY || f.tag == PW_F_LIKE) {
			memcpy(&seq, from + at, f.len_bytes);
			record_u64(to, f.tag, seq + (seq >= g->first_seq));
		} else {
			record_bytes(to, f.tag, from + at, f.len_bytes);
		}
		at += f.len_bytes;
	}
	if (record_end(to, begin) < 0)
		to->failed = true;
}

int group_shift(struct group *g)
{
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < g->count; i++)
		if (!(g->v[i].off_bytes & GROUP_SEALED))
			shift_record(g, g->bytes + g->v[i].off_bytes, g->v[i].len_bytes, &all);
	if (all.failed || all.len_bytes > GROUP_CAP - GROUP_RECORD_ROOM) {
		buf_free(&all);
		return -ENOMEM;
	}
	memcpy(g->bytes, all.data ? all.data : "", all.len_bytes);
	g->len_bytes = 0;
	for (size_t i = 0; i < g->count; i++) {
		const uint8_t *record = g->bytes + g->len_bytes;

		if (g->v[i].off_bytes & GROUP_SEALED)
			continue;
		g->v[i].off_bytes = (uint32_t)g->len_bytes;
		g->v[i].len_bytes = PREFIX_BYTES + ((uint32_t)record[0] << 8 | record[1]);
		g->len_bytes += g->v[i].len_bytes;
	}
	buf_free(&all);
	g->first_seq++;
	g->open_from = 0; /* what a sealed record authenticates with has changed too */
	return 0;
}
