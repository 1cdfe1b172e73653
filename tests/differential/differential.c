/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: differential [--seed N] [--policies N] [--accesses N] [--no-kernel]
 * Random policies and accesses; the interpreter's answer must be that of the native table by its row, over single rows and through
 * the short way, and that of the kernel's copy. Prints TAP: one case each, with the number of comparisons.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "world.h"

enum side { SIDE_ROW, SIDE_SINGLE, SIDE_FAST, SIDE_KERNEL, SIDE_KERNEL_SINGLE, SIDE_KERNEL_FAST, SIDE_FORMAT, SIDES };

struct run {
	uint64_t seed, policies, accesses;
	bool no_kernel;
	struct random random;
	struct world world;
	struct probe *probe;
	uint64_t asked[SIDES], wrong[SIDES], interned, allowed, denied, audited;
};

static const char *side_name(enum side s)
{
	switch (s) {
	case SIDE_ROW:           return "native table, row of the role set";
	case SIDE_SINGLE:        return "native table, rows of single roles";
	case SIDE_FAST:          return "native table, the cell's short answer";
	case SIDE_KERNEL:        return "kernel's copy, row of the role set";
	case SIDE_KERNEL_SINGLE: return "kernel's copy, rows of single roles";
	case SIDE_KERNEL_FAST:   return "kernel's copy, the cell's short answer";
	case SIDE_FORMAT:        return "image passes its check";
	case SIDES:
	default:                 return "";
	}
}

/* The loader's part: what the image's programs and units say about this subject. */
static void subject(const struct image *img, const struct ast *a, const struct access *x, struct table_who *who)
{
	const struct ast_program *p = x->program == AST_NONE ? NULL : &a->programs.v[x->program];

	*who = (struct table_who){ .uid = x->uid, .login_uid = x->login_uid, .gids = x->gids, .gids_count = x->gids_count };
	for (__u32 i = 0; p && i < img->count[PW_SEC_PROGRAMS]; i++) {
		const struct pw_img_program *q = &img->programs[i];
		bool digest = !q->has_verity || (p->has_verity && memcmp(p->verity, q->verity, sizeof(q->verity)) == 0);

		if (strcmp(p->exe.text, image_str(img, q->path)) == 0 && digest)
			who->programs |= q->roles;
	}
	for (__u32 i = 0; x->unit && i < img->count[PW_SEC_UNITS]; i++)
		if (strcmp(x->unit, image_str(img, img->units[i].name)) == 0)
			who->units |= img->units[i].roles;
}

static void complain(const struct run *t, enum side s, uint64_t policy, uint64_t access, const struct answer *want, uint32_t verdict,
		     uint32_t reason, uint32_t rule, uint32_t missing)
{
	printf("# seed %llu policy %llu access %llu, %s: verdict %u reason %u rule %u missing 0x%x; by its words: verdict %u reason %u "
	       "rule %u missing 0x%x\n", (unsigned long long)t->seed, (unsigned long long)policy, (unsigned long long)access,
	       side_name(s), verdict, reason, rule, missing, want->verdict, want->reason, want->rule, want->missing);
}

struct place { uint64_t policy, access; };

static void compare(struct run *t, enum side s, struct place at, const struct answer *want, const struct pw_decision *got)
{
	t->asked[s]++;
	if (got->verdict == want->verdict && got->reason == want->reason && got->rule == want->rule && got->missing == want->missing)
		return;
	if (t->wrong[s]++ < 3)
		complain(t, s, at.policy, at.access, want, got->verdict, got->reason, got->rule, got->missing);
}

/* The short answer gives a verdict only, and none at all where it must walk. */
static void compare_fast(struct run *t, enum side s, struct place at, const struct answer *want, uint32_t verdict)
{
	t->asked[s]++;
	if (verdict == want->verdict)
		return;
	if (t->wrong[s]++ < 3)
		complain(t, s, at.policy, at.access, want, verdict, 0, 0, 0);
}

static void ask_kernel(struct run *t, struct place at, const struct answer *want, const struct probe_query *q)
{
	struct probe_answer got;

	if (!t->probe)
		return;
	if (probe_ask(t->probe, q, &got) < 0) {
		t->asked[SIDE_KERNEL]++;
		t->wrong[SIDE_KERNEL]++;
		return;
	}
	if (q->row != PW_ROW_NONE)
		compare(t, SIDE_KERNEL, at, want, &got.walk);
	compare(t, SIDE_KERNEL_SINGLE, at, want, &got.single);
	if (got.fast != PW_FAST_WALK)
		compare_fast(t, SIDE_KERNEL_FAST, at, want, got.fast == PW_FAST_ALLOW ? PW_ALLOW : PW_DENY);
}

static void one_access(struct run *t, const struct ast *a, const struct image *img, struct place at)
{
	struct probe_query q = { 0 };
	struct table_who who;
	struct access x;
	struct answer want;
	struct pw_decision d;
	int64_t next;

	generate_access(&t->world, a, &t->random, &x);
	want = interpret(&t->world, a, &x);
	t->allowed += want.verdict == PW_ALLOW;
	t->denied += want.verdict == PW_DENY;
	t->audited += want.verdict == PW_AUDIT;
	subject(img, a, &x, &who);
	q.facts.roles = table_roles(img->gen, img->attrs, img->count[PW_SEC_ATTRS], &who);
	q.facts.windows = table_windows(img, x.utc_s, &next);
	q.facts.mfa_age_s = x.has_mfa ? x.mfa_age_s : PW_MFA_NEVER;
	q.facts.purpose = x.purpose == AST_NONE ? 0 : 1 + x.purpose;
	q.row = table_row(img, q.facts.roles);
	q.label = 1 + x.store;
	q.need = x.need;
	if (q.row != PW_ROW_NONE) {
		t->interned++;
		d = table_decide(img, q.row, q.label, &q.facts, q.need);
		compare(t, SIDE_ROW, at, &want, &d);
		d = table_decide_fast(img, q.row, q.label, &q.facts, q.need);
		compare_fast(t, SIDE_FAST, at, &want, d.verdict);
	}
	d = table_decide(img, PW_ROW_NONE, q.label, &q.facts, q.need);
	compare(t, SIDE_SINGLE, at, &want, &d);
	ask_kernel(t, at, &want, &q);
}

static void one_policy(struct run *t, uint64_t policy)
{
	struct buf bytes = BUF_INIT;
	struct diags d = { 0 };
	struct err e = { 0 };
	struct image img;
	struct ast *a;
	int r;

	world_make(&t->world, &t->random);
	a = generate_policy(&t->world, &t->random);
	t->asked[SIDE_FORMAT]++;
	r = policy_compile(a, &t->world.names, WORLD_NOW, &d, &bytes);
	if (r == 0)
		r = image_check(bytes.data, bytes.len_bytes, &img, &e);
	if (r == 0 && t->probe)
		r = probe_load(t->probe, &img);
	for (uint64_t i = 0; i < t->accesses && r == 0; i++)
		one_access(t, a, &img, (struct place){ policy, i });
	if (r < 0 && t->wrong[SIDE_FORMAT]++ < 3)
		printf("# seed %llu policy %llu: error %d: %s %s\n", (unsigned long long)t->seed, (unsigned long long)policy, r,
		       d.count ? d.v[0].text : "", e.text);
	buf_free(&bytes);
	diags_free(&d);
	ast_free(a);
}

static int option(int argc, char **argv, int *i, const char *name, uint64_t *ret)
{
	if (strcmp(argv[*i], name) != 0)
		return 0;
	if (*i + 1 >= argc || num_parse(argv[*i + 1], strlen(argv[*i + 1]), UINT32_MAX, ret) < 0)
		return -EINVAL;
	(*i)++;
	return 1;
}

static int arguments(struct run *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int r = option(argc, argv, &i, "--seed", &t->seed);

		if (r == 0)
			r = option(argc, argv, &i, "--policies", &t->policies);
		if (r == 0)
			r = option(argc, argv, &i, "--accesses", &t->accesses);
		if (r == 0 && strcmp(argv[i], "--no-kernel") == 0) {
			t->no_kernel = true;
			r = 1;
		}
		if (r != 1)
			return -EINVAL;
	}
	return 0;
}

static int report(const struct run *t, int kernel)
{
	int bad = 0;

	printf("# seed %llu: %llu policies, %llu accesses (%llu allowed, %llu denied, %llu in mode audit; %llu with a row of their own)\n",
	       (unsigned long long)t->seed, (unsigned long long)t->policies, (unsigned long long)(t->allowed + t->denied + t->audited),
	       (unsigned long long)t->allowed, (unsigned long long)t->denied, (unsigned long long)t->audited,
	       (unsigned long long)t->interned);
	printf("1..%d\n", (int)SIDES);
	for (unsigned int s = 0; s < SIDES; s++) {
		bool skipped = kernel < 0 && (s == SIDE_KERNEL || s == SIDE_KERNEL_SINGLE || s == SIDE_KERNEL_FAST);
		bool good = skipped || (t->asked[s] && !t->wrong[s]);

		printf("%sok %u - %s: %llu compared, %llu mismatches", good ? "" : "not ", s + 1, side_name(s),
		       (unsigned long long)t->asked[s], (unsigned long long)t->wrong[s]);
		if (skipped)
			printf(" # SKIP the kernel's copy did not run: %s (needs root or CAP_BPF)", strerror(-kernel));
		printf("\n");
		bad |= !good;
	}
	return bad;
}

int main(int argc, char **argv)
{
	struct run t = { .seed = 1, .policies = 1000, .accesses = 260 };
	int kernel;

	if (arguments(&t, argc, argv) < 0) {
		fprintf(stderr, "usage: differential [--seed N] [--policies N] [--accesses N] [--no-kernel]\n");
		return 2;
	}
	t.random.state = t.seed;
	kernel = t.no_kernel ? -ENOTSUP : probe_open(&t.probe);
	for (uint64_t i = 0; i < t.policies; i++)
		one_policy(&t, i);
	probe_close(t.probe);
	return report(&t, kernel);
}
