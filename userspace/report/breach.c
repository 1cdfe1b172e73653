/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an identity, or whoever it was in a store, reached since a moment. Counts what took place, not what was meant; whose data it was
 * needs a catalog, and whether it was encrypted is not known.
 */
#include "report/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_NS (3600 * NS_PER_S)

static const char *const store_columns[][2] = {
	{ "store", "Store" }, { "class", "Class" }, { "records", "Records" }, { "accesses", "Accesses" }, { "changes", "Changes" },
	{ "objects", "Objects" }, { "refused", "Refused" }, { "first", "First (UTC)" }, { "last", "Last (UTC)" }, { "encrypted", "Encrypted" },
};
static const char *const actor_columns[][2] = {
	{ "person", "Person" }, { "records", "Records" }, { "accesses", "Accesses" }, { "refused", "Refused" }, { "first", "First (UTC)" },
	{ "last", "Last (UTC)" },
};

int breach_begin(struct report *r, struct err *e)
{
	struct rows *rows = r->rows;
	_buf_ struct buf jq = BUF_INIT;

	buf_add_str(&jq, ".kind==\"access\" and .label>0 and .label<65520");
	if (r->ask.has_user)
		buf_printf(&jq, " and (.uid==%u or .login_uid==%u)", r->ask.uid, r->ask.uid);
	if (r->ask.store)
		buf_printf(&jq, " and (.store==\"%s\" or .store_to==\"%s\")", r->ask.store, r->ask.store);
	if (jq.failed || jq.len_bytes >= sizeof(rows->jq))
		return err_say(e, -EINVAL, "the name of the store is too long");
	memcpy(rows->jq, jq.data, jq.len_bytes + 1);
	rows->objects.size = 1024;
	rows->objects.v = calloc(rows->objects.size, sizeof(*rows->objects.v));
	if (!rows->objects.v)
		return err_set(e, -ENOMEM, "begin a report");
	if (!r->ask.catalog)
		return 0;
	if (catalog_parse(r->ask.catalog, r->ask.catalog_len_bytes, NULL, r->ask.moment, &rows->catalog, e) < 0)
		return e->code;
	rows->subjects_hit = calloc(rows->catalog.count + 1, 1);
	return rows->subjects_hit ? 0 : err_set(e, -ENOMEM, "begin a report");
}

/* ---- distinct objects ---- */

static size_t object_at(const struct objects *o, uint64_t dev, uint64_t ino)
{
	size_t at = (size_t)((ino * 0x9e3779b97f4a7c15ull ^ dev * 0xc2b2ae3d27d4eb4full) >> 20) & (o->size - 1);

	while (o->v[at].ino && (o->v[at].ino != ino || o->v[at].dev != dev))
		at = (at + 1) & (o->size - 1);
	return at;
}

static void grow(struct objects *o)
{
	struct objects bigger = { .size = o->size * 2, .count = o->count };

	bigger.v = o->size < ROWS_OBJECTS_MAX ? calloc(bigger.size, sizeof(*bigger.v)) : NULL;
	if (!bigger.v) {
		o->full = true;
		return;
	}
	for (size_t i = 0; i < o->size; i++)
		if (o->v[i].ino) {
			size_t at = object_at(&bigger, o->v[i].dev, o->v[i].ino);

			bigger.v[at].dev = o->v[i].dev;
			bigger.v[at].ino = o->v[i].ino;
		}
	free(o->v);
	*o = bigger;
}

static bool object_is_new(struct objects *o, uint64_t dev, uint64_t ino)
{
	size_t at;

	if (!ino || o->full)
		return false;
	at = object_at(o, dev, ino);
	if (o->v[at].ino)
		return false;
	o->v[at].dev = dev;
	o->v[at].ino = ino;
	if (++o->count > o->size / 2)
		grow(o);
	return true;
}

/* ---- counting ---- */

static void stamp(int64_t *first_ns, int64_t *last_ns, int64_t now_ns)
{
	if (!*first_ns || now_ns < *first_ns)
		*first_ns = now_ns;
	if (now_ns > *last_ns)
		*last_ns = now_ns;
}

static void see_store(struct rows *rows, const struct facts *f, bool denied, uint64_t accesses)
{
	char *name = facts_text(f, PW_F_STORE);
	struct breach_store *s;
	size_t i = 0;

	while (name && i < rows->stores_count && strcmp(rows->stores[i].name, name))
		i++;
	if (name && i < ROWS_STORES) {
		s = &rows->stores[i];
		if (i == rows->stores_count)
			(void)snprintf(rows->stores[rows->stores_count++].name, sizeof(s->name), "%.63s", name);
		stamp(&s->first_ns, &s->last_ns, f->v->head.time_utc_ns);
		s->denied += denied;
		s->records += !denied;
		s->accesses += denied ? 0 : accesses;
		s->changes += !denied && facts_u64(f, PW_F_NEED, 0) & FACTS_CHANGES;
		s->objects += !denied && object_is_new(&rows->objects, facts_u64(f, PW_F_DEV, 0), facts_u64(f, PW_F_INO, 0));
	} else {
		rows->rows_lost++;
	}
	free(name);
}

static void see_actor(struct rows *rows, const struct facts *f, bool denied, uint64_t accesses)
{
	uint32_t uid = (uint32_t)facts_u64(f, PW_F_LOGIN_UID, facts_u64(f, PW_F_UID, UINT32_MAX));
	struct breach_actor *a;
	size_t i = 0;

	while (i < rows->actors_count && rows->actors[i].uid != uid)
		i++;
	if (i == ROWS_STORES) {
		rows->rows_lost++;
		return;
	}
	a = &rows->actors[i];
	if (i == rows->actors_count)
		rows->actors[rows->actors_count++].uid = uid;
	stamp(&a->first_ns, &a->last_ns, f->v->head.time_utc_ns);
	a->denied += denied;
	a->records += !denied;
	a->accesses += denied ? 0 : accesses;
}

static void hit(void *ctx, const struct catalog_entry *entry)
{
	struct rows *rows = ctx;

	rows->subjects_hit[entry - rows->catalog.v] = 1;
}

int breach_see(struct report *r, const struct facts *f, struct err *e)
{
	bool denied = facts_u64(f, PW_F_VERDICT, PW_DENY) == PW_DENY;
	uint64_t accesses = facts_u64(f, PW_F_COUNT, 1);
	const char *path;
	size_t len;

	(void)e;
	if (!facts_in_store(f))
		return 0;
	if (r->ask.has_user && facts_u64(f, PW_F_UID, UINT64_MAX) != r->ask.uid && facts_u64(f, PW_F_LOGIN_UID, UINT64_MAX) != r->ask.uid)
		return 0;
	if (r->ask.store && !facts_is(f, PW_F_STORE, r->ask.store) && !facts_is(f, PW_F_STORE_TO, r->ask.store))
		return 0;
	tally_add(denied ? &r->rows->deny : &r->rows->allow, r->c->seed, f->v->head.seq, accesses);
	r->rows->count++;
	see_store(r->rows, f, denied, accesses);
	see_actor(r->rows, f, denied, accesses);
	if (!denied && r->rows->subjects_hit && rows_path(f, &path, &len))
		catalog_match(&r->rows->catalog, path, len, f->v->head.time_utc_ns, hit, r->rows);
	return 0;
}

/* ---- the document ---- */

static void add_stores(struct report *r)
{
	json_t *t = part_table("stores", "What was reached", "Objects are files and folders by device and inode; records of refused attempts reached "
			"nothing.");

	rows_columns(t, store_columns, sizeof(store_columns) / sizeof(store_columns[0]));
	for (size_t i = 0; i < r->rows->stores_count; i++) {
		const struct breach_store *s = &r->rows->stores[i];
		const char *class_ = policies_class(r->policies, s->name);

		json_array_append_new(json_object_get(t, "rows"), json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:s}", "store",
			s->name[0] ? s->name : "(name not known)", "class", part_text(class_ ? class_ : ""), "records", (json_int_t)s->records,
			"accesses", (json_int_t)s->accesses, "changes", (json_int_t)s->changes, "objects", (json_int_t)s->objects, "refused",
			(json_int_t)s->denied, "first", part_time(s->first_ns), "last", part_time(s->last_ns), "encrypted", "not shown"));
	}
	json_array_append_new(r->rows->tables, t);
}

static void add_actors(struct report *r)
{
	json_t *t = part_table("actors", "Who it was, by login", "A process without a login counts as its real user.");

	rows_columns(t, actor_columns, sizeof(actor_columns) / sizeof(actor_columns[0]));
	for (size_t i = 0; i < r->rows->actors_count; i++) {
		const struct breach_actor *a = &r->rows->actors[i];

		json_array_append_new(json_object_get(t, "rows"), json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "person", part_person(r, a->uid),
			"records", (json_int_t)a->records, "accesses", (json_int_t)a->accesses, "refused", (json_int_t)a->denied, "first",
			part_time(a->first_ns), "last", part_time(a->last_ns)));
	}
	json_array_append_new(r->rows->tables, t);
}

static void add_clock(struct report *r)
{
	static const struct { const char *what; int hours; } due[] = {
		{ "Notice to the authority, GDPR Art. 33(1): 72 hours", 72 },
		{ "Notice to those concerned, 45 CFR 164.404: 60 days at the latest", 60 * 24 },
		{ "Notice to the authority of 500 persons and more, 45 CFR 164.408: with the one above", 60 * 24 },
	};
	json_t *t = part_table("clock", "What is due", r->ask.has_aware ? "Counted from the moment of awareness that was given."
									  : "Not shown: nobody but people can say when they became aware. Give "
											"--aware TIME.");

	part_column(t, "what", "What");
	part_column(t, "due", "Due (UTC)");
	part_column(t, "left", "Left when this was made");
	for (size_t i = 0; r->ask.has_aware && i < sizeof(due) / sizeof(due[0]); i++) {
		int64_t due_ns = r->ask.aware_ns + due[i].hours * HOUR_NS, left_h = (due_ns - r->ask.made_ns) / HOUR_NS;
		char left[64];

		if (due_ns < r->ask.made_ns)
			(void)snprintf(left, sizeof(left), "overdue by %lld h", (long long)((r->ask.made_ns - due_ns) / HOUR_NS));
		else
			(void)snprintf(left, sizeof(left), "%lld d %lld h", (long long)(left_h / 24), (long long)(left_h % 24));
		json_array_append_new(json_object_get(t, "rows"), json_pack("{s:s, s:o, s:s}", "what", due[i].what, "due", part_time(due_ns), "left", left));
	}
	json_array_append_new(r->rows->tables, t);
}

/* Distinct subjects among the entries that were hit; entries are sorted by subject. */
static size_t subjects(const struct rows *rows)
{
	const char *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < rows->catalog.count; i++)
		if (rows->subjects_hit[i] && (!last || strcmp(last, rows->catalog.v[i].subject))) {
			last = rows->catalog.v[i].subject;
			n++;
		}
	return n;
}

void breach_tables(struct report *r, json_t *doc)
{
	struct rows *rows = r->rows;
	json_t *breach = json_pack("{s:o, s:o, s:o, s:I, s:b}", "user", r->ask.has_user ? part_person(r, r->ask.uid) : json_null(), "store",
				   r->ask.store ? part_text(r->ask.store) : json_null(), "aware",
				   r->ask.has_aware ? part_time(r->ask.aware_ns) : json_null(), "objects", (json_int_t)rows->objects.count,
				   "objects_at_least", rows->objects.full);

	json_object_set_new(breach, "subjects", rows->subjects_hit ? json_integer((json_int_t)subjects(rows)) : json_null());
	json_object_set_new(breach, "rows_not_in_tables", json_integer((json_int_t)rows->rows_lost));
	json_object_set_new(doc, "breach", breach);
	add_clock(r);
	add_stores(r);
	add_actors(r);
	json_object_set_new(doc, "evidence", json_array());
	for (int i = 0; i < 2; i++) {
		_buf_ struct buf jq = BUF_INIT;

		buf_printf(&jq, "%s and .verdict%s\"deny\"", rows->jq, i ? "==" : "!=");
		json_array_append_new(json_object_get(doc, "evidence"),
				      rows_evidence(r, i ? &rows->deny : &rows->allow, i ? "refused attempts" : "accesses that took place",
						    jq.data ? jq.data : ""));
	}
	json_object_set_new(doc, "limits", json_pack("[s, s, s, s]",
		rows->subjects_hit ? "Persons are those of the catalog whose objects, folders or stores were reached; a folder may hold more than was opened."
				   : "How many persons are concerned is not shown: it needs a catalog of whose data lies where (--catalog FILE).",
		"Whether the data was encrypted is not shown: this version records no encryption.",
		"Whether data left the host is not shown: this version records no network connections.",
		"Accesses of lost events and of time without a policy in force, listed above, are in no count."));
}
