// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has mapped what is stored: a mapping that exists asks no hook when it is read. This program is run on purpose, over all mappings of
 * all processes, and reports those of stored files, together with what the process as it is now may no longer do with them. Roles are
 * computed afresh, from nothing that was kept. Must never change anything, nor report a mapping as allowed that it could not judge.
 */
#include "face.bpf.h"
#include "gate.bpf.h"
#include "roles.bpf.h"

#define VM_READ   0x1
#define VM_WRITE  0x2
#define VM_EXEC   0x4
#define VM_SHARED 0x8

struct seq_file;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_iter_meta { struct seq_file *seq; };
struct bpf_iter__task_vma { struct bpf_iter_meta *meta; struct task_struct *task; struct vm_area_struct *vma; };
#pragma clang attribute pop

/* What the mapping can do. A program's own segments, executable or not, came with the right to execute it. */
static __always_inline __u32 pw_mapped_need(const struct file *file, unsigned long flags)
{
	bool exec = (flags & VM_EXEC) || (file->f_flags & FMODE_EXEC);
	__u32 need = 0;

	if (flags & VM_EXEC)
		need |= PW_NEED_EXEC;
	if ((flags & VM_READ) && exec)
		need |= PW_NEED_EXEC;
	else if (flags & VM_READ)
		need |= PW_NEED_READ;
	if ((flags & VM_WRITE) && (flags & VM_SHARED))
		need |= PW_NEED_WRITE;
	return need;
}

/* The roles of this process, and what is known of it as a whole; nothing is made that was not kept. */
static __noinline __u64 pw_mapped_roles(struct task_struct *task, __u32 gen)
{
	struct task_struct *leader = task->group_leader;
	struct pw_subject *kept = leader ? bpf_task_storage_get(&pw_subjects, leader, NULL, 0) : NULL;

	return pw_roles_of(task, kept ? kept->flags : 0, gen);
}

/* polyward itself maps what it was handed, and is nobody's to end. */
static __noinline bool pw_mapped_own(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct pw_subject *kept = leader ? bpf_task_storage_get(&pw_subjects, leader, NULL, 0) : NULL;

	return kept && (kept->flags & PW_SUBJECT_OWN);
}

static __noinline int pw_mapped_judge(struct pw_mapped *m)
{
	struct pw_decision d = { .verdict = PW_DENY, .missing = m->need };
	struct pw_op op = { .gen = m->gen, .need = m->need, .label = m->label };
	struct pw_subject who = { .roles = m->roles };

	if (who.roles) {
		who.row = (__u32)pw_attr(PW_ATTR_ROLES, m->gen, who.roles, 0);
		if (!who.row)
			who.row = PW_ROW_NONE;
	}
	pw_decide(&op, &who, &d);
	m->missing = d.verdict == PW_DENY ? (d.missing ? d.missing : m->need) : 0;
	return 0;
}

/* The name in a layered filesystem with a store that this file is mapped for; NULL: none. */
static __noinline struct dentry *pw_mapped_face(struct file *file, __u32 gen)
{
	struct dentry *face = pw_face(file);

	return face && pw_attr(PW_ATTR_DEV, gen, BPF_CORE_READ(face, d_inode, i_sb, s_dev), 0) ? face : NULL;
}

static __always_inline void pw_mapped_task(struct pw_mapped *m, struct task_struct *task)
{
	const struct cred *real = task->real_cred;

	m->tgid = (__u32)task->tgid;
	m->start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	m->uid = real ? real->uid.val : 0xffffffffu;
}

SEC("iter/task_vma")
int pw_mapped(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	struct pw_mapped m = {};
	struct dentry *dentry;
	struct file *file;
	struct inode *inode;
	long label;

	if (!task || !vma)
		return 0;
	file = vma->vm_file;
	m.gen = pw_generation();
	if (!file || !m.gen)
		return 0;
	dentry = pw_protected(file->f_inode) ? file->f_path.dentry : pw_mapped_face(file, m.gen);
	if (!dentry)
		return 0;
	inode = pw_protected(file->f_inode) ? file->f_inode : BPF_CORE_READ(dentry, d_inode);
	label = pw_label_looked_up(inode, dentry, m.gen);
	m.need = pw_mapped_need(file, vma->vm_flags);
	if (label == PW_LABEL_OUTSIDE || label >= PW_LABEL_OWN_FIRST || !m.need)
		return 0;
	m.ino = BPF_CORE_READ(inode, i_ino);
	m.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	m.shared = (vma->vm_flags & VM_SHARED) != 0;
	pw_mapped_task(&m, task);
	if (label < 0) {
		m.missing = m.need;
	} else {
		m.label = (__u16)label;
		m.roles = pw_mapped_roles(task, m.gen);
		if (!pw_mapped_own(task))
			pw_mapped_judge(&m);
	}
	bpf_seq_write(ctx->meta->seq, &m, sizeof(m));
	return 0;
}
