// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on mounts. What is mounted over a stored directory or file is decided like any other action on it. And the guard: the place
 * where a policy says that a store is must stay that place for whoever looks from process 1's namespace, so the mounts that carry
 * stores stay where they are, and nothing is mounted over the directories above. Must never look at what is mounted, only at
 * what it would hide; and must leave alone what happens in other namespaces and stays there.
 */
#include "way.bpf.h"

/* linux/mount.h */
#define MS_REMOUNT    (1 << 5)
#define MS_BIND       (1 << 12)
#define MS_MOVE       (1 << 13)
#define MS_UNBINDABLE (1 << 17)
#define MS_PRIVATE    (1 << 18)
#define MS_SLAVE      (1 << 19)
#define MS_SHARED     (1 << 20)

#define BPF_FS_MAGIC  0xcafe4a11u /* linux/magic.h */

#define PW_MOUNTS_MAX 4096u /* mounts looked at below one that is to go: what has more below is not known to be harmless */
#define PW_UNIT_MAX   128u

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

static __always_inline bool pw_moves(unsigned long flags)
{
	return !(flags & MS_BIND) && (flags & MS_MOVE);
}

/*
 * Is its unit a mount's, or process 1's own? systemd alone names units; below one, whoever is in it makes control groups and moves between
 * them, so the task must be in the unit itself.
 */
static __noinline bool pw_in_mount_unit(struct task_struct *task)
{
	struct kernfs_node *kn = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	char name[PW_UNIT_MAX] = {};
	long len_bytes = bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(kn, name));
	__u32 at = (__u32)len_bytes - 7; /* ".mount" and the final NUL */
	const char *n = name, *t;

	if (pw_unit((__u64)(unsigned long)kn) != BPF_CORE_READ(kn, id))
		return false;
	if (!((n[0] ^ 'i') | (n[1] ^ 'n') | (n[2] ^ 'i') | (n[3] ^ 't') | (n[4] ^ '.') | (n[5] ^ 's') | (n[6] ^ 'c') | (n[7] ^ 'o') |
	      (n[8] ^ 'p') | (n[9] ^ 'e') | n[10]))
		return true;
	if (len_bytes < 8 || at > PW_UNIT_MAX - 7)
		return false;
	t = name + at;
	return !((t[0] ^ '.') | (t[1] ^ 'm') | (t[2] ^ 'o') | (t[3] ^ 'u') | (t[4] ^ 'n') | (t[5] ^ 't'));
}

/*
 * Process 1, what it starts itself to mount or unmount, and polyward: these may rearrange what they have arranged. Who went into a
 * mount unit's control group by another's hand than process 1's is known by PW_SUBJECT_NO_UNIT.
 */
static __always_inline bool pw_arranges(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (pw_is_init() || pw_is_own())
		return true;
	return task->real_parent->tgid == 1 && !pw_task_has(task, PW_SUBJECT_NO_UNIT) && pw_in_mount_unit(task);
}

static __always_inline struct mount *pw_mount_of(const struct vfsmount *mnt)
{
	return (void *)((const char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* Would what happens at this place be copied to other namespaces? */
static __always_inline bool pw_propagates(struct mount *at)
{
	return BPF_CORE_READ(at, mnt_group_id);
}

struct pw_mounts {
	struct mount *at, *top;
	__u32 gen;
	__u32 up;     /* came back from below: `at` and what is under it are done */
	__u32 answer; /* enum pw_mounts_answer */
	__u32 pins;   /* looks for the filesystem of the pins alone */
	__u32 pad_;
};
enum pw_mounts_answer { PW_MOUNTS_MANY, PW_MOUNTS_NONE, PW_MOUNTS_CARRIER };

/* A carrier itself, or its like elsewhere, whose end would be copied to it. */
static __always_inline bool pw_carries(struct mount *at, __u32 gen)
{
	struct mount *up = BPF_CORE_READ(at, mnt_parent);

	if (pw_attr(PW_ATTR_MOUNT, gen, (__u32)BPF_CORE_READ(at, mnt_id), 0) & PW_MOUNT_CARRIER)
		return true;
	return up != at && pw_propagates(up) &&
	       pw_attr(PW_ATTR_MOUNT_ROOT, gen, BPF_CORE_READ(at, mnt.mnt_sb, s_dev), BPF_CORE_READ(at, mnt.mnt_root, d_inode, i_ino));
}

/* One step through a tree of mounts, parents first. */
static long pw_mounts_step(__u32 i, struct pw_mounts *w)
{
	struct mount *at = w->at, *up;
	char *next;

	if (!w->up) {
		if (pw_carries(at, w->gen) && (!w->pins || BPF_CORE_READ(at, mnt.mnt_sb, s_magic) == BPF_FS_MAGIC)) {
			w->answer = PW_MOUNTS_CARRIER;
			return 1;
		}
		next = (void *)BPF_CORE_READ(at, mnt_mounts.next);
		if (next != (char *)at + bpf_core_field_offset(struct mount, mnt_mounts)) {
			w->at = (void *)(next - bpf_core_field_offset(struct mount, mnt_child));
			return 0;
		}
	}
	if (at == w->top) {
		w->answer = PW_MOUNTS_NONE;
		return 1;
	}
	up = BPF_CORE_READ(at, mnt_parent);
	next = (void *)BPF_CORE_READ(at, mnt_child.next);
	w->up = next == (char *)up + bpf_core_field_offset(struct mount, mnt_mounts);
	w->at = w->up ? up : (void *)(next - bpf_core_field_offset(struct mount, mnt_child));
	return 0;
}

/* Is this mount, or one below it, one that carries a store, or with `pins` the pins? More than can be looked at: it may be. */
static __noinline bool pw_takes_away(struct mount *at, __u32 pins)
{
	struct pw_mounts w = { .at = at, .top = at, .gen = pw_generation(), .pins = pins };

	w.up = w.answer = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(PW_MOUNTS_MAX, pw_mounts_step, &w, 0);
	return w.answer != PW_MOUNTS_NONE;
}

static long pw_mounts_up(__u32 i, struct pw_mounts *w)
{
	struct mount *at = w->at, *up = BPF_CORE_READ(at, mnt_parent);

	if (pw_attr(PW_ATTR_MOUNT, w->gen, (__u32)BPF_CORE_READ(at, mnt_id), 0) & PW_MOUNT_TOP) {
		w->answer = PW_MOUNTS_CARRIER;
		return 1;
	}
	w->at = up;
	if (up != at)
		return 0;
	w->answer = PW_MOUNTS_NONE;
	return 1;
}

/* Does process 1 see what happens on this mount? */
static __noinline bool pw_seen_by_init(struct mount *at)
{
	struct pw_mounts w = { .at = at, .gen = pw_generation() };

	if (pw_propagates(at))
		return true;
	w.answer = bpf_get_smp_processor_id() >> 31;
	bpf_loop(PW_WALK_MAX, pw_mounts_up, &w, 0);
	return w.answer != PW_MOUNTS_NONE;
}

/* Something is to be put over this directory: is it above a store, and will process 1 see it? */
static __noinline int pw_over_way(const struct path *path, __u32 hook)
{
	struct inode *inode = path->dentry->d_inode;

	if (!inode || !pw_on_way(inode) || !pw_seen_by_init(pw_mount_of(path->mnt)) || pw_arranges())
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, inode->i_sb->s_dev);
	return -EPERM;
}

/* mount(2) names what is to be moved by a string only. So nobody moves anything that way where process 1 sees it. */
static __noinline int pw_move_by_name(const struct path *to)
{
	if (!pw_guarded() || !pw_seen_by_init(pw_mount_of(to->mnt)) || pw_arranges())
		return 0;
	pw_guard_refuse(PW_HOOK_pw_sb_mount, PW_R_GUARD, 0, to->mnt->mnt_sb->s_dev);
	return -EPERM;
}

/*
 * A mount is to leave its place. Who arranges mounts may do that with a store's, whose device stays closed and whose labels come back with
 * it. With the pins' nothing would come back, and nobody has a reason to: not even process 1 on behalf of whoever asked it.
 */
static __noinline int pw_taken_away(const struct vfsmount *mnt, __u32 hook)
{
	struct mount *at = pw_mount_of(mnt);

	if (!pw_guarded() || !pw_takes_away(at, 0) || (pw_arranges() && !pw_takes_away(at, 1)))
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, mnt->mnt_sb->s_dev);
	return -EPERM;
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
	if (pw_over_way(path, PW_HOOK_pw_sb_mount) || (pw_moves(flags) && pw_move_by_name(path)))
		return -EPERM;
	return pw_over(path, PW_HOOK_pw_sb_mount) ? -EACCES : 0;
}

SEC("lsm/move_mount")
int BPF_PROG(pw_move_mount, const struct path *from, const struct path *to)
{
	if (pw_taken_away(from->mnt, PW_HOOK_pw_move_mount) || pw_over_way(to, PW_HOOK_pw_move_mount))
		return -EPERM;
	return pw_over(to, PW_HOOK_pw_move_mount) ? -EACCES : 0;
}

SEC("lsm/sb_umount")
int BPF_PROG(pw_umount, struct vfsmount *mnt, int flags)
{
	return pw_taken_away(mnt, PW_HOOK_pw_umount) ? -EPERM : 0;
}

#define ECRYPTFS_MAGIC 0xf15ful /* linux/magic.h */

/* The filesystem of a directory, if this is one's address: its root leads back to it. */
static __always_inline struct super_block *pw_sb_of(struct dentry *dentry)
{
	struct super_block *sb = BPF_CORE_READ(dentry, d_inode, i_sb);

	return sb && BPF_CORE_READ(sb, s_root, d_inode, i_sb) == sb ? sb : NULL;
}

/*
 * Ecryptfs keeps what was read below in pages of its own, and asks for them nobody who reads them after the one who may. So there is none
 * over a filesystem with a store, nor over one that we do not find. Its root keeps the directory below, in newer kernels as it is, before
 * 6.18 as a path.
 */
static __noinline int pw_copies(struct super_block *sb)
{
	struct path *path = BPF_CORE_READ(sb, s_root, d_fsdata);
	struct super_block *below = pw_sb_of((void *)path);
	__u32 dev;

	if (!below)
		below = pw_sb_of(BPF_CORE_READ(path, dentry));
	dev = BPF_CORE_READ(below, s_dev);
	if (!pw_guarded() || (below && pw_attr(PW_ATTR_DEV, pw_generation(), dev, 0) != PW_DEV_STORE))
		return 0;
	pw_guard_refuse(PW_HOOK_pw_new_mount, PW_R_GUARD, 0, dev);
	return 1;
}

SEC("lsm/sb_kern_mount")
int BPF_PROG(pw_new_mount, struct super_block *sb)
{
	return sb->s_magic == ECRYPTFS_MAGIC && pw_copies(sb) ? -EPERM : 0;
}

static __noinline int pw_other_root(const struct path *to)
{
	if (!pw_guarded() || !pw_seen_by_init(pw_mount_of(to->mnt)) || pw_arranges())
		return 0;
	pw_guard_refuse(PW_HOOK_pw_pivot, PW_R_GUARD, 0, to->mnt->mnt_sb->s_dev);
	return -EPERM;
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(pw_pivot, const struct path *old, const struct path *to)
{
	return pw_other_root(to) ? -EPERM : 0;
}
