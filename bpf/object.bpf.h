/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is acted on: from an inode to its label. Identity is the inode and the tree that it stands in, never a path: names, mounts,
 * namespaces and roots of processes do not enter. Directories keep their label in inode storage; a file goes by its directory's,
 * so that a file that moves or is new needs no care. Must never answer "outside" where it does not know.
 */
#ifndef PW_OBJECT_BPF_H
#define PW_OBJECT_BPF_H

#include "state.bpf.h"

/* Results beside a PW_ATTR_LABEL word (label, and PW_ROOT_STORE for a store's root itself). */
#define PW_LABEL_UNKNOWN (-1)
#define PW_LABEL_DEEP    (-2) /* the walk ended before anything known */

/*
 * Labels are kept per generation and object epoch in one word: a task that still sees the old generation and one that sees the
 * new one must not take each other's. Multiplication spreads consecutive generations over all bits.
 */
static __always_inline __u32 pw_object_epoch(__u32 gen)
{
	return gen * 0x9e3779b1u + PW_READ(pw_state.object_epoch);
}

static __always_inline bool pw_is_dir(const struct inode *inode)
{
	return (inode->i_mode & S_IFMT) == S_IFDIR;
}

/*
 * Is exactly this inode registered: as a store's root if it is a directory, as a hard link if it is not? The word, or 0. On an
 * overlay directories and files are numbered apart, so a file may well have the number of a store's root.
 */
static __always_inline __u64 pw_label_exact(__u32 dev, __u64 ino, __u32 mode, __u32 gen)
{
	__u64 word;

	if (!pw_perhaps_registered(ino))
		return 0;
	word = pw_attr(PW_ATTR_LABEL, gen, dev, ino);
	return !(word & PW_ROOT_STORE) == ((mode & S_IFMT) == S_IFDIR) ? 0 : word;
}

/*
 * The directory that this plain file certainly has its label from, to be compared and never followed; NULL: ask pw_label(). Whoever
 * registers inodes for another reason must set their bit in the bloom filter, or the directory speaks for them.
 */
static __always_inline struct inode *pw_label_giver(const struct inode *inode, const struct dentry *dentry)
{
	struct dentry *up;

	if (dentry->d_inode != inode || (inode->i_mode & S_IFMT) != S_IFREG || pw_perhaps_registered(inode->i_ino))
		return NULL;
	up = dentry->d_parent;
	return up && up != dentry ? up->d_inode : NULL;
}

struct pw_climb {
	struct dentry *at;
	struct dentry *top; /* the filesystem's root: above it there is no store */
	long label;
	__u32 dev, gen;
};

/*
 * A registered directory, i steps up: too far for a store. Outside a tree may be as deep, so the walk goes on to the filesystem's root,
 * twice as far as any path can name in one piece.
 */
static __always_inline long pw_climb_found(__u32 i, __u64 word)
{
	if (i > PW_WALK_MAX)
		return PW_LABEL_UNKNOWN;
	return (long)(i ? word & PW_ROOT_LABEL : word);
}

static long pw_climb_typed(__u32 i, struct pw_climb *c)
{
	struct dentry *at = c->at, *up;
	struct inode *inode;
	__u64 word;

	if (!at)
		return 1;
	inode = at->d_inode;
	word = inode ? pw_label_exact(c->dev, inode->i_ino, inode->i_mode, c->gen) : 0;
	if (word) {
		c->label = pw_climb_found(i, word);
		return 1;
	}
	up = at->d_parent;
	if (up == at) {
		/* A root that is not the filesystem's is a tree that was opened by handle and is not connected: unknown. */
		c->label = at == c->top ? PW_LABEL_OUTSIDE : PW_LABEL_UNKNOWN;
		return 1;
	}
	c->at = up;
	return 0;
}

/*
 * Where nothing but polyward's own directories is to be kept, a deep tree is somebody else's: nobody but polyward makes directories
 * in those, and it makes none below another.
 */
static __always_inline void pw_climb_end(struct pw_climb *c)
{
	if (c->label == PW_LABEL_DEEP && pw_attr(PW_ATTR_DEV, c->gen, c->dev, 0) == PW_DEV_OWN)
		c->label = PW_LABEL_OUTSIDE;
}

/* The label of a directory, by its own dentry. Kept in its inode storage if it was found. */
PW_STEP long pw_label_dir(struct inode *inode, struct dentry *dentry, __u32 gen)
{
	__u32 epoch = pw_object_epoch(gen);
	struct pw_climb c = { .at = dentry, .label = PW_LABEL_DEEP, .gen = gen };
	struct super_block *sb;
	__u64 *kept, word;

	if (!inode || !dentry)
		return PW_LABEL_UNKNOWN;
	kept = bpf_inode_storage_get(&pw_objects, inode, NULL, 0);
	if (kept) {
		word = PW_READ(*kept);
		if ((__u32)word == epoch)
			return (long)(word >> 32);
	}
	sb = inode->i_sb;
	if (!sb)
		return PW_LABEL_UNKNOWN;
	c.dev = sb->s_dev;
	c.top = sb->s_root;
	bpf_loop(PW_WALK_FAR, pw_climb_typed, &c, 0);
	pw_climb_end(&c);
	if (c.label < 0)
		return c.label;
	kept = bpf_inode_storage_get(&pw_objects, inode, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (kept)
		PW_WRITE(*kept, (__u64)c.label << 32 | epoch);
	return c.label;
}

/*
 * Would a directory of this name be one that we know? One below PW_WALK_MAX could never be opened, and so never be removed: it must
 * not come to stand there.
 */
PW_STEP bool pw_fits(struct inode *dir, struct dentry *name, __u32 gen)
{
	struct pw_climb c = { .at = name, .label = PW_LABEL_DEEP, .gen = gen };
	struct super_block *sb;

	if (!dir || !name)
		return false;
	sb = dir->i_sb;
	if (!sb)
		return false;
	c.dev = sb->s_dev;
	c.top = sb->s_root;
	bpf_loop(PW_WALK_FAR, pw_climb_typed, &c, 0);
	pw_climb_end(&c);
	return c.label >= 0;
}

static long pw_climb_raw(__u32 i, struct pw_climb *c)
{
	struct dentry *at = c->at, *up = BPF_CORE_READ(at, d_parent);
	struct inode *inode = BPF_CORE_READ(at, d_inode);
	__u64 word = pw_label_exact(c->dev, BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_mode), c->gen);

	if (word || up == at || !up) {
		c->label = word ? pw_climb_found(i, word) : up && at == c->top ? PW_LABEL_OUTSIDE : PW_LABEL_UNKNOWN;
		return 1;
	}
	c->at = up;
	return 0;
}

/* The first name of an inode, from the inode itself; NULL: it has none. */
static __always_inline struct dentry *pw_first_name(struct inode *inode)
{
	unsigned long node = (unsigned long)BPF_CORE_READ(inode, i_dentry.first);

	if (!node)
		return NULL;
	if (bpf_core_field_exists(struct dentry___since_7_0, d_alias))
		return (void *)(node - bpf_core_field_offset(struct dentry___since_7_0, d_alias));
	return (void *)(node - bpf_core_field_offset(struct dentry, d_u.d_alias));
}

/*
 * The same by a dentry that can be read but that the verifier does not trust, so that nothing can be kept on the way: kept is
 * the label of the inode itself, which is right until a rename across labels bumps the epoch. `address` may belong to another
 * inode: overlayfs before 6.5 opens the real file under its own path. Then the first name of the inode itself will do, because links
 * over a border are refused and older ones registered.
 */
PW_STEP long pw_label_raw(struct inode *inode, __u64 address, __u32 gen)
{
	__u32 epoch = pw_object_epoch(gen);
	struct pw_climb c = { .label = PW_LABEL_DEEP, .gen = gen };
	struct dentry *at = (struct dentry *)(unsigned long)address;
	__u64 *kept, word;

	if (!inode)
		return PW_LABEL_UNKNOWN;
	kept = bpf_inode_storage_get(&pw_objects, inode, NULL, 0);
	if (kept) {
		word = PW_READ(*kept);
		if ((__u32)word == epoch)
			return (long)(word >> 32);
	}
	if (BPF_CORE_READ(at, d_inode) != inode)
		at = pw_first_name(inode);
	if (!at)
		return PW_LABEL_UNKNOWN;
	c.at = at;
	c.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	c.top = BPF_CORE_READ(inode, i_sb, s_root);
	bpf_loop(PW_WALK_FAR, pw_climb_raw, &c, 0);
	pw_climb_end(&c);
	kept = c.label < 0 ? NULL :
	       bpf_inode_storage_get(&pw_objects, inode, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (kept)
		PW_WRITE(*kept, (__u64)c.label << 32 | epoch);
	return c.label;
}

/* As pw_label_raw(), but looks only: for an inode that nothing can be kept on, and for who is no hook. */
PW_STEP long pw_label_looked_up(struct inode *inode, struct dentry *at, __u32 gen)
{
	struct pw_climb c = { .label = PW_LABEL_DEEP, .gen = gen };

	if (BPF_CORE_READ(at, d_inode) != inode)
		at = pw_first_name(inode);
	if (!at)
		return PW_LABEL_UNKNOWN;
	c.at = at;
	c.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	c.top = BPF_CORE_READ(inode, i_sb, s_root);
	bpf_loop(PW_WALK_FAR, pw_climb_raw, &c, 0);
	pw_climb_end(&c);
	return c.label < 0 ? c.label : (long)(c.label & PW_ROOT_LABEL);
}

/*
 * The label of an inode reached by this dentry: label | PW_ROOT_STORE for a store's root, or PW_LABEL_UNKNOWN. The caller has asked
 * pw_protected(). Deeper than PW_WALK_MAX below a store, or than PW_WALK_FAR below the filesystem's root, is unknown, and so refused:
 * what is not known to be outside may be inside.
 */
PW_STEP long pw_label(struct inode *inode, struct dentry *dentry, __u32 gen)
{
	struct dentry *up;
	long label;
	__u64 word;

	if (!inode || !dentry)
		return PW_LABEL_UNKNOWN;
	if (dentry->d_inode != inode)
		return pw_label_raw(inode, (__u64)(unsigned long)dentry, gen);
	if (pw_is_dir(inode))
		return pw_label_dir(inode, dentry, gen);
	word = pw_label_exact(inode->i_sb->s_dev, inode->i_ino, inode->i_mode, gen);
	if (word)
		return (long)(word & PW_ROOT_LABEL);
	up = dentry->d_parent;
	/* A file without a directory was opened by handle: nobody knows where it stands. */
	if (!up || up == dentry)
		return PW_LABEL_UNKNOWN;
	label = pw_label_dir(up->d_inode, up, gen);
	return label < 0 ? label : (long)(label & PW_ROOT_LABEL);
}

/* The label of an open file. Since 6.17 its path stands in a union, which ends the verifier's trust in what it points to. */
PW_STEP long pw_label_file(struct file *file, __u32 gen)
{
	if (bpf_core_field_exists(struct file___since_6_17, __f_path))
		return pw_label_raw(file->f_inode, (__u64)(unsigned long)file->f_path.dentry, gen);
	return pw_label(file->f_inode, file->f_path.dentry, gen);
}

#endif
