/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roles: what polyward-audit does by the clock, with its own code over a real log and a clock of ours: the heartbeat's minute, the hours
 * after which something is destroyed, and a wall clock that is moved, which must destroy nothing.
 */
#include "test.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "place.h"
#include "roles/audit.h"

#define MS_PER_S 1000ll
#define MINUTE_S 60ll
#define HOUR_S   3600ll
#define DAY_S    (24 * HOUR_S)
#define WEEK_S   (7 * DAY_S)
#define JANUARY_S (20454 * DAY_S)           /* 2026-01-01T00:00Z */
#define DUE_S     (JANUARY_S + 212 * DAY_S)  /* 1 August: January is over by six whole months */
#define YEARS_S   (10 * 365 * DAY_S)

/* A sink as polyward-audit has it, on directories of its own; boot_s and utc_s are what its clocks show. */
struct bench { struct place place; struct sink s; int64_t boot_s, utc_s; };

static int sub(const struct place *p, const char *name)
{
	(void)mkdirat(p->fd, name, 0755);
	return openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The retention file where the process finds it. First of all in a case, so that nothing else gets that number. */
static bool give_file(const char *text)
{
	_fd_ int fd = memfd_create("retention", MFD_CLOEXEC);

	return fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0 && dup2(fd, FD_RETENTION) == FD_RETENTION;
}

static bool bench_make(struct bench *b, const char *file)
{
	const struct sink s = { .peers = { -1, -1, -1, -1 }, .images = { HELD_INIT, HELD_INIT, HELD_INIT, HELD_INIT }, .beat_seq = UINT64_MAX };
	struct audit_dirs dirs;
	struct err e = { 0 };
	uint64_t cut_bytes;

	if (!give_file(file))
		return false;
	*b = (struct bench){ .place = place_make(), .s = s, .boot_s = 1000, .utc_s = DUE_S };
	dirs = (struct audit_dirs){ sub(&b->place, "records"), sub(&b->place, "keys"), sub(&b->place, "signer") };
	keep_read(&b->s);
	return audit_open_signed(&dirs, &b->s.log, &cut_bytes, &e) == 0;
}

static void bench_free(struct bench *b)
{
	sink_forget(&b->s);
	audit_close(b->s.log);
	place_free(&b->place);
}
#define _bench_ __attribute__((cleanup(bench_free)))

/* An access of January, with a sealed path. */
static int access_in_january(struct bench *b, const char *class_)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = UINT16_MAX, .time_utc_ns = JANUARY_S * 1000000000 };
	_buf_ struct buf r = BUF_INIT;
	struct err e = { 0 };

	record_begin(&r, &head);
	record_text(&r, PW_F_PATH, "/srv/patients/4711");
	if (record_end(&r, 0) < 0 || audit_append_class(b->s.log, &r, class_, &e) < 0)
		return -EINVAL;
	return sink_commit(&b->s, &e);
}

/* Records on disk of that kind, and if event is one, that say it. */
static long records(const struct bench *b, uint8_t kind, const char *event)
{
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e = { 0 };
	long count = 0;
	int code;

	if (log_reader_open(sub(&b->place, "records"), -1, &r, &e) < 0)
		return -1;
	while ((code = log_reader_next(r, &v, &e)) == 1) {
		const uint8_t *at = NULL;
		size_t n = 0;

		count += v.head.kind == kind &&
			 (!event || (record_find(&v, PW_F_EVENT, &at, &n) && n == strlen(event) && !memcmp(at, event, n)));
	}
	log_reader_close(r);
	return code < 0 ? -1 : count;
}

static long erased(const struct bench *b)
{
	return records(b, PW_REC_ERASURE, "erased");
}

/* Both clocks go on; then the process looks, as it does after every turn of its loop. */
static void pass(struct bench *b, int64_t seconds)
{
	b->boot_s += seconds;
	b->utc_s += seconds;
	sink_retain(&b->s, b->boot_s * MS_PER_S, b->utc_s);
}

static void a_minute_of_silence_is_a_heartbeat(void)
{
	_bench_ struct bench b;
	int64_t now_ms = 5000;

	CHECK(bench_make(&b, ""));
	sink_beat(&b.s, now_ms); /* it has just started */
	sink_beat(&b.s, now_ms + 59999);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 0);
	sink_beat(&b.s, now_ms + 60000);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 1); /* on disk */
	sink_beat(&b.s, now_ms + 60001);
	sink_beat(&b.s, now_ms + 119999);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 1);
	/* A record is a sign of life too: the minute begins again. */
	CHECK_INT(access_in_january(&b, NULL), 0);
	sink_beat(&b.s, now_ms + 120000);
	sink_beat(&b.s, now_ms + 179999);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 1);
	sink_beat(&b.s, now_ms + 180000);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 2);
	/* While the disk takes nothing, no heartbeat piles up that would be written later as if it had been one. */
	b.s.trouble_since_utc_s = 1;
	sink_beat(&b.s, now_ms + 400000);
	b.s.trouble_since_utc_s = 0;
	sink_beat(&b.s, now_ms + 459999);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 2);
	sink_beat(&b.s, now_ms + 460000);
	CHECK_INT(records(&b, PW_REC_HEARTBEAT, NULL), 3);
}

static void what_is_due_goes_after_an_hour(void)
{
	_bench_ struct bench b;
	struct err e = { 0 };

	CHECK(bench_make(&b, "keys phi 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	CHECK_INT(access_in_january(&b, "other"), 0);
	CHECK_INT(log_reader_open(sub(&b.place, "records"), sub(&b.place, "keys"), &b.s.reader, &e), 0); /* somebody had asked */
	pass(&b, 0);
	pass(&b, HOUR_S - 1);
	CHECK_INT(erased(&b), 0);
	CHECK(b.s.reader);
	pass(&b, 1);
	CHECK_INT(erased(&b), 1);
	CHECK(!b.s.reader); /* what was unsealed for him is forgotten */
	/* What no line names stays, however old it gets. */
	for (int64_t i = 0; i < 50; i++)
		pass(&b, 30 * DAY_S);
	CHECK_INT(erased(&b), 1);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 0);
	/* It goes on as soon as there is something: the next one does not wait for an hour. */
	CHECK_INT(access_in_january(&b, "phi"), 0);
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 2);
	CHECK_INT(access_in_january(&b, "phi"), 0);
	pass(&b, 1);
	CHECK_INT(erased(&b), 3);
}

static void a_day_too_early_nothing_goes(void)
{
	_bench_ struct bench b;

	CHECK(bench_make(&b, "keys phi 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	b.utc_s = DUE_S - DAY_S;
	for (int64_t hour = 0; hour < 24; hour++)
		pass(&b, HOUR_S - (hour == 23)); /* the last second of 31 July */
	CHECK_INT(erased(&b), 0);
	pass(&b, 1);
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 1);
}

static void a_clock_that_jumps_and_comes_back_destroys_nothing(void)
{
	_bench_ struct bench b;

	CHECK(bench_make(&b, "keys phi 6\nrecords 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	b.utc_s = JANUARY_S + 40 * DAY_S;
	pass(&b, 0);
	pass(&b, HOUR_S);
	b.utc_s += YEARS_S;
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 1);
	b.utc_s -= YEARS_S;
	for (int64_t i = 0; i < 10 * 24; i++)
		pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 2);
	/* Between two looks nobody looks: there and back within the hour is no move at all. */
	b.utc_s += YEARS_S;
	sink_retain(&b.s, (b.boot_s + 10) * MS_PER_S, b.utc_s + 10);
	b.utc_s -= YEARS_S;
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 2);
}

static void a_clock_that_stays_moved_is_believed_after_a_week(void)
{
	_bench_ struct bench b;

	CHECK(bench_make(&b, "keys phi 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	b.utc_s = JANUARY_S + 40 * DAY_S;
	pass(&b, 0);
	b.utc_s += YEARS_S;
	pass(&b, HOUR_S);
	for (int64_t hour = 1; hour < 7 * 24; hour++) {
		pass(&b, HOUR_S);
		CHECK_INT(erased(&b), 0);
	}
	/* A second move begins the week again. */
	b.utc_s += 2 * MINUTE_S;
	pass(&b, HOUR_S);
	for (int64_t hour = 1; hour < 7 * 24; hour++)
		pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 2);
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 1);
}

static void suspend_and_small_steps_are_no_moves(void)
{
	_bench_ struct bench b;

	CHECK(bench_make(&b, "keys phi 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	b.utc_s = DUE_S - 20 * HOUR_S;
	pass(&b, 0);
	pass(&b, 9 * HOUR_S);      /* asleep: both clocks have gone on */
	b.utc_s += MINUTE_S;       /* as the time service sets it now and then */
	pass(&b, HOUR_S);
	b.utc_s -= MINUTE_S;
	pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	pass(&b, 9 * HOUR_S);
	CHECK_INT(erased(&b), 1);
	CHECK_INT(records(&b, PW_REC_MODE, "clock-moved"), 0);
}

static void while_the_disk_takes_nothing_nothing_goes(void)
{
	_bench_ struct bench b;

	CHECK(bench_make(&b, "keys phi 6\n"));
	CHECK_INT(access_in_january(&b, "phi"), 0);
	pass(&b, 0);
	b.s.trouble_since_utc_s = b.utc_s; /* as sink_commit() sets it */
	for (int64_t i = 0; i < 5; i++)
		pass(&b, HOUR_S);
	CHECK_INT(erased(&b), 0);
	b.s.trouble_since_utc_s = 0;
	pass(&b, 0);
	CHECK_INT(erased(&b), 1);
}

static int january(struct audit_log *l, int count, struct err *e)
{
	int code = 0;

	for (int i = 0; code == 0 && i < count; i++) {
		const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_MODE, .cpu = UINT16_MAX,
						.time_utc_ns = JANUARY_S * 1000000000 };
		_buf_ struct buf r = BUF_INIT;

		record_begin(&r, &head);
		code = record_end(&r, 0) < 0 ? -EINVAL : audit_append(l, &r, e);
	}
	return code;
}

/* The tail lets go of the first `count` records, as it does of a segment whose bundles are full. */
static int begin_tail_at(int dir_fd, uint64_t count)
{
	const char *first = "records-0000000000000000.pwr";
	_buf_ struct buf all = BUF_INIT;
	char name[AUDIT_NAME_SIZE];
	size_t at = 0;
	int code = fd_read_file(dir_fd, first, 1u << 20, &all);

	for (uint64_t i = 0; code == 0 && i < count; i++)
		at += 2 + (size_t)((uint8_t)all.data[at] << 8 | (uint8_t)all.data[at + 1]);
	(void)snprintf(name, sizeof(name), "records-%016llx.pwr", (unsigned long long)count);
	if (code == 0)
		code = fd_replace_file(dir_fd, name, all.data + at, all.len_bytes - at, 0644);
	return code < 0 ? code : unlinkat(dir_fd, first, 0);
}

static bool is_there(const struct bench *b, const char *path)
{
	struct stat st;

	return fstatat(b->place.fd, path, &st, 0) == 0;
}

static void bundles_go_by_the_same_clock(void)
{
	_bench_ struct bench b;
	struct audit_dirs dirs;
	struct err e = { 0 };
	uint64_t cut_bytes;
	_fd_ int records_fd = -1;

	CHECK(bench_make(&b, "records 6\n"));
	records_fd = sub(&b.place, "records");
	CHECK_INT(january(b.s.log, 600, &e), 0);
	audit_close(b.s.log);
	CHECK_INT(begin_tail_at(records_fd, 512), 0);
	dirs = (struct audit_dirs){ sub(&b.place, "records"), sub(&b.place, "keys"), sub(&b.place, "signer") };
	CHECK_INT(audit_open_signed(&dirs, &b.s.log, &cut_bytes, &e), 0);
	b.utc_s = DUE_S - 2 * HOUR_S;
	pass(&b, 0);
	pass(&b, HOUR_S);
	CHECK(is_there(&b, "records/tile/entries/000") && is_there(&b, "records/tile/entries/001"));
	pass(&b, HOUR_S);
	CHECK(!is_there(&b, "records/tile/entries/000") && !is_there(&b, "records/tile/entries/001"));
	CHECK(is_there(&b, "records/tile/0/000") && is_there(&b, "records/tile/0/001")); /* hashes stay */
	CHECK_INT(records(&b, PW_REC_ERASURE, "pruned"), 1);
	/* What the tail has is not asked, however old it gets. */
	for (int64_t i = 0; i < 20; i++)
		pass(&b, 30 * DAY_S);
	CHECK_INT(records(&b, PW_REC_MODE, NULL), 600 - 512);
	CHECK_INT(records(&b, PW_REC_ERASURE, "pruned"), 1);
}

static void a_file_that_cannot_be_read_destroys_nothing(void)
{
	static const char *const bad[] = { "keys phi\n", "records six\n", "keys phi 6\nkeys phi 7\n", "nonsense\n" };
	static char large[RETENTION_FILE_MAX + 1];

	memset(large, '#', sizeof(large) - 1);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		_bench_ struct bench b;

		CHECK(bench_make(&b, i ? bad[i - 1] : large));
		CHECK(!keep_wants(&b.s));
		CHECK_INT(access_in_january(&b, "phi"), 0);
		b.utc_s += YEARS_S;
		for (int64_t k = 0; k < 3; k++)
			pass(&b, HOUR_S);
		CHECK_INT(erased(&b), 0);
	}
}

TESTS(T(a_minute_of_silence_is_a_heartbeat), T(what_is_due_goes_after_an_hour), T(a_day_too_early_nothing_goes),
      T(a_clock_that_jumps_and_comes_back_destroys_nothing), T(a_clock_that_stays_moved_is_believed_after_a_week),
      T(suspend_and_small_steps_are_no_moves), T(while_the_disk_takes_nothing_nothing_goes), T(bundles_go_by_the_same_clock),
      T(a_file_that_cannot_be_read_destroys_nothing))
