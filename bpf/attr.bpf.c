// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on attributes: stat, mode, owner, times, size, extended attributes, access control lists, inode flags, symbolic links'
 * targets. All of them end at a dentry, whatever way the caller came. Must never decide anything itself.
 */
#include "gate.bpf.h"

/* linux/fs.h; unchanged since 2.6.27. */
#define ATTR_SIZE  (1 << 3)
#define ATTR_FORCE (1 << 9)

static __noinline int pw_on(struct dentry *dentry, __u32 need, __u32 hook)
{
	struct inode *inode = dentry->d_inode;

	if (!inode || !pw_protected(inode))
		return 0;
	return pw_check(inode, dentry, dentry, pw_need_on(inode, need), hook);
}

SEC("lsm/inode_getattr")
int BPF_PROG(pw_getattr, const struct path *path)
{
	return pw_on(path->dentry, PW_NEED_STAT, PW_HOOK_pw_getattr);
}

/* A change of size is a write; so is what the kernel itself does to mode bits of a file that is written (ATTR_FORCE). */
static __always_inline __u32 pw_need_set(const struct iattr *attr)
{
	return attr->ia_valid & (ATTR_SIZE | ATTR_FORCE) ? PW_NEED_WRITE : PW_NEED_ATTR;
}

/* Arguments up to 6.8; the id mapping came first in 6.9. One of the two is loaded. Can go with support for 6.8. */
SEC("lsm/inode_setattr")
int BPF_PROG(pw_setattr, struct dentry *dentry, struct iattr *attr)
{
	return pw_on(dentry, pw_need_set(attr), PW_HOOK_pw_setattr);
}

SEC("lsm/inode_setattr")
int BPF_PROG(pw_setattr3, void *idmap, struct dentry *dentry, struct iattr *attr)
{
	return pw_on(dentry, pw_need_set(attr), PW_HOOK_pw_setattr3);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(pw_setxattr, void *idmap, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_ATTR, PW_HOOK_pw_setxattr);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(pw_rmxattr, void *idmap, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_ATTR, PW_HOOK_pw_rmxattr);
}

SEC("lsm/inode_getxattr")
int BPF_PROG(pw_getxattr, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_READ, PW_HOOK_pw_getxattr);
}

SEC("lsm/inode_listxattr")
int BPF_PROG(pw_listxattr, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_READ, PW_HOOK_pw_listxattr);
}

/* Since 6.2; before that a list is got as an extended attribute, and needs the same. */
SEC("lsm/inode_get_acl")
int BPF_PROG(pw_get_acl, void *idmap, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_READ, PW_HOOK_pw_get_acl);
}

SEC("lsm/inode_set_acl")
int BPF_PROG(pw_set_acl, void *idmap, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_ATTR, PW_HOOK_pw_set_acl);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(pw_rm_acl, void *idmap, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_ATTR, PW_HOOK_pw_rm_acl);
}

SEC("lsm/inode_file_setattr")
int BPF_PROG(pw_file_attr, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_ATTR, PW_HOOK_pw_file_attr);
}

/* As the ioctl: asked for where a policy names that. */
SEC("lsm/inode_file_getattr")
int BPF_PROG(pw_fileattr_get, struct dentry *dentry)
{
	__u32 place = pw_generation() % PW_GENERATIONS;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);

	return g && (g->actions_named & PW_A_STAT) ? pw_on(dentry, PW_NEED_STAT, PW_HOOK_pw_fileattr_get) : 0;
}

/*
 * From now on the kernel reads and writes this file itself, for whoever asks about quotas, and asks nobody. The oldest kind of quota file is a
 * table without a head: any file will do.
 */
SEC("lsm/quota_on")
int BPF_PROG(pw_quota_on, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_READ | PW_NEED_WRITE, PW_HOOK_pw_quota_on);
}

SEC("lsm/inode_readlink")
int BPF_PROG(pw_readlink, struct dentry *dentry)
{
	return pw_on(dentry, PW_NEED_READ, PW_HOOK_pw_readlink);
}
