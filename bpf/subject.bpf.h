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

#endif
