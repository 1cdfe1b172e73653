/* SPDX-License-Identifier: Apache-2.0 */
/* cli: what the doctor says of kernels that lack something, and of rules that this version cannot bring to life. */
#include "test.h"

#include "base/buf.h"
#include "cli/doctor.h"

/* A kernel with everything that hooks.def asks for; of two rows for one hook the second fits. */
static struct kernel_report whole_kernel(void)
{
	struct kernel_report k = { .ready = KERNEL_READY };

	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		k.hooks[i] = (struct kernel_hook){ .hook = (uint8_t)i, .present = true, .chosen = i != PW_HOOK_pw_setattr };
	return k;
}

static void hooks_are_put_in_order_by_their_number(void)
{
	struct kernel_report k = { .ready = KERNEL_READY };

	k.hooks[0] = (struct kernel_hook){ .hook = PW_HOOK_pw_file_perm, .present = true, .chosen = true };
	k.hooks[1] = (struct kernel_hook){ .hook = PW_HOOK_pw_file_open, .attached = true };
	k.hooks[2] = (struct kernel_hook){ .hook = 255, .attached = true };
	doctor_order(&k);
	CHECK(k.hooks[PW_HOOK_pw_file_open].attached && !k.hooks[PW_HOOK_pw_file_open].present);
	CHECK(k.hooks[PW_HOOK_pw_file_perm].present && !k.hooks[PW_HOOK_pw_file_perm].attached);
	CHECK(doctor_hook_lacking(&k, PW_HOOK_pw_mmap_file) && !doctor_hook_lacking(&k, PW_HOOK_pw_file_perm));
}

static bool open_action(const struct kernel_report *k, uint32_t action, struct buf *why)
{
	uint32_t bit = 0;

	while (!(action >> bit & 1))
		bit++;
	why->len_bytes = 0;
	return doctor_action_open(k, bit, why);
}

static void a_whole_kernel_enforces_all_but_connect(void)
{
	const struct kernel_report k = whole_kernel();
	_buf_ struct buf why = BUF_INIT;

	for (uint32_t bit = 0; bit < 12; bit++)
		CHECK(!doctor_action_open(&k, bit, &why));
	CHECK(open_action(&k, PW_A_CONNECT, &why));
	CHECK_STR(why.data, "a store has no endpoints in this version, so there is nothing to connect to");
	for (unsigned i = 1; i < PW_HOOK_MAX_; i++)
		CHECK(!doctor_hook_lacking(&k, i));
}

static void of_two_rows_for_one_hook_one_is_spoken_of(void)
{
	struct kernel_report k = whole_kernel();

	CHECK(!doctor_hook_counts(&k, PW_HOOK_pw_setattr));
	CHECK(doctor_hook_counts(&k, PW_HOOK_pw_setattr3));
	k.hooks[PW_HOOK_pw_setattr3].chosen = false;
	CHECK(doctor_hook_counts(&k, PW_HOOK_pw_setattr));
	CHECK(!doctor_hook_counts(&k, PW_HOOK_pw_setattr3));
	CHECK(doctor_hook_lacking(&k, PW_HOOK_pw_setattr)); /* neither fits: the hook is lacking, once */
	CHECK(!doctor_hook_counts(&k, PW_HOOK_NONE_));
	CHECK(!doctor_hook_counts(&k, PW_HOOK_MAX_));
}

static void a_lacking_hook_opens_what_it_decides_on(void)
{
	struct kernel_report k = whole_kernel();
	_buf_ struct buf why = BUF_INIT;

	k.hooks[PW_HOOK_pw_notify].present = k.hooks[PW_HOOK_pw_notify].chosen = false;
	CHECK(doctor_hook_lacking(&k, PW_HOOK_pw_notify));
	CHECK(open_action(&k, PW_A_WATCH, &why));
	CHECK_STR(why.data, "this kernel lacks the hook path_notify");
	CHECK(!open_action(&k, PW_A_DELETE, &why));
	k.hooks[PW_HOOK_pw_set_acl].present = k.hooks[PW_HOOK_pw_set_acl].chosen = false; /* optional: covered elsewhere */
	CHECK(!doctor_hook_lacking(&k, PW_HOOK_pw_set_acl));
	CHECK(!open_action(&k, PW_A_ATTR, &why));
}

static void a_kernel_that_is_not_ready_enforces_nothing(void)
{
	struct kernel_report k = whole_kernel();
	_buf_ struct buf why = BUF_INIT;

	k.ready = KERNEL_NOT_LISTED;
	CHECK(open_action(&k, PW_A_READ, &why));
	CHECK_STR(why.data, "this kernel is not ready");
	for (int ready = KERNEL_READY; ready <= KERNEL_OFF; ready++)
		CHECK(strcmp(doctor_ready_word((enum kernel_ready)ready), "unknown"));
}

static void a_rule_that_asks_for_what_nobody_can_give_is_idle(void)
{
	struct ast_cond conds[] = { { .kind = AST_COND_DURING }, { .kind = AST_COND_MFA } };
	struct ast_rule rule = { .when = { conds, 2 } };
	_buf_ struct buf why = BUF_INIT;

	CHECK(doctor_rule_idle(&rule, &why));
	CHECK_STR(why.data, "it asks for a second factor, and this version has no way to give one: the rule never allows");
	rule.when.count = 1;
	CHECK(!doctor_rule_idle(&rule, &why));
	conds[0].kind = AST_COND_PURPOSE;
	rule.deny = true;
	why.len_bytes = 0;
	CHECK(doctor_rule_idle(&rule, &why));
	CHECK_STR(why.data, "it asks for a purpose, and this version has no way to give one: the rule never denies");
}

static void exceptions_and_mode_audit_are_noted(void)
{
	struct ast_cond cond = { .kind = AST_COND_MFA };
	struct ast_store store = { .mode = AST_MODE_AUDIT };
	uint32_t idx = 0;
	struct ast_rule rule = { .unless = { &cond, 1 }, .store_idx = &idx, .store_idx_count = 1 };
	struct ast a = { .stores = { &store, 1 } };
	_buf_ struct buf notes = BUF_INIT;

	doctor_rule_notes(&a, &rule, &notes);
	CHECK_STR(notes.data, "its exception asks for a second factor, and this version has no way to give one: the exception never applies\n"
			      "a store of it is in mode audit: what would be refused there is recorded and passes\n");
	notes.len_bytes = 0;
	store.mode = AST_MODE_ENFORCE;
	rule.unless.count = 0;
	doctor_rule_notes(&a, &rule, &notes);
	CHECK_INT(notes.len_bytes, 0);
}

TESTS(T(hooks_are_put_in_order_by_their_number), T(a_whole_kernel_enforces_all_but_connect), T(of_two_rows_for_one_hook_one_is_spoken_of),
      T(a_lacking_hook_opens_what_it_decides_on), T(a_kernel_that_is_not_ready_enforces_nothing),
      T(a_rule_that_asks_for_what_nobody_can_give_is_idle), T(exceptions_and_mode_audit_are_noted))
