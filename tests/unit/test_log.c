/* SPDX-License-Identifier: Apache-2.0 */
/* audit: the log on a real filesystem: crash at any byte, damage, segments, losses, a full disk, a reader beside the writer. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/internal.h"
#include "base/cleanup.h"
#include "place.h"

#define FIRST "records-0000000000000000.pwr"

static int dir_again(const struct place *p)
{
	return openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_log(const struct place *p, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e)
{
	return audit_open(dir_again(p), ret, ret_cut_bytes, e);
}

static int append(struct audit_log *l, uint16_t cpu, uint64_t cpu_seq, size_t note_len_bytes, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	_free_ char *note = malloc(note_len_bytes + 1);
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = cpu == 0xffff ? PW_REC_HEARTBEAT : PW_REC_ACCESS,
				  .cpu = cpu, .cpu_seq = cpu_seq };

	if (!note)
		return -ENOMEM;
	memset(note, 'n', note_len_bytes);
	record_begin(&b, &head);
	record_bytes(&b, PW_F_NOTE, note, note_len_bytes);
	if (record_end(&b, 0) < 0)
		return -EINVAL;
	return audit_append(l, &b, e);
}

/* Read all records; -1 on an error of the reader, else how many; *ret_gaps: events that gap records report as lost. */
static long count_records(const struct place *p, uint64_t *ret_lost, struct err *e)
{
	struct log_reader *r;
	struct record_view v;
	long n = 0;
	int code;

	*ret_lost = 0;
	if (log_reader_open(dir_again(p), -1, &r, e) < 0)
		return -1;
	while ((code = log_reader_next(r, &v, e)) == 1) {
		n++;
		if (v.head.kind == PW_REC_GAP)
			*ret_lost += record_find_u64(&v, PW_F_GAP_LAST, 0) - record_find_u64(&v, PW_F_GAP_FIRST, 0) + 1;
	}
	log_reader_close(r);
	return code < 0 ? -1 : n;
}

static off_t size_of(const struct place *p, const char *name)
{
	struct stat st;

	return fstatat(p->fd, name, &st, 0) < 0 ? -1 : st.st_size;
}

static void records_survive_and_numbers_go_on(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;

	CHECK_INT(count_records(&p, &lost, &e), 0);
	for (int round = 0; round < 3; round++) {
		CHECK_INT(open_log(&p, &l, &cut, &e), 0);
		CHECK_INT(cut, 0);
		CHECK_INT(audit_next_seq(l), round * 50);
		CHECK_INT(audit_commit_in_ms(l), -1);
		for (int i = 0; i < 50; i++)
			CHECK_INT(append(l, 0xffff, 0, (size_t)i, &e), 0);
		CHECK(audit_commit_in_ms(l) >= 0 && audit_commit_in_ms(l) <= AUDIT_COMMIT_MS);
		audit_close(l);
	}
	CHECK_INT(count_records(&p, &lost, &e), 150);
	CHECK_INT(lost, 0);
}

static void times_and_boot_are_filled_in(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	uint64_t cut;
	uint8_t ones = 0;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(append(l, 0xffff, 0, 1, &e), 0);
	audit_close(l);
	CHECK_INT(log_reader_open(dir_again(&p), -1, &r, &e), 0);
	CHECK_INT(log_reader_next(r, &v, &e), 1);
	CHECK(v.head.time_boot_ns > 0);
	CHECK(v.head.time_utc_ns / 1000000000 >= time(NULL) - 5 && v.head.time_utc_ns / 1000000000 <= time(NULL));
	for (size_t i = 0; i < sizeof(v.head.boot_id); i++)
		ones |= v.head.boot_id[i];
	CHECK(ones);
	log_reader_close(r);
}

static void a_second_writer_is_refused(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l, *other;
	struct err e = { 0 };
	uint64_t cut;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(open_log(&p, &other, &cut, &e), -EBUSY);
	CHECK_STR(e.text, "cannot write the log: another process writes this log; stop it first, or name another directory");
	audit_close(l);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	audit_close(l);
}

static void a_crash_at_any_byte_costs_the_last_record_alone(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;
	off_t whole, before;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(append(l, 0xffff, 0, 20, &e), 0);
	CHECK_INT(audit_commit(l, &e), 0);
	before = size_of(&p, FIRST);
	CHECK_INT(append(l, 0xffff, 0, 300, &e), 0);
	audit_close(l);
	whole = size_of(&p, FIRST);
	CHECK(before > 0 && whole > before);
	for (off_t at = whole - 1; at >= before; at--) {
		_fd_ int fd = openat(p.fd, FIRST, O_RDWR | O_CLOEXEC);

		CHECK_INT(ftruncate(fd, at), 0);
		CHECK_INT(count_records(&p, &lost, &e), 3); /* a reader before the writer is back */
		CHECK_INT(open_log(&p, &l, &cut, &e), 0);
		CHECK_INT(cut, at - before);
		CHECK_INT(audit_next_seq(l), 3);
		CHECK_INT(append(l, 0xffff, 0, 300, &e), 0);
		audit_close(l);
		CHECK_INT(count_records(&p, &lost, &e), 4);
	}
}

static void damage_is_named_and_left_alone(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;
	off_t size;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (int i = 0; i < 4; i++)
		CHECK_INT(append(l, 0xffff, 0, 10, &e), 0);
	audit_close(l);
	size = size_of(&p, FIRST);
	for (off_t at = 0; at < size; at++) {
		_fd_ int fd = openat(p.fd, FIRST, O_RDWR | O_CLOEXEC);
		char was, is;

		CHECK_INT(pread(fd, &was, 1, at), 1);
		is = (char)(was ^ 0x10);
		CHECK_INT(pwrite(fd, &is, 1, at), 1);
		CHECK_INT(open_log(&p, &l, &cut, &e), -EBADMSG);
		CHECK(strstr(e.text, FIRST ": byte "));
		CHECK_INT(size_of(&p, FIRST), size);
		CHECK_INT(count_records(&p, &lost, &e), -1);
		CHECK_INT(pwrite(fd, &was, 1, at), 1);
	}
	CHECK_INT(count_records(&p, &lost, &e), 4);
}

static void segments_follow_each_other_and_none_may_be_missing(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	uint64_t cut, lost, total = AUDIT_SEGMENT_BYTES / 60000 * 5 / 2; /* two and a half segments */
	uint64_t first_of_second = 0;
	struct segments segments;
	char name[SEGMENT_NAME_SIZE];

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (uint64_t i = 0; i < total; i++)
		CHECK_INT(append(l, 0xffff, 0, 60000, &e), 0);
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), total);
	CHECK_INT(log_reader_open(dir_again(&p), -1, &r, &e), 0);
	CHECK_INT(segments_list(p.fd, &segments, &e), 0);
	CHECK_INT(segments.count, 3);
	first_of_second = segments.first_seq[1];
	free(segments.first_seq);
	CHECK(first_of_second > 0);
	CHECK_INT(log_reader_end(r), total);
	CHECK_INT(log_reader_seek(r, first_of_second, &e), 0);
	CHECK_INT(log_reader_next(r, &v, &e), 1);
	CHECK_INT(v.head.seq, first_of_second);
	log_reader_close(r);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(audit_next_seq(l), total);
	audit_close(l);
	segment_name(first_of_second, name);
	CHECK_INT(unlinkat(p.fd, name, 0), 0);
	CHECK_INT(count_records(&p, &lost, &e), -1);
	CHECK(strstr(e.text, "are missing from the log"));
}

static void an_empty_new_segment_is_no_damage(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;
	char name[SEGMENT_NAME_SIZE];
	int fd;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (int i = 0; i < 7; i++)
		CHECK_INT(append(l, 0xffff, 0, 1, &e), 0);
	audit_close(l);
	segment_name(7, name);
	fd = openat(p.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK(fd >= 0);
	close(fd);
	CHECK_INT(count_records(&p, &lost, &e), 7);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(audit_next_seq(l), 7);
	CHECK_INT(append(l, 0xffff, 0, 1, &e), 0);
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), 8);
}

static int event(struct audit_log *l, uint16_t cpu, uint64_t cpu_seq, struct err *e)
{
	int code = audit_note_cpu_seq(l, cpu, cpu_seq, e);

	return code < 0 ? code : append(l, cpu, cpu_seq, 8, e);
}

static void a_lost_event_becomes_a_gap_record(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;
	const struct timespec beyond = { AUDIT_HOLE_MS / 1000, 100000000 };

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(event(l, 0, 0, &e), 0);
	CHECK_INT(event(l, 0, 4, &e), 0); /* 1, 2, 3 are missing */
	CHECK_INT(event(l, 0, 2, &e), 0); /* out of order from the other ring */
	CHECK_INT(event(l, 7, 0, &e), 0);
	CHECK_INT(audit_commit(l, &e), 0);
	CHECK_INT(audit_next_seq(l), 4);
	CHECK(audit_commit_in_ms(l) > 0 && audit_commit_in_ms(l) <= AUDIT_HOLE_MS);
	nanosleep(&beyond, NULL);
	CHECK_INT(audit_commit_in_ms(l), 0);
	CHECK_INT(audit_commit(l, &e), 0);
	CHECK_INT(audit_next_seq(l), 6); /* one gap for 1, one for 3 */
	CHECK_INT(audit_commit_in_ms(l), -1);
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), 6);
	CHECK_INT(lost, 2);
}

static void a_restart_of_the_daemon_knows_how_far_it_was(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (uint64_t i = 0; i < 10; i++)
		CHECK_INT(event(l, 1, i, &e), 0);
	audit_close(l);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK_INT(event(l, 1, 15, &e), 0); /* 10 to 14 went away with the old process */
	CHECK_INT(audit_restart_cpu_seqs(l, &e), 0);
	CHECK_INT(event(l, 1, 0, &e), 0);
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), 13);
	CHECK_INT(lost, 5);
}

static void limit_files(rlim_t bytes)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &(struct rlimit){ bytes, RLIM_INFINITY });
}

static void a_full_disk_loses_nothing_silently(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost, taken = 0, refused = 0;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	limit_files(1000);
	for (uint64_t i = 0; i < 200; i++) {
		CHECK_INT(audit_note_cpu_seq(l, 2, i, &e), 0);
		if (append(l, 2, i, 50000, &e) == 0)
			taken++;
		else
			refused++;
	}
	CHECK_INT(audit_commit(l, &e), -EFBIG);
	CHECK(strstr(e.text, "write the log: File too large"));
	CHECK(taken > 50 && refused > 50);
	CHECK(append(l, 2, 200, 50000, &e) < 0);
	CHECK(strstr(e.text, "no more room in memory for records that the disk does not take: write the log: "));
	limit_files(RLIM_INFINITY);
	CHECK_INT(audit_commit(l, &e), 0);
	CHECK_INT(audit_restart_cpu_seqs(l, &e), 0);
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), taken + 1);
	CHECK_INT(lost, refused + 1);
}

static void a_process_killed_on_a_full_disk_leaves_a_log_that_opens(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut, lost;

	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(append(l, 0xffff, 0, 100, &e), 0);
	limit_files(1000);
	CHECK_INT(audit_commit(l, &e), -EFBIG);
	audit_close(l); /* fails the same way: the same bytes stand there as if it had been killed */
	limit_files(RLIM_INFINITY);
	CHECK_INT(size_of(&p, FIRST), 1000);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	CHECK(cut > 0);
	CHECK_INT(audit_next_seq(l), 6); /* 162 bytes each */
	audit_close(l);
	CHECK_INT(count_records(&p, &lost, &e), 6);
}

static void a_reader_follows_the_writer(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l;
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	uint64_t cut;

	CHECK_INT(log_reader_open(dir_again(&p), -1, &r, &e), 0); /* before there is a file */
	CHECK_INT(log_reader_next(r, &v, &e), 0);
	CHECK_INT(open_log(&p, &l, &cut, &e), 0);
	for (uint64_t i = 0; i < 20; i++) {
		CHECK_INT(append(l, 0xffff, 0, 1000 * (size_t)i, &e), 0);
		CHECK_INT(log_reader_next(r, &v, &e), 0);
		CHECK_INT(audit_commit(l, &e), 0);
		CHECK_INT(log_reader_next(r, &v, &e), 1);
		CHECK_INT(v.head.seq, i);
	}
	audit_close(l);
	log_reader_close(r);
}

TESTS(T(records_survive_and_numbers_go_on), T(times_and_boot_are_filled_in), T(a_second_writer_is_refused),
      T(a_crash_at_any_byte_costs_the_last_record_alone), T(damage_is_named_and_left_alone),
      T(segments_follow_each_other_and_none_may_be_missing), T(an_empty_new_segment_is_no_damage),
      T(a_lost_event_becomes_a_gap_record), T(a_restart_of_the_daemon_knows_how_far_it_was), T(a_full_disk_loses_nothing_silently),
      T(a_process_killed_on_a_full_disk_leaves_a_log_that_opens), T(a_reader_follows_the_writer))
