/* SPDX-License-Identifier: Apache-2.0 */
/* Replays: under the same policy nothing flips; under another one whatever is called decided is what that policy really says. */
#include "test.h"

#include "policy/replay.h"
#include "random.h"

static struct recorded record_of(const struct image *img, const struct ast *a, const struct access *x)
{
	struct pw_decision d = random_decide(img, a, x);

	return (struct recorded){ .facts = random_facts(img, a, x), .label = 1 + x->store, .need = x->need, .rule = d.rule,
				  .missing = d.missing, .verdict = d.verdict, .reason = d.reason, .utc_s = x->utc_s, .user = "u",
				  .uid = x->uid, .login_uid = x->login_uid };
}

static int answer(const struct archived *from, const struct ast *a, const struct image *img, const struct replay_host *host,
		  const struct recorded *rec, const char *path, struct replay_answer *ret)
{
	struct replay *r;
	int code = replay_open(from, a, img, host, &r);

	if (code < 0)
		return code;
	code = replay_one(r, rec, path, path ? strlen(path) : 0, ret);
	replay_close(r);
	return code;
}

/* ---- the same policy, nothing known of the host ---- */

static void the_same_policy_agrees_always(void)
{
	const struct replay_host nobody = { 0 };
	struct random r = { .state = 11 };
	unsigned int records = 0, wrong = 0, open = 0;

	for (int i = 0; i < 250; i++) {
		_random_policy_ struct random_policy p = { 0 };
		struct archived a;
		struct world w;
		struct err e = { 0 };

		world_make(&w, &r);
		CHECK_INT(random_policy_make(&p, &w, &r), 0);
		CHECK_INT(random_archive(&p, &a, &e), 0);
		for (int k = 0; k < 4; k++, records++) {
			struct replay_answer got;
			struct access x;
			struct recorded rec;

			random_access(&w, p.a, &r, &x);
			rec = record_of(&p.img, p.a, &x);
			CHECK_INT(answer(&a, p.a, &p.img, &nobody, &rec, p.a->stores.v[x.store].path.text, &got), 0);
			open += got.why != REPLAY_DECIDED;
			wrong += got.why == REPLAY_DECIDED && (got.decision.verdict != rec.verdict || got.decision.rule != rec.rule ||
							       got.decision.missing != rec.missing);
		}
		archived_free(&a);
	}
	printf("# %u records, %u not decided, %u otherwise\n", records, open, wrong);
	CHECK_INT(records, 1000);
	CHECK_INT(open, 0);
	CHECK_INT(wrong, 0);
}

/* ---- another policy, and a host that knows more or less ---- */

struct truth { const struct random_policy *cand; const struct access *x; struct random *r; bool forgets; struct table_who who; };

static int true_gids(void *ctx, uint32_t uid, const uint32_t **ret, size_t *ret_count)
{
	const struct truth *t = ctx;

	if (t->forgets && random_one_in(t->r, 4))
		return -ENOENT;
	*ret = t->x->gids;
	*ret_count = t->x->gids_count;
	return uid == t->x->uid ? 0 : -ENOENT;
}

static enum replay_known true_program(void *ctx, const struct recorded *rec, uint32_t program)
{
	const struct truth *t = ctx;
	const struct pw_img_program *q = &t->cand->img.programs[program];
	const struct ast_program *p = t->x->program == AST_NONE ? NULL : &t->cand->a->programs.v[t->x->program];

	(void)rec;
	if (t->forgets && random_one_in(t->r, 4))
		return REPLAY_UNKNOWN;
	return p && strcmp(p->exe.text, image_str(&t->cand->img, q->path)) == 0 &&
	       (!q->has_verity || (p->has_verity && memcmp(p->verity, q->verity, sizeof(q->verity)) == 0)) ? REPLAY_YES : REPLAY_NO;
}

static enum replay_known true_unit(void *ctx, const struct recorded *rec, const char *unit)
{
	const struct truth *t = ctx;

	(void)rec;
	if (t->forgets && random_one_in(t->r, 4))
		return REPLAY_UNKNOWN;
	return t->x->unit && strcmp(t->x->unit, unit) == 0 ? REPLAY_YES : REPLAY_NO;
}

struct tally { unsigned int records, decided, flips, wrong; };

/* The same process under both policies: what it runs is the same file, and its purpose the same word. */
static bool same_process(const struct ast *a, const struct ast *b, const struct access *x, struct access *ret)
{
	*ret = *x;
	ret->program = ret->purpose = AST_NONE;
	for (uint32_t i = 0; x->program != AST_NONE && i < b->programs.count; i++)
		if (strcmp(a->programs.v[x->program].exe.text, b->programs.v[i].exe.text) == 0 &&
		    a->programs.v[x->program].has_verity == b->programs.v[i].has_verity &&
		    memcmp(a->programs.v[x->program].verity, b->programs.v[i].verity, 32) == 0)
			ret->program = i;
	for (uint32_t i = 0; x->purpose != AST_NONE && i < b->purposes.count; i++)
		if (strcmp(a->purposes.v[x->purpose].name.text, b->purposes.v[i].name.text) == 0)
			ret->purpose = i;
	/* A file that the other policy gives no name has no index there: such an access says nothing about this. */
	return x->program == AST_NONE || ret->program != AST_NONE;
}

static void one_access(const struct world *w, const struct random_policy *p, const struct archived *a, const struct random_policy *cand,
		       struct random *r, bool forgets, struct tally *t)
{
	struct access x, y;
	struct recorded rec;
	struct replay_answer got;
	struct pw_decision want;
	struct truth truth = { .cand = cand, .x = &y, .r = r, .forgets = forgets };
	const struct replay_host host = { .ctx = &truth, .gids = true_gids, .program = true_program, .unit = true_unit };

	random_access(w, p->a, r, &x);
	rec = record_of(&p->img, p->a, &x);
	if (x.store >= cand->a->stores.count || !same_process(p->a, cand->a, &x, &y))
		return;
	if (answer(a, cand->a, &cand->img, &host, &rec, p->a->stores.v[x.store].path.text, &got) < 0)
		return;
	t->records++;
	want = random_decide(&cand->img, cand->a, &y);
	t->decided += got.why == REPLAY_DECIDED;
	t->flips += got.why == REPLAY_DECIDED && got.decision.verdict != rec.verdict;
	t->wrong += got.why == REPLAY_DECIDED && got.decision.verdict != want.verdict;
}

static void another_policy(bool forgets, struct tally *t)
{
	struct random r = { .state = forgets ? 12 : 13 };

	for (int i = 0; i < 300; i++) {
		_random_policy_ struct random_policy p = { 0 }, cand = { 0 };
		struct archived a;
		struct world w;
		struct err e = { 0 };

		world_make(&w, &r);
		if (random_policy_make(&p, &w, &r) < 0 || random_policy_make(&cand, &w, &r) < 0 || random_archive(&p, &a, &e) < 0) {
			t->wrong++;
			continue;
		}
		for (int k = 0; k < 8; k++)
			one_access(&w, &p, &a, &cand, &r, forgets, t);
		archived_free(&a);
	}
	printf("# %u records, %u decided, %u flips, %u wrong\n", t->records, t->decided, t->flips, t->wrong);
}

static void what_is_decided_is_true(void)
{
	struct tally t = { 0 };

	another_policy(false, &t);
	CHECK_INT(t.wrong, 0);
	CHECK_INT(t.decided, t.records);
	CHECK(t.records > 1000 && t.flips > 100);
}

static void what_is_not_known_is_not_guessed(void)
{
	struct tally t = { 0 };

	another_policy(true, &t);
	CHECK_INT(t.wrong, 0);
	CHECK(t.decided < t.records && t.decided > t.records / 2);
}

/* ---- where it lies ---- */

static void stores_go_by_path(void)
{
	static const struct { const char *path; enum replay_why why; uint32_t label; } cases[] = {
		{ "/srv/s0/a/b", REPLAY_DECIDED, 1 }, { "/srv/s0", REPLAY_DECIDED, 1 }, { "/srv/s0/in/x", REPLAY_DECIDED, 2 },
		{ "/srv/s0/.../x", REPLAY_CUT_PATH, 0 }, { "/srv/s0/in/.../x", REPLAY_DECIDED, 2 }, { "/srv/s01/x", REPLAY_DECIDED, 0 },
		{ NULL, REPLAY_NO_PATH, 0 },
	};
	struct pw_img_store stores[] = { { 0 }, { .path = 1 }, { .path = 9 } }, old[] = { { 0 }, { .path = 1 } };
	struct image cand = { .stores = stores, .strings = "\0/srv/s0\0/srv/s0/in" }, from = { .stores = old, .strings = "\0/srv/s0" };
	const struct recorded rec = { .label = 1 };

	cand.count[PW_SEC_STORES] = 3;
	from.count[PW_SEC_STORES] = 2;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t label = 0;

		CHECK_INT(replay_where(&from, &cand, &rec, cases[i].path, cases[i].path ? strlen(cases[i].path) : 0, &label), cases[i].why);
		CHECK_INT(label, cases[i].label);
	}
	CHECK_INT(replay_where(&from, &cand, &(struct recorded){ .label = 0 }, NULL, 0, &(uint32_t){ 0 }), REPLAY_BY_OTHERS);
	for (int w = 0; w < REPLAY_WHYS; w++)
		CHECK(replay_why_word((enum replay_why)w) && replay_why_sentence((enum replay_why)w));
}

TESTS(T(the_same_policy_agrees_always), T(what_is_decided_is_true), T(what_is_not_known_is_not_guessed), T(stores_go_by_path))
