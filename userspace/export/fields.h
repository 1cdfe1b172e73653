/* SPDX-License-Identifier: Apache-2.0 */
/* A record's fields by tag, and their values as text for JSON and its like. Private to this folder. Output is ASCII throughout. */
#ifndef EXPORT_FIELDS_H
#define EXPORT_FIELDS_H

#include "audit/audit.h"
#include "base/buf.h"

#define FIELDS_TAGS 64u /* tests/lint holds record.def to that */

enum field_form { FORM_U64, FORM_I64, FORM_HEX, FORM_TEXT };

struct field_value { const uint8_t *bytes; uint16_t len_bytes; bool there; };
struct fields { struct field_value v[FIELDS_TAGS]; };

/* Known tags of the record and of its unsealed part; others are not here. */
void fields_read(const struct record_view *v, struct fields *ret);
bool fields_has(const struct fields *f, enum pw_field_tag tag);
uint64_t fields_u64(const struct fields *f, enum pw_field_tag tag, uint64_t otherwise);
int64_t fields_i64(const struct fields *f, enum pw_field_tag tag, int64_t otherwise);
bool fields_is(const struct fields *f, enum pw_field_tag tag, const char *text);

/* Key and form of a tag of record.def; NULL for another. */
const char *field_key(uint16_t tag);
enum field_form field_form(uint16_t tag);

/* ---- text.c: values ---- */
void text_u64(struct buf *b, uint64_t v);
void text_i64(struct buf *b, int64_t v);
void text_hex(struct buf *b, const uint8_t *bytes, size_t len_bytes);
/*
 * Bytes from anywhere as a JSON string, quotes included: first escaped as for a terminal (buf_add_escaped), then as JSON asks, other
 * characters than ASCII as \uXXXX.
 */
void text_json(struct buf *b, const uint8_t *bytes, size_t len_bytes);
void text_json_str(struct buf *b, const char *text);
/* Words of an action mask with the separator between them; an unnamed bit as bit-N. */
void text_actions(struct buf *b, uint64_t mask, const char *separator);
/* A field's value as a person reads it: words for enums, digits, hex, or the bytes as they are. */
void text_plain(struct buf *b, uint16_t tag, const struct field_value *v);
/* The same as a JSON value: as `polyward log --json` shows it. */
void text_field_json(struct buf *b, uint16_t tag, const struct field_value *v);
/* ', "key": value' of an object that is begun. Sealed text is no news to anybody: its length stands for it. */
void text_member(struct buf *b, uint16_t tag, const struct field_value *v);

#endif
