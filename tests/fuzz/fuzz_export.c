/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any record in every format that it is exported in: JSON that jansson takes, with no key twice and in ASCII; a syslog message and a
 * journal entry whose borders hold, whatever the names in the record are. The record also serves as its own unsealed part.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/internal.h"
#include "export/export.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

static void must_be_json(const struct buf *b)
{
	json_error_t problem;
	json_t *doc;

	MUST(!b->failed && strlen(b->data) == b->len_bytes);
	for (size_t i = 0; i < b->len_bytes; i++)
		MUST(b->data[i] >= 0x20 && b->data[i] < 0x7f);
	/* Numbers above 2^63 are right JSON, and more than jansson has integers for. */
	doc = json_loads(b->data, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &problem);
	MUST(json_is_object(doc));
	json_decref(doc);
}

static void must_be_one_line(const struct buf *b)
{
	MUST(!b->failed && b->len_bytes && b->data[0] == '<');
	for (size_t i = 0; i < b->len_bytes; i++)
		MUST((uint8_t)b->data[i] >= 0x20 && b->data[i] != 0x7f);
}

/* Fields one after the other, to the last byte. */
static void must_be_entry(const struct buf *b)
{
	const uint8_t *p = (const uint8_t *)b->data, *end = p + b->len_bytes;

	MUST(!b->failed && b->len_bytes);
	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p)), *equals = newline ? memchr(p, '=', (size_t)(newline - p)) : NULL;
		const uint8_t *name_end = equals ? equals : newline;
		uint64_t len = 0;

		MUST(newline && name_end > p && name_end - p <= 64);
		for (const uint8_t *c = p; c < name_end; c++)
			MUST((*c >= 'A' && *c <= 'Z') || *c == '_' || (*c >= '0' && *c <= '9' && c > p));
		p = newline + 1;
		if (equals)
			continue;
		MUST(end - p > 8);
		for (size_t i = 0; i < 8; i++)
			len |= (uint64_t)p[i] << 8 * i;
		p += 8;
		MUST(len < (uint64_t)(end - p) && p[len] == '\n');
		p += len + 1;
	}
}

static void one_item(const struct record_view *v, uint8_t way)
{
	const struct export_context c = { .origin = way & 1 ? "host.example/polyward/0a1b2c3d" : "", .host = way & 2 ? "host.example" : "",
					  .enterprise = way & 4 ? 64512 : 0 };
	struct export_item item = { .view = v, .number = 1 + (uint64_t)way * 4294967291u };
	_buf_ struct buf ocsf = BUF_INIT, json = BUF_INIT, syslog = BUF_INIT, entry = BUF_INIT;

	tree_leaf(v->bytes, v->len_bytes, &item.leaf);
	export_ocsf(&c, &item, &ocsf);
	must_be_json(&ocsf);
	export_json(&c, &item, &json);
	must_be_json(&json);
	export_syslog(&c, &item, &syslog);
	must_be_one_line(&syslog);
	export_journal(&c, &item, &entry);
	must_be_entry(&entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_view v;
	size_t used, len_bytes;
	uint8_t *bytes;

	if (size < 2)
		return 0;
	bytes = malloc(size); /* exactly: a sanitizer sees one byte too many */
	MUST(bytes);
	memcpy(bytes, data, size);
	len_bytes = (size_t)bytes[0] << 8 | bytes[1];
	if (len_bytes >= sizeof(struct pw_record) && len_bytes <= size - 2)
		record_seal(bytes + 2, len_bytes);
	if (record_parse(bytes, size, &v, &used) == 0) {
		uint8_t way = (uint8_t)v.head.crc;

		one_item(&v, way);
		v.personal = v.fields;
		v.personal_len_bytes = v.fields_len_bytes;
		v.state = (enum record_personal)(way >> 3 & 3);
		one_item(&v, way);
	}
	free(bytes);
	return 0;
}
