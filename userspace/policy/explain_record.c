/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision as the log has it: the tables are asked again with what the kernel was told, and what they say is held against the record.
 * Where the rules had no say, the cause is told and nothing is made up around it.
 */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

const char *explain_cause_word(enum explain_cause cause)
{
	switch (cause) {
	case CAUSE_ALLOWED:       return "allowed";
	case CAUSE_FORBIDDEN:     return "forbidden";
	case CAUSE_NOT_PERMITTED: return "not-permitted";
	case CAUSE_AUDIT_ONLY:    return "audit-only";
	case CAUSE_NO_LOG_SLOT:   return "no-log-slot";
	case CAUSE_INTERNAL:      return "internal";
	case CAUSE_BORDER:        return "border";
	case CAUSE_GUARD:         return "guard";
	case CAUSE_NOT_OURS:
	default:                  return "not-ours";
	}
}

static enum explain_cause cause_of(const struct recorded *rec)
{
	switch (rec->reason) {
	case PW_R_NONE:
		return rec->label == PW_LABEL_OUTSIDE ? CAUSE_NOT_OURS : CAUSE_ALLOWED;
	case PW_R_RULE:
	case PW_R_ABSOLUTE:
	case PW_R_DEFAULT:
		if (rec->verdict == PW_ALLOW)
			return CAUSE_ALLOWED;
		if (rec->verdict == PW_AUDIT)
			return CAUSE_AUDIT_ONLY;
		return rec->reason == PW_R_DEFAULT ? CAUSE_NOT_PERMITTED : CAUSE_FORBIDDEN;
	case PW_R_BORDER:
	case PW_R_ROOT:
	case PW_R_DEPTH:
		return CAUSE_BORDER;
	case PW_R_UNRECORDED:
		return CAUSE_NO_LOG_SLOT;
	case PW_R_SELF:
		return CAUSE_ALLOWED;
	case PW_R_GUARD:
	case PW_R_SEALED:
	case PW_R_BORROWED:
		return CAUSE_GUARD;
	case PW_R_INTERNAL:
	default:
		return CAUSE_INTERNAL;
	}
}

static bool by_rules(const struct image *img, const struct recorded *rec)
{
	bool asked = rec->reason == PW_R_RULE || rec->reason == PW_R_ABSOLUTE || rec->reason == PW_R_DEFAULT || rec->reason == PW_R_UNRECORDED;

	return asked && rec->label != PW_LABEL_OUTSIDE && rec->label < img->count[PW_SEC_STORES];
}

static bool same_answer(const struct recorded *rec, const struct pw_decision *d)
{
	/* Without room for its record an access is refused that the rules let pass. */
	if (rec->reason == PW_R_UNRECORDED)
		return d->verdict != PW_DENY;
	return d->verdict == rec->verdict && d->reason == rec->reason && d->rule == rec->rule && d->missing == rec->missing;
}

static void other_cause(const struct recorded *rec, enum explain_cause cause, struct buf *b)
{
	switch (cause) {
	case CAUSE_NO_LOG_SLOT:
		buf_add_str(b, "refused: the store is strict and there was no room for the record; the rules would have let it pass");
		break;
	case CAUSE_BORDER:
		buf_add_str(b, rec->reason == PW_R_BORDER ? "refused: it would have carried an object over the border of a store" :
			       rec->reason == PW_R_ROOT   ? "refused: the root of a store, or what leads to it, is neither moved nor removed" :
							    "refused: too deep below every known store to be known as harmless");
		buf_add_str(b, "; no rule allows that, and none can");
		break;
	case CAUSE_GUARD:
		buf_add_str(b, rec->reason == PW_R_BORROWED ? "refused: another's role would have been used" :
			       rec->reason == PW_R_SEALED   ? "refused: the policy seals this kernel against further code until the next boot" :
							      "refused: polyward itself, or the device of a store, is not to be touched");
		buf_add_str(b, "; no rule allows that, and none can");
		break;
	case CAUSE_NOT_OURS:
		buf_add_str(b, "not ours: this lay in no store, so polyward did not decide about it");
		break;
	case CAUSE_ALLOWED:
		buf_add_str(b, "allowed: polyward itself looked through the store for hard links");
		break;
	case CAUSE_FORBIDDEN:
	case CAUSE_NOT_PERMITTED:
	case CAUSE_AUDIT_ONLY:
	case CAUSE_INTERNAL:
	default:
		buf_add_str(b, "refused: polyward had no memory, or a table that did not answer; inside a store that is a refusal");
		break;
	}
}

static void add_what(const struct ast *a, const struct recorded *rec, struct buf *b)
{
	explain_actions(rec->need, b);
	buf_printf(b, " on %s to %s (roles: ", a->stores.v[rec->label - 1].name.text, rec->user);
	explain_roles(a, rec->facts.roles, "none", b);
	buf_add_char(b, ')');
}

static void sentence(const struct ast *a, const struct image *img, const struct recorded *rec, struct buf *b)
{
	bool rule = rec->rule && rec->rule < img->count[PW_SEC_RULES];

	if (rec->verdict == PW_AUDIT)
		buf_add_str(b, "passed, because mode audit only records it; it would have been ");
	buf_add_str(b, rec->verdict == PW_ALLOW ? "allowed: " : rule ? "forbidden: " : "refused: ");
	if (rule) {
		explain_rule_place(img, rec->rule, b);
		buf_add_str(b, rec->verdict == PW_ALLOW ? " allows " : rec->reason == PW_R_ABSOLUTE ? " denies absolutely " : " denies ");
	} else {
		buf_add_str(b, "no rule allows ");
	}
	add_what(a, rec, b);
	if (rec->verdict != PW_ALLOW && !rule && rec->missing != rec->need) {
		buf_add_str(b, "; missing: ");
		explain_actions(rec->missing, b);
	}
}

/* How far a rule is from letting it pass: the one that decided, then allows by what fails of them, then denies. */
static size_t distance(const struct ast *a, const struct explain_rule *r)
{
	size_t fails = r->names_role ? 0 : 1;

	for (size_t i = 0; i < r->atoms_count; i++)
		fails += r->atoms[i].state == ATOM_FAILS;
	return r->decided ? 0 : 1 + fails + (a->rules.v[r->rule_idx].deny ? 1000 : 0);
}

/* Insertion: equals stay in the order of the policy, and rules on one store and action are few. */
static void nearest_first(const struct ast *a, struct explanation *x)
{
	for (size_t i = 1; i < x->rules_count; i++)
		for (size_t k = i; k > 0 && distance(a, &x->rules[k - 1]) > distance(a, &x->rules[k]); k--) {
			struct explain_rule keep = x->rules[k];

			x->rules[k] = x->rules[k - 1];
			x->rules[k - 1] = keep;
		}
}

static int explain_rules_of(const struct ast *a, const struct image *img, const struct recorded *rec, struct recorded_explanation *ret)
{
	struct question q = { .user = rec->user, .purpose = rec->purpose, .at_utc_s = rec->utc_s,
			      .has_mfa = rec->facts.mfa_age_s != PW_MFA_NEVER, .mfa_age_s = rec->facts.mfa_age_s };
	struct explain_context c = { .a = a, .img = img, .q = &q, .f = &rec->facts, .rec = rec };
	struct explanation *x = &ret->x;
	int r;

	x->store_idx = rec->label - 1;
	x->decision = table_decide(img, table_row(img, rec->facts.roles), rec->label, &rec->facts, rec->need);
	ret->replayed = true;
	ret->agrees = same_answer(rec, &x->decision);
	r = explain_rules(&c, x);
	nearest_first(a, x);
	return r < 0 || rec->reason == PW_R_UNRECORDED || !ret->agrees ? r : explain_fact_changes(a, img, rec, x);
}

int policy_explain_recorded(const struct ast *a, const struct image *img, const struct recorded *rec, struct recorded_explanation *ret,
			    struct err *e)
{
	struct recorded_explanation out = { .cause = cause_of(rec), .x = { .need = rec->need, .store_idx = AST_NONE } };
	_buf_ struct buf text = BUF_INIT;
	int r = 0;

	out.x.roles = rec->facts.roles;
	if (by_rules(img, rec))
		r = explain_rules_of(a, img, rec, &out);
	if (out.replayed && rec->reason != PW_R_UNRECORDED)
		sentence(a, img, rec, &text);
	else
		other_cause(rec, out.cause, &text);
	out.x.sentence = buf_take(&text);
	if (r < 0 || !out.x.sentence) {
		recorded_explanation_free(&out);
		return err_set(e, r < 0 ? r : -ENOMEM, "cannot explain the record");
	}
	*ret = out;
	return 0;
}

void recorded_explanation_free(struct recorded_explanation *x)
{
	explanation_free(&x->x);
	*x = (struct recorded_explanation){ 0 };
}
