/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: abridged and folded records. Whatever differs between two events, what a reader hands out is what a full record of each event
 * would have said; every event is counted once.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "audit/internal.h"
#include "base/cleanup.h"
#include "dirs.h"
#include "random.h"

#define SHORT_BYTES 119u /* two blocks of SHA-256 with the leaf's prefix */
#define EVENTS      4000u

static struct pw_event plain_event(void)
{
	static const char names[] = "scan.dcm\0patient-1"; /* leaf first */
	struct pw_event ev = {
		.time_boot_ns = 1000, .time_tai_ns = 1795435237000000000, .roles = 1, .start_boot_ns = 77, .ino = 12, .exe_ino = 5,
		.cgroup_id = 9, .dev = 8, .exe_dev = 8, .tgid = 400, .tid = 400, .ppid = 1, .uid = 1000, .euid = 1000, .gid = 1000,
		.login_uid = UINT32_MAX, .session = UINT32_MAX, .gen = 1, .rule = 1, .need = PW_A_READ, .mfa_age_s = PW_MFA_NEVER,
		.label = 1, .names_len = sizeof(names), .verdict = PW_ALLOW, .reason = PW_R_RULE, .hook = PW_HOOK_pw_file_open, .comm = "dcmread",
	};

	memcpy(ev.names, names, sizeof(names));
	return ev;
}

/* The next event: mostly another file or the same again, now and then something else about it is different. */
static void change(struct pw_event *ev, struct random *r, uint64_t cpu_seq[2])
{
	uint64_t what = random_below(r, 10);

	if (what < 4)
		ev->ino = 12 + random_below(r, 5);
	else if (what == 4)
		ev->names[random_below(r, 8)] = (char)('a' + random_below(r, 26));
	else if (what == 5)
		((uint8_t *)ev)[24 + random_below(r, offsetof(struct pw_event, cpu) - 24)] ^= (uint8_t)(1u << random_below(r, 8));
	else if (what == 6 && random_below(r, 4) == 0)
		*ev = plain_event();
	else if (what == 7 && random_below(r, 4) == 0)
		((uint8_t *)&ev->verdict)[random_below(r, 4)] ^= 1;
	else if (what == 8 && random_below(r, 4) == 0)
		ev->comm[random_below(r, sizeof(ev->comm))] ^= 1;
	ev->cpu = random_below(r, 8) == 0;
	ev->seq = cpu_seq[ev->cpu]++;
}

/* Every field of a full record of ev is there, and no other but those that say where something stands. */
static bool says_the_same(const struct record_view *v, const struct pw_event *ev, const struct image *img)
{
	struct pw_record head = v->head;
	_buf_ struct buf b = BUF_INIT;
	struct record_view full;
	const uint8_t *p, *q;
	size_t used, n, m;

	record_from_event(&b, ev, img, &head);
	if (record_parse((const uint8_t *)b.data, b.len_bytes, &full, &used) < 0 || full.head.cpu != v->head.cpu)
		return false;
	for (unsigned tag = 1; tag < 64; tag++) {
		bool where = tag == PW_F_SEALED_AT || tag == PW_F_SEALED_BY || tag == PW_F_LIKE || tag == PW_F_COUNT;
		bool has = record_find(v, tag, &p, &n), should = record_find(&full, tag, &q, &m);

		if (!where && (has != should || (has && (n != m || memcmp(p, q, n) != 0)))) {
			printf("# record %llu, field %u: %s\n", (unsigned long long)v->head.seq, tag, !has ? "missing" : !should ? "too much" : "another");
			return false;
		}
	}
	return true;
}

struct seen { uint64_t access, abridged, folded, events; };

/* All access records from that one on, against the events of their CPU. */
static int read_from(const struct dirs *d, bool sealed, uint64_t from, const struct pw_event *const by_cpu[2], const struct image *img, struct seen *ret)
{
	struct log_reader *r;
	struct record_view v;
	struct err e = { 0 };
	int code = log_reader_open(again(d->dir_fd), sealed ? again(d->keys_fd) : -1, &r, &e);

	*ret = (struct seen){ 0 };
	if (code == 0 && from)
		code = log_reader_seek(r, from, &e);
	while (code == 0 && (code = log_reader_next(r, &v, &e)) == 1) {
		uint64_t count = record_find_u64(&v, PW_F_COUNT, 1), like = record_find_u64(&v, PW_F_LIKE, UINT64_MAX);

		code = 0;
		if (v.head.kind != PW_REC_ACCESS)
			continue;
		for (uint64_t i = 0; i < count; i++)
			if (!says_the_same(&v, &by_cpu[v.head.cpu][v.head.cpu_seq + i], img))
				code = -EBADMSG;
		if (like != UINT64_MAX && (like / 256 != v.head.seq / 256 || !v.shared))
			code = -ERANGE;
		if (sealed && like != UINT64_MAX && count == 1 && v.len_bytes > SHORT_BYTES)
			code = -EMSGSIZE;
		ret->access++;
		ret->abridged += like != UINT64_MAX;
		ret->folded += count > 1;
		ret->events += count;
	}
	if (code < 0)
		printf("# %d: %s\n", code, e.text);
	log_reader_close(r);
	return code;
}

static void write_and_read(bool sealed)
{
	static struct pw_event by_cpu[2][EVENTS];
	const struct pw_event *const made[] = { by_cpu[0], by_cpu[1] };
	_random_policy_ struct random_policy p = { 0 };
	_dirs_ struct dirs d = dirs_make(sealed ? DIRS_SIGNED : DIRS_PLAIN);
	struct random r = { .state = sealed ? 5 : 6 };
	struct pw_event ev = plain_event();
	uint64_t cpu_seq[2] = { 0 };
	struct audit_log *l;
	struct seen all, some;
	struct world w;
	struct err e = { 0 };

	world_make(&w, &r);
	CHECK_INT(random_policy_make(&p, &w, &r), 0);
	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (unsigned i = 0; i < EVENTS; i++) {
		change(&ev, &r, cpu_seq);
		ev.time_boot_ns += 1000;
		ev.time_tai_ns += 1000;
		by_cpu[ev.cpu][ev.seq] = ev;
		CHECK_INT(audit_append_event(l, &ev, &p.img, &e), 0);
		if (i % 300 == 299)
			CHECK_INT(audit_commit(l, &e), 0);
	}
	audit_close(l);
	CHECK_INT(read_from(&d, sealed, 0, made, &p.img, &all), 0);
	CHECK_INT(all.events, EVENTS);
	CHECK(all.abridged > EVENTS / 8 && all.folded > EVENTS / 100);
	/* From anywhere: what a record points to is found then too. */
	for (uint64_t from = 1; from < 700; from += 13)
		CHECK_INT(read_from(&d, sealed, from, made, &p.img, &some), 0);
	/* A log that is opened again knows all of them. */
	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (uint64_t i = 0; i < cpu_seq[cpu]; i++)
			CHECK(audit_knows(l, cpu, i, by_cpu[cpu][i].time_boot_ns));
	CHECK_INT(audit_commit_in_ms(l), -1);
	audit_close(l);
}

static void what_is_left_out_is_read_again(void)
{
	write_and_read(false);
}

static void also_where_names_are_sealed(void)
{
	write_and_read(true);
}

static void put_first_after(unsigned last)
{
	static struct pw_event made[2][300];
	const struct pw_event *const by_cpu[] = { made[0], made[1] };
	_dirs_ struct dirs d = dirs_make(DIRS_PLAIN);
	_buf_ struct buf first = BUF_INIT;
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_MODE, .cpu = 0xffff };
	struct pw_event ev = plain_event();
	struct audit_log *l;
	struct seen all;
	struct err e = { 0 };

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (unsigned i = 0; i < 300; i++) {
		ev.seq = i;
		ev.ino = i;
		ev.time_boot_ns++;
		made[0][i] = ev;
		CHECK_INT(audit_append_event(l, &ev, NULL, &e), 0);
		/* Some names stand on disk then, some in memory still. */
		if (i == 100)
			CHECK_INT(audit_commit(l, &e), 0);
		if (i != last)
			continue;
		record_begin(&first, &head);
		CHECK_INT(record_end(&first, 0), 0);
		CHECK_INT(audit_append_first(l, &first, &e), 0);
	}
	audit_close(l);
	CHECK_INT(read_from(&d, false, 0, by_cpu, NULL, &all), 0);
	CHECK_INT(all.events, 300);
	CHECK(all.abridged > 290);
}

static void what_is_put_first_moves_what_is_named(void)
{
	put_first_after(200);
}

/* Bundles are pruned as a whole: no record is left without the one that it names. */
static void what_is_put_first_moves_nothing_out_of_its_bundle(void)
{
	for (unsigned last = 253; last < 258; last++)
		put_first_after(last);
}

static void a_second_later_is_another_record(void)
{
	static struct pw_event made[2][8];
	const struct pw_event *const by_cpu[] = { made[0], made[1] };
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct pw_event ev = plain_event();
	struct audit_log *l;
	struct seen all;
	struct err e = { 0 };

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (unsigned i = 0; i < 8; i++) {
		ev.seq = i;
		ev.time_boot_ns += i == 4 ? 1000000000 : 1;
		made[0][i] = ev;
		CHECK_INT(audit_append_event(l, &ev, NULL, &e), 0);
	}
	audit_close(l);
	CHECK_INT(read_from(&d, true, 0, by_cpu, NULL, &all), 0);
	CHECK_INT(all.events, 8);
	CHECK_INT(all.access, 2);
	CHECK_INT(all.folded, 2);
}

/* A group waits for others from its first record on, also where a sealed record comes before that. */
static void one_access_is_not_committed_at_once(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_SIGNED);
	struct pw_event ev = plain_event();
	struct audit_log *l;
	struct err e = { 0 };
	int most_ms = 0;

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	/* Once is enough: a busy machine may stop us for longer than a group waits. */
	for (unsigned i = 0; i < 20; i++) {
		int ms;

		ev.seq = i;
		ev.time_boot_ns++;
		CHECK_INT(audit_append_event(l, &ev, NULL, &e), 0);
		ms = audit_commit_in_ms(l);
		most_ms = ms > most_ms ? ms : most_ms;
		CHECK_INT(audit_commit(l, &e), 0);
	}
	CHECK(most_ms > 0 && most_ms <= AUDIT_COMMIT_MS);
	audit_close(l);
}

/* ---- logs that another writer made ---- */

static int put_like(struct audit_log *l, uint64_t cpu_seq, uint64_t like, struct err *e)
{
	const struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = 0, .cpu_seq = cpu_seq };
	_buf_ struct buf b = BUF_INIT;

	record_begin(&b, &head);
	if (like == UINT64_MAX)
		record_u64(&b, PW_F_UID, 7);
	else
		record_u64(&b, PW_F_LIKE, like);
	return record_end(&b, 0) < 0 ? -EINVAL : audit_append(l, &b, e);
}

/* The code with which reading a log of a full record and then one that is like that number ends, and what was the uid. */
static int read_like(uint64_t like, unsigned before, uint64_t *ret_uid)
{
	_dirs_ struct dirs d = dirs_make(DIRS_PLAIN);
	struct record_view v;
	struct audit_log *l;
	struct log_reader *r;
	struct err e = { 0 };
	int code = dirs_open(&d, &l, &e);

	*ret_uid = 0;
	for (unsigned i = 0; code == 0 && i < before; i++)
		code = put_like(l, i, UINT64_MAX, &e);
	if (code == 0)
		code = put_like(l, before, like, &e);
	audit_close(l);
	if (code < 0 || log_reader_open(again(d.dir_fd), -1, &r, &e) < 0)
		return -EIO;
	while ((code = log_reader_next(r, &v, &e)) == 1)
		*ret_uid = record_find_u64(&v, PW_F_UID, 0);
	log_reader_close(r);
	return code;
}

static void a_record_that_cannot_be_like_another_is_damage(void)
{
	uint64_t uid;

	CHECK_INT(read_like(0, 1, &uid), 0);
	CHECK_INT(uid, 7);
	CHECK_INT(read_like(0, 256, &uid), 0);
	CHECK_INT(uid, 7);
	CHECK_INT(read_like(0, 257, &uid), -EBADMSG);
	CHECK_INT(read_like(1, 1, &uid), -EBADMSG);
	CHECK_INT(read_like(2, 1, &uid), -EBADMSG);
}

static void one_abridged_record_is_not_like_another(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_PLAIN);
	struct record_view v;
	struct audit_log *l;
	struct log_reader *r;
	struct err e = { 0 };

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	CHECK_INT(put_like(l, 0, UINT64_MAX, &e), 0);
	CHECK_INT(put_like(l, 1, 0, &e), 0);
	CHECK_INT(put_like(l, 2, 1, &e), 0);
	audit_close(l);
	CHECK_INT(log_reader_open(again(d.dir_fd), -1, &r, &e), 0);
	CHECK_INT(log_reader_next(r, &v, &e), 1);
	CHECK_INT(log_reader_next(r, &v, &e), 1);
	CHECK_INT(log_reader_next(r, &v, &e), -EBADMSG);
	log_reader_close(r);
}

/* Records 0 to 255 are gone as if they were pruned, and record 256 names one of them. */
static void a_full_record_that_is_gone_is_missed(void)
{
	_dirs_ struct dirs d = dirs_make(DIRS_PLAIN);
	_buf_ struct buf tail = BUF_INIT;
	char name[SEGMENT_NAME_SIZE];
	struct record_view v;
	struct audit_log *l;
	struct log_reader *r;
	struct err e = { 0 };
	size_t at = 0;

	CHECK_INT(dirs_open(&d, &l, &e), 0);
	for (unsigned i = 0; i < 256; i++)
		CHECK_INT(put_like(l, i, UINT64_MAX, &e), 0);
	CHECK_INT(put_like(l, 256, 255, &e), 0);
	audit_close(l);
	segment_name(0, name);
	CHECK_INT(dirs_read_file(d.dir_fd, name, &tail), 0);
	for (unsigned i = 0; i < 256; i++)
		at += 2u + ((size_t)(uint8_t)tail.data[at] << 8 | (uint8_t)tail.data[at + 1]);
	CHECK_INT(unlinkat(d.dir_fd, name, 0), 0);
	CHECK_INT(unlinkat(d.dir_fd, "tile/entries/000", 0), 0);
	segment_name(256, name);
	CHECK_INT(dirs_write_file(d.dir_fd, name, tail.data + at, tail.len_bytes - at), 0);
	CHECK_INT(log_reader_open(again(d.dir_fd), -1, &r, &e), 0);
	CHECK_INT(log_reader_next(r, &v, &e), -EBADMSG);
	CHECK(strstr(e.text, "record 256") && strstr(e.text, "record 255"));
	log_reader_close(r);
}

TESTS(T(what_is_left_out_is_read_again), T(also_where_names_are_sealed), T(what_is_put_first_moves_what_is_named),
      T(what_is_put_first_moves_nothing_out_of_its_bundle), T(a_full_record_that_is_gone_is_missed),
      T(a_second_later_is_another_record), T(one_access_is_not_committed_at_once),
      T(a_record_that_cannot_be_like_another_is_damage), T(one_abridged_record_is_not_like_another))
