/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler's parts among themselves. Order: roles (bits, hidden roles of conditions), windows, clauses (rules as entries to
 * be), rows (role sets worth a row of their own), tests, cells, and last the bytes. Each part reports what does not fit with the
 * sentence that says what to merge, and never leaves out what it cannot express.
 */
#ifndef POLICY_COMPILE_H
#define POLICY_COMPILE_H

#include "policy/intern.h"
#include "policy/layout.h"
#include "policy/policy.h"

/* A rule, or one alternative of it: an entry before it stands in a cell. */
struct clause {
	uint64_t roles;            /* one of these must be active, unless any_role */
	uint64_t need, forbid;     /* role bits */
	uint32_t actions, rule;    /* brought ones included; 1-based rule */
	uint16_t cond;
	uint8_t  effect, flags;    /* enum pw_effect, enum pw_entry_flag */
	bool     any_role;
};

struct hidden { enum ast_cond_kind kind; const struct ast_cond *cond; uint32_t bit; bool loose; };

struct compiler {
	const struct ast *a;
	const struct names *n;
	int64_t now_utc_s;
	struct diags *d;

	struct pw_gen gen;
	uint32_t roles_count;                 /* declared and hidden */
	struct hidden hidden[PW_ROLES_MAX]; uint32_t hidden_count;
	uint64_t *program_roles;              /* per program of the AST: roles that ask for it */
	uint32_t *time_window;                /* per time of the AST: its window, or AST_NONE */
	uint8_t *store_audit_window;          /* per store: 0, or 1 + window until which it audits */
	bool *store_audits;
	struct clause *clauses; size_t clauses_count, clauses_cap;

	struct intern strings, conds, rows, entries;
	struct buf sec[PW_SEC_MAX_];          /* sections that are not interned */
};

/* compile_roles.c */
int compile_roles(struct compiler *c);
uint64_t compile_closed(const struct compiler *c, uint64_t roles);
/*
 * Role bits that make a condition on a user, group, role, program or unit true: any of them. takes_away: the condition stands where,
 * if it holds, access is lost (when of a deny, unless of an allow).
 */
uint64_t compile_cond_role(const struct compiler *c, const struct ast_cond *cond, bool takes_away);
/* Roles that ask for this program, or for another with the same executable. */
uint64_t compile_program_roles(const struct ast *a, const uint64_t *program_roles, uint32_t program);

/* window.c */
int compile_windows(struct compiler *c);
uint32_t compile_until_window(const struct compiler *c, int64_t until_utc_s); /* window bit; it exists */
bool compile_still(const struct compiler *c, enum ast_mode mode, int64_t until_utc_s); /* audits at this moment? */

/* compile_rules.c */
int compile_rules(struct compiler *c);

/* compile_rows.c */
int compile_rows(struct compiler *c);

/* compile_cells.c */
int compile_cells(struct compiler *c);

/* compile_tests.c */
int compile_tests(struct compiler *c);
int compile_admins(struct compiler *c);

/* compile.c */
int compile_str(struct compiler *c, const char *text, __u32 *ret_off); /* NULL: "" */
int compile_place(struct compiler *c, struct span span, __u32 *ret_file, __u32 *ret_line);

#endif
