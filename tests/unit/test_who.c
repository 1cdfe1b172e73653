/* SPDX-License-Identifier: Apache-2.0 */
/* Who can, and what can somebody: rows from rules, what a deny takes back, and agreement with the decision itself. */
#include "test.h"

#include "back.h"

#define POLICY BACK_HEAD \
	"store t { path /srv/t class deid }\ntime clinic { hours 07:00-19:00 }\n" \
	"role base { abstract }\nrole r { inherits base members group:radiology }\nrole w { inherits base members user:bob }\n" \
	"rule one { allow base to read on s when during clinic }\nrule two { allow w to list on s, t }\n" \
	"rule three { deny any to read on s when user root }\nrule four { deny w to stat on t }\n"

struct asked { struct back b; struct grant_rows rows; };

static void asked_close(struct asked *a)
{
	grant_rows_free(&a->rows);
	back_close(&a->b);
}
#define _asked_ __attribute__((cleanup(asked_close)))

static bool has(const struct grant_rows *g, const char *role, const char *store, const char *rule, const char *conditions)
{
	for (size_t i = 0; i < g->count; i++)
		if (!strcmp(g->v[i].role, role) && !strcmp(g->v[i].store, store) && !strcmp(g->v[i].rule, rule) &&
		    !strcmp(g->v[i].conditions, conditions))
			return true;
	for (size_t i = 0; i < g->count; i++)
		printf("# %s (%s) on %s by %s: %s\n", g->v[i].role, g->v[i].members, g->v[i].store, g->v[i].rule, g->v[i].conditions);
	return false;
}

static void an_abstract_role_stands_for_those_that_inherit_it(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(back_open(&a.b, POLICY), 0);
	CHECK_INT(policy_who_can(a.b.f.a, PW_A_READ, 0, &a.rows), 0);
	CHECK_INT(a.rows.count, 2);
	CHECK(has(&a.rows, "r", "s", "one", "during clinic, not when user root (rule three)"));
	CHECK(has(&a.rows, "w", "s", "one", "during clinic, not when user root (rule three)"));
	CHECK_STR(a.rows.v[0].members, "group:radiology");
}

static void what_is_denied_whole_is_no_row(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(back_open(&a.b, POLICY), 0);
	CHECK_INT(policy_who_can(a.b.f.a, PW_A_STAT, 1, &a.rows), 0);
	CHECK_INT(a.rows.count, 0);
}

static void a_persons_rows_leave_out_what_is_settled(void)
{
	_asked_ struct asked a = { 0 };
	struct question q = { .user = "bob", .at_utc_s = BACK_NOW };

	CHECK_INT(back_open(&a.b, POLICY), 0);
	CHECK_INT(policy_what_can(a.b.f.a, &a.b.img, &a.b.f.n, &q, &a.rows), 0);
	CHECK(has(&a.rows, "w", "s", "one", "during clinic"));
	CHECK(has(&a.rows, "w", "s", "two", ""));
	CHECK(has(&a.rows, "w", "t", "two", ""));
	for (size_t i = 0; i < a.rows.count; i++)
		if (!strcmp(a.rows.v[i].store, "t"))
			CHECK_INT(a.rows.v[i].actions, PW_A_LIST | PW_A_WATCH); /* stat is denied to w there */
}

static void somebody_without_a_role_can_do_nothing(void)
{
	_asked_ struct asked a = { 0 };
	struct question q = { .user = "eve", .at_utc_s = BACK_NOW };

	CHECK_INT(back_open(&a.b, POLICY), 0);
	CHECK_INT(policy_what_can(a.b.f.a, &a.b.img, &a.b.f.n, &q, &a.rows), 0);
	CHECK_INT(a.rows.count, 0);
}

/* What is listed without conditions is allowed now, and what is not listed at all is refused, action by action. */
static void rows_agree_with_the_decision(void)
{
	static const char *const users[] = { "alice", "bob", "eve", "root" }, *const stores[] = { "s", "t" };
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, POLICY), 0);
	for (size_t u = 0; u < 4; u++)
		for (uint32_t s = 0; s < 2; s++)
			for (uint32_t bit = 1; bit <= PW_A_CONNECT; bit <<= 1) {
				struct question q = { .user = users[u], .at_utc_s = BACK_NOW };
				struct grant_rows g = { 0 };
				bool listed = false, always = false;

				CHECK_INT(policy_what_can(b.f.a, &b.img, &b.f.n, &q, &g), 0);
				for (size_t i = 0; i < g.count; i++)
					if (!strcmp(g.v[i].store, stores[s]) && (g.v[i].actions & bit)) {
						listed = true;
						always |= !*g.v[i].conditions;
					}
				grant_rows_free(&g);
				if (always)
					CHECK_INT(back_ask(&b, users[u], stores[s], bit).verdict, PW_ALLOW);
				if (!listed)
					CHECK_INT(back_ask(&b, users[u], stores[s], bit).verdict, PW_DENY);
			}
}

TESTS(T(an_abstract_role_stands_for_those_that_inherit_it), T(what_is_denied_whole_is_no_row),
      T(a_persons_rows_leave_out_what_is_settled), T(somebody_without_a_role_can_do_nothing), T(rows_agree_with_the_decision))
