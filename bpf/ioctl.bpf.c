// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Hooks on file control: what each known command needs, and everything for a command that we do not know. Must never grow a
 * command that reads or changes contents among the harmless ones.
 */
#include "gate.bpf.h"

/* Command numbers are ABI towards user programs (asm-generic/ioctls.h, linux/fs.h, fscrypt.h, fsverity.h). */
enum {
	C_FIBMAP = 0x1, C_FIGETBSZ = 0x2,
	C_TCGETS = 0x5401, C_TIOCGPGRP = 0x540f, C_TIOCGWINSZ = 0x5413, C_FIONREAD = 0x541b, C_FIONBIO = 0x5421,
	C_FIONCLEX = 0x5450, C_FIOCLEX = 0x5451, C_FIOASYNC = 0x5452, C_FIOQSIZE = 0x5460, C_TCGETS2 = 0x802c542a,
	C_FICLONE = 0x40049409, C_FICLONERANGE = 0x4020940d, C_FIDEDUPERANGE = 0xc0189436,
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
	case C_FICLONE: case C_FICLONERANGE: case C_FIDEDUPERANGE:          /* file_permission is asked on both files */
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

static __noinline int pw_ioctl(struct file *file, __u32 cmd, __u32 hook)
{
	__u32 place = pw_generation() % PW_GENERATIONS, need;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);

	need = pw_need_cmd(cmd, g ? g->actions_named & PW_A_STAT : 0);
	return need ? pw_check_open(file, pw_need_on(file->f_inode, need), hook) : 0;
}

SEC("lsm/file_ioctl")
int BPF_PROG(pw_file_ioctl, struct file *file, unsigned int cmd)
{
	if (!pw_protected(file->f_inode))
		return 0;
	return pw_ioctl(file, cmd, PW_HOOK_pw_file_ioctl);
}

SEC("lsm/file_ioctl_compat")
int BPF_PROG(pw_ioctl_compat, struct file *file, unsigned int cmd)
{
	if (!pw_protected(file->f_inode))
		return 0;
	return pw_ioctl(file, cmd, PW_HOOK_pw_ioctl_compat);
}
