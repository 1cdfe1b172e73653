// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow half of subject.bpf.h: computing a task's roles. Every function that is not static is checked by the verifier once and
 * by itself, whoever calls it; so they take numbers and look up the task again. Must never give a role where an answer is missing.
 */
#include "subject.bpf.h"

#define PW_GROUPS_MAX 1024 /* supplementary groups looked at: what comes after them gives no role */

struct pw_groups { __u64 gids; __u64 roles; __u32 gen; __u32 pad_; };

static long pw_add_group(__u32 i, struct pw_groups *g)
{
	__u32 gid;

	if (bpf_probe_read_kernel(&gid, sizeof(gid), (const void *)(g->gids + 4ull * i)))
		return 1;
	g->roles |= pw_attr(PW_ATTR_GID, g->gen, gid, 0);
	return 0;
}

static __always_inline __u64 pw_roles_by_group(const struct cred *cred, __u32 gen)
{
	struct group_info *info = cred->group_info;
	struct pw_groups groups = { .gen = gen };
	__u32 count;

	groups.roles = pw_attr(PW_ATTR_GID, gen, cred->gid.val, 0);
	if (info) {
		count = (__u32)info->ngroups;
		groups.gids = (__u64)(unsigned long)info + bpf_core_field_offset(struct group_info, gid);
		bpf_loop(count < PW_GROUPS_MAX ? count : PW_GROUPS_MAX, pw_add_group, &groups, 0);
	}
	return groups.roles;
}

/* Roles whose members clause names this user or one of its groups. */
static __always_inline __u64 pw_roles_by_member(const struct cred *cred, __u32 login_uid, const struct pw_gen *g, __u32 gen)
{
	__u32 uid = cred->uid.val;
	__u64 user = pw_attr(PW_ATTR_UID, gen, uid, 0), groups = 0, counted = 0, named = user;

	if (g->loose || pw_groups_count(uid, login_uid))
		groups = pw_roles_by_group(cred, gen);
	if (g->loose && login_uid != 0xffffffffu && login_uid != uid)
		named |= pw_attr(PW_ATTR_UID, gen, login_uid, 0);
	if (pw_user_counts(uid, login_uid))
		counted |= user;
	if (pw_groups_count(uid, login_uid))
		counted |= groups;
	return pw_members(g, counted, named | groups);
}

static __always_inline __u64 pw_roles_by_program(struct task_struct *task, __u32 gen)
{
	struct mm_struct *mm = task->mm;
	struct file *exe;
	struct inode *inode;

	if (!mm)
		return 0;
	exe = mm->exe_file;
	inode = exe ? exe->f_inode : NULL;
	return inode ? pw_attr(PW_ATTR_EXE, gen, inode->i_sb->s_dev, inode->i_ino) : 0;
}

/* The node one up in the cgroup tree. The field got underscores in 6.15. */
static __always_inline struct kernfs_node *pw_kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___since_6_15 *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

/* Both comparisons go without a branch a letter: the verifier would follow each way through every level. */
static __always_inline bool pw_is_slice(const struct pw_unit_key *key, long len_bytes)
{
	__u32 at = (__u32)len_bytes - 7; /* ".slice" and the final NUL */
	const char *t;

	if (len_bytes < 8 || at > PW_UNIT_NAME_MAX - 7)
		return false;
	t = key->name + at;
	return !((t[0] ^ '.') | (t[1] ^ 's') | (t[2] ^ 'l') | (t[3] ^ 'i') | (t[4] ^ 'c') | (t[5] ^ 'e'));
}

static __always_inline bool pw_is_user_slice(const struct pw_unit_key *key)
{
	const char *n = key->name;

	return !((n[0] ^ 'u') | (n[1] ^ 's') | (n[2] ^ 'e') | (n[3] ^ 'r') | (n[4] ^ '.') | (n[5] ^ 's') | (n[6] ^ 'l') | (n[7] ^ 'i') |
		 (n[8] ^ 'c') | (n[9] ^ 'e') | n[10]);
}

struct pw_climb_units {
	struct kernfs_node *at;
	__u64 roles;
	__u32 top;
	struct pw_unit_key key;
};

static long pw_add_unit(__u32 i, struct pw_climb_units *c)
{
	struct kernfs_node *at = c->at, *up = pw_kernfs_parent(at);
	__u64 *found = NULL;
	long len_bytes;

	if (!up) {
		c->top = 1;
		return 1;
	}
	__builtin_memset(c->key.name, 0, sizeof(c->key.name));
	len_bytes = bpf_probe_read_kernel_str(c->key.name, sizeof(c->key.name), BPF_CORE_READ(at, name));
	if (!pw_is_slice(&c->key, len_bytes))
		c->roles = 0;
	/* A name that fills the buffer may have been cut: it is nobody's. */
	if (len_bytes > 1 && len_bytes < PW_UNIT_NAME_MAX)
		found = bpf_map_lookup_elem(&pw_units, &c->key);
	if (found)
		c->roles |= *found;
	if (!pw_kernfs_parent(up) && pw_is_user_slice(&c->key))
		c->roles = 0;
	c->at = up;
	return 0;
}

/*
 * Roles by systemd unit, from the task's own control group upwards. A name counts only where systemd alone makes names: below
 * nothing but slices, and not below user.slice, whose owners make what they like. So a level that is no slice takes away what
 * was found below it, and user.slice at the top takes all. Deeper than PW_UNIT_DEPTH_MAX: what stands above is unknown, no role.
 */
__u64 pw_roles_by_unit(__u32 gen)
{
	struct pw_climb_units c = {};

	c.at = BPF_CORE_READ(bpf_get_current_task_btf(), cgroups, dfl_cgrp, kn);
	c.key.gen = gen;
	c.roles = c.top = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(PW_UNIT_DEPTH_MAX + 1, pw_add_unit, &c, 0);
	return c.top ? c.roles : 0;
}

/*
 * Credentials that the roles come from. An io_uring worker keeps those of the moment it was made and borrows the submitter's for
 * each request: it has a role only where both are the same user's. NULL: no roles.
 */
static __always_inline const struct cred *pw_subject_cred(struct task_struct *task)
{
	const struct cred *real = task->real_cred, *now = task->cred;

	if (!real || (task->flags & PF_KTHREAD))
		return NULL;
	if (task->flags & PF_IO_WORKER)
		return now && now->uid.val == real->uid.val ? now : NULL;
	return real;
}

/* Fill in s->roles and s->row under this generation. */
int pw_subject_compute(struct pw_subject *s, __u32 gen)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred;
	__u32 place = gen % PW_GENERATIONS;
	struct pw_gen *g = bpf_map_lookup_elem(&pw_gens, &place);
	__u64 members, programs = 0, units = 0, row;

	if (!s)
		return 0;
	s->roles = 0;
	s->row = 0;
	cred = pw_subject_cred(task);
	if (!cred || !g || g->gen != gen)
		return 0;
	members = pw_roles_by_member(cred, pw_login_uid(task), g, gen);
	if (g->startable & ~g->program_any)
		programs = pw_roles_by_program(task, gen);
	if (g->startable & ~g->unit_any)
		units = pw_roles_by_unit(gen);
	s->roles = pw_roles_close(g, pw_roles_base(g, members, programs, units));
	if (s->roles) {
		/* Row 0 is the empty set's, so 0 is "not interned" here. */
		row = pw_attr(PW_ATTR_ROLES, gen, s->roles, 0);
		s->row = row ? (__u32)row : PW_ROW_NONE;
	}
	return 0;
}

/*
 * The subject as of now, into *ret. From task storage if nothing has changed since; else computed, and kept if there is room. The
 * epoch is read first: whatever changes while we compute makes the result stale.
 */
int pw_subject_now(struct pw_subject *ret, __u32 gen)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 epoch = PW_READ(pw_state.subject_epoch);
	__u64 cred = (__u64)(unsigned long)task->real_cred;

	if (!ret)
		return 0;
	if (kept && kept->epoch == epoch && kept->gen == gen && kept->cred == cred) {
		*ret = *kept;
		return 0;
	}
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->flags = kept ? kept->flags : 0;
	pw_subject_compute(ret, gen);
	if (!kept || (task->flags & PF_IO_WORKER))
		return 0;
	kept->epoch = 0;
	kept->roles = ret->roles;
	kept->row = ret->row;
	kept->gen = gen;
	kept->cred = cred;
	kept->epoch = epoch;
	return 0;
}

