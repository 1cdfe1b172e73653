/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies of all messages: fixed size, no pointers, no hidden padding. Texts are NUL-terminated and NUL-padded; a receiver
 * cuts them at their last byte before use (ipc_text). messages.def says who sends which.
 */
#ifndef IPC_MESSAGES_H
#define IPC_MESSAGES_H

#include <stdint.h>

#include <polyward/image.h>

#define MSG_TEXT_MAX    512u
#define MSG_NAME_MAX    64u   /* policy names and versions; longer ones are cut for display */
#define MSG_FILE_MAX    256u
#define MSG_ADMINS_MAX  256u
#define MSG_ROLES_MAX   4u    /* supervisor, kernel, control, audit */

struct msg_ask { uint32_t id; uint32_t pad_; };
struct msg_peer { uint32_t role; uint32_t pid; };  /* enum role; pid of that process, 0 in READY */

/* Root may read every file anyway, so for it the compiler may pass by file modes; for others it is nobody. */
struct msg_compile { uint32_t id; uint32_t uid; char file[MSG_FILE_MAX]; };
struct msg_compiled { uint32_t id; int32_t code; char text[MSG_TEXT_MAX]; };

struct msg_apply { uint32_t id; uint32_t pad_; uint64_t confirm_s; char file[MSG_FILE_MAX]; }; /* confirm_s 0: for good */
struct msg_order { uint32_t id; uint32_t uid; uint32_t pid; uint32_t pad_; uint64_t confirm_s; };

struct msg_progress { uint32_t id; uint32_t pad_; uint64_t scanned; char store[MSG_NAME_MAX]; };

struct msg_outcome {
	uint32_t id;
	int32_t  code;             /* 0 (text is a warning, or empty), or -errno and the sentence in text */
	uint32_t gen;              /* deciding now; 0: nothing is enforced */
	uint32_t pad_;
	int64_t  revert_at_utc_s;  /* 0: nothing pending */
	uint8_t  policy_hash[32];
	char     name[MSG_NAME_MAX];
	char     version[MSG_NAME_MAX];
	char     text[MSG_TEXT_MAX];
};

enum msg_kernel_flag {
	MSG_KERNEL_OFF  = 1u << 0, /* polyward.off is on the kernel command line */
	MSG_KERNEL_BUSY = 1u << 1, /* a policy is being applied */
	MSG_KERNEL_GUARD = 1u << 2, /* polyward itself is guarded */
	MSG_KERNEL_SEALED = 1u << 3, /* and the kernel sealed until the next boot */
};

struct msg_kernel {
	uint32_t id;
	uint32_t flags;
	uint32_t gen;              /* 0: nothing is enforced */
	uint32_t revert_gen;
	int64_t  revert_at_utc_s;
	int64_t  since_utc_s;
	uint64_t map_bytes;
	uint32_t hooks_attached;
	uint32_t stores;
	uint32_t stores_audit;     /* ... of which in mode audit */
	uint32_t upgrade_left_s;   /* so long may the installed programs still be replaced; 0: they may not */
	struct pw_counters sum;
	uint8_t  policy_hash[32];
	char     name[MSG_NAME_MAX];
	char     version[MSG_NAME_MAX];
	char     text[MSG_TEXT_MAX]; /* why the kernel is not ready, or what went wrong last; "" if nothing */
};

/* count 0: root alone. gen: deciding now, 0: nothing is enforced. */
struct msg_admins { uint32_t count; uint32_t gen; struct pw_img_admin v[MSG_ADMINS_MAX]; };

struct msg_rings { uint32_t urgent_bytes; uint32_t access_bytes; };
struct msg_image { uint32_t gen; uint32_t pad_; };

struct msg_record {
	uint32_t id;
	uint32_t kind;             /* enum pw_record_kind */
	uint32_t uid;              /* who asked; 0xffffffff: nobody, it happened */
	uint32_t pid;
	uint32_t gen;              /* 0: none */
	uint32_t pad_;
	uint8_t  policy_hash[32];  /* with a gen */
	char     event[32];
	char     note[MSG_TEXT_MAX];
};
struct msg_recorded { uint32_t id; int32_t code; uint64_t seq; char text[MSG_TEXT_MAX]; };

/* One record. uid, pid and all are filled in by control; all: 1 if the asker may read the whole log. */
struct msg_event { uint32_t id; uint32_t uid; uint32_t pid; uint32_t all; uint64_t seq; };
struct msg_shown { uint32_t id; uint32_t erased; }; /* erased: 1 if the key to its personal fields is destroyed; whoever has no keys cannot tell */

#define MSG_QUERY_MAX 1024u
/* Something was made from the log, or signed off. what: report, export, explanation, review, proof. */
struct msg_evidence {
	uint32_t id;
	uint32_t uid;              /* uid and pid: filled in by control */
	uint32_t pid;
	uint32_t pad_;
	int64_t  since_utc_ns, until_utc_ns;
	uint64_t tree_size, rows;
	uint8_t  tree_root[32];
	uint8_t  digest[32];       /* of the document; zero: none */
	char     what[32];
	char     query[MSG_QUERY_MAX];
	char     note[MSG_TEXT_MAX];
};
/* The key of one class and one month (UTC, "2026-11"). */
struct msg_erase { uint32_t id; uint32_t uid; uint32_t pid; uint32_t pad_; char class_[MSG_NAME_MAX]; char period[16]; char reason[MSG_TEXT_MAX]; };
/* A cosignature line for the checkpoint of that size and root, with its newline. */
struct msg_cosign { uint32_t id; uint32_t uid; uint64_t size; uint8_t root[32]; char line[MSG_TEXT_MAX]; };

struct msg_audit {
	uint32_t id;
	uint32_t rings;            /* 1: reading the kernel's events */
	uint64_t records;          /* in the log */
	uint64_t segment_bytes;    /* of the file being written */
	uint64_t retries;          /* commits that failed since the start */
	int64_t  trouble_since_utc_s; /* 0: the log can be written */
	char     segment[MSG_NAME_MAX];
	char     text[MSG_TEXT_MAX];
};

struct msg_role { uint32_t role; uint32_t pid; uint32_t restarts; uint32_t pad_; uint64_t resident_bytes; int64_t since_utc_s; };
struct msg_supervisor { uint32_t id; uint32_t count; struct msg_role v[MSG_ROLES_MAX]; };

union msg_any {
#define M(name, type, from, to, fds) struct type as_##name;
#include "ipc/messages.def"
#undef M
};

#endif
