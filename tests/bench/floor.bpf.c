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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
