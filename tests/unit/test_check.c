/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: each where it belongs, and none where a rule still has a say. */
#include "test.h"

#include "back.h"

#define R BACK_HEAD "role r { members user:alice }\nrole w { members user:bob }\n"

/* Resolve and check; true if a finding with this code names `about`, or none with this code at all when about is NULL. */
static bool finds(const char *text, const char *code, const char *about)
{
	_front_ struct front f = { 0 };
	char *copy = strdup(text);
	bool found = false;
	int r = front_open(&f, copy);

	free(copy);
	if (r < 0) {
		printf("# %s\n", f.d.count ? f.d.v[0].text : "cannot resolve");
		return false;
	}
	(void)policy_check(f.a, &f.n, &f.d);
	for (size_t i = 0; i < f.d.count; i++) {
		if (strcmp(f.d.v[i].code, code) != 0)
			continue;
		found = true;
		if (about && strstr(f.d.v[i].text, about))
			return true;
		printf("# %s: %s\n", code, f.d.v[i].text);
	}
	return !about && !found;
}

static void a_rule_behind_a_wider_one_is_shadowed(void)
{
	CHECK(finds(R "rule one { allow r, w to read on s }\nrule two { allow r to read on s }\n", "shadowed", "'two'"));
	CHECK(finds(R "rule one { allow any to read on s }\nrule two { allow r to read on s when user alice }\n", "shadowed", "'two'"));
	/* stat comes with read */
	CHECK(finds(R "rule one { allow r to read on s }\nrule two { allow r to stat on s }\n", "shadowed", "'two'"));
	/* box by box by two others */
	CHECK(finds(R "rule one { allow r to read on s }\nrule two { allow w to read on s }\nrule three { allow r, w to read on s }\n",
		    "shadowed", "'three'"));
	CHECK(finds(R "rule one { deny r to read on s absolute }\nrule two { deny r to read on s }\n", "shadowed", "'two'"));
}

static void a_rule_with_a_say_is_not_shadowed(void)
{
	CHECK(finds(R "rule one { allow r to read on s }\nrule two { allow r, w to read on s }\n", "shadowed", NULL));
	CHECK(finds(R "rule one { allow r to read on s when user alice }\nrule two { allow r to read on s }\n", "shadowed", NULL));
	CHECK(finds(R "rule one { allow r to read on s unless user alice }\nrule two { allow r to read on s }\n", "shadowed", NULL));
	/* The first of two equals answers: the later, wider one takes nothing from it. */
	CHECK(finds(R "rule one { allow r to read on s }\nrule two { allow any to read, list on s }\n", "shadowed", NULL));
	CHECK(finds(R "rule one { deny any to read on s mode audit }\nrule two { deny r to read on s }\n", "shadowed", NULL));
	CHECK(finds(R "rule one { allow r to read on s }\nrule two { deny r to read on s }\n", "shadowed", NULL));
}

static void conditions_are_compared_as_sets(void)
{
	static const char times[] = R "time a { hours 08:00-09:00 }\ntime b { hours 10:00-11:00 }\n";
	char text[2048];

	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s when during { a, b } }\n"
		       "rule two { allow r to read on s when during a, mfa within 1h }\n");
	CHECK(finds(text, "shadowed", "'two'"));
	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s when during a }\n"
		       "rule two { allow r to read on s when during { a, b } }\n");
	CHECK(finds(text, "shadowed", NULL));
	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s when mfa within 8h }\n"
		       "rule two { allow r to read on s when mfa within 1h }\n");
	CHECK(finds(text, "shadowed", "'two'"));
	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s when mfa within 1h }\n"
		       "rule two { allow r to read on s when mfa within 8h }\n");
	CHECK(finds(text, "shadowed", NULL));
	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s unless during a }\n"
		       "rule two { allow r to read on s unless during { a, b } }\n");
	CHECK(finds(text, "shadowed", "'two'"));
	(void)snprintf(text, sizeof(text), "%s%s", times, "rule one { allow r to read on s unless during { a, b } }\n"
		       "rule two { allow r to read on s unless during a }\n");
	CHECK(finds(text, "shadowed", NULL));
}

static void an_allow_that_is_denied_whole_is_contradictory(void)
{
	CHECK(finds(R "rule one { allow r to list on s }\nrule two { deny any to list, stat, watch on s }\n", "contradictory", "'one'"));
	/* list brings stat, which is not denied */
	CHECK(finds(R "rule one { allow r to list on s }\nrule two { deny any to list on s }\n", "contradictory", NULL));
	CHECK(finds(R "rule one { allow r, w to exec on s }\nrule two { deny r to exec on s }\n", "contradictory", NULL));
	CHECK(finds(R "rule one { allow r to exec on s }\nrule two { deny r to exec on s when user alice }\n", "contradictory", NULL));
}

static void what_can_never_apply_is_unreachable(void)
{
	CHECK(finds(R "role n { abstract }\nrule one { allow n to read on s }\n", "unreachable", "'one'"));
	CHECK(finds(R "role n { abstract }\nrole m { inherits n members user:eve }\nrule one { allow n to read on s }\n", "unreachable", NULL));
	CHECK(finds(R "rule one { allow r to read on s when user alice unless user { alice, bob } }\n", "unreachable", "'one'"));
	CHECK(finds(R "rule one { allow r to read on s when user { alice, bob } unless user alice }\n", "unreachable", NULL));
	CHECK(finds(R "purpose a { \"x\" }\npurpose b { \"y\" }\nrule one { allow r to read on s when purpose a, purpose b }\n", "unreachable",
		    "'one'"));
	CHECK(finds(R "rule one { allow r to read on s when mfa within 1h }\n", "never-in-this-version", "second factor"));
}

static void people_who_must_not_meet_are_named(void)
{
	CHECK(finds(R "role x { members group:radiology }\nseparate static { r, x } at-most 1\nrule one { allow r, w, x to read on s }\n",
		    "not-separate", "user 'alice'"));
	CHECK(finds(R "role x { members group:ward }\nseparate static { r, x } at-most 1\nrule one { allow r, w, x to read on s }\n",
		    "not-separate", NULL));
	CHECK(finds(R "role x { members group:ml }\nrole y { members group:ml }\nseparate static { x, y } at-most 1\n"
		    "rule one { allow r, w, x, y to read on s }\n", "not-separate", "group 'ml'"));
	CHECK(finds(R "role x { inherits r members user:eve }\nrole y { members user:eve }\nseparate static { r, y } at-most 1\n"
		    "rule one { allow r, w, x, y to read on s }\n", "not-separate", "user 'eve'"));
}

static void a_policy_that_nobody_could_change_is_refused(void)
{
	static const char rest[] = "store s { path /srv/s }\nrule one { allow any to read on s }\n";
	char text[1024];

	(void)snprintf(text, sizeof(text), "polyward 1\npolicy p { version 1 }\nadmin { members user:root may apply when mfa within 1h }\n%s", rest);
	CHECK(finds(text, "admin-mfa", "second factor"));
	(void)snprintf(text, sizeof(text), "polyward 1\npolicy p { version 1 }\nadmin { members user:root may down }\n%s", rest);
	CHECK(finds(text, "admin-nobody", "apply"));
	(void)snprintf(text, sizeof(text), "polyward 1\npolicy p { version 1 }\nadmin { members group:security may apply }\n%s", rest);
	CHECK(finds(text, "admin-nobody", NULL));
	(void)snprintf(text, sizeof(text), "polyward 1\npolicy p { version 1 }\n%s", rest);
	CHECK(finds(text, "admin-root", "root"));
}

static void what_nothing_asks_for_is_unused(void)
{
	CHECK(finds(R "time t { hours 08:00-09:00 }\nrule one { allow r, w to read on s }\n", "unused", "time 't'"));
	CHECK(finds(R "program x { exe /x }\nrule one { allow r, w to read on s }\n", "unused", "program 'x'"));
	CHECK(finds(R "rule one { allow r to read on s }\n", "unused", "role 'w'"));
	CHECK(finds(R "program x { exe /x }\nrule one { allow r, w to read on s unless program x }\n", "unused", NULL));
	CHECK(finds(R "store t { path /srv/s/t }\nrule one { allow r, w to read on s }\n", "no-rule", "'t'"));
	CHECK(finds(R "store t { path /srv/s/t }\nrule one { allow r, w to read on any }\n", "nested", "inside store 's'"));
	CHECK(finds(R "store t { path /srv/s2 }\nrule one { allow r, w to read on any }\n", "nested", NULL));
	CHECK(finds(R "rule one { deny any to read on s mode audit }\n", "audit-forever", "'one'"));
	CHECK(finds(R "rule one { deny any to read on s mode audit until 2030-01-01T00:00Z }\n", "audit-forever", NULL));
}

static void words_with_a_price_are_explained(void)
{
	static const char rest[] = "admin { members user:root may apply }\nrole r { members user:alice }\nrule one { allow r to read on any }\n";
	char text[1024];

#define SAYS(policy, store, code, about) do { \
	(void)snprintf(text, sizeof(text), "polyward 1\npolicy p { version 1 %s }\nstore s { path /srv/s %s }\nstore t { path /srv/t %s }\n%s", \
		       policy, store, store, rest); \
	CHECK(finds(text, code, about)); \
} while (0)
	SAYS("guard sealed", "", "sealed", "polyward.off");
	SAYS("", "", "sealed", NULL);
	SAYS("", "strict", "strict", "stores 's' and 1 more are strict");
	SAYS("log denied", "strict", "strict", "although the policy says 'log denied'");
	SAYS("", "", "strict", NULL);
	SAYS("", "strict mode audit", "strict-audit", "store 's'");
	SAYS("mode audit", "strict", "strict-audit", "store 't'");
	SAYS("", "strict", "strict-audit", NULL);
	SAYS("mode audit", "", "strict-audit", NULL);
	SAYS("on-tighten kill after 90s", "", "on-tighten", "after 90s");
	SAYS("", "on-tighten kill at once", "on-tighten", "at once");
	SAYS("on-tighten kill after 90s", "on-tighten leave", "on-tighten", NULL);
	SAYS("on-tighten leave", "", "on-tighten", NULL);
#undef SAYS
}

static void an_interpreter_alone_is_no_role(void)
{
	static const char *const yes[] = { "/usr/bin/python3.11", "/usr/bin/python", "/bin/sh", "/opt/x/perl5.36.0", "/usr/bin/guile-3.0", "/R" };
	static const char *const no[] = { "/usr/bin/pythonista", "/opt/sharp", "/usr/bin/perldoc", "/opt/python3/bin/train", "/usr/bin/sh-agent" };
	char text[1024];

#define ROLE(exe, clause, about) do { \
	(void)snprintf(text, sizeof(text), R "program x { exe %s }\nrole z { program x %s }\nrule one { allow r, w, z to read on s }\n", exe, clause); \
	CHECK(finds(text, "interpreter", about)); \
} while (0)
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ROLE(yes[i], "", "any code as role 'z'");
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ROLE(no[i], "", NULL);
	ROLE("/bin/sh", "unit a.service", NULL);
	ROLE("/bin/sh", "members user:alice", NULL);
	ROLE("/bin/sh", "inherits r", "any code as role 'z'");
#undef ROLE
}

TESTS(T(a_rule_behind_a_wider_one_is_shadowed), T(a_rule_with_a_say_is_not_shadowed), T(conditions_are_compared_as_sets),
      T(an_allow_that_is_denied_whole_is_contradictory), T(what_can_never_apply_is_unreachable), T(people_who_must_not_meet_are_named),
      T(a_policy_that_nobody_could_change_is_refused), T(what_nothing_asks_for_is_unused),
      T(words_with_a_price_are_explained), T(an_interpreter_alone_is_no_role))
