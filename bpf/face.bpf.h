/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The face of a mapped file: overlayfs has the file below mapped in place of its own, and with that a store on an overlay would be out of
 * sight for whoever looks at a mapping. Must never be asked on the hot path, nor stand for the file below where that is a stored one itself.
 */
#ifndef PW_FACE_BPF_H
#define PW_FACE_BPF_H

#include "kernel.h"

/* linux/magic.h, and fs/fuse/inode.c */
#define OVERLAYFS_MAGIC 0x794c7630ul
#define FUSE_MAGIC      0x65735546ul

static __always_inline bool pw_is_layered(unsigned long magic)
{
	return magic == OVERLAYFS_MAGIC || magic == FUSE_MAGIC;
}

/*
 * The name by which it was opened in a layered filesystem, read through and never trusted; NULL: none. Before 6.7 it is the path of the file
 * itself, later it stands behind a file of that kind. Behind another file stands something else, which does not lead to such a filesystem.
 */
static __noinline struct dentry *pw_face(struct file *file)
{
	struct backing_file *backing = (void *)file;
	struct dentry *at = bpf_core_field_exists(backing->user_path) ? BPF_CORE_READ(backing, user_path.dentry) : BPF_CORE_READ(file, f_path.dentry);
	struct super_block *sb = BPF_CORE_READ(at, d_inode, i_sb);

	return sb && pw_is_layered(BPF_CORE_READ(sb, s_magic)) && BPF_CORE_READ(sb, s_root, d_inode, i_sb) == sb ? at : NULL;
}

#endif
