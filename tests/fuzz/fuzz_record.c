/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record of the log: never read outside, one encoding for one record, any changed bit found, and whatever is in it
 * comes out as a line and as JSON without a control character. The check sum is made right first, or nothing would get past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/internal.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static void must_be_printable(const struct buf *b)
{
	MUST(!b->failed);
	for (size_t i = 0; i < b->len_bytes; i++)
		MUST((unsigned char)b->data[i] >= 0x20 && b->data[i] != 0x7f);
}

/* Built again from its own fields it is the same record. */
static void must_rebuild(const struct record_view *v, const uint8_t *bytes, size_t len_bytes)
{
	const uint8_t *p = v->fields, *end = p + v->fields_len_bytes;
	_buf_ struct buf again = BUF_INIT;

	record_begin(&again, &v->head);
	while (p < end) {
		struct pw_field f;

		memcpy(&f, p, sizeof(f));
		record_bytes(&again, (enum pw_field_tag)f.tag, p + sizeof(f), f.len_bytes);
		p += sizeof(f) + f.len_bytes;
	}
	MUST(record_end(&again, 0) == 0);
	MUST(again.len_bytes == len_bytes && !memcmp(again.data, bytes, len_bytes));
}

static void one_record(uint8_t *bytes, size_t size)
{
	const struct record_style style = { .utc = true, .color = false };
	_buf_ struct buf line = BUF_INIT, json = BUF_INIT;
	struct record_view v;
	size_t used, bit;

	if (record_parse(bytes, size, &v, &used) < 0)
		return;
	MUST(used <= size);
	record_render_text(&v, &style, &line);
	record_render_json(&v, &json);
	must_be_printable(&line);
	must_be_printable(&json);
	must_rebuild(&v, bytes, used);
	/* Which bit is changed depends on the input; over many inputs it is each. */
	bit = (size_t)(v.head.crc % (used * 8));
	bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	MUST(record_parse(bytes, used, &v, &used) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;
	size_t record_len_bytes;

	if (size < 2)
		return 0;
	bytes = malloc(size); /* exactly: a sanitizer sees one byte too many */
	MUST(bytes);
	memcpy(bytes, data, size);
	(void)record_tail_is_torn(bytes, size, data[0], data[1]);
	record_len_bytes = (size_t)bytes[0] << 8 | bytes[1];
	if (record_len_bytes >= sizeof(struct pw_record) && record_len_bytes <= size - 2)
		record_seal(bytes + 2, record_len_bytes);
	one_record(bytes, size);
	free(bytes);
	return 0;
}
