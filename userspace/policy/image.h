/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy in memory: check untrusted bytes, then decide on them. Linked into the loader, the audit process and the
 * compiler; holds no parser and knows no text beyond the image's strings.
 */
#ifndef POLICY_IMAGE_H
#define POLICY_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include <polyward/decide.h>
#include <polyward/image.h>

struct err;

/* image.c: every index, offset, count, order and hash of untrusted bytes is checked; linked into the loader too. */
struct image {                       /* a checked view; borrowed from the bytes, which must outlive it */
	const struct pw_img_header *head;
	const struct pw_gen *gen;
	const struct pw_cell *cells;
	const struct pw_entry *entries;
	const struct pw_cond *conds;
	const __u64 *rows;
	const struct pw_img_attr *attrs;
	const struct pw_img_store *stores;
	const struct pw_img_program *programs;
	const struct pw_img_unit *units;
	const struct pw_img_role *roles;
	const struct pw_img_rule *rules;
	const struct pw_img_window *windows;
	const struct pw_img_shift *shifts;
	const __u32 *purposes;
	const struct pw_img_admin *admins;
	const struct pw_img_test *tests;
	const __u32 *files;
	const char *strings;
	const char *source; /* count[PW_SEC_SOURCE] bytes, no NUL behind them */
	__u32 count[PW_SEC_MAX_];
};
int image_check(const void *bytes, size_t len_bytes, struct image *ret, struct err *e);
const char *image_str(const struct image *img, __u32 off); /* off comes from a checked image */

/* The masks of a cell that follow from its entries for exactly these roles: what pw_fast() may answer alone. */
struct image_masks { __u32 allow, slow; };
struct image_masks image_masks(const struct pw_entry *entries, __u32 count, __u64 roles, int audits);

/* table.c: the decision on image tables, through decide.h; linked into the loader too (tests run before the flip). */
__u32 table_row(const struct image *img, __u64 roles);                       /* row, or PW_ROW_NONE */
struct pw_decision table_decide(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need);
/* As table_decide, but through the cell alone where that is allowed: the same verdict; rule and reason only after a walk. */
struct pw_decision table_decide_fast(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need);
/* Who asks, as the kernel sees it. */
#define TABLE_ID_NONE 0xffffffffu   /* no such user; a login uid that was never set */
struct table_who {
	__u32 uid, login_uid;
	const __u32 *gids; size_t gids_count;
	__u64 programs, units;       /* roles that ask for the program, for the unit, that it runs in */
};
/* Its active roles, inherited ones included. attrs: ascending by kind and id, as in a checked image. */
__u64 table_roles(const struct pw_gen *g, const struct pw_img_attr *attrs, size_t attrs_count, const struct table_who *w);
/* Windows open at a moment; and the next moment (UTC seconds, INT64_MAX: never) at which that set may change. */
__u32 table_windows(const struct image *img, int64_t utc_s, int64_t *ret_next_utc_s);
/* What the operation behind an action word needs: "link" needs read and link. Any other combination stays as it is. */
__u32 table_need(__u32 action_bit);
const char *table_need_word(__u32 need); /* the way back; "several actions" for a need that no word has */
/* Run the image's tests. 0, or -EINVAL and in e the first that failed ("test 'root sees nothing' (hospital.pw:41): ..."). */
int table_tests(const struct image *img, struct err *e);
int table_test(const struct image *img, __u32 index, struct err *e); /* one of them */
/* What the rules say to a test's question: allow or deny, mode audit left out of account. */
struct pw_decision table_test_decide(const struct image *img, __u32 index);

#endif
