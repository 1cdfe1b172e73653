/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as a journal entry in the journal's native serialization: NAME=value and a newline, or, where the value holds a newline,
 * NAME, newline, length (64 bits, little-endian), value, newline. Pure.
 */
#include "export/export.h"

#include <string.h>

#include "export/fields.h"

#define NAME_MAX_BYTES 64u /* longer names are dropped by the journal */

static void add(struct buf *b, const char *name, const void *value, size_t len_bytes)
{
	uint64_t len = len_bytes;
	uint8_t le[8];

	buf_add_str(b, name);
	if (memchr(value, '\n', len_bytes)) {
		for (size_t i = 0; i < sizeof(le); i++)
			le[i] = (uint8_t)(len >> 8 * i);
		buf_add_char(b, '\n');
		buf_add(b, le, sizeof(le));
	} else {
		buf_add_char(b, '=');
	}
	buf_add(b, value, len_bytes);
	buf_add_char(b, '\n');
}

static void add_buf(struct buf *b, const char *name, const struct buf *value)
{
	if (value->failed)
		b->failed = true;
	add(b, name, value->data ? value->data : "", value->len_bytes);
}

static void add_str(struct buf *b, const char *name, const char *value)
{
	add(b, name, value, strlen(value));
}

/* "policy_hash" as POLYWARD_POLICY_HASH. */
static void field_name(const char *key, char ret[static NAME_MAX_BYTES + 1])
{
	static const char prefix[] = "POLYWARD_";
	size_t at = sizeof(prefix) - 1;

	memcpy(ret, prefix, at);
	for (; *key && at < NAME_MAX_BYTES; key++)
		ret[at++] = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;
	ret[at] = '\0';
}

static const char *priority_of(const struct record_view *v)
{
	uint64_t verdict = record_find_u64(v, PW_F_VERDICT, PW_ALLOW);

	if (v->head.kind == PW_REC_GAP)
		return "3";
	if (v->head.kind == PW_REC_ACCESS)
		return verdict == PW_DENY ? "4" : verdict == PW_AUDIT ? "5" : "6";
	return v->head.kind == PW_REC_POLICY || v->head.kind == PW_REC_MODE || v->head.kind == PW_REC_ERASURE ? "5" : "6";
}

static void add_head(struct buf *b, const struct export_context *c, const struct export_item *i)
{
	const struct pw_record *h = &i->view->head;
	const char *kind = record_kind_word(h->kind);
	_buf_ struct buf seq = BUF_INIT, leaf = BUF_INIT, time = BUF_INIT, boot = BUF_INIT;

	text_u64(&seq, h->seq);
	text_hex(&leaf, i->leaf.v, sizeof(i->leaf.v));
	record_time(h->time_utc_ns, true, &time);
	text_hex(&boot, h->boot_id, sizeof(h->boot_id));
	add_buf(b, "POLYWARD_SEQ", &seq);
	add_buf(b, "POLYWARD_LEAF", &leaf);
	add_str(b, "POLYWARD_ORIGIN", c->origin);
	add_str(b, "POLYWARD_KIND", kind ? kind : "unknown");
	add_buf(b, "POLYWARD_TIME", &time);
	add_buf(b, "POLYWARD_BOOT_ID", &boot);
	if (h->cpu != UINT16_MAX) {
		_buf_ struct buf cpu = BUF_INIT, cpu_seq = BUF_INIT;

		text_u64(&cpu, h->cpu);
		text_u64(&cpu_seq, h->cpu_seq);
		add_buf(b, "POLYWARD_CPU", &cpu);
		add_buf(b, "POLYWARD_CPU_SEQ", &cpu_seq);
	}
}

void export_journal(const struct export_context *c, const struct export_item *i, struct buf *ret)
{
	static const struct record_style style = { .utc = true };
	_buf_ struct buf line = BUF_INIT;
	struct fields f;

	record_render_text(i->view, &style, &line);
	add_buf(ret, "MESSAGE", &line);
	add_str(ret, "PRIORITY", priority_of(i->view));
	add_str(ret, "SYSLOG_FACILITY", "13");
	add_str(ret, "SYSLOG_IDENTIFIER", "polyward");
	add_head(ret, c, i);
	fields_read(i->view, &f);
	for (uint16_t tag = 0; tag < FIELDS_TAGS; tag++) {
		_buf_ struct buf value = BUF_INIT;
		char name[NAME_MAX_BYTES + 1];

		if (!f.v[tag].there || tag == PW_F_SEAL_TEXT)
			continue;
		field_name(field_key(tag), name);
		text_plain(&value, tag, &f.v[tag]);
		add_buf(ret, name, &value);
	}
}
