/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory of polyward-kernel, with each call failing in turn: current.img is at every moment a whole policy, the old one
 * or the new one; what reported success is so; and after the failure the same order can be given again.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "policy/policy.h"
#include "roles/kernel.h"

#define POLICY(n) "polyward 1\npolicy p" n " { version 1 }\nstore s { path /srv/s }\nrole r { members user:root }\nrule a { allow r to read on s }\n"

enum which { NONE, OLDER, OLD, NEW, BROKEN }; /* previous, current and pending at the start */
struct images { struct held v[BROKEN]; };

static int read_text(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	(void)path;
	*ret_text = strdup(ctx);
	*ret_len_bytes = strlen(ctx);
	return *ret_text ? 0 : -ENOMEM;
}

static int make_image(const char *text, struct held *ret)
{
	const struct policy_reader reader = { .ctx = (void *)(uintptr_t)text, .read = read_text };
	_buf_ struct buf bytes = BUF_INIT;
	struct diags d = { 0 };
	struct names n = { 0 };
	struct ast *a = NULL;
	struct err e;
	int fd = -1, r = names_root("tests/fixtures/root", &n, &e);

	if (r == 0)
		r = policy_parse(&reader, "p.pw", &d, &a);
	if (r == 0)
		r = policy_resolve(a, &n, &d);
	if (r == 0)
		r = policy_compile(a, &n, 1795000000, &d, &bytes);
	if (r == 0)
		r = fd_sealed("image", bytes.data, bytes.len_bytes, &fd);
	if (r == 0)
		r = held_from_fd(fd, ret, &e);
	ast_free(a);
	diags_free(&d);
	names_free(&n);
	return r;
}

static enum which what_is(const struct images *all, const char *name)
{
	struct held h = HELD_INIT;
	struct err e = { 0 };
	int r = state_load(name, &h, &e);
	enum which found = r == -ENOENT ? NONE : BROKEN;

	for (enum which w = OLDER; w < BROKEN && r == 0; w++)
		if (!memcmp(h.img.head->policy_hash, all->v[w].img.head->policy_hash, 32))
			found = w;
	held_done(&h);
	return found;
}

static bool prepare(const struct images *all, const struct scratch *s)
{
	scratch_empty(s);
	return fd_replace_file(s->fd, STATE_PREVIOUS, all->v[OLDER].bytes, all->v[OLDER].len_bytes, 0600) == 0 &&
	       fd_replace_file(s->fd, STATE_CURRENT, all->v[OLD].bytes, all->v[OLD].len_bytes, 0600) == 0;
}

/* ---- orders, and what must hold after them ---- */

static int save_and_promote(const struct images *all, struct err *e)
{
	int r = state_save_pending(&all->v[NEW], e);

	return r < 0 ? r : state_promote(e);
}

static int swap(const struct images *all, struct err *e)
{
	(void)all;
	return state_swap(e);
}

static int lay_down(const struct images *all, struct err *e)
{
	(void)all;
	return state_lay_down(e);
}

static int load(const struct images *all, struct err *e)
{
	struct held h = HELD_INIT;
	int r = state_load(STATE_CURRENT, &h, e);

	if (r == 0 && memcmp(h.bytes, all->v[OLD].bytes, all->v[OLD].len_bytes))
		r = err_say(e, -EUCLEAN, "another image was loaded");
	held_done(&h);
	return r;
}

static const struct order {
	const char *name;
	int (*run)(const struct images *all, struct err *e);
	enum which current, previous; /* after success */
} orders[] = {
	{ "promote", save_and_promote, NEW, OLD }, { "swap", swap, OLDER, OLD }, { "lay down", lay_down, NONE, OLD }, { "load", load, OLD, OLDER },
};

static const char *after_failure(const struct order *o, enum which current, enum which previous)
{
	if (current != OLD && current != o->current)
		return "current.img is neither the old policy nor the new one";
	/* Something to go back to, unless the order itself never touches it. */
	if (previous == NONE || previous == BROKEN)
		return "previous.img is gone or broken";
	return NULL;
}

static const char *one(const struct images *all, const struct scratch *s, const struct order *o, const struct fault *f, uint64_t *ret_calls)
{
	size_t before;
	struct err e = { 0 };
	uint64_t failed;
	const char *wrong = NULL;
	int r;

	if (!prepare(all, s))
		return "cannot prepare the state directory";
	before = fault_held();
	fault_arm(f);
	r = o->run(all, &e);
	*ret_calls = fault_disarm(&failed);
	if (r < 0 && !e.text[0])
		return "a failure without a sentence";
	if (r < 0 && !failed)
		return e.text[0] ? "an error although nothing failed" : NULL;
	if (r < 0 && (f->way == FAULT_SHORT || f->error == EINTR))
		return "a call that was only interrupted was not repeated";
	if (r < 0)
		wrong = after_failure(o, what_is(all, STATE_CURRENT), what_is(all, STATE_PREVIOUS));
	if (r == 0 && (what_is(all, STATE_CURRENT) != o->current || what_is(all, STATE_PREVIOUS) != o->previous))
		wrong = "success, and the files say something else";
	if (!wrong && fault_held() != before)
		wrong = "memory is lost";
	if (wrong || r == 0 || o->run != save_and_promote)
		return wrong;
	/* Given again, it succeeds. */
	return o->run(all, &e) < 0 || what_is(all, STATE_CURRENT) != NEW ? "after the failure the order cannot be given again" : NULL;
}

static void sweep(struct tap *t, const struct images *all, const struct scratch *s, const struct order *o, struct fault f, const char *what)
{
	uint64_t calls = 0, unused;
	const char *wrong;
	char why[256] = "";

	f.nth = UINT64_MAX;
	wrong = one(all, s, o, &f, &calls);
	if (wrong)
		(void)snprintf(why, sizeof(why), "without any failure: %s", wrong);
	for (f.nth = 1; f.nth <= calls && !why[0]; f.nth++) {
		wrong = one(all, s, o, &f, &unused);
		if (wrong)
			(void)snprintf(why, sizeof(why), "call %llu: %s", (unsigned long long)f.nth, wrong);
	}
	if (calls || why[0])
		told(t, !why[0], why, "state: %s, %s, each of %llu calls", o->name, what, (unsigned long long)calls);
}

int main(void)
{
	static const struct { struct fault f; const char *what; } faults[] = {
		{ { .kinds = FAULT_OPEN, .error = EMFILE }, "no descriptor" }, { { .kinds = FAULT_WRITE, .error = ENOSPC }, "a full disk" },
		{ { .kinds = FAULT_WRITE, .error = ENOSPC, .way = FAULT_HALF_FAILS }, "a disk that fills up" },
		{ { .kinds = FAULT_WRITE, .way = FAULT_NOTHING, .lasting = true }, "a disk that takes nothing and says nothing" },
		{ { .kinds = FAULT_SYNC, .error = EIO, .way = FAULT_FORGETS }, "a failing sync" },
		{ { .kinds = FAULT_NAME, .error = EIO }, "a failing rename, link or unlink" }, { { .kinds = FAULT_ALLOC }, "memory" },
		{ { .kinds = FAULT_MAP, .error = ENOMEM }, "mappings and memory files" }, { { .kinds = FAULT_READ, .error = EIO }, "a failing read" },
		{ { .kinds = FAULT_WRITE, .way = FAULT_SHORT }, "a short write" }, { { .kinds = FAULT_WRITE, .error = EINTR }, "an interrupted write" },
		{ { .kinds = FAULT_READ, .way = FAULT_SHORT }, "a short read" },
	};
	struct images all = { .v = { HELD_INIT, HELD_INIT, HELD_INIT, HELD_INIT } };
	struct tap t = { 0 };
	struct scratch s;

	fault_take_jansson();
	if (make_image(POLICY("older"), &all.v[OLDER]) < 0 || make_image(POLICY("old"), &all.v[OLD]) < 0 ||
	    make_image(POLICY("new"), &all.v[NEW]) < 0 || !scratch_make(&s) || dup2(s.fd, FD_STATE) < 0) {
		told(&t, false, "cannot make images and a directory", "state");
		return 1;
	}
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++)
		for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
			sweep(&t, &all, &s, &orders[o], faults[i].f, faults[i].what);
	for (enum which w = OLDER; w < BROKEN; w++)
		held_done(&all.v[w]);
	scratch_remove(&s);
	printf("1..%d\n", t.number);
	return t.failed;
}
