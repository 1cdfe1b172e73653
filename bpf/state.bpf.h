/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading the shared words: which generation decides, which windows are open, which filesystems hold a store. Every word is read
 * once and as a whole, because the loader changes it under us. Must never write anything but an epoch.
 */
#ifndef PW_STATE_BPF_H
#define PW_STATE_BPF_H

#include "maps.bpf.h"

#define PW_READ(x)     (*(volatile __typeof__(x) *)&(x))
#define PW_WRITE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* The generation that decides now; 0: no policy. After a deadline that nobody confirmed it is the one before, daemon or not. */
static __always_inline __u32 pw_generation(void)
{
	__u64 revert_at_ns = PW_READ(pw_state.revert_at_ns);

	if (revert_at_ns && bpf_ktime_get_boot_ns() >= revert_at_ns)
		return PW_READ(pw_state.revert_gen);
	return PW_READ(pw_state.gen);
}

/* Windows that are open at this moment. In gate.bpf.c; checked by itself. */
__u32 pw_windows_open(void);

static __always_inline __u64 pw_attr(__u32 kind, __u32 gen, __u64 a, __u64 b)
{
	struct pw_attr_key key = { .a = a, .b = b, .gen = gen, .kind = kind };
	__u64 *value = bpf_map_lookup_elem(&pw_attrs, &key);

	return value ? *value : 0;
}

/* May an inode of this number be registered? No: certainly not. */
static __always_inline bool pw_perhaps_registered(__u64 ino)
{
	__u32 bit = pw_bloom_bit(ino);

	return PW_READ(pw_state.bloom[(bit >> 6) & (PW_BLOOM_WORDS - 1)]) >> (bit & 63) & 1;
}

/*
 * Two protected filesystems share a place of the direct map: which of them this is, or neither, only the hash can say. Pipes and
 * sockets of an innocent third one that lands there must not be looked for in a store.
 */
static __noinline bool pw_protected_collide(__u32 dev)
{
	return pw_attr(PW_ATTR_DEV, pw_generation(), dev, 0);
}

/*
 * The first question of every hook: is there a store on this filesystem? Two pointers and one word, so that all other
 * filesystems pay next to nothing.
 */
static __always_inline bool pw_protected(const struct inode *inode)
{
	__u32 dev = inode->i_sb->s_dev, there = PW_READ(pw_state.devs[pw_dev_hash(dev)]);

	return there == dev || (there == PW_DEV_COLLIDE && pw_protected_collide(dev));
}

/*
 * The same in two steps for the two hottest hooks, without the hash, which is for the caller's next step: no call, so nothing to save
 * and restore on the way out. Most places are empty, so that is asked first; the 0 is returned as it was loaded, and the table's address
 * loaded where it is needed: both are hidden from the compiler, which would spend instructions of every read on them.
 */
#define PW_UNLESS_DEV_USED(used, dev, label)                      \
	(used) = PW_READ(pw_state.dev_used[pw_dev_hash(dev)]);    \
	__asm__ volatile goto("if %0 != 0 goto %l[" #label "]" : : "r"(used) : : label)

static __always_inline bool pw_perhaps_protected(__u32 dev)
{
	const struct pw_state *state;
	__u32 there;

	__asm__ volatile("%0 = pw_state ll" : "=r"(state));
	there = PW_READ(state->devs[pw_dev_hash(dev)]);
	return there == dev || there == PW_DEV_COLLIDE;
}

/* What subjects were computed from has changed for tasks that we cannot name. */
static __always_inline void pw_subjects_changed(void)
{
	__sync_fetch_and_add(&pw_state.subject_epoch, 1);
	__sync_fetch_and_add(&pw_state.slot_epoch, 1);
}

/* Ways up by name that were kept may be wrong. */
static __always_inline void pw_names_changed(void)
{
	__sync_fetch_and_add(&pw_state.names_epoch, 1);
}

/* Labels below some directory have changed. */
static __always_inline void pw_objects_changed(void)
{
	__sync_fetch_and_add(&pw_state.object_epoch, 1);
	__sync_fetch_and_add(&pw_state.slot_epoch, 1);
}

#endif
