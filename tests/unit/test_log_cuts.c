/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: a cut at every byte of every file that a signed log has. What is signed for and gone is refused, with the numbers, and nothing is
 * touched; what follows from the records is made whole again, to the byte; of two copies the other one counts.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>

#include "audit/internal.h"
#include "audit/note.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "dirs.h"

#ifdef __SANITIZE_ADDRESS__ /* ten times as slow: some of the larger files' bytes have to do */
#define STEP_BYTES 13u
#else
#define STEP_BYTES 1u
#endif
#define FIRST "records-0000000000000000.pwr"

/* Accesses with sealed fields, or the shortest records that there are. */
static int make_log(const struct dirs *d, uint64_t count, uint8_t kind, struct err *e)
{
	struct audit_log *l;
	int code = dirs_open(d, &l, e);

	if (code < 0)
		return code;
	for (uint64_t n = 0; code == 0 && n < count; n++) {
		const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = kind, .cpu = 0xffff, .time_boot_ns = n + 1,
						.time_utc_ns = 1795435200000000000 };
		_buf_ struct buf b = BUF_INIT;

		record_begin(&b, &head);
		if (kind == PW_REC_ACCESS)
			record_text(&b, PW_F_PATH, "/srv/patients/4711");
		code = record_end(&b, 0) < 0 ? -EINVAL : audit_append_class(l, &b, n % 3 ? "phi" : NULL, e);
		if (code == 0 && n % 10 == 9)
			code = audit_commit(l, e);
	}
	audit_close(l);
	return code;
}

static bool is_file(int dir_fd, const char *name, const struct buf *want)
{
	_buf_ struct buf have = BUF_INIT;

	return dirs_read_file(dir_fd, name, &have) == 0 && have.len_bytes == want->len_bytes && !memcmp(have.data, want->data, want->len_bytes);
}

static bool cut(int dir_fd, const char *name, size_t to_bytes)
{
	_fd_ int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && ftruncate(fd, (off_t)to_bytes) == 0;
}

static size_t size_of(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, 0) < 0 ? SIZE_MAX : (size_t)st.st_size;
}

/* Where the first `count` records of a segment end. */
static size_t bytes_of(const struct buf *segment, uint64_t count)
{
	const uint8_t *p = (const uint8_t *)segment->data;
	size_t at = 0;

	while (count-- && at + 2 <= segment->len_bytes)
		at += 2 + (size_t)(p[at] << 8 | p[at + 1]);
	return at;
}

/* How many whole records so many bytes of a segment hold. */
static uint64_t whole(const struct buf *segment, size_t bytes)
{
	const uint8_t *p = (const uint8_t *)segment->data;
	uint64_t count = 0;

	for (size_t at = 0; at + 2 <= bytes; count++) {
		at += 2 + (size_t)(p[at] << 8 | p[at + 1]);
		if (at > bytes)
			break;
	}
	return count;
}

/* The log is refused with that sentence, and the file stays as it was cut. NULL, or what is wrong. */
static const char *refused(const struct dirs *d, int dir_fd, const char *name, size_t cut_bytes, const char *want)
{
	struct audit_log *l;
	struct err e = { 0 };
	int code = dirs_open(d, &l, &e);

	if (code == 0) {
		audit_close(l);
		return "a log that was cut was continued";
	}
	if (code != -EBADMSG || !strstr(e.text, want)) {
		printf("# %s at %zu: %s\n# expected: %s\n", name, cut_bytes, e.text, want);
		return "another sentence";
	}
	return size_of(dir_fd, name) == cut_bytes ? NULL : "the file was touched";
}

/* A segment of the tail, from its end down to nothing: every length of it is a rollback to the records that are whole. */
static const char *roll_back(const struct dirs *d, const char *name, uint64_t before, uint64_t total)
{
	_buf_ struct buf bytes = BUF_INIT, checkpoint = BUF_INIT, last = BUF_INIT;
	const char *wrong = NULL;

	if (dirs_read_file(d->dir_fd, name, &bytes) < 0 || dirs_read_file(d->dir_fd, "checkpoint", &checkpoint) < 0 ||
	    dirs_read_file(d->signer_fd, "last", &last) < 0)
		return "no log";
	for (size_t n = bytes.len_bytes; !wrong && n-- > 0;) {
		char want[160];

		(void)snprintf(want, sizeof(want), "cannot write the log: the log has been rolled back: a checkpoint over %llu records was signed, "
			       "and only %llu are there", (unsigned long long)total, (unsigned long long)(before + whole(&bytes, n)));
		wrong = cut(d->dir_fd, name, n) ? refused(d, d->dir_fd, name, n, want) : "cannot cut";
	}
	if (!wrong && (!is_file(d->dir_fd, "checkpoint", &checkpoint) || !is_file(d->signer_fd, "last", &last)))
		wrong = "something was signed";
	return dirs_write_file(d->dir_fd, name, bytes.data, bytes.len_bytes) < 0 ? "cannot put back" : wrong;
}

static void opens(const struct dirs *d, uint64_t records)
{
	struct audit_log *l;
	struct err e = { 0 };

	CHECK_INT(dirs_open(d, &l, &e), 0);
	CHECK_INT(audit_next_seq(l), records);
	audit_close(l);
}

#define CHECK_RIGHT(call) do { const char *w_ = (call); if (w_) { printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call, w_); \
	test_failed_ = 1; return; } } while (0)

static void a_signed_tail_that_is_cut_was_rolled_back(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	_buf_ struct buf bytes = BUF_INIT;
	struct err e = { 0 };
	uint64_t total;

	CHECK_INT(make_log(&d, 24, PW_REC_ACCESS, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, FIRST, &bytes), 0);
	total = whole(&bytes, bytes.len_bytes);
	CHECK(total > 24); /* and the sealed ones */
	CHECK_RIGHT(roll_back(&d, FIRST, 0, total));
	opens(&d, total);
}

/* The same bytes as two segments: the format says where one begins, not how long it has to be. */
static void a_tail_of_two_segments_is_cut_in_either(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	_buf_ struct buf bytes = BUF_INIT;
	char second[SEGMENT_NAME_SIZE];
	struct err e = { 0 };
	uint64_t total, before;
	size_t at = 0;

	CHECK_INT(make_log(&d, 24, PW_REC_ACCESS, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, FIRST, &bytes), 0);
	total = whole(&bytes, bytes.len_bytes);
	while (whole(&bytes, at) < total / 2)
		at++;
	before = whole(&bytes, at);
	segment_name(before, second);
	CHECK_INT(dirs_write_file(d.dir_fd, second, bytes.data + at, bytes.len_bytes - at), 0);
	CHECK_INT(dirs_write_file(d.dir_fd, FIRST, bytes.data, at), 0);
	opens(&d, total);
	CHECK_RIGHT(roll_back(&d, second, before, total));
	/* No crash cuts a segment that another one follows: that is a hole, and is said as one. */
	for (size_t n = at; n-- > 0;) {
		uint64_t left = whole(&bytes, n);
		char want[160];

		if (bytes_of(&bytes, left) == n)
			(void)snprintf(want, sizeof(want), "records %llu to %llu are missing from the log: the next segment begins with record %llu",
				       (unsigned long long)left, (unsigned long long)before - 1, (unsigned long long)before);
		else
			(void)snprintf(want, sizeof(want), FIRST ": byte %zu: record %llu is damaged", bytes_of(&bytes, left),
				       (unsigned long long)left);
		CHECK(cut(d.dir_fd, FIRST, n));
		CHECK_RIGHT(refused(&d, d.dir_fd, FIRST, n, want));
	}
	CHECK_INT(dirs_write_file(d.dir_fd, FIRST, bytes.data, at), 0);
	opens(&d, total);
}

/* Files that follow from the others, all of them cut to the same length: at every length the next start makes them what they were. */
#define MENDED_MAX 5u
static const char *mended(const struct dirs *d, int dir_fd, const char *const *names, size_t count)
{
	struct buf bytes[MENDED_MAX] = { BUF_INIT };
	const char *wrong = NULL;
	size_t longest_bytes = 0;

	for (size_t i = 0; i < count; i++) {
		if (dirs_read_file(dir_fd, names[i], &bytes[i]) < 0 || !bytes[i].len_bytes)
			wrong = "no such file";
		if (bytes[i].len_bytes > longest_bytes)
			longest_bytes = bytes[i].len_bytes;
	}
	for (size_t n = 0; !wrong && n < longest_bytes; n += STEP_BYTES) {
		struct audit_log *l;
		struct err e = { 0 };

		for (size_t i = 0; i < count; i++)
			if (n < bytes[i].len_bytes && !cut(dir_fd, names[i], n))
				wrong = "cannot cut";
		if (dirs_open(d, &l, &e) < 0) {
			printf("# %s at %zu: %s\n", names[0], n, e.text);
			wrong = "refused";
			break;
		}
		audit_close(l);
		for (size_t i = 0; i < count; i++)
			if (n < bytes[i].len_bytes && !is_file(dir_fd, names[i], &bytes[i])) {
				printf("# %s at %zu\n", names[i], n);
				wrong = "not made whole again";
			}
	}
	for (size_t i = 0; i < count; i++)
		buf_free(&bytes[i]);
	return wrong;
}

static void tiles_and_bundles_are_made_whole(void)
{
	static const char *const files[MENDED_MAX] = { "tile/entries/000", "tile/0/000", "tile/entries/001.p/4", "tile/0/001.p/4",
						       "tile/1/000.p/1" };
	_dirs_ struct dirs d = dirs_make(DIRS_SEALED); /* signatures have no part in this, and would be most of the work */
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 260, PW_REC_HEARTBEAT, &e), 0);
	CHECK_INT(size_of(d.dir_fd, "tile/entries/000"), 256 * (2 + 56));
	CHECK_INT(size_of(d.dir_fd, "tile/0/000"), 8192);
	CHECK_RIGHT(mended(&d, d.dir_fd, files, MENDED_MAX));
	opens(&d, 260);
}

/* Reads the log from its beginning; the error's text where it ends with one. */
static int read_all(const struct dirs *d, uint64_t *ret_count, struct err *e)
{
	struct log_reader *r = NULL;
	struct record_view v;
	int code = log_reader_open(again(d->dir_fd), -1, &r, e);

	*ret_count = 0;
	if (code < 0)
		return code;
	while ((code = log_reader_next(r, &v, e)) == 1)
		++*ret_count;
	log_reader_close(r);
	return code;
}

/* The first 256 records are in their bundle alone: nothing is left that a cut file could be made from. */
static void below_the_tail_a_cut_is_said(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SEALED);
	_buf_ struct buf tail = BUF_INIT, tile = BUF_INIT, bundle = BUF_INIT;
	char second[SEGMENT_NAME_SIZE];
	struct err e = { 0 };
	uint64_t count;
	size_t at;

	CHECK_INT(make_log(&d, 260, PW_REC_HEARTBEAT, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, FIRST, &tail), 0);
	at = bytes_of(&tail, 256);
	segment_name(256, second);
	CHECK_INT(dirs_write_file(d.dir_fd, second, tail.data + at, tail.len_bytes - at), 0);
	CHECK_INT(unlinkat(d.dir_fd, FIRST, 0), 0);
	opens(&d, 260);
	CHECK_INT(dirs_read_file(d.dir_fd, "tile/0/000", &tile), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, "tile/entries/000", &bundle), 0);
	for (size_t n = tile.len_bytes; n-- > 0;) {
		CHECK(cut(d.dir_fd, "tile/0/000", n));
		CHECK_RIGHT(refused(&d, d.dir_fd, "tile/0/000", n, "tile/0/000 of the log has been cut; records up to 256 were complete there"));
	}
	CHECK_INT(dirs_write_file(d.dir_fd, "tile/0/000", tile.data, tile.len_bytes), 0);
	/* The writer has no use for a bundle; whoever reads is told where it ends. */
	for (size_t n = bundle.len_bytes; n-- > 0;) {
		CHECK(cut(d.dir_fd, "tile/entries/000", n));
		CHECK_INT(read_all(&d, &count, &e), -EBADMSG);
		CHECK(strstr(e.text, "tile/entries/000: "));
		CHECK_INT(count, whole(&bundle, n));
	}
	opens(&d, 260);
	CHECK_INT(dirs_write_file(d.dir_fd, "tile/entries/000", bundle.data, bundle.len_bytes), 0);
	CHECK_INT(read_all(&d, &count, &e), 0);
	CHECK_INT(count, 260);
}

static void what_is_published_is_made_whole(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 20, PW_REC_HEARTBEAT, &e), 0);
	CHECK_RIGHT(mended(&d, d.dir_fd, &(const char *){ "checkpoint" }, 1));
	CHECK_RIGHT(mended(&d, d.dir_fd, &(const char *){ "log.vkey" }, 1));
	CHECK_RIGHT(mended(&d, d.signer_fd, &(const char *){ "last" }, 1));
	opens(&d, 20);
}

static void a_key_or_both_checkpoints_cut_are_refused(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	_buf_ struct buf key = BUF_INIT, checkpoint = BUF_INIT;
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 20, PW_REC_HEARTBEAT, &e), 0);
	CHECK_INT(dirs_read_file(d.signer_fd, "key", &key), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, "checkpoint", &checkpoint), 0);
	for (size_t n = key.len_bytes; n-- > 0;) {
		CHECK(cut(d.signer_fd, "key", n));
		CHECK_RIGHT(refused(&d, d.signer_fd, "key", n, "cannot write the log: signer/key does not hold a key"));
	}
	CHECK_INT(dirs_write_file(d.signer_fd, "key", key.data, key.len_bytes), 0);
	for (size_t n = checkpoint.len_bytes; n-- > 0;) {
		CHECK(cut(d.signer_fd, "last", n) && cut(d.dir_fd, "checkpoint", n));
		CHECK_RIGHT(refused(&d, d.dir_fd, "checkpoint", n, "neither signer/last nor checkpoint can be read: no crash explains both"));
		CHECK_INT(size_of(d.signer_fd, "last"), n);
	}
	CHECK_INT(dirs_write_file(d.dir_fd, "checkpoint", checkpoint.data, checkpoint.len_bytes), 0);
	opens(&d, 20);
	CHECK(is_file(d.signer_fd, "last", &checkpoint));
}

/* What a witness said last, and a policy that decided: cut, they hinder nothing, and are whole again when they come the next time. */
static void cosignatures_and_policies_come_again(void)
{
	static const uint8_t seed[32] = { 7 };
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	_buf_ struct buf text = BUF_INIT, line = BUF_INIT, cosigned = BUF_INIT, image = BUF_INIT;
	char name[128] = "policy/0900000000000000000000000000000000000000000000000000000000000000-0300000000000000.pwi";
	struct pw_img_header head = { .magic = PW_IMAGE_MAGIC, .policy_hash = { 9 }, .body_hash = { 3 } };
	struct note_key *witness = NULL;
	struct note_checkpoint cp;
	struct audit_log *l;
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 20, PW_REC_HEARTBEAT, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, "checkpoint", &text), 0);
	CHECK_INT(note_key_from_seed("witness.example", seed, &witness, &e), 0);
	CHECK_INT(note_parse(text.data, text.len_bytes, &cp, &e), 0);
	CHECK_INT(note_cosign(text.data, text.len_bytes, witness, 1795435200, &line, &e), 0);
	note_key_free(witness);
	buf_add(&image, &head, sizeof(head));
	CHECK_INT(dirs_open(&d, &l, &e), 0);
	CHECK_INT(audit_cosigned(l, cp.size, &cp.root, line.data, &e), 0);
	CHECK_INT(audit_archive_policy(l, image.data, image.len_bytes, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, "cosigned", &cosigned), 0);
	CHECK(is_file(d.dir_fd, name, &image));
	audit_close(l);
	for (size_t n = cosigned.len_bytes; n-- > 0;) {
		CHECK(cut(d.dir_fd, "cosigned", n));
		CHECK_INT(dirs_open(&d, &l, &e), 0);
		CHECK_INT(audit_cosigned(l, cp.size, &cp.root, line.data, &e), 0);
		audit_close(l);
		CHECK(is_file(d.dir_fd, "cosigned", &cosigned));
	}
	for (size_t n = image.len_bytes; n-- > 0;) {
		CHECK(cut(d.dir_fd, name, n));
		CHECK_INT(dirs_open(&d, &l, &e), 0);
		CHECK_INT(audit_archive_policy(l, image.data, image.len_bytes, &e), 0);
		audit_close(l);
		CHECK(is_file(d.dir_fd, name, &image));
	}
}

TESTS(T(a_signed_tail_that_is_cut_was_rolled_back), T(a_tail_of_two_segments_is_cut_in_either), T(tiles_and_bundles_are_made_whole),
      T(below_the_tail_a_cut_is_said), T(what_is_published_is_made_whole), T(a_key_or_both_checkpoints_cut_are_refused),
      T(cosignatures_and_policies_come_again))
