/* SPDX-License-Identifier: Apache-2.0 */
/* Zones of the tz database, read from their compiled files (RFC 8536). Shared by both sources of names. */
#ifndef NAMES_ZONE_H
#define NAMES_ZONE_H

#include "names/names.h"

/*
 * As names.zone(): ascending shifts for `years` years from from_utc_s. dir: the database, NULL for $TZDIR or the system's own.
 * -ENOENT: no such zone; -ENODATA: no database at all; -EBADMSG: the file is not a zone. "UTC" needs no database.
 */
int zone_shifts(const char *dir, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count);

/* The same from a zone file's bytes. */
int zone_from_bytes(const uint8_t *bytes, size_t len_bytes, int64_t from_utc_s, int years, struct names_shift **ret,
		    size_t *ret_count);

/* zone_rule.c: the rule for years that a zone file does not list, a POSIX TZ string as "CET-1CEST,M3.5.0,M10.5.0/3". */
struct zone_rule_day { char kind; int32_t month, week, day; int64_t time_s; }; /* kind: 'M', 'J' (1..365), 'N' (0..365) */
struct zone_rule {
	int32_t standard_s, summer_s;      /* offsets from UTC */
	bool has_summer;
	struct zone_rule_day start, end;   /* of summer time, in local time before the change */
};
int zone_rule_parse(const char *text, size_t len, struct zone_rule *ret);
/* The two changes of a year as UTC moments. */
void zone_rule_year(const struct zone_rule *r, int64_t year, int64_t *ret_start_utc_s, int64_t *ret_end_utc_s);

#endif
