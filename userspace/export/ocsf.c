/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as an OCSF event: the table ocsf.def, row by row, into nested objects. Pure. Objects are opened when their first value is
 * there and never left empty; the bytes of the record itself are not repeated, its leaf hash stands for them.
 */
#include "export/ocsf.h"

#include <string.h>

#define ALL (FILE_ | LOG | ENTITY | APP)

enum form { NUMBER, STRING, TEXT, HEX, WORD };

struct row {
	const char *path, *json;  /* json: PW_OCSF_IS */
	ocsf_put *put;            /* PW_OCSF_BY; neither: PW_OCSF_OF */
	uint8_t classes, form, tag, path_len;
	uint16_t json_len;
};

static const struct row rows[] = {
#define PW_OCSF_IS(classes_, path_, json_)         { .classes = (classes_), .path = path_, .path_len = sizeof(path_) - 1, .json = json_, \
							.json_len = sizeof(json_) - 1 },
#define PW_OCSF_OF(classes_, path_, form_, field_) { .classes = (classes_), .path = path_, .path_len = sizeof(path_) - 1, .form = form_, \
							.tag = PW_F_##field_ },
#define PW_OCSF_BY(classes_, path_, function_)     { .classes = (classes_), .path = path_, .path_len = sizeof(path_) - 1, .put = put_##function_ },
#include "export/ocsf.def"
#undef PW_OCSF_IS
#undef PW_OCSF_OF
#undef PW_OCSF_BY
};

static bool put_field(struct ocsf_event *e, const struct row *r, struct buf *b)
{
	const struct field_value *v = &e->f.v[r->tag];

	if (!v->there)
		return false;
	e->taken |= 1ull << r->tag;
	if (r->form == NUMBER) {
		text_plain(b, r->tag, v);
	} else if (r->form == TEXT) {
		text_json(b, v->bytes, v->len_bytes);
	} else {
		buf_add_char(b, '"');
		text_plain(b, r->tag, v);
		buf_add_char(b, '"');
	}
	return true;
}

static bool put_row(struct ocsf_event *e, const struct row *r, struct buf *b)
{
	if (r->json)
		buf_add(b, r->json, r->json_len);
	return r->json || (r->put ? r->put(e, b) : put_field(e, r, b));
}

/* Bytes that both paths have in common, up to and with the last dot. */
static size_t common(const char *a, const char *b)
{
	size_t dot = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.')
			dot = i + 1;
	return dot;
}

/* Close what `path` has open behind its first `keep` bytes: innermost first, and for every dot one object. */
static void close_objects(struct buf *b, const char *path, size_t len, size_t keep)
{
	for (size_t i = len; i > keep; i--)
		if (path[i - 1] == '.')
			buf_add_str(b, i > 1 && path[i - 2] == ']' ? "}]" : "}");
}

/* Open the objects of path behind its first `from` bytes, and write the last name. */
static void open_objects(struct buf *b, const char *path, size_t from)
{
	for (;;) {
		const char *name = path + from, *dot = strchr(name, '.');
		bool array = dot && dot[-1] == ']';
		size_t len = dot ? (size_t)(dot - name) - (array ? 2 : 0) : strlen(name);

		buf_add_char(b, '"');
		buf_add(b, name, len);
		buf_add_str(b, !dot ? "\": " : array ? "\": [{" : "\": {");
		if (!dot)
			return;
		from = (size_t)(dot + 1 - path);
	}
}

void export_ocsf(const struct export_context *c, const struct export_item *i, struct buf *ret)
{
	struct ocsf_event e;
	static const struct row none = { .path = "" };
	const struct row *open = &none;

	ocsf_classify(c, i, &e);
	buf_add_char(ret, '{');
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const struct row *r = &rows[k];
		size_t before = ret->len_bytes, same;

		if (!(r->classes & e.class_) || (!r->json && !r->put && !e.f.v[r->tag].there))
			continue;
		same = common(open->path, r->path);
		close_objects(ret, open->path, open->path_len, same);
		if (open != &none)
			buf_add(ret, ", ", 2);
		open_objects(ret, r->path, same);
		if (put_row(&e, r, ret)) {
			open = r;
		} else if (!ret->failed) {
			ret->len_bytes = before; /* nothing to say: as if the row were not there */
			ret->data[before] = '\0';
		}
	}
	close_objects(ret, open->path, open->path_len, 0);
	buf_add_char(ret, '}');
}
