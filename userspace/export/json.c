/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record with all its fields as one JSON object: the keys of `polyward log --json`, and with them what an export needs to be checked
 * back (leaf, origin). Pure; never leaves out a field that it knows.
 */
#include "export/export.h"
#include "export/fields.h"

void export_json(const struct export_context *c, const struct export_item *i, struct buf *ret)
{
	const struct pw_record *h = &i->view->head;
	const char *kind = record_kind_word(h->kind);
	struct fields f;

	fields_read(i->view, &f);
	buf_add_str(ret, "{\"seq\": ");
	text_u64(ret, h->seq);
	buf_add_str(ret, ", \"leaf\": \"");
	text_hex(ret, i->leaf.v, sizeof(i->leaf.v));
	buf_add_str(ret, "\", \"origin\": ");
	text_json_str(ret, c->origin);
	buf_add_str(ret, ", \"kind\": ");
	text_json_str(ret, kind ? kind : "unknown");
	buf_add_str(ret, ", \"time\": \"");
	record_time(h->time_utc_ns, true, ret);
	buf_add_str(ret, "\", \"time_boot_ns\": ");
	text_u64(ret, h->time_boot_ns);
	buf_add_str(ret, ", \"boot_id\": \"");
	text_hex(ret, h->boot_id, sizeof(h->boot_id));
	buf_add_char(ret, '"');
	if (h->cpu != UINT16_MAX) {
		buf_add_str(ret, ", \"cpu\": ");
		text_u64(ret, h->cpu);
		buf_add_str(ret, ", \"cpu_seq\": ");
		text_u64(ret, h->cpu_seq);
	}
	for (uint16_t tag = 0; tag < FIELDS_TAGS; tag++)
		if (f.v[tag].there)
			text_member(ret, tag, &f.v[tag]);
	if (i->view->state == RECORD_SEALED || i->view->state == RECORD_ERASED)
		buf_add_str(ret, i->view->state == RECORD_SEALED ? ", \"personal\": \"sealed\"" : ", \"personal\": \"erased\"");
	buf_add_char(ret, '}');
}
