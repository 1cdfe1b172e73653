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
	__u32 count[PW_SEC_MAX_];
};
int image_check(const void *bytes, size_t len_bytes, struct image *ret, struct err *e);
const char *image_str(const struct image *img, __u32 off); /* off comes from a checked image */

/* table.c: the decision on image tables, through decide.h; linked into the loader too (tests run before the flip). */
__u32 table_row(const struct image *img, __u64 roles);                       /* row, or PW_ROW_NONE */
struct pw_decision table_decide(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need);
/* As table_decide, but through the cell alone where that is allowed: must give the same verdict. */
struct pw_decision table_decide_fast(const struct image *img, __u32 row, __u32 label, const struct pw_facts *f, __u32 need);
/* Windows open at a moment; and the next moment (UTC seconds, INT64_MAX: never) at which that set may change. */
__u32 table_windows(const struct image *img, int64_t utc_s, int64_t *ret_next_utc_s);
/* Run the image's tests. 0, or -EINVAL and in e the first that failed ("test 'root sees nothing' (hospital.pw:41): ..."). */
int table_tests(const struct image *img, struct err *e);

#endif
