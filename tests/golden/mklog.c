/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: mklog ROOT POLICY DIR [KEYS SIGNER] < LINES
 * A log in DIR, written by the real writer (signed and sealed, with directories for its keys), of accesses that the compiled policy
 * decides as the kernel would. A line is words KEY=VALUE: at=MOMENT user=NAME do=ACTION[,ACTION] on=PATH, and where wanted login=NAME
 * program=NAME unit=NAME purpose=NAME mfa=SECONDS reason=WORD (then the rules did not decide), forged=1 (a verdict that is none of the
 * policy's). Never prints; exits 1 with a sentence on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "policy/explain.h"
#include "policy/stamp.h"

struct maker { struct diags d; struct names n; struct ast *a; struct buf bytes; struct image img; struct audit_log *log; uint64_t cpu_seq; };

static int read_file(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, 1u << 20, &b);

	(void)ctx;
	*ret_len_bytes = b.len_bytes;
	*ret_text = r == 0 ? buf_take(&b) : NULL;
	return r < 0 ? r : *ret_text ? 0 : -ENOMEM;
}

static int load(struct maker *m, const char *root, const char *file, int64_t now_s, struct err *e)
{
	struct policy_reader reader = { .read = read_file };
	int r = names_root(root, &m->n, e);

	if (r == 0 && (policy_parse(&reader, file, &m->d, &m->a) < 0 || policy_resolve(m->a, &m->n, &m->d) < 0 ||
		       policy_compile(m->a, &m->n, now_s, &m->d, &m->bytes) < 0))
		r = err_say(e, -EINVAL, "%s: %s", file, m->d.count ? m->d.v[0].text : "no policy");
	return r < 0 ? r : image_check(m->bytes.data, m->bytes.len_bytes, &m->img, e);
}

/* As the audit process keeps it. */
static int keep_image(const struct maker *m, int dir_fd, struct err *e)
{
	_buf_ struct buf name = BUF_INIT;
	_fd_ int policy_fd = -1;
	int r;

	if (mkdirat(dir_fd, "policy", 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make policy/");
	policy_fd = openat(dir_fd, "policy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (policy_fd < 0)
		return err_set(e, -errno, "open policy/");
	for (size_t i = 0; i < 32; i++)
		buf_printf(&name, "%02x", m->img.head->policy_hash[i]);
	buf_add_char(&name, '-');
	for (size_t i = 0; i < 8; i++)
		buf_printf(&name, "%02x", m->img.head->body_hash[i]);
	buf_add_str(&name, ".pwi");
	r = name.failed ? -ENOMEM : fd_replace_file(policy_fd, name.data, m->bytes.data, m->bytes.len_bytes, 0644);
	return r < 0 ? err_set(e, r, "keep the image") : 0;
}

static const char *value(char *const *words, size_t count, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < count; i++)
		if (strncmp(words[i], key, n) == 0 && words[i][n] == '=')
			return words[i] + n + 1;
	return NULL;
}

static uint64_t number(const char *text, uint64_t otherwise)
{
	uint64_t v;

	return text && num_parse(text, strlen(text), UINT64_MAX, &v) == 0 ? v : otherwise;
}

static uint32_t actions(char *list)
{
	uint32_t need = 0;

	for (char *word = strsep(&list, ","); word; word = strsep(&list, ","))
		need |= table_need(policy_action_bit(word));
	return need;
}

/* Names from the object up to its store's root, leaf first, as the kernel walks them. */
static void add_names(struct pw_event *ev, const char *path, size_t root_len)
{
	size_t end = strlen(path), out = 0;

	while (end > root_len) {
		size_t begin = end;

		while (begin > root_len && path[begin - 1] != '/')
			begin--;
		if (out + end - begin + 1 > sizeof(ev->names))
			break;
		memcpy(ev->names + out, path + begin, end - begin);
		out += end - begin;
		ev->names[out++] = '\0';
		end = begin ? begin - 1 : 0;
	}
	ev->names_len = (__u16)out;
}

static uint8_t reason_of(const char *word)
{
	for (uint8_t r = 0; r < PW_R_MAX_; r++)
		if (strcmp(record_reason_word(r), word) == 0)
			return r;
	return PW_R_INTERNAL;
}

static void decide(const struct maker *m, const struct question *q, char *const *w, size_t count, struct pw_event *ev)
{
	const char *reason = value(w, count, "reason");
	struct pw_facts f = { 0 };
	struct pw_decision d;

	if (explain_facts(m->a, &m->img, &m->n, q, &f) < 0)
		return;
	d = table_decide(&m->img, table_row(&m->img, f.roles), ev->label, &f, ev->need);
	if (reason)
		d = (struct pw_decision){ .verdict = PW_DENY, .reason = reason_of(reason), .missing = ev->need };
	if (value(w, count, "forged"))
		d = (struct pw_decision){ .verdict = PW_ALLOW, .reason = PW_R_RULE, .rule = 1 };
	ev->roles = f.roles;
	ev->windows = f.windows;
	ev->mfa_age_s = f.mfa_age_s;
	ev->purpose = f.purpose;
	ev->rule = d.rule;
	ev->missing = d.missing;
	ev->verdict = d.verdict;
	ev->reason = d.reason;
	ev->error = d.verdict == PW_DENY ? -EACCES : 0;
}

/* The host knows how far TAI is ahead, or says 0. */
static int64_t tai_ahead_s(void)
{
	struct timespec tai, utc;

	if (clock_gettime(CLOCK_TAI, &tai) < 0 || clock_gettime(CLOCK_REALTIME, &utc) < 0)
		return 0;
	return ((tai.tv_sec - utc.tv_sec) * 1000 + (tai.tv_nsec - utc.tv_nsec) / 1000000 + 500) / 1000;
}

static int one(struct maker *m, char *const *w, size_t count, struct err *e)
{
	const char *at = value(w, count, "at"), *user = value(w, count, "user"), *on = value(w, count, "on"), *program, *login;
	struct pw_event ev = { .seq = m->cpu_seq++, .gen = 1, .tgid = 4711, .tid = 4711, .ppid = 4700, .session = 1, .cpu = 0, .dev = 0x800001,
			       .ino = 1000 + m->cpu_seq, .exe_dev = 0x800001, .exe_ino = 77, .cgroup_id = 5, .login_uid = UINT32_MAX };
	struct pw_record head = { .boot_id = { 1, 2, 3 } };
	struct question q = { .user = user, .unit = value(w, count, "unit"), .purpose = value(w, count, "purpose") };
	_free_ char *list = strdup(value(w, count, "do") ? value(w, count, "do") : "read");
	_buf_ struct buf b = BUF_INIT;
	uint32_t store;
	bool local;

	if (!at || !user || !on || !list || stamp_parse(at, strlen(at), &q.at_utc_s, &local) < 0 || m->n.uid(m->n.ctx, user, &ev.uid) < 0)
		return err_say(e, -EINVAL, "a line needs at=, user= and on=, and users that exist");
	login = value(w, count, "login");
	if (login)
		(void)m->n.uid(m->n.ctx, login, &ev.login_uid);
	program = value(w, count, "program");
	q.program = program;
	q.has_mfa = value(w, count, "mfa") != NULL;
	q.mfa_age_s = number(value(w, count, "mfa"), 0);
	store = policy_store_at(m->a, on);
	ev.euid = ev.gid = ev.uid;
	ev.label = store == AST_NONE ? PW_LABEL_OUTSIDE : (__u16)(1 + store);
	ev.need = actions(list);
	ev.time_tai_ns = (__u64)(q.at_utc_s + tai_ahead_s()) * 1000000000u;
	ev.time_boot_ns = (__u64)q.at_utc_s * 1000u;
	ev.start_boot_ns = 1;
	(void)snprintf(ev.comm, sizeof(ev.comm), "%s", program ? program : "cat");
	add_names(&ev, on, store == AST_NONE ? 1 : strlen(m->a->stores.v[store].path.text) + 1);
	decide(m, &q, w, count, &ev);
	record_from_event(&b, &ev, &m->img, &head);
	if (b.failed)
		return err_set(e, -ENOMEM, "build a record");
	return audit_append_class(m->log, &b, ev.label ? image_str(&m->img, m->img.stores[ev.label].class_) : "", e);
}

static int all(struct maker *m, struct err *e)
{
	char line[1024];
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), stdin)) {
		char *words[24], *rest = line;
		size_t count = 0;

		line[strcspn(line, "\n")] = '\0';
		for (char *word = strsep(&rest, " "); word && count < 24; word = strsep(&rest, " "))
			if (*word)
				words[count++] = word;
		if (count && words[0][0] != '#')
			r = one(m, words, count, e);
	}
	return r < 0 ? r : audit_commit(m->log, e);
}

static int open_dir(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, -errno, "open %s", path) : 0;
}

static int open_log(char **argv, bool sealed, struct maker *m, struct err *e)
{
	struct audit_dirs dirs = { -1, -1, -1 };
	uint64_t cut;
	int r = open_dir(argv[3], &dirs.dir_fd, e);

	if (r == 0)
		r = keep_image(m, dirs.dir_fd, e);
	if (r == 0 && !sealed)
		return audit_open(dirs.dir_fd, &m->log, &cut, e);
	if (r == 0)
		r = open_dir(argv[4], &dirs.keys_fd, e);
	if (r == 0)
		r = open_dir(argv[5], &dirs.signer_fd, e);
	return r < 0 ? r : audit_open_signed(&dirs, &m->log, &cut, e);
}

int main(int argc, char **argv)
{
	struct maker m = { 0 };
	struct err e = { 0 };
	int r;

	if (argc != 4 && argc != 6)
		return 2;
	r = load(&m, argv[1], argv[2], INT64_C(1796083200), &e); /* 2026-12-01T00:00Z */
	if (r == 0)
		r = open_log(argv, argc == 6, &m, &e);
	if (r == 0)
		r = all(&m, &e);
	audit_close(m.log);
	ast_free(m.a);
	diags_free(&m.d);
	names_free(&m.n);
	buf_free(&m.bytes);
	if (r < 0)
		fprintf(stderr, "mklog: %s\n", e.text);
	return r < 0;
}
