/* SPDX-License-Identifier: Apache-2.0 */
/* Learned rules: few, in the policy's own words, allowing all that was seen, and saying what else they allow. */
#include "test.h"

#include "back.h"
#include "policy/explain.h"
#include "policy/learn.h"

#define POLICY BACK_HEAD \
	"time day { hours 07:00-19:00 }\ntime week { days mon-fri }\npurpose care { \"care\" }\npurpose audit { \"audit\" }\n" \
	"program viewer { exe /opt/viewer }\nrole base { abstract }\nrole r { inherits base members group:radiology }\n" \
	"role w { members group:ward }\nrole v { inherits base members group:ml program viewer }\n" \
	"rule one { allow base to exec on s when during { day, week }, purpose { care, audit }, mfa within 8h }\n" \
	"rule two { allow any to exec on s when program viewer }\n"
#define END INT64_C(1803859200) /* 2027-03-01T00:00Z */

struct learned { struct back b; struct learn l; struct learn_rules rules; };

static void learned_close(struct learned *x)
{
	learn_rules_free(&x->rules);
	learn_free(&x->l);
	back_close(&x->b);
}
#define _learned_ __attribute__((cleanup(learned_close)))

static int open_policy(struct learned *x)
{
	return back_open(&x->b, POLICY);
}

static int saw(struct learned *x, uint32_t uid, const char *user, uint64_t roles, uint32_t need, uint32_t windows)
{
	const struct learn_seen one = { .uid = uid, .user = (char *)(uintptr_t)user, .roles = roles, .need = need, .windows = windows,
					.mfa_age_s = PW_MFA_NEVER, .accesses = 2, .events = { uid }, .events_count = 1,
					.first_utc_s = BACK_NOW, .last_utc_s = BACK_NOW + 60 };

	return learn_add(&x->l, &one);
}

static int propose(struct learned *x)
{
	return learn_propose(&x->l, x->b.f.a, &x->b.img, 0, END, &x->rules);
}

static uint64_t role(const struct learned *x, const char *name)
{
	for (size_t i = 0; i < x->b.f.a->roles.count; i++)
		if (strcmp(x->b.f.a->roles.v[i].name.text, name) == 0)
			return UINT64_C(1) << i;
	return 0;
}

static void one_role_covers_several_people(void)
{
	_learned_ struct learned x = { 0 };

	CHECK_INT(open_policy(&x), 0);
	CHECK_INT(saw(&x, 1, "ann", role(&x, "r"), PW_A_READ, 3), 0);
	CHECK_INT(saw(&x, 2, "bob", role(&x, "r"), PW_A_READ, 1), 0);
	CHECK_INT(saw(&x, 2, "bob", role(&x, "r") | role(&x, "w"), PW_A_LIST, 1), 0);
	CHECK_INT(propose(&x), 0);
	CHECK_INT(x.rules.count, 1);
	CHECK_STR(x.rules.v[0].text, "rule learned-s-1 { allow r  to read, list  on s  when during day  until 2027-03-01T00:00Z }");
	CHECK_INT(x.rules.v[0].accesses, 6);
	CHECK_INT(x.rules.v[0].people_count, 2);
	CHECK_STR(x.rules.v[0].wider[0], "everybody with role r (group:radiology); 2 people were seen");
	CHECK_STR(x.rules.v[0].wider[1], "brings along: stat, lock, watch");
}

/* What only some accesses fulfilled is no condition; actions under different conditions are different rules. */
static void conditions_hold_for_all(void)
{
	_learned_ struct learned x = { 0 };
	struct learn_seen one = { .uid = 1, .user = (char *)(uintptr_t)"ann", .need = PW_A_READ, .windows = 3, .mfa_age_s = 600, .accesses = 1,
				  .purpose = 1, .programs = 1, .events_count = 1, .first_utc_s = BACK_NOW, .last_utc_s = BACK_NOW };

	CHECK_INT(open_policy(&x), 0);
	one.roles = role(&x, "r");
	CHECK_INT(learn_add(&x.l, &one), 0);
	one.purpose = 2;
	one.mfa_age_s = 7200;
	CHECK_INT(learn_add(&x.l, &one), 0);
	one.need = PW_A_WRITE;
	one.mfa_age_s = PW_MFA_NEVER;
	one.windows = 0;
	one.programs = 0;
	CHECK_INT(learn_add(&x.l, &one), 0);
	CHECK_INT(propose(&x), 0);
	CHECK_INT(x.rules.count, 2);
	CHECK_STR(x.rules.v[0].text, "rule learned-s-1 { allow r  to read  on s  when during day, mfa within 8h, program viewer, "
		  "purpose { care, audit }  until 2027-03-01T00:00Z }");
	CHECK_STR(x.rules.v[1].text, "rule learned-s-2 { allow r  to write  on s  when purpose audit  until 2027-03-01T00:00Z }");
	CHECK_STR(x.rules.v[1].wider[1], "at any time, with any program");
}

static void whom_no_role_explains_is_named(void)
{
	_learned_ struct learned x = { 0 };

	CHECK_INT(open_policy(&x), 0);
	CHECK_INT(saw(&x, 1, "ann", 0, PW_A_READ, 0), 0);
	CHECK_INT(saw(&x, 9, NULL, 0, PW_A_READ, 0), 0);
	CHECK_INT(saw(&x, 2, "bob", role(&x, "v"), PW_A_READ | PW_A_LOCK, 0), 0);
	CHECK_INT(propose(&x), 0);
	CHECK_INT(x.rules.count, 2);
	CHECK_STR(x.rules.v[0].who, "role v");
	CHECK_STR(x.rules.v[0].text, "rule learned-s-1 { allow v  to read  on s  until 2027-03-01T00:00Z }");
	CHECK_STR(x.rules.v[0].wider[1], "at any time");
	CHECK_STR(x.rules.v[1].text, "rule learned-s-2 { allow any  to read  on s  when user ann  until 2027-03-01T00:00Z }");
	CHECK_INT(x.rules.nameless, 2);
}

static void the_largest_roles_count(void)
{
	_learned_ struct learned x = { 0 };

	CHECK_INT(open_policy(&x), 0);
	CHECK_INT(explain_largest(x.b.f.a, role(&x, "r") | role(&x, "base")), role(&x, "r"));
	CHECK_INT(explain_largest(x.b.f.a, role(&x, "base")), role(&x, "base"));
	CHECK_INT(explain_largest(x.b.f.a, 0), 0);
}

/* The policy with what was learned allows what was seen, until the end, and then no more. */
static void learned_rules_allow_what_was_seen(void)
{
	_learned_ struct learned x = { 0 };
	_back_ struct back with = { 0 };
	_buf_ struct buf text = BUF_INIT;

	CHECK_INT(open_policy(&x), 0);
	CHECK_INT(back_ask(&x.b, "alice", "s", PW_NEED_READ).verdict, PW_DENY);
	CHECK_INT(saw(&x, 1001, "alice", role(&x, "r"), PW_NEED_READ, 3), 0);
	CHECK_INT(propose(&x), 0);
	buf_add_str(&text, POLICY);
	for (size_t i = 0; i < x.rules.count; i++)
		buf_printf(&text, "%s\n", x.rules.v[i].text);
	CHECK_INT(back_open(&with, text.data), 0);
	CHECK_INT(back_ask(&with, "alice", "s", PW_NEED_READ).verdict, PW_ALLOW);
	CHECK_INT(back_ask(&with, "bob", "s", PW_NEED_READ).verdict, PW_DENY);
	for (int64_t at = END - 1; at <= END; at++) {
		struct question q = { .user = "alice", .at_utc_s = at };
		struct pw_facts f;

		CHECK_INT(explain_facts(with.f.a, &with.img, &with.f.n, &q, &f), 0);
		f.windows |= 3;
		CHECK_INT(explain_decide(&with.img, &f, 0, PW_A_READ).verdict, at < END ? PW_ALLOW : PW_DENY);
	}
}

TESTS(T(one_role_covers_several_people), T(conditions_hold_for_all), T(whom_no_role_explains_is_named), T(the_largest_roles_count),
      T(learned_rules_allow_what_was_seen))
