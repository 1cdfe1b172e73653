/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX TZ strings, as they stand at the end of a zone file (RFC 8536 section 3.3): the rule for all later years. The text comes
 * from a file of the system; it is read as carefully as any other.
 */
#include "names/zone.h"

#include <errno.h>
#include <string.h>

struct reader { const char *p, *end; bool bad; };

static bool accept(struct reader *r, char c)
{
	bool at = r->p < r->end && *r->p == c;

	r->p += at;
	return at;
}

static int64_t number(struct reader *r, int64_t max)
{
	int64_t n = 0;
	bool any = false;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && n <= max) {
		n = 10 * n + (*r->p++ - '0');
		any = true;
	}
	r->bad |= !any || n > max;
	return n;
}

/* "CEST" or "<+03>": what the clock is called does not matter here. */
static void skip_name(struct reader *r)
{
	const char *start = r->p;

	if (accept(r, '<')) {
		while (r->p < r->end && *r->p != '>')
			r->p++;
		r->bad |= !accept(r, '>');
		return;
	}
	while (r->p < r->end && ((*r->p >= 'A' && *r->p <= 'Z') || (*r->p >= 'a' && *r->p <= 'z')))
		r->p++;
	r->bad |= r->p - start < 3;
}

/* [+-]h[h[h]][:mm[:ss]] in seconds. */
static int64_t clock_s(struct reader *r, int64_t hours_max)
{
	bool minus = accept(r, '-');
	int64_t s;

	if (!minus)
		(void)accept(r, '+');
	s = number(r, hours_max) * 3600;
	if (accept(r, ':'))
		s += number(r, 59) * 60;
	if (accept(r, ':'))
		s += number(r, 59);
	return minus ? -s : s;
}

static struct zone_rule_day day(struct reader *r)
{
	struct zone_rule_day d = { .kind = 'N', .time_s = 7200 };

	r->bad |= !accept(r, ',');
	if (accept(r, 'M')) {
		d.kind = 'M';
		d.month = (int32_t)number(r, 12);
		r->bad |= !accept(r, '.');
		d.week = (int32_t)number(r, 5);
		r->bad |= !accept(r, '.');
		d.day = (int32_t)number(r, 6);
		r->bad |= d.month < 1 || d.week < 1;
	} else {
		d.kind = accept(r, 'J') ? 'J' : 'N';
		d.day = (int32_t)number(r, 365);
		r->bad |= d.kind == 'J' && d.day < 1;
	}
	if (accept(r, '/'))
		d.time_s = clock_s(r, 167);
	return d;
}

int zone_rule_parse(const char *text, size_t len, struct zone_rule *ret)
{
	struct reader r = { .p = text, .end = text + len };
	struct zone_rule rule = { 0 };

	skip_name(&r);
	rule.standard_s = (int32_t)-clock_s(&r, 24); /* POSIX counts west of Greenwich as positive */
	rule.summer_s = rule.standard_s;
	if (r.p < r.end && !r.bad) {
		rule.has_summer = true;
		skip_name(&r);
		rule.summer_s = r.p < r.end && *r.p != ',' ? (int32_t)-clock_s(&r, 24) : rule.standard_s + 3600;
		rule.start = day(&r);
		rule.end = day(&r);
	}
	if (r.bad || r.p != r.end)
		return -EBADMSG;
	*ret = rule;
	return 0;
}

static bool leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January of a year after 1970. */
static int64_t new_year(int64_t year)
{
	int64_t y = year - 1;

	return 365 * (year - 1970) + (y / 4 - 492) - (y / 100 - 19) + (y / 400 - 4);
}

static int64_t day_of_year(const struct zone_rule_day *d, int64_t year)
{
	static const int16_t before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };
	int64_t first, weekday, n;

	if (d->kind == 'N')
		return d->day;
	if (d->kind == 'J') /* 29 February is never counted */
		return d->day - 1 + (leap(year) && d->day >= 60);
	first = before[d->month - 1] + (leap(year) && d->month > 2);
	/* 1970-01-01 was a Thursday, day 4 of a week that begins on Sunday. */
	weekday = (new_year(year) + first + 4) % 7;
	n = (d->day - weekday + 7) % 7 + 7 * (d->week - 1);
	if (n >= before[d->month] - before[d->month - 1] + (leap(year) && d->month == 2)) /* week 5: the last one */
		n -= 7;
	return first + n;
}

void zone_rule_year(const struct zone_rule *r, int64_t year, int64_t *ret_start_utc_s, int64_t *ret_end_utc_s)
{
	*ret_start_utc_s = (new_year(year) + day_of_year(&r->start, year)) * 86400 + r->start.time_s - r->standard_s;
	*ret_end_utc_s = (new_year(year) + day_of_year(&r->end, year)) * 86400 + r->end.time_s - r->summer_s;
}
