/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table over one buffer. It never forgets and never moves an offset that it has handed out. */
#include "policy/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void intern_free(struct intern *t)
{
	buf_free(&t->bytes);
	free(t->items);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

/* FNV-1a. The input is the administrator's own policy: an unlucky table is slow, never wrong. */
static uint64_t hash_bytes(const void *bytes, size_t len_bytes)
{
	const unsigned char *p = bytes;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len_bytes; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static bool same(const struct intern *t, const struct intern_item *item, uint64_t hash, const void *bytes, size_t len_bytes)
{
	return item->hash == hash && item->len_bytes == len_bytes &&
	       (!len_bytes || memcmp(t->bytes.data + item->off_bytes, bytes, len_bytes) == 0);
}

static size_t slot_of(const struct intern *t, uint64_t hash, const void *bytes, size_t len_bytes)
{
	size_t i = (size_t)hash & (t->slots_count - 1);

	while (t->slots[i] && !same(t, &t->items[t->slots[i] - 1], hash, bytes, len_bytes))
		i = (i + 1) & (t->slots_count - 1);
	return i;
}

static int grow(struct intern *t)
{
	size_t cap = t->cap ? t->cap * 2 : 32;
	struct intern_item *items = reallocarray(t->items, cap, sizeof(*items));
	uint32_t *slots;

	if (!items)
		return -ENOMEM;
	t->items = items;
	slots = calloc(cap * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->slots_count = cap * 2;
	t->cap = cap;
	for (size_t n = 0; n < t->count; n++) {
		size_t i = (size_t)t->items[n].hash & (t->slots_count - 1);

		while (t->slots[i])
			i = (i + 1) & (t->slots_count - 1);
		t->slots[i] = (uint32_t)n + 1;
	}
	return 0;
}

bool intern_find(const struct intern *t, const void *bytes, size_t len_bytes, size_t *ret_off_bytes)
{
	size_t i;

	if (!t->slots_count)
		return false;
	i = slot_of(t, hash_bytes(bytes, len_bytes), bytes, len_bytes);
	if (!t->slots[i])
		return false;
	*ret_off_bytes = t->items[t->slots[i] - 1].off_bytes;
	return true;
}

int intern_add(struct intern *t, const void *bytes, size_t len_bytes, size_t *ret_off_bytes)
{
	uint64_t hash = hash_bytes(bytes, len_bytes);
	struct intern_item *item;
	size_t i;

	if (intern_find(t, bytes, len_bytes, ret_off_bytes))
		return 0;
	if (t->count == t->cap && grow(t) < 0)
		return -ENOMEM;
	i = slot_of(t, hash, bytes, len_bytes);
	item = &t->items[t->count];
	*item = (struct intern_item){ .hash = hash, .off_bytes = t->bytes.len_bytes, .len_bytes = len_bytes };
	buf_add(&t->bytes, bytes, len_bytes);
	if (t->bytes.failed)
		return -ENOMEM;
	t->slots[i] = (uint32_t)++t->count;
	*ret_off_bytes = item->off_bytes;
	return 0;
}
