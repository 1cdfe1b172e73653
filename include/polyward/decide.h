/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * THE decision. Pure and bounded: no helper call, no clock, no string, no allocation. Compiled into the kernel programs
 * and into native C, and the two are run against each other and against a slow interpreter (tests/differential).
 *
 * The one sentence: an action is refused if any matching deny entry names it, else allowed if any matching allow entry
 * names it, else refused; the order of rules never matters. An operation that needs several actions needs all of them.
 *
 * The side that includes this header walks the entries (pw_walk in bpf/table.bpf.h, table_decide() in userspace/policy)
 * because only it knows where a table lies; every judgement is made here.
 */
#ifndef POLYWARD_DECIDE_H
#define POLYWARD_DECIDE_H

#include <polyward/abi.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* What each operation needs. Implied denials live here: who may not read may not link, map or watch; who may not write
 * may not change attributes. */
#define PW_NEED_READ      PW_A_READ
#define PW_NEED_LIST      PW_A_LIST
#define PW_NEED_STAT      PW_A_STAT
#define PW_NEED_WRITE     PW_A_WRITE
#define PW_NEED_CREATE    PW_A_CREATE
#define PW_NEED_DELETE    PW_A_DELETE
#define PW_NEED_EXEC      PW_A_EXEC
#define PW_NEED_ATTR      (PW_A_WRITE | PW_A_ATTR)
#define PW_NEED_LINK      (PW_A_READ | PW_A_LINK)   /* on the object; the directory needs PW_NEED_CREATE */
#define PW_NEED_LOCK      (PW_A_READ | PW_A_LOCK)   /* a shared lock */
#define PW_NEED_LOCK_EXCL (PW_A_WRITE | PW_A_LOCK)  /* an exclusive one keeps others out */
#define PW_NEED_WATCH     (PW_A_READ | PW_A_WATCH)  /* a file */
#define PW_NEED_WATCH_DIR (PW_A_LIST | PW_A_WATCH)  /* a directory */
#define PW_NEED_MOUNT     PW_A_MOUNT

/* What has been found so far while the entries of one subject, one label and one need are walked. Start from zeroes. */
struct pw_tally {
	__u32 absolute;      /* needed actions that an absolute deny names */
	__u32 denied;        /* ... that a deny names */
	__u32 allowed;       /* ... that an allow names */
	__u32 audited;       /* ... that only a deny in mode audit names */
	__u32 rule_absolute; /* lowest rule of each kind; 0: none yet */
	__u32 rule_denied;
	__u32 rule_allowed;
	__u32 rule_audited;
	__u32 timed;         /* a window, purpose or factor was asked: the answer can change without a new policy */
};

struct pw_decision {
	__u32 rule;     /* 0: no rule */
	__u32 missing;  /* needed actions that were refused, or would have been (PW_AUDIT) */
	__u8  verdict;  /* enum pw_verdict */
	__u8  reason;   /* enum pw_reason */
	__u8  timed;    /* do not cache */
	__u8  pad_;
};

static __always_inline int pw_cond_holds(const struct pw_cond *c, const struct pw_facts *f)
{
	__u32 purpose_bit = f->purpose ? 1u << ((f->purpose - 1) & 31) : 0;

	if ((c->windows_need & f->windows) != c->windows_need || (c->windows_forbid & f->windows))
		return 0;
	if (c->purposes_need && !(c->purposes_need & purpose_bit))
		return 0;
	if (c->purposes_forbid & purpose_bit)
		return 0;
	if (c->mfa_within_s && f->mfa_age_s > c->mfa_within_s)
		return 0;
	if (c->mfa_beyond_s && f->mfa_age_s <= c->mfa_beyond_s)
		return 0;
	return 1;
}

/* Attribution must not depend on the order in which rows are walked: the lowest rule number wins within its kind. */
static __always_inline void pw_lowest_rule(__u32 *rule, __u32 candidate)
{
	if (!*rule || candidate < *rule)
		*rule = candidate;
}

/* Take one entry into account. `c` is the entry's condition, NULL when e->cond is 0. */
static __always_inline void pw_consider(struct pw_tally *t, const struct pw_entry *e, const struct pw_cond *c,
					const struct pw_facts *f, __u32 need)
{
	__u32 hit = e->actions & need;

	if (!hit || (e->need_roles & f->roles) != e->need_roles || (e->forbid_roles & f->roles))
		return;
	if (c) {
		t->timed = 1;
		if (!pw_cond_holds(c, f))
			return;
	}
	if (e->flags & PW_ENTRY_AUDIT) {
		t->audited |= hit;
		pw_lowest_rule(&t->rule_audited, e->rule);
	} else if (e->effect == PW_EFFECT_ABSOLUTE) {
		t->absolute |= hit;
		pw_lowest_rule(&t->rule_absolute, e->rule);
	} else if (e->effect == PW_EFFECT_DENY) {
		t->denied |= hit;
		pw_lowest_rule(&t->rule_denied, e->rule);
	} else if (e->effect == PW_EFFECT_ALLOW) {
		t->allowed |= hit;
		pw_lowest_rule(&t->rule_allowed, e->rule);
	}
}

/* Is mode audit in force for this cell at this moment? */
static __always_inline int pw_cell_audits(const struct pw_cell *cell, const struct pw_facts *f)
{
	if (!(cell->flags & PW_CELL_AUDIT))
		return 0;
	if (!cell->audit_window)
		return 1;
	return (f->windows >> ((cell->audit_window - 1) & 31)) & 1;
}

/* The verdict on `need` after every entry was considered. `audits`: pw_cell_audits() of the cell. */
static __always_inline struct pw_decision pw_conclude(const struct pw_tally *t, __u32 need, int audits, int audit_timed)
{
	struct pw_decision d = { .timed = (__u8)(t->timed || audit_timed) };

	if (t->absolute) {
		d.verdict = PW_DENY;
		d.reason = PW_R_ABSOLUTE;
		d.rule = t->rule_absolute;
		d.missing = t->absolute;
	} else if (t->denied) {
		d.verdict = PW_DENY;
		d.reason = PW_R_RULE;
		d.rule = t->rule_denied;
		d.missing = t->denied;
	} else if ((t->allowed & need) != need) {
		d.verdict = PW_DENY;
		d.reason = PW_R_DEFAULT;
		d.missing = need & ~t->allowed;
	} else if (t->audited) {
		/* Allowed, and a rule on trial would have refused it: pass and say so. */
		d.verdict = PW_AUDIT;
		d.reason = PW_R_RULE;
		d.rule = t->rule_audited;
		d.missing = t->audited;
		return d;
	} else {
		d.verdict = PW_ALLOW;
		d.reason = PW_R_RULE;
		d.rule = t->rule_allowed;
		return d;
	}
	if (audits)
		d.verdict = PW_AUDIT;
	return d;
}

enum pw_fast { PW_FAST_ALLOW, PW_FAST_DENY, PW_FAST_WALK };

/* The answer of the cell alone, when neither condition nor audit speaks about the needed actions. Must agree with a walk. */
static __always_inline enum pw_fast pw_fast(const struct pw_cell *cell, __u32 need)
{
	if (need & cell->slow)
		return PW_FAST_WALK;
	return (cell->allow & need) == need ? PW_FAST_ALLOW : PW_FAST_DENY;
}

/* What polyward itself consists of: to look is the business of mode bits, to change it that of polyward's own processes. */
static __always_inline int pw_own_refuses(__u32 need, int own)
{
	const __u32 look = PW_A_READ | PW_A_LIST | PW_A_STAT | PW_A_EXEC | PW_A_WATCH | PW_A_CONNECT;

	return !own && (need & ~look);
}

/* Whoever has the key that signs the log can make another history of it: only polyward's own processes look. */
static __always_inline int pw_signer_refuses(__u32 need, int own)
{
	return !own && (need & ~(__u32)PW_A_STAT);
}

/* What is in such a file is a store's, under names that no policy gives. */
static __always_inline int pw_backing_refuses(__u32 need, int kernels_own)
{
	return !kernels_own && (need & ~(__u32)PW_A_STAT);
}

/* The roles that are on, from what each clause says. Closure (inheritance) is applied by pw_roles_close(). */
static __always_inline __u64 pw_roles_base(const struct pw_gen *g, __u64 members, __u64 programs, __u64 units)
{
	return g->startable & (members | g->members_any) & (programs | g->program_any) & (units | g->unit_any);
}

static __always_inline __u64 pw_roles_close(const struct pw_gen *g, __u64 base)
{
	__u64 all = base;

	for (__u32 r = 0; r < PW_ROLES_MAX; r++)
		if (base >> r & 1)
			all |= g->closure[r];
	return all;
}

/*
 * Whose name a task goes by. A set login uid must agree with the real uid, so that su, sudo and setuid programs do not
 * carry one person's role to another; and uid 0 gains no role through a group, only by its name.
 */
static __always_inline int pw_user_counts(__u32 uid, __u32 login_uid)
{
	return login_uid == 0xffffffffu || login_uid == uid;
}

static __always_inline int pw_groups_count(__u32 uid, __u32 login_uid)
{
	return uid != 0 && pw_user_counts(uid, login_uid);
}

/*
 * What gives is asked strictly, what takes away is not: "deny ... when user root" holds for root reached by sudo too, and for
 * whoever was root at login. `counted` is what the rules above leave; `named` what user, login user and all groups name.
 */
static __always_inline __u64 pw_members(const struct pw_gen *g, __u64 counted, __u64 named)
{
	return counted | (named & g->loose);
}

#endif
