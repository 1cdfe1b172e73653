// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The guard over raw devices under a store. pw_device is asked by every opening of a device node wherever it lies, by mknod, and by
 * mount, swapon, loop, dm and md when they open a device for somebody; it belongs to the root of the control groups and needs neither
 * pin nor process to stay. What it cannot ask for, pw_device_ask finds out just before. Must never let a write through to anybody.
 */
#include "device.bpf.h"

/* What one thread is about to be asked for: enough to tell it from anything else. */
#define PW_PASS_RECORDED (1ull << 63) /* refused, and recorded as such */

static __always_inline __u64 pw_asked_for(__u32 type, __u32 dev, __u32 access)
{
	return (__u64)type << 48 | (__u64)access << 40 | dev;
}

/* Udev reads a disk's labels and signatures. Without that, links by UUID go away, and with them mounts. */
static __always_inline bool pw_may_look(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : NULL;
	struct inode *program = exe ? exe->f_inode : NULL;

	/* What runs in it may be another's code: traced, or with another linker, library or answers than process 1's. */
	if (!program || task->ptrace || pw_task_has(task, PW_SUBJECT_NO_PROGRAM | PW_SUBJECT_LED))
		return false;
	return pw_attr(PW_ATTR_BDEV_USER, pw_generation(), program->i_sb->s_dev, program->i_ino);
}

int pw_node_denied(__u32 mode, __u32 rdev, __u32 change)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!pw_below(rdev, (mode & S_IFMT) == S_IFCHR))
		return 0;
	/* Writing back, resynchronizing and loop devices are the kernel's own business. */
	if (task->flags & PF_KTHREAD)
		return 0;
	return change || !(pw_is_own() || pw_may_look(task));
}

static __noinline bool pw_is_below(__u32 type, __u32 dev)
{
	return pw_below(dev, type == BPF_DEVCG_DEV_CHAR) && !(bpf_get_current_task_btf()->flags & PF_KTHREAD);
}

static __noinline int pw_device_answer(__u64 found)
{
	struct pw_attr_key key = { .a = (__u32)bpf_get_current_pid_tgid(), .kind = PW_ATTR_PASS };

	return (int)bpf_map_update_elem(&pw_attrs, &key, &found, BPF_ANY);
}

/* No room on this stack: what follows down to a record takes nearly all that there is. */
static __noinline int pw_device_asked(__u32 type, __u32 dev, __u32 access)
{
	__u32 mode = type == BPF_DEVCG_DEV_CHAR ? S_IFCHR : S_IFBLK;
	__u64 found = pw_asked_for(type, dev, access);

	if (!pw_is_below(type, dev))
		return 0;
	if (pw_node_denied(mode, dev, access & ~(__u32)BPF_DEVCG_ACC_READ)) {
		found |= PW_PASS_RECORDED;
		pw_guard_refuse(PW_HOOK_pw_device, PW_R_GUARD, 0, dev);
	}
	pw_device_answer(found);
	return 0;
}

SEC("fentry/devcgroup_check_permission")
int BPF_PROG(pw_device_ask, short type, __u32 major, __u32 minor, short access)
{
	return pw_device_asked((__u16)type, pw_dev(major, minor), (__u16)access);
}

/* A refusal that pw_device_ask did not see: it found its place taken by another task on this CPU. Counted, and a gap in the log. */
static __always_inline void pw_count_unseen(void)
{
	__u32 zero = 0;
	struct pw_counters *c = bpf_map_lookup_elem(&pw_counters, &zero);

	if (!c)
		return;
	__sync_fetch_and_add(&c->denied, 1);
	__sync_fetch_and_add(&c->seq, 1);
	__sync_fetch_and_add(&c->lost, 1);
}

SEC("cgroup/dev")
int pw_device(struct bpf_cgroup_dev_ctx *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 type = ctx->access_type & 0xffff, access = ctx->access_type >> 16, dev = pw_dev(ctx->major, ctx->minor);
	struct pw_attr_key key = { .a = (__u32)BPF_CORE_READ(task, pid), .kind = PW_ATTR_PASS };
	__u64 *kept, found;

	if (!pw_below(dev, type == BPF_DEVCG_DEV_CHAR) || (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return 1;
	kept = bpf_map_lookup_elem(&pw_attrs, &key);
	found = kept ? *kept : 0;
	bpf_map_delete_elem(&pw_attrs, &key);
	if (found == pw_asked_for(type, dev, access))
		return 1;
	if (found != (pw_asked_for(type, dev, access) | PW_PASS_RECORDED))
		pw_count_unseen();
	return 0;
}

/* Commands straight to a disk's queue through a ring, on a descriptor from before. */
SEC("lsm/uring_cmd")
int BPF_PROG(pw_uring_cmd, struct io_uring_cmd *cmd)
{
	struct inode *inode = cmd->file->f_inode;

	return pw_node_refuses(inode->i_mode, inode->i_rdev, 1, PW_HOOK_pw_uring_cmd);
}
