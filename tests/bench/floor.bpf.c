/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs that do nothing: the price of being attached at all, below which no BPF enforcer can come. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define FLOOR(name, hook) \
	SEC("lsm/" #hook) \
	int name(void *ctx) \
	{ \
		return 0; \
	}

/* What an enforcer has on the way of opening, reading, making and removing a file. */
FLOOR(floor_open, file_open)
FLOOR(floor_perm, file_permission)
FLOOR(floor_create, inode_create)
FLOOR(floor_unlink, inode_unlink)
FLOOR(floor_free, inode_free_security)

/* ... and what else polyward has where a program is run, a socket made and an archive unpacked. */
FLOOR(floor_mmap, mmap_file)
FLOOR(floor_mprotect, file_mprotect)
FLOOR(floor_mknod, inode_mknod)
FLOOR(floor_mkdir, inode_mkdir)
FLOOR(floor_setattr, inode_setattr)
FLOOR(floor_bprm, bprm_check_security)
FLOOR(floor_from, bprm_creds_from_file)
FLOOR(floor_done, bprm_committed_creds)
FLOOR(floor_task, task_alloc)
FLOOR(floor_cred, cred_prepare)
FLOOR(floor_kill, task_kill)
FLOOR(floor_ioctl, file_ioctl)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
