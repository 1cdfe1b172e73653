// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has a raw device under a store open already, by a node that lies anywhere. Run on purpose, when a policy begins, over all open
 * files: the filesystems that such nodes lie on are then looked at too when files are used. Must never change anything.
 */
#include "device.bpf.h"

struct seq_file;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task_file { struct bpf_iter_meta *meta; struct file *file; };
#pragma clang attribute pop

SEC("iter/task_file")
int pw_opened(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct inode *inode = file ? file->f_inode : NULL;
	__u32 dev;

	if (!inode || !pw_is_node(inode->i_mode) || !pw_node_matters(inode->i_mode, inode->i_rdev))
		return 0;
	dev = inode->i_sb->s_dev;
	bpf_seq_write(ctx->meta->seq, &dev, sizeof(dev));
	return 0;
}
