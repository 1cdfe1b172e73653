/* SPDX-License-Identifier: Apache-2.0 */
/* For tests behind the front end: a policy from a string, compiled and checked. Moments are fixed: nothing depends on the clock. */
#ifndef UNIT_BACK_H
#define UNIT_BACK_H

#include "front.h"

#define BACK_NOW INT64_C(1795000000) /* 2026-11-18T11:06:40Z, a Wednesday */

struct back { struct front f; struct buf bytes; struct image img; struct err e; };

static inline void back_close(struct back *b)
{
	buf_free(&b->bytes);
	front_close(&b->f);
}
#define _back_ __attribute__((cleanup(back_close)))

/* 0, or an error with the messages in b->f.d. */
static inline int back_open(struct back *b, const char *text)
{
	char *copy = strdup(text);
	int r = copy ? front_open(&b->f, copy) : -ENOMEM;

	free(copy);
	if (r == 0)
		r = policy_compile(b->f.a, &b->f.n, BACK_NOW, &b->f.d, &b->bytes);
	if (r == 0)
		r = image_check(b->bytes.data, b->bytes.len_bytes, &b->img, &b->e);
	for (size_t i = 0; r < 0 && i < b->f.d.count; i++)
		printf("# %s: %s\n", b->f.d.v[i].code, b->f.d.v[i].text);
	return r;
}

static inline bool back_found(const struct back *b, const char *code)
{
	for (size_t i = 0; i < b->f.d.count; i++)
		if (strcmp(b->f.d.v[i].code, code) == 0)
			return true;
	return false;
}

static inline uint64_t back_roles(const struct back *b, struct question q)
{
	uint64_t roles = 0;

	q.at_utc_s = BACK_NOW;
	return policy_roles(b->f.a, &b->img, &b->f.n, &q, &roles) < 0 ? UINT64_MAX : roles;
}

static inline struct pw_decision back_ask(const struct back *b, const char *user, const char *store, uint32_t need)
{
	struct question q = { .user = user, .at_utc_s = BACK_NOW };
	struct pw_facts f = { .mfa_age_s = PW_MFA_NEVER };
	int64_t next;
	uint32_t label = 0;

	f.roles = back_roles(b, q);
	f.windows = table_windows(&b->img, BACK_NOW, &next);
	for (uint32_t i = 1; i < b->img.count[PW_SEC_STORES]; i++)
		if (strcmp(image_str(&b->img, b->img.stores[i].name), store) == 0)
			label = i;
	return table_decide(&b->img, table_row(&b->img, f.roles), label, &f, need);
}

static inline const char *back_rule(const struct back *b, uint32_t rule)
{
	return rule ? image_str(&b->img, b->img.rules[rule].name) : "default";
}

#define BACK_HEAD "polyward 1\npolicy p { version 1 }\nadmin { members user:root may apply }\nstore s { path /srv/s class phi }\n"

#endif
