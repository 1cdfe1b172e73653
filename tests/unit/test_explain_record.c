/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded decisions: the replay agrees with what was recorded, causes are told apart, and every change that is told is true. */
#include "test.h"

#include "back.h"
#include "policy/explain_facts.h"
#include "random.h"

#define POLICY BACK_HEAD \
	"time clinic { days mon-fri hours 07:00-19:00 zone Europe/Berlin }\npurpose care { \"care\" }\n" \
	"role r { members group:radiology }\n" \
	"rule one { allow r to read on s when during clinic, mfa within 8h, purpose care }\n" \
	"rule two { deny any to write on s when user root absolute }\n" \
	"rule three { deny any to read on s when group ml }\n" \
	"rule four { allow r to list on s until 2026-12-01T00:00Z }\n"

struct told { struct back b; struct archived a; struct recorded_explanation x; };

static void told_close(struct told *t)
{
	recorded_explanation_free(&t->x);
	archived_free(&t->a);
	back_close(&t->b);
}
#define _told_ __attribute__((cleanup(told_close)))

static int tell(struct told *t, struct recorded rec)
{
	void *copy;
	int r = back_open(&t->b, POLICY);

	copy = r == 0 ? malloc(t->b.bytes.len_bytes) : NULL;
	if (!copy)
		return r < 0 ? r : -ENOMEM;
	memcpy(copy, t->b.bytes.data, t->b.bytes.len_bytes);
	r = archived_open(copy, t->b.bytes.len_bytes, &t->a, &t->b.e);
	return r < 0 ? r : policy_explain_recorded(t->a.ast, &t->a.img, &rec, &t->x, &t->b.e);
}

static struct recorded refused(void)
{
	return (struct recorded){ .facts = { .mfa_age_s = PW_MFA_NEVER, .windows = 1 }, .label = 1, .need = PW_A_READ, .missing = PW_A_READ,
				  .verdict = PW_DENY, .reason = PW_R_DEFAULT, .utc_s = BACK_NOW, .user = "user ann", .uid = 1234,
				  .login_uid = TABLE_ID_NONE };
}

static bool has(const struct explain_change *v, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(v[i].text, text) == 0)
			return true;
	for (size_t i = 0; i < count; i++)
		printf("# change: %s (%u, %s)\n", v[i].text, v[i].cost, v[i].rule ? v[i].rule : "default");
	return false;
}

static void a_refusal_that_no_rule_made(void)
{
	_told_ struct told t = { 0 };

	CHECK_INT(tell(&t, refused()), 0);
	CHECK_INT(t.x.agrees, 1);
	CHECK_STR(explain_cause_word(t.x.cause), "not-permitted");
	CHECK_STR(t.x.x.sentence, "refused: no rule allows read on s to user ann (roles: none)");
	CHECK(has(t.x.x.changes, t.x.x.changes_count, "with a second factor at most 8h old" EXPLAIN_NOT_YET ", for purpose care" EXPLAIN_NOT_YET
		  ", as a member of group radiology"));
	CHECK_INT(t.x.x.changes[0].cost, 8);
	CHECK(has(t.x.x.futile, t.x.x.futile_count, "as a member of group ml"));
	CHECK_STR(t.x.x.futile[0].rule, "three");
}

static void a_disagreement_is_said(void)
{
	_told_ struct told t = { 0 };
	struct recorded rec = refused();

	rec.verdict = PW_ALLOW;
	rec.reason = PW_R_RULE;
	rec.rule = 1;
	rec.missing = 0;
	CHECK_INT(tell(&t, rec), 0);
	CHECK_INT(t.x.replayed, 1);
	CHECK_INT(t.x.agrees, 0);
	CHECK_INT(t.x.x.decision.verdict, PW_DENY);
}

static void causes_are_told_apart(void)
{
	static const struct { uint8_t reason; const char *word, *part; } cases[] = {
		{ PW_R_UNRECORDED, "no-log-slot", "no room for the record" }, { PW_R_INTERNAL, "internal", "no memory" },
		{ PW_R_BORDER, "border", "over the border" }, { PW_R_ROOT, "border", "root of a store" }, { PW_R_DEPTH, "border", "too deep" },
		{ PW_R_GUARD, "guard", "polyward itself" }, { PW_R_SEALED, "guard", "seals" }, { PW_R_BORROWED, "guard", "another's role" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_told_ struct told t = { 0 };
		struct recorded rec = refused();

		rec.reason = cases[i].reason;
		CHECK_INT(tell(&t, rec), 0);
		CHECK_STR(explain_cause_word(t.x.cause), cases[i].word);
		CHECK(strstr(t.x.x.sentence, cases[i].part));
		CHECK_INT(t.x.x.changes_count, 0);
		/* The rules refuse this one, so a record of "no room" cannot be right. */
		CHECK_INT(t.x.replayed, rec.reason == PW_R_UNRECORDED);
		CHECK_INT(t.x.agrees, 0);
	}
}

static void an_end_is_a_condition(void)
{
	_told_ struct told t = { 0 };
	struct recorded rec = refused();

	rec.need = rec.missing = PW_A_LIST;
	rec.facts.roles = 1;
	rec.facts.windows = 0;
	rec.utc_s = BACK_NOW + 40 * 86400;
	CHECK_INT(tell(&t, rec), 0);
	CHECK_INT(t.x.agrees, 1);
	CHECK_STR(t.x.x.rules[0].atoms[1].text, "until 2026-12-01T00:00Z: it was 2026-12-28T11:06:40Z");
	CHECK_INT(t.x.x.rules[0].atoms[1].state, ATOM_FAILS);
}

static void a_text_of_other_tables_is_refused(void)
{
	_back_ struct back b = { 0 };
	struct archived a;
	struct err e;
	char *at;

	CHECK_INT(back_open(&b, POLICY), 0);
	at = malloc(b.bytes.len_bytes);
	CHECK(at);
	memcpy(at, b.bytes.data, b.bytes.len_bytes);
	at[((struct pw_img_header *)at)->sec[PW_SEC_SOURCE].off_bytes + 20] ^= 1;
	CHECK_INT(archived_open(at, b.bytes.len_bytes, &a, &e), -EINVAL);
}

/* ---- random ---- */

static struct recorded record_of(const struct image *img, const struct ast *a, const struct access *x)
{
	struct pw_decision d = random_decide(img, a, x);

	return (struct recorded){ .facts = random_facts(img, a, x), .label = 1 + x->store, .need = x->need, .rule = d.rule,
				  .missing = d.missing, .verdict = d.verdict, .reason = d.reason, .utc_s = x->utc_s, .user = "u",
				  .uid = x->uid, .login_uid = x->login_uid };
}

/* The same change to the real subject, of whom the record says less. */
static bool change(const struct world *w, const struct ast *a, const struct fact_edit *e, struct access *x, uint64_t *without)
{
	uint32_t gid;

	switch (e->kind) {
	case FACT_MFA:
		x->has_mfa = e->value != PW_MFA_NEVER;
		x->mfa_age_s = e->value;
		return true;
	case FACT_PURPOSE: x->purpose = e->value ? e->value - 1 : AST_NONE; return true;
	case FACT_TIME:    x->utc_s = e->utc_s; return true;
	case FACT_UNIT:    x->unit = e->name; return true;
	case FACT_PROGRAM:
		for (uint32_t i = 0; i < a->programs.count; i++)
			if (strcmp(a->programs.v[i].name.text, e->name) == 0)
				x->program = i;
		return true;
	case FACT_JOIN:
		if (w->names.gid(w->names.ctx, e->name, &gid) < 0)
			return false;
		for (size_t i = 0; i < x->gids_count; i++)
			if (x->gids[i] == gid)
				return true;
		x->gids[x->gids_count++] = gid;
		return x->gids_count <= WORLD_GROUPS;
	case FACT_WITHOUT: *without |= e->roles; return true;
	case FACT_KINDS:
	default:           return false;
	}
}

static bool is_true(const struct world *w, const struct random_policy *p, const struct access *x, const struct recorded *rec,
		    const struct fact_edit *const *edits, size_t count)
{
	struct access changed = *x;
	struct pw_facts f;
	struct pw_decision d;
	uint64_t without = 0;

	for (size_t i = 0; i < count; i++)
		if (!change(w, p->a, edits[i], &changed, &without))
			return false;
	f = random_facts(&p->img, p->a, &changed);
	for (uint32_t r = 0; without && r < p->img.count[PW_SEC_ROLES]; r++)
		if (p->img.gen->closure[r] & without)
			f.roles &= ~(UINT64_C(1) << r);
	if (without) {
		uint64_t left = f.roles & p->img.gen->startable;

		f.roles = pw_roles_close(p->img.gen, left);
	}
	d = table_decide(&p->img, table_row(&p->img, f.roles), rec->label, &f, rec->need);
	return rec->verdict == PW_ALLOW ? d.verdict != PW_ALLOW : rec->verdict == PW_AUDIT ? d.verdict == PW_ALLOW : d.verdict != PW_DENY;
}

struct tally { unsigned int records, told, pairs, wrong, disagree, open_failed; };

static void try_all(const struct world *w, const struct random_policy *p, const struct access *x, const struct recorded *rec,
		    struct fact_work *k, struct tally *t)
{
	struct pw_decision d;

	for (size_t i = 0; i < k->edits_count; i++)
		for (size_t m = i; m < k->edits_count; m++) {
			const struct fact_edit *edits[] = { &k->edits[i], &k->edits[m] };
			size_t count = i == m ? 1 : 2;

			if ((count == 2 && edits[0]->kind == edits[1]->kind && edits[0]->kind != FACT_JOIN) ||
			    fact_try(k, edits, count, &d) != 1)
				continue;
			t->told++;
			t->pairs += count == 2;
			t->wrong += !is_true(w, p, x, rec, edits, count);
		}
}

static void one_record(const struct world *w, const struct random_policy *p, const struct archived *a, struct random *r, struct tally *t)
{
	struct recorded_explanation out;
	struct access x;
	struct err e;

	random_access(w, p->a, r, &x);

	struct recorded rec = record_of(&p->img, p->a, &x);
	struct fact_work k = { .a = a->ast, .img = &a->img, .rec = &rec };

	t->records++;
	if (policy_explain_recorded(a->ast, &a->img, &rec, &out, &e) < 0) {
		t->open_failed++;
		return;
	}
	t->disagree += !out.replayed || !out.agrees;
	k.x = &out.x;
	fact_collect(&k);
	try_all(w, p, &x, &rec, &k, t);
	recorded_explanation_free(&out);
}

/* Replay under the same policy agrees always, and every change that is told is true of the subject behind the record. */
static void random_records(void)
{
	struct random r = { .state = 7 };
	struct tally t = { 0 };

	for (int i = 0; i < 250; i++) {
		_random_policy_ struct random_policy p = { 0 };
		struct archived a = { 0 };
		struct world w;
		struct err e = { 0 };

		world_make(&w, &r);
		CHECK_INT(random_policy_make(&p, &w, &r), 0);
		if (random_archive(&p, &a, &e) < 0) {
			printf("# %s\n", e.text);
			t.open_failed++;
			continue;
		}
		for (int k = 0; k < 4; k++)
			one_record(&w, &p, &a, &r, &t);
		archived_free(&a);
	}
	printf("# %u records, %u changes told (%u pairs), %u untrue, %u disagree\n", t.records, t.told, t.pairs, t.wrong, t.disagree);
	CHECK_INT(t.open_failed, 0);
	CHECK_INT(t.disagree, 0);
	CHECK_INT(t.wrong, 0);
	CHECK(t.records == 1000 && t.told > 1000 && t.pairs > 100);
}

TESTS(T(a_refusal_that_no_rule_made), T(a_disagreement_is_said), T(causes_are_told_apart), T(an_end_is_a_condition),
      T(a_text_of_other_tables_is_refused), T(random_records))
