/* SPDX-License-Identifier: Apache-2.0 */
/* The size of one element of each section of an image: what the compiler writes by and the check reads by. */
#ifndef POLICY_LAYOUT_H
#define POLICY_LAYOUT_H

#include <stddef.h>

#include <polyward/image.h>

enum {
	LAYOUT_ALL_ACTIONS = 0
#define PW_ACTION(name, bit, word, brings, meaning) | PW_A_##name
#include <polyward/actions.def>
#undef PW_ACTION
};

static inline size_t layout_elem_bytes(enum pw_section s)
{
	static const size_t bytes[PW_SEC_MAX_] = {
		[PW_SEC_GEN]      = sizeof(struct pw_gen),
		[PW_SEC_CELLS]    = sizeof(struct pw_cell),
		[PW_SEC_ENTRIES]  = sizeof(struct pw_entry),
		[PW_SEC_CONDS]    = sizeof(struct pw_cond),
		[PW_SEC_ROWS]     = sizeof(__u64),
		[PW_SEC_ATTRS]    = sizeof(struct pw_img_attr),
		[PW_SEC_STORES]   = sizeof(struct pw_img_store),
		[PW_SEC_PROGRAMS] = sizeof(struct pw_img_program),
		[PW_SEC_UNITS]    = sizeof(struct pw_img_unit),
		[PW_SEC_ROLES]    = sizeof(struct pw_img_role),
		[PW_SEC_RULES]    = sizeof(struct pw_img_rule),
		[PW_SEC_WINDOWS]  = sizeof(struct pw_img_window),
		[PW_SEC_SHIFTS]   = sizeof(struct pw_img_shift),
		[PW_SEC_PURPOSES] = sizeof(__u32),
		[PW_SEC_ADMINS]   = sizeof(struct pw_img_admin),
		[PW_SEC_TESTS]    = sizeof(struct pw_img_test),
		[PW_SEC_FILES]    = sizeof(__u32),
		[PW_SEC_STRINGS]  = 1,
		[PW_SEC_SOURCE]   = 1,
	};

	return bytes[s];
}

#endif
