/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts: the current task's set of active roles. Computed (roles.bpf.h) when something about the task, its program, its control
 * group or the policy has changed, and kept in task storage. Must never keep what may change without a hook that tells.
 */
#ifndef PW_SUBJECT_BPF_H
#define PW_SUBJECT_BPF_H

#include "roles.bpf.h"

/*
 * The subject as of now, into *ret. From task storage if nothing has changed since; else computed, and kept if there is room.
 * ret->epoch 0: nothing that follows from it may be remembered. In subject.bpf.c; a function that the verifier checks by itself.
 */
int pw_subject_now(struct pw_subject *ret, __u32 gen);

/* Something about this task is about to change. */
static __always_inline void pw_subject_stale(struct task_struct *task, __u32 flags_kept)
{
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, 0);

	if (!kept)
		return;
	kept->epoch = 0;
	__sync_fetch_and_and(&kept->flags, flags_kept);
}

#endif
