/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: bench_log DIR RECORDS   How many events a second one core turns into records on disk: what polyward-audit does after it took an
 * event from the ring, with the same group commit. Writes a log into DIR, which must be empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/num.h"

static double now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* An allowed opening three folders deep, as the kernel hands it over. */
static struct pw_event event_of(uint64_t n)
{
	static const char names[] = "slice-0001.dcm\0" "series-3\0" "patient-4711";
	struct pw_event ev = {
		.seq = n, .time_boot_ns = 1 + n * 1000, .time_tai_ns = 1800000000000000000ull + n * 1000, .roles = 1, .start_boot_ns = 7,
		.ino = 100000 + n, .exe_ino = 4242, .cgroup_id = 77, .dev = 0x800001, .exe_dev = 0x800001, .tgid = 1234, .tid = 1234,
		.ppid = 1, .uid = 1000, .euid = 1000, .gid = 1000, .login_uid = 1000, .session = 3, .gen = 1, .rule = 1,
		.need = PW_A_READ, .mfa_age_s = PW_MFA_NEVER, .label = 1, .names_len = sizeof(names), .verdict = PW_ALLOW,
		.reason = PW_R_RULE, .hook = PW_HOOK_pw_file_open, .comm = "dcmread",
	};

	memcpy(ev.names, names, sizeof(names));
	return ev;
}

static int fill(struct audit_log *l, uint64_t records, struct err *e)
{
	for (uint64_t n = 0; n < records; n++) {
		_buf_ struct buf record = BUF_INIT;
		struct pw_event ev = event_of(n);
		struct pw_record head = { 0 };
		int r = audit_note_cpu_seq(l, 0, n, e);

		if (r == 0) {
			record_from_event(&record, &ev, NULL, &head);
			r = audit_append(l, &record, e);
		}
		if (r == 0 && n % 256 == 255 && audit_commit_in_ms(l) == 0)
			r = audit_commit(l, e);
		if (r < 0)
			return r;
	}
	return audit_commit(l, e);
}

int main(int argc, char **argv)
{
	struct audit_log *l = NULL;
	struct err e = { 0 };
	uint64_t records = 0, cut_bytes = 0;
	double wall_s, cpu_s;
	int dir_fd, r;

	if (argc != 3 || num_parse(argv[2], strlen(argv[2]), 1000000000u, &records) < 0 || !records) {
		fprintf(stderr, "usage: bench_log DIR RECORDS\n");
		return 2;
	}
	dir_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		fprintf(stderr, "bench_log: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	r = audit_open(dir_fd, &l, &cut_bytes, &e);
	wall_s = now_s(CLOCK_MONOTONIC);
	cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
	if (r == 0)
		r = fill(l, records, &e);
	wall_s = now_s(CLOCK_MONOTONIC) - wall_s;
	cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
	if (l)
		audit_close(l);
	if (r < 0) {
		fprintf(stderr, "bench_log: %s\n", e.text);
		return 1;
	}
	printf("log %.0f records/s by the clock, %.0f by the processor\n", (double)records / wall_s, (double)records / cpu_s);
	return 0;
}
