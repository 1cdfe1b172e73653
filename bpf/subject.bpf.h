/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who acts: from the current task to its set of active roles. Computed when something about the task, its program, its control
 * group or the policy has changed, and kept in task storage. Asks the task's real credentials, never the effective ones, so that
 * an overlay's or a server's borrowed identity carries no role. Must never give a role where an answer is missing.
 */
#ifndef PW_SUBJECT_BPF_H
#define PW_SUBJECT_BPF_H

#include "state.bpf.h"
#include <polyward/decide.h>

static __always_inline __u32 pw_login_uid(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? task->loginuid.val : 0xffffffffu;
}

/*
 * The subject as of now, into *ret. From task storage if nothing has changed since; else computed, and kept if there is room.
 * In subject.bpf.c; a function that the verifier checks by itself.
 */
int pw_subject_now(struct pw_subject *ret, __u32 gen);

/* Something about this task is about to change. */
static __always_inline void pw_subject_stale(struct task_struct *task, __u32 flags_kept)
{
	struct pw_subject *kept = bpf_task_storage_get(&pw_subjects, task, NULL, 0);

	if (!kept)
		return;
	kept->epoch = 0;
	kept->flags &= flags_kept;
}

#endif
