/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a policy's file to its image and back to text, with every allocation and every read failing in turn: the same bytes as without
 * a failure, or an error that says it was memory or the file. Never a policy that lacks something.
 */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "policy/policy.h"

#define ROOT "tests/fixtures/root"
#define NOW  INT64_C(1795000000)

struct result { struct buf image, text, json; };

static void result_free(struct result *r)
{
	buf_free(&r->image);
	buf_free(&r->text);
	buf_free(&r->json);
}

static int read_policy(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, 1u << 20, &b);

	(void)ctx;
	if (r < 0)
		return r;
	*ret_len_bytes = b.len_bytes;
	*ret_text = buf_take(&b);
	return *ret_text ? 0 : -ENOMEM;
}

static int compile(const char *path, struct result *ret, bool *ret_said)
{
	const struct policy_reader reader = { .read = read_policy };
	struct diags d = { 0 };
	struct names n = { 0 };
	struct ast *a = NULL;
	struct err e = { 0 };
	int r = names_root(ROOT, &n, &e);

	*ret_said = r < 0 && e.text[0];
	if (r < 0)
		return r;
	r = policy_parse(&reader, path, &d, &a);
	if (r == 0)
		r = policy_resolve(a, &n, &d);
	if (r == 0)
		r = policy_check(a, &n, &d);
	if (r == 0)
		r = policy_compile(a, &n, NOW, &d, &ret->image);
	if (r == 0)
		r = policy_format(&d.sources, a, &ret->text);
	if (r == 0)
		r = policy_json(a, &ret->json);
	*ret_said = d.errors_count > 0;
	ast_free(a);
	diags_free(&d);
	names_free(&n);
	return r;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len_bytes == b->len_bytes && memcmp(a->data, b->data, a->len_bytes) == 0;
}

/* One run under a plan; the sentence says what is wrong with its outcome, or NULL. */
static const char *run(const char *path, const struct fault *f, const struct result *want, uint64_t *ret_calls)
{
	struct result got = { 0 };
	size_t before = fault_held();
	uint64_t failed;
	const char *wrong = NULL;
	bool said;
	int r;

	fault_arm(f);
	r = compile(path, &got, &said);
	*ret_calls = fault_disarm(&failed);
	if (r == 0 && (!same(&got.image, &want->image) || !same(&got.text, &want->text) || !same(&got.json, &want->json)))
		wrong = "success, with another policy than without the failure";
	else if (r < 0 && !failed)
		wrong = "an error although nothing failed";
	else if (r < 0 && failed && f->kinds == FAULT_ALLOC && r != -ENOMEM)
		wrong = "memory was short, and the error is about something else";
	else if (r < 0 && f->kinds != FAULT_ALLOC && (f->error == EINTR || f->way == FAULT_SHORT))
		wrong = "a call that was only interrupted was not repeated";
	else if (r < 0 && r != -ENOMEM && !said)
		wrong = "an error without a sentence";
	result_free(&got);
	return wrong ? wrong : fault_held() != before ? "memory is lost" : NULL;
}

static void sweep(struct tap *t, const char *path, const struct result *want, struct fault f, uint64_t most, const char *what)
{
	uint64_t calls = 0, runs = 0, seed = f.seed;
	char why[256] = "";

	f.nth = UINT64_MAX;
	(void)run(path, &f, want, &calls);
	for (f.nth = 1; f.nth <= calls && !why[0]; f.nth++) {
		uint64_t unused;
		const char *wrong;

		if (!chosen(f.nth, calls, most, &seed))
			continue;
		wrong = run(path, &f, want, &unused);
		runs++;
		if (wrong)
			(void)snprintf(why, sizeof(why), "call %llu of %llu: %s", (unsigned long long)f.nth, (unsigned long long)calls, wrong);
	}
	told(t, !why[0] && runs, why, "compile %s: %s, %llu of %llu calls", path, what, (unsigned long long)runs, (unsigned long long)calls);
}

/* Each call with a chance of its own: failures on the way out of a failure. */
static void by_seed(struct tap *t, const char *path, const struct result *want)
{
	static const uint32_t chances[] = { 3, 20, 200, 2000 };
	char why[256] = "";

	for (uint64_t seed = 1; seed <= 40 && !why[0]; seed++) {
		struct fault f = { .kinds = FAULT_ALLOC, .seed = seed, .one_in = chances[seed % 4] };
		uint64_t unused;
		const char *wrong = run(path, &f, want, &unused);

		if (wrong)
			(void)snprintf(why, sizeof(why), "seed %llu, one in %u: %s", (unsigned long long)seed, chances[seed % 4], wrong);
	}
	told(t, !why[0], why, "compile %s: 40 seeds", path);
}

void case_compile(struct tap *t)
{
	static const struct { const char *path; uint64_t most; } policies[] = {
		{ "policies/minimal.pw", 2000 }, { "policies/hospital.pw", 600 }, { "policies/training.pw", 600 },
		{ "tests/golden/good/guard.pw", 2000 }, { "tests/golden/good/include.pw", 2000 },
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const char *path = policies[i].path;
		struct result want = { 0 };
		bool said;
		int r = compile(path, &want, &said);

		told(t, r == 0 && want.image.len_bytes, "it does not compile", "compile %s", path);
		if (r == 0) {
			sweep(t, path, &want, (struct fault){ .kinds = FAULT_ALLOC, .seed = i }, policies[i].most, "memory");
			sweep(t, path, &want, (struct fault){ .kinds = FAULT_OPEN | FAULT_READ, .error = EIO }, 100, "a file that cannot be read");
			sweep(t, path, &want, (struct fault){ .kinds = FAULT_READ, .error = EINTR }, 100, "an interrupted read");
			sweep(t, path, &want, (struct fault){ .kinds = FAULT_READ, .way = FAULT_SHORT }, 100, "a short read");
			by_seed(t, path, &want);
		}
		result_free(&want);
	}
}
