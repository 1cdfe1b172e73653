/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Device nodes that lead below a store: the block device of its filesystem, what that consists of, and character devices that pass
 * commands through to the same disk. Known by device number, so it does not matter where a node lies. Must never trust a node's name.
 */
#ifndef PW_DEVICE_BPF_H
#define PW_DEVICE_BPF_H

#include "gate.bpf.h"
#include "own.bpf.h"

static __always_inline bool pw_is_node(__u32 mode)
{
	return (mode & S_IFMT) == S_IFBLK || (mode & S_IFMT) == S_IFCHR;
}

/* enum pw_bdev of a device number, or 0: it is nobody's business. */
static __always_inline __u64 pw_below(__u32 dev, bool chr)
{
	return pw_guarded() ? pw_attr(PW_ATTR_BDEV, pw_generation(), dev, chr) : 0;
}

/* May the current task use this node, to read or to change? In device.bpf.c; checked by itself. 1: no. */
int pw_node_denied(__u32 mode, __u32 rdev, __u32 change);

/* The same, counted and recorded under this hook: 0 or -EPERM. */
static __always_inline int pw_node_refuses(__u32 mode, __u32 rdev, __u32 change, __u32 hook)
{
	if (!pw_is_node(mode) || !pw_node_denied(mode, rdev, change))
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, rdev);
	return -EPERM;
}

/* Is there anything to ask about this node? Takes none of the caller's stack. */
PW_STEP bool pw_node_matters(__u32 mode, __u32 rdev)
{
	return pw_below(rdev, (mode & S_IFMT) == S_IFCHR);
}

/* The same for who has an operation at hand, and no stack for another one. */
static __always_inline int pw_node_refuses_op(struct pw_op *op, const struct inode *inode, __u32 change)
{
	__u32 mode = inode->i_mode, rdev = inode->i_rdev;

	if (!pw_is_node(mode) || !pw_node_denied(mode, rdev, change))
		return 0;
	op->named = 0;
	op->ino = rdev;
	pw_refuse(op, PW_R_GUARD);
	return -EPERM;
}

#endif
