/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an abridged record shares with the full one that it names, for readers. Full records are remembered as they come by, one for each
 * place in the 256 that may be named; one that did not come by is read. Never changes what a record's own bytes say.
 */
#include "audit/read_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define SLOTS (PW_LIKE_FAR + 1u)

enum slot_state { EMPTY, WHOLE, SHARED }; /* all fields of the record; those that others may share, alone */
struct slot { enum slot_state state; uint64_t seq; uint8_t *fields; size_t len_bytes, cap_bytes; };

struct abridged { struct aside *aside; struct slot slots[SLOTS]; };

int abridged_new(struct aside *aside, struct abridged **ret, struct err *e)
{
	struct abridged *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(e, -ENOMEM, "open the log");
	a->aside = aside;
	*ret = a;
	return 0;
}

void abridged_free(struct abridged *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		free(a->slots[i].fields);
	free(a);
}

static int keep(struct abridged *a, const struct record_view *v)
{
	struct slot *s = &a->slots[v->head.seq % SLOTS];

	s->state = EMPTY;
	if (v->fields_len_bytes > s->cap_bytes) {
		uint8_t *more = realloc(s->fields, v->fields_len_bytes);

		if (!more)
			return -ENOMEM;
		s->fields = more;
		s->cap_bytes = v->fields_len_bytes;
	}
	if (v->fields_len_bytes)
		memcpy(s->fields, v->fields, v->fields_len_bytes);
	s->len_bytes = v->fields_len_bytes;
	s->seq = v->head.seq;
	s->state = WHOLE;
	return 0;
}

/* The full record that v names into its slot. */
static int fetch(struct abridged *a, const struct record_view *v, uint64_t seq, struct err *e)
{
	struct record_view full;
	int code = aside_read(a->aside, seq, &full, e);

	/* Pruning takes both or none; without it nobody could say what was decided, and a query would pass over it unsaid. */
	if (code == -ERANGE)
		return err_say(e, -EBADMSG, "record %llu is abridged, and record %llu, which holds the rest of it, is missing from the log",
			       (unsigned long long)v->head.seq, (unsigned long long)seq);
	if (code < 0)
		return code;
	if (full.head.kind != PW_REC_ACCESS || record_has(&full, PW_F_LIKE))
		return err_say(e, -EBADMSG, "record %llu is named as a full record, and is none", (unsigned long long)seq);
	return keep(a, &full) < 0 ? err_set(e, -ENOMEM, "read the log") : 0;
}

int abridged_fill(struct abridged *a, struct record_view *v, struct err *e)
{
	uint64_t like;
	struct slot *s;
	int code;

	if (v->head.kind != PW_REC_ACCESS)
		return 0;
	if (!record_has(v, PW_F_LIKE))
		return keep(a, v) < 0 ? err_set(e, -ENOMEM, "read the log") : 0;
	like = record_find_u64(v, PW_F_LIKE, UINT64_MAX);
	if (like >= v->head.seq || v->head.seq - like > PW_LIKE_FAR)
		return err_say(e, -EBADMSG, "record %llu cannot be like record %llu", (unsigned long long)v->head.seq, (unsigned long long)like);
	s = &a->slots[like % SLOTS];
	if (s->state == EMPTY || s->seq != like) {
		code = fetch(a, v, like, e);
		if (code < 0)
			return code;
	}
	if (s->state == WHOLE)
		s->len_bytes = record_shared(&(struct record_view){ .fields = s->fields, .fields_len_bytes = s->len_bytes }, s->fields);
	s->state = SHARED;
	v->shared = s->fields;
	v->shared_len_bytes = s->len_bytes;
	return 0;
}
