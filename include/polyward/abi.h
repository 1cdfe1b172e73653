/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that crosses the border between the kernel programs and userspace: map keys, map values, events, and the
 * words of the shared state. Little-endian hosts only (amd64). No function here allocates or calls.
 * A change of any size or meaning bumps PW_ABI_VERSION; the loader refuses pins of another version.
 */
#ifndef POLYWARD_ABI_H
#define POLYWARD_ABI_H

#include <linux/types.h>

#define PW_ABI_VERSION 5u

/* Limits of one policy. The compiler refuses what does not fit, before any map is touched. */
#define PW_ROLES_MAX        64u     /* a role set is one 64-bit word; hidden roles of conditions count too */
#define PW_LABELS_MAX       1024u   /* label 0 is "outside every store" */
#define PW_ROWS_MAX         256u    /* interned role sets: row 0 none, rows 1..roles single, the rest combinations */
#define PW_ENTRIES_MAX      65536u  /* rule entries of all cells together */
#define PW_CELL_ENTRIES_MAX 64u     /* rule entries of one cell: bounds the walk in the kernel */
#define PW_CONDS_MAX        1024u   /* condition 0 is "always" */
#define PW_WINDOWS_MAX      32u     /* time windows and expiries; each is one bit and one lease */
#define PW_PURPOSES_MAX     32u
#define PW_RULES_MAX        16384u  /* rule 0 is "no rule" */
#define PW_GENERATIONS      4u      /* table slots; generation g lives in slot g % PW_GENERATIONS */
#define PW_WALK_MAX         64u     /* directories walked from an object up to its store root */
#define PW_WALK_FAR         4096u   /* ... and up to the root of its filesystem, when no store is on the way */
#define PW_UNIT_NAME_MAX    120u    /* bytes of a systemd unit name, with the final NUL */
#define PW_UNIT_DEPTH_MAX   8u      /* control groups walked from a task's own up to its unit */
#define PW_LINKS_MAX        131072u /* registered inodes: store roots, hard links, programs, of all generations */

#define PW_LABEL_OUTSIDE    0u

/*
 * Labels that no policy can give: the directories that polyward itself consists of. Everybody may look at what lies in them, as far as
 * mode bits go; only polyward's own processes change it (pw_own_refuses() in decide.h).
 */
enum pw_own_label {
	PW_LABEL_OWN_FIRST   = 0xfff0,
	PW_LABEL_OWN_PINS    = 0xfff0, /* the pins below bpffs */
	PW_LABEL_OWN_STATE   = 0xfff1, /* applied policies */
	PW_LABEL_OWN_LOG     = 0xfff2, /* the access log */
	PW_LABEL_OWN_INSTALL = 0xfff3, /* the programs themselves; open to change while pw_state.upgrade_until_ns lies ahead */
	PW_LABEL_OWN_RUN     = 0xfff4, /* lock and socket */
	PW_LABEL_OWN_BACKING = 0xfff5, /* a file under a loop device under a store: nobody looks into it either */
	PW_LABEL_OWN_SIGNER  = 0xfff6, /* the key that signs the log, and what it signed last: nobody else looks into it */
	PW_LABEL_OWN_LAST    = 0xfff6,
};
#define PW_ROW_NONE         0xffffffffu /* a role set that is not interned: the decision walks one row per role */
#define PW_MFA_NEVER        0xffffffffu /* age of a second factor that was never given */

enum pw_action {
#define PW_ACTION(name, bit, word, brings, meaning) PW_A_##name = 1u << (bit),
#include <polyward/actions.def>
#undef PW_ACTION
};

/* ---- the compiled policy, as the kernel reads it. The same structs lie in the image (image.h). ---------------------- */

enum pw_cell_flag {
	PW_CELL_AUDIT   = 1u << 0, /* record what would be denied and let it pass (while audit_window is open, if one is named) */
	PW_CELL_LOG_ALL = 1u << 1, /* record allowed accesses too, not denials alone */
	PW_CELL_STRICT  = 1u << 2, /* no record, no access: what finds no room in the ring is refused. Implies PW_CELL_LOG_ALL */
};

/* What one role set may do with one label. An action bit outside `slow` is decided by `allow` alone. */
struct pw_cell {
	__u32 allow;         /* actions allowed whatever the time, purpose or factor */
	__u32 slow;          /* actions that need the entries: a condition or an audited rule speaks about them */
	__u32 first;         /* index of the first entry of this cell */
	__u16 count;         /* entries, at most PW_CELL_ENTRIES_MAX */
	__u8  flags;         /* enum pw_cell_flag */
	__u8  audit_window;  /* 0: no limit; else 1 + window bit: PW_CELL_AUDIT counts only while that window is open */
};
_Static_assert(sizeof(struct pw_cell) == 16, "struct pw_cell is ABI");

enum pw_effect { PW_EFFECT_ALLOW = 1, PW_EFFECT_DENY = 2, PW_EFFECT_ABSOLUTE = 3 };

enum pw_entry_flag { PW_ENTRY_AUDIT = 1u << 0 }; /* a deny rule in mode audit: recorded, never applied */

/* One rule as it stands in one cell. Entries of a cell are sorted: effect descending, then rule ascending. */
struct pw_entry {
	__u64 need_roles;    /* all of these must be active (conditions "when user/group/role/program/unit") */
	__u64 forbid_roles;  /* none of these may be active ("unless ...") */
	__u32 actions;       /* enum pw_action bits, brought actions included */
	__u32 rule;          /* 1-based index into the image's rules */
	__u16 cond;          /* index into conditions; 0: always */
	__u8  effect;        /* enum pw_effect */
	__u8  flags;         /* enum pw_entry_flag */
	__u32 pad_;
};
_Static_assert(sizeof(struct pw_entry) == 32, "struct pw_entry is ABI");

/* A conjunction. Zero fields do not ask. */
struct pw_cond {
	__u32 windows_need;    /* all of these windows open */
	__u32 windows_forbid;  /* all of these closed */
	__u32 purposes_need;   /* the declared purpose is one of these */
	__u32 purposes_forbid; /* ... none of these */
	__u32 mfa_within_s;    /* a second factor at most this old, seconds; 0: not asked */
	__u32 mfa_beyond_s;    /* no second factor younger than this, seconds ("unless mfa within"); 0: not asked */
	__u32 pad_[2];
};
_Static_assert(sizeof(struct pw_cond) == 32, "struct pw_cond is ABI");

/* What the decision is told about the moment and the subject. */
struct pw_facts {
	__u64 roles;      /* active roles, inherited ones included */
	__u32 windows;    /* open windows */
	__u32 mfa_age_s;  /* seconds since the last second factor, PW_MFA_NEVER if none */
	__u32 purpose;    /* 0: none declared; else 1 + purpose index */
	__u32 pad_;
};
_Static_assert(sizeof(struct pw_facts) == 24, "struct pw_facts is ABI");

/* Constants of one generation: map pw_gens, index generation % PW_GENERATIONS. */
struct pw_gen {
	__u64 members_any;            /* roles without a members clause: anybody */
	__u64 program_any;            /* roles without a program clause */
	__u64 unit_any;               /* roles without a unit clause */
	__u64 startable;              /* roles that can be on by themselves: not abstract */
	__u64 loose;                  /* hidden roles of conditions that take something away: see pw_members() */
	__u64 closure[PW_ROLES_MAX];  /* role r brings these: itself and all it inherits from */
	__u32 gen;                    /* the generation that is here; 0: empty */
	__u32 labels;                 /* labels in use, label 0 included: the stride of the cells */
	__u32 rows;                   /* rows in use */
	__u32 actions_named;          /* actions that some rule names: stat is looked at only if it is among them */
	__u8  policy_hash[32];        /* SHA-256 of the policy's canonical JSON */
};
_Static_assert(sizeof(struct pw_gen) == 600, "struct pw_gen is ABI");

/* ---- slow-path lookups: map pw_attrs, one hash for all kinds and generations -------------------------------------- */

enum pw_attr_kind {
	PW_ATTR_UID = 1,   /* a = uid                      → mask of roles whose members name this user */
	PW_ATTR_GID,       /* a = gid                      → mask of roles whose members name this group */
	PW_ATTR_EXE,       /* a = device, b = inode number → mask of roles with this program */
	PW_ATTR_ROLES,     /* a = role set                 → row */
	PW_ATTR_LABEL,     /* a = device, b = inode number → pw_root word: a store root or a registered hard link */
	PW_ATTR_DEV,       /* a = device                   → enum pw_attr_dev: what this filesystem holds */
	/* The guard's, of no generation (gen = 0). */
	PW_ATTR_OWN_EXE,   /* a = device, b = inode number → enum pw_own_exe: one of polyward's programs */
	PW_ATTR_OWN_BPF,   /* a = enum pw_own_bpf, b = id  → 1: one of polyward's maps, programs or links */
	/* The guard's, of a generation. */
	PW_ATTR_BDEV,      /* a = device, b = 1: a character device, or PW_BDEV_COMMANDS → enum pw_bdev: what lies under a store */
	PW_ATTR_BDEV_USER, /* a = device, b = inode number → 1: a program that may read such devices (udev) */
	PW_ATTR_EXE_TIME,  /* a = device, b = inode number → when the program of PW_ATTR_EXE changed last: pw_moment() */
	PW_ATTR_WAY,       /* a = device, b = inode number → 1: a directory above a store's root or above polyward's own */
	PW_ATTR_MOUNT,     /* a = mount id                 → enum pw_mount */
	PW_ATTR_MOUNT_ROOT, /* a = device, b = inode number of its root → 1: the same mount as propagation knows it in other namespaces */
	PW_ATTR_PASS,      /* a = thread id                → what pw_device_ask found for pw_device, which takes it away (gen = 0) */
};

enum pw_attr_dev { PW_DEV_STORE = 1, PW_DEV_OWN = 2 }; /* a store, whatever else; nothing but directories of polyward's own */
enum pw_own_exe { PW_OWN_ENTRY = 1, PW_OWN_ROLE = 2 }; /* the supervisor; what only the supervisor starts */
enum pw_own_bpf { PW_OWN_MAP = 1, PW_OWN_PROG = 2, PW_OWN_LINK = 3 };
#define PW_BDEV_COMMANDS 2u /* a character device that takes commands for what lies under a store */
enum pw_bdev    { PW_BDEV_STORE = 1, PW_BDEV_PARENT = 2 }; /* holds the filesystem of a store; the disk that it is a part of */
enum pw_mount   { PW_MOUNT_CARRIER = 1, PW_MOUNT_TOP = 2 }; /* bits: a store or polyward's own lies on it; process 1's root */

struct pw_attr_key {
	__u64 a;
	__u64 b;
	__u32 gen;    /* the full generation number, not the slot */
	__u32 kind;   /* enum pw_attr_kind */
};
_Static_assert(sizeof(struct pw_attr_key) == 24, "struct pw_attr_key is ABI");

/* Value of PW_ATTR_LABEL: label | PW_ROOT_STORE for the root directory itself. */
#define PW_ROOT_LABEL 0xffffu
#define PW_ROOT_STORE 0x10000u

/* map pw_units: a systemd unit name → mask of roles with this unit. */
struct pw_unit_key {
	__u32 gen;
	char  name[PW_UNIT_NAME_MAX]; /* NUL-padded */
};
_Static_assert(sizeof(struct pw_unit_key) == 124, "struct pw_unit_key is ABI");

/* ---- storage on kernel objects ------------------------------------------------------------------------------------ */

/* Inode storage: written and read as one aligned 64-bit word, so no reader sees half of it. */
struct pw_object {
	__u32 epoch;  /* valid only if equal to pw_state.object_epoch */
	__u16 label;
	__u16 flags;  /* enum pw_object_flag */
};
_Static_assert(sizeof(struct pw_object) == 8, "struct pw_object is ABI");
enum pw_object_flag { PW_OBJECT_ROOT = 1u << 0 }; /* the root directory of a store */

enum pw_subject_flag {
	PW_SUBJECT_SELF       = 1u << 0, /* polyward's loader: may list and stat stores while it registers hard links */
	PW_SUBJECT_OWN        = 1u << 1, /* one of polyward's processes. Given when an exec commits, inherited by fork, lost by exec of else */
	PW_SUBJECT_NO_PROGRAM = 1u << 2, /* no role by program until the next exec: the executable was exchanged, or somebody traces */
	PW_SUBJECT_NO_UNIT    = 1u << 3, /* no role by unit until process 1 places it: came into its control group by another's hand */
	PW_SUBJECT_LED        = 1u << 5, /* began in a world of another's making: its program counts only together with its unit. Until the next exec */
	PW_SUBJECT_OF_INIT    = 1u << 6, /* made by process 1, and ran nothing but its code so far: whatever is prepared for it, process 1 did */
	PW_SUBJECT_NO_MEMBER  = 1u << 4, /* no role by user or group any more: it was logged in and made itself somebody else's login */
};
#define PW_SUBJECT_INHERITED (PW_SUBJECT_OWN | PW_SUBJECT_NO_PROGRAM | PW_SUBJECT_NO_UNIT | PW_SUBJECT_NO_MEMBER | PW_SUBJECT_LED) /* by a new task */
#define PW_SUBJECT_LASTING   (PW_SUBJECT_NO_UNIT | PW_SUBJECT_NO_MEMBER) /* over an exec too */

/* Task storage. Written by the task's own hooks only, but for flags, which the loader sets on itself. */
struct pw_subject {
	__u64 roles;      /* active roles */
	__u64 cred;       /* address of the credentials that this was computed from; compared, never followed */
	__u32 epoch;      /* valid only if equal to pw_state.subject_epoch; 0: stale */
	__u32 row;        /* interned row, or PW_ROW_NONE */
	__u32 gen;        /* generation it was computed under */
	__u32 flags;      /* enum pw_subject_flag: survive recomputation */
	__u32 pending;    /* a rename across labels is under way: the rename's end bumps the object epoch */
	__u32 unit_before; /* while a thread that is not the first executes: the unit at the beginning; else 0 */
};
_Static_assert(sizeof(struct pw_subject) == 40, "struct pw_subject is ABI");

/* ---- shared state: one mmapped array element, map pw_state ---------------------------------------------------------- */

#define PW_DEVS 256u        /* direct-mapped by pw_dev_hash() */
#define PW_DEV_COLLIDE 0xffffffffu /* two protected filesystems share this place: PW_ATTR_DEV knows which they are */
#define PW_BLOOM_WORDS 512u /* 32,768 bits over registered inode numbers: the walk asks the hash only where a bit is set */

struct pw_state {
	__u32 gen;            /* the generation word: the one aligned store that makes a policy active; 0: none */
	__u32 subject_epoch;  /* bumped when what makes up a subject may have changed for many tasks */
	__u32 object_epoch;   /* bumped when labels may have changed: new policy, directory moved across labels */
	__u32 slot_epoch;     /* bumped by either of the above, and when a labelled inode goes away; 0: caching is off */
	__u64 revert_at_ns;   /* CLOCK_BOOTTIME; 0: nothing pending. From then on revert_gen decides, daemon or not */
	__u32 revert_gen;     /* 0: no policy */
	__u32 abi_version;    /* PW_ABI_VERSION */
	__u32 guard;          /* enum pw_guard_flag */
	__u32 leased;         /* windows with a lease, over or not: the others are closed without looking at the clock */
	__u64 upgrade_until_ns; /* CLOCK_BOOTTIME; until then the installed programs may be replaced. 0: they may not */
	__u64 lease_ns[PW_WINDOWS_MAX]; /* CLOCK_BOOTTIME; window w is open while now < lease_ns[w] */
	__u64 bloom[PW_BLOOM_WORDS];
	__u32 devs[PW_DEVS];  /* kernel device numbers (MAJOR << 20 | MINOR) of protected filesystems, 0 elsewhere */
	__u8 dev_used[PW_DEVS]; /* 1: this place of devs is not 0. What every read of the system asks: bytes need no multiplication */
	__u64 names_epoch;    /* bumped when a rename is done and when a directory's inode goes: ways up that were kept end here */
	__u64 root_ino[PW_GENERATIONS * PW_LABELS_MAX]; /* of each label's store, generation % PW_GENERATIONS * PW_LABELS_MAX + label */
};
_Static_assert(sizeof(struct pw_state) == 56 + 8 * PW_WINDOWS_MAX + 8 * PW_BLOOM_WORDS + 5 * PW_DEVS + 8 * PW_GENERATIONS * PW_LABELS_MAX,
	       "struct pw_state is ABI");

enum pw_guard_flag {
	PW_GUARD_ON     = 1u << 0, /* polyward's own processes, files and BPF objects are protected */
	PW_GUARD_SEALED = 1u << 1, /* and the kernel from further code, until the next boot: set by a policy, cleared by nobody */
};

/* A file's time of change in one word. */
static inline __u64 pw_moment(__s64 s, __u32 ns)
{
	return (__u64)s * 1000000000u + ns;
}

static inline __u32 pw_dev_hash(__u32 dev)
{
	return dev & (PW_DEVS - 1);
}

static inline __u32 pw_bloom_bit(__u64 ino)
{
	return (__u32)((ino * 0x9e3779b97f4a7c15ull) >> 49); /* 15 bits */
}

/* Kernel device number from its parts; stat(2)'s dev_t has another layout, so parts are what userspace hands over. */
static inline __u32 pw_dev(__u32 major, __u32 minor)
{
	return major << 20 | minor;
}

/* ---- the way up from a directory, by name: per-CPU array pw_chains, one element; see bpf/names.bpf.h -------------------- */

#define PW_CHAIN_BYTES 128u

struct pw_chain {
	__u64 version;        /* odd: being written */
	__u64 dentry, inode;  /* addresses; compared, never followed */
	__u64 epoch;          /* pw_state.names_epoch */
	__u32 gen, label;
	__u32 len_bytes;
	__u32 pad_;
	__u64 names[PW_CHAIN_BYTES / 8]; /* as in struct pw_event */
};
_Static_assert(sizeof(struct pw_chain) == 48 + PW_CHAIN_BYTES, "struct pw_chain is ABI");

/* ---- counters: per-CPU array pw_counters, one element ---------------------------------------------------------------- */

struct pw_counters {
	__u64 seq;          /* events attempted on this CPU: the next event's seq. A hole in the log is an exact loss */
	__u64 lost;         /* ... of which no room was left in the ring */
	__u64 allowed;      /* decisions that were not taken from a slot */
	__u64 denied;
	__u64 audited;      /* would have been denied, but mode audit let it pass */
	__u64 internal;     /* denied for want of memory, depth or a table */
};
_Static_assert(sizeof(struct pw_counters) == 48, "struct pw_counters is ABI");

/* ---- events: ring buffers pw_urgent (denials) and pw_access (all else) ------------------------------------------------ */

#define PW_URGENT_BYTES (256u * 1024)
#define PW_ACCESS_BYTES (2048u * 1024) /* the last eighth for strict stores alone */

enum pw_verdict { PW_ALLOW = 0, PW_DENY = 1, PW_AUDIT = 2 }; /* PW_AUDIT: passed, would have been denied */

enum pw_reason {
	PW_R_NONE = 0,
	PW_R_RULE,       /* a rule decided; `rule` names it */
	PW_R_ABSOLUTE,   /* an absolute deny rule decided */
	PW_R_DEFAULT,    /* inside a store and no rule allows it */
	PW_R_BORDER,     /* a link or rename would carry an object over a store's border */
	PW_R_ROOT,       /* a store's root is neither moved nor removed */
	PW_R_DEPTH,      /* deeper than PW_WALK_MAX below a store's root, or than PW_WALK_FAR anywhere: not known to be harmless */
	PW_R_INTERNAL,   /* no memory, or a table that does not answer */
	PW_R_SELF,       /* polyward's loader registers hard links */
	PW_R_UNRECORDED, /* a strict store, and no room for the record */
	PW_R_GUARD,      /* what polyward itself, or a store's device, consists of */
	PW_R_SEALED,     /* `guard sealed`: no further code for this kernel */
	PW_R_BORROWED,   /* another's role would be used: traced, signalled to dump, or made to work by proxy */
	PW_R_MAX_,
};

enum pw_event_flag {
	PW_EV_NAMES_CUT = 1u << 0, /* names is not the whole way up to the store root */
	PW_EV_TIMED     = 1u << 1, /* a window, factor or purpose had a say */
};

#define PW_NAMES_MAX 256u

struct pw_event {
	__u64 seq;              /* per CPU, without holes unless the ring was full */
	__u64 time_boot_ns;     /* CLOCK_BOOTTIME */
	__u64 time_tai_ns;      /* CLOCK_TAI */
	__u64 roles;
	__u64 start_boot_ns;    /* start of the process: with tgid it names a process for ever */
	__u64 ino;
	__u64 exe_ino;
	__u64 cgroup_id;
	__u32 dev;              /* kernel device number, see pw_dev() */
	__u32 exe_dev;
	__u32 tgid, tid, ppid;
	__u32 uid, euid, gid;   /* real and effective user, real group, as in the initial user namespace */
	__u32 login_uid, session; /* 0xffffffff: not set */
	__u32 gen;
	__u32 rule;             /* 0: none */
	__u32 need;             /* actions that the operation needs */
	__u32 missing;          /* ... of which these were refused (or would have been) */
	__u32 windows;          /* open windows at that moment */
	__u32 mfa_age_s;
	__u32 purpose;
	__s32 error;            /* what the hook returned: 0 or a negative errno */
	__u16 label;
	__u16 label_to;         /* second label of a rename or link */
	__u16 cpu;
	__u16 names_len;        /* bytes used in names */
	__u8  verdict;          /* enum pw_verdict */
	__u8  reason;           /* enum pw_reason */
	__u8  hook;             /* enum pw_hook, from hooks.def */
	__u8  flags;            /* enum pw_event_flag */
	__u32 target;       /* not about a file (ino 0): process, BPF object id, device or command that was acted on */
	char  comm[16];
	char  names[PW_NAMES_MAX]; /* names from the object up to its store root, each NUL-terminated, leaf first */
};
_Static_assert(sizeof(struct pw_event) == 64 + 18 * 4 + 8 + 8 + 16 + PW_NAMES_MAX, "struct pw_event is ABI");

/* In its ring an event may end behind its names: at least the head is there, and all that names_len says. */
#define PW_EVENT_HEAD (sizeof(struct pw_event) - PW_NAMES_MAX)
#define PW_EVENT_ROOM (sizeof(struct pw_event) + 8u) /* bytes that one event takes of its ring at most, a multiple of 8 */
_Static_assert(sizeof(struct pw_event) % 8 == 0, "events lie one behind the other");

/* ---- mappings that exist: what reading the pinned iterator pw_mapped yields, one after the other -------------------------- */

struct pw_mapped {
	__u64 start_boot_ns; /* of the process, with tgid as in struct pw_event */
	__u64 ino;
	__u64 roles;         /* as they would be computed now */
	__u32 dev;
	__u32 tgid;
	__u32 uid;           /* real user */
	__u32 gen;
	__u32 need;          /* what the mapping can do: enum pw_action bits */
	__u32 missing;       /* ... of which the process may no longer do these; 0: all is well */
	__u16 label;         /* 0: a stored file whose store is not known (too deep, or without a name) */
	__u8  shared;        /* 1: what is written goes to the file */
	__u8  pad_[5];
};
_Static_assert(sizeof(struct pw_mapped) == 56, "struct pw_mapped is ABI");

enum pw_hook {
	PW_HOOK_NONE_ = 0,
#define PW_HOOK(prog, hook, needs, use, arity, why) PW_HOOK_##prog,
#include <polyward/hooks.def>
#undef PW_HOOK
	PW_HOOK_MAX_
};

#endif
