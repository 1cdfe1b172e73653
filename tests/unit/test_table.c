/* SPDX-License-Identifier: Apache-2.0 */
/* The decision on hand-made cells: precedence, attribution, what may be cached, trials; and tests of a policy as sentences. */
#include "test.h"

#include "back.h"

#define ALLOW(r, a)    { .rule = (r), .effect = PW_EFFECT_ALLOW, .actions = (a) }
#define DENY(r, a)     { .rule = (r), .effect = PW_EFFECT_DENY, .actions = (a) }
#define ABSOLUTE(r, a) { .rule = (r), .effect = PW_EFFECT_ABSOLUTE, .actions = (a) }

/* One role set without roles and one store; entries and conditions are the case's. */
static struct pw_decision decide(const struct pw_entry *entries, __u16 count, const struct pw_cond *conds, __u8 flags, __u32 need,
				 struct pw_facts f)
{
	const struct pw_cell cells[2] = { { 0 }, { .count = count, .flags = flags, .slow = ~0u } };
	const struct pw_gen gen = { .labels = 2, .rows = 1 };
	const __u64 rows[1] = { 0 };
	struct image img = { .gen = &gen, .cells = cells, .entries = entries, .conds = conds, .rows = rows };

	img.count[PW_SEC_ROWS] = 1;
	return table_decide(&img, 0, 1, &f, need);
}

static void deny_outweighs_allow_whatever_their_order(void)
{
	const struct pw_entry e[] = { DENY(9, PW_A_READ), ALLOW(1, PW_A_READ | PW_A_LIST) };
	struct pw_decision d = decide(e, 2, NULL, 0, PW_A_READ, (struct pw_facts){ 0 });

	CHECK_INT(d.verdict, PW_DENY);
	CHECK_INT(d.reason, PW_R_RULE);
	CHECK_INT(d.rule, 9);
	CHECK_INT(d.missing, PW_A_READ);
	d = decide(e, 2, NULL, 0, PW_A_LIST, (struct pw_facts){ 0 });
	CHECK_INT(d.verdict, PW_ALLOW);
	CHECK_INT(d.rule, 1);
	CHECK_INT(d.missing, 0);
}

static void absolute_deny_is_named_before_deny(void)
{
	const struct pw_entry e[] = { ABSOLUTE(7, PW_A_READ), DENY(2, PW_A_READ), ALLOW(1, PW_A_READ) };
	struct pw_decision d = decide(e, 3, NULL, 0, PW_A_READ, (struct pw_facts){ 0 });

	CHECK_INT(d.verdict, PW_DENY);
	CHECK_INT(d.reason, PW_R_ABSOLUTE);
	CHECK_INT(d.rule, 7);
}

static void nothing_said_is_refused(void)
{
	const struct pw_entry e[] = { ALLOW(3, PW_A_READ) };
	struct pw_decision d = decide(e, 1, NULL, 0, PW_A_READ | PW_A_LINK, (struct pw_facts){ 0 });

	CHECK_INT(d.verdict, PW_DENY);
	CHECK_INT(d.reason, PW_R_DEFAULT);
	CHECK_INT(d.rule, 0);
	CHECK_INT(d.missing, PW_A_LINK);
}

static void the_lowest_rule_is_named(void)
{
	const struct pw_entry e[] = { ALLOW(8, PW_A_READ), ALLOW(4, PW_A_READ), ALLOW(6, PW_A_READ) };

	CHECK_INT(decide(e, 3, NULL, 0, PW_A_READ, (struct pw_facts){ 0 }).rule, 4);
}

static void a_trial_passes_and_says_so(void)
{
	const struct pw_entry e[] = { { .rule = 5, .effect = PW_EFFECT_DENY, .actions = PW_A_READ, .flags = PW_ENTRY_AUDIT },
				      ALLOW(1, PW_A_READ) };
	struct pw_decision d = decide(e, 2, NULL, 0, PW_A_READ, (struct pw_facts){ 0 });

	CHECK_INT(d.verdict, PW_AUDIT);
	CHECK_INT(d.rule, 5);
	CHECK_INT(d.missing, PW_A_READ);
}

static void a_store_in_mode_audit_passes_everything(void)
{
	const struct pw_entry e[] = { ABSOLUTE(5, PW_A_READ) };
	struct pw_decision d = decide(e, 1, NULL, PW_CELL_AUDIT, PW_A_READ, (struct pw_facts){ 0 });

	CHECK_INT(d.verdict, PW_AUDIT);
	CHECK_INT(d.reason, PW_R_ABSOLUTE);
	CHECK_INT(d.rule, 5);
}

static void what_a_condition_had_a_say_in_is_not_cached(void)
{
	const struct pw_entry e[] = { { .rule = 2, .effect = PW_EFFECT_DENY, .actions = PW_A_READ, .cond = 1 }, ALLOW(1, PW_A_READ) };
	const struct pw_cond conds[] = { { 0 }, { .mfa_within_s = 60 } };
	struct pw_decision d = decide(e, 2, conds, 0, PW_A_READ, (struct pw_facts){ .mfa_age_s = PW_MFA_NEVER });

	CHECK_INT(d.verdict, PW_ALLOW);
	CHECK_INT(d.timed, 1);
	d = decide(e, 2, conds, 0, PW_A_READ, (struct pw_facts){ .mfa_age_s = 60 });
	CHECK_INT(d.verdict, PW_DENY);
	CHECK_INT(d.timed, 1);
	CHECK_INT(decide(e + 1, 1, conds, 0, PW_A_READ, (struct pw_facts){ 0 }).timed, 0);
}

static void outside_every_store_is_not_ours(void)
{
	const struct pw_gen gen = { .labels = 1, .rows = 1 };
	const struct image img = { .gen = &gen };

	CHECK_INT(table_decide(&img, 0, PW_LABEL_OUTSIDE, &(struct pw_facts){ 0 }, PW_A_WRITE).verdict, PW_ALLOW);
	/* A label or row that the table does not have is no permission. */
	CHECK_INT(table_decide(&img, 0, 1, &(struct pw_facts){ 0 }, PW_A_READ).reason, PW_R_INTERNAL);
	CHECK_INT(table_decide(&img, 0, 1, &(struct pw_facts){ 0 }, PW_A_READ).verdict, PW_DENY);
	CHECK_INT(table_decide_fast(&img, 7, 1, &(struct pw_facts){ 0 }, PW_A_READ).verdict, PW_DENY);
}

static void a_users_login_must_agree(void)
{
	const struct pw_img_attr attrs[] = { { PW_ATTR_UID, 0, 1 }, { PW_ATTR_UID, 1001, 2 }, { PW_ATTR_GID, 2001, 4 } };
	const __u32 gids[] = { 5, 2001 };
	struct pw_gen g = { .program_any = 7, .unit_any = 7, .startable = 7, .closure = { 1, 2, 4 } };
	struct table_who w = { .uid = 1001, .login_uid = TABLE_ID_NONE, .gids = gids, .gids_count = 2 };

	CHECK_INT(table_roles(&g, attrs, 3, &w), 6);
	w.login_uid = 1001;
	CHECK_INT(table_roles(&g, attrs, 3, &w), 6);
	w.login_uid = 1002; /* su alice */
	CHECK_INT(table_roles(&g, attrs, 3, &w), 0);
	w = (struct table_who){ .uid = 0, .login_uid = TABLE_ID_NONE, .gids = gids, .gids_count = 2 };
	CHECK_INT(table_roles(&g, attrs, 3, &w), 1);
	g.closure[0] = 1 | 4;
	CHECK_INT(table_roles(&g, attrs, 3, &w), 5);
	g.startable = 6;
	CHECK_INT(table_roles(&g, attrs, 3, &w), 0);
}

static void a_failed_test_is_a_sentence(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "role r { members group:radiology }\nrule one { allow r to read on s }\n"
				"test \"alice reads\" { as user alice expect allow read on s by one expect deny read on s }\n"), 0);
	CHECK_INT(table_tests(&b.img, &b.e), -EINVAL);
	CHECK_STR(b.e.text, "test 'alice reads' (p.pw:7): expected deny read on s, but the policy says allow by one");
	CHECK_INT(table_test(&b.img, 0, &b.e), 0);
	CHECK_INT(table_test_decide(&b.img, 1).rule, 1);
}

static void a_test_says_what_an_action_needs(void)
{
	_back_ struct back b = { 0 };

	/* Who may link but not read may not link: the word stands for the operation. */
	CHECK_INT(back_open(&b, BACK_HEAD "rule one { allow any to link, create on s }\n"
				"test \"links\" { as user eve expect deny link on s by default expect allow create on s }\n"), 0);
	CHECK_INT(table_tests(&b.img, &b.e), 0);
	CHECK_STR(table_need_word(table_need(PW_A_LINK)), "link");
	CHECK_STR(table_need_word(PW_A_READ), "read");
}

TESTS(T(deny_outweighs_allow_whatever_their_order), T(absolute_deny_is_named_before_deny), T(nothing_said_is_refused),
      T(the_lowest_rule_is_named), T(a_trial_passes_and_says_so), T(a_store_in_mode_audit_passes_everything),
      T(what_a_condition_had_a_say_in_is_not_cached), T(outside_every_store_is_not_ours), T(a_users_login_must_agree),
      T(a_failed_test_is_a_sentence), T(a_test_says_what_an_action_needs))
