// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on mounts over a stored directory or file. A mount elsewhere is nobody's business here: labels are of inodes, which a
 * bind mount does not change. Must never look at what is mounted, only at what it would hide.
 */
#include "gate.bpf.h"

/* linux/mount.h */
#define MS_REMOUNT    (1 << 5)
#define MS_BIND       (1 << 12)
#define MS_UNBINDABLE (1 << 17)
#define MS_PRIVATE    (1 << 18)
#define MS_SLAVE      (1 << 19)
#define MS_SHARED     (1 << 20)

/*
 * Does this mount(2) change an existing mount only, and so hide nothing? In the order in which the kernel looks at the flags
 * (path_mount() in fs/namespace.c): a bind mount with a propagation flag is a bind mount.
 */
static __always_inline bool pw_hides_nothing(unsigned long flags)
{
	if (flags & MS_REMOUNT)
		return true;
	return !(flags & MS_BIND) && (flags & (MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED));
}

static __noinline int pw_over(const struct path *path, __u32 hook)
{
	struct dentry *dentry = path->dentry;
	struct inode *inode = dentry->d_inode;

	if (!inode || !pw_protected(inode))
		return 0;
	return pw_check(inode, dentry, dentry, PW_NEED_MOUNT, hook);
}

SEC("lsm/sb_mount")
int BPF_PROG(pw_sb_mount, const char *dev_name, const struct path *path, const char *type, unsigned long flags)
{
	if (pw_hides_nothing(flags))
		return 0;
	return pw_over(path, PW_HOOK_pw_sb_mount);
}

SEC("lsm/move_mount")
int BPF_PROG(pw_move_mount, const struct path *from, const struct path *to)
{
	return pw_over(to, PW_HOOK_pw_move_mount);
}
