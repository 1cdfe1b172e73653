/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this module share. Must never be included from outside of it. */
#ifndef KERNEL_INTERNAL_H
#define KERNEL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <polyward/abi.h>

#include "base/err.h"
#include "kernel/kernel.h"
#include "kernel/variants.h"

struct btf;
struct image;
struct polyward_bpf;

/* Maps by the name of their pin, and by their name in the object where that differs. */
#define KERNEL_MAPS(M) \
	M(STATE, "pw_state", ".data.state") M(SLOTS, "pw_slots", ".bss") \
	M(CELLS, "pw_cells", NULL) M(ENTRIES, "pw_entries", NULL) M(CONDS, "pw_conds", NULL) M(GENS, "pw_gens", NULL) \
	M(ATTRS, "pw_attrs", NULL) M(UNITS, "pw_units", NULL) M(SUBJECTS, "pw_subjects", NULL) M(OBJECTS, "pw_objects", NULL) \
	M(URGENT, "pw_urgent", NULL) M(ACCESS, "pw_access", NULL) M(COUNTERS, "pw_counters", NULL) \
	M(CHAINS, "pw_chains", NULL) M(ALIKES, "pw_alikes", NULL)

enum map {
#define M(tag, pin, object) MAP_##tag,
	KERNEL_MAPS(M)
#undef M
	MAP_COUNT
};
extern const char *const map_pins[MAP_COUNT];

/* The table maps of one generation, as long as this process staged them. */
struct tables { uint32_t gen; int fd[3]; };

/* ways.c: what was registered in the staging that is under way. */
struct ways { struct ways_known *v; size_t count, cap; };

struct kernel {
	int maps[MAP_COUNT];
	struct pw_state *state;          /* shared with the programs: every word is read and stored whole */
	struct polyward_bpf *skel;       /* loaded, not attached yet; NULL when adopted or attached */
	struct btf *btf;                 /* this kernel's types */
	bool attached;
	struct tables staged[PW_GENERATIONS];
	struct kernel_own own;           /* what polyward consists of */
	uint32_t seal_gen;               /* a staged generation whose policy says `guard sealed`; 0: none */
	struct ways ways;
	uint32_t devices;                /* that the generation staged last guards */
	char below[ERR_MAX];             /* what lies below a store and cannot be guarded, for people; "" */
	int root_fds[PW_LABELS_MAX];     /* store roots on filesystems whose inodes forget their numbers; -1 elsewhere */
};

/* Words that the programs read while we write. */
#define STATE_READ(word)     __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define STATE_WRITE(word, v) __atomic_store_n(&(word), (v), __ATOMIC_SEQ_CST)
#define STATE_BUMP(word)     ((void)__atomic_fetch_add(&(word), 1, __ATOMIC_SEQ_CST))

uint64_t kernel_now_boot_ns(void);
/* The generation that decides now: as pw_generation() of the programs. */
uint32_t kernel_deciding(const struct kernel *k);

/* ---- pins.c ---- */
/* Attach every program that the kernel has and pin all below KERNEL_PINS: beside it first, then in place by one rename. */
int pins_attach(struct kernel *k, bool with_stat, struct err *e);
/* The stat program's link comes and goes with policies. */
int pins_stat(struct kernel *k, bool on, struct err *e);
/* Fill in k->maps from the pins. -ENOENT: there are none. -ESTALE: not all of them, or another version. */
int pins_adopt(struct kernel *k, struct err *e);
void pins_behind_all(struct kernel *k); /* at the root of the control groups, which the guard keeps so from now on */
int pins_remove(struct err *e);
/* Run this iterator: what it writes is read from the descriptor. */
int pins_iterator(const char *name);
uint32_t pins_links(void);

/* ---- place.c: where a path of the policy lies, as the kernel numbers it. ---- */
struct place { uint32_t dev; uint64_t ino; uint64_t mnt_id; uint64_t changed; bool forgetful; }; /* forgetful: numbers end with the inode (overlayfs) */
struct mounts;
/* Any descriptor, of whatever filesystem. -EXDEV: its number is not its own. */
int  place_fd(const struct mounts *m, int fd, const char *what, struct place *ret, struct err *e);
struct mounts_entry { uint32_t dev; const char *point, *type; };
bool mounts_find(const struct mounts *m, uint64_t id, struct mounts_entry *ret);
/* The device number of the first filesystem of this type. */
bool mounts_dev_of(const struct mounts *m, const char *type, uint32_t *ret_dev);
int  mounts_read(struct mounts **ret, struct err *e);
void mounts_free(struct mounts *m);
/* A mount strictly below this path whose mount point is not the path of a store; NULL: none. */
const char *mounts_inside(const struct mounts *m, const char *path, const struct image *img);
/* An O_PATH descriptor of a store's root and its place. */
int place_store(const struct mounts *m, const struct image *img, uint32_t label, int *ret_fd, struct place *ret, struct err *e);
int place_program(const struct mounts *m, const struct image *img, uint32_t i, struct place *ret, struct err *e);

/* ---- own.c ---- */
/* One of polyward's BPF objects, by number; forgotten when it goes. */
int  own_bpf_add(struct kernel *k, enum pw_own_bpf what, uint32_t id, struct err *e);
void own_bpf_drop(struct kernel *k, enum pw_own_bpf what, uint32_t id);
int  own_bpf_map(struct kernel *k, int map_fd, struct err *e);
int  own_bpf_prog(struct kernel *k, int prog_fd, struct err *e);
int  own_bpf_link(struct kernel *k, int link_fd, struct err *e);
/* Polyward's directories under this generation. img: its stores must not lie in each other's way with them; NULL: not asked. */
int  own_stage(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, struct err *e);
int  own_pins(struct kernel *k, uint32_t gen, struct err *e);
int  own_entry_fd(const struct kernel *k); /* O_PATH, the caller's; -1: there is none */

/* ---- device.c: what lies under the stores: block devices, down to the disks, and files under loop devices. ---- */
int  device_stage(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, const struct place *roots, struct err *e);

/* After the flip: filesystems on which somebody has opened a node of such a device are to be looked at as well. */
void device_opened(struct kernel *k, uint32_t gen);

/* ---- ways.c: the directories above this one, itself if nothing else keeps it from being covered, and the mount that carries it. ---- */
int  ways_stage(struct kernel *k, uint32_t gen, const struct mounts *m, int dir_fd, bool itself, struct err *e);
/* To be called when a staging ends: the next one registers everything anew. */
void ways_forget(struct ways *w);

/* ---- mark.c ---- */
/* Register the programs in the install directory and the entry program, and forget what they replaced. */
int  kernel_own_programs(struct kernel *k, struct err *e);

/* ---- mapped.c ---- */
/* A policy that ends processes needs a kernel that finds them. */
int  mapped_check(const struct kernel *k, const struct image *img, struct err *e);

/* ---- scan.c: files with more than one name. ---- */
struct links;
int  links_new(struct links **ret);
void links_free(struct links *l);
/* Walk the store below root_fd (borrowed); roots of other stores are left to themselves. */
int links_scan(struct links *l, const struct image *img, uint32_t label, int root_fd, const struct place *roots,
	       const struct kernel_progress *p, struct err *e);
int links_each(const struct links *l, int (*take)(void *ctx, uint32_t dev, uint64_t ino, uint32_t label), void *ctx);

/* ---- tables.c ---- */
/* Fill slot gen % PW_GENERATIONS with the image's tables, read them back, compare, and run the image's tests on what was read. */
int tables_fill(struct kernel *k, const struct image *img, uint32_t gen, struct err *e);
void tables_drop(struct kernel *k, uint32_t gen);
/* Every key of this generation leaves the hashes. */
void attrs_drop(struct kernel *k, uint32_t gen);
int attrs_fill(struct kernel *k, const struct image *img, uint32_t gen, struct err *e);
int attr_add(struct kernel *k, const struct pw_attr_key *key, uint64_t value, struct err *e);
/* A program that roles name, as it is now; one of polyward's own (gen 0, what: enum pw_own_exe). */
int attr_program(struct kernel *k, uint32_t gen, const struct place *at, uint64_t roles, struct err *e);
int attr_own_program(struct kernel *k, const struct place *at, enum pw_own_exe what, struct err *e);
/* A directory above a store: hash and filter. */
int attr_way(struct kernel *k, uint32_t gen, uint32_t dev, uint64_t ino, struct err *e);
/* A filesystem that is to be looked at. */
int attr_dev(struct kernel *k, uint32_t gen, uint32_t dev, enum pw_attr_dev holds, struct err *e);
/* Register an inode: hash, filter and filesystem. */
int attr_label(struct kernel *k, uint32_t gen, const struct place *at, uint64_t word, struct err *e);

#endif
