/* SPDX-License-Identifier: Apache-2.0 */
/* For tests over random policies and accesses of the differential test's world: a compiled policy, and what the kernel would be told. */
#ifndef UNIT_RANDOM_H
#define UNIT_RANDOM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../differential/world.h"
#include "base/err.h"
#include "policy/archive.h"

struct random_policy { struct ast *a; struct diags d; struct buf bytes; struct image img; };

static inline void random_policy_free(struct random_policy *p)
{
	ast_free(p->a);
	diags_free(&p->d);
	buf_free(&p->bytes);
	memset(p, 0, sizeof(*p));
}
#define _random_policy_ __attribute__((cleanup(random_policy_free)))

/* ---- the world's trees say some things twice, which no text may: what is left out changes nothing about their meaning ---- */

static inline void random_once(struct ast_words *w, uint32_t *idx)
{
	size_t out = 0;

	for (size_t i = 0; i < w->count; i++) {
		bool twice = false;

		for (size_t k = 0; k < out && !twice; k++)
			twice = strcmp(w->v[k].text, w->v[i].text) == 0;
		if (twice) {
			free(w->v[i].text);
			continue;
		}
		w->v[out] = w->v[i];
		if (idx)
			idx[out] = idx[i];
		out++;
	}
	w->count = out;
}

static inline void random_unit_names(struct ast_words *w)
{
	for (size_t i = 0; i < w->count; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "%.20s.service", w->v[i].text);
		free(w->v[i].text);
		w->v[i].text = strdup(text);
	}
}

static inline void random_tidy_role(struct ast_role *r)
{
	size_t out = 0;

	for (size_t i = 0; i < r->members.count; i++) {
		bool twice = r->abstract;

		for (size_t k = 0; k < out && !twice; k++)
			twice = r->members.v[k].is_group == r->members.v[i].is_group && r->members.v[k].id == r->members.v[i].id;
		if (twice)
			free(r->members.v[i].name.text);
		else
			r->members.v[out++] = r->members.v[i];
	}
	r->members.count = out;
	random_unit_names(&r->units);
	random_once(&r->units, NULL);
	random_once(&r->programs, r->program_idx);
	random_once(&r->inherits, r->inherit_idx);
	for (size_t i = 0; r->abstract && i < r->units.count; i++)
		free(r->units.v[i].text);
	for (size_t i = 0; r->abstract && i < r->programs.count; i++)
		free(r->programs.v[i].text);
	if (r->abstract)
		r->units.count = r->programs.count = 0;
	if (!r->members.count && !r->units.count && !r->programs.count)
		r->abstract = true;
}

/* A class that no store has is a fault in a text: such a rule means every store instead. */
static inline void random_tidy_class(const struct ast *a, struct ast_rule *r)
{
	for (size_t i = 0; r->on_kind == AST_ON_CLASS && i < r->on.count; i++) {
		bool some = false;

		for (size_t k = 0; k < a->stores.count && !some; k++)
			some = strcmp(a->stores.v[k].class_.text, r->on.v[i].text) == 0;
		if (some)
			continue;
		r->on_kind = AST_ON_ANY;
		for (size_t k = 0; k < r->on.count; k++)
			free(r->on.v[k].text);
		r->on.count = 0;
		free(r->store_idx);
		r->store_idx = calloc(a->stores.count, sizeof(*r->store_idx));
		r->store_idx_count = a->stores.count;
		for (uint32_t k = 0; k < a->stores.count; k++)
			r->store_idx[k] = k;
	}
}

static inline void random_tidy(struct ast *a)
{
	for (size_t i = 0; i < a->times.count; i++)
		if (a->times.v[i].start_min == a->times.v[i].end_min)
			a->times.v[i].start_min = a->times.v[i].end_min = 0;
	for (size_t i = 0; i < a->stores.count; i++)
		a->stores.v[i].on_tighten.kill_after_s &= 0xffff;
	for (size_t i = 0; i < a->roles.count; i++)
		random_tidy_role(&a->roles.v[i]);
	for (size_t i = 0; i < a->rules.count; i++) {
		struct ast_rule *r = &a->rules.v[i];

		random_once(&r->roles, r->role_idx);
		random_once(&r->actions, NULL);
		random_once(&r->on, NULL);
		random_tidy_class(a, r);
		for (size_t k = 0; k < r->when.count + r->unless.count; k++) {
			struct ast_cond *c = k < r->when.count ? &r->when.v[k] : &r->unless.v[k - r->when.count];

			if (c->kind == AST_COND_UNIT)
				random_unit_names(&c->values);
			random_once(&c->values, c->value_idx);
		}
	}
}

static inline void random_access(const struct world *w, const struct ast *a, struct random *r, struct access *ret)
{
	static const char *const units[][2] = { { "unit0", "unit0.service" }, { "unit1", "unit1.service" }, { "unit2", "unit2.service" } };

	generate_access(w, a, r, ret);
	for (size_t i = 0; ret->unit && i < 3; i++)
		if (strcmp(ret->unit, units[i][0]) == 0)
			ret->unit = units[i][1];
}

/* A policy can be too large for its tables now and then: then another one. */
static inline int random_policy_make(struct random_policy *p, const struct world *w, struct random *r)
{
	struct err e;

	for (int tries = 0; tries < 20; tries++) {
		p->a = generate_policy(w, r);
		random_tidy(p->a);
		if (policy_compile(p->a, &w->names, WORLD_NOW, &p->d, &p->bytes) == 0)
			return image_check(p->bytes.data, p->bytes.len_bytes, &p->img, &e);
		random_policy_free(p);
	}
	return -EINVAL;
}

/* The image as the log keeps it, read back with its text. */
static inline int random_archive(const struct random_policy *p, struct archived *ret, struct err *e)
{
	void *copy = malloc(p->bytes.len_bytes);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, p->bytes.data, p->bytes.len_bytes);
	return archived_open(copy, p->bytes.len_bytes, ret, e);
}

static inline void random_who(const struct image *img, const struct ast *a, const struct access *x, struct table_who *who)
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

static inline struct pw_facts random_facts(const struct image *img, const struct ast *a, const struct access *x)
{
	struct pw_facts f = { .mfa_age_s = x->has_mfa ? x->mfa_age_s : PW_MFA_NEVER,
			      .purpose = x->purpose == AST_NONE ? 0 : 1 + x->purpose };
	struct table_who who;
	int64_t next;

	random_who(img, a, x, &who);
	f.roles = table_roles(img->gen, img->attrs, img->count[PW_SEC_ATTRS], &who);
	f.windows = table_windows(img, x->utc_s, &next);
	return f;
}

static inline struct pw_decision random_decide(const struct image *img, const struct ast *a, const struct access *x)
{
	struct pw_facts f = random_facts(img, a, x);

	return table_decide(img, table_row(img, f.roles), 1 + x->store, &f, x->need);
}

#endif
