/* SPDX-License-Identifier: Apache-2.0 */
/* audit: what is kept for how long: the file, the calendar, and that what goes is recorded while the tree and its proofs stay. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "audit/internal.h"
#include "audit/retention.h"
#include "audit/tree.h"
#include "base/cleanup.h"
#include "place.h"

#define NS_PER_DAY 86400000000000ll
#define JANUARY    (20454 * NS_PER_DAY) /* 2026-01-01T00:00Z */
#define FEBRUARY   (JANUARY + 31 * NS_PER_DAY)

static void the_file_is_read_or_refused(void)
{
	static const char good[] = "# clause dates of this hospital\n\nkeys phi 72   # six years\nkeys general 6\nrecords 84\n";
	static const char *const bad[] = { "keys phi\n", "keys phi six\n", "keys phi 0\n", "keys phi 6 7\n", "records\n", "records 0\n", "keep phi 3\n",
					   "keys a 1\nkeys a 2\n", "records 1\nrecords 2\n", "keys a 99999\n" };
	struct retention r;
	struct err e = { 0 };

	CHECK_INT(retention_parse(good, sizeof(good) - 1, &r, &e), 0);
	CHECK_INT(r.count, 2);
	CHECK_STR(r.keys[0].class_, "phi");
	CHECK_INT(r.keys[0].months, 72);
	CHECK_INT(r.records_months, 84);
	CHECK_INT(retention_parse("", 0, &r, &e), 0);
	CHECK_INT(r.count + r.records_months, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.text[0] = '\0';
		CHECK_INT(retention_parse(bad[i], strlen(bad[i]), &r, &e), -EINVAL);
		CHECK(strstr(e.text, "line "));
	}
	CHECK_INT(retention_parse("keys \0x 3\n", 10, &r, &e), -EINVAL);
}

static void months_of_moments(void)
{
	static const struct { int64_t day; const char *month; } days[] = {
		{ 0, "1970-01" }, { 30, "1970-01" }, { 31, "1970-02" }, { 364, "1970-12" }, { 365, "1971-01" }, { 11016, "2000-02" },
		{ 11017, "2000-03" }, { 20453, "2025-12" }, { 20454, "2026-01" }, { 20818, "2026-12" }, { -1, "1969-12" }, { 59, "1970-03" },
		{ 84005, "2199-12" }, { 84006, "2200-01" },
	};
	struct seal_month m;

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		seal_month_of(days[i].day * NS_PER_DAY + 5, &m);
		CHECK_STR(m.text, days[i].month);
		CHECK(m.begin_utc_ns <= days[i].day * NS_PER_DAY && m.end_utc_ns > days[i].day * NS_PER_DAY);
	}
	seal_month_of(-1, &m);
	CHECK_STR(m.text, "1969-12");
}

static void a_month_is_kept_for_all_of_its_days(void)
{
	CHECK(!retention_over("2026-01", 6, JANUARY));
	CHECK(!retention_over("2026-01", 6, JANUARY + 211 * NS_PER_DAY)); /* 31 July */
	CHECK(retention_over("2026-01", 6, JANUARY + 212 * NS_PER_DAY));  /* 1 August */
	CHECK(!retention_over("2026-01", 12, JANUARY + 365 * NS_PER_DAY));
	CHECK(retention_over("2026-01", 12, JANUARY + (365 + 31) * NS_PER_DAY));
	CHECK(!retention_over("2026-01", 0, INT64_MAX));
	CHECK(!retention_over("nonsense", 1, INT64_MAX));
}

static int sub(const struct place *p, const char *name)
{
	(void)mkdirat(p->fd, name, 0755);
	return openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_log(const struct place *p, struct audit_log **ret, struct err *e)
{
	const struct audit_dirs dirs = { sub(p, "records"), sub(p, "keys"), sub(p, "signer") };
	uint64_t cut;

	return audit_open_signed(&dirs, ret, &cut, e);
}

static int access_at(struct audit_log *l, uint64_t n, int64_t utc_ns, const char *class_, size_t note_bytes, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = 0xffff, .cpu_seq = n, .time_utc_ns = utc_ns };
	static const char note[60000];
	_buf_ struct buf b = BUF_INIT;

	record_begin(&b, &head);
	record_text(&b, PW_F_PATH, "/srv/a");
	if (note_bytes)
		record_bytes(&b, PW_F_NOTE, note, note_bytes);
	return record_end(&b, 0) < 0 ? -EINVAL : audit_append_class(l, &b, class_, e);
}

/* How many records say that event. */
static long said(const struct place *p, const char *event, uint64_t *ret_first)
{
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	const uint8_t *at;
	size_t n;
	long count = 0;
	int code;

	if (log_reader_open(sub(p, "records"), -1, &r, &e) < 0)
		return -1;
	*ret_first = log_reader_first(r);
	while ((code = log_reader_next(r, &v, &e)) == 1)
		count += v.head.kind == PW_REC_ERASURE && record_find(&v, PW_F_EVENT, &at, &n) && n == strlen(event) && !memcmp(at, event, n);
	log_reader_close(r);
	return code < 0 ? -1 : count;
}

static void old_keys_go_and_younger_ones_stay(void)
{
	_place_ struct place p = place_make();
	static const char file[] = "keys phi 6\n";
	struct audit_log *l;
	struct retention r;
	struct err e = { 0 };
	uint64_t first;
	size_t done;

	CHECK_INT(retention_parse(file, sizeof(file) - 1, &r, &e), 0);
	CHECK_INT(open_log(&p, &l, &e), 0);
	CHECK_INT(access_at(l, 0, JANUARY, "phi", 0, &e), 0);
	CHECK_INT(access_at(l, 1, JANUARY, "other", 0, &e), 0);
	CHECK_INT(access_at(l, 2, FEBRUARY, "phi", 0, &e), 0);
	CHECK_INT(audit_commit(l, &e), 0);
	CHECK_INT(retention_apply(l, &r, JANUARY + 200 * NS_PER_DAY, &done, &e), 0);
	CHECK_INT(done, 0);
	CHECK_INT(retention_apply(l, &r, JANUARY + 213 * NS_PER_DAY, &done, &e), 0);
	CHECK_INT(done, 1);
	CHECK_INT(retention_apply(l, &r, JANUARY + 213 * NS_PER_DAY, &done, &e), 0);
	CHECK_INT(done, 0);
	CHECK_INT(retention_apply(l, &r, JANUARY + 900 * NS_PER_DAY, &done, &e), 0);
	CHECK_INT(done, 1);
	audit_close(l);
	CHECK_INT(said(&p, "erased", &first), 2);
	CHECK_INT(open_log(&p, &l, &e), 0);
	CHECK_INT(audit_erase(l, &(struct audit_erasure){ .class_ = "other", .period = "2026-01", .uid = 0, .why = "" }, &e), 0); /* it had stayed */
	audit_close(l);
}

static void old_bundles_go_and_the_tree_stays(void)
{
	_place_ struct place p = place_make();
	static const char file[] = "records 6\n";
	const struct timespec rest = { 0, 60000000 };
	struct audit_log *l;
	struct retention r;
	struct err e = { 0 };
	uint64_t first;
	size_t done = 0;

	CHECK_INT(retention_parse(file, sizeof(file) - 1, &r, &e), 0);
	CHECK_INT(open_log(&p, &l, &e), 0);
	/* Two segments of January, so that the first one leaves the tail, and a little of February. */
	for (uint64_t n = 0; n < 4600; n++)
		CHECK_INT(access_at(l, n, n < 2 ? JANUARY : n < 1000 ? JANUARY + (int64_t)n : FEBRUARY, "phi", n < 4500 ? 58000 : 0, &e), 0);
	CHECK_INT(audit_commit(l, &e), 0);
	nanosleep(&rest, NULL);
	for (uint64_t n = 0; n < 4300; n++) {
		CHECK_INT(access_at(l, n, FEBRUARY, "phi", 0, &e), 0);
		CHECK_INT(n % 50 == 49 ? audit_commit(l, &e) : 0, 0);
	}
	CHECK_INT(retention_apply(l, &r, JANUARY + 213 * NS_PER_DAY, &done, &e), 0);
	CHECK(done >= 3 && done <= 5); /* bundles without a record of February: 1,000 records, and their sealed ones */
	audit_close(l);
	CHECK_INT(said(&p, "pruned", &first), 1);
	CHECK_INT(first, 256 * done);
	CHECK_INT(open_log(&p, &l, &e), 0); /* the tree is still the one that was signed */
	audit_close(l);
}

TESTS(T(the_file_is_read_or_refused), T(months_of_moments), T(a_month_is_kept_for_all_of_its_days), T(old_keys_go_and_younger_ones_stay),
      T(old_bundles_go_and_the_tree_stays))
