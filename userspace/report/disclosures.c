/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may have been a disclosure. The law asks for date, recipient, description and purpose; the log of a host that does not watch its
 * network knows the first and some of the third. So the list says what it is: candidates.
 */
#include "report/rows.h"

#include <stdlib.h>
#include <string.h>

static const char *const moved_columns[][2] = {
	{ "record", "Record" }, { "time", "Date (UTC)" }, { "person", "By" }, { "action", "Action" }, { "object", "Object" },
	{ "store", "From store" }, { "store_to", "To store" }, { "rule", "Rule" },
};
static const char *const export_columns[][2] = {
	{ "record", "Record" }, { "time", "Date (UTC)" }, { "person", "By" }, { "query", "Command, with its recipient" }, { "records", "Records" },
};

int disclosures_begin(struct report *r, struct err *e)
{
	struct rows *rows = r->rows;

	(void)e;
	rows->allowed = part_table("moved", "Objects that were moved or linked from one store to another", "Inside this host.");
	rows_columns(rows->allowed, moved_columns, sizeof(moved_columns) / sizeof(moved_columns[0]));
	rows->denied = part_table("exports", "Exports of this log", "The log names persons: staff, and by the names of files those whose data it is.");
	rows_columns(rows->denied, export_columns, sizeof(export_columns) / sizeof(export_columns[0]));
	json_array_append_new(rows->tables, rows->allowed);
	json_array_append_new(rows->tables, rows->denied);
	return 0;
}

static json_t *words_of(const struct facts *f, enum pw_field_tag tag)
{
	_buf_ struct buf line = BUF_INIT, clean = BUF_INIT;

	if (facts_has(f, tag))
		buf_add(&line, f->p[tag], f->len_bytes[tag]);
	for (size_t i = 0; i < line.len_bytes; i++)
		if (line.data[i] == '\n')
			line.data[i] = ' ';
	buf_add_escaped(&clean, line.data ? line.data : "", line.len_bytes);
	return json_string(clean.data ? clean.data : "");
}

int disclosures_see(struct report *r, const struct facts *f, struct err *e)
{
	uint64_t mask = tally_of(f);
	char *to;
	int code = 0;

	if (mask >> T_MOVED & 1) {
		to = facts_text(f, PW_F_STORE_TO);
		tally_add(&r->rows->allow, r->c->seed, f->v->head.seq, 1);
		code = rows_put(r, f, r->rows->allowed, json_pack("{s:s}", "store_to", to ? to : ""), e);
		free(to);
	} else if (mask >> T_EXPORT & 1) {
		tally_add(&r->rows->deny, r->c->seed, f->v->head.seq, 1);
		code = rows_put(r, f, r->rows->denied, json_pack("{s:o, s:o, s:I}", "person",
				part_person(r, (uint32_t)facts_u64(f, PW_F_ACTOR_UID, UINT32_MAX)), "query", words_of(f, PW_F_QUERY), "records",
				(json_int_t)facts_u64(f, PW_F_ROWS, 0)), e);
	}
	return code;
}

void disclosures_tables(struct report *r, json_t *doc)
{
	json_object_set_new(doc, "evidence", json_pack("[o, o]", rows_evidence(r, &r->rows->allow, tally_words(T_MOVED), tally_jq(T_MOVED)),
						       rows_evidence(r, &r->rows->deny, tally_words(T_EXPORT), tally_jq(T_EXPORT))));
	json_object_set_new(doc, "limits", json_pack("[s, s, s, s, s]",
		"This is no accounting of disclosures as 45 CFR 164.528 asks for: that needs recipients and purposes, and they are not shown here.",
		"Date: the time of the record. Description: the object, where its path is not sealed or erased.",
		"Recipient: not shown. This version records no network connection, no medium and no printer.",
		"Purpose: not shown. This version has no way to declare one, so treatment, payment and operations cannot be left out either.",
		"Files that were read and copied out of the stores by a program that may read them are in no row: reading is not disclosing, and what "
				"follows is not seen."));
}
