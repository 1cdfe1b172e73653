/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The directories above a store, or above what polyward consists of. They keep their names and are not covered, or new data would go
 * to another place than the policy speaks of. What is in them is nobody's business. Must never be asked on the way of a plain file.
 */
#ifndef PW_WAY_BPF_H
#define PW_WAY_BPF_H

#include "gate.bpf.h"
#include "own.bpf.h"

static __always_inline bool pw_on_way(const struct inode *inode)
{
	return pw_perhaps_registered(inode->i_ino) && pw_guarded() && pw_attr(PW_ATTR_WAY, pw_generation(), inode->i_sb->s_dev, inode->i_ino);
}

/* This name is to go, or to change. 1: it stays, counted and recorded. */
PW_STEP int pw_way_stays(struct dentry *dentry, __u32 need, __u32 hook)
{
	struct inode *inode = dentry->d_inode;
	struct pw_op op;

	if (!inode || !pw_is_dir(inode) || !pw_on_way(inode) || pw_is_own() || !pw_begin(&op, inode, dentry, need, hook))
		return 0;
	return pw_refuse(&op, PW_R_ROOT);
}

#endif
