/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_log DIR COUNT [CHECKPOINT_AT...]: a log as the daemon's writer makes it, of COUNT access records by four CPUs, with gaps, people, stores
 * and classes, into DIR/records, DIR/keys and DIR/signer. Called again it goes on. The same COUNT gives the same records, times apart
 * from the first. CHECKPOINT_AT: sign when so many records of this call are in. COUNT followed by "s": short records;
 * "sN": with other contents for each N; "e": as the kernel's events come, so that most are abridged and some are counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"

#define CPUS      4u
#define GAP_EVERY 5000u
#define STEP_NS   250000000ull /* so far apart are two records: ten million span 29 days */
#define BEGIN_S   1763900000ll

static int open_below(const char *dir, const char *name, mode_t mode)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)mkdir(dir, 0755);
	(void)mkdir(path, mode);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum how { COUNT, LONG, EVENTS, SHORT }; /* SHORT + n: other contents */

static void fill(struct buf *b, uint64_t n, const struct pw_record *head, bool small)
{
	static const char *const stores[] = { "scans", "voice", "models", "notes" };
	static const char *const roles[] = { "radiology", "trainer", "radiology,auditor", "" };
	static const uint8_t hash[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	char path[128];
	bool denied = n % 97 == 0;

	record_begin(b, head);
	record_u64(b, PW_F_VERDICT, denied ? PW_DENY : PW_ALLOW);
	record_u64(b, PW_F_REASON, denied ? PW_R_DEFAULT : PW_R_RULE);
	if (!denied)
		record_text(b, PW_F_RULE, n % 3 ? "readers" : "training");
	record_u64(b, PW_F_NEED, 1u << (n % 5 == 0));
	if (denied)
		record_u64(b, PW_F_MISSING, 1u << (n % 5 == 0));
	record_i64(b, PW_F_ERROR, denied ? -EACCES : 0);
	record_text(b, PW_F_STORE, stores[n % 4]);
	record_u64(b, PW_F_UID, 1000 + n % 211);
	if (small)
		return;
	(void)snprintf(path, sizeof(path), "/srv/ai/%s/patient-%05llu/series-%llu.dcm", stores[n % 4], (unsigned long long)(n % 20011),
		       (unsigned long long)(n % 7));
	record_text(b, PW_F_PATH, path);
	record_u64(b, PW_F_DEV, 0x800002);
	record_u64(b, PW_F_INO, 1000000 + n % 20011);
	if (roles[n % 4][0])
		record_text(b, PW_F_ROLES, roles[n % 4]);
	record_u64(b, PW_F_GID, 1000);
	record_u64(b, PW_F_LOGIN_UID, 1000 + n % 211);
	record_u64(b, PW_F_PID, 3000 + n % 30000);
	record_u64(b, PW_F_PPID, 1);
	record_u64(b, PW_F_START_NS, 77000000000ull + n % 1000);
	record_text(b, PW_F_COMM, n % 3 ? "viewer" : "trainer");
	record_u64(b, PW_F_CGROUP, 5021);
	record_text(b, PW_F_HOOK, "file_open");
	record_u64(b, PW_F_GEN, 3);
	record_bytes(b, PW_F_POLICY_HASH, hash, sizeof(hash));
}

static int append_gap(struct audit_log *l, uint64_t n, uint32_t cpu, uint64_t *next, struct err *e)
{
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_GAP, .cpu = (uint16_t)cpu, .cpu_seq = *next,
				  .time_boot_ns = 100000000000ull + n * STEP_NS, .time_utc_ns = BEGIN_S * 1000000000ll + (int64_t)(n * STEP_NS) };
	struct buf b = BUF_INIT;
	int code;

	record_begin(&b, &head);
	record_u64(&b, PW_F_GAP_FIRST, *next);
	record_u64(&b, PW_F_GAP_LAST, *next + 2);
	*next += 3;
	code = record_end(&b, 0);
	if (code == 0)
		code = audit_append(l, &b, e);
	buf_free(&b);
	return code;
}

/* Twelve processes of three people, each at a file for a while. */
static int append_event(struct audit_log *l, uint64_t n, const struct pw_record *head, struct err *e)
{
	uint32_t process = (uint32_t)(n / 16 % 12);
	struct pw_event ev = { .seq = head->cpu_seq, .cpu = head->cpu, .time_boot_ns = head->time_boot_ns,
			       .time_tai_ns = (uint64_t)head->time_utc_ns + 37000000000, .roles = 1, .start_boot_ns = 77000000000 + process,
			       .ino = 1000 + n / 16 % 4 * 7 + n % 16 / 11, .exe_ino = 5, .cgroup_id = 9, .dev = 8, .exe_dev = 8,
			       .tgid = 400 + process, .tid = 400 + process, .ppid = 1, .uid = 1000 + process % 3, .euid = 1000 + process % 3,
			       .gid = 1000, .login_uid = 1000 + process % 3, .session = 1, .gen = 1, .rule = 1, .need = PW_A_READ, .mfa_age_s = PW_MFA_NEVER,
			       .label = 1, .verdict = n % 97 ? PW_ALLOW : PW_DENY, .reason = PW_R_RULE, .hook = PW_HOOK_pw_file_open, .comm = "viewer" };

	ev.missing = ev.verdict == PW_DENY ? PW_A_READ : 0;
	ev.error = ev.verdict == PW_DENY ? -EACCES : 0;
	ev.names_len = (uint16_t)(snprintf(ev.names, sizeof(ev.names), "slice-%llu.dcm", (unsigned long long)ev.ino) + 1);
	return audit_append_event(l, &ev, NULL, e);
}

/* How many access records there are is how far the counts of the CPUs are, gaps apart: they are made the same way each time. */
static int append(struct audit_log *l, uint64_t n, uint64_t next[static CPUS], int how, struct err *e)
{
	uint32_t cpu = how == EVENTS ? (uint32_t)(n / 16 % CPUS) : (uint32_t)(n % CPUS);
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_ACCESS, .cpu = (uint16_t)cpu,
				  .time_boot_ns = 100000000000ull + n * STEP_NS, .time_utc_ns = BEGIN_S * 1000000000ll + (int64_t)(n * STEP_NS) };
	static const char *const classes[] = { "phi", "biometric", "general", "phi" };
	struct buf b = BUF_INIT;
	int code = 0;

	if (n % GAP_EVERY == GAP_EVERY - 1 && how != COUNT)
		code = append_gap(l, n, cpu, &next[cpu], e);
	else if (n % GAP_EVERY == GAP_EVERY - 1)
		next[cpu] += 3;
	head.cpu_seq = next[cpu]++;
	if (code < 0 || how == COUNT)
		return code;
	if (how == EVENTS)
		return append_event(l, n, &head, e);
	fill(&b, how > SHORT ? n + (uint64_t)(how - SHORT) : n, &head, how >= SHORT);
	code = record_end(&b, 0);
	if (code == 0)
		code = audit_append_class(l, &b, classes[n % 4], e);
	buf_free(&b);
	return code;
}

static uint64_t counter(int dir_fd, const char *name, uint64_t value, bool store)
{
	int fd = openat(dir_fd, name, store ? O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
	ssize_t n = fd < 0 ? -1 : store ? write(fd, &value, sizeof(value)) : read(fd, &value, sizeof(value));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)sizeof(value) ? value : 0;
}

int main(int argc, char **argv)
{
	struct audit_dirs dirs;
	uint64_t cut = 0, next[CPUS] = { 0 }, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, before;
	const char *s = argc > 2 ? strchr(argv[2], 's') : NULL;
	int how = s ? SHORT + (int)strtoul(s + 1, NULL, 10) : argc > 2 && strchr(argv[2], 'e') ? EVENTS : LONG;
	struct audit_log *l;
	struct err e = { 0 };
	int code, top;

	if (!count)
		return fputs("make_log DIR COUNT [CHECKPOINT_AT...]\n", stderr), 2;
	dirs = (struct audit_dirs){ open_below(argv[1], "records", 0755), open_below(argv[1], "keys", 0700), open_below(argv[1], "signer", 0700) };
	top = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	before = counter(top, "made", 0, false);
	code = audit_open_signed(&dirs, &l, &cut, &e);
	for (uint64_t n = 0; code == 0 && n < before; n++)
		code = append(l, n, next, COUNT, &e);
	for (uint64_t n = before; code == 0 && n < before + count; n++) {
		code = append(l, n, next, how, &e);
		if (code == 0 && n % 4096 == 4095)
			code = audit_commit(l, &e);
		for (int i = 3; code == 0 && i < argc; i++)
			if (strtoull(argv[i], NULL, 10) == n - before + 1)
				code = audit_checkpoint(l, &e);
	}
	if (code < 0)
		return fprintf(stderr, "make_log: %s\n", e.text), 1;
	audit_close(l);
	(void)counter(top, "made", before + count, true);
	return 0;
}
