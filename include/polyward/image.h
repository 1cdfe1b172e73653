/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The compiled policy as bytes: what polyward-compile writes and the loader accepts after image_check(). Little-endian,
 * every section 8-byte aligned, in the order of enum pw_section, without gaps other than alignment zeroes. All indexes and
 * string offsets are checked before use; nothing in an image is a pointer. The policy's text stands in it
 * for those who explain what it decided; the loader and the kernel never look into it.
 */
#ifndef POLYWARD_IMAGE_H
#define POLYWARD_IMAGE_H

#include <polyward/abi.h>

#define PW_IMAGE_MAGIC   0x31474d4957504cull /* "LPWIMG1" and a NUL, little-endian */
#define PW_IMAGE_VERSION 3u
#define PW_IMAGE_MAX     (64u << 20) /* bytes */
#define PW_IMG_KILL_MAX_S 86400u

enum pw_section {
	PW_SEC_GEN,      /* one struct pw_gen; .gen is 0 until the loader numbers it */
	PW_SEC_CELLS,    /* struct pw_cell [rows][labels] */
	PW_SEC_ENTRIES,  /* struct pw_entry */
	PW_SEC_CONDS,    /* struct pw_cond; [0] is all zero */
	PW_SEC_ROWS,     /* __u64 role set of each row */
	PW_SEC_ATTRS,    /* struct pw_img_attr: users and groups */
	PW_SEC_STORES,   /* struct pw_img_store; index = label, [0] is "outside" */
	PW_SEC_PROGRAMS, /* struct pw_img_program */
	PW_SEC_UNITS,    /* struct pw_img_unit */
	PW_SEC_ROLES,    /* struct pw_img_role; index = role bit */
	PW_SEC_RULES,    /* struct pw_img_rule; [0] is "no rule" */
	PW_SEC_WINDOWS,  /* struct pw_img_window; index = window bit */
	PW_SEC_SHIFTS,   /* struct pw_img_shift: offsets from UTC, per zone, ascending */
	PW_SEC_PURPOSES, /* __u32 string offset; index = purpose */
	PW_SEC_ADMINS,   /* struct pw_img_admin */
	PW_SEC_TESTS,    /* struct pw_img_test: one per expect line */
	PW_SEC_FILES,    /* __u32 string offset: the policy's files, for file:line */
	PW_SEC_STRINGS,  /* NUL-terminated UTF-8; offset 0 is "" ; the last byte is NUL */
	PW_SEC_SOURCE,   /* the policy as text: canonical, one file, without comments; UTF-8 without a NUL, not empty */
	PW_SEC_MAX_,
};

struct pw_img_span { __u32 off_bytes; __u32 count; };

struct pw_img_header {
	__u64 magic;
	__u32 version;
	__u32 size_bytes;      /* the whole image */
	__u8  policy_hash[32]; /* SHA-256 of the canonical JSON */
	__u8  body_hash[32];   /* SHA-256 of all that follows this field, flags included: a cut or changed image is refused */
	__u64 compiled_utc_s;
	__u32 name;            /* string offsets: policy name, version, owner */
	__u32 policy_version;
	__u32 owner;
	__u32 flags;           /* PW_IMG_SEALED */
	struct pw_img_span sec[PW_SEC_MAX_];
};
_Static_assert(sizeof(struct pw_img_header) == 16 + 64 + 8 + 16 + 8 * PW_SEC_MAX_, "struct pw_img_header is ABI");
#define PW_IMG_HASHED_FROM 80u /* bytes; behind body_hash */
_Static_assert(__builtin_offsetof(struct pw_img_header, compiled_utc_s) == PW_IMG_HASHED_FROM, "struct pw_img_header is ABI");

struct pw_img_attr { __u32 kind; __u32 id; __u64 roles; };  /* PW_ATTR_UID or PW_ATTR_GID */
_Static_assert(sizeof(struct pw_img_attr) == 16, "struct pw_img_attr is ABI");

enum pw_img_flag {
	PW_IMG_AUDIT  = 1u << 0,
	PW_IMG_STRICT = 1u << 1, /* store: no record, no access. Its cells carry PW_CELL_STRICT */
	PW_IMG_KILL   = 1u << 2, /* store: `on-tighten kill after T`: who still maps its files without a right is ended */
	PW_IMG_SEALED = 1u << 3, /* policy: `guard sealed` */
};

struct pw_img_store {
	__u32 name;
	__u32 path;      /* absolute, no "." or "..", no trailing slash */
	__u32 modality;
	__u32 class_;
	__u32 flags;     /* PW_IMG_AUDIT, PW_IMG_STRICT, PW_IMG_KILL */
	__u32 file, line;
	__u32 kill_after_s; /* with PW_IMG_KILL; 0: at once; at most PW_IMG_KILL_MAX_S */
};
_Static_assert(sizeof(struct pw_img_store) == 32, "struct pw_img_store is ABI");

struct pw_img_program {
	__u64 roles;
	__u32 name;
	__u32 path;       /* absolute */
	__u32 has_verity; /* 1: fs-verity digest must be `verity` */
	__u32 pad_;
	__u8  verity[32]; /* SHA-256 file digest, see Documentation/filesystems/fsverity.rst */
};
_Static_assert(sizeof(struct pw_img_program) == 56, "struct pw_img_program is ABI");

struct pw_img_unit { __u64 roles; __u32 name; __u32 pad_; };
_Static_assert(sizeof(struct pw_img_unit) == 16, "struct pw_img_unit is ABI");

enum pw_img_role_flag { PW_ROLE_ABSTRACT = 1u << 0, PW_ROLE_HIDDEN = 1u << 1 };
struct pw_img_role { __u32 name; __u32 flags; __u32 file, line; };
_Static_assert(sizeof(struct pw_img_role) == 16, "struct pw_img_role is ABI");

struct pw_img_rule {
	__u32 name;
	__u32 file, line;
	__u32 actions;  /* as written, brought ones not included */
	__u8  effect;   /* enum pw_effect */
	__u8  flags;    /* PW_IMG_AUDIT */
	__u16 pad_;
};
_Static_assert(sizeof(struct pw_img_rule) == 20, "struct pw_img_rule is ABI");

/*
 * A time window: open in local time of its zone on the given days from start_min to end_min, or, for an expiry ("until T"),
 * from the beginning of time to until_utc_s. end_min <= start_min: the window runs past midnight and belongs to the day it
 * starts on; both 0: the whole day.
 */
struct pw_img_window {
	__s64 until_utc_s;    /* 0: a recurring window */
	__u32 name;
	__u32 days;           /* bit 0 Monday ... bit 6 Sunday */
	__u16 start_min;      /* minutes since local midnight, 0..1439 */
	__u16 end_min;        /* 0..1440 */
	__u32 shift_first;    /* this zone's shifts */
	__u32 shift_count;    /* at least 1 for a recurring window */
	__u32 pad_;
};
_Static_assert(sizeof(struct pw_img_window) == 32, "struct pw_img_window is ABI");

/* From from_utc_s on, local time = UTC + offset_s. The first shift of a zone holds from the beginning of time. */
struct pw_img_shift { __s64 from_utc_s; __s32 offset_s; __u32 pad_; };
_Static_assert(sizeof(struct pw_img_shift) == 16, "struct pw_img_shift is ABI");

enum pw_may { PW_MAY_APPLY = 1, PW_MAY_ROLLBACK = 2, PW_MAY_DOWN = 4, PW_MAY_READ_LOG = 8, PW_MAY_ALL = 15 };
struct pw_img_admin { __u32 kind; __u32 id; __u32 may; __u32 pad_; }; /* PW_ATTR_UID or PW_ATTR_GID */
_Static_assert(sizeof(struct pw_img_admin) == 16, "struct pw_img_admin is ABI");

struct pw_img_test {
	__u64 roles;      /* active roles of the test's subject, inherited ones included */
	__u32 name;
	__u32 file, line;
	__u32 windows;
	__u32 mfa_age_s;
	__u32 purpose;    /* 0: none; else 1 + index */
	__u32 need;
	__u32 label;
	__u32 rule;       /* 0: "by default" or unsaid */
	__u8  verdict;    /* PW_ALLOW or PW_DENY as expected: mode audit is left out of account */
	__u8  says_by;    /* 1: rule (or default) is expected too */
	__u16 pad_;
	__u32 pad2_;
};
_Static_assert(sizeof(struct pw_img_test) == 56, "struct pw_img_test is ABI");

#endif
