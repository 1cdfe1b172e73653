// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow half of subject.bpf.h: computing a task's roles. Every function that is not static is checked by the verifier once and
 * by itself, whoever calls it; so they take numbers and look up the task again. Must never give a role where an answer is missing.
 */
#include "subject.bpf.h"

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

/*
 * Roles by systemd unit, from a control group's node upwards. A name counts only where systemd alone makes names: below nothing
 * but slices, and not below user.slice, whose owners make what they like. So a level that is no slice takes away what was found
 * below it, and user.slice at the top takes all. Deeper than PW_UNIT_DEPTH_MAX: what stands above is unknown, no role. A plain
 * loop: a callback would be one frame more than the deepest hook has left.
 */
__noinline __u64 pw_roles_by_unit(__u64 node, __u32 gen)
{
	struct kernfs_node *at = (struct kernfs_node *)(unsigned long)node, *up;
	struct pw_unit_key key = { .gen = gen };
	__u64 roles = 0, *found;
	long len_bytes;

	for (__u32 i = 0; i <= PW_UNIT_DEPTH_MAX; i++) {
		up = pw_kernfs_parent(at);
		if (!up)
			return roles;
		__builtin_memset(key.name, 0, sizeof(key.name));
		len_bytes = bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(at, name));
		if (!pw_is_slice(&key, len_bytes))
			roles = 0;
		/* A name that fills the buffer may have been cut: it is nobody's. */
		found = len_bytes > 1 && len_bytes < PW_UNIT_NAME_MAX ? bpf_map_lookup_elem(&pw_units, &key) : NULL;
		if (found)
			roles |= *found;
		if (!pw_kernfs_parent(up) && pw_is_user_slice(&key))
			roles = 0;
		at = up;
	}
	return 0;
}

struct pw_climb_unit {
	struct kernfs_node *at;
	__u64 unit;
	__u32 top;
	struct pw_unit_key key;
};

static long pw_find_unit(__u32 i, struct pw_climb_unit *c)
{
	struct kernfs_node *at = c->at, *up = pw_kernfs_parent(at);
	long len_bytes;

	if (!up) {
		c->top = 1;
		return 1;
	}
	len_bytes = bpf_probe_read_kernel_str(c->key.name, sizeof(c->key.name), BPF_CORE_READ(at, name));
	if (!pw_is_slice(&c->key, len_bytes))
		c->unit = BPF_CORE_READ(at, id);
	c->at = up;
	return 0;
}

/* The same way up, for the control group itself. */
__noinline __u64 pw_unit(__u64 node)
{
	struct pw_climb_unit c = {};

	c.at = (struct kernfs_node *)(unsigned long)node;
	c.unit = c.top = bpf_get_smp_processor_id() >> 31; /* 0; see pw_opaque_zero() */
	bpf_loop(PW_UNIT_DEPTH_MAX + 1, pw_find_unit, &c, 0);
	return c.top ? c.unit : 0;
}

/*
 * A traced process does what its tracer likes. It has roles only by what both are: the same user of the same login with the same
 * groups. That goes for who was traced before there was a policy, too, and for who asked to be.
 */
PW_STEP bool pw_traced_by_another(struct task_struct *task)
{
	struct task_struct *tracer = task->parent;
	const struct cred *mine = task->real_cred, *its = tracer ? tracer->real_cred : NULL;

	if (!its || !mine)
		return true;
	return its->uid.val != mine->uid.val || its->gid.val != mine->gid.val || its->group_info != mine->group_info ||
	       pw_login_uid(tracer) != pw_login_uid(task);
}

/*
 * The subject as of now, into *ret. From task storage if nothing has changed since; else computed, and kept if there is room. The
 * epoch is read first: whatever changes while we compute makes the result stale. ret->epoch 0: nothing that follows from it may
 * be remembered.
 */
int pw_subject_now(struct pw_subject *ret, __u32 gen)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 epoch = PW_READ(pw_state.subject_epoch), traced = task->ptrace;
	__u64 cred = (__u64)(unsigned long)task->real_cred;

	if (!ret)
		return 0;
	if (kept && kept->epoch == epoch && kept->gen == gen && kept->cred == cred && !traced) {
		*ret = *kept;
		return 0;
	}
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->flags = pw_process_flags(task);
	if (traced)
		ret->flags |= PW_SUBJECT_NO_PROGRAM | PW_SUBJECT_NO_UNIT;
	if (!traced || !pw_traced_by_another(task))
		ret->roles = pw_roles_of(task, ret->flags, gen);
	if (ret->roles) {
		/* Row 0 is the empty set's, so 0 is "not interned" here. */
		ret->row = (__u32)pw_roles_attr(PW_ATTR_ROLES, gen, ret->roles, 0);
		if (!ret->row)
			ret->row = PW_ROW_NONE;
	}
	if (!kept || traced || (task->flags & PF_IO_WORKER))
		return 0;
	kept->epoch = 0;
	kept->roles = ret->roles;
	kept->row = ret->row;
	kept->gen = gen;
	kept->cred = cred;
	kept->epoch = ret->epoch = epoch;
	return 0;
}
