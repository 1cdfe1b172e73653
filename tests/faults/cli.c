/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line's verbs while memory, files or the output fail: they end with a code of their own and a sentence on stderr, print
 * the whole answer or say that they could not, and never leave a file half written.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit.h"
#include "base/fd.h"
#include "policy/policy.h"

int cli_main(int argc, char **argv); /* userspace/cli/main.c under another name */

#define ARGS_MAX 16
#define ROOT "--root", "tests/fixtures/root", "--no-color"
#define TIME "--time", "2026-12-02T10:00Z" /* answers show the clock */
#ifdef __SANITIZE_ADDRESS__
#define MOST 20 /* a fork costs ten times as much there */
#else
#define MOST 120
#endif

struct verb { const char *name; const char *args[ARGS_MAX]; };
struct outcome { int status; struct buf out, err; uint64_t calls, failed; };

static void outcome_free(struct outcome *o)
{
	buf_free(&o->out);
	buf_free(&o->err);
}

static void slurp(int fd, struct buf *ret)
{
	char chunk[4096];
	ssize_t n;

	(void)lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
}

/* In a child, because a verb may exit; out_path: where its stdout goes instead of a file of ours. */
static void run(const struct verb *v, const struct fault *f, const char *out_path, struct outcome *ret)
{
	int out = out_path ? open(out_path, O_WRONLY | O_CLOEXEC) : memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	uint64_t *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *args[ARGS_MAX + 2] = { (char *)(uintptr_t)"polyward" };
	int argc = 1, status = -1;
	pid_t pid;

	*ret = (struct outcome){ .status = -1 };
	for (; v->args[argc - 1]; argc++)
		args[argc] = (char *)(uintptr_t)v->args[argc - 1];
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)dup2(out, STDOUT_FILENO);
		(void)dup2(err, STDERR_FILENO);
		fault_arm(f);
		status = cli_main(argc, args);
		counts[0] = fault_disarm(&counts[1]);
		fflush(stdout);
		_exit(status);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		ret->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	ret->calls = counts[0];
	ret->failed = counts[1];
	if (!out_path)
		slurp(out, &ret->out);
	slurp(err, &ret->err);
	(void)munmap(counts, 4096);
	close(out);
	close(err);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len_bytes == b->len_bytes && (!a->len_bytes || memcmp(a->data, b->data, a->len_bytes) == 0);
}

static const char *judge(const struct fault *f, const struct outcome *got, const struct outcome *want)
{
	if (got->status < 0)
		return "it was killed";
	/* A file that cannot be read is a finding about the policy that names it. */
	if (got->status != want->status && got->status != 3 && (f->kinds == FAULT_ALLOC || got->status != 1))
		return "the exit code says neither the answer nor that it failed";
	if (got->status == want->status && !same(&got->out, &want->out))
		return "the exit code of a whole answer, and another answer";
	if (got->status == want->status && want->status != 3)
		return NULL;
	if (got->out.len_bytes && strstr(got->out.data, "\"ok\": false"))
		return NULL; /* the sentence stands in the document */
	if (!got->err.len_bytes || (!strstr(got->err.data, "polyward") && !strstr(got->err.data, "error: ")) ||
	    got->err.data[got->err.len_bytes - 1] != '\n')
		return "it failed without a sentence on stderr";
	return NULL;
}

static void sweep(struct tap *t, const struct verb *v, struct fault f, uint64_t most, const char *what)
{
	struct outcome want, got;
	uint64_t runs = 0, seed = 7;
	char why[512] = "";
	const char *wrong;

	f.nth = UINT64_MAX;
	run(v, &f, NULL, &want);
	if (want.status != 0 && want.status != 1)
		(void)snprintf(why, sizeof(why), "without any failure: status %d: %s", want.status, want.err.data ? want.err.data : "");
	for (f.nth = 1; f.nth <= want.calls && !why[0]; f.nth++) {
		if (!chosen(f.nth, want.calls, most, &seed))
			continue;
		run(v, &f, NULL, &got);
		wrong = judge(&f, &got, &want);
		runs++;
		if (wrong)
			(void)snprintf(why, sizeof(why), "call %llu of %llu: %s (status %d): %.200s", (unsigned long long)f.nth,
				       (unsigned long long)want.calls, wrong, got.status, got.err.data ? got.err.data : "");
		outcome_free(&got);
	}
	told(t, !why[0] && (runs || !want.calls), why, "polyward %s: %s, %llu of %llu calls", v->name, what, (unsigned long long)runs,
	     (unsigned long long)want.calls);
	outcome_free(&want);
}

static void full_output(struct tap *t, const struct verb *v)
{
	const struct fault none = { 0 };
	struct outcome got;

	run(v, &none, "/dev/full", &got);
	told(t, got.status == 3 && got.err.data && strstr(got.err.data, "No space left"), got.err.data, "polyward %s: a full disk behind stdout",
	     v->name);
	outcome_free(&got);
}

/* fmt --write: the old text or the new one, whole; and the old one if it says so. */
static void rewriting(struct tap *t)
{
	static const char old[] = "polyward 1\npolicy p { version 1 }\nstore   s { path /srv/s }\n";
	static const char new[] = "polyward 1\npolicy p { version 1 }\nstore s { path /srv/s }\n";
	static const struct { struct fault f; const char *what; } faults[] = {
		{ { .kinds = FAULT_WRITE, .error = ENOSPC }, "a full disk" },
		{ { .kinds = FAULT_WRITE, .error = ENOSPC, .way = FAULT_HALF_FAILS }, "half a write" },
		{ { .kinds = FAULT_SYNC, .error = EIO }, "a failing sync" }, { { .kinds = FAULT_NAME, .error = EIO }, "a failing rename" },
		{ { .kinds = FAULT_OPEN, .error = EMFILE }, "no descriptor" }, { { .kinds = FAULT_ALLOC }, "memory" },
	};
	struct scratch s;
	char path[128];

	if (!scratch_make(&s)) {
		told(t, false, "no scratch directory", "polyward fmt --write");
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/p.pw", s.path);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct verb v = { "fmt", { "fmt", "--write", path } };
		struct fault f = faults[i].f;
		uint64_t calls = 0;
		char why[512] = "";

		for (f.nth = 0; f.nth <= calls && !why[0]; f.nth++) { /* the 0th run fails nowhere and counts */
			_buf_ struct buf text = BUF_INIT;
			struct outcome got;
			bool is_old, is_new;

			scratch_empty(&s);
			if (fd_replace_file(s.fd, "p.pw", old, sizeof(old) - 1, 0600) < 0)
				break;
			run(&v, &f, NULL, &got);
			calls = f.nth ? calls : got.calls;
			(void)fd_read_file(s.fd, "p.pw", 4096, &text);
			is_old = text.len_bytes == sizeof(old) - 1 && !memcmp(text.data, old, text.len_bytes);
			is_new = text.len_bytes == sizeof(new) - 1 && !memcmp(text.data, new, text.len_bytes);
			if (!is_old && !is_new)
				(void)snprintf(why, sizeof(why), "call %llu: the file is half written", (unsigned long long)f.nth);
			else if (got.status == 0 && !is_new)
				(void)snprintf(why, sizeof(why), "call %llu: success, and the old text", (unsigned long long)f.nth);
			else if (got.status != 0 && (got.status != 3 || !got.err.len_bytes))
				(void)snprintf(why, sizeof(why), "call %llu: status %d without a sentence", (unsigned long long)f.nth, got.status);
			else if (got.status != 0 && strstr(got.err.data, "stays") && !is_old)
				(void)snprintf(why, sizeof(why), "call %llu: it says that the file stays, and it did not", (unsigned long long)f.nth);
			outcome_free(&got);
		}
		told(t, !why[0] && calls, why, "polyward fmt --write: %s, each of %llu calls", faults[i].what, (unsigned long long)calls);
	}
	scratch_remove(&s);
}

/* Reading a log while its files cannot be read, or there is no memory for its lines. */
static void reading_a_log(struct tap *t)
{
	struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_HEARTBEAT, .cpu = 0xffff, .time_utc_ns = 1, .time_boot_ns = 1 };
	struct audit_log *l = NULL;
	struct scratch s;
	struct err e = { 0 };
	uint64_t cut;
	bool good = scratch_make(&s) && audit_open(fcntl(s.fd, F_DUPFD_CLOEXEC, 3), &l, &cut, &e) == 0;

	for (int i = 0; i < 5 && good; i++) {
		_buf_ struct buf b = BUF_INIT;

		record_begin(&b, &head);
		record_text(&b, PW_F_NOTE, "a note");
		good = record_end(&b, 0) == 0 && audit_append(l, &b, &e) == 0;
	}
	audit_close(l);
	told(t, good, e.text, "polyward log: a log to read");
	if (good) {
		const struct verb verbs[] = { { "log --dir", { "log", "--no-color", "--dir", s.path } },
					      { "log --dir --json", { "log", "--json", "--dir", s.path } },
					      { "log export", { "log", "export", "--ocsf", "--dir", s.path } } };

		for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
			sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_ALLOC }, MOST, "memory");
			sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_OPEN | FAULT_READ, .error = EIO }, 30, "files that cannot be read");
			sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_READ, .way = FAULT_SHORT }, 30, "short reads");
			full_output(t, &verbs[i]);
		}
	}
	scratch_remove(&s);
}

static int read_policy(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, 1u << 20, &b);

	(void)ctx;
	*ret_len_bytes = b.len_bytes;
	*ret_text = r == 0 ? buf_take(&b) : NULL;
	return r < 0 ? r : *ret_text ? 0 : -ENOMEM;
}

/* A log of accesses in mode audit and of refusals, with the policy that they name. */
static bool decided_log(const struct scratch *s, struct err *e)
{
	struct policy_reader reader = { .read = read_policy };
	struct pw_event ev = { .gen = 1, .uid = 1001, .euid = 1001, .login_uid = UINT32_MAX, .session = UINT32_MAX, .tgid = 7, .tid = 7,
			       .roles = 1, .need = PW_A_READ, .missing = PW_A_READ, .reason = PW_R_DEFAULT, .mfa_age_s = PW_MFA_NEVER,
			       .time_tai_ns = UINT64_C(1796252400000000000), .label = 3, .verdict = PW_AUDIT, .names_len = 2, .names = "a" };
	struct audit_log *l = NULL;
	struct diags d = { 0 };
	struct names n = { 0 };
	struct ast *a = NULL;
	_buf_ struct buf bytes = BUF_INIT;
	struct image img;
	uint64_t cut;
	bool good = names_root("tests/fixtures/root", &n, e) == 0 && policy_parse(&reader, "tests/golden/log/ward.pw", &d, &a) == 0 &&
		    policy_resolve(a, &n, &d) == 0 && policy_compile(a, &n, INT64_C(1796083200), &d, &bytes) == 0 &&
		    image_check(bytes.data, bytes.len_bytes, &img, e) == 0 && mkdirat(s->fd, "policy", 0755) == 0;
	char name[80] = "";

	for (size_t i = 0; i < 32 && good; i++)
		(void)snprintf(name + 2 * i, sizeof(name) - 2 * i, "%02x%s", img.head->policy_hash[i], i == 31 ? ".pwi" : "");
	if (good) {
		int fd = openat(s->fd, "policy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		good = fd >= 0 && fd_replace_file(fd, name, bytes.data, bytes.len_bytes, 0644) == 0 &&
		       audit_open(fcntl(s->fd, F_DUPFD_CLOEXEC, 3), &l, &cut, e) == 0;
		if (fd >= 0)
			close(fd);
	}
	for (uint64_t i = 0; i < 6 && good; i++) {
		struct pw_record head = { .boot_id = { 1 } };
		_buf_ struct buf b = BUF_INIT;

		ev.seq = i;
		ev.label = i & 1 ? 1 : 3;
		ev.verdict = i & 1 ? PW_DENY : PW_AUDIT;
		record_from_event(&b, &ev, &img, &head);
		good = !b.failed && audit_append(l, &b, e) == 0;
	}
	audit_close(l);
	ast_free(a);
	diags_free(&d);
	names_free(&n);
	return good;
}

/* The verbs that decide records again: half an explanation, or a proposal without one of its rules, would be believed. */
static void deciding_again(struct tap *t)
{
	struct scratch s;
	struct err e = { 0 };
	bool good = scratch_make(&s) && decided_log(&s, &e);

	told(t, good, e.text, "polyward explain: a log to explain");
	if (good) {
		const struct verb verbs[] = {
			{ "explain EVENT", { "explain", ROOT, "--dir", s.path, "1" } },
			{ "explain EVENT --json", { "explain", ROOT, "--json", "--dir", s.path, "1" } },
			{ "replay", { "replay", ROOT, "--dir", s.path, "tests/golden/log/candidate.pw" } },
			{ "replay --json", { "replay", ROOT, "--json", "--dir", s.path, "tests/golden/log/candidate.pw" } },
			{ "learn", { "learn", ROOT, "--dir", s.path, "--since", "2026-12-01T00:00Z", "--expires", "2199-01-01T00:00Z", "store", "pilot", "for",
				     "7d" } },
		};

		for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
			sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_ALLOC }, MOST, "memory");
			full_output(t, &verbs[i]);
		}
	}
	scratch_remove(&s);
}

void case_cli(struct tap *t)
{
	static const struct verb verbs[] = {
		{ "check", { "check", ROOT, "policies/hospital.pw" } },
		{ "check --json", { "check", ROOT, "--json", "policies/minimal.pw" } },
		{ "check --print json", { "check", ROOT, "--print", "json", "policies/minimal.pw" } },
		{ "test", { "test", ROOT, "policies/minimal.pw" } },
		{ "test --json", { "test", ROOT, "--json", "policies/minimal.pw" } },
		{ "fmt", { "fmt", "--no-color", "policies/training.pw" } },
		{ "fmt --json", { "fmt", "--json", "policies/minimal.pw" } },
		{ "explain", { "explain", ROOT, TIME, "--user", "ann", "--at", "scans", "policies/hospital.pw" } },
		{ "explain --json", { "explain", ROOT, TIME, "--json", "--user", "ann", "--at", "scans", "policies/hospital.pw" } },
		{ "who-can", { "who-can", ROOT, "policies/hospital.pw", "read", "scans" } },
		{ "who-can --json", { "who-can", ROOT, "--json", "policies/hospital.pw", "read", "scans" } },
		{ "what-can", { "what-can", ROOT, "--user", "alice", "policies/hospital.pw" } },
		{ "what-can --json", { "what-can", ROOT, "--json", "--user", "alice", "policies/hospital.pw" } },
		{ "diff", { "diff", ROOT, TIME, "tests/golden/log/ward.pw", "tests/golden/log/candidate.pw" } },
		{ "diff --json", { "diff", ROOT, TIME, "--json", "tests/golden/log/ward.pw", "tests/golden/log/candidate.pw" } },
		{ "help", { "help" } },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_ALLOC }, MOST, "memory");
		sweep(t, &verbs[i], (struct fault){ .kinds = FAULT_OPEN | FAULT_READ, .error = EIO }, 30, "files that cannot be read");
		full_output(t, &verbs[i]);
	}
	rewriting(t);
	reading_a_log(t);
	deciding_again(t);
}
