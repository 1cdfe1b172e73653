// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on open files: open, read and write, map, receive, lock. The permission hook runs on every read and write of the whole
 * system: one test for files elsewhere, one remembered permission for files in a store. Must never decide anything itself.
 */
#include "alike.bpf.h"
#include "device.bpf.h"
#include "face.bpf.h"
#include "slot.bpf.h"

#define MAP_TYPE   0x0f
#define MAP_SHARED 0x01
#define MAP_SHARED_VALIDATE 0x03
#define PROT_WRITE 0x2
#define PROT_EXEC  0x4
#define VM_SHARED  0x8

#define F_RDLCK 0
#define F_WRLCK 1

/* Reading what this task opened: is its use of the inode on record already? */
static __noinline __u32 pw_recorded_since(struct inode *inode, __u32 mask)
{
	return pw_slot_allows(pw_task_id(), pw_id(inode), mask << PW_SLOT_RECORDED_SHIFT) ? PW_OP_RECORDED : 0;
}

/* Only a directory that still holds the file when it is remembered is certain to be alive, and to have given the label. */
static __noinline int pw_remember_file(struct pw_op *op, struct file *file, struct inode *giver, __u32 mask)
{
	pw_remember(op, file->f_inode, mask);
	if (!giver)
		return 0;
	if (op->keep == PW_KEEP_QUIET)
		pw_remember_in(op, giver, mask);
	else if (op->keep == PW_KEEP_LOUD && (op->flags & PW_OP_NOTED))
		pw_alike_seal(file, giver, op->epoch, mask);
	else
		return 0;
	if (giver != pw_label_giver(file->f_inode, file->f_path.dentry))
		pw_slot_forget_in(giver);
	return 0;
}

/* Ask for an open file; an unconditional permission is remembered as `mask` (MAY_*), 0: not at all. */
static __noinline int pw_check_file(struct file *file, __u32 need, __u32 hook, __u32 mask)
{
	struct inode *inode = file->f_inode, *giver;
	struct dentry *dentry = file->f_path.dentry;
	struct pw_op op;

	if (!need || !pw_protected(inode) || !pw_begin(&op, inode, dentry, need, hook))
		return 0;
	/* Of a raw device under a store nothing is remembered. */
	if (pw_is_node(inode->i_mode) && pw_node_matters(inode->i_mode, inode->i_rdev))
		return pw_node_refuses_op(&op, inode, need & ~(__u32)PW_NEED_LOCK);
	if (mask && hook == PW_HOOK_pw_file_perm)
		op.flags = pw_recorded_since(inode, mask);
	giver = mask ? pw_label_giver(inode, dentry) : NULL;
	if (giver && hook == PW_HOOK_pw_file_open)
		op.flags = PW_OP_NOTE;
	if (pw_ask(&op, pw_label_file(file, op.gen)))
		return pw_errno(1);
	if (!mask)
		return 0;
	return pw_remember_file(&op, file, giver, mask);
}

/* Is this remembered of the directory that gives the label? Then of the file too from now on: reading it will ask again. */
static __noinline bool pw_allowed_in(struct file *file, __u32 mask)
{
	__u32 epoch = PW_READ(pw_state.slot_epoch);
	struct inode *inode = file->f_inode, *giver = pw_label_giver(inode, file->f_path.dentry);
	__u64 id = pw_id(inode);

	if (!giver || !pw_slot_allows_in(giver, mask))
		return false;
	pw_slot_fill(id, pw_slot_way(id), epoch, mask | PW_SLOT_QUIET);
	return true;
}

/* The same for an opening. Where each is recorded, this one is now, and reading the file asks no more, as after the gate. */
static __noinline bool pw_known_in(struct file *file, __u32 mask)
{
	__u32 epoch = PW_READ(pw_state.slot_epoch), bits;
	struct inode *inode = file->f_inode, *giver = pw_label_giver(inode, file->f_path.dentry);
	__u64 task = pw_task_id(), id = pw_id(inode), dir;

	if (!giver)
		return false;
	dir = pw_id(giver);
	bits = pw_slot_bits(pw_slot_at(task, pw_slot_way_in(dir)), task, dir);
	if (!(~bits & (mask | PW_SLOT_QUIET)))
		mask |= PW_SLOT_QUIET;
	else if ((~bits & mask << PW_SLOT_LOUD_SHIFT) || !pw_record_alike(file, dir, mask))
		return false;
	pw_slot_fill(id, pw_slot_way(id), epoch, mask);
	return true;
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

/*
 * The kernel itself reads and maps the program while it is being executed. Afterwards nobody has to: a descriptor that exec left
 * to an interpreter (binfmt_misc, flag O) is as good as any other for reading what is in the file.
 */
static __always_inline bool pw_is_exec_now(const struct file *file)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return pw_is_exec(file) && BPF_CORE_READ_BITFIELD(task, in_execve);
}

static __always_inline __u32 pw_need_to(const struct file *file, __u32 mask, bool exec)
{
	__u32 need = 0;

	if (mask & MAY_READ)
		need |= exec ? PW_NEED_EXEC : pw_need_on(file->f_inode, PW_NEED_READ);
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

	if (pw_is_exec(file))
		return pw_check_file(file, pw_need_to(file, mask, true), PW_HOOK_pw_file_open, 0);
	if (pw_slot_allows(pw_task_id(), pw_id(inode), mask | PW_SLOT_QUIET) || pw_known_in(file, mask))
		return 0;
	return pw_check_file(file, pw_need_to(file, mask, false), PW_HOOK_pw_file_open, mask);
}

SEC("lsm/file_open")
int BPF_PROG(pw_file_open, struct file *file)
{
	struct inode *inode = file->f_inode;
	__u32 dev = inode->i_sb->s_dev, used;

	PW_UNLESS_DEV_USED(used, dev, matters);
	return (int)used;
matters:
	return pw_perhaps_protected(dev) ? pw_file_open_here(ctx, inode) : 0;
}

static __noinline int pw_file_perm_here(unsigned long long *ctx, struct inode *inode)
{
	struct file *file = (void *)ctx[0];
	__u32 mask = (__u32)ctx[1];

	if (pw_slot_allows(pw_task_id(), pw_id(inode), mask & PW_SLOT_MASK))
		return 0;
	if (pw_is_exec(file))
		return pw_check_file(file, pw_need_to(file, mask, pw_is_exec_now(file)), PW_HOOK_pw_file_perm, 0);
	if (pw_allowed_in(file, mask & PW_SLOT_MASK))
		return 0;
	return pw_check_file(file, pw_need_to(file, mask, false), PW_HOOK_pw_file_perm, mask & PW_SLOT_MASK);
}

SEC("lsm/file_permission")
int BPF_PROG(pw_file_perm, struct file *file, int mask)
{
	struct inode *inode = file->f_inode;
	__u32 dev = inode->i_sb->s_dev, used;

	PW_UNLESS_DEV_USED(used, dev, matters);
	return (int)used;
matters:
	return pw_perhaps_protected(dev) ? pw_file_perm_here(ctx, inode) : 0;
}

static __always_inline __u32 pw_need_map(const struct file *file, unsigned long prot, bool shared, bool exec)
{
	__u32 need = 0;

	if (prot & PROT_EXEC)
		need |= PW_NEED_EXEC;
	if ((prot & PROT_WRITE) && shared)
		need |= PW_NEED_WRITE;
	return need ? need : pw_need_to(file, MAY_READ, exec);
}

static __always_inline unsigned long pw_magic(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_sb, s_magic);
}

/* Is this the address of an open file? Then its inode leads to a filesystem whose root leads back to it. */
static __noinline bool pw_looks_like_file(struct file *file)
{
	struct super_block *sb = BPF_CORE_READ(file, f_inode, i_sb);

	return sb && BPF_CORE_READ(sb, s_root, d_inode, i_sb) == sb;
}

/*
 * An open file below this one of a layered filesystem, or NULL. What overlayfs keeps for a file is that one; since 6.13 two words, of
 * which the second is the one above if the file was copied up meanwhile. Its types are a module's, so they cannot be asked for.
 */
static __noinline struct file *pw_file_below(struct file *file, __u32 which)
{
	struct fuse_file *fuse = BPF_CORE_READ(file, private_data);
	struct file *below = (void *)fuse;

	if (pw_magic(file) == FUSE_MAGIC)
		return which || !bpf_core_field_exists(fuse->passthrough) ? NULL : BPF_CORE_READ(fuse, passthrough);
	if (pw_looks_like_file(below))
		return which ? NULL : below;
	if (bpf_probe_read_kernel(&below, sizeof(below), (char *)fuse + 8 * (which & 1)) || !pw_looks_like_file(below))
		return NULL;
	return below;
}

/* May this inode, which is not the one that the kernel names, be mapped so? 1: no. Neither is trusted. */
static __noinline int pw_other_refuses(struct inode *inode, struct dentry *dentry, __u32 need, __u32 hook)
{
	struct pw_op op = { .need = need, .hook = hook, .named = (__u64)(unsigned long)dentry };

	op.gen = pw_generation();
	op.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	if (!inode || !op.gen || !pw_attr(PW_ATTR_DEV, op.gen, op.dev, 0))
		return 0;
	op.ino = BPF_CORE_READ(inode, i_ino);
	return pw_ask(&op, pw_label_looked_up(inode, dentry, op.gen));
}

/* May this file, which somebody has open below another, be mapped so? 1: no. */
static __always_inline int pw_below_refuses(struct file *file, __u32 need)
{
	return pw_other_refuses(BPF_CORE_READ(file, f_inode), BPF_CORE_READ(file, f_path.dentry), need, PW_HOOK_pw_mmap_file);
}

/* What is mapped lies elsewhere: was it opened by a name in a store? Then it goes by that. */
static __noinline int pw_face_refuses(struct file *file, __u32 need, __u32 hook)
{
	struct dentry *face = pw_face(file);

	return face && pw_generation() && pw_other_refuses(BPF_CORE_READ(face, d_inode), face, need, hook) ? -EACCES : 0;
}

/* The kernel stacks two filesystems above one, no more. */
static __always_inline int pw_layer_refuses(struct file *file, __u32 need)
{
	if (!file)
		return 0;
	if (!pw_is_layered(pw_magic(file)))
		return pw_below_refuses(file, need);
	return pw_below_refuses(pw_file_below(file, 0), need) || pw_below_refuses(pw_file_below(file, 1), need);
}

/*
 * What is mapped in the end is the file below, and for that nobody is asked. Reading and writing ask for it by themselves. Where it cannot
 * be found, it may be a stored one.
 */
static __noinline int pw_mmap_below(struct file *file, __u32 need)
{
	struct file *first = pw_file_below(file, 0);

	if (!pw_generation())
		return 0;
	if (!first && file->f_inode->i_sb->s_magic == OVERLAYFS_MAGIC) {
		pw_guard_refuse(PW_HOOK_pw_mmap_file, PW_R_INTERNAL, 0, file->f_inode->i_sb->s_dev);
		return 1;
	}
	return pw_layer_refuses(first, need) || pw_layer_refuses(pw_file_below(file, 1), need);
}

/* Computed by itself, so that it takes no stack from what follows. */
static __noinline __u32 pw_mmap_need(struct file *file, unsigned long prot, unsigned long flags)
{
	bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;

	return pw_need_map(file, prot, shared, pw_is_exec_now(file));
}

SEC("lsm/mmap_file")
int BPF_PROG(pw_mmap_file, struct file *file, unsigned long reqprot, unsigned long prot, unsigned long flags)
{
	if (!file)
		return 0;
	if (pw_is_layered(file->f_inode->i_sb->s_magic) && pw_mmap_below(file, pw_mmap_need(file, prot, flags)))
		return -EACCES;
	if (!pw_protected(file->f_inode)) /* remap_file_pages() names the file that is mapped */
		return pw_face_refuses(file, pw_mmap_need(file, prot, flags), PW_HOOK_pw_mmap_file);
	return pw_check_file(file, pw_mmap_need(file, prot, flags), PW_HOOK_pw_mmap_file, 0);
}

SEC("lsm/file_mprotect")
int BPF_PROG(pw_mprotect, struct vm_area_struct *vma, unsigned long reqprot, unsigned long prot)
{
	struct file *file = vma->vm_file;
	__u32 need;

	if (!file)
		return 0;
	need = pw_need_map(file, prot, vma->vm_flags & VM_SHARED, pw_is_exec(file));
	if (!pw_protected(file->f_inode))
		return pw_face_refuses(file, need, PW_HOOK_pw_mprotect);
	return pw_check_file(file, need, PW_HOOK_pw_mprotect, 0);
}

SEC("lsm/file_receive")
int BPF_PROG(pw_file_recv, struct file *file)
{
	if (!pw_protected(file->f_inode))
		return 0;
	return pw_check_file(file, pw_need_to(file, pw_may(file), pw_is_exec_now(file)), PW_HOOK_pw_file_recv, 0);
}

SEC("lsm/file_lock")
int BPF_PROG(pw_file_lock, struct file *file, unsigned int cmd)
{
	__u32 need = cmd == F_RDLCK ? pw_need_on(file->f_inode, PW_NEED_LOCK) : cmd == F_WRLCK ? PW_NEED_LOCK_EXCL : 0;

	if (!pw_protected(file->f_inode))
		return 0;
	return pw_check_file(file, need, PW_HOOK_pw_file_lock, 0);
}

/* linux/fanotify.h: events that wait for an answer, and what goes with them */
#define FAN_OPEN_PERM      0x00010000u
#define FAN_ACCESS_PERM    0x00020000u
#define FAN_OPEN_EXEC_PERM 0x00040000u
#define FAN_PRE_ACCESS     0x00100000u
#define FAN_EVENT_ON_CHILD 0x08000000u
#define FAN_ONDIR          0x40000000u
#define PW_PERMISSION_ONLY \
	(FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM | FAN_PRE_ACCESS | FAN_EVENT_ON_CHILD | FAN_ONDIR)

struct pw_each_store { struct pw_op *op; __u32 refused; };

static long pw_watch_store(__u32 i, struct pw_each_store *c)
{
	struct pw_op *op = c->op;

	op->label = (__u16)(i + 1);
	if (!pw_judge(op))
		return 0;
	c->refused = 1;
	return 1;
}

/*
 * A mark on a whole mount or filesystem tells of every file in every store on it. Who asks whether something may happen, as a scanner
 * does, learns no name that he cannot open.
 */
static __noinline int pw_notify_whole(struct inode *inode, __u64 address, __u64 mask)
{
	struct pw_op op;
	struct pw_each_store c = { .op = &op };
	__u32 place;
	struct pw_gen *g;

	if (!inode || !(mask & ~(__u64)PW_PERMISSION_ONLY) ||
	    !pw_begin(&op, inode, (struct dentry *)(unsigned long)address, PW_NEED_WATCH_DIR, PW_HOOK_pw_notify))
		return 0;
	place = op.gen % PW_GENERATIONS;
	g = bpf_map_lookup_elem(&pw_gens, &place);
	if (pw_attr(PW_ATTR_DEV, op.gen, op.dev, 0) != PW_DEV_STORE || !g)
		return 0;
	c.refused = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(g->labels ? g->labels - 1 : 0, pw_watch_store, &c, 0);
	return c.refused ? -EACCES : 0;
}

SEC("lsm/path_notify")
int BPF_PROG(pw_notify, const struct path *path, __u64 mask, unsigned int obj_type)
{
	struct dentry *dentry = path->dentry;
	struct inode *inode = dentry->d_inode;

	if (!inode || !pw_protected(inode))
		return 0;
	if (obj_type != bpf_core_enum_value(enum fsnotify_obj_type, FSNOTIFY_OBJ_TYPE_INODE) &&
	    pw_notify_whole(inode, (__u64)(unsigned long)dentry, mask))
		return -EACCES;
	return pw_check(inode, dentry, dentry, pw_is_dir(inode) ? PW_NEED_WATCH_DIR : PW_NEED_WATCH, PW_HOOK_pw_notify);
}
