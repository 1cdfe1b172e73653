// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on names: make, remove, link, rename. A name in a store makes its inode the store's, so what crosses a border is decided on
 * both sides and a link never crosses one. Must never let one inode have names under two labels.
 */
#include "device.bpf.h"
#include "way.bpf.h"

static __noinline int pw_make(struct inode *dir, struct dentry *dentry, __u32 hook)
{
	struct pw_op op;

	/* What is made has no label of its own yet: it is as its directory. */
	if (pw_slot_allows_in(dir, PW_SLOT_CREATE) || !pw_begin(&op, dir, dentry, PW_NEED_CREATE, hook))
		return 0;
	if (pw_ask(&op, pw_label(dir, dentry->d_parent, op.gen)))
		return pw_errno(1);
	pw_remember_in(&op, dir, PW_SLOT_CREATE);
	return 0;
}

SEC("lsm/inode_create")
int BPF_PROG(pw_create, struct inode *dir, struct dentry *dentry)
{
	return pw_protected(dir) ? pw_make(dir, dentry, PW_HOOK_pw_create) : 0;
}

SEC("lsm/inode_mknod")
int BPF_PROG(pw_mknod, struct inode *dir, struct dentry *dentry, __u16 mode, __u32 dev)
{
	if (pw_node_refuses(mode, dev, 1, PW_HOOK_pw_mknod))
		return -EPERM;
	return pw_protected(dir) ? pw_make(dir, dentry, PW_HOOK_pw_mknod) : 0;
}

/* By itself, so that it takes no stack from what follows. */
static __noinline int pw_mkdir_deep(struct inode *dir, struct dentry *dentry)
{
	struct pw_op op;

	if (!pw_begin(&op, dir, dentry, PW_NEED_CREATE, PW_HOOK_pw_mkdir) || pw_fits(dir, dentry, op.gen))
		return 0;
	return pw_refuse(&op, PW_R_DEPTH);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(pw_mkdir, struct inode *dir, struct dentry *dentry)
{
	if (!pw_protected(dir))
		return 0;
	if (pw_mkdir_deep(dir, dentry))
		return pw_errno(1);
	return pw_make(dir, dentry, PW_HOOK_pw_mkdir);
}

SEC("lsm/inode_symlink")
int BPF_PROG(pw_symlink, struct inode *dir, struct dentry *dentry)
{
	return pw_protected(dir) ? pw_make(dir, dentry, PW_HOOK_pw_symlink) : 0;
}

static __noinline int pw_unmake(struct dentry *dentry, __u32 hook)
{
	struct inode *inode = dentry->d_inode, *giver;
	struct pw_op op;
	long label;

	if (!inode)
		return 0;
	giver = pw_label_giver(inode, dentry);
	if ((giver && pw_slot_allows_in(giver, PW_SLOT_DELETE)) || !pw_begin(&op, inode, dentry, PW_NEED_DELETE, hook))
		return 0;
	label = pw_label(inode, dentry, op.gen);
	if (label < 0)
		return pw_refuse(&op, PW_R_DEPTH);
	op.label = (__u16)(label & PW_ROOT_LABEL);
	/* The root's inode is what the store is known by. */
	if (label & PW_ROOT_STORE)
		return pw_refuse(&op, PW_R_ROOT);
	if (pw_ask(&op, label))
		return 1;
	/* The directory is locked: it cannot go, nor can the file go to another one. */
	if (giver)
		pw_remember_in(&op, giver, PW_SLOT_DELETE);
	return 0;
}

SEC("lsm/inode_unlink")
int BPF_PROG(pw_unlink, struct inode *dir, struct dentry *dentry)
{
	return pw_protected(dir) ? pw_errno(pw_unmake(dentry, PW_HOOK_pw_unlink)) : 0;
}

SEC("lsm/inode_rmdir")
int BPF_PROG(pw_rmdir, struct inode *dir, struct dentry *dentry)
{
	if (pw_way_stays(dentry, PW_NEED_DELETE, PW_HOOK_pw_rmdir))
		return -EACCES;
	return pw_protected(dir) ? pw_errno(pw_unmake(dentry, PW_HOOK_pw_rmdir)) : 0;
}

/* A link: the object needs its own permission, the directory needs that for a name, and both must be on the same side. */
static __noinline int pw_link_slow(struct dentry *old, struct inode *dir, struct dentry *name)
{
	struct inode *inode = old->d_inode;
	struct pw_op op;
	long from, to;
	int refused;

	if (!pw_begin(&op, inode, old, PW_NEED_LINK, PW_HOOK_pw_link))
		return 0;
	from = pw_label(inode, old, op.gen);
	to = pw_label(dir, name->d_parent, op.gen);
	if (from < 0 || to < 0)
		return pw_refuse(&op, PW_R_DEPTH);
	op.label = (__u16)(from & PW_ROOT_LABEL);
	op.label_to = (__u16)(to & PW_ROOT_LABEL);
	if (op.label != op.label_to)
		return pw_refuse(&op, PW_R_BORDER);
	if (!op.label)
		return 0;
	refused = pw_judge(&op);
	if (refused)
		return refused;
	op.named = (__u64)(unsigned long)name;
	op.need = PW_NEED_CREATE;
	return pw_judge(&op);
}

SEC("lsm/inode_link")
int BPF_PROG(pw_link, struct dentry *old, struct inode *dir, struct dentry *name)
{
	return pw_protected(dir) ? pw_errno(pw_link_slow(old, dir, name)) : 0;
}

/* Ask for `need` on one end of a rename, if that end is in a store. */
static __always_inline int pw_rename_end(struct pw_op *op, struct dentry *named, __u16 label, __u16 label_to, __u32 need)
{
	op->named = (__u64)(unsigned long)named;
	op->label = label;
	op->label_to = label_to;
	op->need = need;
	return label ? pw_judge(op) : 0;
}

/*
 * Both ends of a rename. Within a label it takes a name away and makes one. Across labels it also carries contents from one set of
 * rules to another, so the source must be readable. A file with further names cannot go: they would stay behind. Nor can a
 * directory: nobody looked at what is in it, and any of that may have further names. It goes file by file.
 */
static __always_inline int pw_rename_judge(struct pw_op *op, struct dentry *old, struct dentry *name, __u32 from, __u32 to)
{
	__u16 source = (__u16)(from & PW_ROOT_LABEL), target = (__u16)(to & PW_ROOT_LABEL);
	struct inode *inode = old->d_inode;
	int refused;

	if (!inode)
		return 1;
	op->label = source;
	op->label_to = target;
	if (from & PW_ROOT_STORE)
		return pw_refuse(op, PW_R_ROOT);
	if (source == target)
		return pw_rename_end(op, old, source, target, PW_NEED_DELETE | PW_NEED_CREATE);
	if (pw_is_dir(inode) || inode->i_nlink > 1)
		return pw_refuse(op, PW_R_BORDER);
	refused = pw_rename_end(op, old, source, target, PW_NEED_DELETE | PW_NEED_READ);
	return refused ? 1 : pw_rename_end(op, name, target, source, PW_NEED_CREATE);
}

/* The end of the rename moves the epochs: until then the tree is as it was. */
static __noinline int pw_rename_across(void)
{
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, bpf_get_current_task_btf(), NULL,
						       BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!kept)
		return 1; /* without it labels would stay stale behind the move */
	kept->pending = 1;
	return 0;
}

static __noinline int pw_rename_slow(struct dentry *old, struct inode *dir, struct dentry *name)
{
	struct inode *inode = old->d_inode, *gone = name->d_inode;
	struct pw_op op;
	long from, to, over;
	int refused;

	if (!pw_begin(&op, inode, old, PW_NEED_DELETE | PW_NEED_CREATE, PW_HOOK_pw_rename))
		return 0;
	from = pw_label(inode, old, op.gen);
	to = pw_label(dir, name->d_parent, op.gen);
	if (from < 0 || to < 0 || (pw_is_dir(inode) && !pw_fits(dir, name, op.gen)))
		return pw_refuse(&op, PW_R_DEPTH);
	refused = pw_rename_judge(&op, old, name, (__u32)from, (__u32)to);
	if (!refused && gone) {
		/* What was there loses its name. */
		over = pw_label(gone, name, op.gen);
		op.named = (__u64)(unsigned long)name;
		op.ino = gone->i_ino;
		op.need = PW_NEED_DELETE;
		op.label = (__u16)(over & PW_ROOT_LABEL);
		op.label_to = 0;
		refused = over < 0 ? pw_refuse(&op, PW_R_DEPTH) : over & PW_ROOT_STORE ? pw_refuse(&op, PW_R_ROOT) :
			op.label ? pw_judge(&op) : 0;
	}
	if (!refused && (from & PW_ROOT_LABEL) != (to & PW_ROOT_LABEL))
		refused = pw_rename_across();
	return refused;
}

SEC("lsm/inode_rename")
int BPF_PROG(pw_rename, struct inode *old_dir, struct dentry *old, struct inode *dir, struct dentry *name)
{
	/* Both, because they may change places. */
	if (pw_way_stays(old, PW_NEED_DELETE | PW_NEED_CREATE, PW_HOOK_pw_rename) ||
	    pw_way_stays(name, PW_NEED_DELETE | PW_NEED_CREATE, PW_HOOK_pw_rename))
		return -EACCES;
	return pw_protected(dir) ? pw_errno(pw_rename_slow(old, dir, name)) : 0;
}

/* Labels are looked up by the tree, so they are only right again when the tree is. Runs for a failed rename too: that costs time. */
SEC("fexit/vfs_rename")
int pw_rename_done(void *ctx)
{
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, bpf_get_current_task_btf(), NULL, 0);

	pw_names_changed();
	if (kept && kept->pending) {
		kept->pending = 0;
		pw_objects_changed();
	}
	return 0;
}
