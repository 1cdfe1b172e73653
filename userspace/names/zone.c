/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled zone files (RFC 8536). The C library would answer through the process's own TZ, with state; here a zone is bytes and
 * the answer a list. A zone's name never leaves the database's folder.
 */
#include "names/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define SYSTEM_DIR     "/usr/share/zoneinfo"
#define FILE_MAX_BYTES 262144u
#define YEAR_S         INT64_C(31556952) /* the mean Gregorian year */
#define SHIFTS_MAX     4096u
#define OFFSET_MAX_S   86400 /* a day, as in the policy's image: no clock on earth is further from UTC */

struct shifts {
	struct names_shift *v;
	size_t count;
	int64_t from_s, to_s;
	int32_t before_s;      /* the offset in force at from_s, as far as known */
	bool failed;
};

static int grow(struct shifts *s, int64_t from_utc_s, int32_t offset_s)
{
	struct names_shift *v;

	if (s->count >= SHIFTS_MAX || offset_s < -OFFSET_MAX_S || offset_s > OFFSET_MAX_S)
		return -EBADMSG;
	v = reallocarray(s->v, s->count + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v[s->count++] = (struct names_shift){ .from_utc_s = from_utc_s, .offset_s = offset_s };
	s->v = v;
	return 0;
}

/* Moments come in ascending order: those before the range only say which offset it begins with. */
static int change(struct shifts *s, int64_t at_utc_s, int32_t offset_s)
{
	struct names_shift *last = s->count > 1 ? &s->v[s->count - 1] : NULL;

	if (offset_s < -OFFSET_MAX_S || offset_s > OFFSET_MAX_S || (last && at_utc_s < last->from_utc_s))
		return -EBADMSG;
	if (last && at_utc_s == last->from_utc_s) {
		last->offset_s = offset_s; /* of two at one moment the later one holds */
		return 0;
	}
	if (at_utc_s <= s->from_s) {
		s->before_s = offset_s;
		if (s->count)
			s->v[0].offset_s = offset_s;
		return 0;
	}
	if (at_utc_s > s->to_s || (s->count ? s->v[s->count - 1].offset_s : s->before_s) == offset_s)
		return 0;
	if (!s->count) {
		int r = grow(s, s->from_s, s->before_s);

		if (r < 0)
			return r;
	}
	return grow(s, at_utc_s, offset_s);
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

struct block {
	const uint8_t *p;      /* its data */
	uint64_t isut, isstd, leap, times, types, chars;
	size_t time_size, size;
	uint8_t version;
};

static int read_header(const uint8_t *bytes, size_t len, size_t time_size, struct block *ret)
{
	if (len < 44 || memcmp(bytes, "TZif", 4))
		return -EBADMSG;
	ret->version = bytes[4];
	ret->isut = big_endian(bytes + 20, 4);
	ret->isstd = big_endian(bytes + 24, 4);
	ret->leap = big_endian(bytes + 28, 4);
	ret->times = big_endian(bytes + 32, 4);
	ret->types = big_endian(bytes + 36, 4);
	ret->chars = big_endian(bytes + 40, 4);
	ret->time_size = time_size;
	ret->p = bytes + 44;
	/* Counts are at most 32 bits wide, so this sum does not overflow 64. */
	ret->size = ret->times * (time_size + 1) + ret->types * 6 + ret->chars + ret->leap * (time_size + 4) + ret->isstd + ret->isut;
	if (ret->types == 0 || ret->size > len - 44)
		return -EBADMSG;
	return 0;
}

static int listed_changes(struct shifts *s, const struct block *b, int64_t *ret_last_s)
{
	const uint8_t *idx = b->p + b->times * b->time_size, *types = idx + b->times;

	s->before_s = (int32_t)big_endian(types, 4);
	*ret_last_s = INT64_MIN;
	for (uint64_t i = 0; i < b->times; i++) {
		uint64_t at = big_endian(b->p + i * b->time_size, b->time_size);
		int64_t at_s = b->time_size == 4 ? (int32_t)(uint32_t)at : (int64_t)at;
		int r;

		if (idx[i] >= b->types || at_s < *ret_last_s)
			return -EBADMSG;
		*ret_last_s = at_s;
		r = change(s, at_s, (int32_t)big_endian(types + 6 * (size_t)idx[i], 4));
		if (r < 0)
			return r;
	}
	return 0;
}

/* The years behind the last listed change, by the rule at the end of the file. */
static int ruled_changes(struct shifts *s, const char *text, size_t len, int64_t last_s)
{
	int64_t year = 1970 + (s->from_s > last_s ? s->from_s : last_s) / YEAR_S - 1;
	struct zone_rule rule;
	int r = len ? zone_rule_parse(text, len, &rule) : -ENOENT;

	if (r == -ENOENT) /* no rule: the last offset stays */
		return 0;
	if (r < 0)
		return r;
	if (!rule.has_summer)
		return change(s, last_s == INT64_MIN ? s->from_s : last_s, rule.standard_s);
	for (year = year < 1971 ? 1971 : year; year <= 1971 + s->to_s / YEAR_S && r == 0; year++) {
		int64_t start, end;

		zone_rule_year(&rule, year, &start, &end);
		if (start < end) {
			r = start > last_s ? change(s, start, rule.summer_s) : 0;
			r = r == 0 && end > last_s ? change(s, end, rule.standard_s) : r;
		} else { /* south of the equator */
			r = end > last_s ? change(s, end, rule.standard_s) : 0;
			r = r == 0 && start > last_s ? change(s, start, rule.summer_s) : r;
		}
	}
	return r;
}

static int finish(struct shifts *s, struct names_shift **ret, size_t *ret_count)
{
	int r = s->count ? 0 : grow(s, s->from_s, s->before_s);

	if (r < 0)
		return r;
	*ret = take_ptr(s->v);
	*ret_count = s->count;
	return 0;
}

static void range(struct shifts *s, int64_t from_utc_s, int years)
{
	s->from_s = from_utc_s;
	if (__builtin_add_overflow(from_utc_s, (int64_t)years * YEAR_S, &s->to_s))
		s->to_s = INT64_MAX;
}

int zone_from_bytes(const uint8_t *bytes, size_t len_bytes, int64_t from_utc_s, int years, struct names_shift **ret,
		    size_t *ret_count)
{
	struct shifts s = { 0 };
	struct block b;
	const char *rule = NULL, *rule_end = NULL;
	int64_t last_s;
	int r = read_header(bytes, len_bytes, 4, &b);

	if (r < 0)
		return r;
	if (b.version) { /* version 2 and later: a second block with 64-bit times, and the rule between two newlines */
		const uint8_t *second = b.p + b.size;

		r = read_header(second, len_bytes - (size_t)(second - bytes), 8, &b);
		if (r < 0)
			return r;
		rule = (const char *)b.p + b.size;
		rule_end = (const char *)bytes + len_bytes;
		if (rule == rule_end || *rule++ != '\n')
			return -EBADMSG;
		rule_end = memchr(rule, '\n', (size_t)(rule_end - rule));
		if (!rule_end)
			return -EBADMSG;
	}
	range(&s, from_utc_s, years);
	r = listed_changes(&s, &b, &last_s);
	if (r == 0 && rule)
		r = ruled_changes(&s, rule, (size_t)(rule_end - rule), last_s);
	if (r == 0)
		r = finish(&s, ret, ret_count);
	free(s.v);
	return r;
}

static bool good_name(const char *zone)
{
	size_t len = strlen(zone);

	if (len == 0 || len > 100 || zone[0] == '/' || zone[0] == '.' || strstr(zone, ".."))
		return false;
	return strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == len;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int zone_shifts(const char *dir, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	_buf_ struct buf bytes = BUF_INIT, path = BUF_INIT;
	struct shifts s = { 0 };
	const char *base = dir ? dir : getenv("TZDIR");
	int r;

	if (strcmp(zone, "UTC") == 0 || strcmp(zone, "Etc/UTC") == 0) {
		range(&s, from_utc_s, years);
		return finish(&s, ret, ret_count);
	}
	if (!good_name(zone))
		return -ENOENT;
	if (!base || !*base)
		base = SYSTEM_DIR;
	buf_printf(&path, "%s/%s", base, zone);
	if (path.failed)
		return -ENOMEM;
	if (is_dir(path.data)) /* "Europe" is a folder, not a zone */
		return -ENOENT;
	r = fd_read_file(AT_FDCWD, path.data, FILE_MAX_BYTES, &bytes);
	if ((r == -ENOENT || r == -ENOTDIR) && !is_dir(base))
		return -ENODATA;
	if (r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return r;
	r = zone_from_bytes((const uint8_t *)bytes.data, bytes.len_bytes, from_utc_s, years, ret, ret_count);
	return r == -EBADMSG ? -ENOENT : r; /* such as zone.tab: it lies there, but is no zone */
}
