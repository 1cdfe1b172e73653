/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types and fields that the programs read, by name: their places are filled in at load time (CO-RE), so no header of
 * the build machine's kernel is needed. Must never hold a field that no program reads, nor a number that a kernel may change.
 */
#ifndef PW_KERNEL_H
#define PW_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct { __u32 val; } kuid_t;
typedef struct { __u32 val; } kgid_t;

struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };

struct dentry;
struct super_block { __u32 s_dev; struct dentry *s_root; };

struct inode {
	__u16 i_mode;
	unsigned int i_nlink;
	unsigned long i_ino;
	struct super_block *i_sb;
	struct hlist_head i_dentry;
};

struct qstr { const unsigned char *name; };

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	union { struct hlist_node d_alias; } d_u;
};

struct dentry___since_7_0 { struct hlist_node d_alias; }; /* the union lost its name */

struct path { struct dentry *dentry; };

struct file {
	struct inode *f_inode;
	struct path f_path;
	unsigned int f_flags;
	unsigned int f_mode;
};

struct file___since_6_17 { struct path __f_path; };

struct vm_area_struct { unsigned long vm_flags; struct file *vm_file; };
struct mm_struct { struct file *exe_file; };
struct iattr { unsigned int ia_valid; };
struct linux_binprm { struct file *file; };

struct group_info { int ngroups; kgid_t gid[0]; };

struct cred {
	kuid_t uid, euid;
	kgid_t gid;
	struct group_info *group_info;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	__u64 id;
};
struct kernfs_node___since_6_15 { struct kernfs_node *__parent; };

struct cgroup { struct kernfs_node *kn; };
struct css_set { struct cgroup *dfl_cgrp; };

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	struct mm_struct *mm;
	struct task_struct *real_parent, *group_leader;
	const struct cred *real_cred, *cred;
	struct css_set *cgroups;
	__u64 start_boottime;
	kuid_t loginuid;
	unsigned int sessionid;
	char comm[16];
};

#pragma clang attribute pop

/* Numbers that are ABI towards user programs or have not changed since 2.6: they stand in no BTF. */
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

#define MAY_WRITE  0x2
#define MAY_READ   0x4
#define MAY_APPEND 0x8

#define FMODE_READ  0x1
#define FMODE_WRITE 0x2
#define FMODE_EXEC  0x20 /* in f_flags: opened by exec */

#define O_TRUNC 01000

#define S_IFMT  00170000
#define S_IFDIR 0040000

#define EPERM  1
#define EACCES 13

/* A step of its own: compiled once an object, checked once a call. Not every object takes every step. */
#define PW_STEP static __noinline __attribute__((unused))

#endif
