/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The audit record as bytes (docs/LOG-FORMAT.md). A log file is a sequence of records, each preceded by its length as a
 * big-endian 16-bit number, so that 256 of them are one C2SP tlog-tiles entry bundle byte for byte. A record is this header
 * and then fields: tag, length, bytes (record.def). A reader skips tags that it does not know; the schema number changes only
 * when the meaning of a known tag changes.
 */
#ifndef POLYWARD_RECORD_H
#define POLYWARD_RECORD_H

#include <linux/types.h>

#define PW_RECORD_SCHEMA 1u
#define PW_RECORD_MAX    65535u

enum pw_record_kind {
	PW_REC_ACCESS = 1, /* a decision of the kernel */
	PW_REC_POLICY,     /* applied, confirmed, rolled back, reverted, refused, down */
	PW_REC_GAP,        /* events were lost: cpu, first and last missing cpu_seq */
	PW_REC_MODE,       /* enforcement started, adopted, off, stopped; a daemon started or stopped */
	PW_REC_LOGREAD,    /* somebody opened the log */
	PW_REC_HEARTBEAT,
	PW_REC_SEALED,     /* personal fields of records that follow, encrypted; see seal_key */
	PW_REC_ERASURE,    /* a key of sealed fields was destroyed: by whom, why, which class and period */
	PW_REC_EVIDENCE,   /* made from the log: report, export, explanation, review; query, range, size and root of the tree, rows */
	PW_REC_MAX_,
};

struct pw_record {
	__u8  schema;       /* PW_RECORD_SCHEMA */
	__u8  kind;         /* enum pw_record_kind */
	__u16 cpu;          /* of the event; 0xffff: made in userspace */
	__u32 crc;          /* CRC-32C over the whole record with this word zero: finds a torn write, proves nothing */
	__u64 seq;          /* index of this record in the log, from 0, without holes */
	__u64 cpu_seq;      /* pw_event.seq */
	__u64 time_boot_ns; /* CLOCK_BOOTTIME */
	__s64 time_utc_ns;  /* since 1970-01-01T00:00Z, as the host believed it */
	__u8  boot_id[16];  /* /proc/sys/kernel/random/boot_id */
};
_Static_assert(sizeof(struct pw_record) == 56, "struct pw_record is ABI");

struct pw_field { __u16 tag; __u16 len_bytes; }; /* value follows, unaligned, little-endian */

enum pw_field_tag {
#define PW_FIELD(tag, name, type, key, meaning) PW_F_##name = (tag),
#include <polyward/record.def>
#undef PW_FIELD
};

/* An access record with COUNT stands for so many events of its CPU, from cpu_seq on; its times are those of the last of them. */
#define PW_COUNT_MAX 65536u

/*
 * An access record with LIKE is abridged: all fields of the record that LIKE names are its own too, but for these, which are its own alone.
 * That record has no LIKE itself, and is at most PW_LIKE_FAR records before.
 */
#define PW_LIKE_FAR 256u
#define PW_OWN_FIELDS                                                                                                    \
	(1ull << PW_F_PATH | 1ull << PW_F_INO | 1ull << PW_F_COMM | 1ull << PW_F_MFA_AGE_S | 1ull << PW_F_COUNT |        \
	 1ull << PW_F_TARGET | 1ull << PW_F_SEALED_BY | 1ull << PW_F_SEALED_AT | 1ull << PW_F_LIKE)

#endif
