/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_log DIR COUNT [BYTES [KEYS SIGNER]]: a log by the real writer: every kind of record that there is, with every event word, names that
 * are chosen to do harm, COUNT plain accesses, and, unless BYTES is 0, one record with a note of so many bytes. Appends if there is one
 * already. With two more directories it is sealed and signed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyward/abi.h>

#include "audit/audit.h"
#include "base/num.h"

#define FIRST_NS 1795435200123456789ll

static void must(int r, const char *what, const struct err *e)
{
	if (r < 0) {
		fprintf(stderr, "make_log: %s: %s\n", what, e ? e->text : strerror(-r));
		exit(1);
	}
}

static void append(struct audit_log *l, struct buf *b)
{
	struct err e = { 0 };

	must(record_end(b, 0), "record_end", NULL);
	must(audit_append(l, b, &e), "audit_append", &e);
	buf_free(b);
}

static struct pw_record head_of(uint8_t kind)
{
	const struct pw_record h = { .schema = PW_RECORD_SCHEMA, .kind = kind, .cpu = UINT16_MAX, .time_boot_ns = 5000000000ull,
				     .time_utc_ns = FIRST_NS, .boot_id = { 0xde, 0xad } };

	return h;
}

static void access_record(struct audit_log *l, uint64_t n, const char *path, const char *comm)
{
	struct pw_record h = head_of(PW_REC_ACCESS);
	struct buf b = BUF_INIT;

	h.cpu = 1;
	h.cpu_seq = n;
	h.time_utc_ns += (int64_t)n * 1000000;
	record_begin(&b, &h);
	record_u64(&b, PW_F_VERDICT, n % 3);
	record_u64(&b, PW_F_REASON, n % PW_R_MAX_);
	record_text(&b, PW_F_RULE, "no-root");
	record_text(&b, PW_F_RULE_AT, "hospital.pw:41");
	record_u64(&b, PW_F_NEED, 1u << n % 13 | (n % 5 ? 0 : PW_A_READ));
	if (n % 3)
		record_u64(&b, PW_F_MISSING, 1u << n % 13);
	record_i64(&b, PW_F_ERROR, n % 3 == PW_DENY ? EACCES : 0);
	record_text(&b, PW_F_STORE, "scans");
	record_text(&b, PW_F_PATH, path);
	record_u64(&b, PW_F_DEV, 0x800001);
	record_u64(&b, PW_F_INO, UINT64_MAX - n);
	record_text(&b, PW_F_ROLES, n % 2 ? "radiology,training" : "audit");
	record_u64(&b, PW_F_UID, 1000 + n % 7);
	record_u64(&b, PW_F_EUID, n % 11 ? 1000 + n % 7 : 0);
	record_u64(&b, PW_F_GID, 1000);
	if (n % 4) {
		record_u64(&b, PW_F_LOGIN_UID, 1001);
		record_u64(&b, PW_F_SESSION, 12);
		record_u64(&b, PW_F_MFA_AGE_S, 60);
	}
	record_u64(&b, PW_F_PID, 77);
	record_u64(&b, PW_F_TID, 78);
	record_u64(&b, PW_F_PPID, 1);
	record_u64(&b, PW_F_START_NS, 4000000000ull);
	record_text(&b, PW_F_COMM, comm);
	record_text(&b, PW_F_HOOK, n % 9 ? "file_open" : "inode_rename");
	record_u64(&b, PW_F_GEN, 7);
	record_bytes(&b, PW_F_POLICY_HASH, "\x9c\x1e\x00\x41\x22\x5d\xff\x0a", 8);
	record_u64(&b, PW_F_RULE_NR, 3);
	record_u64(&b, PW_F_LABEL, 2);
	append(l, &b);
}

/* Guarded things that are no file. */
static void target_record(struct audit_log *l)
{
	struct pw_record h = head_of(PW_REC_ACCESS);
	struct buf b = BUF_INIT;

	h.cpu = 0;
	record_begin(&b, &h);
	record_u64(&b, PW_F_VERDICT, PW_DENY);
	record_u64(&b, PW_F_REASON, PW_R_GUARD);
	record_u64(&b, PW_F_NEED, 0);
	record_i64(&b, PW_F_ERROR, EPERM);
	record_u64(&b, PW_F_INO, 0);
	record_u64(&b, PW_F_TARGET, 4242);
	record_u64(&b, PW_F_UID, 0);
	record_u64(&b, PW_F_PID, 9);
	record_text(&b, PW_F_HOOK, "bpf_map");
	append(l, &b);
}

/* A record with the least that the format allows. */
static void bare_record(struct audit_log *l, uint8_t kind)
{
	struct pw_record h = head_of(kind);
	struct buf b = BUF_INIT;

	record_begin(&b, &h);
	append(l, &b);
}

static void word_record(struct audit_log *l, uint8_t kind, const char *event)
{
	struct pw_record h = head_of(kind);
	struct buf b = BUF_INIT;

	record_begin(&b, &h);
	record_text(&b, PW_F_EVENT, event);
	record_u64(&b, PW_F_ACTOR_UID, 0);
	record_u64(&b, PW_F_ACTOR_PID, 501);
	record_text(&b, PW_F_NOTE, "hospital 1.4\n\"]\x1b[31m");
	if (kind == PW_REC_POLICY) {
		record_u64(&b, PW_F_GEN, 8);
		record_bytes(&b, PW_F_POLICY_HASH, "0123456789abcdef0123456789abcdef", 32);
	}
	append(l, &b);
}

static void gap_record(struct audit_log *l)
{
	struct pw_record h = head_of(PW_REC_GAP);
	struct buf b = BUF_INIT;

	h.cpu = 1;
	record_begin(&b, &h);
	record_u64(&b, PW_F_GAP_FIRST, 10);
	record_u64(&b, PW_F_GAP_LAST, 12);
	append(l, &b);
}

static void erasure_record(struct audit_log *l)
{
	struct pw_record h = head_of(PW_REC_ERASURE);
	struct buf b = BUF_INIT;

	record_begin(&b, &h);
	record_bytes(&b, PW_F_SEAL_KEY, "0123456789abcdef", 16);
	record_text(&b, PW_F_CLASS, "phi");
	record_text(&b, PW_F_PERIOD, "2026-11");
	record_u64(&b, PW_F_ACTOR_UID, 0);
	record_text(&b, PW_F_NOTE, "asked for by the person");
	append(l, &b);
}

static void evidence_record(struct audit_log *l, const char *what)
{
	struct pw_record h = head_of(PW_REC_EVIDENCE);
	struct buf b = BUF_INIT;

	record_begin(&b, &h);
	record_text(&b, PW_F_EVENT, what);
	record_u64(&b, PW_F_ACTOR_UID, 1000);
	record_text(&b, PW_F_QUERY, "polyward\nlog\nexport\n--ocsf");
	record_i64(&b, PW_F_SINCE, -1);
	record_i64(&b, PW_F_UNTIL, FIRST_NS);
	record_u64(&b, PW_F_TREE_SIZE, 41);
	record_bytes(&b, PW_F_TREE_ROOT, "0123456789abcdef0123456789abcdef", 32);
	record_u64(&b, PW_F_ROWS, 40);
	append(l, &b);
}

static void sealed_record(struct audit_log *l)
{
	struct pw_record h = head_of(PW_REC_SEALED);
	struct buf b = BUF_INIT;

	record_begin(&b, &h);
	record_bytes(&b, PW_F_SEAL_KEY, "0123456789abcdef", 16);
	record_text(&b, PW_F_CLASS, "phi");
	record_text(&b, PW_F_PERIOD, "2026-11");
	record_bytes(&b, PW_F_SEAL_TEXT, "0123456789ab cipher text 0123456789abcdef", 41);
	append(l, &b);
}

/* Every word that any process of polyward records, and one that none does. */
static void all_words(struct audit_log *l)
{
	static const char *const policy[] = { "apply-asked", "applied", "confirm-asked", "confirmed", "rollback-asked", "rolled-back", "down-asked",
					      "down", "refused", "reverted", "not-permitted", "upgrade-asked", "upgrade-begun", "upgrade-done", "new-word" };
	static const char *const mode[] = { "started", "adopted", "off", "refused", "sealed", "upgrade-closed", "peer-refused", "mapping-left",
					    "mapping-found", "mapping-ended", "daemon-started", "daemon-stopped", "role-restarted", "log-stopped",
					    "log-writable", "log-cut", "clock-moved", "new-word" };
	static const char *const evidence[] = { "report", "export", "explanation", "review", "proof" };

	for (size_t i = 0; i < sizeof(policy) / sizeof(policy[0]); i++)
		word_record(l, PW_REC_POLICY, policy[i]);
	for (size_t i = 0; i < sizeof(mode) / sizeof(mode[0]); i++)
		word_record(l, PW_REC_MODE, mode[i]);
	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++)
		evidence_record(l, evidence[i]);
	word_record(l, PW_REC_LOGREAD, "log-opened");
	word_record(l, PW_REC_LOGREAD, "record-shown");
}

static void every_kind(struct audit_log *l)
{
	static const char *const names[] = {
		"/srv/ai/plain.dcm", "/srv/ai/a\x1b[31m\"\\\n]=.dcm", "/srv/ai/\xff\xfe\x80", "/srv/ai/\xc3\xa9t\xc3\xa9 \xf0\x9f\x98\x80.dcm", "/",
		"name-without-a-slash", "", "/srv/ai/dir/", "/srv/ai/\xc2\x85\x7f\x01", "/srv/ai/%s%n<script>", "/srv/ai/\xe2\x80\xa8\xef\xbb\xbf",
	};

	for (uint64_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		access_record(l, i, names[i], names[i]);
	target_record(l);
	all_words(l);
	gap_record(l);
	erasure_record(l);
	sealed_record(l);
	for (uint8_t kind = PW_REC_ACCESS; kind < PW_REC_MAX_; kind++)
		bare_record(l, kind);
}

static void long_record(struct audit_log *l, size_t len_bytes)
{
	struct pw_record h = head_of(PW_REC_MODE);
	struct buf b = BUF_INIT;
	char *note = malloc(len_bytes + 1);

	must(note ? 0 : -ENOMEM, "long record", NULL);
	memset(note, 'x', len_bytes);
	record_begin(&b, &h);
	record_bytes(&b, PW_F_NOTE, note, len_bytes);
	append(l, &b);
	free(note);
}

static int open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd < 0 ? -errno : 0, path, NULL);
	return fd;
}

int main(int argc, char **argv)
{
	struct audit_dirs dirs = { .keys_fd = -1, .signer_fd = -1 };
	struct audit_log *l;
	struct err e = { 0 };
	uint64_t count, cut, note = 0;

	if (argc < 3 || argc == 5 || num_parse(argv[2], strlen(argv[2]), UINT32_MAX, &count) < 0 ||
	    (argc > 3 && num_parse(argv[3], strlen(argv[3]), UINT16_MAX, &note) < 0)) {
		fprintf(stderr, "usage: make_log DIR COUNT [BYTES [KEYS SIGNER]]\n");
		return 2;
	}
	dirs.dir_fd = open_dir(argv[1]);
	if (argc > 5) {
		dirs.keys_fd = open_dir(argv[4]);
		dirs.signer_fd = open_dir(argv[5]);
	}
	must(audit_open_signed(&dirs, &l, &cut, &e), "audit_open_signed", &e);
	if (audit_next_seq(l) == 0)
		every_kind(l);
	for (uint64_t i = 0; i < count; i++) {
		access_record(l, i, "/srv/ai/scans/patient-0017/series-3/scan-0412.dcm", "python3");
		if (i % 4096 == 4095)
			must(audit_commit(l, &e), "audit_commit", &e);
	}
	if (note)
		long_record(l, note);
	must(audit_commit(l, &e), "audit_commit", &e);
	audit_close(l);
	return 0;
}
