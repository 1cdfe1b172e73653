/* SPDX-License-Identifier: Apache-2.0 */
/* audit: reading what the writer made: bundles and tail as one sequence, seeking, sealed fields, whole-log verification, completeness. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/internal.h"
#include "audit/note.h"
#include "audit/verify.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define COUNT 2000u

struct place { char path[64]; int fd; };

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void place_free(struct place *p)
{
	close(p->fd);
	(void)nftw(p->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
#define _place_ __attribute__((cleanup(place_free)))

static int below(const struct place *p, const char *name)
{
	(void)mkdirat(p->fd, name, 0700);
	return openat(p->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int append(struct audit_log *l, uint64_t n, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = (uint16_t)(n % 2), .cpu_seq = n / 2 };
	char path[64];

	(void)snprintf(path, sizeof(path), "/srv/scans/%llu", (unsigned long long)n);
	record_begin(&b, &head);
	record_text(&b, PW_F_PATH, path);
	record_u64(&b, PW_F_UID, n);
	return record_end(&b, 0) < 0 ? -EINVAL : audit_append(l, &b, e);
}

/* A sealed and signed log of COUNT accesses, committed in groups. */
static struct place place_make(void)
{
	struct place p = { "/tmp/polyward-read-XXXXXX", -1 };
	struct audit_dirs dirs;
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t cut;
	int code;

	if (!mkdtemp(p.path))
		exit(1);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dirs = (struct audit_dirs){ below(&p, "records"), below(&p, "keys"), below(&p, "signer") };
	code = audit_open_signed(&dirs, &l, &cut, &e);
	for (uint64_t n = 0; n < COUNT && code == 0; n++) {
		code = append(l, n, &e);
		if (code == 0 && n % 700 == 699)
			code = audit_commit(l, &e);
	}
	if (code < 0)
		printf("# %s\n", e.text);
	audit_close(l);
	return p;
}

static struct log_reader *reader(const struct place *p, bool keys)
{
	struct log_reader *r = NULL;
	struct err e = { 0 };

	if (log_reader_open(below(p, "records"), keys ? below(p, "keys") : -1, &r, &e) < 0)
		printf("# %s\n", e.text);
	return r;
}

/* Seek to a record and read it: its number, or an error. */
static int64_t at(struct log_reader *r, uint64_t seq, struct record_view *v, struct err *e)
{
	int code = log_reader_seek(r, seq, e);

	if (code == 0)
		code = log_reader_next(r, v, e);
	return code < 0 ? code : code == 0 ? -ENODATA : (int64_t)v->head.seq;
}

static void remove_tail(const struct place *p)
{
	_fd_ int fd = below(p, "records");

	(void)unlinkat(fd, "records-0000000000000000.pwr", 0);
}

static void every_record_is_found_by_its_number(void)
{
	_place_ struct place p = place_make();
	struct log_reader *r = reader(&p, false);
	struct record_view v;
	struct err e = { 0 };
	uint64_t end = log_reader_end(r), n = 0;

	CHECK(end >= COUNT + 3); /* sealed records in front of each group */
	CHECK_INT(log_reader_first(r), 0);
	while (log_reader_next(r, &v, &e) == 1)
		CHECK_INT(v.head.seq, n++);
	CHECK_INT(n, end);
	for (uint64_t i = 0, seq = 7; i < 600; i++, seq = (seq * 1103 + 12345) % end)
		CHECK_INT(at(r, seq, &v, &e), seq);
	CHECK_INT(at(r, end, &v, &e), -ENODATA);
	CHECK_INT(at(r, end + 1, &v, &e), -ERANGE);
	CHECK_INT(at(r, 3, &v, &e), 3);
	log_reader_close(r);
}

static void without_a_tail_bundles_are_the_log(void)
{
	_place_ struct place p = place_make();
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	uint64_t n = 0;

	remove_tail(&p);
	r = reader(&p, false);
	CHECK_INT(log_reader_end(r), COUNT / 256 * 256);
	while (log_reader_next(r, &v, &e) == 1)
		CHECK_INT(v.head.seq, n++);
	CHECK_INT(n, COUNT / 256 * 256);
	CHECK_INT(at(r, 300, &v, &e), 300);
	CHECK_INT(at(r, 299, &v, &e), 299);
	CHECK_INT(at(r, n + 1, &v, &e), -ERANGE);
	log_reader_close(r);
	{
		_fd_ int fd = below(&p, "records");

		CHECK_INT(unlinkat(fd, "tile/entries/000", 0), 0);
		CHECK_INT(unlinkat(fd, "tile/entries/003", 0), 0);
	}
	r = reader(&p, false);
	CHECK_INT(log_reader_first(r), 256);
	CHECK_INT(at(r, 256, &v, &e), 256);
	CHECK_INT(at(r, 255, &v, &e), -ERANGE);
	CHECK(strstr(e.text, "the oldest is 256"));
	log_reader_close(r);
}

static void a_hole_between_bundles_and_tail_is_said(void)
{
	_place_ struct place p = place_make();
	_fd_ int fd = below(&p, "records");
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	int code;

	CHECK_INT(renameat(fd, "records-0000000000000000.pwr", fd, "records-0000000000002000.pwr"), 0);
	r = reader(&p, false);
	while ((code = log_reader_next(r, &v, &e)) == 1)
		;
	CHECK_INT(code, -EBADMSG);
	CHECK(strstr(e.text, "are missing from the log"));
	log_reader_close(r);
}

static void damage_in_a_bundle_is_named(void)
{
	_place_ struct place p = place_make();
	_fd_ int fd = below(&p, "records"), bundle = openat(fd, "tile/entries/001", O_RDWR | O_CLOEXEC);
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	char byte;
	int code;

	CHECK_INT(pread(bundle, &byte, 1, 500), 1);
	byte = (char)(byte ^ 4);
	CHECK_INT(pwrite(bundle, &byte, 1, 500), 1);
	remove_tail(&p);
	r = reader(&p, false);
	while ((code = log_reader_next(r, &v, &e)) == 1)
		;
	CHECK_INT(code, -EBADMSG);
	CHECK(strstr(e.text, "tile/entries/001: byte "));
	CHECK(log_reader_seq(r) >= 256 && log_reader_seq(r) < 264);
	log_reader_close(r);
}

static bool path_is(const struct record_view *v, const char *want)
{
	const uint8_t *path;
	size_t n;

	return record_find(v, PW_F_PATH, &path, &n) && n == strlen(want) && !memcmp(path, want, n);
}

/* Number of access records in that state, whose path is there or not as it should be. */
static uint64_t count_state(struct log_reader *r, enum record_personal state)
{
	struct record_view v;
	struct err e = { 0 };
	uint64_t n = 0;

	while (log_reader_next(r, &v, &e) == 1) {
		char want[64];

		(void)snprintf(want, sizeof(want), "/srv/scans/%llu", (unsigned long long)record_find_u64(&v, PW_F_UID, 0));
		n += v.head.kind == PW_REC_ACCESS && v.state == state && path_is(&v, want) == (state == RECORD_UNSEALED);
	}
	log_reader_close(r);
	return n;
}

static void personal_fields_open_with_their_keys_alone(void)
{
	_place_ struct place p = place_make();
	_fd_ int keys = below(&p, "keys");
	struct log_reader *r = reader(&p, true);
	struct record_view v;
	struct err e = { 0 };

	CHECK_INT(at(r, 1999, &v, &e), 1999); /* its sealed record did not come by */
	CHECK_INT(v.state, RECORD_UNSEALED);
	CHECK_INT(at(r, 5, &v, &e), 5);
	CHECK_INT(v.state, RECORD_UNSEALED);
	log_reader_close(r);
	CHECK_INT(count_state(reader(&p, true), RECORD_UNSEALED), COUNT);
	CHECK_INT(count_state(reader(&p, false), RECORD_SEALED), COUNT);
	{
		char command[128];

		(void)snprintf(command, sizeof(command), "rm %s/keys/*", p.path);
		CHECK_INT(system(command), 0);
	}
	CHECK_INT(count_state(reader(&p, true), RECORD_ERASED), COUNT);
}

static void the_whole_log_verifies_and_a_cut_one_does_not(void)
{
	_place_ struct place p = place_make();
	_fd_ int fd = below(&p, "records");
	_buf_ struct buf text = BUF_INIT;
	struct note_checkpoint cp;
	struct verify_result got;
	struct verify_options o = { 0 };
	struct err e = { 0 };

	CHECK_INT(fd_read_file(fd, "checkpoint", NOTE_TEXT_MAX, &text), 0);
	CHECK_INT(note_parse(text.data, text.len_bytes, &cp, &e), 0);
	o.size = cp.size;
	o.root = cp.root;
	CHECK_INT(log_verify(fd, &o, &got, &e), 0);
	CHECK_INT(got.records, cp.size);
	CHECK_INT(got.behind, 0);
	CHECK_INT(complete_cpus(got.complete), 2);
	CHECK_INT(complete_missing(got.complete)->count, 0);
	complete_free(got.complete);
	CHECK_INT(log_verify_beginning(fd, cp.size, cp.size, &cp.root, &e), 0);
	CHECK_INT(log_verify_beginning(fd, cp.size, cp.size - 1, &cp.root, &e), -EBADMSG);
	CHECK_INT(log_verify_beginning(fd, cp.size, cp.size + 1, &cp.root, &e), -EBADMSG);
	o.root.v[3] ^= 1;
	CHECK_INT(log_verify(fd, &o, &got, &e), -EBADMSG);
	complete_free(got.complete);
	o.root.v[3] ^= 1;
	{
		_fd_ int tail = openat(fd, "records-0000000000000000.pwr", O_RDWR | O_CLOEXEC);

		CHECK_INT(ftruncate(tail, 30000), 0);
	}
	CHECK_INT(log_verify(fd, &o, &got, &e), -EBADMSG);
	CHECK(strstr(e.text, "cut off"));
	complete_free(got.complete);
}

/* Retention removes the oldest bundles and says so in a record; a bundle that is gone without one was taken. */
static void pruned_records_are_said_or_missed(void)
{
	_place_ struct place p = place_make();
	_fd_ int fd = below(&p, "records");
	struct audit_dirs dirs = { below(&p, "records"), below(&p, "keys"), below(&p, "signer") };
	struct verify_options o = { 0 };
	struct note_checkpoint cp;
	struct verify_result got;
	struct audit_log *l;
	struct record_view v;
	struct log_reader *r;
	struct err e = { 0 };
	uint64_t cut;

	/* The tail is set apart, as if its segment had been full. */
	CHECK_INT(audit_open_signed(&dirs, &l, &cut, &e), 0);
	for (int round = 0; round < 2; round++) {
		_buf_ struct buf b = BUF_INIT, text = BUF_INIT;
		struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ERASURE, .cpu = 0xffff };

		record_begin(&b, &head);
		record_text(&b, PW_F_EVENT, "pruned");
		record_text(&b, PW_F_NOTE, round ? "records 0 to 511: kept for 6 months" : "records 0 to 255: kept for 6 months");
		CHECK_INT(record_end(&b, 0), 0);
		CHECK_INT(audit_append(l, &b, &e), 0);
		CHECK_INT(audit_checkpoint(l, &e), 0);
		if (!round) {
			_buf_ struct buf all = BUF_INIT;
			struct record_view at;
			size_t skip = 0, used;

			CHECK_INT(fd_read_file(fd, "records-0000000000000000.pwr", 1 << 24, &all), 0);
			for (uint64_t seq = 0; seq < 512; seq++, skip += used)
				CHECK_INT(record_parse((uint8_t *)all.data + skip, all.len_bytes - skip, &at, &used), 0);
			CHECK_INT(fd_replace_file(fd, "records-0000000000000200.pwr", all.data + skip, all.len_bytes - skip, 0644), 0);
			CHECK_INT(unlinkat(fd, "records-0000000000000000.pwr", 0), 0);
			CHECK_INT(unlinkat(fd, "tile/entries/000", 0) + unlinkat(fd, "tile/entries/001", 0), 0);
			audit_close(l);
			dirs = (struct audit_dirs){ below(&p, "records"), below(&p, "keys"), below(&p, "signer") };
		}
		CHECK_INT(fd_read_file(fd, "checkpoint", NOTE_TEXT_MAX, &text), 0);
		CHECK_INT(note_parse(text.data, text.len_bytes, &cp, &e), 0);
		o.size = cp.size;
		o.root = cp.root;
		CHECK_INT(log_verify(fd, &o, &got, &e), round ? 0 : -EBADMSG);
		CHECK(round ? got.first == 512 : strstr(e.text, "records 256 to 511 are gone") != NULL);
		complete_free(got.complete);
		if (!round)
			CHECK_INT(audit_open_signed(&dirs, &l, &cut, &e), 0);
	}
	audit_close(l);
	r = reader(&p, true);
	CHECK_INT(at(r, 600, &v, &e), 600); /* its sealed record went with the bundles */
	CHECK_INT(v.state, RECORD_ERASED);
	CHECK_INT(at(r, 1999, &v, &e), 1999);
	CHECK_INT(v.state, RECORD_UNSEALED);
	log_reader_close(r);
}

static int note(struct complete *c, uint8_t kind, uint64_t first, uint64_t last, uint64_t time_ns)
{
	_buf_ struct buf b = BUF_INIT;
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = kind, .cpu = 3, .cpu_seq = first, .time_boot_ns = time_ns };
	struct record_view v;
	size_t used;

	record_begin(&b, &head);
	if (kind == PW_REC_GAP) {
		record_u64(&b, PW_F_GAP_FIRST, first);
		record_u64(&b, PW_F_GAP_LAST, last);
	}
	if (record_end(&b, 0) < 0 || record_parse((uint8_t *)b.data, b.len_bytes, &v, &used) < 0)
		return -EINVAL;
	return complete_note(c, &v);
}

static void what_is_in_no_record_and_no_gap_is_found(void)
{
	const uint64_t s = 1000000000;
	struct complete *c;

	CHECK_INT(complete_new(true, &c), 0);
	CHECK_INT(note(c, PW_REC_ACCESS, 1, 0, 1 * s), 0);   /* 0 comes later, out of order */
	CHECK_INT(note(c, PW_REC_ACCESS, 0, 0, 1 * s), 0);
	CHECK_INT(note(c, PW_REC_ACCESS, 9, 0, 2 * s), 0);   /* 2 to 8 are not there yet */
	CHECK_INT(note(c, PW_REC_GAP, 3, 5, 5 * s), 0);
	CHECK_INT(note(c, PW_REC_ACCESS, 7, 0, 2 * s), 0);
	CHECK_INT(note(c, PW_REC_ACCESS, 4, 0, 2 * s), 0);   /* after its gap: in both */
	CHECK_INT(note(c, PW_REC_ACCESS, 20, 0, 99 * s), 0); /* 10 to 19 may still be on their way */
	CHECK_INT(note(c, PW_REC_GAP, 5, 4, 99 * s), -EBADMSG);
	CHECK_INT(complete_end(c), 0);
	CHECK_INT(complete_missing(c)->count, 3);            /* 2, 6, 8 */
	for (size_t i = 0; i < 3; i++)
		CHECK(complete_missing(c)->v[i].first == complete_missing(c)->v[i].last && complete_missing(c)->v[i].first % 2 == 0);
	CHECK_INT(complete_recorded(c)->count, 1);
	CHECK_INT(complete_recorded(c)->v[0].last, 5);
	CHECK_INT(complete_open(c)->count, 1);
	CHECK_INT(complete_open(c)->v[0].first, 10);
	CHECK_INT(complete_open(c)->v[0].last, 19);
	complete_free(c);
	CHECK_INT(complete_new(true, &c), 0);
	for (uint64_t n = 0; n < 5; n++)
		CHECK_INT(note(c, PW_REC_ACCESS, n, 0, n * s), 0);
	for (uint64_t n = 0; n < 5; n++)                     /* loaded anew: from 0 again */
		CHECK_INT(note(c, PW_REC_ACCESS, n, 0, (50 + n) * s), 0);
	CHECK_INT(complete_end(c), 0);
	CHECK_INT(complete_missing(c)->count + complete_open(c)->count, 0);
	complete_free(c);
	CHECK_INT(complete_new(false, &c), 0);               /* a log whose beginning was pruned */
	CHECK_INT(note(c, PW_REC_ACCESS, 1000, 0, 1 * s), 0);
	CHECK_INT(complete_end(c), 0);
	CHECK_INT(complete_missing(c)->count, 0);
	complete_free(c);
}

TESTS(T(every_record_is_found_by_its_number), T(without_a_tail_bundles_are_the_log), T(a_hole_between_bundles_and_tail_is_said),
      T(damage_in_a_bundle_is_named), T(personal_fields_open_with_their_keys_alone),
      T(the_whole_log_verifies_and_a_cut_one_does_not), T(pruned_records_are_said_or_missed),
      T(what_is_in_no_record_and_no_gap_is_found))
