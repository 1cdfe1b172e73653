/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer that doubles as a string builder: always NUL-terminated behind its last byte. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char  *data;        /* owned; NULL until the first byte */
	size_t len_bytes;
	size_t cap_bytes;
	bool   failed;      /* an allocation failed: contents are incomplete, later calls do nothing */
};

#define BUF_INIT { 0 }
#define _buf_ __attribute__((cleanup(buf_free)))

void buf_free(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t len_bytes);
/* Room for so many bytes more, which the caller fills at once; valid until the next call. NULL: failed. */
void *buf_add_room(struct buf *b, size_t len_bytes);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Zero bytes up to the next multiple of align (a power of two). */
void buf_pad(struct buf *b, size_t align);
/* Hand the text on (malloc'd, "" for an empty buffer), or NULL if an allocation failed; the buffer is empty afterwards. */
char *buf_take(struct buf *b);

/* Untrusted bytes for a terminal: control characters, DEL, and bytes that are not UTF-8 become \xNN; a backslash doubles. */
void buf_add_escaped(struct buf *b, const char *bytes, size_t len_bytes);

/* Text for HTML and SVG, between tags or in a quoted attribute. */
void buf_add_html(struct buf *b, const char *text);

#endif
