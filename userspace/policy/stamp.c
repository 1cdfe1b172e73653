/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments as text. Own calendar arithmetic, because the C library's depends on the process's zone; and a policy must never
 * mean another moment on another host.
 */
#include "policy/stamp.h"

#include <errno.h>

#include "base/buf.h"
#include "base/num.h"

#define FIRST_S INT64_C(946684800)  /* 2000-01-01T00:00:00Z */
#define LAST_S  INT64_C(7258118399) /* 2199-12-31T23:59:59Z */

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so that the leap day is last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t from_march = (month + 9) % 12;
	int64_t y = year - (month <= 2);

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static bool leap(uint64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint64_t days_in(uint64_t year, uint64_t month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Two digits, or four, at a fixed place. */
static bool digits(const char *text, size_t n, uint64_t min, uint64_t max, uint64_t *ret)
{
	return num_parse(text, n, max, ret) == 0 && *ret >= min;
}

static int parse_zone(const char *text, size_t len, int64_t *s, bool *ret_local)
{
	uint64_t hours, minutes;
	int64_t offset_s;

	*ret_local = len == 0;
	if (len == 0 || (len == 1 && text[0] == 'Z'))
		return 0;
	if (len != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || !digits(text + 1, 2, 0, 15, &hours) ||
	    !digits(text + 4, 2, 0, 59, &minutes))
		return -EINVAL;
	offset_s = (int64_t)(hours * 3600 + minutes * 60);
	*s -= text[0] == '+' ? offset_s : -offset_s;
	return 0;
}

int stamp_parse(const char *text, size_t len, int64_t *ret_s, bool *ret_local)
{
	uint64_t year, month, day, hour, minute, second = 0;
	size_t used = 16;
	int64_t s;
	int r;

	if (len < used || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
	    !digits(text, 4, 2000, 2199, &year) || !digits(text + 5, 2, 1, 12, &month) || !digits(text + 8, 2, 1, 31, &day) ||
	    !digits(text + 11, 2, 0, 23, &hour) || !digits(text + 14, 2, 0, 59, &minute) || day > days_in(year, month))
		return -EINVAL;
	if (len > used && text[used] == ':') {
		if (len < used + 3 || !digits(text + used + 1, 2, 0, 59, &second))
			return -EINVAL;
		used += 3;
	}
	s = days_of((int64_t)year, (int64_t)month, (int64_t)day) * 86400 + (int64_t)(hour * 3600 + minute * 60 + second);
	r = parse_zone(text + used, len - used, &s, ret_local);
	/* An offset must not carry it out of the years that can be written. */
	if (r < 0 || s < FIRST_S || s > LAST_S)
		return -EINVAL;
	*ret_s = s;
	return 0;
}

void stamp_add(struct buf *b, int64_t s)
{
	int64_t days = s / 86400, rest = s % 86400, era, of_era, year, of_year, month;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	of_era = days - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	buf_printf(b, "%04lld-%02lld-%02lldT%02lld:%02lld", (long long)(year + era * 400 + (month >= 10)),
		   (long long)(month < 10 ? month + 3 : month - 9), (long long)(of_year - (153 * month + 2) / 5 + 1),
		   (long long)(rest / 3600), (long long)(rest / 60 % 60));
	if (rest % 60)
		buf_printf(b, ":%02lld", (long long)(rest % 60));
}

void stamp_add_duration(struct buf *b, uint64_t s)
{
	static const struct { uint64_t s; char unit; } units[] = {
		{ 604800, 'w' }, { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' },
	};

	for (size_t i = 0; s && i < sizeof(units) / sizeof(units[0]); i++)
		if (s % units[i].s == 0) {
			buf_printf(b, "%llu%c", (unsigned long long)(s / units[i].s), units[i].unit);
			return;
		}
	buf_printf(b, "%llus", (unsigned long long)s);
}

int stamp_parse_clock(const char *text, size_t len, uint16_t *ret_min)
{
	uint64_t hour, minute;

	if (len != 5 || text[2] != ':' || !digits(text, 2, 0, 24, &hour) || !digits(text + 3, 2, 0, 59, &minute) ||
	    (hour == 24 && minute))
		return -EINVAL;
	*ret_min = (uint16_t)(hour * 60 + minute);
	return 0;
}
