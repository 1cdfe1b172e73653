/* SPDX-License-Identifier: Apache-2.0 */
/* A question's subject as the tables see it: the same roles, windows and facts that the kernel would compute for such a task. */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "policy/stamp.h"

static int gids_of(const struct names *n, const struct question *q, uint32_t **ret, size_t *ret_count)
{
	uint32_t *gids;
	size_t count = 0;

	*ret = NULL;
	*ret_count = 0;
	if (!q->has_groups) {
		int r = q->user ? n->gids(n->ctx, q->user, ret, ret_count) : 0;

		return r == -ENOENT ? 0 : r;
	}
	gids = calloc(q->groups_count + 1, sizeof(*gids));
	if (!gids)
		return -ENOMEM;
	for (size_t i = 0; i < q->groups_count; i++)
		if (n->gid(n->ctx, q->groups[i], &gids[count]) == 0)
			count++;
	*ret = gids;
	*ret_count = count;
	return 0;
}

/* A digest that is not stated is not fulfilled. */
static bool runs(const struct ast_program *p, const char *path, const struct image *img, const struct pw_img_program *q)
{
	if (strcmp(p ? p->exe.text : path, image_str(img, q->path)) != 0)
		return false;
	return !q->has_verity || (p && p->has_verity && memcmp(p->verity, q->verity, sizeof(p->verity)) == 0);
}

static uint64_t program_roles(const struct ast *a, const struct image *img, const char *program)
{
	const struct ast_program *p = NULL;
	uint64_t roles = 0;

	for (size_t i = 0; i < a->programs.count; i++)
		if (strcmp(a->programs.v[i].name.text, program) == 0)
			p = &a->programs.v[i];
	for (__u32 i = 0; i < img->count[PW_SEC_PROGRAMS]; i++)
		if (runs(p, program, img, &img->programs[i]))
			roles |= img->programs[i].roles;
	return roles;
}

int policy_roles(const struct ast *a, const struct image *img, const struct names *n, const struct question *q, uint64_t *ret)
{
	struct table_who who = { .uid = TABLE_ID_NONE, .login_uid = TABLE_ID_NONE };
	_free_ uint32_t *gids = NULL;
	int r = gids_of(n, q, &gids, &who.gids_count);

	if (r < 0)
		return r;
	if (q->user)
		(void)n->uid(n->ctx, q->user, &who.uid);
	who.gids = gids;
	if (q->program)
		who.programs = program_roles(a, img, q->program);
	for (__u32 i = 0; q->unit && i < img->count[PW_SEC_UNITS]; i++)
		if (strcmp(q->unit, image_str(img, img->units[i].name)) == 0)
			who.units |= img->units[i].roles;
	*ret = table_roles(img->gen, img->attrs, img->count[PW_SEC_ATTRS], &who);
	return 0;
}

int explain_facts(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		  struct pw_facts *ret)
{
	struct pw_facts f = { .mfa_age_s = PW_MFA_NEVER };
	int64_t next;
	uint64_t roles = 0;
	int r = policy_roles(a, img, n, q, &roles);

	if (r < 0)
		return r;
	f.roles = roles;
	f.windows = table_windows(img, q->at_utc_s, &next);
	if (q->has_mfa)
		f.mfa_age_s = q->mfa_age_s < PW_MFA_NEVER ? (uint32_t)q->mfa_age_s : PW_MFA_NEVER - 1;
	for (__u32 i = 0; q->purpose && i < img->count[PW_SEC_PURPOSES]; i++)
		if (strcmp(q->purpose, image_str(img, img->purposes[i])) == 0)
			f.purpose = 1 + i;
	*ret = f;
	return 0;
}

struct pw_decision explain_decide(const struct image *img, const struct pw_facts *f, uint32_t store_idx, uint32_t action_bit)
{
	return table_decide(img, table_row(img, f->roles), store_idx == AST_NONE ? PW_LABEL_OUTSIDE : 1 + store_idx, f,
			    table_need(action_bit));
}

uint32_t explain_window(const struct ast *a, const struct image *img, uint32_t time_idx)
{
	for (__u32 i = 0; i < img->count[PW_SEC_WINDOWS]; i++)
		if (!img->windows[i].until_utc_s &&
		    strcmp(image_str(img, img->windows[i].name), a->times.v[time_idx].name.text) == 0)
			return i;
	return AST_NONE;
}

uint32_t explain_until(const struct image *img, int64_t until_utc_s)
{
	for (__u32 i = 0; i < img->count[PW_SEC_WINDOWS]; i++)
		if (img->windows[i].until_utc_s == until_utc_s)
			return i;
	return AST_NONE;
}

void explain_clock(const struct image *img, uint32_t window, int64_t utc_s, struct buf *b)
{
	const struct pw_img_window *w = &img->windows[window];
	int32_t offset_s = 0;

	for (__u32 i = 0; i < w->shift_count; i++)
		if (i == 0 || img->shifts[w->shift_first + i].from_utc_s <= utc_s)
			offset_s = img->shifts[w->shift_first + i].offset_s;
	stamp_add(b, utc_s + offset_s);
}

/* A condition on users, groups, several roles, programs or units is a hidden role with these words for a name. */
static bool hidden_holds(const struct ast *a, const struct image *img, const struct pw_facts *f, const struct ast_cond *cond, bool takes_away)
{
	bool loose = takes_away && (cond->kind == AST_COND_USER || cond->kind == AST_COND_GROUP);
	_buf_ struct buf words = BUF_INIT;

	/* Two such roles can have the same words: one for what gives, one for what takes away (pw_members() in decide.h). */
	explain_cond_words(a, cond, &words);
	for (__u32 i = 0; !words.failed && i < img->count[PW_SEC_ROLES]; i++)
		if ((img->roles[i].flags & PW_ROLE_HIDDEN) && (f->roles >> i & 1) && loose == (img->gen->loose >> i & 1) &&
		    strcmp(image_str(img, img->roles[i].name), words.data) == 0)
			return true;
	return false;
}

bool explain_atom_holds(const struct ast *a, const struct image *img, const struct pw_facts *f, const struct ast_cond *cond,
			bool takes_away)
{
	switch (cond->kind) {
	case AST_COND_MFA:
		return f->mfa_age_s != PW_MFA_NEVER && f->mfa_age_s <= cond->mfa_within_s;
	case AST_COND_DURING:
	case AST_COND_PURPOSE:
	case AST_COND_ROLE:
		for (size_t i = 0; i < cond->values.count; i++) {
			uint32_t v = cond->value_idx[i];

			if (cond->kind == AST_COND_DURING)
				v = explain_window(a, img, v);
			if ((cond->kind == AST_COND_DURING && v != AST_NONE && (f->windows >> v & 1)) ||
			    (cond->kind == AST_COND_PURPOSE && f->purpose == 1 + v) ||
			    (cond->kind == AST_COND_ROLE && (f->roles >> v & 1)))
				return true;
		}
		return false;
	case AST_COND_USER:
	case AST_COND_GROUP:
	case AST_COND_PROGRAM:
	case AST_COND_UNIT:
	default:
		return hidden_holds(a, img, f, cond, takes_away);
	}
}

void explain_subject(const struct question *q, struct buf *b)
{
	if (q->user)
		buf_printf(b, "user %s", q->user);
	else
		buf_add_str(b, "an unnamed user");
}
