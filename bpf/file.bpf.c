// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on open files: open, read and write, map, receive, lock. The permission hook runs on every read and write of the whole
 * system: one test for files elsewhere, one remembered permission for files in a store. Must never decide anything itself.
 */
#include "gate.bpf.h"
#include "slot.bpf.h"

#define MAP_TYPE   0x0f
#define MAP_SHARED 0x01
#define MAP_SHARED_VALIDATE 0x03
#define PROT_WRITE 0x2
#define PROT_EXEC  0x4
#define VM_SHARED  0x8

#define F_RDLCK 0
#define F_WRLCK 1

/* Ask for an open file; an unconditional permission is remembered as `mask` (MAY_*), 0: not at all. */
static __noinline int pw_check_file(struct file *file, __u32 need, __u32 hook, __u32 mask)
{
	struct inode *inode = file->f_inode;
	struct pw_op op;
	__u32 bits;

	if (!need || !pw_protected(inode) || !pw_begin(&op, inode, file->f_path.dentry, need, hook))
		return 0;
	if (pw_ask(&op, pw_label_file(file, op.gen)))
		return pw_errno(1);
	if (!mask || op.keep == PW_KEEP_NOT)
		return 0;
	bits = op.label == PW_LABEL_OUTSIDE ? (__u32)PW_SLOT_MASK : mask;
	if (op.keep == PW_KEEP_QUIET)
		bits |= PW_SLOT_QUIET;
	pw_slot_fill(pw_task_id(), pw_id(inode), op.epoch, bits);
	return 0;
}

static __always_inline __u32 pw_may(const struct file *file)
{
	__u32 mode = file->f_mode, mask = 0;

	if (mode & FMODE_READ)
		mask |= MAY_READ;
	if ((mode & FMODE_WRITE) || (file->f_flags & O_TRUNC))
		mask |= MAY_WRITE | MAY_APPEND;
	return mask;
}

/* Opened by exec, for the kernel to read: that is execution, and no right to read. */
static __always_inline bool pw_is_exec(const struct file *file)
{
	return file->f_flags & FMODE_EXEC;
}

static __always_inline __u32 pw_need_to(const struct file *file, __u32 mask)
{
	__u32 need = 0;

	if (mask & MAY_READ)
		need |= pw_is_exec(file) ? PW_NEED_EXEC : pw_need_on(file->f_inode, PW_NEED_READ);
	if (mask & (MAY_WRITE | MAY_APPEND))
		need |= PW_NEED_WRITE;
	return need;
}

/*
 * The two hot hooks are in three steps: one for files elsewhere, which touches no register that it would have to save; one for a
 * permission that is remembered; and the gate. The file is read anew from the context, which costs less than to carry it; the inode is
 * not: in the 6.1 JIT a load through a pointer is seven instructions.
 */
static __noinline int pw_file_open_here(unsigned long long *ctx, struct inode *inode)
{
	struct file *file = (void *)ctx[0];
	__u32 mask = pw_may(file);

	if (pw_slot_allows(pw_task_id(), pw_id(inode), mask | PW_SLOT_QUIET) && !pw_is_exec(file))
		return 0;
	return pw_check_file(file, pw_need_to(file, mask), PW_HOOK_pw_file_open, pw_is_exec(file) ? 0 : mask);
}

SEC("lsm/file_open")
int BPF_PROG(pw_file_open, struct file *file)
{
	struct inode *inode = file->f_inode;

	return pw_perhaps_protected(inode) ? pw_file_open_here(ctx, inode) : 0;
}

static __noinline int pw_file_perm_here(unsigned long long *ctx, struct inode *inode)
{
	struct file *file = (void *)ctx[0];
	__u32 mask = (__u32)ctx[1];

	if (pw_slot_allows(pw_task_id(), pw_id(inode), mask & PW_SLOT_MASK))
		return 0;
	return pw_check_file(file, pw_need_to(file, mask), PW_HOOK_pw_file_perm, pw_is_exec(file) ? 0 : mask & PW_SLOT_MASK);
}

SEC("lsm/file_permission")
int BPF_PROG(pw_file_perm, struct file *file, int mask)
{
	struct inode *inode = file->f_inode;

	return pw_perhaps_protected(inode) ? pw_file_perm_here(ctx, inode) : 0;
}

static __always_inline __u32 pw_need_map(const struct file *file, unsigned long prot, bool shared)
{
	__u32 need = 0;

	if (prot & PROT_EXEC)
		need |= PW_NEED_EXEC;
	if ((prot & PROT_WRITE) && shared)
		need |= PW_NEED_WRITE;
	return need ? need : pw_need_to(file, MAY_READ);
}

static __noinline int pw_mmap_slow(struct file *file, unsigned long prot, unsigned long flags)
{
	bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;

	return pw_check_file(file, pw_need_map(file, prot, shared), PW_HOOK_pw_mmap_file, 0);
}

SEC("lsm/mmap_file")
int BPF_PROG(pw_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	if (!file || !pw_protected(file->f_inode))
		return 0;
	return pw_mmap_slow(file, prot, flags);
}

SEC("lsm/file_mprotect")
int BPF_PROG(pw_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct file *file = vma->vm_file;

	if (!file || !pw_protected(file->f_inode))
		return 0;
	return pw_check_file(file, pw_need_map(file, prot, vma->vm_flags & VM_SHARED), PW_HOOK_pw_mprotect, 0);
}

SEC("lsm/file_receive")
int BPF_PROG(pw_file_recv, struct file *file)
{
	if (!pw_protected(file->f_inode))
		return 0;
	return pw_check_file(file, pw_need_to(file, pw_may(file)), PW_HOOK_pw_file_recv, 0);
}

SEC("lsm/file_lock")
int BPF_PROG(pw_file_lock, struct file *file, unsigned int cmd)
{
	__u32 need = cmd == F_RDLCK ? pw_need_on(file->f_inode, PW_NEED_LOCK) : cmd == F_WRLCK ? PW_NEED_LOCK_EXCL : 0;

	if (!pw_protected(file->f_inode))
		return 0;
	return pw_check_file(file, need, PW_HOOK_pw_file_lock, 0);
}

SEC("lsm/path_notify")
int BPF_PROG(pw_notify, const struct path *path, __u64 mask, unsigned int obj_type)
{
	struct dentry *dentry = path->dentry;
	struct inode *inode = dentry->d_inode;

	if (!inode || !pw_protected(inode))
		return 0;
	return pw_check(inode, dentry, dentry, pw_is_dir(inode) ? PW_NEED_WATCH_DIR : PW_NEED_WATCH, PW_HOOK_pw_notify);
}
