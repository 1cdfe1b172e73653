/* SPDX-License-Identifier: Apache-2.0 */
/* audit: an event that is offered twice is written once, whoever died in between; and the record that says that the disk is full. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/internal.h"
#include "base/cleanup.h"
#include "place.h"

static struct audit_log *open_log(const struct place *p)
{
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut;

	if (audit_open(openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), &l, &cut, &e) < 0)
		printf("# %s\n", e.text);
	return l;
}

static void build(struct buf *b, uint8_t kind, uint16_t cpu, uint64_t cpu_seq, uint64_t time_ns)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = kind, .cpu = cpu, .cpu_seq = cpu_seq, .time_boot_ns = time_ns };

	record_begin(b, &head);
	record_text(b, PW_F_NOTE, "n");
	CHECK_INT(record_end(b, 0), 0);
}

/* As the audit process does it: 1 written, 0 known already. */
static int offer(struct audit_log *l, uint16_t cpu, uint64_t cpu_seq, uint64_t time_ns)
{
	_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };

	if (audit_knows(l, cpu, cpu_seq, time_ns))
		return 0;
	if (audit_note_cpu_seq(l, cpu, cpu_seq, &e) < 0)
		return -1;
	build(&b, PW_REC_ACCESS, cpu, cpu_seq, time_ns);
	return audit_append(l, &b, &e) < 0 ? -1 : 1;
}

struct found { long records, access, gaps; uint8_t first_kind; bool in_order; };

static struct found read_all(const struct place *p)
{
	struct found f = { .in_order = true };
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e = { 0 };

	if (log_reader_open(openat(p->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1, &r, &e) < 0)
		return (struct found){ 0 };
	while (log_reader_next(r, &v, &e) == 1) {
		if (!f.records)
			f.first_kind = v.head.kind;
		f.in_order = f.in_order && v.head.seq == (uint64_t)f.records;
		f.records++;
		f.access += v.head.kind == PW_REC_ACCESS;
		f.gaps += v.head.kind == PW_REC_GAP;
	}
	f.in_order = f.in_order && log_reader_rest(r) == 0;
	log_reader_close(r);
	return f;
}

static void a_second_offer_is_known(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l = open_log(&p);
	struct err e = { 0 };

	for (uint64_t seq = 0; seq < 10; seq++)
		CHECK_INT(offer(l, 3, seq, 1000 + seq), 1);
	CHECK_INT(audit_commit(l, &e), 0);
	for (uint64_t seq = 5; seq < 10; seq++)
		CHECK_INT(offer(l, 3, seq, 1000 + seq), 0);
	CHECK_INT(offer(l, 3, 10, 1010), 1);
	audit_close(l);
	/* A restart knows what stands in the log, and nothing else. */
	l = open_log(&p);
	for (uint64_t seq = 0; seq < 11; seq++)
		CHECK_INT(offer(l, 3, seq, 1000 + seq), 0);
	CHECK_INT(offer(l, 3, 11, 1011), 1);
	CHECK_INT(offer(l, 2, 4, 1011), 1);
	audit_close(l);
	CHECK_INT(read_all(&p).access, 13);
}

static void a_missing_number_is_taken_late(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l = open_log(&p);
	struct err e = { 0 };

	CHECK_INT(offer(l, 0, 0, 100), 1);
	CHECK_INT(offer(l, 0, 2, 102), 1);
	audit_close(l);
	l = open_log(&p);
	CHECK_INT(offer(l, 0, 2, 102), 0);
	CHECK_INT(offer(l, 0, 1, 101), 1);
	CHECK_INT(audit_commit(l, &e), 0);
	audit_close(l);
	CHECK_INT(read_all(&p).access, 3);
	CHECK_INT(read_all(&p).gaps, 0);
}

static void counters_that_begin_again_are_no_repetition(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l = open_log(&p);

	for (uint64_t seq = 0; seq < 5; seq++)
		CHECK_INT(offer(l, 0, seq, 100 + seq), 1);
	for (uint64_t seq = 0; seq < 5; seq++)
		CHECK_INT(offer(l, 0, seq, 200 + seq), 1);
	audit_close(l);
	CHECK_INT(read_all(&p).access, 10);
}

static void what_is_put_first_stands_first(void)
{
	_place_ struct place p = place_make();
	_buf_ struct buf first = BUF_INIT;
	struct audit_log *l = open_log(&p);
	struct found f;
	struct err e = { 0 };

	CHECK_INT(offer(l, 0, 0, 100), 1);
	CHECK_INT(audit_commit(l, &e), 0);
	for (uint64_t seq = 1; seq < 20; seq++)
		CHECK_INT(offer(l, 0, seq, 100 + seq), 1);
	build(&first, PW_REC_MODE, 0xffff, 0, 0);
	CHECK_INT(audit_append_first(l, &first, &e), 0);
	/* On disk already, and alone. */
	f = read_all(&p);
	CHECK_INT(f.records, 2);
	CHECK_INT(audit_next_seq(l), 21);
	CHECK_INT(audit_commit(l, &e), 0);
	f = read_all(&p);
	CHECK_INT(f.records, 21);
	CHECK_INT(f.access, 20);
	CHECK(f.in_order);
	audit_close(l);
	l = open_log(&p);
	CHECK_INT(audit_next_seq(l), 21);
	audit_close(l);
}

static void room_kept_ahead_is_not_part_of_the_file(void)
{
	_place_ struct place p = place_make();
	struct audit_log *l = open_log(&p);
	struct err e = { 0 };
	struct stat st;

	CHECK_INT(offer(l, 0, 0, 100), 1);
	CHECK_INT(audit_commit(l, &e), 0);
	CHECK_INT(fstatat(p.fd, "records-0000000000000000.pwr", &st, 0), 0);
	CHECK(st.st_size < 4096);
	audit_close(l);
	CHECK_INT(fstatat(p.fd, "records-0000000000000000.pwr", &st, 0), 0);
	CHECK(st.st_size < 4096 && st.st_blocks * 512 <= 16384);
	CHECK_INT(read_all(&p).records, 1);
}

TESTS(T(a_second_offer_is_known), T(a_missing_number_is_taken_late), T(counters_that_begin_again_are_no_repetition),
      T(what_is_put_first_stands_first), T(room_kept_ahead_is_not_part_of_the_file))
