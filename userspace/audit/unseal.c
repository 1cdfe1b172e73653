/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The personal fields of records that were read: found in the sealed record that theirs names, and opened with its key where the reader
 * was given keys. Without one the record stays as it is, and says why; what does not authenticate is an error, not an empty field.
 */
#include "audit/read_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "audit/note.h"
#include "audit/seal.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define SLOTS 16u /* sealed records that are remembered: one a class and group is in use at a time */

enum slot_state { EMPTY, CLOSED, OPEN, ERASED };
struct slot { enum slot_state state; uint64_t seq; struct buf record; struct buf plain; };

struct unseal {
	int keys_fd;                  /* the reader's */
	char origin[NOTE_NAME_MAX + 1]; /* "": not known yet */
	struct slot slots[SLOTS];
	size_t next;
	struct aside *aside;          /* for sealed records that did not come by */
};

int unseal_new(struct aside *aside, int keys_fd, struct unseal **ret, struct err *e)
{
	struct unseal *u = calloc(1, sizeof(*u));

	if (!u)
		return err_set(e, -ENOMEM, "open the log");
	u->aside = aside;
	u->keys_fd = keys_fd;
	*ret = u;
	return 0;
}

static void wipe(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->cap_bytes);
	buf_free(b);
	*b = (struct buf)BUF_INIT;
}

void unseal_free(struct unseal *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < SLOTS; i++) {
		wipe(&u->slots[i].plain);
		buf_free(&u->slots[i].record);
	}
	free(u);
}

static struct slot *slot_find(struct unseal *u, uint64_t seq)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (u->slots[i].state != EMPTY && u->slots[i].seq == seq)
			return &u->slots[i];
	return NULL;
}

int unseal_keep(struct unseal *u, const struct record_view *v)
{
	uint8_t prefix[2] = { (uint8_t)(v->len_bytes >> 8), (uint8_t)v->len_bytes };
	struct slot *s;

	if (u->keys_fd < 0 || slot_find(u, v->head.seq))
		return 0;
	s = &u->slots[u->next++ % SLOTS];
	wipe(&s->plain);
	s->record.len_bytes = 0;
	buf_add(&s->record, prefix, sizeof(prefix));
	buf_add(&s->record, v->bytes, v->len_bytes);
	s->seq = v->head.seq;
	s->state = s->record.failed ? EMPTY : CLOSED;
	return s->record.failed ? -ENOMEM : 0;
}

/* The log's name, without which nothing authenticates: the first part of its public key. */
static int find_origin(struct unseal *u, struct err *e)
{
	_buf_ struct buf vkey = BUF_INIT;
	const char *plus;
	int code = fd_read_file(u->aside->dir_fd, "log.vkey", NOTE_TEXT_MAX, &vkey);

	if (code < 0)
		return err_set(e, code, "read log.vkey of the log, which its sealed fields are bound to");
	plus = vkey.len_bytes ? strchr(vkey.data, '+') : NULL;
	if (!plus || (size_t)(plus - vkey.data) > NOTE_NAME_MAX)
		return err_say(e, -EBADMSG, "log.vkey of the log is no verifier key");
	memcpy(u->origin, vkey.data, (size_t)(plus - vkey.data));
	return 0;
}

/* A sealed record that lies further back than is remembered. */
static int fetch(struct unseal *u, uint64_t seq, struct err *e)
{
	struct record_view v;
	int code = aside_read(u->aside, seq, &v, e);

	if (code < 0)
		return code;
	if (v.head.kind != PW_REC_SEALED)
		return err_say(e, -EBADMSG, "record %llu should hold sealed fields, and does not", (unsigned long long)seq);
	return unseal_keep(u, &v) < 0 ? err_set(e, -ENOMEM, "read the log") : 0;
}

static int open_slot(struct unseal *u, struct slot *s, struct err *e)
{
	struct record_view v;
	size_t used;
	int code = u->origin[0] ? 0 : find_origin(u, e);

	if (code < 0)
		return code;
	code = record_parse((const uint8_t *)s->record.data, s->record.len_bytes, &v, &used);
	if (code == 0)
		code = seal_open(u->keys_fd, u->origin, &v, &s->plain);
	if (code == -ENOKEY)
		s->state = ERASED;
	else if (code < 0)
		return err_set(e, code, "open the sealed fields in record %llu", (unsigned long long)s->seq);
	else
		s->state = OPEN;
	return 0;
}

/* The part: its length in two bytes, little-endian, then fields as in a record. */
static int take_part(const struct slot *s, uint64_t at, struct record_view *v, struct err *e)
{
	const uint8_t *plain = (const uint8_t *)s->plain.data;
	size_t len_bytes;

	if (at > s->plain.len_bytes || s->plain.len_bytes - at < 2)
		return err_say(e, -EBADMSG, "record %llu names sealed fields that record %llu does not hold", (unsigned long long)v->head.seq,
			       (unsigned long long)s->seq);
	len_bytes = (size_t)plain[at] | (size_t)plain[at + 1] << 8;
	if (s->plain.len_bytes - at - 2 < len_bytes || !record_fields_are_good(plain + at + 2, len_bytes))
		return err_say(e, -EBADMSG, "the sealed fields of record %llu are damaged", (unsigned long long)v->head.seq);
	v->personal = plain + at + 2;
	v->personal_len_bytes = len_bytes;
	v->state = RECORD_UNSEALED;
	return 0;
}

int unseal_fill(struct unseal *u, struct record_view *v, struct err *e)
{
	uint64_t by;
	struct slot *s;
	int code;

	v->personal = NULL;
	v->personal_len_bytes = 0;
	by = record_find_u64(v, PW_F_SEALED_BY, UINT64_MAX);
	v->state = by == UINT64_MAX ? RECORD_PLAIN : RECORD_SEALED;
	if (by == UINT64_MAX || u->keys_fd < 0)
		return 0;
	s = slot_find(u, by);
	if (!s) {
		code = fetch(u, by, e);
		if (code == -ERANGE) {
			v->state = RECORD_ERASED; /* pruned, and what it held with it */
			return 0;
		}
		s = slot_find(u, by);
		if (code < 0 || !s)
			return code < 0 ? code : err_set(e, -ENOMEM, "read the log");
	}
	code = s->state == CLOSED ? open_slot(u, s, e) : 0;
	if (code < 0)
		return code;
	if (s->state == ERASED) {
		v->state = RECORD_ERASED;
		return 0;
	}
	return take_part(s, record_find_u64(v, PW_F_SEALED_AT, UINT64_MAX), v, e);
}
