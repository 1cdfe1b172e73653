/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text, without printf: this runs for every record of a log. Whatever came from outside leaves escaped and in ASCII, so that
 * no receiver has to guess an encoding and none can be made to obey a file name.
 */
#include "export/fields.h"

#include <string.h>

void text_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void text_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_add_char(b, '-');
	text_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void text_hex(struct buf *b, const uint8_t *bytes, size_t len_bytes)
{
	static const char digit[] = "0123456789abcdef";
	char pairs[128];

	while (len_bytes) {
		size_t n = len_bytes < sizeof(pairs) / 2 ? len_bytes : sizeof(pairs) / 2;

		for (size_t i = 0; i < n; i++) {
			pairs[2 * i] = digit[bytes[i] >> 4];
			pairs[2 * i + 1] = digit[bytes[i] & 15];
		}
		buf_add(b, pairs, 2 * n);
		bytes += n;
		len_bytes -= n;
	}
}

static void unit(struct buf *b, uint32_t u)
{
	const uint8_t bytes[2] = { (uint8_t)(u >> 8), (uint8_t)u };

	buf_add(b, "\\u", 2);
	text_hex(b, bytes, sizeof(bytes));
}

/* One character of valid UTF-8 that is not ASCII; returns its length. */
static size_t character(struct buf *b, const uint8_t *p)
{
	size_t n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = p[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (c < 0x10000) {
		unit(b, c);
	} else {
		unit(b, 0xd7c0 + (c >> 10));
		unit(b, 0xdc00 + (c & 0x3ff));
	}
	return n;
}

static bool is_plain(const uint8_t *bytes, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++)
		if (bytes[i] < 0x20 || bytes[i] >= 0x7f || bytes[i] == '"' || bytes[i] == '\\')
			return false;
	return true;
}

void text_json(struct buf *b, const uint8_t *bytes, size_t len_bytes)
{
	_buf_ struct buf clean = BUF_INIT;

	buf_add_char(b, '"');
	if (is_plain(bytes, len_bytes)) {
		buf_add(b, bytes, len_bytes);
		buf_add_char(b, '"');
		return;
	}
	buf_add_escaped(&clean, (const char *)bytes, len_bytes); /* now it is UTF-8 without control characters */
	for (size_t i = 0; i < clean.len_bytes;) {
		const uint8_t *p = (const uint8_t *)clean.data + i;

		if (*p >= 0x80) {
			i += character(b, p);
			continue;
		}
		if (*p == '"' || *p == '\\')
			buf_add_char(b, '\\');
		buf_add_char(b, (char)*p);
		i++;
	}
	if (clean.failed)
		b->failed = true;
	buf_add_char(b, '"');
}

void text_json_str(struct buf *b, const char *text)
{
	text_json(b, (const uint8_t *)text, strlen(text));
}

void text_actions(struct buf *b, uint64_t mask, const char *separator)
{
	const char *between = "";

	for (uint32_t bit = 0; mask >> bit; bit++) {
		const char *word = record_action_word(bit);

		if (mask >> bit & 1) {
			buf_add_str(b, between);
			if (word) {
				buf_add_str(b, word);
			} else {
				buf_add_str(b, "bit-");
				text_u64(b, bit);
			}
			between = separator;
		}
		if (bit == 63)
			return;
	}
}

void text_plain(struct buf *b, uint16_t tag, const struct field_value *v)
{
	uint64_t u = 0;
	const char *word;

	memcpy(&u, v->bytes, v->len_bytes < sizeof(u) ? v->len_bytes : sizeof(u));
	word = tag == PW_F_VERDICT ? record_verdict_word(u) : tag == PW_F_REASON ? record_reason_word(u) : NULL;
	if (tag == PW_F_NEED || tag == PW_F_MISSING)
		text_actions(b, u, ",");
	else if (word)
		buf_add_str(b, word);
	else if (field_form(tag) == FORM_U64)
		text_u64(b, u);
	else if (field_form(tag) == FORM_I64)
		text_i64(b, (int64_t)u);
	else if (field_form(tag) == FORM_HEX)
		text_hex(b, v->bytes, v->len_bytes);
	else
		buf_add(b, v->bytes, v->len_bytes);
}

void text_field_json(struct buf *b, uint16_t tag, const struct field_value *v)
{
	bool list = tag == PW_F_NEED || tag == PW_F_MISSING, word = tag == PW_F_VERDICT || tag == PW_F_REASON;
	uint64_t u = 0;

	if (field_form(tag) == FORM_TEXT) {
		text_json(b, v->bytes, v->len_bytes);
		return;
	}
	memcpy(&u, v->bytes, v->len_bytes < sizeof(u) ? v->len_bytes : sizeof(u));
	if (list) {
		buf_add_str(b, u ? "[\"" : "[");
		text_actions(b, u, "\", \"");
		buf_add_str(b, u ? "\"]" : "]");
		return;
	}
	word = (word && (tag == PW_F_VERDICT ? record_verdict_word(u) : record_reason_word(u))) || field_form(tag) == FORM_HEX;
	if (word)
		buf_add_char(b, '"');
	text_plain(b, tag, v);
	if (word)
		buf_add_char(b, '"');
}

void text_member(struct buf *b, uint16_t tag, const struct field_value *v)
{
	bool cipher = tag == PW_F_SEAL_TEXT;

	buf_add_str(b, ", \"");
	buf_add_str(b, field_key(tag));
	buf_add_str(b, cipher ? "_bytes\": " : "\": ");
	if (cipher)
		text_u64(b, v->len_bytes);
	else
		text_field_json(b, tag, v);
}
