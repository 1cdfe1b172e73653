// SPDX-License-Identifier: Apache-2.0
/* The frame: see suite.h. Must never call an operation good that left no trace where one is due. */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "policy/policy.h"

const struct who root = { 0, 0 }, reader = { 1001, 2001 }, writer = { 1002, 2002 }, other = { 1003, 2003 };

/* ---- names of the suite's policies ---- */
static const struct { const char *name; uint32_t id; } ids[] = {
	{ "root", 0 }, { "reader", 1001 }, { "writer", 1002 }, { "other", 1003 }, { "team", 2001 }, { "many", 3000 },
};

static int id_of(void *ctx, const char *name, uint32_t *ret)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (!strcmp(ids[i].name, name)) {
			*ret = ids[i].id;
			return 0;
		}
	return -ENOENT;
}

static int gids_of(void *ctx, const char *name, uint32_t **ret, size_t *ret_count)
{
	uint32_t uid;

	if (id_of(ctx, name, &uid))
		return -ENOENT;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)[0] = uid + 1000;
	*ret_count = 1;
	return 0;
}

static int no_users(void *ctx, struct names_users *ret)
{
	(void)ctx;
	*ret = (struct names_users){ 0 };
	return 0;
}

static bool is_member(void *ctx, const char *user, const char *group)
{
	(void)ctx;
	return !strcmp(user, "reader") && !strcmp(group, "team");
}

static int zone_utc(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	(void)ctx;
	(void)zone;
	(void)years;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)[0].from_utc_s = from_utc_s;
	*ret_count = 1;
	return 0;
}

static int read_policy(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	(void)path;
	*ret_text = strdup(ctx);
	*ret_len_bytes = strlen(ctx);
	return *ret_text ? 0 : -ENOMEM;
}

static void compile(const char *policy, struct buf *image)
{
	const struct names names = { .uid = id_of, .gid = id_of, .gids = gids_of, .users = no_users, .member = is_member, .zone = zone_utc };
	const struct policy_reader from = { .ctx = (void *)(uintptr_t)policy, .read = read_policy };
	struct diags d = { 0 };
	struct ast *a = NULL;
	struct buf text = BUF_INIT;
	int rc = policy_parse(&from, "suite.pw", &d, &a);

	if (!rc)
		rc = policy_resolve(a, &names, &d);
	if (!rc)
		rc = policy_compile(a, &names, (int64_t)time(NULL), &d, image);
	if (rc) {
		diags_render(&d, false, &text);
		printf("Bail out! the suite's policy does not compile: %s\n", text.data ? text.data : strerror(-rc));
		exit(99);
	}
	ast_free(a);
	diags_free(&d);
}

/* ---- the system under test ---- */
static int take_event(void *ctx, const void *bytes, size_t len_bytes)
{
	struct suite *s = ctx;

	if (len_bytes < PW_EVENT_HEAD || len_bytes > sizeof(struct pw_event))
		return -EBADMSG;
	if (s->seen_count < SEEN_MAX) {
		memset(&s->seen[s->seen_count], 0, sizeof(struct pw_event));
		s->seen_bytes[s->seen_count] = len_bytes;
		memcpy(&s->seen[s->seen_count++], bytes, len_bytes);
	}
	return 0;
}

void suite_drain(struct suite *s)
{
	s->seen_count = 0;
	ring_consume(s->urgent, 100000, take_event, s);
	ring_consume(s->access, 100000, take_event, s);
}

static struct pw_counters counters(struct suite *s)
{
	struct kernel_status st = { 0 };
	struct err e;

	if (kernel_status(s->k, &st, &e))
		printf("# status: %s\n", e.text);
	return st.sum;
}

int suite_open(struct suite *s)
{
	struct kernel_rings rings;
	enum kernel_how how;
	struct err e = { 0 };

	if (kernel_open(&s->k, &how, &e) || kernel_rings(s->k, &rings) ||
	    ring_open(rings.urgent_fd, rings.urgent_bytes, &s->urgent, &e) || ring_open(rings.access_fd, rings.access_bytes, &s->access, &e)) {
		printf("Bail out! %s\n", e.text);
		return -1;
	}
	return 0;
}

void suite_close(struct suite *s)
{
	ring_close(s->urgent);
	ring_close(s->access);
	kernel_close(s->k);
	s->urgent = s->access = NULL;
	s->k = NULL;
}

void suite_fresh(struct suite *s)
{
	struct err e = { 0 };

	if (s->gen && !access(KERNEL_PINS, F_OK) && kernel_down(s->k, &e))
		printf("# down: %s\n", e.text);
	suite_close(s);
	s->gen = 0;
	if (suite_open(s))
		exit(99);
}

static int stage_and_flip(struct suite *s, const char *policy, struct err *e)
{
	_buf_ struct buf image = BUF_INIT;
	uint32_t gen, old = s->gen;
	int rc;

	compile(policy, &image);
	rc = kernel_stage(s->k, image.data, image.len_bytes, NULL, &gen, e);
	if (!rc)
		rc = kernel_flip(s->k, gen, 0, e);
	if (rc)
		return rc;
	s->gen = gen;
	if (old)
		kernel_retire(s->k, old);
	return 0;
}

void suite_apply(struct suite *s, const char *policy)
{
	struct err e = { 0 };

	if (stage_and_flip(s, policy, &e)) {
		printf("Bail out! apply: %s\n", e.text);
		exit(99);
	}
	suite_drain(s);
}

void suite_apply_while(struct suite *s, const char *policy, void (*meanwhile)(void))
{
	_buf_ struct buf image = BUF_INIT;
	struct err e = { 0 };
	struct image img;
	struct kernel_flipped f = { .img = &img };
	int rc;

	compile(policy, &image);
	rc = image_check(image.data, image.len_bytes, &img, &e);
	if (!rc)
		rc = kernel_stage(s->k, image.data, image.len_bytes, NULL, &f.gen, &e);
	meanwhile();
	if (!rc)
		rc = kernel_flip(s->k, f.gen, 0, &e);
	if (!rc)
		rc = kernel_rescan(s->k, &f, NULL, &e);
	if (rc) {
		printf("Bail out! apply: %s\n", e.text);
		exit(99);
	}
	s->gen = f.gen;
	suite_drain(s);
}

uint32_t suite_stage(struct suite *s, const char *policy)
{
	_buf_ struct buf image = BUF_INIT;
	struct err e = { 0 };
	uint32_t gen;

	compile(policy, &image);
	if (kernel_stage(s->k, image.data, image.len_bytes, NULL, &gen, &e)) {
		printf("Bail out! stage: %s\n", e.text);
		exit(99);
	}
	return gen;
}

void suite_apply_fails(struct suite *s, const char *name, const char *policy, int code, const char *words)
{
	struct kernel_status before = { 0 }, after = { 0 };
	struct err e = { 0 };
	int rc;

	(void)kernel_status(s->k, &before, &e);
	rc = stage_and_flip(s, policy, &e);
	(void)kernel_status(s->k, &after, &(struct err){ 0 });
	suite_check(s, name, rc == -code && strstr(e.text, words) && before.gen == after.gen, "returned %d: %s (generation %u, then %u)", rc,
		    e.text, before.gen, after.gen);
}

/* ---- cases ---- */
void suite_check(struct suite *s, const char *name, bool good, const char *fmt, ...)
{
	va_list args;

	s->cases++;
	s->failed += !good;
	if (!good) {
		va_start(args, fmt);
		printf("# ");
		vprintf(fmt, args);
		printf("\n");
		va_end(args);
	}
	printf("%sok %d - %s\n", good ? "" : "not ", s->cases, name);
	fflush(stdout);
}

/*
 * The suite loads the programs itself, so it is polyward's own process, and its children after it. Who runs an operation must not be:
 * it takes the mark off itself, through the descriptor of the loader that it has inherited.
 */
void suite_stranger(void)
{
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	const struct pw_subject nobody = { 0 };

	for (int fd = 3; fd < 256; fd++) {
		struct bpf_map_info info = { 0 };
		uint32_t bytes = sizeof(info);

		if (!bpf_obj_get_info_by_fd(fd, &info, &bytes) && info.type == BPF_MAP_TYPE_TASK_STORAGE && !strcmp(info.name, "pw_subjects"))
			(void)bpf_map_update_elem(fd, &pidfd, &nobody, BPF_ANY);
	}
}

static pid_t start(const struct who *who, op_fn op, const void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	suite_stranger();
	if (setgroups(0, NULL) || setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid))
		_exit(253);
	_exit(op(arg) & 0xff);
}

static int finish(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

int suite_run(const struct who *who, op_fn op, const void *arg)
{
	return finish(start(who, op, arg));
}

static const struct pw_event *find(const struct suite *s, pid_t pid, const struct want *w)
{
	for (size_t i = 0; i < s->seen_count; i++) {
		const struct pw_event *ev = &s->seen[i];

		if ((pid_t)ev->tgid == pid && ev->hook == w->hook && ev->verdict == w->verdict && (!w->need || ev->need == w->need))
			return ev;
	}
	return NULL;
}

static bool record_holds(struct suite *s, pid_t pid, const struct who *who, const struct want *w)
{
	const struct pw_event *ev = find(s, pid, w);

	if (!w->hook) {
		for (size_t i = 0; i < s->seen_count; i++)
			if ((pid_t)s->seen[i].tgid == pid && s->seen[i].verdict != PW_ALLOW) {
				printf("# a refusal by hook %u was recorded, none was due\n", s->seen[i].hook);
				return false;
			}
		return true;
	}
	if (!ev) {
		printf("# no record of hook %u, verdict %u, need %#x by %d; there are:\n", w->hook, w->verdict, w->need, pid);
		for (size_t i = 0; i < s->seen_count; i++)
			printf("#   hook %u verdict %u reason %u need %#x label %u tgid %u uid %u\n", s->seen[i].hook, s->seen[i].verdict,
			       s->seen[i].reason, s->seen[i].need, s->seen[i].label, s->seen[i].tgid, s->seen[i].uid);
		return false;
	}
	if (ev->uid != who->uid || ev->gid != who->gid || ev->gen != s->gen || ev->error != (w->verdict == PW_DENY ? -w->err : 0) ||
	    (w->reason && ev->reason != w->reason) || !ev->time_boot_ns || !ev->comm[0]) {
		printf("# the record is wrong: uid %u gid %u generation %u error %d reason %u\n", ev->uid, ev->gid, ev->gen, ev->error, ev->reason);
		return false;
	}
	return true;
}

static bool counters_hold(const struct pw_counters *was, const struct pw_counters *is, const struct want *w)
{
	uint64_t seq = is->seq - was->seq, lost = is->lost - was->lost;

	if (lost || seq > is->allowed - was->allowed + is->denied - was->denied + is->audited - was->audited)
		return false;
	if (w->verdict == PW_DENY)
		return is->denied > was->denied && seq;
	if (w->verdict == PW_AUDIT)
		return is->audited > was->audited && is->denied == was->denied && seq;
	return is->denied == was->denied && (!w->hook || is->allowed > was->allowed);
}

void suite_case(struct suite *s, const char *name, const struct who *who, op_fn op, const void *arg, struct want want)
{
	struct pw_counters was, is;
	int got;
	pid_t pid;
	bool good, counted, recorded;

	suite_drain(s);
	was = counters(s);
	pid = start(who, op, arg);
	got = finish(pid);
	is = counters(s);
	suite_drain(s);
	counted = counters_hold(&was, &is, &want);
	recorded = record_holds(s, pid, who, &want);
	good = got == want.err && counted && recorded;
	suite_check(s, name, good, "returned %d (%s), expected %d; counters %s (allowed +%llu denied +%llu audited +%llu seq +%llu lost +%llu)",
		    got, strerror(got), want.err, counted ? "right" : "WRONG", (unsigned long long)(is.allowed - was.allowed),
		    (unsigned long long)(is.denied - was.denied), (unsigned long long)(is.audited - was.audited),
		    (unsigned long long)(is.seq - was.seq), (unsigned long long)(is.lost - was.lost));
}

int suite_done(struct suite *s)
{
	printf("1..%d\n", s->cases);
	return s->failed != 0;
}
