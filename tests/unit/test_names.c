/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and zones: from the fixture's files, from this host, and from the tz database. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "names/names.h"
#include "names/zone.h"

static void the_fixture_is_read(void)
{
	uint32_t id = 0, *gids = NULL;
	size_t count = 0;
	struct names_users users = { 0 };
	struct names n;
	struct err e;

	CHECK_INT(names_root("tests/fixtures/root", &n, &e), 0);
	CHECK_INT(n.uid(n.ctx, "alice", &id), 0);
	CHECK_INT(id, 1001);
	CHECK_INT(n.gid(n.ctx, "radiology", &id), 0);
	CHECK_INT(id, 2001);
	CHECK_INT(n.uid(n.ctx, "nobody-here", &id), -ENOENT);
	CHECK_INT(n.gid(n.ctx, "nobody-here", &id), -ENOENT);
	CHECK_INT(n.gids(n.ctx, "alice", &gids, &count), 0);
	CHECK_INT(count, 2);
	CHECK_INT(gids[0], 1001);
	CHECK_INT(gids[1], 2001);
	free(gids);
	CHECK_INT(n.gids(n.ctx, "nobody-here", &gids, &count), -ENOENT);
	CHECK(n.member(n.ctx, "alice", "radiology"));
	CHECK(n.member(n.ctx, "alice", "alice"));
	CHECK(!n.member(n.ctx, "ann", "radiology"));
	CHECK(!n.member(n.ctx, "alice", "nobody-here"));
	CHECK_INT(n.users(n.ctx, &users), 0);
	CHECK(users.count >= 10);
	CHECK_STR(users.v[1].name, "alice");
	names_users_free(&users);
	names_free(&n);
}

static void a_missing_root_is_said(void)
{
	struct names n;
	struct err e;

	CHECK_INT(names_root("tests/fixtures/no-such", &n, &e), -ENOENT);
	CHECK(strstr(e.text, "tests/fixtures/no-such/etc/passwd"));
}

static void this_host_has_a_root_user(void)
{
	uint32_t id = 7, *gids = NULL;
	size_t count = 0;
	struct names_users users = { 0 };
	struct names n;
	struct err e;

	CHECK_INT(names_host(&n, &e), 0);
	CHECK_INT(n.uid(n.ctx, "root", &id), 0);
	CHECK_INT(id, 0);
	CHECK_INT(n.gid(n.ctx, "no-such-group-here", &id), -ENOENT);
	CHECK_INT(n.uid(n.ctx, "no-such-user-here", &id), -ENOENT);
	CHECK_INT(n.gids(n.ctx, "root", &gids, &count), 0);
	CHECK(count >= 1 && gids[0] == 0);
	free(gids);
	CHECK(n.member(n.ctx, "root", "root"));
	CHECK_INT(n.users(n.ctx, &users), 0);
	CHECK(users.count >= 1 && users.v[0].gids_count >= 1);
	names_users_free(&users);
	names_free(&n);
}

static void utc_needs_no_database(void)
{
	struct names_shift *v = NULL;
	size_t count = 0;

	CHECK_INT(zone_shifts("/no/such/folder", "UTC", 0, 100, &v, &count), 0);
	CHECK_INT(count, 1);
	CHECK_INT(v[0].offset_s, 0);
	free(v);
	CHECK_INT(zone_shifts("/no/such/folder", "Europe/Berlin", 0, 1, &v, &count), -ENODATA);
}

static void names_that_are_no_zone(void)
{
	static const char *const bad[] = { "", "Europe", "Mars/Olympus", "../zoneinfo/UTC", "/etc/passwd", "zone.tab", "Europe/Berlin/x",
					   "a\nb", "..", ".", "Europe/../Europe/Berlin" };
	struct names_shift *v = NULL;
	size_t count;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(zone_shifts(NULL, bad[i], 0, 1, &v, &count), -ENOENT);
}

static void berlin_in_2026(void)
{
	struct names_shift *v = NULL;
	size_t count = 0;

	CHECK_INT(zone_shifts(NULL, "Europe/Berlin", 1767225600, 1, &v, &count), 0);
	CHECK_INT(count, 3);
	CHECK_INT(v[0].from_utc_s, 1767225600);
	CHECK_INT(v[0].offset_s, 3600);
	CHECK_INT(v[1].from_utc_s, 1774746000); /* 2026-03-29T01:00Z */
	CHECK_INT(v[1].offset_s, 7200);
	CHECK_INT(v[2].from_utc_s, 1792890000); /* 2026-10-25T01:00Z */
	CHECK_INT(v[2].offset_s, 3600);
	free(v);
}

static int32_t offset_at(const struct names_shift *v, size_t count, int64_t utc_s)
{
	int32_t offset_s = v[0].offset_s;

	for (size_t i = 0; i < count; i++)
		if (v[i].from_utc_s <= utc_s)
			offset_s = v[i].offset_s;
	return offset_s;
}

/* The C library reads the same files by its own code: both must agree, also where only the rule at the end speaks. */
static void zones_agree_with_the_c_library(void)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Tokyo",
					     "Pacific/Auckland", "Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns", "Etc/GMT+5",
					     "Europe/Dublin", "Antarctica/Troll", "America/Godthab", "Asia/Gaza" };
	const int64_t from = 1609459200; /* 2021-01-01 */

	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		struct names_shift *v = NULL;
		size_t count = 0;

		setenv("TZ", zones[z], 1);
		tzset();
		CHECK_INT(zone_shifts(NULL, zones[z], from, 60, &v, &count), 0);
		for (size_t i = 1; i < count; i++)
			CHECK(v[i].from_utc_s > v[i - 1].from_utc_s && v[i].offset_s != v[i - 1].offset_s);
		for (int64_t t = from; t < from + INT64_C(59) * 31556952; t += 5 * 3600 + 1800) {
			time_t when = (time_t)t;
			struct tm tm;

			localtime_r(&when, &tm);
			CHECK_INT(offset_at(v, count, t), tm.tm_gmtoff);
		}
		free(v);
	}
	unsetenv("TZ");
	tzset();
}

static void broken_zone_files_are_refused(void)
{
	uint8_t bytes[128] = "TZif2";
	struct names_shift *v = NULL;
	size_t count;

	for (size_t len = 0; len < sizeof(bytes); len++)
		CHECK_INT(zone_from_bytes(bytes, len, 0, 1, &v, &count), -EBADMSG);
	memset(bytes + 20, 0xff, 24); /* counts that overflow 32 bits together */
	CHECK_INT(zone_from_bytes(bytes, sizeof(bytes), 0, 1, &v, &count), -EBADMSG);
}

static void rules_of_later_years(void)
{
	static const char *const bad[] = { "", "A", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
					   "CET-1CEST,M3.0.0,M10.5.0",
					   "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-1CEST,J0,J5", "CET-99", "<+03-3" };
	struct zone_rule r;
	int64_t start, end;

	CHECK_INT(zone_rule_parse("CET-1CEST,M3.5.0,M10.5.0/3", 26, &r), 0);
	zone_rule_year(&r, 2050, &start, &end);
	CHECK_INT(start, 2531955600); /* 2050-03-27T01:00Z */
	CHECK_INT(end, 2550704400);   /* 2050-10-30T01:00Z */
	CHECK_INT(zone_rule_parse("<+0330>-3:30", 12, &r), 0);
	CHECK_INT(r.standard_s, 12600);
	CHECK(!r.has_summer);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(zone_rule_parse(bad[i], strlen(bad[i]), &r), -EBADMSG);
}

TESTS(T(the_fixture_is_read), T(a_missing_root_is_said), T(this_host_has_a_root_user), T(utc_needs_no_database),
      T(names_that_are_no_zone), T(berlin_in_2026), T(zones_agree_with_the_c_library), T(broken_zone_files_are_refused),
      T(rules_of_later_years))
