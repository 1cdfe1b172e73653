/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as it was written, names still names, every node with its place in the text. parse.c builds it, resolve.c fills
 * in the indexes (marked "resolved"), everything else only reads it. Lists keep the order of the text; print.c sorts.
 */
#ifndef POLICY_AST_H
#define POLICY_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diag.h"

#define AST_NONE UINT32_MAX

struct ast_word  { char *text; struct span span; };
struct ast_words { struct ast_word *v; size_t count; };

/* user:NAME, group:NAME; in conditions the kind is said by the keyword before it. */
struct ast_member {
	bool is_group;
	struct ast_word name;
	uint32_t id;                 /* resolved: uid or gid */
};
struct ast_members { struct ast_member *v; size_t count; };

enum ast_mode { AST_MODE_ENFORCE, AST_MODE_AUDIT };

enum ast_tighten_kind { AST_TIGHTEN_UNSAID, AST_TIGHTEN_LEAVE, AST_TIGHTEN_KILL };
struct ast_tighten {              /* on-tighten leave|kill at once|kill after D */
	enum ast_tighten_kind kind;
	uint32_t kill_after_s;       /* 0: at once */
	struct span span;            /* of the field's word */
};

struct ast_policy {               /* policy NAME { version V owner "O" mode enforce|audit [until T] log all|denied guard sealed on-tighten ... } */
	struct ast_word name, version, owner;
	enum ast_mode mode;
	int64_t audit_until_utc_s;   /* 0: no limit */
	bool log_denied_only;        /* default: log all */
	bool sealed; struct span sealed_span;
	struct ast_tighten on_tighten; /* of the stores that say nothing; default: leave */
	struct span span;
};

struct ast_admin {                /* admin { members M  may apply, rollback, down, read log  [when mfa within D] } */
	struct ast_members members;
	uint32_t may;                /* enum pw_may */
	bool has_mfa; uint64_t mfa_within_s;
	struct span span;
};

struct ast_time {                 /* time NAME { days mon-fri, sun  hours HH:MM-HH:MM  zone Z } */
	struct ast_word name, zone;  /* zone defaults to UTC; hours to the whole day; days to all */
	uint32_t days;               /* bit 0 Monday */
	uint16_t start_min, end_min;
	struct span span;
	bool used;                   /* resolved: some rule asks for it */
};

struct ast_purpose { struct ast_word name, text; struct span span; };

struct ast_program {              /* program NAME { exe PATH [verity sha256:HEX] } */
	struct ast_word name, exe;
	bool has_verity; uint8_t verity[32];
	struct span span;
};

struct ast_store {                /* store NAME { path P  modality M  class C  mode audit [until T]  strict  on-tighten ... } */
	struct ast_word name, path, modality, class_;
	enum ast_mode mode;
	int64_t audit_until_utc_s;
	bool strict; struct span strict_span;
	struct ast_tighten on_tighten;
	struct span span;
};

struct ast_role {                 /* role NAME { members ...  program P, ...  unit U, ...  inherits R, ...  abstract } */
	struct ast_word name;
	struct ast_members members;
	struct ast_words programs, units, inherits;
	uint32_t *program_idx;       /* resolved, one each */
	uint32_t *inherit_idx;       /* resolved, one each */
	uint64_t closure;            /* resolved: bits of itself and all it inherits from */
	bool abstract;
	struct span span;
};

struct ast_separate {             /* separate static { A, B } at-most N */
	struct ast_words roles;
	uint32_t *role_idx;          /* resolved */
	uint32_t at_most;
	struct span span;
};

enum ast_cond_kind {
	AST_COND_DURING,   /* during TIME | { TIME, ... }: any of them */
	AST_COND_PURPOSE,  /* purpose NAME | set */
	AST_COND_MFA,      /* mfa within DURATION */
	AST_COND_USER,     /* user NAME | set */
	AST_COND_GROUP,    /* group NAME | set */
	AST_COND_ROLE,     /* role NAME | set */
	AST_COND_PROGRAM,  /* program NAME | set */
	AST_COND_UNIT,     /* unit NAME | set */
};

/* One atom: true if any of its values holds. "when" atoms must all hold; the rule is off as soon as one "unless" atom holds. */
struct ast_cond {
	enum ast_cond_kind kind;
	struct ast_words values;
	uint32_t *value_idx;         /* resolved: index of time, purpose, role, program; uid or gid; unused for units */
	uint64_t mfa_within_s;
	struct span span;
};
struct ast_conds { struct ast_cond *v; size_t count; };

enum ast_on_kind { AST_ON_STORES, AST_ON_CLASS, AST_ON_ANY };

struct ast_rule {                 /* rule NAME { allow|deny WHO  to A  on S | class C | any  when ...  unless ...  absolute  mode audit [until T] | until T } */
	struct ast_word name;
	bool deny, absolute;
	bool any_role;               /* "deny any", "allow any" */
	struct ast_words roles;
	uint32_t *role_idx;          /* resolved */
	struct ast_words actions;
	uint32_t action_mask;        /* resolved: as written, without what they bring */
	enum ast_on_kind on_kind;
	struct ast_words on;         /* stores, or classes */
	uint32_t *store_idx; size_t store_idx_count; /* resolved: all stores meant, ascending */
	struct ast_conds when, unless;
	enum ast_mode mode;
	int64_t audit_until_utc_s;
	int64_t until_utc_s;         /* of an allow: from then on it allows nothing; 0: no end */
	struct span span;
};

struct ast_subject {              /* as user U  groups G, ...  program P  unit U  mfa D  at T  purpose P */
	struct ast_word user, program, unit, purpose;
	struct ast_words groups;
	bool has_groups;             /* unsaid: the groups that the name service gives the user */
	bool has_mfa; uint64_t mfa_age_s;
	bool has_at; int64_t at_utc_s; /* unsaid: the moment of the check */
	char *at_text;               /* as written, without zone: local time in at_zone, or UTC when it ends in Z */
	uint32_t program_idx, purpose_idx; /* resolved, or AST_NONE */
	struct span span;
};

struct ast_expect {               /* expect allow|deny ACTION on STORE [by RULE|default] */
	bool deny;
	struct ast_word action, store, by;
	uint32_t action_bit, store_idx, rule_idx; /* resolved; rule_idx AST_NONE: "by default" */
	bool has_by;
	struct span span;
};

struct ast_case { struct ast_subject as; struct ast_expect *expects; size_t expects_count; };

struct ast_test { struct ast_word name; struct ast_case *cases; size_t cases_count; struct span span; };

#define AST_LIST(type) struct { type *v; size_t count; }

struct ast {
	int version;
	bool has_policy;
	struct ast_policy policy;
	AST_LIST(struct ast_admin) admins;     /* at most one, after check */
	AST_LIST(struct ast_time) times;
	AST_LIST(struct ast_purpose) purposes;
	AST_LIST(struct ast_program) programs;
	AST_LIST(struct ast_store) stores;
	AST_LIST(struct ast_role) roles;
	AST_LIST(struct ast_separate) separates;
	AST_LIST(struct ast_rule) rules;
	AST_LIST(struct ast_test) tests;
	struct ast_words includes;             /* as written; their statements stand in the lists above */
};

void ast_free(struct ast *a);
/* What holds for a store: its own word, else the policy's, else leave. Never AST_TIGHTEN_UNSAID. */
struct ast_tighten ast_tighten(const struct ast *a, const struct ast_store *s);

#endif
