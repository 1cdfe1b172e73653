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
struct super_block { __u32 s_dev; unsigned long s_magic; struct dentry *s_root; };

struct inode {
	__u16 i_mode;
	unsigned int i_nlink;
	unsigned long i_ino;
	__u32 i_rdev;
	struct super_block *i_sb;
	struct hlist_head i_dentry;
};

/* When an inode changed last: the field was renamed in 6.6 and split in 6.11. */
struct timespec64 { __s64 tv_sec; long tv_nsec; };
struct inode___before_6_6 { struct timespec64 i_ctime; };
struct inode___before_6_11 { struct timespec64 __i_ctime; };
struct inode___since_6_11 { __s64 i_ctime_sec; __u32 i_ctime_nsec; };

struct qstr { __u32 len; const unsigned char *name; };

struct dentry {
	unsigned int d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32];
	void *d_fsdata;
	union { struct hlist_node d_alias; } d_u;
};

struct dentry___since_7_0 { struct hlist_node d_alias; }; /* the union lost its name */
union shortname_store { unsigned char string[32]; };
struct dentry___since_6_14 { union shortname_store d_shortname; };

struct list_head { struct list_head *next; };
struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; };
struct mount {
	struct mount *mnt_parent;
	struct vfsmount mnt;
	struct list_head mnt_mounts, mnt_child;
	int mnt_id, mnt_group_id;
};

struct path { struct vfsmount *mnt; struct dentry *dentry; };

struct file {
	struct inode *f_inode;
	struct path f_path;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
};

struct fuse_file { struct file *passthrough; }; /* since 6.9 */
struct backing_file { struct path user_path; };  /* since 6.7 */

struct io_uring_cmd { struct file *file; };

enum fsnotify_obj_type { FSNOTIFY_OBJ_TYPE_INODE = 0 }; /* the kernel's own value is looked up */

struct file___since_6_17 { struct path __f_path; };

struct vm_area_struct { unsigned long vm_flags; struct file *vm_file; };
typedef struct { int counter; } atomic_t;

struct mm_struct { struct file *exe_file; atomic_t mm_users; };
struct iattr { unsigned int ia_valid; };
struct linux_binprm { struct file *file; unsigned int secureexec:1; };

struct group_info { int ngroups; kgid_t gid[0]; };

struct user_namespace { int level; };
typedef struct { __u32 cap[2]; } kernel_cap_t; /* one word of 64 bits since 6.3: read as one */

struct cred {
	kuid_t uid, euid;
	kernel_cap_t cap_effective;
	kgid_t gid;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	__u64 id;
};
struct kernfs_node___since_6_15 { struct kernfs_node *__parent; };

struct bpf_map { __u32 id; };
struct bpf_prog_aux { __u32 id; };
struct bpf_prog { struct bpf_prog_aux *aux; };

struct cgroup_root;
struct cgroup { struct kernfs_node *kn; struct cgroup_root *root; };
struct css_set { struct cgroup *dfl_cgrp; };

struct task_struct;
struct pid_namespace { struct task_struct *child_reaper; };
struct upid { struct pid_namespace *ns; };
struct pid { unsigned int level; struct upid numbers[0]; };

struct mnt_namespace;
struct time_namespace;
struct uts_namespace;
struct ipc_namespace;
struct net;
struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns, *time_ns_for_children;
};
struct fs_struct { int users; struct path root; };
struct perf_event_context { int nr_events; };
struct perf_event_attr { __u64 sample_type; __u64 exclude_callchain_user:1; };
struct hw_perf_event { struct task_struct *target; };
struct trace_event_call;
struct perf_event { struct perf_event_attr attr; struct hw_perf_event hw; struct trace_event_call *tp_event; };
struct kernel_siginfo;

/* A filter that hands system calls to another process has its `notif` set. */
struct seccomp_filter { struct seccomp_filter *prev; void *notif; };
struct seccomp { struct seccomp_filter *filter; };

/* A walk by name: the links that it is in the middle of. */
struct saved { struct path link; };
struct nameidata { unsigned int depth; struct saved *stack; };

struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };

struct task_struct {
	unsigned int flags;
	unsigned int ptrace;
	unsigned int in_execve:1;
	int pid, tgid;
	struct mm_struct *mm;
	struct task_struct *real_parent, *parent, *group_leader;
	struct pid *thread_pid;
	struct seccomp seccomp;
	struct files_struct *files;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct nameidata *nameidata;
	unsigned int personality;
	unsigned long atomic_flags;
	struct list_head ptraced;
	struct perf_event_context *perf_event_ctxp;
	void *worker_private; /* of an io_uring worker: struct io_worker */
	const struct cred *real_cred, *cred;
	struct css_set *cgroups;
	__u64 start_boottime;
	kuid_t loginuid;
	unsigned int sessionid;
	char comm[16];
};

struct task_struct___before_6_2 { struct perf_event_context *perf_event_ctxp[2]; };

struct io_wq { struct task_struct *task; };
struct io_wqe___before_6_4 { struct io_wq *wq; };
struct io_worker { struct io_wq *wq; };
struct io_worker___before_6_4 { struct io_wqe___before_6_4 *wqe; };

#pragma clang attribute pop

/* Numbers that are ABI towards user programs or have not changed since 2.6: they stand in no BTF. */
#define PF_IO_WORKER 0x00000010
#define PF_SIGNALED  0x00000400
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
#define S_IFCHR 0020000
#define S_IFBLK 0060000
#define S_IFREG 0100000

#define EPERM  1
#define ENOMEM 12
#define EACCES 13

/* A step of its own: compiled once an object, checked once a call. Not every object takes every step. */
#define PW_STEP static __noinline __attribute__((unused))

#endif
