/* SPDX-License-Identifier: Apache-2.0 */
/* Time windows on the clocks of their zone: edges, midnight, the days on which clocks are moved, expiries, and the next change. */
#include "test.h"

#include "back.h"

#define TIMES BACK_HEAD \
	"time clinic { days mon-fri hours 07:00-19:00 zone Europe/Berlin }\n" \
	"time nights { days fri hours 22:00-06:00 zone Europe/Berlin }\n" \
	"time spring { days sun hours 02:00-03:00 zone Europe/Berlin }\n" \
	"time always-wed { days wed }\n" \
	"rule one { allow any to read on s when during { clinic, nights, spring, always-wed } }\n"

static uint32_t bit_of(const struct back *b, const char *name)
{
	for (uint32_t i = 0; i < b->img.count[PW_SEC_WINDOWS]; i++)
		if (strcmp(image_str(&b->img, b->img.windows[i].name), name) == 0)
			return 1u << i;
	return 0;
}

static bool open_at(const struct back *b, const char *name, int64_t utc_s)
{
	int64_t next;

	return table_windows(&b->img, utc_s, &next) & bit_of(b, name);
}

static void edges_belong_to_the_beginning(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, TIMES), 0);
	CHECK_INT(open_at(&b, "clinic", 1796191199), 0); /* Wednesday 2026-12-02T06:59:59+01:00 */
	CHECK_INT(open_at(&b, "clinic", 1796191200), 1); /* 07:00:00 */
	CHECK_INT(open_at(&b, "clinic", 1796234399), 1); /* 18:59:59 */
	CHECK_INT(open_at(&b, "clinic", 1796234400), 0); /* 19:00:00 */
	CHECK_INT(open_at(&b, "clinic", 1796191200 + 3 * 86400), 0); /* Saturday */
}

static void a_night_belongs_to_the_day_it_begins_on(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, TIMES), 0);
	CHECK_INT(open_at(&b, "nights", 1796417999), 0); /* Friday 2026-12-04T21:59:59+01:00 */
	CHECK_INT(open_at(&b, "nights", 1796418000), 1);
	CHECK_INT(open_at(&b, "nights", 1796446799), 1); /* Saturday 05:59:59 */
	CHECK_INT(open_at(&b, "nights", 1796446800), 0);
	CHECK_INT(open_at(&b, "nights", 1796446799 - 86400), 0); /* Friday 05:59:59: Thursday has no night */
	CHECK_INT(open_at(&b, "nights", 1796418000 + 86400), 0);
}

static void moved_clocks_are_followed(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, TIMES), 0);
	/* 2027-03-28: clocks jump from 02:00 to 03:00, so the hour between does not exist. */
	CHECK_INT(open_at(&b, "spring", 1806195599), 0);
	CHECK_INT(open_at(&b, "spring", 1806195600), 0);
	/* 2027-10-31: it exists twice. */
	CHECK_INT(open_at(&b, "spring", 1824940800), 1); /* 02:00 summer time */
	CHECK_INT(open_at(&b, "spring", 1824944400), 1); /* 02:00 winter time */
	CHECK_INT(open_at(&b, "spring", 1824948000), 0); /* 03:00 */
	/* 07:00 in summer is an hour earlier in UTC than in winter. */
	CHECK_INT(open_at(&b, "clinic", 1814418000), 1); /* Thursday 2027-07-01T07:00+02:00 */
	CHECK_INT(open_at(&b, "clinic", 1814417999), 0);
}

static void the_next_change_is_never_late(void)
{
	_back_ struct back b = { 0 };
	int64_t next = 0;

	CHECK_INT(back_open(&b, TIMES), 0);
	/* Minute by minute over two weeks: what is open stays open until the moment that was named. */
	for (int64_t at = 1796000000; at < 1796000000 + 14 * 86400;) {
		uint32_t open = table_windows(&b.img, at, &next);
		int64_t end = next, other;

		CHECK(end > at);
		for (int64_t t = at; t < end; t += 60)
			CHECK_INT(table_windows(&b.img, t, &other), open);
		CHECK_INT(table_windows(&b.img, end - 1, &other), open);
		at = end;
	}
}

static void a_trial_ends_when_it_says(void)
{
	_back_ struct back b = { 0 };
	int64_t next;
	uint32_t w;

	CHECK_INT(back_open(&b, BACK_HEAD "rule one { deny any to read on s mode audit until 2026-12-15T00:00Z }\n"), 0);
	CHECK_INT(b.img.count[PW_SEC_WINDOWS], 1);
	w = table_windows(&b.img, 1797292799, &next);
	CHECK_INT(w, 1);
	CHECK_INT(next, 1797292800);
	CHECK_INT(table_windows(&b.img, 1797292800, &next), 0);
	CHECK_INT(next, INT64_MAX);
}

static void a_trial_that_is_over_needs_no_window(void)
{
	_back_ struct back b = { 0 };

	CHECK_INT(back_open(&b, BACK_HEAD "rule one { deny any to read on s mode audit until 2026-01-01T00:00Z }\n"), 0);
	CHECK_INT(b.img.count[PW_SEC_WINDOWS], 0);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).verdict, PW_DENY);
	CHECK_INT(back_ask(&b, "eve", "s", PW_A_READ).rule, 1);
}

static void the_longer_of_two_trials_counts(void)
{
	_back_ struct back b = { 0 };
	struct pw_facts f = { .mfa_age_s = PW_MFA_NEVER };
	int64_t next;

	CHECK_INT(back_open(&b, "polyward 1\npolicy p { version 1 mode audit until 2026-12-01T00:00Z }\n"
				"admin { members user:root may apply }\n"
				"store s { path /srv/s mode audit until 2026-12-10T00:00Z }\nrule one { allow any to list on s }\n"), 0);
	f.windows = table_windows(&b.img, 1796860799, &next); /* 2026-12-09T23:59:59Z */
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_AUDIT);
	f.windows = table_windows(&b.img, 1796860800, &next);
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_DENY);
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).timed, 1);
}

static void both_of_two_times_must_be_open(void)
{
	_back_ struct back b = { 0 };
	struct pw_facts f = { .mfa_age_s = PW_MFA_NEVER };

	CHECK_INT(back_open(&b, BACK_HEAD "time am { hours 06:00-12:00 }\ntime week { days mon-fri }\ntime noon { hours 11:00-13:00 }\n"
				"rule one { allow any to read on s when during am, during week }\n"
				"rule two { allow any to list on s when during { am, noon }, during { week, noon } }\n"), 0);
	f.windows = bit_of(&b, "am");
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_DENY);
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_LIST).verdict, PW_DENY);
	f.windows = bit_of(&b, "week");
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_DENY);
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_LIST).verdict, PW_DENY);
	f.windows = bit_of(&b, "noon"); /* fulfils both halves of rule two alone */
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_LIST).verdict, PW_ALLOW);
	f.windows = bit_of(&b, "am") | bit_of(&b, "week");
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_READ).verdict, PW_ALLOW);
	CHECK_INT(table_decide(&b.img, 0, 1, &f, PW_A_LIST).verdict, PW_ALLOW);
}

TESTS(T(edges_belong_to_the_beginning), T(a_night_belongs_to_the_day_it_begins_on), T(moved_clocks_are_followed),
      T(the_next_change_is_never_late), T(a_trial_ends_when_it_says), T(a_trial_that_is_over_needs_no_window),
      T(the_longer_of_two_trials_counts), T(both_of_two_times_must_be_open))
