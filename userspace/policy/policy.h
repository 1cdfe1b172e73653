/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy compiler: text to AST to image, and the questions one can ask of it. Pure: files are read through a callback, users
 * and zones through struct names, the time is an argument. Nothing here prints.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "base/buf.h"
#include "names/names.h"
#include "policy/ast.h"
#include "policy/diag.h"
#include "policy/image.h"

/* Reads one file whole: malloc'd, NUL-terminated text. `path` is as written in the policy, relative to the including file's
 * folder already joined ("parts/roles.pw"). Errors: -errno. */
struct policy_reader {
	void *ctx;
	int (*read)(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes);
	size_t max_bytes; /* of one file; 0: 1 MiB, which is what a person can read */
};

/* parse.c, resolve.c. 0 and *ret; -EINVAL: messages are in d; -ENOMEM. *ret is owned by the caller (ast_free, free). */
int policy_parse(const struct policy_reader *r, const char *path, struct diags *d, struct ast **ret);
/* Fill in the indexes; unknown names, cycles, users and groups that the name service does not know are errors. */
int policy_resolve(struct ast *a, const struct names *n, struct diags *d);

/* print.c: canonical text (polyward fmt); comments are kept where they stand before a statement or a field, or behind it. */
int policy_format(const struct sources *s, const struct ast *a, struct buf *ret);
/* The same for a policy of several files as one text that parses by itself: included files in their place, comments left out. */
int policy_source(const struct ast *a, struct buf *ret);
/* json.c: canonical JSON twin: keys and sets sorted, no comments, no places. This is what is hashed. */
int policy_json(const struct ast *a, struct buf *ret);
int policy_hash(const struct ast *a, uint8_t ret[static 32]);

/* check.c: findings about a resolved policy as warnings and errors: shadowed, unreachable and contradictory rules, unused
 * declarations, separation of duty, a policy that nobody could change, rules that this version cannot satisfy. */
int policy_check(const struct ast *a, const struct names *n, struct diags *d);

/* compile.c: resolved AST to image bytes. -EINVAL: does not fit, the message says what to merge. */
int policy_compile(const struct ast *a, const struct names *n, int64_t now_utc_s, struct diags *d, struct buf *ret_image);

/* Whose access is asked about. Names as in ast_subject; program: a program's name in the policy or a path. */
struct question {
	const char *user;
	const char *const *groups; size_t groups_count; bool has_groups;
	const char *program, *unit, *purpose;
	bool has_mfa; uint64_t mfa_age_s;
	int64_t at_utc_s;
};

/* explain.c: one decision with everything that led to it. */
enum atom_state { ATOM_HOLDS, ATOM_FAILS };
struct explain_atom {
	enum atom_state state;
	char *text;      /* "during clinic: open mon-fri 07:00-19:00 Europe/Berlin; it is 23:00 there" */
};
struct explain_rule {
	uint32_t rule_idx;         /* into ast.rules */
	bool decided;
	bool names_role;           /* false: none of its roles is on; atoms say why not */
	struct explain_atom *atoms; size_t atoms_count;
};
struct explain_change {        /* a smallest change that turns the outcome, re-decided by the same function */
	char *text;                /* "be a member of group radiology" */
	bool now_allowed;
	uint32_t cost;             /* recorded decisions: second factor 1, purpose 2, time 3, program or unit 4, membership 5, summed */
	char *rule;                /* that would decide then; NULL: by default */
};
struct explanation {
	struct pw_decision decision;
	uint32_t action_bit, store_idx;    /* store_idx AST_NONE: outside every store. action_bit 0: a recorded need of several */
	uint32_t need;
	uint64_t roles;
	char *sentence;                    /* "refused: no rule allows read on scans to user ann (roles: annotator)" */
	struct explain_rule *rules; size_t rules_count;      /* the rules on this store and action, deciding one first */
	struct explain_change *changes; size_t changes_count;
	struct explain_change *futile; size_t futile_count;  /* would meet an allow, but a deny (rule) holds: recorded refusals only */
};
int policy_explain(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		   uint32_t action_bit, uint32_t store_idx, struct explanation *ret, struct err *e);
void explanation_free(struct explanation *x);
/* The store that owns an absolute path by its text (nearest root above), or AST_NONE. */
uint32_t policy_store_at(const struct ast *a, const char *path);
uint32_t policy_action_bit(const char *word); /* AST_NONE: no such action */
/* Roles of a question: inherited ones included. -ENOMEM, or what the name service says. */
int policy_roles(const struct ast *a, const struct image *img, const struct names *n, const struct question *q, uint64_t *ret);

/* who.c: exact answers from the rules' boxes. One row per role and store with the conditions left over, as text. */
struct grant_row {
	char *role;          /* or "any" */
	char *members;       /* "group:radiology", "user:svc-train program trainer" */
	char *store;
	uint32_t actions;    /* enum pw_action bits */
	char *conditions;    /* "during clinic, purpose diagnosis"; "" : always */
	char *rule;          /* the allowing rule */
};
struct grant_rows { struct grant_row *v; size_t count; };
int policy_who_can(const struct ast *a, uint32_t action_bit, uint32_t store_idx, struct grant_rows *ret);
int policy_what_can(const struct ast *a, const struct image *img, const struct names *n, const struct question *q, struct grant_rows *ret);
void grant_rows_free(struct grant_rows *g);

#endif
