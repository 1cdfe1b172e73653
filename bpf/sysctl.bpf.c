// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The guard over the switch that turns all other programs off: they hang on the kernel's function tracer, and kernel.ftrace_enabled
 * stops that. This program does not hang there: it sits at the root of the control groups. Such a program may follow no pointer and
 * has no task storage, so it fills its record itself. Must never keep anybody from reading.
 */
#include "event.bpf.h"
#include "own.bpf.h"

#define SWITCH       "kernel/ftrace_enabled"
#define SWITCH_BYTES (sizeof(SWITCH) - 1)

static __always_inline void pw_sysctl_record(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 zero = 0;
	struct pw_counters *c = bpf_map_lookup_elem(&pw_counters, &zero);
	struct pw_event *ev;
	__u64 seq;

	if (!c)
		return;
	__sync_fetch_and_add(&c->denied, 1);
	seq = __sync_fetch_and_add(&c->seq, 1);
	ev = bpf_ringbuf_reserve(&pw_urgent, sizeof(*ev), 0);
	if (!ev) {
		__sync_fetch_and_add(&c->lost, 1);
		return;
	}
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->seq = seq;
	ev->cpu = (__u16)bpf_get_smp_processor_id();
	ev->time_boot_ns = bpf_ktime_get_boot_ns();
	ev->time_tai_ns = bpf_ktime_get_tai_ns();
	ev->start_boot_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	ev->tgid = (__u32)BPF_CORE_READ(task, tgid);
	ev->tid = (__u32)BPF_CORE_READ(task, pid);
	ev->ppid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
	ev->uid = BPF_CORE_READ(task, real_cred, uid.val);
	ev->euid = BPF_CORE_READ(task, real_cred, euid.val);
	ev->gid = BPF_CORE_READ(task, real_cred, gid.val);
	ev->login_uid = bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : 0xffffffffu;
	ev->session = bpf_core_field_exists(task->sessionid) ? BPF_CORE_READ(task, sessionid) : 0xffffffffu;
	bpf_probe_read_kernel(ev->comm, sizeof(ev->comm), &task->comm);
	ev->gen = pw_generation();
	ev->mfa_age_s = PW_MFA_NEVER;
	ev->error = -EPERM;
	ev->verdict = PW_DENY;
	ev->reason = PW_R_GUARD;
	ev->hook = PW_HOOK_pw_sysctl;
	bpf_ringbuf_submit(ev, 0);
}

/* 1: go on. Switching it on is refused like switching it off: that it is on now is what counts. */
SEC("cgroup/sysctl")
int pw_sysctl(struct bpf_sysctl *ctx)
{
	static const char wanted[SWITCH_BYTES + 1] = SWITCH;
	char name[32] = {};

	if (!ctx->write || !pw_guarded() || bpf_sysctl_get_name(ctx, name, sizeof(name), 0) != SWITCH_BYTES)
		return 1;
	for (__u32 i = 0; i < SWITCH_BYTES; i++)
		if (name[i] != wanted[i])
			return 1;
	pw_sysctl_record();
	return 0;
}
