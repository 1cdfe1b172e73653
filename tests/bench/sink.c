/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: sink DIR RECORDS POLICY   How many kernel events a second one core turns into a signed, sealed log on disk: what polyward-audit
 * does with an event from the ring, group commit, tiles and checkpoints included. Then what of that hashing costs, and opening the log
 * again, which computes the tree once more and compares it with what was signed. DIR must be empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/audit.h"
#include "audit/tree.h"
#include "base/cleanup.h"
#include "base/num.h"
#include "compile.h"

#define SAMPLE 65536u /* records that hashing alone is measured on */

static double now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Allowed openings three folders deep by one of four programs, as the kernel hands them over. */
static void next_event(struct pw_event *ev, uint64_t n)
{
	ev->seq = n;
	ev->time_boot_ns = 1 + n * 1000;
	ev->time_tai_ns = 1800000000000000000ull + n * 1000;
	ev->ino = 100000 + n;
	ev->tgid = ev->tid = 1234 + (uint32_t)(n >> 4 & 3);
	ev->start_boot_ns = 7000000000 + ev->tgid;
	for (int i = 0; i < 4; i++)
		ev->names[6 + i] = (char)('0' + (n >> 3 * i & 7));
}

static struct pw_event first_event(void)
{
	static const char names[] = "slice-0001.dcm\0" "series-3\0" "patient-4711";
	struct pw_event ev = {
		.roles = 1, .exe_ino = 4242, .cgroup_id = 77777, .dev = 0x800001, .exe_dev = 0x800001, .ppid = 1000, .uid = 1000, .euid = 1000,
		.gid = 1000, .login_uid = 1000, .session = 3, .gen = 1, .rule = 1, .need = PW_A_READ, .mfa_age_s = PW_MFA_NEVER, .label = 1,
		.names_len = sizeof(names), .verdict = PW_ALLOW, .reason = PW_R_RULE, .hook = PW_HOOK_pw_file_open, .comm = "dcmread",
	};

	memcpy(ev.names, names, sizeof(names));
	return ev;
}

static int open_below(const char *dir, const char *name)
{
	_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (mkdirat(fd, name, 0755) < 0 && errno != EEXIST))
		return -1;
	return openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_log(const char *dir, struct audit_log **ret, struct err *e)
{
	const struct audit_dirs dirs = { open_below(dir, "records"), open_below(dir, "keys"), open_below(dir, "signer") };
	uint64_t cut_bytes;

	return dirs.signer_fd < 0 ? err_set(e, -errno, "%s", dir) : audit_open_signed(&dirs, ret, &cut_bytes, e);
}

__attribute__((noinline)) static int fill(struct audit_log *l, const struct image *img, uint64_t records, struct err *e)
{
	struct pw_event ev = first_event();

	for (uint64_t n = 0; n < records; n++) {
		int r;

		next_event(&ev, n);
		r = audit_append_event(l, &ev, img, e);
		if (r == 0 && n % 1024 == 1023 && audit_commit_in_ms(l) == 0)
			r = audit_commit(l, e);
		if (r < 0)
			return r;
	}
	return audit_checkpoint(l, e);
}

/* Leaves and the nodes above them, for the records of that log. Seconds for each. */
static double hashing_s(const char *dir, double *ret_bytes)
{
	_free_ struct tree_bytes *records = calloc(SAMPLE, sizeof(*records));
	_free_ struct tree_hash *hashes = calloc(SAMPLE, sizeof(*hashes));
	_buf_ struct buf all = BUF_INIT;
	struct log_reader *r = NULL;
	struct record_view v;
	struct err e;
	size_t count = 0, at = 0;
	double start;

	if (!records || !hashes || log_reader_open(open_below(dir, "records"), -1, &r, &e) < 0)
		return 0;
	while (count < SAMPLE && log_reader_next(r, &v, &e) == 1) {
		buf_add(&all, v.bytes, v.len_bytes);
		records[count++].len_bytes = v.len_bytes;
	}
	log_reader_close(r);
	for (size_t i = 0; i < count; i++) {
		records[i].bytes = all.data + at;
		at += records[i].len_bytes;
	}
	start = now_s(CLOCK_PROCESS_CPUTIME_ID);
	for (size_t i = 0; i < count; i += 256) {
		size_t n = count - i < 256 ? count - i : 256;

		tree_leaves(records + i, n, hashes + i);
		for (; n > 1; n /= 2)
			tree_nodes(hashes + i, n & ~(size_t)1, hashes + i);
	}
	*ret_bytes = (double)all.len_bytes / (double)count;
	return (now_s(CLOCK_PROCESS_CPUTIME_ID) - start) / (double)count;
}

int main(int argc, char **argv)
{
	_buf_ struct buf image = BUF_INIT;
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t records = 0, made;
	double wall_s, cpu_s, hash_s, bytes = 0;
	struct image img;
	int r;

	if (argc != 4 || num_parse(argv[2], strlen(argv[2]), 1000000000u, &records) < 0 || !records) {
		fprintf(stderr, "usage: sink DIR RECORDS POLICY\n");
		return 2;
	}
	r = bench_compile(argv[3], &image);
	if (r == 0)
		r = image_check(image.data, image.len_bytes, &img, &e);
	if (r == 0)
		r = open_log(argv[1], &l, &e);
	wall_s = now_s(CLOCK_MONOTONIC);
	cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
	if (r == 0)
		r = fill(l, &img, records, &e);
	wall_s = now_s(CLOCK_MONOTONIC) - wall_s;
	cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
	if (r < 0) {
		fprintf(stderr, "sink: %s\n", e.text);
		return 1;
	}
	made = audit_next_seq(l);
	audit_close(l);
	printf("sink %.0f records/s by the clock, %.0f by the processor; %llu of the %llu records are sealed fields\n", (double)records / wall_s,
	       (double)records / cpu_s, (unsigned long long)(made - records), (unsigned long long)made);
	hash_s = hashing_s(argv[1], &bytes);
	printf("hashing %.0f ns of %.0f ns a record (%.0f %%), %.0f bytes each\n", hash_s * 1e9, cpu_s / (double)records * 1e9,
	       100 * hash_s / (cpu_s / (double)records), bytes);
	wall_s = now_s(CLOCK_MONOTONIC);
	r = open_log(argv[1], &l, &e);
	if (r < 0 || audit_next_seq(l) != made) {
		fprintf(stderr, "sink: opened again: %s\n", r < 0 ? e.text : "another number of records");
		return 1;
	}
	audit_close(l);
	printf("opened again in %.2f s: the tree over %llu records is the one that was signed\n", now_s(CLOCK_MONOTONIC) - wall_s,
	       (unsigned long long)made);
	return 0;
}
