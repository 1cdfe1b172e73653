/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clauses become cells. For a role set with its own row the role conditions are settled here; rows of single roles keep them,
 * because any larger set is decided over those. Entries that can never change an answer are left out, and only those.
 */
#include "policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/explain.h"

static const struct pw_cond *cond_at(const struct compiler *c, uint32_t index)
{
	return (const struct pw_cond *)c->conds.bytes.data + index;
}

/* Does `weak` hold whenever `strong` does? */
static bool follows(const struct pw_cond *strong, const struct pw_cond *weak)
{
	if ((weak->windows_need & ~strong->windows_need) || (weak->windows_forbid & ~strong->windows_forbid) ||
	    (weak->purposes_forbid & ~strong->purposes_forbid))
		return false;
	if (weak->purposes_need && (!strong->purposes_need || (strong->purposes_need & ~weak->purposes_need)))
		return false;
	if (weak->mfa_within_s && (!strong->mfa_within_s || strong->mfa_within_s > weak->mfa_within_s))
		return false;
	return strong->mfa_beyond_s >= weak->mfa_beyond_s;
}

/*
 * Whenever `e` is hit, so is `by`, which stands before it: the same kind with a lower rule, or one that outweighs it. Then
 * neither verdict nor rule can depend on `e`. An entry on trial outweighs nothing but later ones on trial.
 */
static bool covered(const struct compiler *c, const struct pw_entry *e, const struct pw_entry *by)
{
	if ((by->flags & PW_ENTRY_AUDIT) && !(e->flags & PW_ENTRY_AUDIT))
		return false;
	/* A trial keeps its own lowest rule, whatever effect it tries. */
	if ((by->flags & PW_ENTRY_AUDIT) && by->rule > e->rule)
		return false;
	return !(e->actions & ~by->actions) && !(by->need_roles & ~e->need_roles) && !(by->forbid_roles & ~e->forbid_roles) &&
	       follows(cond_at(c, e->cond), cond_at(c, by->cond));
}

struct cell_work {
	const uint32_t *clauses; size_t clauses_count; /* of this store, in the order of entries */
	uint64_t roles;
	bool settled;                                  /* the row is for exactly these roles */
	struct pw_entry entries[PW_CELL_ENTRIES_MAX];
	uint32_t count;
};

static bool entry_of(const struct clause *k, const struct cell_work *w, struct pw_entry *ret)
{
	uint64_t need = k->need & ~w->roles, forbid = k->forbid;

	if ((!k->any_role && !(k->roles & w->roles)) || (forbid & w->roles))
		return false;
	if (w->settled && need)
		return false;
	*ret = (struct pw_entry){ .need_roles = need, .forbid_roles = w->settled ? 0 : forbid, .actions = k->actions,
				  .rule = k->rule, .cond = k->cond, .effect = k->effect, .flags = k->flags };
	return true;
}

/* -E2BIG: more than a cell holds. */
static int fill(const struct compiler *c, struct cell_work *w)
{
	w->count = 0;
	for (size_t i = 0; i < w->clauses_count; i++) {
		struct pw_entry e;
		bool drop = !entry_of(&c->clauses[w->clauses[i]], w, &e);

		for (uint32_t k = 0; k < w->count && !drop; k++)
			drop = covered(c, &e, &w->entries[k]);
		if (drop)
			continue;
		if (w->count == PW_CELL_ENTRIES_MAX)
			return -E2BIG;
		w->entries[w->count++] = e;
	}
	return 0;
}

static int too_many(struct compiler *c, const struct cell_work *w, uint32_t store)
{
	const struct clause *last = &c->clauses[w->clauses[w->clauses_count - 1]];
	_buf_ struct buf who = BUF_INIT;

	explain_roles(c->a, w->roles, "somebody without a role", &who);
	if (who.failed)
		return -ENOMEM;
	return diag(c->d, DIAG_ERROR, "limit-cell", c->a->rules.v[last->rule - 1].span,
		    "more than %u rules speak about store '%s' for one subject (roles: %s); merge rules with the same conditions: "
		    "one rule can name several actions, roles and stores", PW_CELL_ENTRIES_MAX, c->a->stores.v[store].name.text,
		    who.data);
}

/* Cells of one list of clauses, for all rows: stores with the same rules share it. */
static int fill_rows(struct compiler *c, struct cell_work *w, uint32_t store, struct pw_cell *ret_rows)
{
	const __u64 *rows = (const __u64 *)c->rows.bytes.data;

	for (uint32_t row = 0; row < c->rows.count; row++) {
		size_t off = 0;
		int r;

		w->roles = rows[row];
		w->settled = row == 0 || row > c->roles_count;
		r = fill(c, w);
		if (r == -E2BIG)
			return too_many(c, w, store);
		if (w->count && intern_add(&c->entries, w->entries, w->count * sizeof(w->entries[0]), &off) < 0)
			return -ENOMEM;
		if (c->entries.bytes.len_bytes / sizeof(struct pw_entry) > PW_ENTRIES_MAX)
			return diag(c->d, DIAG_ERROR, "limit-entries", c->a->stores.v[store].span,
				    "the rules of all stores together do not fit (%u entries); give stores with the same rules "
				    "the same class and write the rules on the class", PW_ENTRIES_MAX);
		ret_rows[row] = (struct pw_cell){ .first = (__u32)(off / sizeof(struct pw_entry)), .count = (__u16)w->count };
	}
	return 0;
}

static int finish(struct compiler *c, uint32_t store, const struct pw_cell *rows, struct pw_cell *cells)
{
	const struct pw_entry *entries = (const struct pw_entry *)c->entries.bytes.data;
	const __u64 *sets = (const __u64 *)c->rows.bytes.data;
	bool log_all = !(c->a->has_policy && c->a->policy.log_denied_only), strict = c->a->stores.v[store].strict;

	for (uint32_t row = 0; row < c->rows.count; row++) {
		struct pw_cell *cell = &cells[(size_t)row * (c->a->stores.count + 1) + store + 1];
		struct image_masks masks;

		*cell = rows[row];
		masks = image_masks(cell->count ? entries + cell->first : NULL, cell->count, sets[row], c->store_audits[store]);
		cell->allow = masks.allow;
		cell->slow = masks.slow;
		cell->flags = (__u8)((c->store_audits[store] ? PW_CELL_AUDIT : 0) | (log_all || strict ? PW_CELL_LOG_ALL : 0) |
				     (strict ? PW_CELL_STRICT : 0));
		cell->audit_window = c->store_audit_window[store];
	}
	return 0;
}

/* Which clauses speak about each store, as one string of clause numbers: equal strings are computed once. */
static int list_clauses(const struct compiler *c, struct buf *lists)
{
	for (uint32_t k = 0; k < c->clauses_count; k++) {
		const struct ast_rule *rule = &c->a->rules.v[c->clauses[k].rule - 1];

		for (size_t i = 0; i < rule->store_idx_count; i++)
			buf_add(&lists[rule->store_idx[i]], &k, sizeof(k));
	}
	for (size_t i = 0; i < c->a->stores.count; i++)
		if (lists[i].failed)
			return -ENOMEM;
	return 0;
}

static uint32_t same_list(const struct buf *lists, uint32_t store)
{
	for (uint32_t i = 0; i < store; i++)
		if (lists[i].len_bytes == lists[store].len_bytes &&
		    (!lists[i].len_bytes || memcmp(lists[i].data, lists[store].data, lists[i].len_bytes) == 0))
			return i;
	return store;
}

static int all_stores(struct compiler *c, struct buf *lists, struct pw_cell *rows, struct pw_cell *cells)
{
	_free_ struct cell_work *w = malloc(sizeof(*w));
	int r = list_clauses(c, lists);

	if (!w)
		return -ENOMEM;
	for (uint32_t s = 0; s < c->a->stores.count && r == 0; s++) {
		uint32_t like = same_list(lists, s);

		w->clauses = (const uint32_t *)lists[s].data;
		w->clauses_count = lists[s].len_bytes / sizeof(uint32_t);
		if (like == s)
			r = fill_rows(c, w, s, rows + (size_t)s * c->rows.count);
		else
			memcpy(rows + (size_t)s * c->rows.count, rows + (size_t)like * c->rows.count,
			       c->rows.count * sizeof(*rows));
		if (r == 0)
			r = finish(c, s, rows + (size_t)s * c->rows.count, cells);
	}
	return r;
}

int compile_cells(struct compiler *c)
{
	size_t stores = c->a->stores.count, count = c->rows.count * (stores + 1);
	_free_ struct buf *lists = calloc(stores + 1, sizeof(*lists));
	_free_ struct pw_cell *rows = calloc(count, sizeof(*rows));
	_free_ struct pw_cell *cells = calloc(count, sizeof(*cells));
	int r;

	if (!lists || !rows || !cells)
		return -ENOMEM;
	r = all_stores(c, lists, rows, cells);
	for (size_t i = 0; i < stores; i++)
		buf_free(&lists[i]);
	if (r < 0)
		return r;
	buf_add(&c->sec[PW_SEC_CELLS], cells, count * sizeof(*cells));
	return 0;
}
