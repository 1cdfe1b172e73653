/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler makes of a policy: hidden roles, rows, masks, what may be left out, and what does not fit. */
#include "test.h"

#include "back.h"

static const struct pw_cell *cell(const struct back *b, uint32_t row, uint32_t label)
{
	return &b->img.cells[(size_t)row * b->img.gen->labels + label];
}

static void a_condition_on_a_user_is_a_hidden_role(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "role r { members group:radiology }\nrule one { allow r to read on s }\n"
				"rule two { deny any to read on s when user root absolute }\nrule three { deny any to list on s when user root }\n"), 0);
	CHECK_INT(b.img.count[PW_SEC_ROLES], 2);
	CHECK_INT(b.img.roles[1].flags, PW_ROLE_HIDDEN);
	CHECK_STR(image_str(&b.img, b.img.roles[1].name), "user root");
	CHECK_INT(back_roles(&b, (struct question){ .user = "root" }), 2);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice" }), 1);
	CHECK_INT(back_ask(&b, "root", "s", PW_A_READ).reason, PW_R_ABSOLUTE);
	CHECK_INT(back_ask(&b, "alice", "s", PW_A_READ).verdict, PW_ALLOW);
	/* Who has exactly the role r is answered by the cell alone: being root is settled. */
	CHECK_INT(cell(&b, 1, 1)->slow, 0);
	CHECK_INT(cell(&b, 1, 1)->allow & PW_A_READ, PW_A_READ);
}

static void any_of_several_roles_is_brought_by_each(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "role base { abstract }\nrole r { inherits base members user:alice }\n"
				"role w { members user:bob }\nrole x { members user:eve, user:alice, user:bob }\n"
				"rule one { allow x to read on s when role { base, w } }\n"), 0);
	CHECK_INT(back_ask(&b, "alice", "s", PW_A_READ).verdict, PW_ALLOW);
	CHECK_INT(back_ask(&b, "bob", "s", PW_A_READ).verdict, PW_ALLOW);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).verdict, PW_DENY);
}

static void programs_and_units_are_part_of_a_role(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "program viewer { exe /opt/viewer }\nprogram other { exe /opt/other }\n"
				"role r { members user:alice program viewer unit viewer.service }\nrule one { allow r to read on s }\n"), 0);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice" }), 0);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice", .program = "viewer" }), 0);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice", .program = "viewer", .unit = "viewer.service" }), 1);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice", .program = "/opt/viewer", .unit = "viewer.service" }), 1);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice", .program = "other", .unit = "viewer.service" }), 0);
	CHECK_INT(back_roles(&b, (struct question){ .user = "bob", .program = "viewer", .unit = "viewer.service" }), 0);
	/* The program that nothing asks about is not looked for on the host. */
	CHECK_INT(b.img.count[PW_SEC_PROGRAMS], 1);
}

static void what_cannot_change_an_answer_is_left_out(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "time t { hours 08:00-09:00 }\nrole r { members user:alice }\n"
				"rule one { allow r to read, list on s }\nrule two { allow r to read on s when during t }\n"
				"rule three { allow r to read, write on s }\n"), 0);
	/* Two is always answered by one; three names something that one does not. */
	CHECK_INT(cell(&b, 1, 1)->count, 2);
	CHECK_INT(cell(&b, 1, 1)->slow, 0);
	CHECK_INT(back_ask(&b, "alice", "s", PW_A_READ).rule, 1);
	CHECK_INT(back_ask(&b, "alice", "s", PW_A_WRITE).rule, 3);
}

static void a_later_wider_rule_hides_no_earlier_one(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "role r { members user:alice }\nrule one { allow r to list on s }\n"
				"rule two { allow any to read, list on s }\n"), 0);
	CHECK_INT(back_ask(&b, "alice", "s", PW_A_LIST).rule, 1);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_LIST).rule, 2);
}

static void a_trial_hides_no_real_rule(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "rule one { deny any to read on s mode audit }\nrule two { deny any to read on s }\n"
				"rule three { allow any to read on s }\n"), 0);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).verdict, PW_DENY);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).rule, 2);
}

static void an_allow_brings_what_reading_is_useless_without(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "rule one { allow any to read on s }\nrule two { deny any to lock on s when user eve }\n"), 0);
	CHECK_INT(back_ask(&b, "bob", "s", PW_NEED_LOCK).verdict, PW_ALLOW);
	CHECK_INT(back_ask(&b, "bob", "s", PW_NEED_WATCH).verdict, PW_ALLOW);
	CHECK_INT(back_ask(&b, "bob", "s", PW_A_LIST).verdict, PW_DENY);
	CHECK_INT(back_ask(&b, "eve", "s", PW_NEED_LOCK).missing, PW_A_LOCK);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).verdict, PW_ALLOW);
}

static void purposes_of_which_none_fits_all_never_hold(void)
{
	_back_ struct back b = { 0 };
	struct pw_facts f = { .mfa_age_s = PW_MFA_NEVER };

	CHECK_INT(back_open(&b, BACK_HEAD "purpose a { \"x\" }\npurpose b { \"y\" }\n"
				"rule one { allow any to read on s when purpose a, purpose b }\n"
				"rule two { allow any to list on s when purpose { a, b }, purpose b }\n"), 0);
	for (f.purpose = 0; f.purpose <= 2; f.purpose++) {
		CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_DENY);
		CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_LIST).verdict, f.purpose == 2 ? PW_ALLOW : PW_DENY);
	}
}

static void users_of_this_host_have_rows_of_their_own(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "role r { members group:radiology }\nrole w { members user:alice }\n"
				"rule one { allow r to read on s }\nrule two { allow w to list on s }\n"), 0);
	CHECK_INT(back_roles(&b, (struct question){ .user = "alice" }), 3);
	CHECK(table_row(&b.img, 3) != PW_ROW_NONE);
	CHECK_INT(b.img.rows[0], 0);
	CHECK_INT(b.img.rows[1], 1);
	CHECK_INT(b.img.rows[2], 2);
}

/* ---- limits ---- */

static int open_many(struct back *b, const char *before, const char *one, uint32_t count, const char *after)
{
	_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, BACK_HEAD);
	buf_add_str(&text, before);
	for (uint32_t i = 0; i < count; i++)
		for (const char *p = one; *p; p++)
			if (*p == '%')
				buf_printf(&text, "%u", i);
			else
				buf_add_char(&text, *p);
	buf_add_str(&text, after);
	return text.failed ? -ENOMEM : back_open(b, text.data);
}

static void limits_are_sentences(void)
{
	static const struct { const char *one; uint32_t fits; const char *before, *after, *code; } limits[] = {
		{ "role r% { members user:alice }\n", 64, "", "rule one { allow r0 to read on s }\n", "limit-roles" },
		{ "rule x% { allow any to read on s when user alice unless unit u%.service }\n", 63, "", "", "limit-roles" },
		{ "time t% { hours 08:00-09:00 }\nrule x% { allow any to read on s when during t% }\n", 32, "", "", "limit-windows" },
		{ "purpose p% { \"x\" }\n", 32, "", "", "limit-purposes" },
		{ "store s% { path /srv/x% }\n", 1022, "", "", "limit-stores" },
		{ "rule x% { allow any to read on s when mfa within 1%s, purpose p }\n", 64, "purpose p { \"x\" }\n", "", "limit-cell" },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		_back_ struct back good = { 0 }, bad = { 0 };

		CHECK_INT(open_many(&good, limits[i].before, limits[i].one, limits[i].fits, limits[i].after), 0);
		CHECK_INT(open_many(&bad, limits[i].before, limits[i].one, limits[i].fits + 1, limits[i].after), -EINVAL);
		/* The front end says it first where it counts names itself. */
		CHECK(back_found(&bad, limits[i].code) || back_found(&bad, "too-many"));
	}
}

/* The front end has its own bounds; whoever builds a tree otherwise meets the compiler's. */
static void a_factor_that_cannot_be_counted_is_refused(void)
{
	static const uint64_t seconds[] = { 0, PW_MFA_NEVER, UINT64_C(1) << 40 };

	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		_back_ struct back b = { 0 };

		CHECK_INT(back_open(&b, BACK_HEAD "rule one { allow any to read on s when mfa within 1h }\n"), 0);
		buf_free(&b.bytes);
		b.f.a->rules.v[0].when.v[0].mfa_within_s = seconds[i];
		CHECK_INT(policy_compile(b.f.a, &b.f.n, BACK_NOW, &b.f.d, &b.bytes), -EINVAL);
		CHECK(back_found(&b, "mfa-range"));
	}
}

static void ten_thousand_rules_fit(void)
{
	_back_ struct back b = { 0 };
	_buf_ struct buf text = BUF_INIT;

	buf_add_str(&text, BACK_HEAD "role r { members user:alice }\n");
	for (uint32_t i = 0; i < 1000; i++)
		buf_printf(&text, "store x%u { path /srv/x%u }\n", i, i);
	for (uint32_t i = 0; i < 10000; i++)
		buf_printf(&text, "rule y%u { allow r to %s on x%u }\n", i, i % 2 ? "read" : "write", i % 1000);
	CHECK_INT(back_open(&b, text.data), 0);
	CHECK_INT(b.img.count[PW_SEC_RULES], 10001);
	CHECK_INT(back_ask(&b, "alice", "x7", PW_A_READ).rule, 8);
	CHECK_INT(back_ask(&b, "eve", "x7", PW_A_READ).verdict, PW_DENY);
}

/* The words of the policy as flags of the image: stores, all their cells, the header; and no verdict changes by them. */
static void strict_and_tighten_are_flags(void)
{
	static const char rest[] = "admin { members user:root may apply }\nrole r { members user:alice }\nrule one { allow r to read on a, b, c }\n";
	static const struct { __u32 flags, kill_after_s; __u8 cell; } want[] = {
		{ PW_IMG_STRICT | PW_IMG_KILL, 0, PW_CELL_STRICT | PW_CELL_LOG_ALL },
		{ PW_IMG_STRICT | PW_IMG_AUDIT, 0, PW_CELL_STRICT | PW_CELL_LOG_ALL | PW_CELL_AUDIT },
		{ PW_IMG_KILL, 30, 0 },
	};
	_back_ struct back b = { 0 }, plain = { 0 };
	_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "polyward 1\npolicy p { version 1 log denied guard sealed on-tighten kill after 30s }\n"
		   "store a { path /a strict on-tighten kill at once }\nstore b { path /b strict mode audit on-tighten leave }\n"
		   "store c { path /c }\n%s", rest);
	CHECK_INT(back_open(&b, text.data), 0);
	CHECK_INT(b.img.head->flags, PW_IMG_SEALED);
	for (uint32_t s = 0; s < 3; s++) {
		CHECK_INT(b.img.stores[s + 1].flags, want[s].flags);
		CHECK_INT(b.img.stores[s + 1].kill_after_s, want[s].kill_after_s);
		for (uint32_t row = 0; row < b.img.gen->rows; row++)
			CHECK_INT(b.img.cells[row * b.img.gen->labels + s + 1].flags, want[s].cell);
	}
	buf_free(&text);
	buf_printf(&text, "polyward 1\npolicy p { version 1 }\nstore a { path /a }\nstore b { path /b mode audit }\nstore c { path /c }\n%s", rest);
	CHECK_INT(back_open(&plain, text.data), 0);
	CHECK_INT(plain.img.head->flags, 0);
	CHECK_INT(plain.img.cells[1].flags, PW_CELL_LOG_ALL);
	for (uint32_t need = 1; need <= PW_A_CONNECT; need <<= 1)
		CHECK_INT(back_ask(&b, "alice", "a", need).verdict, back_ask(&plain, "alice", "a", need).verdict);
}

static void the_same_policy_gives_the_same_bytes(void)
{
	static const char text[] = BACK_HEAD "time t { hours 08:00-09:00 zone Europe/Berlin }\nrole r { members user:alice, group:ml }\n"
				   "rule one { allow r to read on s when during t unless user root, program x }\nprogram x { exe /x/y }\n";
	_back_ struct back a = { 0 }, b = { 0 };

	CHECK_INT(back_open(&a, text), 0);
	CHECK_INT(back_open(&b, text), 0);
	CHECK_INT(a.bytes.len_bytes, b.bytes.len_bytes);
	CHECK_INT(memcmp(a.bytes.data, b.bytes.data, a.bytes.len_bytes), 0);
}

TESTS(T(a_condition_on_a_user_is_a_hidden_role), T(any_of_several_roles_is_brought_by_each),
      T(programs_and_units_are_part_of_a_role), T(what_cannot_change_an_answer_is_left_out),
      T(a_later_wider_rule_hides_no_earlier_one), T(a_trial_hides_no_real_rule),
      T(an_allow_brings_what_reading_is_useless_without), T(purposes_of_which_none_fits_all_never_hold),
      T(users_of_this_host_have_rows_of_their_own), T(limits_are_sentences), T(a_factor_that_cannot_be_counted_is_refused),
      T(ten_thousand_rules_fit), T(strict_and_tighten_are_flags),
      T(the_same_policy_gives_the_same_bytes))
