// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The guard's refusals. They are no decision about a store: who is polyward itself may, all others may not. Must never refuse
 * polyward's own processes, or nothing could be mended.
 */
#include "gate.bpf.h"
#include "own.bpf.h"

int pw_guard_refuse(__u32 hook, __u32 reason, __u32 label, __u32 target)
{
	struct pw_op op = { .hook = hook, .ino = target, .label = (__u16)label };

	op.gen = pw_generation();
	pw_refuse(&op, reason);
	return -EPERM;
}
