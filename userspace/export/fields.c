/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of one record by tag. Believes the view: record_parse() has checked every length. */
#include "export/fields.h"

#include <string.h>

static const struct { const char *key; enum field_form form; } known[FIELDS_TAGS] = {
#define U64  FORM_U64
#define I64  FORM_I64
#define HEX  FORM_HEX
#define TEXT FORM_TEXT
#define PW_FIELD(tag, name, type, key, meaning) [tag] = { key, type },
#include <polyward/record.def>
#undef PW_FIELD
#undef U64
#undef I64
#undef HEX
#undef TEXT
};

static void read_part(const uint8_t *p, size_t len_bytes, struct fields *ret)
{
	const uint8_t *end = p + len_bytes;

	while (p < end) {
		struct pw_field f;

		memcpy(&f, p, sizeof(f));
		p += sizeof(f);
		if (f.tag < FIELDS_TAGS && known[f.tag].key && !ret->v[f.tag].there)
			ret->v[f.tag] = (struct field_value){ p, f.len_bytes, true };
		p += f.len_bytes;
	}
}

void fields_read(const struct record_view *v, struct fields *ret)
{
	memset(ret, 0, sizeof(*ret));
	read_part(v->fields, v->fields_len_bytes, ret);
	if (v->personal)
		read_part(v->personal, v->personal_len_bytes, ret);
	if (v->shared) {
		read_part(v->shared, v->shared_len_bytes, ret);
		ret->v[PW_F_LIKE].there = false; /* what leaves the log stands for itself */
	}
}

bool fields_has(const struct fields *f, enum pw_field_tag tag)
{
	return f->v[tag].there;
}

uint64_t fields_u64(const struct fields *f, enum pw_field_tag tag, uint64_t otherwise)
{
	const struct field_value *v = &f->v[tag];
	uint64_t value = 0;

	if (!v->there || v->len_bytes > sizeof(value))
		return otherwise;
	memcpy(&value, v->bytes, v->len_bytes);
	return value;
}

int64_t fields_i64(const struct fields *f, enum pw_field_tag tag, int64_t otherwise)
{
	return (int64_t)fields_u64(f, tag, (uint64_t)otherwise);
}

bool fields_is(const struct fields *f, enum pw_field_tag tag, const char *text)
{
	const struct field_value *v = &f->v[tag];

	return v->there && v->len_bytes == strlen(text) && !memcmp(v->bytes, text, v->len_bytes);
}

const char *field_key(uint16_t tag)
{
	return tag < FIELDS_TAGS ? known[tag].key : NULL;
}

enum field_form field_form(uint16_t tag)
{
	return tag < FIELDS_TAGS ? known[tag].form : FORM_HEX;
}
