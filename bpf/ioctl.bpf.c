// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on file control: what each known command needs, and everything for a command that we do not know. Must never grow a
 * command that reads or changes contents among the harmless ones.
 */
#include "device.bpf.h"

/* Command numbers are ABI towards user programs (asm-generic/ioctls.h, linux/fs.h, fscrypt.h, fsverity.h). */
enum {
	C_FIBMAP = 0x1, C_FIGETBSZ = 0x2,
	C_TIOCSTI = 0x5412, C_TCGETS = 0x5401, C_TIOCGPGRP = 0x540f, C_TIOCGWINSZ = 0x5413, C_FIONREAD = 0x541b, C_FIONBIO = 0x5421,
	C_FIONCLEX = 0x5450, C_FIOCLEX = 0x5451, C_FIOASYNC = 0x5452, C_FIOQSIZE = 0x5460, C_TCGETS2 = 0x802c542a,
	C_FICLONE = 0x40049409, C_FICLONERANGE = 0x4020940d,
	C_FIEMAP = 0xc020660b,
	C_GETFLAGS = 0x80086601, C_GETFLAGS32 = 0x80046601, C_FSGETXATTR = 0x801c581f,
	C_GETVERSION = 0x80087601, C_GETVERSION32 = 0x80047601, C_GETFSLABEL = 0x81009431, C_GETFSUUID = 0x80111500,
	C_GETFSSYSFSPATH = 0x80811501,
	C_MEASURE_VERITY = 0xc0046686, C_READ_VERITY_METADATA = 0xc0286687,
	C_GET_ENC_POLICY = 0x400c6615, C_GET_ENC_POLICY_EX = 0xc0096616, C_GET_ENC_KEY_STATUS = 0xc080661a, C_GET_ENC_NONCE = 0x8010661b,
	C_SETFLAGS = 0x40086602, C_SETFLAGS32 = 0x40046602, C_FSSETXATTR = 0x401c5820,
	C_SETVERSION = 0x40087602, C_SETVERSION32 = 0x40047602, C_ENABLE_VERITY = 0x40806685,
	C_SET_ENC_POLICY = 0x800c6613, C_ADD_ENC_KEY = 0xc0506617, C_REMOVE_ENC_KEY = 0xc0406618, C_REMOVE_ENC_KEY_ALL = 0xc0406619,
};

static __always_inline __u32 pw_need_cmd(__u32 cmd, __u32 stat)
{
	switch (cmd) {
	case C_TCGETS: case C_TCGETS2: case C_TIOCGPGRP: case C_TIOCGWINSZ: /* "are you a terminal?" */
	case C_FIONBIO: case C_FIONCLEX: case C_FIOCLEX: case C_FIOASYNC:   /* about the descriptor */
	case C_FICLONE: case C_FICLONERANGE:                                /* file_permission is asked on both files */
		return 0;
	case C_FIONREAD: case C_FIOQSIZE: case C_FIGETBSZ:
	case C_GETFLAGS: case C_GETFLAGS32: case C_FSGETXATTR: case C_GETVERSION: case C_GETVERSION32:
	case C_GETFSLABEL: case C_GETFSUUID: case C_GETFSSYSFSPATH: case C_MEASURE_VERITY:
	case C_GET_ENC_POLICY: case C_GET_ENC_POLICY_EX: case C_GET_ENC_KEY_STATUS: case C_GET_ENC_NONCE:
		return stat;
	case C_FIEMAP: case C_FIBMAP: case C_READ_VERITY_METADATA: /* where or how the contents lie */
		return PW_NEED_READ;
	case C_SETFLAGS: case C_SETFLAGS32: case C_FSSETXATTR: case C_SETVERSION: case C_SETVERSION32:
	case C_ENABLE_VERITY: case C_SET_ENC_POLICY: case C_ADD_ENC_KEY: case C_REMOVE_ENC_KEY: case C_REMOVE_ENC_KEY_ALL:
		return PW_NEED_ATTR;
	default: /* each filesystem has its own, and some of them move contents */
		return PW_A_READ | PW_A_WRITE | PW_A_ATTR;
	}
}

/*
 * Commands that act on a whole filesystem, or on another file than the one they are given to: which of them read, name, move or
 * replace what is stored, or take its keys away. By type and number, whatever the size that a kernel gives them; the types are
 * shared, so that a number may well mean something else elsewhere. What is left out grows, trims, labels, freezes or adds a key.
 */
enum { T_EXT4 = 'f', T_XFS = 'X', T_BTRFS = 0x94, T_F2FS = 0xf5 };
#define N(nr) (1ull << ((nr) & 63))

static __noinline bool pw_is_wide(__u32 cmd)
{
	__u32 nr = cmd & 0xff;
	__u64 wide[4] = {};

	switch (cmd >> 8 & 0xff) {
	case T_EXT4: /* MOVE_EXT, SWAP_BOOT, REMOVE_ENCRYPTION_KEY, ..._ALL_USERS, SETFSUUID, SET_TUNE_SB_PARAM */
		wide[0] = N(15) | N(17) | N(24) | N(25) | N(44) | N(46);
		break;
	case T_XFS: /* GETFSMAP, SCRUB_METADATA, GETPARENTS and by handle, SCRUBV_METADATA; bulkstat, handles, SWAPEXT, SHUTDOWN, EXCHANGE_RANGE,
		    * START_COMMIT, COMMIT_RANGE */
		wide[0] = N(59) | N(60) | N(62) | N(63);
		wide[1] = N(64) | N(101) | N(102) | N(103) | N(104) | N(105) | N(106) | N(107) | N(108) | N(109) | N(122) | N(123) | N(125) |
			  N(127);
		wide[2] = N(128) | N(129) | N(130) | N(131);
		break;
	case T_BTRFS: /* SNAP_CREATE, TREE_SEARCH, INO_LOOKUP, SNAP_CREATE_V2, TREE_SEARCH_V2, LOGICAL_INO, SEND; balance, device changes.
		       * On every filesystem FIDEDUPERANGE: it tells who may write a file, but not read it, what is in it */
		wide[0] = N(1) | N(10) | N(11) | N(12) | N(17) | N(18) | N(23) | N(32) | N(36) | N(38) | N(53) | N(54) | N(58) | N(59) | N(62);
		break;
	case T_F2FS: /* MOVE_RANGE */
		wide[0] = N(9);
		break;
	}
	return wide[nr >> 6] & N(nr);
}

/* Wherever the file lies: what it stands for is the filesystem, or what moves goes to a descriptor that no hook sees. */
static __noinline int pw_wide(struct file *file, __u32 hook)
{
	__u32 dev = file->f_inode->i_sb->s_dev;

	if (!pw_guarded() || pw_attr(PW_ATTR_DEV, pw_generation(), dev, 0) != PW_DEV_STORE || pw_is_own())
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, dev);
	return -EPERM;
}

/* linux/loop.h */
enum { LOOP_MAJOR = 7, C_LOOP_SET_FD = 0x4c00, C_LOOP_CHANGE_FD = 0x4c06, C_LOOP_CONFIGURE = 0x4c0a };

static __always_inline bool pw_protected_dev(__u32 dev, __u32 gen)
{
	return pw_attr(PW_ATTR_DEV, gen, dev, 0);
}

/*
 * A file is to be read and written by the kernel from now on, for whoever opens the loop device: who hands it over needs both, whenever
 * it was opened. Not all kernels ask anybody when they read it.
 */
static __noinline int pw_lends(__u32 fd, __u32 hook)
{
	struct file *file = pw_file_at(fd);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct pw_op op = { .hook = hook, .need = PW_NEED_READ | PW_NEED_WRITE };
	long label;

	op.gen = pw_generation();
	op.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	if (!inode || !op.gen || !pw_protected_dev(op.dev, op.gen))
		return 0;
	op.named = (__u64)(unsigned long)dentry;
	op.ino = BPF_CORE_READ(inode, i_ino);
	label = pw_label_looked_up(inode, dentry, op.gen);
	return pw_errno(pw_ask(&op, label));
}

static __noinline bool pw_lends_node(__u32 fd)
{
	struct inode *inode = BPF_CORE_READ(pw_file_at(fd), f_inode);
	__u32 mode = BPF_CORE_READ(inode, i_mode);

	return pw_is_node(mode) && pw_node_denied(mode, BPF_CORE_READ(inode, i_rdev), 1);
}

#define PW_FDS_MAX 65536u /* descriptors looked at: who has more open makes no loop device */

struct pw_fds { struct file *named; __u32 gen, found; };

static __always_inline bool pw_is_guarded_node(struct inode *inode)
{
	__u32 mode = BPF_CORE_READ(inode, i_mode);

	return pw_is_node(mode) && pw_node_matters(mode, BPF_CORE_READ(inode, i_rdev));
}

static long pw_look_at_fd(__u32 i, struct pw_fds *c)
{
	struct file *file = pw_file_at(i);
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if (i >= BPF_CORE_READ(bpf_get_current_task_btf(), files, fdt, max_fds))
		return 1;
	if (!inode || file == c->named)
		return 0;
	if (pw_is_guarded_node(inode) || (pw_protected_dev(BPF_CORE_READ(inode, i_sb, s_dev), c->gen) &&
					  pw_label_looked_up(inode, BPF_CORE_READ(file, f_path.dentry), c->gen) != PW_LABEL_OUTSIDE))
		c->found = 1;
	return 0;
}

/*
 * The kernel reads the number, and what it stands for, once more than we do, and both may be another by then. So nothing else that is
 * stored may be at hand: what comes in later is asked for by itself.
 */
static __noinline bool pw_could_be_lent(__u32 fd)
{
	struct pw_fds c = { .named = pw_file_at(fd), .gen = pw_generation() };

	if (!c.gen)
		return false;
	if (BPF_CORE_READ(bpf_get_current_task_btf(), files, fdt, max_fds) > PW_FDS_MAX)
		return true;
	c.found = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(PW_FDS_MAX, pw_look_at_fd, &c, 0);
	return c.found;
}

static __always_inline int pw_loop_over(__u32 cmd, __u64 arg, __u32 hook)
{
	__u32 fd = (__u32)arg;

	/* Not there to be read: nobody knows what it says. */
	if (cmd == C_LOOP_CONFIGURE && bpf_probe_read_user(&fd, sizeof(fd), (const void *)arg)) {
		pw_guard_refuse(hook, PW_R_INTERNAL, 0, cmd);
		return -EPERM;
	}
	if (pw_lends(fd, hook))
		return -EACCES;
	if (!pw_lends_node(fd) && !(pw_guarded() && pw_could_be_lent(fd)))
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, cmd);
	return -EPERM;
}

/* What is asked of a device is no matter of where its node lies. */
static __noinline int pw_ioctl_node(const struct inode *inode, __u32 cmd, __u64 arg, __u32 hook)
{
	if (pw_node_refuses(inode->i_mode, inode->i_rdev, 0, hook))
		return -EPERM;
	if (inode->i_rdev >> 20 != LOOP_MAJOR || (cmd != C_LOOP_SET_FD && cmd != C_LOOP_CHANGE_FD && cmd != C_LOOP_CONFIGURE))
		return 0;
	return pw_loop_over(cmd, arg, hook);
}

/* linux/dm-ioctl.h: what gives a mapping another table, or puts it in place, or tells its targets what to do */
enum { T_DM = 0xfd, DM_SUSPEND = 6, DM_TABLE_LOAD = 9, DM_TARGET_MSG = 14 };

/*
 * A mapping under a store has its devices open already, and another table for it would use them without asking anybody: a mirror of the
 * store, or a way round it. Which mapping is meant stands in memory that may change, so while a store lies on any, none gets another one.
 */
static __noinline int pw_remaps(const struct inode *inode, __u32 cmd, __u32 hook)
{
	__u32 nr = cmd & 0xff;

	if ((inode->i_mode & S_IFMT) != S_IFCHR || (nr != DM_SUSPEND && nr != DM_TABLE_LOAD && nr != DM_TARGET_MSG))
		return 0;
	if (!pw_guarded() || pw_is_own() || pw_is_init() || !pw_attr(PW_ATTR_BDEV, pw_generation(), inode->i_rdev, PW_BDEV_COMMANDS))
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, inode->i_rdev);
	return -EPERM;
}

/*
 * Input for a terminal that nobody typed: a command for the shell of whoever sits there, with all that one's roles. Programs have no need of
 * it; the kernel has it off by default since 6.2 for all but root.
 */
static __noinline int pw_types(struct file *file, __u32 hook)
{
	if (!pw_guarded() || pw_is_own())
		return 0;
	pw_guard_refuse(hook, PW_R_GUARD, 0, file->f_inode->i_rdev);
	return -EPERM;
}

static __noinline int pw_ioctl(struct file *file, __u32 cmd, __u32 hook)
{
	__u32 place = pw_generation() % PW_GENERATIONS, need;
	struct pw_gen *g;

	if (pw_is_wide(cmd) && pw_wide(file, hook))
		return -EPERM;
	g = bpf_map_lookup_elem(&pw_gens, &place);
	need = pw_need_cmd(cmd, g ? g->actions_named & PW_A_STAT : 0);
	return need ? pw_check_open(file, pw_need_on(file->f_inode, need), hook) : 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(pw_file_ioctl, struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inode *inode = file->f_inode;
	int rc;

	if (cmd == C_TIOCSTI && pw_types(file, PW_HOOK_pw_file_ioctl))
		return -EPERM;
	if ((cmd >> 8 & 0xff) == T_DM && pw_remaps(inode, cmd, PW_HOOK_pw_file_ioctl))
		return -EPERM;
	if ((inode->i_mode & S_IFMT) == S_IFBLK || (pw_protected(inode) && pw_is_node(inode->i_mode))) {
		rc = pw_ioctl_node(inode, cmd, arg, PW_HOOK_pw_file_ioctl);
		return rc == -EACCES ? -EACCES : rc ? -EPERM : 0;
	}
	if (!pw_protected(inode))
		return 0;
	return pw_ioctl(file, cmd, PW_HOOK_pw_file_ioctl);
}

SEC("lsm/file_ioctl_compat")
int BPF_PROG(pw_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inode *inode = file->f_inode;
	int rc;

	if (cmd == C_TIOCSTI && pw_types(file, PW_HOOK_pw_ioctl_compat))
		return -EPERM;
	if ((cmd >> 8 & 0xff) == T_DM && pw_remaps(inode, cmd, PW_HOOK_pw_ioctl_compat))
		return -EPERM;
	if ((inode->i_mode & S_IFMT) == S_IFBLK || (pw_protected(inode) && pw_is_node(inode->i_mode))) {
		rc = pw_ioctl_node(inode, cmd, arg, PW_HOOK_pw_ioctl_compat);
		return rc == -EACCES ? -EACCES : rc ? -EPERM : 0;
	}
	if (!pw_protected(inode))
		return 0;
	return pw_ioctl(file, cmd, PW_HOOK_pw_ioctl_compat);
}
