// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The guard's refusals, and the guard over polyward's BPF objects: nobody else gets a descriptor of its maps, programs or links, by
 * number or by pin. They are no decision about a store: who is polyward itself may, all others may not. Must never refuse polyward's
 * own processes, or nothing could be mended.
 */
#include "gate.bpf.h"
#include "own.bpf.h"

int pw_guard_record(__u32 hook, __u32 reason, __u32 label, __u32 target)
{
	struct pw_op op = { .hook = hook, .ino = target, .label = (__u16)label };

	op.gen = pw_generation();
	pw_refuse(&op, reason);
	return 0;
}

/* Every new descriptor of a map comes by here: by number, by pin, and for a map just made, which has nobody's number yet. */
SEC("lsm/bpf_map")
int BPF_PROG(pw_bpf_map, struct bpf_map *map)
{
	if (!pw_guarded() || !pw_own_bpf(PW_OWN_MAP, map->id) || pw_is_own())
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_bpf_map, PW_R_GUARD, 0, map->id);
}

SEC("lsm/bpf_prog")
int BPF_PROG(pw_bpf_prog, struct bpf_prog *prog)
{
	__u32 id = prog->aux->id;

	if (!pw_guarded() || !pw_own_bpf(PW_OWN_PROG, id) || pw_is_own())
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_bpf_prog, PW_R_GUARD, 0, id);
}

/*
 * Programs that could say yes in polyward's place, change what it reads, or look into the memory of the kernel and of processes, where
 * what they may read of a store lies in plain. Filters of packets and of control groups are nobody's business.
 */
static __always_inline bool pw_could_decide(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_LSM: case BPF_PROG_TYPE_EXT: case BPF_PROG_TYPE_TRACING: case BPF_PROG_TYPE_SYSCALL:
	case BPF_PROG_TYPE_KPROBE: case BPF_PROG_TYPE_TRACEPOINT: case BPF_PROG_TYPE_PERF_EVENT:
	case BPF_PROG_TYPE_RAW_TRACEPOINT: case BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
		return true;
	default:
		return false;
	}
}

static __noinline int pw_prog_load(union bpf_attr *attr)
{
	__u32 type = 0;

	if (!(PW_READ(pw_state.guard) & PW_GUARD_SEALED) || pw_is_own())
		return 0;
	bpf_probe_read_kernel(&type, sizeof(type), attr);
	return pw_could_decide(type) ? pw_guard_refuse(PW_HOOK_pw_bpf, PW_R_SEALED, 0, type) : 0;
}

/* Links have no hook of their own. The kernel itself neither replaces nor detaches a link to a security hook. */
static __noinline int pw_link_by_id(union bpf_attr *attr)
{
	__u32 id = 0;

	if (!pw_guarded())
		return 0;
	bpf_probe_read_kernel(&id, sizeof(id), attr);
	if (!pw_own_bpf(PW_OWN_LINK, id) || pw_is_own())
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_bpf, PW_R_GUARD, 0, id);
}

/* attr is the kernel's own copy. */
SEC("lsm/bpf")
int BPF_PROG(pw_bpf, int cmd, union bpf_attr *attr)
{
	if (cmd == BPF_LINK_GET_FD_BY_ID)
		return pw_link_by_id(attr);
	return cmd == BPF_PROG_LOAD ? pw_prog_load(attr) : 0;
}
