/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver: indexes, closures, ids, and moments in the policy's zone. */
#include "test.h"

#include "front.h"

#define HEAD "polyward 1 policy p { version 1 } " \
	"store a { path /srv/a class phi } store b { path /srv/b class deid } store c { path /srv/c class phi } "

static void stores_by_name_class_and_any(void)
{
	static char text[] = HEAD "rule x { allow any to read on c, a } rule y { allow any to read, list on class phi } "
		"rule z { deny any to exec on any }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(f.a->rules.v[0].store_idx_count, 2);
	CHECK_INT(f.a->rules.v[0].store_idx[0], 0);
	CHECK_INT(f.a->rules.v[0].store_idx[1], 2);
	CHECK_INT(f.a->rules.v[1].store_idx_count, 2);
	CHECK_INT(f.a->rules.v[1].store_idx[1], 2);
	CHECK_INT(f.a->rules.v[1].action_mask, PW_A_READ | PW_A_LIST);
	CHECK_INT(f.a->rules.v[2].store_idx_count, 3);
}

static void closures_are_transitive(void)
{
	static char text[] = HEAD "role top { members user:bob inherits left, right } role left { abstract inherits base } "
		"role right { abstract inherits base } role base { abstract }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(f.a->roles.v[0].closure, 15);
	CHECK_INT(f.a->roles.v[1].closure, 2 | 8);
	CHECK_INT(f.a->roles.v[3].closure, 8);
	CHECK_INT(policy_resolve(f.a, &f.n, &f.d), 0); /* a second time gives the same */
	CHECK_INT(f.a->roles.v[0].closure, 15);
}

static void users_and_groups_become_ids(void)
{
	static char text[] = HEAD "role r { members user:bob, group:ml } "
		"rule x { deny any to read on a when user root unless group { ml, ward } }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(f.a->roles.v[0].members.v[0].id, 1002);
	CHECK(f.a->roles.v[0].members.v[1].is_group);
	CHECK_INT(f.a->roles.v[0].members.v[1].id, 2006);
	CHECK_INT(f.a->rules.v[0].when.v[0].value_idx[0], 0);
	CHECK_INT(f.a->rules.v[0].unless.v[0].value_idx[1], 2002);
}

static void only_times_that_a_rule_asks_for_are_used(void)
{
	static char text[] = HEAD "time x { days mon } time y { days tue } rule r { allow any to read on a when during y }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK(!f.a->times.v[0].used);
	CHECK(f.a->times.v[1].used);
	CHECK_INT(f.a->rules.v[0].when.v[0].value_idx[0], 1);
}

static int64_t at(const char *times, const char *moment)
{
	_front_ struct front f = { 0 };
	char text[1024];

	(void)snprintf(text, sizeof(text), HEAD "%s test \"t\" { as user bob at %s expect deny read on a }", times, moment);
	return front_open(&f, text) < 0 ? -1 : f.a->tests.v[0].cases[0].as.at_utc_s;
}

#define BERLIN "time x { days mon zone Europe/Berlin } "
#define TOKYO "time y { days mon zone Asia/Tokyo } "

static void moments_without_zone_are_meant_in_the_policys_one_zone(void)
{
	CHECK_INT(at("", "2026-12-02T10:00"), 1796205600);
	CHECK_INT(at(BERLIN, "2026-12-02T10:00Z"), 1796205600);
	CHECK_INT(at(BERLIN, "2026-12-02T10:00"), 1796205600 - 3600);
	CHECK_INT(at(BERLIN, "2026-07-01T10:00"), 1782900000 - 7200);
	CHECK_INT(at(BERLIN TOKYO, "2026-12-02T10:00"), 1796205600);
	CHECK_INT(at(TOKYO, "2026-12-02T10:00"), 1796205600 - 9 * 3600);
}

static void moments_while_clocks_are_moved(void)
{
	/* 2026-03-29: 02:00 becomes 03:00 at 01:00 UTC. 2026-10-25: 03:00 becomes 02:00 at 01:00 UTC. */
	CHECK_INT(at(BERLIN, "2026-03-29T01:59"), 1774745940);
	CHECK_INT(at(BERLIN, "2026-03-29T03:00"), 1774746000);
	CHECK_INT(at(BERLIN, "2026-03-29T02:30"), 1774747800); /* shown by no clock: as if not yet moved */
	CHECK_INT(at(BERLIN, "2026-10-25T02:30"), 1792888200); /* shown twice: the first time */
	CHECK_INT(at(BERLIN, "2026-10-25T03:00"), 1792893600);
}

static void a_policy_without_a_name_works_and_is_told(void)
{
	static char text[] = "polyward 1 store a { path /srv/a }";
	_front_ struct front f = { 0 };

	CHECK_INT(front_open(&f, text), 0);
	CHECK_INT(f.d.warnings_count, 1);
	CHECK_STR(f.d.v[0].code, "no-policy");
	CHECK_STR(f.a->policy.name.text, "unnamed");
}

static void what_is_unknown_has_a_code_of_its_own(void)
{
	static const struct { const char *text, *code; } cases[] = {
		{ "rule r { allow x to read on a }", "unknown-role" },
		{ "rule r { allow any to read on x }", "unknown-store" },
		{ "rule r { allow any to read on class x }", "unknown-class" },
		{ "rule r { allow any to frob on a }", "unknown-action" },
		{ "rule r { allow any to read on a when during x }", "unknown-time" },
		{ "rule r { allow any to read on a when purpose x }", "unknown-purpose" },
		{ "rule r { allow any to read on a when program x }", "unknown-program" },
		{ "rule r { allow any to read on a when user x-y }", "unknown-user" },
		{ "role r { members group:x-y }", "unknown-group" },
		{ "time r { days mon zone Mars/Olympus }", "unknown-zone" },
		{ "test \"t\" { as user bob expect deny read on a by x }", "unknown-rule" },
		{ "role r { members user:bob inherits r }", "inherits-itself" },
		{ "admin { members user:x-y may apply }", "unknown-user" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_front_ struct front f = { 0 };
		char text[512];

		(void)snprintf(text, sizeof(text), HEAD "%s", cases[i].text);
		CHECK_INT(front_open(&f, text), -EINVAL);
		CHECK_INT(f.d.errors_count, 1);
		CHECK_STR(f.d.v[0].code, cases[i].code);
	}
}

TESTS(T(stores_by_name_class_and_any), T(closures_are_transitive), T(users_and_groups_become_ids),
      T(only_times_that_a_rule_asks_for_are_used), T(moments_without_zone_are_meant_in_the_policys_one_zone),
      T(moments_while_clocks_are_moved), T(a_policy_without_a_name_works_and_is_told),
      T(what_is_unknown_has_a_code_of_its_own))
