/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people, shared by the compiler's messages, explain, who-can and the findings of check. */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/policy.h"

/* "user root", "during clinic or nights", "mfa within 8h": the values of one atom, as the policy writes them. */
void explain_cond_words(const struct ast *a, const struct ast_cond *cond, struct buf *b);
/* All atoms of a rule: "mfa within 8h, during clinic, unless user root"; "" for none. */
void explain_rule_words(const struct ast *a, const struct ast_rule *rule, struct buf *b);
/* "read, list": words of action bits. */
void explain_actions(uint32_t actions, struct buf *b);
/* "radiologist, clinician" of declared roles; `none` if there is none. */
void explain_roles(const struct ast *a, uint64_t roles, const char *none, struct buf *b);
/* "group:radiology or user:ann, program viewer, unit x.service": what makes a role active; "anybody" without a clause. */
void explain_members(const struct ast *a, const struct ast_role *role, struct buf *b);
/* The largest of these roles: those that no other of them brings along. */
uint64_t explain_largest(const struct ast *a, uint64_t roles);
/* What an "allow" of these actions brings in all. */
uint32_t explain_brought(uint32_t actions);

/* ---- explain_subject.c: a question as the tables see it ---- */

/* Everything that the decision is told about the subject of a question. Unknown names are nobody's. */
int explain_facts(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		  struct pw_facts *ret);
struct pw_decision explain_decide(const struct image *img, const struct pw_facts *f, uint32_t store_idx, uint32_t action_bit);
/*
 * Does this atom hold (an atom of "unless" is asked the same way)? takes_away: where it holds, access is lost: "when" of a deny and
 * "unless" of an allow, which are asked less strictly about users and groups.
 */
bool explain_atom_holds(const struct ast *a, const struct image *img, const struct pw_facts *f, const struct ast_cond *cond,
			bool takes_away);
/* Window bit of a time block in the image, or AST_NONE. */
uint32_t explain_window(const struct ast *a, const struct image *img, uint32_t time_idx);
/* Window bit of "until T" in the image, or AST_NONE: it had ended when the policy was compiled. */
uint32_t explain_until(const struct image *img, int64_t until_utc_s);
/* "2026-12-02T23:00" on the clocks of that window's zone. */
void explain_clock(const struct image *img, uint32_t window, int64_t utc_s, struct buf *b);
/* "alice", "uid unknown (zoe)", "nobody": who asks. */
void explain_subject(const struct question *q, struct buf *b);

/* ---- explain_record.c: a decision as the log has it ---- */

struct recorded {
	struct pw_facts facts;       /* what the kernel decided by */
	uint32_t label, need, rule, missing;
	uint8_t verdict, reason;     /* enum pw_verdict, enum pw_reason */
	int64_t utc_s;
	const char *user;            /* in words: "user ann", "uid 1004" */
	const char *purpose;         /* NULL: none was declared */
	uint32_t uid, login_uid;     /* TABLE_ID_NONE: not known, never logged in */
	uint64_t exe_dev, exe_ino, cgroup;
};

/* What kind of answer it was. The words of each stand in explain_cause_word(); they are keys of the JSON and never change. */
enum explain_cause {
	CAUSE_ALLOWED, CAUSE_FORBIDDEN, CAUSE_NOT_PERMITTED, CAUSE_AUDIT_ONLY, CAUSE_NO_LOG_SLOT, CAUSE_INTERNAL, CAUSE_BORDER, CAUSE_GUARD,
	CAUSE_NOT_OURS,
};
const char *explain_cause_word(enum explain_cause cause);

struct recorded_explanation {
	enum explain_cause cause;
	bool replayed;               /* the rules had a say, so the tables were asked again: x.decision is their answer */
	bool agrees;                 /* ... and it is what the record says, rule and missing actions included */
	struct explanation x;        /* rules and changes only where the rules had a say */
};
/* a and img belong together: see archived_open(). */
int policy_explain_recorded(const struct ast *a, const struct image *img, const struct recorded *rec, struct recorded_explanation *ret,
			    struct err *e);
void recorded_explanation_free(struct recorded_explanation *x);

/* ---- explain.c ---- */
struct explain_context {
	const struct ast *a;
	const struct image *img;
	const struct question *q;
	const struct pw_facts *f;
	const struct recorded *rec;  /* NULL: a question, and q says all */
};
/* The rules on x's store and need with the state of each of their conditions, the one that decided first. */
int explain_rules(const struct explain_context *c, struct explanation *x);
/* "rule 'rad-read' (hospital.pw:31)" */
void explain_rule_place(const struct image *img, uint32_t rule, struct buf *b);

/* ---- explain_facts.c: the smallest changes of a recorded decision ---- */
int explain_fact_changes(const struct ast *a, const struct image *img, const struct recorded *rec, struct explanation *x);

/* ---- explain_changes.c ---- */
#define EXPLAIN_NOT_YET " (this version has no way to do so)" /* behind advice about second factors and purposes */
int explain_changes(const struct ast *a, const struct image *img, const struct names *n, const struct question *q,
		    struct explanation *x);

#endif
