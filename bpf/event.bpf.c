// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow half of event.bpf.h: reserve, fill, submit. Must never change a verdict.
 */
#include "alike.bpf.h"
#include "names.bpf.h"

static __always_inline void pw_fill_task(struct pw_event *ev, struct task_struct *task)
{
	const struct cred *real = task->real_cred;
	struct mm_struct *mm = task->mm;
	struct file *exe = mm ? mm->exe_file : NULL;
	struct inode *program = exe ? exe->f_inode : NULL;

	ev->start_boot_ns = task->group_leader->start_boottime;
	ev->tgid = (__u32)task->tgid;
	ev->tid = (__u32)task->pid;
	if (real) {
		ev->uid = real->uid.val;
		ev->euid = real->euid.val;
		ev->gid = real->gid.val;
	}
	ev->login_uid = pw_login_uid(task);
	ev->session = bpf_core_field_exists(task->sessionid) ? task->sessionid : 0xffffffffu;
	if (program) {
		ev->exe_ino = program->i_ino;
		ev->exe_dev = program->i_sb->s_dev;
	}
}

static __always_inline void pw_fill_decision(struct pw_event *ev, const struct pw_op *op, const struct pw_decision *d)
{
	if (op->named)
		ev->ino = op->ino;
	else
		ev->target = (__u32)op->ino;
	ev->dev = op->dev;
	ev->gen = op->gen;
	ev->rule = d->rule;
	ev->need = op->need;
	ev->missing = d->missing;
	ev->windows = op->windows;
	ev->mfa_age_s = PW_MFA_NEVER;
	ev->error = d->verdict != PW_DENY ? 0 : op->named ? -EACCES : -EPERM;
	ev->label = op->label;
	ev->label_to = op->label_to;
	ev->verdict = d->verdict;
	ev->reason = d->reason;
	ev->hook = (__u8)op->hook;
	ev->flags = d->timed ? PW_EV_TIMED : 0;
}

static __always_inline struct pw_event *pw_reserve(const struct pw_op *op, const struct pw_decision *d)
{
	if (d->verdict != PW_ALLOW)
		return bpf_ringbuf_reserve(&pw_urgent, sizeof(struct pw_event), 0);
	if (!pw_access_has_room(op->flags & PW_OP_STRICT))
		return NULL;
	return bpf_ringbuf_reserve(&pw_access, sizeof(struct pw_event), 0);
}

int pw_can_record(void)
{
	return pw_access_has_room(true);
}

/* Write the event of this decision. */
int pw_record(struct pw_op *op, struct pw_decision *d, __u64 roles)
{
	__u64 names_epoch = PW_READ(pw_state.names_epoch);
	__u32 zero = 0, from;
	struct pw_counters *counters = bpf_map_lookup_elem(&pw_counters, &zero);
	struct task_struct *task = bpf_get_current_task_btf();
	struct pw_event *ev;
	__u64 seq;

	if (!op || !d || !counters)
		return -1;
	ev = pw_reserve(op, d);
	if (!ev && (op->flags & PW_OP_STRICT))
		return -1;
	/* Atomic, because a program on the same CPU may come between. */
	seq = __sync_fetch_and_add(&counters->seq, 1);
	if (!ev) {
		__sync_fetch_and_add(&counters->lost, 1);
		return -1;
	}
	/* What lies behind names_len is left as it is: nobody reads it. */
	__builtin_memset(ev, 0, offsetof(struct pw_event, names));
	ev->seq = seq;
	ev->roles = roles;
	pw_fill_moment(ev, task);
	pw_fill_task(ev, task);
	pw_fill_decision(ev, op, d);
	from = op->named ? pw_names(ev, op) : 0;
	if (from && (op->flags & PW_OP_NOTE) && !(op->flags & PW_OP_STRICT) && d->verdict == PW_ALLOW)
		pw_alike_note(ev, op, names_epoch, from);
	bpf_ringbuf_submit(ev, 0);
	return 0;
}

