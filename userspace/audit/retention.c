/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Destroying what has been kept long enough. Never touches the tree's hashes: a proof about a record that is gone stays good for
 * whoever has the record. A record goes only with its whole bundle, when the newest in it is old enough.
 */
#include "audit/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/log.h"
#include "base/cleanup.h"
#include "base/num.h"

#define KEYS_AT_ONCE    16u
#define BUNDLES_AT_ONCE 256 /* in one go: records wait meanwhile */

static int parse_line(char *line, struct retention *ret)
{
	char *word[4] = { NULL }, *rest = line;
	uint64_t months = 0;
	size_t count = 0;

	line[strcspn(line, "#")] = '\0';
	while (count < 4 && (rest += strspn(rest, " \t"), *rest)) {
		word[count++] = rest;
		rest += strcspn(rest, " \t");
		if (*rest)
			*rest++ = '\0';
	}
	if (!count)
		return 0;
	if (count > 3 || count < 2 || num_parse(word[count - 1], strlen(word[count - 1]), RETENTION_MONTHS_MAX, &months) < 0 || !months)
		return -EINVAL;
	if (count == 2 && !strcmp(word[0], "records") && !ret->records_months) {
		ret->records_months = (unsigned)months;
		return 0;
	}
	if (count != 3 || strcmp(word[0], "keys") != 0 || strlen(word[1]) >= SEAL_CLASS_MAX || ret->count == RETENTION_CLASSES_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ret->count; i++)
		if (!strcmp(ret->keys[i].class_, word[1]))
			return -EINVAL; /* which of the two counts would be anybody's guess */
	memcpy(ret->keys[ret->count].class_, word[1], strlen(word[1]) + 1);
	ret->keys[ret->count++].months = (unsigned)months;
	return 0;
}

int retention_parse(const char *text, size_t len_bytes, struct retention *ret, struct err *e)
{
	const char *at = text, *end = text + len_bytes;

	memset(ret, 0, sizeof(*ret));
	for (unsigned number = 1; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((stop ? stop : end) - at);
		char line[256];

		if (n >= sizeof(line) || memchr(at, '\0', n))
			return err_say(e, -EINVAL, "line %u of the retention file is no line of text", number);
		memcpy(line, at, n);
		line[n] = '\0';
		if (parse_line(line, ret) < 0)
			return err_say(e, -EINVAL, "line %u of the retention file: it reads `keys CLASS MONTHS` or `records MONTHS`, each class once, and "
				       "nothing is destroyed before it does", number);
		at = stop ? stop + 1 : end;
	}
	return 0;
}

/* Months since the year 0; 0 for what is no month. */
static uint64_t month_number(const char *period)
{
	uint64_t year, month;

	if (strlen(period) != SEAL_PERIOD_SIZE - 1 || period[4] != '-' || num_parse(period, 4, 9999, &year) < 0 ||
	    num_parse(period + 5, 2, 12, &month) < 0 || !month)
		return 0;
	return year * 12 + month;
}

bool retention_over(const char *period, unsigned months, int64_t now_utc_ns)
{
	uint64_t then = month_number(period);
	struct seal_month now;

	seal_month_of(now_utc_ns, &now);
	return then && months && month_number(now.text) > then + months;
}

static int drop_keys(struct audit_log *l, const char *class_, unsigned months, int64_t now_utc_ns, size_t *done, struct err *e)
{
	char period[KEYS_AT_ONCE][SEAL_PERIOD_SIZE], why[64];
	size_t count = 0;
	int code = seals_periods(&l->seals, class_, period, KEYS_AT_ONCE, &count);

	if (code < 0)
		return err_set(e, code, "look for keys that have been kept long enough");
	(void)snprintf(why, sizeof(why), "kept for %u months, as the retention file says", months);
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct audit_erasure what = { .class_ = class_, .period = period[i], .uid = UINT32_MAX, .why = why };

		if (!retention_over(period[i], months, now_utc_ns))
			continue;
		code = audit_erase(l, &what, e);
		*done += code == 0;
	}
	return code;
}

/* How many bundles from `first` on have no record that is younger; the tail's records are not asked. */
static int count_old(struct audit_log *l, struct log_reader *r, uint64_t first, unsigned months, int64_t now_utc_ns, struct err *e)
{
	struct segments tail = { 0 };
	int code = segments_list(l->dirs.dir_fd, &tail, e), count = 0;
	uint64_t end = code == 0 && tail.count ? tail.first_seq[0] : 0;

	free(tail.first_seq);
	while (code >= 0 && count < BUNDLES_AT_ONCE) {
		uint64_t last = first + ((uint64_t)count + 1) * TREE_TILE_WIDTH - 1;
		struct seal_month month;
		struct record_view v;

		if (last >= end)
			break;
		code = log_reader_seek(r, last, e);
		if (code == 0)
			code = log_reader_next(r, &v, e);
		if (code != 1)
			break;
		seal_month_of(v.head.time_utc_ns, &month);
		if (!retention_over(month.text, months, now_utc_ns))
			break;
		count++;
	}
	return code < 0 ? code : count;
}

static int record_pruned(struct audit_log *l, uint64_t first, uint64_t last, unsigned months, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ERASURE, .cpu = LOG_NO_CPU };
	_buf_ struct buf b = BUF_INIT;
	char note[128];
	int code;

	(void)snprintf(note, sizeof(note), "records %llu to %llu: kept for %u months, as the retention file says", (unsigned long long)first,
		       (unsigned long long)last, months);
	record_begin(&b, &head);
	record_text(&b, PW_F_EVENT, "pruned");
	record_text(&b, PW_F_NOTE, note);
	code = record_end(&b, 0);
	if (code == 0)
		code = audit_append(l, &b, e);
	else
		err_set(e, code, "record what is removed");
	return code < 0 ? code : audit_commit(l, e);
}

static int drop_records(struct audit_log *l, unsigned months, int64_t now_utc_ns, size_t *done, struct err *e)
{
	struct log_reader *r = NULL;
	char path[TREE_PATH_SIZE];
	uint64_t first = 0;
	int count, code = 0, fd = fcntl(l->dirs.dir_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(e, -errno, "open the log directory");
	count = log_reader_open(fd, -1, &r, e);
	if (count == 0) {
		first = log_reader_first(r) & ~(uint64_t)(TREE_TILE_WIDTH - 1);
		count = count_old(l, r, first, months, now_utc_ns, e);
		log_reader_close(r);
	}
	if (count <= 0)
		return count;
	/* Said before it is done: after a crash in between the same bundles are found and said again. */
	code = record_pruned(l, first, first + (uint64_t)count * TREE_TILE_WIDTH - 1, months, e);
	for (int i = 0; i < count && code == 0; i++) {
		tree_path(TREE_ENTRIES, first / TREE_TILE_WIDTH + (uint64_t)i, TREE_TILE_WIDTH, path);
		if (unlinkat(l->dirs.dir_fd, path, 0) < 0)
			code = err_set(e, -errno, "remove %s of the log", path);
		*done += code == 0;
	}
	return code;
}

int retention_apply(struct audit_log *l, const struct retention *r, int64_t now_utc_ns, size_t *ret_done, struct err *e)
{
	int code = 0;

	*ret_done = 0;
	for (size_t i = 0; i < r->count && code == 0 && l->seals.keys_fd >= 0; i++)
		code = drop_keys(l, r->keys[i].class_, r->keys[i].months, now_utc_ns, ret_done, e);
	if (code == 0 && r->records_months)
		code = drop_records(l, r->records_months, now_utc_ns, ret_done, e);
	return code;
}
