/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are declared twice, over all files of a policy. Each message shows both places. */
#include "policy/parse.h"

#include <errno.h>

#include "policy/symbols.h"

struct names_check {
	struct parse_run *run;
	struct symbols symbols;
};

static void add(struct names_check *c, enum symbol_kind kind, const char *what, const struct ast_word *name, uint32_t idx,
		const struct span *(*place)(const struct ast *a, uint32_t idx))
{
	uint32_t first;
	int r = symbols_add(&c->symbols, kind, name->text, idx, &first);

	if (r == -ENOMEM)
		c->run->nomem = true;
	if (r != -EEXIST)
		return;
	(void)diag(c->run->d, DIAG_ERROR, "duplicate-name", name->span, "there are two %s '%.64s'; rename one", what, name->text);
	diag_second(c->run->d, *place(c->run->a, first), "first declared here");
}

#define PLACE(list) \
	static const struct span *list##_place(const struct ast *a, uint32_t idx) { return &a->list.v[idx].name.span; }
PLACE(times)
PLACE(purposes)
PLACE(programs)
PLACE(stores)
PLACE(roles)
PLACE(rules)
PLACE(tests)
#undef PLACE

static void same_path(struct names_check *c, uint32_t idx)
{
	const struct ast_store *store = &c->run->a->stores.v[idx];
	uint32_t first;
	int r = symbols_add(&c->symbols, SYMBOL_PATH, store->path.text, idx, &first);

	if (r == -ENOMEM)
		c->run->nomem = true;
	if (r != -EEXIST)
		return;
	(void)diag(c->run->d, DIAG_ERROR, "duplicate-path", store->path.span,
		   "store '%s' lies where store '%s' lies; a place belongs to one store", store->name.text,
		   c->run->a->stores.v[first].name.text);
	diag_second(c->run->d, c->run->a->stores.v[first].path.span, "first given here");
}

void parse_duplicates(struct parse_run *run)
{
	struct names_check c = { .run = run };
	const struct ast *a = run->a;

#define EACH(list, kind, what) \
	for (size_t i = 0; i < a->list.count; i++) \
		add(&c, kind, what, &a->list.v[i].name, (uint32_t)i, list##_place)
	EACH(times, SYMBOL_TIME, "times");
	EACH(purposes, SYMBOL_PURPOSE, "purposes");
	EACH(programs, SYMBOL_PROGRAM, "programs");
	EACH(stores, SYMBOL_STORE, "stores");
	EACH(roles, SYMBOL_ROLE, "roles");
	EACH(rules, SYMBOL_RULE, "rules");
	EACH(tests, SYMBOL_TEST, "tests");
#undef EACH
	for (size_t i = 0; i < a->stores.count; i++)
		same_path(&c, (uint32_t)i);
	symbols_free(&c.symbols);
}
