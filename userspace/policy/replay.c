/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and windows of a record carried over to another policy, and the other policy's answer. */
#include "policy/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define OPEN_MAX_BITS 8u

struct replay {
	const struct archived *from;
	const struct ast *a;                         /* the candidate */
	const struct image *img;
	struct replay_host host;
	uint64_t like[PW_ROLES_MAX];                 /* per candidate role: the recorded ones with the same clauses */
	uint32_t window_like[PW_WINDOWS_MAX];
	uint32_t purpose_like[PW_PURPOSES_MAX + 1];  /* recorded number to the candidate's; 0: it has none such */
	const struct ast_cond *hidden[PW_ROLES_MAX]; /* of the candidate */
};

const char *replay_why_word(enum replay_why why)
{
	static const char *const words[REPLAY_WHYS] = {
		[REPLAY_DECIDED] = "decided", [REPLAY_BY_OTHERS] = "not-by-rules", [REPLAY_NO_PATH] = "no-path", [REPLAY_CUT_PATH] = "cut-path",
		[REPLAY_GROUPS] = "groups", [REPLAY_PROGRAM] = "program", [REPLAY_UNIT] = "unit", [REPLAY_TOO_OPEN] = "too-open",
		[REPLAY_NO_POLICY] = "no-policy",
	};

	return words[why];
}

const char *replay_why_sentence(enum replay_why why)
{
	static const char *const sentences[REPLAY_WHYS] = {
		[REPLAY_DECIDED] = "decided",
		[REPLAY_BY_OTHERS] = "were not decided by rules (borders, the guard, a full log): another policy changes nothing about that",
		[REPLAY_NO_PATH] = "have a path that cannot be read here, and the candidate divides that store",
		[REPLAY_CUT_PATH] = "have a path with names left out, and the candidate has a store there",
		[REPLAY_GROUPS] = "depend on the groups of a user whom this host does not know",
		[REPLAY_PROGRAM] = "depend on a program whose file was changed since, or is not on this host",
		[REPLAY_UNIT] = "depend on a systemd unit that is not known any more",
		[REPLAY_TOO_OPEN] = "depend on too much that is not recorded",
		[REPLAY_NO_POLICY] = "name a policy that the log has not kept",
	};

	return sentences[why];
}

/* ---- what is the same in both policies ---- */

static const struct ast_program *program_of(const struct ast *a, const char *name)
{
	for (size_t i = 0; i < a->programs.count; i++)
		if (strcmp(a->programs.v[i].name.text, name) == 0)
			return &a->programs.v[i];
	return NULL;
}

static void add_program(const struct ast *a, const char *name, struct buf *b)
{
	const struct ast_program *p = program_of(a, name);

	buf_printf(b, " %s", p ? p->exe.text : name);
	for (size_t i = 0; p && p->has_verity && i < sizeof(p->verity); i++)
		buf_printf(b, "%02x", p->verity[i]);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Words as a sorted set; programs by what they are, not by what they are called. */
static void add_set(const struct ast *a, const struct ast_words *words, bool programs, struct buf *b)
{
	_free_ char **v = calloc(words->count + 1, sizeof(*v));

	b->failed |= !v;
	for (size_t i = 0; v && i < words->count; i++) {
		_buf_ struct buf one = BUF_INIT;

		if (programs)
			add_program(a, words->v[i].text, &one);
		else
			buf_printf(&one, " %s", words->v[i].text);
		v[i] = buf_take(&one);
		b->failed |= !v[i];
	}
	if (v && !b->failed)
		qsort(v, words->count, sizeof(*v), by_text);
	for (size_t i = 0; v && i < words->count; i++) {
		if (v[i] && (!i || !v[i - 1] || strcmp(v[i - 1], v[i]) != 0))
			buf_add_str(b, v[i]);
	}
	for (size_t i = 0; v && i < words->count; i++)
		free(v[i]);
}

/* Everything that makes a role come on by itself. Two roles with the same text are on for the same processes. */
static void add_clauses(const struct ast *a, const struct ast_role *r, struct buf *b)
{
	struct ast_words users = { calloc(r->members.count + 1, sizeof(*users.v)), 0 }, groups = { calloc(r->members.count + 1, sizeof(*groups.v)), 0 };

	b->failed |= !users.v || !groups.v;
	for (size_t i = 0; !b->failed && i < r->members.count; i++)
		if (r->members.v[i].is_group)
			groups.v[groups.count++] = r->members.v[i].name;
		else
			users.v[users.count++] = r->members.v[i].name;
	buf_add_str(b, "role user");
	add_set(a, &users, false, b);
	buf_add_str(b, " group");
	add_set(a, &groups, false, b);
	buf_add_str(b, " program");
	add_set(a, &r->programs, true, b);
	buf_add_str(b, " unit");
	add_set(a, &r->units, false, b);
	free(users.v);
	free(groups.v);
}

static void find_hidden(const struct ast *a, const struct image *img, const struct ast_cond **hidden, bool *nomem)
{
	for (size_t i = 0; i < a->rules.count; i++) {
		const struct ast_rule *rule = &a->rules.v[i];

		for (size_t k = 0; k < rule->when.count + rule->unless.count; k++) {
			const struct ast_cond *c = k < rule->when.count ? &rule->when.v[k] : &rule->unless.v[k - rule->when.count];
			_buf_ struct buf words = BUF_INIT;

			if (c->kind == AST_COND_DURING || c->kind == AST_COND_PURPOSE || c->kind == AST_COND_MFA)
				continue;
			explain_cond_words(a, c, &words);
			*nomem |= words.failed;
			for (uint32_t r = (uint32_t)a->roles.count; !words.failed && r < img->count[PW_SEC_ROLES]; r++)
				if (!hidden[r] && strcmp(image_str(img, img->roles[r].name), words.data) == 0)
					hidden[r] = c;
		}
	}
}

/* The text by which the roles of two policies are compared, NULL: not one that is on by itself, or no memory (*nomem). */
static char *signature(const struct ast *a, const struct image *img, const struct ast_cond *const *hidden, uint32_t role, bool *nomem)
{
	_buf_ struct buf b = BUF_INIT;
	char *text;

	if (!(img->gen->startable >> role & 1))
		return NULL;
	if (role < a->roles.count) {
		add_clauses(a, &a->roles.v[role], &b);
	} else if (hidden[role]) {
		buf_printf(&b, "%s %d", img->gen->loose >> role & 1 ? "loose" : "strict", (int)hidden[role]->kind);
		add_set(a, &hidden[role]->values, hidden[role]->kind == AST_COND_PROGRAM, &b);
	} else {
		return NULL;
	}
	text = buf_take(&b);
	*nomem |= !text;
	return text;
}

static int match_roles(struct replay *r)
{
	const struct ast_cond *theirs[PW_ROLES_MAX] = { NULL };
	char *sigs[PW_ROLES_MAX] = { NULL };
	bool nomem = false;

	find_hidden(r->a, r->img, r->hidden, &nomem);
	find_hidden(r->from->ast, &r->from->img, theirs, &nomem);
	for (uint32_t i = 0; i < r->from->img.count[PW_SEC_ROLES]; i++)
		sigs[i] = signature(r->from->ast, &r->from->img, theirs, i, &nomem);
	for (uint32_t i = 0; i < r->img->count[PW_SEC_ROLES]; i++) {
		_free_ char *own = signature(r->a, r->img, r->hidden, i, &nomem);

		for (uint32_t k = 0; own && k < PW_ROLES_MAX; k++)
			if (sigs[k] && strcmp(sigs[k], own) == 0)
				r->like[i] |= UINT64_C(1) << k;
	}
	for (uint32_t i = 0; i < PW_ROLES_MAX; i++)
		free(sigs[i]);
	return nomem ? -ENOMEM : 0;
}

static const struct ast_time *time_named(const struct ast *a, const char *name)
{
	for (size_t i = 0; i < a->times.count; i++)
		if (strcmp(a->times.v[i].name.text, name) == 0)
			return &a->times.v[i];
	return NULL;
}

/* Open at the same moments: the same end, or the same hours of the same days in the same zone. */
static bool same_window(const struct replay *r, const struct pw_img_window *w, const struct pw_img_window *old)
{
	const struct ast_time *t, *u;

	if (w->until_utc_s || old->until_utc_s)
		return w->until_utc_s == old->until_utc_s;
	t = time_named(r->a, image_str(r->img, w->name));
	u = time_named(r->from->ast, image_str(&r->from->img, old->name));
	return t && u && w->days == old->days && w->start_min == old->start_min && w->end_min == old->end_min &&
	       strcmp(t->zone.text ? t->zone.text : "UTC", u->zone.text ? u->zone.text : "UTC") == 0;
}

static void match_rest(struct replay *r)
{
	const struct image *old = &r->from->img;

	for (uint32_t i = 0; i < r->img->count[PW_SEC_WINDOWS]; i++) {
		r->window_like[i] = AST_NONE;
		for (uint32_t k = 0; k < old->count[PW_SEC_WINDOWS] && r->window_like[i] == AST_NONE; k++)
			if (same_window(r, &r->img->windows[i], &old->windows[k]))
				r->window_like[i] = k;
	}
	for (uint32_t k = 0; k < old->count[PW_SEC_PURPOSES]; k++)
		for (uint32_t i = 0; i < r->img->count[PW_SEC_PURPOSES]; i++)
			if (strcmp(image_str(r->img, r->img->purposes[i]), image_str(old, old->purposes[k])) == 0)
				r->purpose_like[1 + k] = 1 + i;
}

int replay_open(const struct archived *from, const struct ast *cand_a, const struct image *cand, const struct replay_host *host,
		struct replay **ret)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct replay){ .from = from, .a = cand_a, .img = cand, .host = *host };
	if (match_roles(r) < 0) {
		free(r);
		return -ENOMEM;
	}
	match_rest(r);
	*ret = r;
	return 0;
}

void replay_close(struct replay *r)
{
	free(r);
}

/* ---- one record ---- */

/* Was this role on by itself? The record says which were on; one that others bring too may have been on through them alone. */
static enum replay_known recorded_role(const struct replay *r, const struct recorded *rec, uint32_t old)
{
	const struct pw_gen *g = r->from->img.gen;

	if (!(rec->facts.roles >> old & 1))
		return REPLAY_NO;
	for (uint32_t i = 0; i < PW_ROLES_MAX; i++)
		if (i != old && (rec->facts.roles >> i & 1) && (g->startable >> i & 1) && (g->closure[i] >> old & 1))
			return REPLAY_UNKNOWN;
	return REPLAY_YES;
}

/* Roles with the same clauses are on by themselves all together: one that was off settles it, and so does one that was on alone. */
static enum replay_known recorded_like(const struct replay *r, const struct recorded *rec, uint32_t role)
{
	enum replay_known known = REPLAY_UNKNOWN;

	for (uint32_t k = 0; k < PW_ROLES_MAX; k++) {
		enum replay_known one = r->like[role] >> k & 1 ? recorded_role(r, rec, k) : REPLAY_UNKNOWN;

		if (one != REPLAY_UNKNOWN)
			known = one;
	}
	return known;
}

static enum replay_known either(enum replay_known a, enum replay_known b)
{
	return a == REPLAY_YES || b == REPLAY_YES ? REPLAY_YES : a == REPLAY_UNKNOWN || b == REPLAY_UNKNOWN ? REPLAY_UNKNOWN : REPLAY_NO;
}

static enum replay_known in_group(const struct replay *r, const struct recorded *rec, uint32_t gid, bool loose)
{
	const uint32_t *gids;
	size_t count;

	if (!loose && !pw_groups_count(rec->uid, rec->login_uid))
		return REPLAY_NO;
	if (!r->host.gids || r->host.gids(r->host.ctx, rec->uid, &gids, &count) < 0)
		return REPLAY_UNKNOWN;
	for (size_t i = 0; i < count; i++)
		if (gids[i] == gid)
			return REPLAY_YES;
	return REPLAY_NO;
}

static enum replay_known is_user(const struct recorded *rec, uint32_t uid, bool loose)
{
	if (loose)
		return rec->uid == uid || rec->login_uid == uid ? REPLAY_YES : REPLAY_NO;
	return rec->uid == uid && pw_user_counts(rec->uid, rec->login_uid) ? REPLAY_YES : REPLAY_NO;
}

static enum replay_known runs(const struct replay *r, const struct recorded *rec, uint64_t roles)
{
	enum replay_known known = REPLAY_NO;

	for (uint32_t i = 0; i < r->img->count[PW_SEC_PROGRAMS]; i++)
		if (r->img->programs[i].roles & roles)
			known = either(known, r->host.program ? r->host.program(r->host.ctx, rec, i) : REPLAY_UNKNOWN);
	return known;
}

static enum replay_known in_unit(const struct replay *r, const struct recorded *rec, uint64_t roles)
{
	enum replay_known known = REPLAY_NO;

	for (uint32_t i = 0; i < r->img->count[PW_SEC_UNITS]; i++)
		if (r->img->units[i].roles & roles)
			known = either(known, r->host.unit ? r->host.unit(r->host.ctx, rec, image_str(r->img, r->img->units[i].name)) :
							     REPLAY_UNKNOWN);
	return known;
}

static enum replay_known is_member(const struct replay *r, const struct recorded *rec, uint32_t role)
{
	bool loose = r->img->gen->loose >> role & 1;
	enum replay_known known = REPLAY_NO;

	for (uint32_t i = 0; i < r->img->count[PW_SEC_ATTRS]; i++) {
		const struct pw_img_attr *at = &r->img->attrs[i];

		if (at->roles >> role & 1)
			known = either(known, at->kind == PW_ATTR_UID ? is_user(rec, at->id, loose) : in_group(r, rec, at->id, loose));
	}
	return known;
}

/* From what the host says today: the first clause that is certain not to hold settles it. */
static enum replay_known role_today(const struct replay *r, const struct recorded *rec, uint32_t role, enum replay_why *ret_why)
{
	const struct pw_gen *g = r->img->gen;
	uint64_t bit = UINT64_C(1) << role;
	enum replay_known member = g->members_any & bit ? REPLAY_YES : is_member(r, rec, role);
	enum replay_known program = g->program_any & bit ? REPLAY_YES : runs(r, rec, bit);
	enum replay_known unit = g->unit_any & bit ? REPLAY_YES : in_unit(r, rec, bit);

	if (member == REPLAY_NO || program == REPLAY_NO || unit == REPLAY_NO)
		return REPLAY_NO;
	if (member == REPLAY_YES && program == REPLAY_YES && unit == REPLAY_YES)
		return REPLAY_YES;
	*ret_why = member == REPLAY_UNKNOWN ? REPLAY_GROUPS : program == REPLAY_UNKNOWN ? REPLAY_PROGRAM : REPLAY_UNIT;
	return REPLAY_UNKNOWN;
}

struct roles { uint64_t on, open; enum replay_why why; bool today; }; /* today: this host was asked about some of them */

/* ask: about what the record does not say, ask this host; otherwise it stays open. */
static void roles_of(const struct replay *r, const struct recorded *rec, bool ask, struct roles *ret)
{
	const struct pw_gen *g = r->img->gen;

	*ret = (struct roles){ .why = REPLAY_TOO_OPEN };
	for (uint32_t i = 0; i < r->img->count[PW_SEC_ROLES]; i++) {
		enum replay_known known = recorded_like(r, rec, i);
		enum replay_why why = REPLAY_TOO_OPEN;

		if (!(g->startable >> i & 1))
			continue;
		if (known == REPLAY_UNKNOWN && ask) {
			known = role_today(r, rec, i, &why);
			ret->today = true;
		}
		if (known == REPLAY_YES)
			ret->on |= UINT64_C(1) << i;
		else if (known == REPLAY_UNKNOWN)
			ret->open |= UINT64_C(1) << i;
		if (known == REPLAY_UNKNOWN && ret->why == REPLAY_TOO_OPEN)
			ret->why = why;
	}
	ret->on = pw_roles_close(g, ret->on);
	ret->open &= ~ret->on;
}

static uint32_t windows_of(const struct replay *r, const struct recorded *rec)
{
	int64_t next;
	uint32_t computed = table_windows(r->img, rec->utc_s, &next), open = 0;

	for (uint32_t i = 0; i < r->img->count[PW_SEC_WINDOWS]; i++) {
		uint32_t bits = r->window_like[i] == AST_NONE ? computed : rec->facts.windows;

		open |= (bits >> (r->window_like[i] == AST_NONE ? i : r->window_like[i]) & 1) << i;
	}
	return open;
}

void replay_inputs(const struct replay *r, const struct recorded *rec, uint64_t *ret_roles, uint32_t *ret_windows, uint32_t *ret_purpose)
{
	struct roles roles;

	roles_of(r, rec, true, &roles);
	*ret_roles = roles.on;
	*ret_windows = windows_of(r, rec);
	*ret_purpose = rec->facts.purpose <= PW_PURPOSES_MAX ? r->purpose_like[rec->facts.purpose] : 0;
}

/* Every way in which what is open could have been. */
static enum replay_why decide(const struct replay *r, const struct recorded *rec, const struct roles *roles, struct replay_answer *ret)
{
	uint64_t bits[OPEN_MAX_BITS];
	uint32_t count = 0;
	struct pw_facts f = { .windows = windows_of(r, rec), .mfa_age_s = rec->facts.mfa_age_s,
			      .purpose = rec->facts.purpose <= PW_PURPOSES_MAX ? r->purpose_like[rec->facts.purpose] : 0 };

	for (uint32_t i = 0; i < PW_ROLES_MAX; i++) {
		if (!(roles->open >> i & 1))
			continue;
		if (count == OPEN_MAX_BITS)
			return REPLAY_TOO_OPEN;
		bits[count++] = UINT64_C(1) << i;
	}
	for (uint32_t set = 0; set < 1u << count; set++) {
		struct pw_decision d;
		uint64_t on = roles->on;

		for (uint32_t i = 0; i < count; i++)
			on |= set >> i & 1 ? bits[i] : 0;
		f.roles = pw_roles_close(r->img->gen, on);
		d = table_decide(r->img, table_row(r->img, f.roles), ret->label, &f, rec->need);
		if (!set)
			ret->decision = d;
		else if (ret->decision.verdict != d.verdict)
			return roles->why;
		/* The same answer for different reasons: then it has none to be named. */
		if (set && ret->decision.rule != d.rule) {
			ret->decision.rule = 0;
			ret->decision.reason = PW_R_NONE;
		}
	}
	return REPLAY_DECIDED;
}

int replay_one(struct replay *r, const struct recorded *rec, const char *path, size_t path_len_bytes, struct replay_answer *ret)
{
	struct replay_answer out = { .why = REPLAY_BY_OTHERS };
	struct roles roles;

	if (rec->reason == PW_R_RULE || rec->reason == PW_R_ABSOLUTE || rec->reason == PW_R_DEFAULT)
		out.why = replay_where(&r->from->img, r->img, rec, path, path_len_bytes, &out.label);
	if (out.why == REPLAY_DECIDED && out.label == PW_LABEL_OUTSIDE) {
		out.outside = true;
		out.decision = (struct pw_decision){ .verdict = PW_ALLOW, .reason = PW_R_NONE };
	} else if (out.why == REPLAY_DECIDED) {
		struct replay_answer alone = out;

		roles_of(r, rec, true, &roles);
		out.why = decide(r, rec, &roles, &out);
		/* Did it matter what this host says today? Not if the record alone gives the same answer. */
		if (out.why == REPLAY_DECIDED && roles.today) {
			roles_of(r, rec, false, &roles);
			out.today = decide(r, rec, &roles, &alone) != REPLAY_DECIDED;
		}
	}
	*ret = out;
	return 0;
}
