/* SPDX-License-Identifier: Apache-2.0 */
/* What the listing reports share: rows, their columns, and which of the three it is. */
#include "report/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int  (*begin)(struct report *r, struct err *e);
	int  (*see)(struct report *r, const struct facts *f, struct err *e);
	void (*tables)(struct report *r, json_t *doc);
} kinds[REPORT_MAX_] = {
	[REPORT_SUBJECT]     = { subject_begin, subject_see, subject_tables },
	[REPORT_BREACH]      = { breach_begin, breach_see, breach_tables },
	[REPORT_DISCLOSURES] = { disclosures_begin, disclosures_see, disclosures_tables },
};

int rows_begin(struct report *r, struct err *e)
{
	r->rows = calloc(1, sizeof(*r->rows));
	if (!r->rows)
		return err_set(e, -ENOMEM, "begin a report");
	r->rows->tables = json_array();
	return kinds[r->ask.kind].begin(r, e);
}

void rows_free(struct rows *rows)
{
	if (!rows)
		return;
	json_decref(rows->tables);
	catalog_free(&rows->catalog);
	free(rows->objects.v);
	free(rows->subjects_hit);
	free(rows);
}

int rows_see(struct report *r, const struct record_view *v, struct err *e)
{
	struct facts f;

	if (v->head.time_utc_ns < r->ask.since_ns || v->head.time_utc_ns > r->ask.until_ns)
		return 0;
	facts_of(v, &f);
	return kinds[r->ask.kind].see(r, &f, e);
}

void rows_tables(struct report *r, json_t *doc)
{
	kinds[r->ask.kind].tables(r, doc);
	json_object_set(doc, "tables", r->rows->tables);
	json_object_set_new(doc, "rows", json_integer((json_int_t)r->rows->count));
}

bool rows_path(const struct facts *f, const char **ret, size_t *ret_len)
{
	if (!facts_has(f, PW_F_PATH) || !f->len_bytes[PW_F_PATH])
		return false;
	*ret = (const char *)f->p[PW_F_PATH];
	*ret_len = f->len_bytes[PW_F_PATH];
	/* "..." as a name: names were left out there. */
	return !memmem(*ret, *ret_len, "/.../", 5) && (*ret_len < 4 || memcmp(*ret + *ret_len - 4, "/...", 4) != 0);
}

char *rows_actions(uint64_t mask)
{
	struct buf b = BUF_INIT;

	for (uint32_t bit = 0; bit < 32; bit++)
		if (mask >> bit & 1 && record_action_word(bit))
			buf_printf(&b, "%s%s", b.len_bytes ? " " : "", record_action_word(bit));
	return buf_take(&b);
}

static void put_text(json_t *row, const char *key, const struct facts *f, enum pw_field_tag tag)
{
	char *text = facts_text(f, tag);

	json_object_set_new(row, key, json_string(text ? text : ""));
	free(text);
}

int rows_put(struct report *r, const struct facts *f, json_t *table, json_t *more, struct err *e)
{
	uint32_t uid = (uint32_t)facts_u64(f, PW_F_UID, UINT32_MAX), login = (uint32_t)facts_u64(f, PW_F_LOGIN_UID, UINT32_MAX);
	char *actions = rows_actions(facts_u64(f, PW_F_NEED, 0));
	json_t *row = json_pack("{s:I, s:o, s:o, s:s}", "record", (json_int_t)f->v->head.seq, "time", part_time(f->v->head.time_utc_ns),
				"person", part_person(r, login != UINT32_MAX ? login : uid), "action", actions ? actions : "");

	free(actions);
	json_object_set_new(row, "acting_as", login != UINT32_MAX && login != uid ? part_person(r, uid) : json_string(""));
	put_text(row, "program", f, PW_F_COMM);
	put_text(row, "roles", f, PW_F_ROLES);
	put_text(row, "purpose", f, PW_F_PURPOSE);
	put_text(row, "store", f, PW_F_STORE);
	put_text(row, "object", f, PW_F_PATH);
	put_text(row, "rule", f, PW_F_RULE);
	json_object_set_new(row, "accesses", json_integer((json_int_t)facts_u64(f, PW_F_COUNT, 1)));
	json_object_set_new(row, "verdict", json_string(facts_u64(f, PW_F_VERDICT, PW_DENY) == PW_ALLOW ? "allowed" :
							 facts_u64(f, PW_F_VERDICT, PW_DENY) == PW_AUDIT ? "passed in mode audit" : "refused"));
	if (!f->p[PW_F_PATH] || !facts_has(f, PW_F_PATH))
		json_object_set_new(row, "object", json_string(f->v->state == RECORD_ERASED ? "(erased)" : f->v->state == RECORD_SEALED ?
							       "(sealed)" : "(not known)"));
	if (more) {
		json_object_update(row, more);
		json_decref(more);
	}
	json_array_append_new(json_object_get(table, "rows"), row);
	if (++r->rows->count > ROWS_MAX)
		return err_say(e, -E2BIG, "the report would have more than %u rows; ask for a shorter range with --since and --until", ROWS_MAX);
	return 0;
}

void rows_columns(json_t *table, const char *const (*columns)[2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		part_column(table, columns[i][0], columns[i][1]);
}

json_t *rows_evidence(const struct report *r, const struct tally *t, const char *what, const char *jq)
{
	struct finding f;
	json_t *evidence;

	finding_begin(&f, NULL, r->ask.log_command, r->ask.log_command_whole);
	finding_use_own(&f, t, what, jq, EXAMINED);
	evidence = json_incref(json_array_get(f.evidence, 0));
	finding_free(&f);
	if (!*jq)
		json_object_del(evidence, "query");
	return evidence;
}
