/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The differential test's parts among themselves: a random host, random policies as trees (no text needed), random accesses, and a
 * slow interpreter that shares no code with the compiler or with decide.h. Everything follows from one seed.
 */
#ifndef WORLD_H
#define WORLD_H

#include "policy/policy.h"

/* ---- world.c: the host ---- */
#define WORLD_USERS  8u
#define WORLD_GROUPS 6u
#define WORLD_ZONES  3u
#define WORLD_NOW    1790000000  /* UTC seconds at which policies are compiled; accesses come later */

struct random { uint64_t state; };
uint32_t random_below(struct random *r, uint32_t n);
bool random_one_in(struct random *r, uint32_t n);

struct world {
	char users[WORLD_USERS][8], groups[WORLD_GROUPS][8], zones[WORLD_ZONES][16];
	uint32_t uids[WORLD_USERS], gids[WORLD_GROUPS];
	bool member[WORLD_USERS][WORLD_GROUPS];
	bool listed[WORLD_USERS];            /* some users are known by name but not listed, as with LDAP */
	struct names_shift shifts[WORLD_ZONES][8];
	size_t shifts_count[WORLD_ZONES];
	struct names names;
};
void world_make(struct world *w, struct random *r);

/* ---- generate.c: policies and accesses ---- */
struct ast *generate_policy(const struct world *w, struct random *r);

struct access {
	uint32_t uid, login_uid;             /* 0xffffffff: never set */
	uint32_t gids[WORLD_GROUPS]; size_t gids_count;
	uint32_t program;                    /* index into the policy's programs, AST_NONE: another one */
	const char *unit;                    /* NULL: none */
	uint32_t purpose;                    /* index, AST_NONE: none declared */
	bool has_mfa; uint32_t mfa_age_s;
	int64_t utc_s;
	uint32_t store;                      /* index */
	uint32_t need;
};
void generate_access(const struct world *w, const struct ast *a, struct random *r, struct access *ret);

/* ---- interpret.c: what the policy's words say ---- */
struct answer { uint32_t verdict, reason, rule, missing; };
struct answer interpret(const struct world *w, const struct ast *a, const struct access *x);

/* ---- probe.c: the kernel's copy, in a program that is never attached ---- */
struct probe;
struct probe_query { uint32_t row, label, need; struct pw_facts facts; };
struct probe_answer { struct pw_decision walk, single; uint32_t fast; }; /* single: over the rows of single roles */
int probe_open(struct probe **ret);                                  /* -errno: this kernel does not let us */
int probe_load(struct probe *p, const struct image *img);            /* the tables of one policy */
int probe_ask(struct probe *p, const struct probe_query *q, struct probe_answer *ret);
void probe_close(struct probe *p);

#endif
