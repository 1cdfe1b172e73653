/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All maps and shared words, declared once. maps.bpf.c defines PW_MAP_LINKAGE as nothing and so becomes their home; everybody
 * else gets `extern`. Keys, values and meanings are in abi.h. Must never hold a map that userspace does not know of.
 */
#ifndef PW_MAPS_BPF_H
#define PW_MAPS_BPF_H

#include "kernel.h"
#include <polyward/abi.h>

#ifndef PW_MAP_LINKAGE
#define PW_MAP_LINKAGE extern
#endif

/*
 * Tables of one generation: outer index generation % PW_GENERATIONS. The loader creates the inner maps with the size of the
 * policy; BPF_F_INNER_MAP says that the size given here is not to be insisted on.
 */
#define PW_TABLE(table, row) \
	PW_MAP_LINKAGE struct { \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, PW_GENERATIONS); \
		__type(key, __u32); \
		__array(values, struct { \
			__uint(type, BPF_MAP_TYPE_ARRAY); \
			__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE); \
			__uint(max_entries, 1); \
			__uint(key_size, sizeof(__u32)); \
			__uint(value_size, sizeof(row)); \
		}); \
	} table SEC(".maps")

PW_TABLE(pw_cells, struct pw_cell);
PW_TABLE(pw_entries, struct pw_entry);
PW_TABLE(pw_conds, struct pw_cond);

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PW_GENERATIONS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct pw_gen);
} pw_gens SEC(".maps");

#ifndef PW_TABLES_ONLY /* the differential test needs no more than the tables */

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PW_LINKS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_attr_key);
	__type(value, __u64);
} pw_attrs SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pw_unit_key);
	__type(value, __u64);
} pw_units SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pw_subject);
} pw_subjects SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64); /* struct pw_object, as the one word that it is read and written as */
} pw_objects SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PW_URGENT_BYTES);
} pw_urgent SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PW_ACCESS_BYTES);
} pw_access SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_counters);
} pw_counters SEC(".maps");

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pw_chain);
} pw_chains SEC(".maps");

/* The records of a task's last openings in directories whose every opening is recorded: see alike.bpf.h. */
#define PW_ALIKE_WORDS 7u /* of the way up; longer ones take more room in the ring */

struct pw_alike {
	__u64 dir;         /* pw_id() of the directory's inode; 0: nothing */
	__u64 up;          /* ... of its dentry */
	__u64 cred;        /* ... of the task's credentials */
	__u64 names_epoch;
	__u64 leaf;        /* an address on its way to becoming a number */
	__u32 mask;        /* MAY_*, exactly */
	__u32 len_bytes;   /* of the way up */
	__u64 head[PW_EVENT_HEAD / 8];
	__u64 names[PW_CHAIN_BYTES / 8];
};

struct pw_alikes { struct pw_alike read, write; }; /* of two, so that a copy from one directory to another finds both */

PW_MAP_LINKAGE struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pw_alikes);
} pw_alikes SEC(".maps");

/* The shared words, at an address known when the programs are loaded: the hot path reads them without a lookup. */
PW_MAP_LINKAGE struct pw_state pw_state SEC(".data.state");

/*
 * What tasks were last allowed, unconditionally: see slot.bpf.h. A task has PW_SLOT_WAYS places, so that a copy from one file
 * to another finds both: one half for inodes, one for what has its label from a directory.
 */
#define PW_SLOT_WAYS 8u
#define PW_SLOTS     8192u
#define PW_HELD      32768u

struct pw_slot {
	__u64 task;  /* address of the task, 0: nothing here; compared, never followed */
	__u64 inode; /* address of the inode, or of the directory */
	__u64 meta;  /* slot epoch << 16 | enum pw_slot_bits */
	__u64 lock;  /* 1 while a writer is at it */
};

struct pw_slots {
	struct pw_slot slot[PW_SLOTS];
	__u64 held[PW_HELD]; /* slot epoch << 32 | how many slots of that epoch name an inode with this hash */
};
PW_MAP_LINKAGE struct pw_slots pw_slots;

#endif
#endif
