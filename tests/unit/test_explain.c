/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: the sentence, the state of each condition, and changes that really turn the outcome. */
#include "test.h"

#include "back.h"

#define POLICY BACK_HEAD \
	"time clinic { days mon-fri hours 07:00-19:00 zone Europe/Berlin }\nprogram viewer { exe /opt/viewer }\n" \
	"role r { members group:radiology }\nrole v { members user:bob program viewer }\n" \
	"rule one { allow r to read on s when during clinic }\nrule two { allow v to read on s }\n" \
	"rule three { deny any to read on s when user root absolute }\n"

#define NIGHT INT64_C(1796252400) /* 2026-12-02T23:00Z, midnight in Berlin */

struct asked { struct back b; struct explanation x; };

static void asked_close(struct asked *a)
{
	explanation_free(&a->x);
	back_close(&a->b);
}
#define _asked_ __attribute__((cleanup(asked_close)))

static int ask(struct asked *a, struct question q)
{
	int r = back_open(&a->b, POLICY);

	if (r == 0)
		r = policy_explain(a->b.f.a, &a->b.img, &a->b.f.n, &q, PW_A_READ, 0, &a->x, &a->b.e);
	return r;
}

static bool has_change(const struct explanation *x, const char *text)
{
	for (size_t i = 0; i < x->changes_count; i++)
		if (strcmp(x->changes[i].text, text) == 0)
			return true;
	for (size_t i = 0; i < x->changes_count; i++)
		printf("# change: %s\n", x->changes[i].text);
	return false;
}

static void an_allowed_access_names_its_rule(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(ask(&a, (struct question){ .user = "alice", .at_utc_s = BACK_NOW }), 0);
	CHECK_STR(a.x.sentence, "allowed: rule 'one' (p.pw:9) allows read on s to user alice (roles: r)");
	CHECK_INT(a.x.rules[0].decided, 1);
	CHECK_STR(a.x.rules[0].atoms[0].text, "role r is on (group:radiology)");
	CHECK_STR(a.x.rules[0].atoms[1].text, "when during clinic: clinic is open, its clocks show 2026-11-18T12:06:40 (Europe/Berlin)");
	CHECK(has_change(&a.x, "be no member of group radiology"));
	CHECK(has_change(&a.x, "be user root"));
	CHECK(has_change(&a.x, "wait until clinic closes: 2026-11-18T19:00 on its clocks"));
}

static void a_refusal_says_what_fails_and_what_helps(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(ask(&a, (struct question){ .user = "alice", .at_utc_s = NIGHT }), 0);
	CHECK_STR(a.x.sentence, "refused: no rule allows read on s to user alice (roles: r)");
	CHECK_INT(a.x.rules[0].decided, 0);
	CHECK_INT(a.x.rules[0].names_role, 1);
	CHECK_INT(a.x.rules[0].atoms[1].state, ATOM_FAILS);
	CHECK(has_change(&a.x, "wait until clinic opens: 2026-12-03T07:00 on its clocks"));
	CHECK(has_change(&a.x, "run program viewer, and be user bob"));
	for (size_t i = 0; i < a.x.changes_count; i++)
		CHECK(a.x.changes[i].now_allowed);
}

static void a_deny_rule_is_told_from_silence(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(ask(&a, (struct question){ .user = "root", .at_utc_s = BACK_NOW }), 0);
	CHECK_STR(a.x.sentence, "forbidden: rule 'three' (p.pw:11) denies absolutely read on s to user root (roles: none)");
	CHECK_STR(a.x.rules[0].atoms[0].text, "when user root: it is user root");
	/* Root gains nothing through a group: that must not be offered. */
	CHECK(!has_change(&a.x, "be a member of group radiology"));
	CHECK(has_change(&a.x, "be user alice") == false);
}

static void a_pair_is_offered_only_where_neither_half_is_enough(void)
{
	_asked_ struct asked a = { 0 };

	CHECK_INT(ask(&a, (struct question){ .user = "eve", .at_utc_s = NIGHT }), 0);
	CHECK(has_change(&a.x, "wait until clinic opens: 2026-12-03T07:00 on its clocks, and be a member of group radiology"));
	_asked_ struct asked b = { 0 };

	CHECK_INT(ask(&b, (struct question){ .user = "eve", .at_utc_s = BACK_NOW }), 0);
	CHECK(has_change(&b.x, "be a member of group radiology"));
	for (size_t i = 0; i < b.x.changes_count; i++)
		CHECK(!strstr(b.x.changes[i].text, "radiology, and") && !strstr(b.x.changes[i].text, "and be a member"));
}

static void groups_of_the_question_count_instead_of_the_hosts(void)
{
	static const char *const groups[] = { "radiology" };
	_asked_ struct asked a = { 0 };

	CHECK_INT(ask(&a, (struct question){ .user = "eve", .groups = groups, .groups_count = 1, .has_groups = true,
					     .at_utc_s = BACK_NOW }), 0);
	CHECK_INT(a.x.decision.verdict, PW_ALLOW);
	CHECK(has_change(&a.x, "be no member of group radiology"));
}

static void outside_every_store_is_said(void)
{
	_back_ struct back b = { 0 };
	struct explanation x = { 0 };
	struct question q = { .user = "eve", .at_utc_s = BACK_NOW };

	CHECK_INT(back_open(&b, POLICY), 0);
	CHECK_INT(policy_store_at(b.f.a, "/srv/s/x/y"), 0);
	CHECK_INT(policy_store_at(b.f.a, "/srv/s"), 0);
	CHECK_INT(policy_store_at(b.f.a, "/srv/s2"), AST_NONE);
	CHECK_INT(policy_explain(b.f.a, &b.img, &b.f.n, &q, PW_A_READ, AST_NONE, &x, &b.e), 0);
	CHECK_STR(x.sentence, "not ours: this lies in no store, so polyward does not decide about it");
	CHECK_INT(x.decision.verdict, PW_ALLOW);
	explanation_free(&x);
}

static void the_nearest_root_owns_a_path(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "store in { path /srv/s/in }\nrule one { allow any to read on any }\n"), 0);
	CHECK_INT(policy_store_at(b.f.a, "/srv/s/in/x"), 1);
	CHECK_INT(policy_store_at(b.f.a, "/srv/s/inner"), 0);
}

TESTS(T(an_allowed_access_names_its_rule), T(a_refusal_says_what_fails_and_what_helps), T(a_deny_rule_is_told_from_silence),
      T(a_pair_is_offered_only_where_neither_half_is_enough), T(groups_of_the_question_count_instead_of_the_hosts),
      T(outside_every_store_is_said), T(the_nearest_root_owns_a_path))
