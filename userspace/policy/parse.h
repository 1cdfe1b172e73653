/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the parser: its state, the tables of statements and fields, and the value readers. Only parse*.c and print*.c include
 * this. A reader that returns false has said why; its caller skips to the next field or statement and goes on.
 */
#ifndef POLICY_PARSE_H
#define POLICY_PARSE_H

#include "policy/lex.h"
#include "policy/policy.h"

#define PARSE_FILE_MAX     (1u << 20) /* bytes of one policy file */
#define PARSE_FILES_MAX    64u        /* files of one policy */
#define PARSE_DEPTH_MAX    16u        /* includes inside includes */
#define PARSE_NAME_MAX     63u        /* bytes of a name */
#define PARSE_FIELDS_MAX   16u        /* fields of one kind of block */
#define PARSE_MFA_MAX_S    UINT64_C(0xfffffffe)

/* Fields, in the order in which the canonical form prints them. */
enum { POLICY_VERSION, POLICY_OWNER, POLICY_MODE, POLICY_LOG, POLICY_GUARD, POLICY_TIGHTEN };
enum { ADMIN_MEMBERS, ADMIN_MAY, ADMIN_WHEN };
enum { TIME_DAYS, TIME_HOURS, TIME_ZONE };
enum { PURPOSE_TEXT };
enum { PROGRAM_EXE, PROGRAM_VERITY };
enum { STORE_PATH, STORE_MODALITY, STORE_CLASS, STORE_MODE, STORE_STRICT, STORE_TIGHTEN };
enum { ROLE_ABSTRACT, ROLE_INHERITS, ROLE_MEMBERS, ROLE_PROGRAM, ROLE_UNIT };
enum { RULE_ALLOW, RULE_DENY, RULE_TO, RULE_ON, RULE_WHEN, RULE_UNLESS, RULE_ABSOLUTE, RULE_MODE, RULE_UNTIL };
enum { TEST_AS, TEST_EXPECT };

/* Where statements and fields lie in a text: what the formatter needs to keep comments in their place. */
struct mark {
	uint32_t start, open, end; /* offsets; open: the block's "{", 0 for a statement without one */
	int field;                 /* index of the field, or -1: a statement */
};
struct marks { struct mark *v; size_t count; };

struct kind_def;

struct parse_run {
	const struct policy_reader *reader; /* NULL: includes are not followed */
	struct diags *d;
	struct ast *a;
	struct marks *marks;                /* NULL: nobody asks */
	size_t files_count;
	bool nomem;
};

struct parser {
	struct parse_run *run;
	const struct parser *up;   /* the file that includes this one */
	const char *path;
	const char *text;
	uint32_t file, depth;
	const struct token *first, *tok;
	const struct kind_def *kind; /* the block that is being parsed, NULL outside */
};

enum head { HEAD_NONE, HEAD_NAME, HEAD_STRING };

struct field_def {
	const char *word;
	bool (*parse)(struct parser *p, void *node);
	bool repeats;
};

struct kind_def {
	const char *word;
	enum head head;
	/* Make the node; it takes the name over. NULL: no memory. */
	void *(*begin)(struct parser *p, struct ast_word name, struct span span);
	const struct field_def *fields;
	size_t fields_count;
	bool (*body)(struct parser *p, void *node);               /* instead of fields */
	void (*end)(struct parser *p, void *node, uint32_t seen); /* what is missing? may be NULL */
};

extern const struct kind_def parse_kind_policy, parse_kind_admin, parse_kind_time, parse_kind_purpose, parse_kind_program,
	parse_kind_store, parse_kind_role, parse_kind_rule, parse_kind_test;

/* parse_value.c */
struct span parse_span(const struct parser *p, const struct token *t);
struct span parse_span_to(const struct parser *p, const struct token *from); /* up to the token before the current one */
bool parse_at(const struct parser *p, const char *word);      /* is the current token this word? */
bool parse_accept(struct parser *p, const char *word);        /* ... and step over it */
bool parse_accept_kind(struct parser *p, enum token_kind kind);
/* "expected WHAT, found '...'" at the current token. Returns false. */
bool parse_expected(struct parser *p, const char *what);
bool parse_error(struct parser *p, const char *code, struct span span, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool parse_out_of_memory(struct parser *p);                   /* returns false */
bool parse_word(struct parser *p, const char *what, struct ast_word *ret);   /* word or string, not empty */
bool parse_name(struct parser *p, const char *what, struct ast_word *ret);   /* [a-z][a-z0-9-]* */
bool parse_path(struct parser *p, const char *what, struct ast_word *ret);   /* absolute, without "." and ".." */
bool parse_unit(struct parser *p, const char *what, struct ast_word *ret);
bool parse_principal(struct parser *p, const char *what, struct ast_word *ret); /* user or group name */
/* One value, a set of them, or several separated by commas; each one new. */
typedef bool (*parse_item)(struct parser *p, const char *what, struct ast_word *ret);
bool parse_list(struct parser *p, const char *what, parse_item item, struct ast_words *ret);
bool parse_one_or_set(struct parser *p, const char *what, parse_item item, struct ast_words *ret);
bool parse_members(struct parser *p, struct ast_members *ret);

/* parse_time.c */
bool parse_duration(struct parser *p, const char *what, uint64_t min_s, uint64_t *ret_s);
bool parse_mfa_within(struct parser *p, uint64_t *ret_s);     /* behind "mfa" */
bool parse_mode(struct parser *p, enum ast_mode *ret_mode, int64_t *ret_until_utc_s); /* behind "mode" */
bool parse_tighten(struct parser *p, struct ast_tighten *ret); /* behind "on-tighten" */
bool parse_moment(struct parser *p, const char *what, int64_t *ret_s, bool *ret_local);
bool parse_until(struct parser *p, int64_t *ret_utc_s); /* behind "until" */

/* parse.c: statements, blocks, and how to go on after a fault */
bool parse_has(uint32_t seen, int field);
int parse_field_at(const struct parser *p, const struct token *t); /* the current block's field of this word, or -1 */
/* The statements and fields of one text, for the formatter; nothing is included. 0, -EINVAL (it does not parse), -ENOMEM. */
int parse_outline(const struct source *s, struct marks *ret);

void parse_statements(struct parser *p);

/* parse_include.c: files */
bool parse_include(struct parser *p); /* behind "include" */
/* Read and parse one file; span: where it is asked for. False: the reason is in the messages. */
bool parse_file(struct parse_run *run, const struct parser *up, const char *path, struct span span);

/* parse_names.c: names declared twice. */
void parse_duplicates(struct parse_run *run);

#endif
