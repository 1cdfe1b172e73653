/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_log DIR < SCENARIO: a log as the daemon's writer makes it, below DIR: records, keys, signer. A line is KIND and KEY=VALUE words parted
 * by tabs; t is in seconds UTC, boot counts boots from 1. Lines `policy FILE` put a compiled policy into the archive, and hand its hash to
 * the records that follow; `commit` ends a group; `erase CLASS PERIOD` destroys a key as the daemon does it, now.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../unit/back.h"
#include "audit/audit.h"
#include "base/fd.h"

#define WORDS 40u

struct maker {
	struct audit_log *log;
	int records_fd;
	uint8_t hash[32]; bool has_hash;
	struct { unsigned boot; uint16_t cpu; uint64_t next; } cpus[16];
	char *word[WORDS]; size_t words;
};

static const struct { const char *key; enum pw_field_tag tag; char type; } keys[] = {
	{ "store", PW_F_STORE, 't' }, { "store_to", PW_F_STORE_TO, 't' }, { "path", PW_F_PATH, 't' }, { "roles", PW_F_ROLES, 't' },
	{ "comm", PW_F_COMM, 't' }, { "rule", PW_F_RULE, 't' }, { "rule_at", PW_F_RULE_AT, 't' }, { "event", PW_F_EVENT, 't' }, { "note", PW_F_NOTE, 't' },
	{ "purpose", PW_F_PURPOSE, 't' }, { "query", PW_F_QUERY, 't' }, { "class", PW_F_CLASS, 't' }, { "period", PW_F_PERIOD, 't' },
	{ "label", PW_F_LABEL, 'u' }, { "uid", PW_F_UID, 'u' }, { "login", PW_F_LOGIN_UID, 'u' }, { "gen", PW_F_GEN, 'u' }, { "dev", PW_F_DEV, 'u' },
	{ "ino", PW_F_INO, 'u' }, { "count", PW_F_COUNT, 'u' }, { "actor", PW_F_ACTOR_UID, 'u' }, { "actor_pid", PW_F_ACTOR_PID, 'u' },
	{ "rows", PW_F_ROWS, 'u' }, { "mfa", PW_F_MFA_AGE_S, 'u' }, { "role_bits", PW_F_ROLE_BITS, 'u' },
	{ "gap_first", PW_F_GAP_FIRST, 'u' }, { "gap_last", PW_F_GAP_LAST, 'u' }, { "since", PW_F_SINCE, 'i' }, { "until", PW_F_UNTIL, 'i' },
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "make_log: %s: %s\n", what, why);
	exit(1);
}

static const char *value(const struct maker *m, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 1; i < m->words; i++)
		if (!strncmp(m->word[i], key, n) && m->word[i][n] == '=')
			return m->word[i] + n + 1;
	return NULL;
}

static long long number(const struct maker *m, const char *key, long long otherwise)
{
	const char *text = value(m, key);

	return text ? atoll(text) : otherwise;
}

static uint64_t *next_of(struct maker *m, unsigned boot, uint16_t cpu)
{
	size_t i = 0;

	while (i < 15 && m->cpus[i].boot && (m->cpus[i].boot != boot || m->cpus[i].cpu != cpu))
		i++;
	m->cpus[i].boot = boot;
	m->cpus[i].cpu = cpu;
	return &m->cpus[i].next;
}

static struct pw_record head_of(struct maker *m, uint8_t kind)
{
	unsigned boot = (unsigned)number(m, "boot", 1);
	double t = atof(value(m, "t") ? value(m, "t") : "0");
	struct pw_record h = { .schema = PW_RECORD_SCHEMA, .kind = kind, .cpu = UINT16_MAX, .time_utc_ns = (int64_t)(t * 1000) * 1000000 };

	/* Every boot began ten days apart: what matters is the distance between two moments of one boot. */
	h.time_boot_ns = (uint64_t)h.time_utc_ns - 1700000000000000000ull;
	memset(h.boot_id, (int)boot, sizeof(h.boot_id));
	if (kind == PW_REC_ACCESS) {
		uint64_t *next = next_of(m, boot, (uint16_t)number(m, "cpu", 0));

		h.cpu = (uint16_t)number(m, "cpu", 0);
		h.cpu_seq = *next;
		*next += (uint64_t)number(m, "count", 1);
	} else if (kind == PW_REC_GAP) {
		h.cpu = (uint16_t)number(m, "cpu", 0);
		h.cpu_seq = (uint64_t)number(m, "gap_first", 0);
		*next_of(m, boot, h.cpu) = (uint64_t)number(m, "gap_last", 0) + 1;
	}
	return h;
}

static uint32_t actions(const char *words)
{
	uint32_t mask = 0;

	for (uint32_t bit = 0; bit < 32; bit++)
		if (record_action_word(bit) && strstr(words, record_action_word(bit)))
			mask |= 1u << bit;
	return mask;
}

static void add_access(const struct maker *m, struct buf *b)
{
	const char *verdict = value(m, "verdict"), *reason = value(m, "reason"), *need = value(m, "need");

	for (uint64_t v = 0; verdict && v <= PW_AUDIT; v++)
		if (!strcmp(record_verdict_word(v), verdict))
			record_u64(b, PW_F_VERDICT, v);
	for (uint64_t v = 0; reason && v < PW_R_MAX_; v++)
		if (!strcmp(record_reason_word(v), reason))
			record_u64(b, PW_F_REASON, v);
	if (need)
		record_u64(b, PW_F_NEED, actions(need));
}

static void add_record(struct maker *m, uint8_t kind)
{
	struct pw_record h = head_of(m, kind);
	struct buf b = BUF_INIT;
	struct err e = { 0 };

	record_begin(&b, &h);
	if (kind == PW_REC_ACCESS)
		add_access(m, &b);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = value(m, keys[i].key);

		if (!text || (keys[i].tag == PW_F_CLASS && kind == PW_REC_ACCESS))
			continue;
		if (keys[i].type == 't')
			record_text(&b, keys[i].tag, text);
		else if (keys[i].type == 'u')
			record_u64(&b, keys[i].tag, (uint64_t)atoll(text));
		else
			record_i64(&b, keys[i].tag, (int64_t)atoll(text) * 1000000000);
	}
	if (m->has_hash && value(m, "gen"))
		record_bytes(&b, PW_F_POLICY_HASH, m->hash, kind == PW_REC_ACCESS ? 8 : 32);
	if (record_end(&b, 0) < 0 || audit_append_class(m->log, &b, kind == PW_REC_ACCESS ? value(m, "class") : NULL, &e) < 0)
		fail(m->word[0], e.text);
	buf_free(&b);
}

/* As the daemon archives it: policy/<hash>-<first bytes of the image's own hash>.pwi. */
static void add_policy(struct maker *m, const char *file)
{
	struct back back = { 0 };
	struct buf text = BUF_INIT;
	char name[128] = "policy/";
	size_t at = strlen(name);
	int fd;

	if (fd_read_file(AT_FDCWD, file, 1 << 20, &text) < 0 || back_open(&back, text.data) < 0)
		fail(file, "does not compile");
	memcpy(m->hash, back.img.head->policy_hash, sizeof(m->hash));
	m->has_hash = true;
	for (size_t i = 0; i < 32; i++)
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%02x", m->hash[i]);
	at += (size_t)snprintf(name + at, sizeof(name) - at, "-");
	for (size_t i = 0; i < 8; i++)
		at += (size_t)snprintf(name + at, sizeof(name) - at, "%02x", back.img.head->body_hash[i]);
	(void)snprintf(name + at, sizeof(name) - at, ".pwi");
	(void)mkdirat(m->records_fd, "policy", 0755);
	fd = openat(m->records_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, back.bytes.data, back.bytes.len_bytes) < 0)
		fail(name, "cannot be written");
	close(fd);
	buf_free(&text);
	back_close(&back);
}

static void line_of(struct maker *m)
{
	struct err e = { 0 };

	if (!strcmp(m->word[0], "policy") && m->words == 2 && !strchr(m->word[1], '=')) {
		add_policy(m, m->word[1]);
	} else if (!strcmp(m->word[0], "commit")) {
		if (audit_commit(m->log, &e) < 0)
			fail("commit", e.text);
	} else if (!strcmp(m->word[0], "erase")) {
		if (audit_erase(m->log, &(struct audit_erasure){ .class_ = m->word[1], .period = m->word[2], .uid = 1004, .pid = 1, .why = "asked "
				"for" }, &e) < 0)
			fail("erase", e.text);
	} else {
		for (uint8_t kind = 1; kind < PW_REC_MAX_; kind++)
			if (!strcmp(record_kind_word(kind), m->word[0])) {
				add_record(m, kind);
				return;
			}
		fail(m->word[0], "is no kind of record");
	}
}

static int open_below(const char *dir, const char *name, mode_t mode)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)mkdir(dir, 0755);
	(void)mkdir(path, mode);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct maker m = { 0 };
	struct err e = { 0 };
	uint64_t cut;
	char line[8192];

	if (argc != 2)
		fail("usage", "make_log DIR < SCENARIO");
	m.records_fd = open_below(argv[1], "records", 0755);
	if (audit_open_signed(&(struct audit_dirs){ open_below(argv[1], "records", 0755), open_below(argv[1], "keys", 0700),
						    open_below(argv[1], "signer", 0700) }, &m.log, &cut, &e) < 0)
		fail(argv[1], e.text);
	while (fgets(line, sizeof(line), stdin)) {
		char *rest = line, *word;

		line[strcspn(line, "\n")] = '\0';
		if (!*line || *line == '#')
			continue;
		m.words = 0;
		while (m.words < WORDS && (word = strsep(&rest, "\t")))
			m.word[m.words++] = word;
		line_of(&m);
	}
	if (audit_checkpoint(m.log, &e) < 0)
		fail("checkpoint", e.text);
	audit_close(m.log);
	return 0;
}
