/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an object is called, from itself up to its store's root, for event.bpf.c alone. Most accesses that follow each other are in the
 * same directory, so each CPU keeps the way up from the last one. Must never be asked for a decision: these are names.
 *
 * Why what is kept is right. It is kept for the address of a directory's dentry together with that of its inode, under an epoch that
 * every rename bumps when it is done and every directory's inode when it goes. So the dentry found there is the same directory's, and
 * nothing above it, which it holds, was renamed. Filesystems that rename behind the kernel's back (they have d_revalidate) are not kept.
 */
#ifndef PW_NAMES_BPF_H
#define PW_NAMES_BPF_H

#include "alike.bpf.h"

#define DCACHE_OP_REVALIDATE 0x4

/*
 * What is wanted of a dentry lies close together, so one read brings it: where it is in, what it is called, its inode, and the name
 * itself if it is short. It goes to where the name is to stand, for want of stack. What is read is a copy, so a rename meanwhile can at
 * worst mix two names.
 */
#define PW_HEAD_BYTES  64

struct pw_climb_names {
	__u64 at;      /* address of a dentry; only ever read through */
	char *names;
	__u64 root_ino;
	__u32 dev, gen;
	__u32 off;
	__u32 whole;
};

struct pw_head { __u64 up, inode, name; };

/* The verifier is to see that what was compared and what is added are the same number. */
#define PW_FIXED(n) asm volatile("" : "+r"(n))

#define PW_HEAD(at, type, field) (*(type *)((at) + PW_DENTRY_OFF(field) - PW_DENTRY_OFF(d_parent)))

/* The length of the name that was read along, with its NUL, which now stands at its place; 0: it is not there. */
static __always_inline __u32 pw_short_name(char *to, __u64 dentry, const struct pw_head *h)
{
	__u64 at = pw_short_off() - PW_DENTRY_OFF(d_parent), len_bytes = PW_HEAD(to, __u32, d_name.len);
	__u64 *words = (__u64 *)to, *from = (__u64 *)(to + at);

	PW_FIXED(len_bytes);
	if (at < PW_SHORT_BYTES || at + PW_SHORT_BYTES > PW_HEAD_BYTES || h->name != dentry + pw_short_off() || !len_bytes ||
	    len_bytes >= PW_SHORT_BYTES)
		return 0;
	words[0] = from[0];
	words[1] = from[1];
	words[2] = from[2];
	words[3] = from[3];
	to[len_bytes] = '\0';
	return (__u32)len_bytes + 1;
}

/* Returns the length of the name as above, 0 if that has to be copied, or -1. */
static __always_inline long pw_read_head(struct pw_climb_names *c, struct pw_head *h)
{
	struct dentry *dentry = (struct dentry *)(unsigned long)c->at;
	__u64 off = c->off;
	char *to;

	PW_FIXED(off);
	if (off > PW_NAMES_MAX - PW_HEAD_BYTES) {
		h->up = (__u64)(unsigned long)BPF_CORE_READ(dentry, d_parent);
		h->inode = (__u64)(unsigned long)BPF_CORE_READ(dentry, d_inode);
		h->name = (__u64)(unsigned long)BPF_CORE_READ(dentry, d_name.name);
		return 0;
	}
	to = c->names + off;
	if (bpf_probe_read_kernel(to, PW_HEAD_BYTES, (const void *)(c->at + PW_DENTRY_OFF(d_parent))))
		return -1;
	h->up = PW_HEAD(to, __u64, d_parent);
	h->inode = PW_HEAD(to, __u64, d_inode);
	h->name = PW_HEAD(to, __u64, d_name.name);
	return pw_short_name(to, c->at, h);
}

/* A longer one. The piece is as large as certainly fits: the verifier wants a constant. */
static __always_inline long pw_copy_long(char *to, __u32 off, __u64 at)
{
	const unsigned char *name = (const unsigned char *)(unsigned long)at;

	if (!off)
		return bpf_probe_read_kernel_str(to, PW_NAMES_MAX, name);
	if (off <= PW_NAMES_MAX / 2)
		return bpf_probe_read_kernel_str(to + off, PW_NAMES_MAX / 2, name);
	if (off <= PW_NAMES_MAX - 64)
		return bpf_probe_read_kernel_str(to + off, 64, name);
	if (off <= PW_NAMES_MAX - 24)
		return bpf_probe_read_kernel_str(to + off, 24, name);
	return -1;
}

/* The name of what was read stands behind the others now, or is put there. 0, or 1: there is no room for more. */
static __always_inline long pw_put_name(struct pw_climb_names *c, const struct pw_head *h, long len_bytes)
{
	__u32 off = c->off;

	if (off >= PW_NAMES_MAX)
		return 1;
	if (!len_bytes)
		len_bytes = pw_copy_long(c->names, off, h->name);
	if (len_bytes <= 1)
		return 1;
	c->off = off + (__u32)len_bytes;
	return 0;
}

/* Is what was read the root of a store? A store's is known by its number; polyward's own directories are asked for. */
static __always_inline bool pw_at_root(const struct pw_climb_names *c, const struct pw_head *h)
{
	struct inode *inode = (struct inode *)(unsigned long)h->inode;
	__u64 ino = inode ? BPF_CORE_READ(inode, i_ino) : 0;

	if (!ino || (c->root_ino && ino != c->root_ino))
		return false;
	return pw_label_exact(c->dev, ino, BPF_CORE_READ(inode, i_mode), c->gen) & PW_ROOT_STORE;
}

static long pw_climb_name(__u32 i, struct pw_climb_names *c)
{
	struct pw_head h;
	long len_bytes = pw_read_head(c, &h);

	if (len_bytes < 0)
		return 1;
	if (pw_at_root(c, &h)) {
		c->whole = 1;
		return 1;
	}
	if (h.up == c->at || pw_put_name(c, &h, len_bytes))
		return 1;
	c->at = h.up;
	return 0;
}

/* ---- the way up from the last directory ---- */

static __always_inline __u64 pw_inode_at(__u64 dentry)
{
	__u64 inode = 0;

	return bpf_probe_read_kernel(&inode, sizeof(inode), (const void *)(dentry + PW_DENTRY_OFF(d_inode))) ? 0 : inode;
}

/* Programs on one CPU come between each other: what was copied counts if nobody wrote meanwhile. 0: it is not there. */
static __always_inline bool pw_chain_take(struct pw_chain *k, struct pw_climb_names *c, __u32 label)
{
	__u64 version = PW_READ(k->version), off = c->off, *to;
	__u32 len_bytes = k->len_bytes;

	PW_FIXED(off);
	if ((version & 1) || k->dentry != c->at || k->epoch != PW_READ(pw_state.names_epoch) || k->gen != c->gen || k->label != label ||
	    len_bytes > PW_CHAIN_BYTES || off > PW_NAMES_MAX - PW_CHAIN_BYTES || k->inode != pw_inode_at(c->at))
		return false;
	to = (__u64 *)(c->names + off);
	for (__u32 i = 0; i < PW_CHAIN_BYTES / 16; i++)
		to[i] = k->names[i];
	if (len_bytes > PW_CHAIN_BYTES / 2)
		for (__u32 i = PW_CHAIN_BYTES / 16; i < PW_CHAIN_BYTES / 8; i++)
			to[i] = k->names[i];
	if (PW_READ(k->version) != version)
		return false;
	c->off = (__u32)off + len_bytes;
	c->whole = 1;
	return true;
}

/* `at` is where the way began, `from` where its names do; the epoch was read before. false: it is not kept. */
static __always_inline bool pw_chain_keep(struct pw_chain *k, const struct pw_climb_names *c, __u64 at, __u64 from, __u64 epoch, __u32 label)
{
	__u32 flags = DCACHE_OP_REVALIDATE, len_bytes = c->off - (__u32)from;
	__u64 version = PW_READ(k->version), *names;

	PW_FIXED(from);
	if (!c->whole || len_bytes > PW_CHAIN_BYTES || from > PW_NAMES_MAX - PW_CHAIN_BYTES || (version & 1) ||
	    bpf_probe_read_kernel(&flags, sizeof(flags), (const void *)(at + PW_DENTRY_OFF(d_flags))) ||
	    (flags & DCACHE_OP_REVALIDATE) || __sync_val_compare_and_swap(&k->version, version, version + 1) != version)
		return false;
	names = (__u64 *)(c->names + from);
	for (__u32 i = 0; i < PW_CHAIN_BYTES / 8; i++)
		k->names[i] = names[i];
	k->dentry = at;
	k->inode = pw_inode_at(at);
	k->epoch = epoch;
	k->gen = c->gen;
	k->label = label;
	k->len_bytes = len_bytes;
	PW_WRITE(k->version, version + 2);
	return true;
}

static __always_inline __u64 pw_root_ino(__u32 gen, __u32 label)
{
	__u64 at = (__u64)gen * PW_LABELS_MAX + label;

	asm volatile("" : "+r"(at)); /* the mask below must stay the last word on it */
	return label < PW_LABELS_MAX ? PW_READ(pw_state.root_ino[at & (PW_GENERATIONS * PW_LABELS_MAX - 1)]) : 0;
}

/*
 * Names from the leaf up to, but without, the store's root. Returns where those of the way up begin, if that way is right for as long as
 * the epoch of before stands; else 0.
 */
static __always_inline __u32 pw_names(struct pw_event *ev, const struct pw_op *op)
{
	struct pw_climb_names c = { .at = op->named, .names = ev->names, .dev = op->dev, .gen = op->gen };
	__u64 epoch = PW_READ(pw_state.names_epoch), at;
	__u32 zero = 0, from = 0;
	struct pw_chain *kept = bpf_map_lookup_elem(&pw_chains, &zero);
	bool lasting = true;
	struct pw_head h;
	long len_bytes;

	c.root_ino = pw_root_ino(op->gen, op->label);
	c.off = c.whole = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	/* Nothing but a root has a root's number, so the leaf's inode need not be asked for its own. */
	if (c.root_ino && op->ino != c.root_ino) {
		len_bytes = pw_read_head(&c, &h);
		if (len_bytes >= 0 && h.up != c.at && !pw_put_name(&c, &h, len_bytes)) {
			c.at = h.up;
			from = c.off;
		}
	}
	at = c.at;
	if (!from || !kept || !pw_chain_take(kept, &c, op->label)) {
		bpf_loop(PW_WALK_MAX, pw_climb_name, &c, 0);
		lasting = from && kept && pw_chain_keep(kept, &c, at, from, epoch, op->label);
	}
	if (!c.whole)
		ev->flags |= PW_EV_NAMES_CUT;
	ev->names_len = (__u16)c.off;
	return lasting ? from : 0;
}

#endif
