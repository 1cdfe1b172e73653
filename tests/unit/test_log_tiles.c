/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the signed log: tiles and checkpoint are those of the records; a cut behind the checkpoint is a crash; a rolled back or rewritten
 * log is not continued; sealed fields open with their key alone, and never after erasure.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "audit/internal.h"
#include "audit/seal.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "dirs.h"

/* An access whose path says its number. */
static int append(struct audit_log *l, uint64_t n, const char *class_, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = 1, .cpu_seq = n, .time_boot_ns = n + 1,
					.time_utc_ns = 1795435200000000000 };
	_buf_ struct buf b = BUF_INIT;
	char path[64];
	int code = audit_note_cpu_seq(l, 1, n, e);

	(void)snprintf(path, sizeof(path), "/srv/patients/%llu", (unsigned long long)n);
	record_begin(&b, &head);
	record_u64(&b, PW_F_UID, 1000 + n % 3);
	record_text(&b, PW_F_PATH, path);
	record_text(&b, PW_F_COMM, "cat");
	if (code < 0 || record_end(&b, 0) < 0)
		return -EINVAL;
	return audit_append_class(l, &b, class_, e);
}

static int fill(struct audit_log *l, uint64_t from, uint64_t to, struct err *e)
{
	for (uint64_t n = from; n < to; n++) {
		int code = append(l, n, n % 5 ? "phi" : NULL, e);

		if (code == 0 && n % 50 == 49)
			code = audit_commit(l, e);
		if (code < 0)
			return code;
	}
	return 0;
}

static int make_log(const struct dirs *d, uint64_t from, uint64_t to, struct err *e)
{
	struct audit_log *l;
	int code = dirs_open(d, &l, e);

	if (code < 0)
		return code;
	code = fill(l, from, to, e);
	audit_close(l);
	return code;
}

static int checkpoint_of(const struct dirs *d, struct note_checkpoint *ret)
{
	_buf_ struct buf text = BUF_INIT, vkey = BUF_INIT;
	struct note_key *key = NULL;
	struct err e;
	int code = dirs_read_file(d->dir_fd, "checkpoint", &text);

	if (code == 0)
		code = dirs_read_file(d->dir_fd, "log.vkey", &vkey);
	if (code == 0)
		code = note_key_from_vkey(vkey.data, &key, &e);
	if (code == 0)
		code = note_open(text.data, text.len_bytes, key, ret, &e);
	note_key_free(key);
	return code;
}

/* Every tile and bundle that a tree of that size has, by a plain walk of the records. Number of records, or -1 with a line. */
static long check_files(const struct dirs *d)
{
	_free_ struct tree_hash *leaves = calloc(100000, sizeof(*leaves));
	struct log_reader *r = NULL;
	struct record_view v;
	struct note_checkpoint cp;
	struct err e = { 0 };
	uint64_t n = 0;
	int code;

	if (!leaves || log_reader_open(again(d->dir_fd), -1, &r, &e) < 0)
		return -1;
	while (n < 100000 && (code = log_reader_next(r, &v, &e)) == 1)
		tree_leaf(v.bytes, v.len_bytes, &leaves[n++]);
	log_reader_close(r);
	if (code < 0 || checkpoint_of(d, &cp) < 0 || cp.size != n) {
		printf("# %s; %llu records, %llu in the checkpoint\n", e.text, (unsigned long long)n, (unsigned long long)cp.size);
		return -1;
	}
	for (int level = 0; n >> 8 * level; level++) {
		uint64_t count = n >> 8 * level;

		for (uint64_t idx = 0; idx * 256 < count; idx++) {
			unsigned width = count - idx * 256 < 256 ? (unsigned)(count - idx * 256) : 256;
			_buf_ struct buf tile = BUF_INIT;
			char path[TREE_PATH_SIZE];

			tree_path(level, idx, width, path);
			if (dirs_read_file(d->dir_fd, path, &tile) < 0 || tile.len_bytes != width * 32 ||
			    memcmp(tile.data, leaves + idx * 256, width * 32) != 0) {
				printf("# %s is wrong\n", path);
				return -1;
			}
		}
		/* The next level: roots of full tiles. */
		for (uint64_t i = 0; i < count / 256; i++) {
			struct tree_hash level_v[256];

			memcpy(level_v, leaves + i * 256, sizeof(level_v));
			for (size_t w = 256; w > 1; w /= 2)
				for (size_t k = 0; k < w / 2; k++)
					tree_node(&level_v[2 * k], &level_v[2 * k + 1], &level_v[k]);
			leaves[i] = level_v[0];
		}
	}
	return (long)n;
}

static void tiles_are_those_of_the_records(void)
{
	static const uint64_t sizes[] = { 1, 100, 207, 208, 500, 3000 };
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct err e = { 0 };
	uint64_t at = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK_INT(make_log(&d, at, sizes[i], &e), 0);
		at = sizes[i];
		CHECK(check_files(&d) > (long)at); /* and the sealed records */
	}
}

static void a_level_more_of_tiles(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut;

	/* Without seals the number of records is ours to choose: one more than a full tile of the second level. */
	CHECK_INT(audit_open_signed(&(struct audit_dirs){ again(d.dir_fd), -1, again(d.signer_fd) }, &l, &cut, &e), 0);
	CHECK_INT(fill(l, 0, 65537, &e), 0);
	audit_close(l);
	CHECK_INT(check_files(&d), 65537);
	CHECK_INT(audit_open_signed(&(struct audit_dirs){ again(d.dir_fd), -1, again(d.signer_fd) }, &l, &cut, &e), 0);
	audit_close(l);
	CHECK_INT(check_files(&d), 65537);
}

static void partial_tiles_go_when_the_full_one_is_there(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct stat st;
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 0, 20, &e), 0);
	CHECK_INT(make_log(&d, 20, 40, &e), 0);
	CHECK_INT(fstatat(d.dir_fd, "tile/0/000.p/22", &st, 0), 0);
	CHECK_INT(fstatat(d.dir_fd, "tile/entries/000.p/44", &st, 0), 0);
	CHECK_INT(make_log(&d, 40, 300, &e), 0);
	CHECK_INT(fstatat(d.dir_fd, "tile/0/000.p", &st, 0), -1);
	CHECK_INT(fstatat(d.dir_fd, "tile/entries/000.p", &st, 0), -1);
	CHECK_INT(fstatat(d.dir_fd, "tile/0/000", &st, 0), 0);
	CHECK_INT(st.st_size, 8192);
}

/* Cut one file to some lengths below its own, open the log, look. Every byte, and the other files: test_log_cuts.c. */
static const char *cut_in_steps(const struct dirs *d, const char *name, size_t step_bytes)
{
	_buf_ struct buf whole = BUF_INIT;
	long want = check_files(d);

	if (dirs_read_file(d->dir_fd, name, &whole) < 0 || want < 0)
		return "the file cannot be read";
	for (size_t n = 0; n < whole.len_bytes; n += step_bytes) {
		struct audit_log *l;
		struct err e = { 0 };

		if (dirs_write_file(d->dir_fd, name, whole.data, n) < 0)
			return "cannot cut";
		if (dirs_open(d, &l, &e) < 0)
			return "refused";
		audit_close(l);
		if (check_files(d) != want)
			return "not made good";
	}
	return NULL;
}

static void cut_tiles_of_a_signed_log_are_made_good(void)
{
	static const struct { const char *name; size_t step_bytes; } files[] = {
		{ "tile/0/000", 61 }, { "tile/1/000.p/1", 1 }, { "tile/entries/000", 997 },
	};
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 0, 290, &e), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *wrong = cut_in_steps(&d, files[i].name, files[i].step_bytes);

		if (wrong)
			printf("# %s: %s\n", files[i].name, wrong);
		CHECK(!wrong);
	}
}

/* What a crash leaves behind the last checkpoint: any length of the tail from there on. */
static void a_cut_behind_the_checkpoint_is_a_crash(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	_buf_ struct buf before = BUF_INIT, whole = BUF_INIT, checkpoint = BUF_INIT, last = BUF_INIT;
	const char *const name = "records-0000000000000000.pwr";
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 0, 253, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, name, &before), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, "checkpoint", &checkpoint), 0);
	CHECK_INT(dirs_read_file(d.signer_fd, "last", &last), 0);
	CHECK_INT(make_log(&d, 253, 258, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, name, &whole), 0);
	for (size_t n = before.len_bytes; n <= whole.len_bytes; n++) {
		/* Tiles are from a time that the crash undid; the checkpoint is not. */
		CHECK_INT(dirs_write_file(d.dir_fd, name, whole.data, n), 0);
		CHECK_INT(dirs_write_file(d.dir_fd, "checkpoint", checkpoint.data, checkpoint.len_bytes), 0);
		CHECK_INT(dirs_write_file(d.signer_fd, "last", last.data, last.len_bytes), 0);
		CHECK_INT(make_log(&d, 1000 + n, 1003 + n, &e), 0);
		CHECK(check_files(&d) >= 253 + 3);
	}
}

static void a_rewritten_history_is_refused(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED), other = dirs_make(DIRS_SIGNED);
	_buf_ struct buf tail = BUF_INIT, mine = BUF_INIT;
	const char *const name = "records-0000000000000000.pwr";
	struct audit_log *l;
	struct err e = { 0 };

	CHECK_INT(make_log(&d, 0, 100, &e), 0);
	CHECK_INT(make_log(&other, 1000, 1200, &e), 0);
	CHECK_INT(dirs_read_file(d.dir_fd, name, &mine), 0);
	CHECK_INT(dirs_read_file(other.dir_fd, name, &tail), 0);
	CHECK_INT(dirs_write_file(d.dir_fd, name, tail.data, tail.len_bytes), 0);
	CHECK_INT(dirs_open(&d, &l, &e), -EBADMSG);
	CHECK(strstr(e.text, "rewritten"));
	CHECK_INT(dirs_write_file(d.dir_fd, name, mine.data, mine.len_bytes), 0);
	CHECK(check_files(&d) > 100); /* it wrote nothing */
	/* No tail at all. */
	CHECK_INT(unlinkat(d.dir_fd, name, 0), 0);
	CHECK_INT(dirs_open(&d, &l, &e), -EBADMSG);
	CHECK_INT(dirs_write_file(d.dir_fd, name, mine.data, mine.len_bytes), 0);
	/* A key that is gone is not replaced by another one. */
	CHECK_INT(unlinkat(d.signer_fd, "key", 0), 0);
	CHECK_INT(dirs_open(&d, &l, &e), -EBADMSG);
	CHECK(strstr(e.text, "its key signer/key is gone"));
}

static void a_log_from_before_gets_its_tree(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t cut;

	CHECK_INT(audit_open(again(d.dir_fd), &l, &cut, &e), 0);
	CHECK_INT(fill(l, 0, 700, &e), 0);
	audit_close(l);
	place_empty(openat(d.dir_fd, "tile", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	CHECK_INT(make_log(&d, 700, 710, &e), 0);
	CHECK(check_files(&d) > 710);
}

/* Old segments go when bundles have their records; what is left is the log that it was. */
static void segments_go_and_the_tree_stays(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct segments segments = { 0 };
	struct audit_log *l;
	struct err e = { 0 };
	struct timespec rest = { 0, 60000000 };
	struct note_checkpoint cp;
	uint64_t n;

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (int i = 0; i < 4500; i++) {
		const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_HEARTBEAT, .cpu = 0xffff };
		_buf_ struct buf b = BUF_INIT;
		static const char note[60000];

		record_begin(&b, &head);
		record_bytes(&b, PW_F_NOTE, note, sizeof(note));
		CHECK_INT(record_end(&b, 0), 0);
		CHECK_INT(audit_append(l, &b, &e), 0);
	}
	CHECK_INT(audit_commit(l, &e), 0);
	nanosleep(&rest, NULL);
	CHECK_INT(fill(l, 0, 4300, &e), 0); /* in small groups: a checkpoint at a quiet moment */
	n = audit_next_seq(l);
	CHECK(!audit_tree_trouble(l));
	CHECK_INT(segments_list(d.dir_fd, &segments, &e), 0);
	CHECK_INT(segments.count, 2);
	CHECK(segments.first_seq[0] > 2000);
	free(segments.first_seq);
	audit_close(l);
	CHECK_INT(checkpoint_of(&d, &cp), 0);
	CHECK_INT(cp.size, n);
	CHECK_INT(check_files(&d), n);
	CHECK_INT(make_log(&d, 4300, 4320, &e), 0);
	CHECK(check_files(&d) >= (long)n + 20);
}

/* Records with their personal fields: how many of each state; -1: the reader fails. */
static long read_states(const struct dirs *d, bool with_keys, long count[4])
{
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e = { 0 };
	long n = 0;
	int code;

	memset(count, 0, 4 * sizeof(*count));
	if (log_reader_open(again(d->dir_fd), with_keys ? again(d->keys_fd) : -1, &r, &e) < 0)
		return -1;
	while ((code = log_reader_next(r, &v, &e)) == 1) {
		const uint8_t *p;
		size_t len_bytes;
		char want[64];

		if (v.head.kind != PW_REC_ACCESS)
			continue;
		n++;
		count[v.state]++;
		(void)snprintf(want, sizeof(want), "/srv/patients/%llu", (unsigned long long)v.head.cpu_seq);
		if (record_find(&v, PW_F_PATH, &p, &len_bytes) != (v.state == RECORD_UNSEALED) ||
		    (v.state == RECORD_UNSEALED && (len_bytes != strlen(want) || memcmp(p, want, len_bytes) != 0))) {
			printf("# record %llu has another path\n", (unsigned long long)v.head.seq);
			n = -1000000;
		}
	}
	if (code < 0)
		printf("# %s\n", e.text);
	log_reader_close(r);
	return code < 0 ? -1 : n;
}

static bool holds_text(const struct dirs *d, const char *text)
{
	_buf_ struct buf tail = BUF_INIT;

	return dirs_read_file(d->dir_fd, "records-0000000000000000.pwr", &tail) < 0 || memmem(tail.data, tail.len_bytes, text, strlen(text));
}

static void personal_fields_need_their_key(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct audit_log *l;
	struct err e = { 0 };
	long count[4];

	CHECK_INT(make_log(&d, 0, 400, &e), 0);
	CHECK(!holds_text(&d, "patients"));
	CHECK_INT(read_states(&d, true, count), 400);
	CHECK_INT(count[RECORD_UNSEALED], 400);
	CHECK_INT(read_states(&d, false, count), 400);
	CHECK_INT(count[RECORD_SEALED], 400);
	/* Erased: the class's records alone, and every hash stays. */
	CHECK_INT(dirs_open(&d, &l, &e), 0);
	CHECK_INT(audit_erase(l, &(struct audit_erasure){ .class_ = "phi", .period = "2026-11", .uid = 0, .pid = 1, .why = "asked" }, &e), 0);
	CHECK_INT(audit_erase(l, &(struct audit_erasure){ .class_ = "phi", .period = "2026-11", .uid = 0, .pid = 1, .why = "again" }, &e), -ENOENT);
	CHECK_INT(fill(l, 400, 410, &e), 0); /* the month goes on with another key */
	audit_close(l);
	CHECK(check_files(&d) > 410);
	CHECK_INT(read_states(&d, true, count), 410);
	CHECK_INT(count[RECORD_ERASED], 320);
	CHECK_INT(count[RECORD_UNSEALED], 90);
}

static void a_large_group_has_parts(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct audit_log *l;
	struct err e = { 0 };
	long count[4];

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (uint64_t n = 0; n < 5000; n++)
		CHECK_INT(append(l, n, NULL, &e), 0);
	CHECK(audit_next_seq(l) > 5000 + 15); /* 5,000 parts of some 30 bytes: over fifteen times 8 KiB */
	audit_close(l);
	CHECK_INT(read_states(&d, true, count), 5000);
	CHECK_INT(count[RECORD_UNSEALED], 5000);
}

TESTS(T(tiles_are_those_of_the_records), T(a_level_more_of_tiles), T(partial_tiles_go_when_the_full_one_is_there), T(cut_tiles_of_a_signed_log_are_made_good),
      T(a_cut_behind_the_checkpoint_is_a_crash), T(a_rewritten_history_is_refused), T(a_log_from_before_gets_its_tree),
      T(segments_go_and_the_tree_stays), T(personal_fields_need_their_key), T(a_large_group_has_parts))
