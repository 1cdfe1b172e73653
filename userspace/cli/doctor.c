/* SPDX-License-Identifier: Apache-2.0 */
/* The judgements of `polyward doctor`, from hooks.def, actions.def, a kernel's report and a policy's rules. */
#include "cli/doctor.h"

#include <string.h>

static const struct doctor_hook hooks[PW_HOOK_MAX_] = {
#define PW_HOOK(prog, hook, needs, use, arity, why) [PW_HOOK_##prog] = { #prog, #hook, why, needs, DOCTOR_##use },
#include <polyward/hooks.def>
#undef PW_HOOK
};

void doctor_order(struct kernel_report *k)
{
	struct kernel_hook ordered[PW_HOOK_MAX_] = { 0 };

	for (unsigned i = 0; i < PW_HOOK_MAX_; i++)
		if (k->hooks[i].hook != PW_HOOK_NONE_ && k->hooks[i].hook < PW_HOOK_MAX_)
			ordered[k->hooks[i].hook] = k->hooks[i];
	memcpy(k->hooks, ordered, sizeof(ordered));
}

const struct doctor_hook *doctor_hook(unsigned hook)
{
	return hook < PW_HOOK_MAX_ && hooks[hook].program ? &hooks[hook] : NULL;
}

/* Another row for the same hook. */
static unsigned twin(unsigned hook)
{
	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		if (i != hook && !strcmp(hooks[i].hook, hooks[hook].hook))
			return i;
	return 0;
}

bool doctor_hook_counts(const struct kernel_report *k, unsigned hook)
{
	unsigned other;

	if (!doctor_hook(hook))
		return false;
	other = twin(hook);
	/* If neither fits, the first row stands for both. */
	return !other || k->hooks[hook].chosen || (!k->hooks[other].chosen && hook < other);
}

static bool usable(const struct kernel_report *k, unsigned hook)
{
	return k->hooks[hook].attached || (k->hooks[hook].present && k->hooks[hook].chosen);
}

bool doctor_hook_lacking(const struct kernel_report *k, unsigned hook)
{
	return doctor_hook_counts(k, hook) && hooks[hook].use != DOCTOR_OPTIONAL && !usable(k, hook);
}

bool doctor_action_open(const struct kernel_report *k, uint32_t action_bit, struct buf *ret)
{
	size_t deciding = 0, lacking = 0;

	for (unsigned i = 1; i < PW_HOOK_MAX_; i++) {
		if (!doctor_hook_counts(k, i) || !(hooks[i].needs >> action_bit & 1))
			continue;
		deciding++;
		if (!doctor_hook_lacking(k, i))
			continue;
		buf_printf(ret, "%s%s", lacking ? ", " : "this kernel lacks the hook ", hooks[i].hook);
		lacking++;
	}
	if (!deciding && (1u << action_bit) == PW_A_CONNECT)
		buf_add_str(ret, "a store has no endpoints in this version, so there is nothing to connect to");
	else if (!deciding)
		buf_add_str(ret, "no hook of this version decides on it");
	else if (!lacking && k->ready != KERNEL_READY)
		buf_printf(ret, "%s", k->ready == KERNEL_NO_PRIVILEGE ? "cannot be told without privilege" : "this kernel is not ready");
	return !deciding || lacking || k->ready != KERNEL_READY;
}

/* What this version has no way to give: then a condition that asks for it never holds. */
static const char *never_given(const struct ast_cond *c)
{
	if (c->kind == AST_COND_MFA)
		return "a second factor";
	if (c->kind == AST_COND_PURPOSE)
		return "a purpose";
	return NULL;
}

bool doctor_rule_idle(const struct ast_rule *rule, struct buf *ret)
{
	for (size_t i = 0; i < rule->when.count; i++) {
		const char *what = never_given(&rule->when.v[i]);

		if (!what)
			continue;
		buf_printf(ret, "it asks for %s, and this version has no way to give one: the rule never %s", what,
			   rule->deny ? "denies" : "allows");
		return true;
	}
	return false;
}

static bool audited_store(const struct ast *a, const struct ast_rule *rule)
{
	for (size_t i = 0; i < rule->store_idx_count; i++)
		if (rule->store_idx[i] < a->stores.count && a->stores.v[rule->store_idx[i]].mode == AST_MODE_AUDIT)
			return true;
	return false;
}

void doctor_rule_notes(const struct ast *a, const struct ast_rule *rule, struct buf *ret)
{
	for (size_t i = 0; i < rule->unless.count; i++) {
		const char *what = never_given(&rule->unless.v[i]);

		if (what)
			buf_printf(ret, "its exception asks for %s, and this version has no way to give one: the exception never applies\n",
				   what);
	}
	if (a->policy.mode == AST_MODE_AUDIT)
		buf_add_str(ret, "the policy is in mode audit: what would be refused is recorded and passes\n");
	else if (rule->mode == AST_MODE_AUDIT)
		buf_add_str(ret, "the rule is in mode audit: what it would refuse is recorded and passes\n");
	else if (audited_store(a, rule))
		buf_add_str(ret, "a store of it is in mode audit: what would be refused there is recorded and passes\n");
}

const char *doctor_ready_word(enum kernel_ready ready)
{
	switch (ready) {
	case KERNEL_READY:        return "ready";
	case KERNEL_TOO_OLD:      return "too-old";
	case KERNEL_NOT_BUILT:    return "not-built";
	case KERNEL_NOT_LISTED:   return "not-listed";
	case KERNEL_NO_BTF:       return "no-btf";
	case KERNEL_REFUSED:      return "refused";
	case KERNEL_NO_PRIVILEGE: return "no-privilege";
	case KERNEL_NO_BPFFS:     return "no-bpffs";
	case KERNEL_OFF:          return "off";
	}
	return "unknown";
}
