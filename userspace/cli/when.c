/* SPDX-License-Identifier: Apache-2.0 */
/* Moments: parsed strictly, because "since" read one month wrong is an audit that missed it. */
#include "cli/when.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

#define NS_PER_S 1000000000ll

/* Exactly n digits at *p, at most max; moves *p behind them. */
static bool digits(const char **p, size_t n, int max, int *ret)
{
	uint64_t v;

	if (strnlen(*p, n) < n || num_parse(*p, n, (uint64_t)max, &v) < 0)
		return false;
	*ret = (int)v;
	*p += n;
	return true;
}

static bool sign(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* ".5" and the like; nothing is zero. */
static bool fraction(const char **p, int64_t *ret_ns)
{
	int64_t unit = NS_PER_S / 10;

	*ret_ns = 0;
	if (!sign(p, '.'))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ret_ns += (**p - '0') * unit;
	return true;
}

static bool time_of_day(const char **p, struct tm *t, int64_t *ret_ns)
{
	if (!digits(p, 2, 23, &t->tm_hour) || !sign(p, ':') || !digits(p, 2, 59, &t->tm_min))
		return false;
	return !sign(p, ':') || (digits(p, 2, 60, &t->tm_sec) && fraction(p, ret_ns));
}

/* What is behind the time: Z, an offset, or nothing at all. */
static bool zone(const char *p, bool *ret_local, int *ret_offset_s)
{
	int hours, minutes, before = *p == '-' ? -1 : 1;

	*ret_local = *p == '\0';
	*ret_offset_s = 0;
	if (*p == '\0' || !strcmp(p, "Z"))
		return true;
	if (*p != '+' && *p != '-')
		return false;
	p++;
	if (!digits(&p, 2, 23, &hours) || !sign(&p, ':') || !digits(&p, 2, 59, &minutes) || *p != '\0')
		return false;
	*ret_offset_s = before * (hours * 3600 + minutes * 60);
	return true;
}

static bool calendar(const char *p, int64_t *ret_utc_ns)
{
	struct tm t = { .tm_isdst = -1 }, asked;
	int64_t ns = 0, s;
	int offset_s;
	bool local;

	if (!digits(&p, 4, 9999, &t.tm_year) || !sign(&p, '-') || !digits(&p, 2, 12, &t.tm_mon) || !sign(&p, '-') ||
	    !digits(&p, 2, 31, &t.tm_mday))
		return false;
	/* No log is older, and nanoseconds in 64 bits end in the year 2262. */
	if (t.tm_year < 1970 || t.tm_year > 2261)
		return false;
	if (sign(&p, 'T') && !time_of_day(&p, &t, &ns))
		return false;
	if (!zone(p, &local, &offset_s))
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	asked = t;
	s = local ? mktime(&t) : timegm(&t);
	/* The library carries 31 February over into March; a person who wrote it meant something else. */
	if (t.tm_mon != asked.tm_mon || t.tm_mday != asked.tm_mday || asked.tm_mday == 0)
		return false;
	*ret_utc_ns = (s - offset_s) * NS_PER_S + ns;
	return true;
}

int when_parse(const char *text, int64_t now_utc_s, int64_t *ret_utc_ns, struct err *e)
{
	uint64_t age_s;

	if (num_parse_duration(text, strlen(text), (uint64_t)now_utc_s, &age_s) == 0) {
		*ret_utc_ns = (now_utc_s - (int64_t)age_s) * NS_PER_S;
		return 0;
	}
	if (calendar(text, ret_utc_ns))
		return 0;
	return err_say(e, -EINVAL, "'%s' is no moment: write 2026-11-23, 2026-11-23T10:00, 2026-11-23T10:00:30Z, or an age as in 2h", text);
}
