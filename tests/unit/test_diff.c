/* SPDX-License-Identifier: Apache-2.0 */
/* Differences: every row has somebody behind it whose access flips, and whoever's access flips stands in a row. */
#include "test.h"

#include "back.h"
#include "policy/diff.h"
#include "random.h"

struct pair { struct back a, b; struct diff d; struct err e; };

static void pair_close(struct pair *p)
{
	diff_free(&p->d);
	back_close(&p->a);
	back_close(&p->b);
}
#define _pair_ __attribute__((cleanup(pair_close)))

static int compare(struct pair *p, const char *old, const char *new)
{
	int r = back_open(&p->a, old);

	if (r == 0)
		r = back_open(&p->b, new);
	if (r == 0)
		r = policy_diff(&(struct diff_side){ p->a.f.a, &p->a.img, &p->a.f.d.sources },
				&(struct diff_side){ p->b.f.a, &p->b.img, &p->b.f.d.sources }, BACK_NOW, NULL, NULL, &p->d, &p->e);
	if (r < 0)
		printf("# %s\n", p->e.text);
	return r;
}

static bool has_change(const struct diff *d, const char *text, bool loosens)
{
	for (size_t i = 0; i < d->changes_count; i++)
		if (strcmp(d->changes[i].text, text) == 0 && d->changes[i].loosens == loosens)
			return true;
	for (size_t i = 0; i < d->changes_count; i++)
		printf("# change: %s (%d)\n", d->changes[i].text, d->changes[i].loosens);
	return false;
}

#define TIMES "time clinic { days mon-fri hours 07:00-19:00 zone Europe/Berlin }\n"
#define ROLES "role r { members group:radiology }\n"

static void a_new_rule_is_a_gain(void)
{
	_pair_ struct pair p = { 0 };
	_buf_ struct buf words = BUF_INIT;

	CHECK_INT(compare(&p, BACK_HEAD TIMES ROLES "rule one { allow r to read on s }\n",
			  BACK_HEAD TIMES ROLES "rule one { allow r to read on s }\nrule two { allow r to write on s when during clinic }\n"), 0);
	CHECK(p.d.widened);
	CHECK_INT(p.d.rows_count, 1);
	CHECK_INT(p.d.rows[0].gains, 1);
	CHECK_STR(p.d.rows[0].who, "group radiology");
	CHECK_STR(p.d.rows[0].conditions, "during clinic");
	CHECK_STR(p.d.rows[0].rule, "two");
	CHECK_STR(p.d.rows[0].at, "p.pw:8");
	CHECK_STR(p.d.rows[0].other, "no rule");
	/* Reading brings attributes along with stat; writing brings stat, lock and attr, of which only attr and write are new. */
	CHECK_INT(p.d.rows[0].actions & (PW_A_WRITE | PW_A_READ), PW_A_WRITE);
	diff_subject_words(&p.d.rows[0].witness, &words);
	CHECK_STR(words.data, "somebody in group radiology, at 2026-11-18T11:06:40Z");
	CHECK_INT(p.d.changes_count, 0);
}

static void the_other_way_round_is_a_loss(void)
{
	_pair_ struct pair p = { 0 };

	CHECK_INT(compare(&p, BACK_HEAD ROLES "rule one { allow r to read on s }\n",
			  BACK_HEAD ROLES "rule one { allow r to read on s }\nrule no { deny any to read on s when group ml }\n"), 0);
	CHECK(!p.d.widened);
	CHECK_INT(p.d.rows_count, 1);
	CHECK_INT(p.d.rows[0].gains, 0);
	CHECK_STR(p.d.rows[0].other, "deny rule no");
	CHECK_INT(p.d.rows[0].witness.groups_count, 2);
}

static void words_that_change_nothing(void)
{
	_pair_ struct pair p = { 0 };

	CHECK_INT(compare(&p, BACK_HEAD ROLES "rule one { allow r to read, list on s }\n",
			  BACK_HEAD ROLES "rule b { allow r to list on s }\nrule a { allow r to read on s }\n"), 0);
	CHECK_INT(p.d.rows_count, 0);
	CHECK_INT(p.d.changes_count, 0);
	CHECK(!p.d.widened);
}

static void members_stores_and_modes(void)
{
	static const char old[] = "polyward 1\npolicy p { version 1 guard sealed }\nadmin { members user:root may apply }\n"
		"store s { path /srv/s strict }\nstore t { path /srv/t }\n" ROLES "rule one { allow r to read on s }\n";
	static const char new[] = "polyward 1\npolicy p { version 1 }\nadmin { members user:root, group:security may apply }\n"
		"store s { path /srv/s mode audit until 2026-12-15T00:00Z }\nrole r { members group:radiology, group:ml }\n"
		"rule one { allow r to read on s }\n";
	_pair_ struct pair p = { 0 };

	CHECK_INT(compare(&p, old, new), 0);
	CHECK_INT(p.d.rows_count, 1);
	CHECK_STR(p.d.rows[0].who, "group ml");
	CHECK(has_change(&p.d, "store s: mode enforce becomes audit until 2026-12-15T00:00Z", true));
	CHECK(has_change(&p.d, "store s is no longer strict: an access without room for its record passes", true));
	CHECK(has_change(&p.d, "/srv/t (store t) is protected no more: everybody may there what file modes let", true));
	CHECK(has_change(&p.d, "the kernel is no longer sealed against further code, from the next boot on", true));
	CHECK(has_change(&p.d, "group security may now: apply", true));
	CHECK(has_change(&p.d, "role r: group:radiology becomes group:radiology or group:ml", false));
}

static void hours_and_ends(void)
{
	_pair_ struct pair p = { 0 };

	CHECK_INT(compare(&p, BACK_HEAD TIMES ROLES "rule one { allow r to read on s when during clinic until 2027-06-01T00:00Z }\n",
			  BACK_HEAD "time clinic { days mon-sat hours 07:00-19:00 zone Europe/Berlin }\n" ROLES
			  "rule one { allow r to read on s when during clinic until 2027-01-01T00:00Z }\n"), 0);
	CHECK_INT(p.d.rows_count, 2);
	CHECK(p.d.widened);
	CHECK(has_change(&p.d, "time clinic: mon tue wed thu fri 07:00-19:00 Europe/Berlin becomes mon tue wed thu fri sat 07:00-19:00 Europe/Berlin",
			 false));
}

/* ---- random: complete against brute force ---- */

static struct diff_subject subject(const struct ast *a, const struct world *w, const struct access *x)
{
	struct diff_subject s = { .uid = x->uid, .mfa_age_s = x->has_mfa ? x->mfa_age_s : PW_MFA_NEVER, .at_utc_s = x->utc_s,
				  .unit = x->unit, .program = x->program == AST_NONE ? NULL : &a->programs.v[x->program],
				  .purpose = x->purpose == AST_NONE ? NULL : a->purposes.v[x->purpose].name.text };

	for (size_t i = 0; i < x->gids_count; i++)
		for (size_t g = 0; g < WORLD_GROUPS; g++)
			if (w->gids[g] == x->gids[i]) {
				s.groups[s.groups_count] = w->groups[g];
				s.gids[s.groups_count++] = x->gids[i];
			}
	return s;
}

static bool is_who(const struct world *w, const char *who, const struct diff_subject *s)
{
	if (strncmp(who, "anybody", 7) == 0)
		return true;
	for (size_t i = 0; strncmp(who, "group ", 6) == 0 && i < s->groups_count; i++)
		if (strncmp(who + 6, s->groups[i], strlen(s->groups[i])) == 0)
			return true;
	for (size_t i = 0; strncmp(who, "user ", 5) == 0 && i < WORLD_USERS; i++)
		if (w->uids[i] == s->uid && strncmp(who + 5, w->users[i], strlen(w->users[i])) == 0)
			return true;
	return false;
}

struct tally { unsigned int pairs, rows, asked, flips, missed, untrue, unsettled, failed; };

static void ask_one(const struct world *w, const struct diff_side *side, const struct access *x, const struct diff *d, struct tally *t)
{
	const struct diff_subject s = subject(side[0].a, w, x);
	const char *path = side[0].a->stores.v[x->store].path.text;

	t->asked++;
	for (uint32_t bit = 1; bit <= PW_A_CONNECT; bit <<= 1) {
		bool old = diff_passes(&side[0], &s, path, bit), new = diff_passes(&side[1], &s, path, bit), found = false;

		if (old == new)
			continue;
		t->flips++;
		for (size_t i = 0; i < d->rows_count && !found; i++)
			found = d->rows[i].gains == new && (d->rows[i].actions & bit) && strcmp(d->rows[i].path, path) == 0 &&
				is_who(w, d->rows[i].who, &s);
		for (size_t i = 0; i < d->changes_count && !found; i++)
			found = strncmp(d->changes[i].text, path, strlen(path)) == 0 && strstr(d->changes[i].text, "protected");
		t->missed += !found;
	}
}

static void one_pair(struct random *r, struct tally *t)
{
	_random_policy_ struct random_policy p = { 0 }, q = { 0 };
	struct diff d = { 0 };
	struct err e = { 0 };
	struct world w;

	world_make(&w, r);
	if (random_policy_make(&p, &w, r) < 0 || random_policy_make(&q, &w, r) < 0) {
		t->failed++;
		return;
	}

	const struct diff_side side[] = { { p.a, &p.img, NULL }, { q.a, &q.img, NULL } };

	t->pairs++;
	if (policy_diff(&side[0], &side[1], WORLD_NOW, NULL, NULL, &d, &e) < 0) {
		printf("# %s\n", e.text);
		t->failed++;
		return;
	}
	t->rows += (unsigned int)d.rows_count;
	t->unsettled += (unsigned int)d.unsettled;
	for (size_t i = 0; i < d.rows_count; i++) {
		const struct diff_row *row = &d.rows[i];

		t->untrue += diff_passes(&side[row->gains], &row->witness, row->path, row->witness_action) != true ||
			     diff_passes(&side[!row->gains], &row->witness, row->path, row->witness_action) != false;
	}
	for (int k = 0; k < 40; k++) {
		struct access x;

		random_access(&w, p.a, r, &x);
		ask_one(&w, side, &x, &d, t);
	}
	diff_free(&d);
}

static void nobody_is_missed(void)
{
	struct random r = { .state = 21 };
	struct tally t = { 0 };

	for (int i = 0; i < 60; i++)
		one_pair(&r, &t);
	printf("# %u pairs, %u rows, %u subjects, %u flips of theirs, %u missed, %u untrue, %u unsettled\n", t.pairs, t.rows, t.asked, t.flips,
	       t.missed, t.untrue, t.unsettled);
	CHECK_INT(t.failed, 0);
	CHECK_INT(t.missed, 0);
	CHECK_INT(t.untrue, 0);
	CHECK_INT(t.unsettled, 0);
	CHECK(t.flips > 500 && t.rows > 500);
}

static void a_policy_and_itself(void)
{
	struct random r = { .state = 22 };

	for (int i = 0; i < 40; i++) {
		_random_policy_ struct random_policy p = { 0 };
		struct diff d = { 0 };
		struct err e = { 0 };
		struct world w;

		world_make(&w, &r);
		CHECK_INT(random_policy_make(&p, &w, &r), 0);
		CHECK_INT(policy_diff(&(struct diff_side){ p.a, &p.img, NULL }, &(struct diff_side){ p.a, &p.img, NULL }, WORLD_NOW, NULL, NULL, &d,
				      &e), 0);
		CHECK_INT(d.rows_count, 0);
		CHECK_INT(d.changes_count, 0);
		CHECK_INT(d.unsettled, 0);
		diff_free(&d);
	}
}

TESTS(T(a_new_rule_is_a_gain), T(the_other_way_round_is_a_loss), T(words_that_change_nothing), T(members_stores_and_modes),
      T(hours_and_ends), T(nobody_is_missed), T(a_policy_and_itself))
