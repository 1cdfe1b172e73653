/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who touched one person's data. What the catalog says is believed: that this object, folder or store holds data of this person. A
 * row says which of the three it was, for a file in a shared folder may hold somebody else's data.
 */
#include "report/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const columns[][2] = {
	{ "record", "Record" }, { "time", "Time (UTC)" }, { "person", "Person" }, { "acting_as", "Acting as" }, { "program", "Program" },
	{ "roles", "Roles" }, { "purpose", "Purpose" }, { "action", "Action" }, { "object", "Object" }, { "granularity", "Meant by" },
	{ "verdict", "Outcome" }, { "rule", "Rule" },
};

static json_t *table(struct report *r, const char *key, const char *title, const char *note)
{
	json_t *t = part_table(key, title, note);

	rows_columns(t, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_append_new(r->rows->tables, t);
	return t;
}

int subject_begin(struct report *r, struct err *e)
{
	int code = catalog_parse(r->ask.catalog, r->ask.catalog_len_bytes, r->ask.subject, r->ask.moment, &r->rows->catalog, e);

	if (code < 0)
		return code;
	if (!r->rows->catalog.count)
		return err_say(e, -EINVAL, "the catalog has no line for '%s': names are compared letter by letter", r->ask.subject);
	r->rows->allowed = table(r, "allowed", "Accesses that took place",
				 "Each row is one record; a record may stand for several accesses of the same process to the same object.");
	r->rows->denied = table(r, "refused", "Attempts that were refused", "Nobody saw data by these.");
	return 0;
}

/* Where is the store of a record, under any policy of the archive? NULL: not known. */
static const char *store_path(const struct report *r, const struct facts *f)
{
	for (size_t i = 0; i < r->policies->count; i++) {
		const struct image *img = &r->policies->v[i].img;

		for (uint32_t s = 1; r->policies->v[i].archived && s < img->count[PW_SEC_STORES]; s++)
			if (facts_is(f, PW_F_STORE, image_str(img, img->stores[s].name)))
				return image_str(img, img->stores[s].path);
	}
	return NULL;
}

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && (path[n] == '\0' || path[n] == '/' || !strcmp(folder, "/"));
}

struct found { const struct catalog_entry *entry; };

/* The most exact entry is found first; further ones add nothing to the row. */
static void take(void *ctx, const struct catalog_entry *entry)
{
	struct found *found = ctx;

	if (!found->entry)
		found->entry = entry;
}

static void note_unclear(struct rows *rows, const struct facts *f)
{
	char *store = facts_text(f, PW_F_STORE);
	size_t i = 0;

	while (store && i < rows->unclear_count && strcmp(rows->unclear[i].store, store))
		i++;
	if (!store || i == ROWS_STORES) {
		rows->unclear_lost++;
	} else {
		if (i == rows->unclear_count)
			(void)snprintf(rows->unclear[rows->unclear_count++].store, sizeof(rows->unclear[0].store), "%.63s", store);
		rows->unclear[i].records++;
	}
	free(store);
}

/* Could a record whose path is not known be about this person? An entry that holds the whole store says yes. */
static const char *match_without_path(struct report *r, const struct facts *f)
{
	const char *root = store_path(r, f);
	bool possible = !root;

	for (size_t i = 0; i < r->rows->catalog.count; i++) {
		const struct catalog_entry *entry = &r->rows->catalog.v[i];

		if (f->v->head.time_utc_ns < entry->from_ns || f->v->head.time_utc_ns > entry->to_ns)
			continue;
		if (root && below(root, entry->path))
			return "store";
		possible = possible || below(entry->path, root);
	}
	if (possible)
		note_unclear(r->rows, f);
	return NULL;
}

static const char *match(struct report *r, const struct facts *f)
{
	struct found found = { NULL };
	const char *path, *root;
	size_t len;

	if (!rows_path(f, &path, &len))
		return match_without_path(r, f);
	catalog_match(&r->rows->catalog, path, len, f->v->head.time_utc_ns, take, &found);
	if (!found.entry)
		return NULL;
	root = store_path(r, f);
	if (root && below(root, found.entry->path))
		return "store";
	return found.entry->path_len == len ? "object" : "folder";
}

int subject_see(struct report *r, const struct facts *f, struct err *e)
{
	bool denied = facts_u64(f, PW_F_VERDICT, PW_DENY) == PW_DENY;
	const char *granularity;

	if (!facts_in_store(f))
		return 0;
	granularity = match(r, f);
	if (!granularity)
		return 0;
	tally_add(denied ? &r->rows->deny : &r->rows->allow, r->c->seed, f->v->head.seq, facts_u64(f, PW_F_COUNT, 1));
	return rows_put(r, f, denied ? r->rows->denied : r->rows->allowed, json_pack("{s:s}", "granularity", granularity), e);
}

static void add_catalog(struct report *r)
{
	json_t *t = part_table("catalog", "What the catalog says of this person", "Not checked by polyward: whoever keeps the catalog answers for it.");

	part_column(t, "path", "Path");
	part_column(t, "from", "From");
	part_column(t, "until", "Until");
	for (size_t i = 0; i < r->rows->catalog.count; i++) {
		const struct catalog_entry *entry = &r->rows->catalog.v[i];

		json_array_append_new(json_object_get(t, "rows"), json_pack("{s:o, s:o, s:o}", "path", part_text(entry->path), "from",
									     part_time(entry->from_ns), "until", part_time(entry->to_ns)));
	}
	json_array_append_new(r->rows->tables, t);
}

void subject_tables(struct report *r, json_t *doc)
{
	json_t *t = part_table("unclear", "Accesses that may concern this person",
			       "Their path was erased, sealed or cut, so nobody can compare it with the catalog.");

	part_column(t, "store", "Store");
	part_column(t, "records", "Records");
	for (size_t i = 0; i < r->rows->unclear_count; i++)
		json_array_append_new(json_object_get(t, "rows"), json_pack("{s:s, s:I}", "store", r->rows->unclear[i].store, "records",
									     (json_int_t)r->rows->unclear[i].records));
	json_array_append_new(r->rows->tables, t);
	add_catalog(r);
	json_object_set_new(doc, "subject", part_text(r->ask.subject));
	json_object_set_new(doc, "evidence", json_pack("[o, o]", rows_evidence(r, &r->rows->allow, "accesses that took place", ""),
						       rows_evidence(r, &r->rows->deny, "refused attempts", "")));
	json_object_set_new(doc, "limits", json_pack("[s, s, s, s]",
		"A row means: this process had the right to do this with this object at this moment, and asked for it. What of a file it read is not known.",
		"What a program did with what it read, in memory, over a network or in files outside the stores, is not recorded by this version.",
		"What was made from the data (weights, copies, exports) is not followed by this version.",
		"Lost events, silence and time without a policy in force are listed above: accesses of that time are in no row."));
}
