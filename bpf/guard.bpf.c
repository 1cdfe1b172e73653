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

#define CAP_SYS_ADMIN 21
#define CAP_PERFMON   38

/*
 * The kernel lets whoever has one of these look into its memory and into that of processes from a program of any kind, by helpers
 * and by pointers that it follows itself; most of that asks no locked_down.
 */
static __always_inline bool pw_may_look_inside(struct task_struct *task)
{
	__u64 caps = pw_effective(BPF_CORE_READ(task, cred));

	return caps >> CAP_SYS_ADMIN & 1 || caps >> CAP_PERFMON & 1;
}

/* Not process 1's: it loads filters for the units that it starts. */
static __noinline bool pw_sealed_out(__u32 type)
{
	return pw_could_decide(type) || (!pw_is_init() && pw_may_look_inside(bpf_get_current_task_btf()));
}

/* A program that answers in place of a security function: with a number above 0 it skips the hook, and some callers go on. */
static __always_inline bool pw_answers(__u32 type, __u32 attach)
{
	return type == BPF_PROG_TYPE_TRACING && attach == BPF_MODIFY_RETURN;
}

static __noinline int pw_prog_load(union bpf_attr *attr)
{
	__u32 type = 0, attach = 0;

	if (!pw_guarded() || pw_is_own())
		return 0;
	bpf_probe_read_kernel(&type, sizeof(type), attr);
	bpf_probe_read_kernel(&attach, sizeof(attach), (char *)attr + offsetof(union bpf_attr, expected_attach_type));
	if ((PW_READ(pw_state.guard) & PW_GUARD_SEALED) && pw_sealed_out(type))
		return pw_guard_refuse(PW_HOOK_pw_bpf, PW_R_SEALED, 0, type);
	return pw_answers(type, attach) ? pw_guard_refuse(PW_HOOK_pw_bpf, PW_R_GUARD, 0, type) : 0;
}

#define CGROUP2_MAGIC 0x63677270ul /* linux/magic.h */
#define ROOT_INO      1

/*
 * What hangs at the root of the control groups behind polyward's programs is asked after them, and can take their refusal back
 * (bpf_set_retval). Further down it is asked before. Of switches nobody else's program is needed anywhere.
 */
static __noinline int pw_attach(union bpf_attr *attr, __u32 target)
{
	struct inode *inode;
	__u32 type = 0, fd = 0;

	if (!pw_guarded() || pw_is_own())
		return 0;
	bpf_probe_read_kernel(&type, sizeof(type), (char *)attr + offsetof(union bpf_attr, attach_type));
	if (type != BPF_CGROUP_SYSCTL && type != BPF_CGROUP_DEVICE)
		return 0;
	bpf_probe_read_kernel(&fd, sizeof(fd), (char *)attr + target);
	inode = BPF_CORE_READ(pw_file_at(fd), f_inode);
	if (type == BPF_CGROUP_DEVICE && (BPF_CORE_READ(inode, i_ino) != ROOT_INO || BPF_CORE_READ(inode, i_sb, s_magic) != CGROUP2_MAGIC))
		return 0;
	return pw_guard_refuse(PW_HOOK_pw_bpf, PW_R_GUARD, 0, type);
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
	switch (cmd) {
	case BPF_LINK_GET_FD_BY_ID:
		return pw_link_by_id(attr) ? -EPERM : 0;
	case BPF_PROG_LOAD:
		return pw_prog_load(attr) ? -EPERM : 0;
	case BPF_PROG_ATTACH:
		return pw_attach(attr, offsetof(union bpf_attr, target_fd)) ? -EPERM : 0;
	case BPF_LINK_CREATE:
		return pw_attach(attr, offsetof(union bpf_attr, link_create.target_fd)) ? -EPERM : 0;
	default:
		return 0;
	}
}
