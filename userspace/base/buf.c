/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffer. Failure sticks: callers check buf.failed once, at the end. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

static bool reserve(struct buf *b, size_t more)
{
	size_t want, cap;
	char *data;

	if (b->failed || __builtin_add_overflow(b->len_bytes, more, &want) || __builtin_add_overflow(want, 1, &want)) {
		b->failed = true;
		return false;
	}
	if (want <= b->cap_bytes)
		return true;
	cap = b->cap_bytes ? b->cap_bytes : 64;
	while (cap < want)
		if (__builtin_mul_overflow(cap, 2, &cap)) {
			b->failed = true;
			return false;
		}
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap_bytes = cap;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len_bytes)
{
	if (!reserve(b, len_bytes))
		return;
	if (len_bytes)
		memcpy(b->data + b->len_bytes, bytes, len_bytes);
	b->len_bytes += len_bytes;
	b->data[b->len_bytes] = '\0';
}

void *buf_add_room(struct buf *b, size_t len_bytes)
{
	void *room;

	if (!reserve(b, len_bytes))
		return NULL;
	room = b->data + b->len_bytes;
	b->len_bytes += len_bytes;
	b->data[b->len_bytes] = '\0';
	return room;
}

void buf_add_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len_bytes, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len_bytes += (size_t)n;
}

void buf_pad(struct buf *b, size_t align)
{
	static const char zeroes[64];
	size_t over = b->len_bytes & (align - 1);

	if (over)
		buf_add(b, zeroes, align - over);
}

char *buf_take(struct buf *b)
{
	char *data;

	if (!b->data)
		reserve(b, 0);
	if (b->failed) {
		buf_free(b);
		return NULL;
	}
	b->data[b->len_bytes] = '\0';
	data = b->data;
	memset(b, 0, sizeof(*b));
	return data;
}

/* Length of the UTF-8 character at p, or 0 if there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void buf_add_escaped(struct buf *b, const char *bytes, size_t len_bytes)
{
	const unsigned char *p = (const unsigned char *)bytes;

	for (size_t i = 0; i < len_bytes;) {
		size_t n = utf8_len(p + i, len_bytes - i);
		bool control = n == 1 && (p[i] < 0x20 || p[i] == 0x7f);
		/* U+0080 to U+009F are control characters too: some terminals obey them. */
		bool c1 = n == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0;

		if (n == 0 || control || c1) {
			n = n ? n : 1;
			for (size_t k = 0; k < n; k++)
				buf_printf(b, "\\x%02x", p[i + k]);
		} else if (p[i] == '\\') {
			buf_add_str(b, "\\\\");
		} else {
			buf_add(b, p + i, n);
		}
		i += n;
	}
}

void buf_add_html(struct buf *b, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':  buf_add_str(b, "&amp;"); break;
		case '<':  buf_add_str(b, "&lt;"); break;
		case '>':  buf_add_str(b, "&gt;"); break;
		case '"':  buf_add_str(b, "&quot;"); break;
		case '\'': buf_add_str(b, "&#39;"); break;
		default:   buf_add_char(b, *text); break;
		}
}
