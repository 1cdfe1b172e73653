/* SPDX-License-Identifier: Apache-2.0 */
/* A hash index over names. It never copies a name and never outlives the tree whose names it holds. */
#include "policy/symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/diag.h"
#include "policy/lex.h"

void symbols_free(struct symbols *s)
{
	free(s->v);
	free(s->slots);
	memset(s, 0, sizeof(*s));
}

/* FNV-1a, 64 bits. Hostile names can make it slow, within the limits of a policy's size; it decides nothing. */
static size_t hash(enum symbol_kind kind, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)kind;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

/* The slot that holds this name, or the free one where it would go. */
static uint32_t *slot_of(const struct symbols *s, enum symbol_kind kind, const char *name)
{
	for (size_t i = hash(kind, name);; i++) {
		uint32_t *slot = &s->slots[i & (s->slots_count - 1)];

		if (!*slot || (s->v[*slot - 1].kind == kind && strcmp(s->v[*slot - 1].name, name) == 0))
			return slot;
	}
}

static int grow(struct symbols *s)
{
	size_t count = s->slots_count ? 2 * s->slots_count : 64;
	uint32_t *slots;

	if (2 * s->count < s->slots_count)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(s->slots);
	s->slots = slots;
	s->slots_count = count;
	for (size_t i = 0; i < s->count; i++)
		*slot_of(s, s->v[i].kind, s->v[i].name) = (uint32_t)i + 1;
	return 0;
}

int symbols_add(struct symbols *s, enum symbol_kind kind, const char *name, uint32_t idx, uint32_t *ret_first)
{
	struct symbol *new;
	uint32_t *slot;

	if (grow(s) < 0)
		return -ENOMEM;
	slot = slot_of(s, kind, name);
	if (*slot) {
		*ret_first = s->v[*slot - 1].idx;
		return -EEXIST;
	}
	new = list_push(s);
	if (!new)
		return -ENOMEM;
	*new = (struct symbol){ .name = name, .idx = idx, .kind = kind };
	*slot = (uint32_t)s->count;
	return 0;
}

uint32_t symbols_find(const struct symbols *s, enum symbol_kind kind, const char *name)
{
	const uint32_t *slot;

	if (!s->slots_count)
		return UINT32_MAX;
	slot = slot_of(s, kind, name);
	return *slot ? s->v[*slot - 1].idx : UINT32_MAX;
}

const char *symbols_closest(const struct symbols *s, enum symbol_kind kind, const char *word)
{
	const char **names = calloc(s->count ? s->count : 1, sizeof(*names)), *near;
	size_t n = 0;

	if (!names)
		return NULL;
	for (size_t i = 0; i < s->count; i++)
		if (s->v[i].kind == kind)
			names[n++] = s->v[i].name;
	near = closest(word, names, n);
	free(names);
	return near;
}
