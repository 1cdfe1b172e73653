// SPDX-License-Identifier: Apache-2.0
/* Polyward's maps, programs and links by their number: opened, read, changed, detached. Root may do so with everybody else's. */
#include "attack.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

static int bpf(int command, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, command, a, sizeof(*a));
}

static bool is_ours(int fd)
{
	union { struct bpf_map_info map; struct bpf_prog_info prog; char room[512]; } info = { .room = { 0 } };
	union bpf_attr a = { .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(struct bpf_map_info), .info = (uint64_t)(uintptr_t)&info } };

	if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &a) && !strncmp(info.map.name, "pw_", 3))
		return true;
	memset(&info, 0, sizeof(info));
	a.info.info_len = sizeof(struct bpf_prog_info);
	return !bpf(BPF_OBJ_GET_INFO_BY_FD, &a) && !strncmp(info.prog.name, "pw_", 3);
}

/* Go through all numbers of a kind. 0 with an open one of ours in *ret_fd, or the errno with which they were refused. */
static int first(int next, int get, bool any, int *ret_fd)
{
	union bpf_attr a = { 0 };
	int code = ENOENT;

	for (;;) {
		union bpf_attr g = { 0 };
		int fd;

		if (bpf(next, &a))
			return code;
		g.map_id = a.next_id;
		fd = bpf(get, &g);
		if (fd < 0 && errno == EPERM)
			code = EPERM;
		if (fd >= 0 && (any || is_ours(fd))) {
			*ret_fd = fd;
			return 0;
		}
		if (fd >= 0)
			close(fd);
		a.start_id = a.next_id;
	}
}

static int refused(const char *what, int code)
{
	return attempt(what, code ? (errno = code, -1) : 0);
}

static int map(void)  { int fd; return refused("map by id", first(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, false, &fd)); }
static int prog(void) { int fd; return refused("program by id", first(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, false, &fd)); }
static int link_(void){ int fd; return refused("link by id", first(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, true, &fd)); }

static int detach(void)
{
	int fd, code = first(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, true, &fd);
	union bpf_attr a = { 0 };

	if (code)
		return refused("link by id", code);
	a.link_detach.link_fd = (uint32_t)fd;
	return attempt("detach a link", bpf(BPF_LINK_DETACH, &a));
}

/* Writes an array's first value back as it is; that it can be done is enough. */
static int update(void)
{
	static char value[1 << 16];
	uint32_t key = 0;
	int fd, code = first(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, false, &fd);
	union bpf_attr a = { 0 };

	if (code)
		return refused("map by id", code);
	a.map_fd = (uint32_t)fd;
	a.key = (uint64_t)(uintptr_t)&key;
	a.value = (uint64_t)(uintptr_t)value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &a))
		return attempt("look into a map", -1);
	return attempt("change a map", bpf(BPF_MAP_UPDATE_ELEM, &a));
}

static int task_fd(void)
{
	/* Descriptors of the loader, asked for by process: tells numbers and names only. */
	union bpf_attr a = { .task_fd_query = { .pid = 1, .fd = 0 } };

	(void)bpf(BPF_TASK_FD_QUERY, &a);
	return CAME_TO_NOTHING;
}

/* The device program hangs on the root control group: detach it, or hang another in its place. */
static int cgroup(int command, uint32_t flags, int prog_fd)
{
	int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr a = { .target_fd = (uint32_t)group, .attach_bpf_fd = (uint32_t)prog_fd, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = flags };

	need(group >= 0);
	return bpf(command, &a);
}

static int cgroup_detach(void) { return attempt("detach the device program", cgroup(BPF_PROG_DETACH, 0, 0)); }

static int device_program(void)
{
	/* r0 = 1; exit: allows every device */
	struct bpf_insn code[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insn_cnt = 2, .insns = (uint64_t)(uintptr_t)code,
			     .license = (uint64_t)(uintptr_t)"GPL" };

	return bpf(BPF_PROG_LOAD, &a);
}

static int cgroup_replace(void)
{
	int prog_fd = device_program();

	need(prog_fd >= 0);
	/* Alone: what hangs there would give way. */
	return attempt("hang another in its place", cgroup(BPF_PROG_ATTACH, 0, prog_fd));
}

static int cgroup_beside(void)
{
	int prog_fd = device_program(), fd;

	need(prog_fd >= 0);
	if (cgroup(BPF_PROG_ATTACH, BPF_F_ALLOW_MULTI, prog_fd))
		return attempt("hang another beside", -1);
	/* All are asked; one that says yes does not overrule one that says no. */
	fd = open(DISK, O_RDONLY | O_CLOEXEC);
	(void)cgroup(BPF_PROG_DETACH, 0, prog_fd);
	return attempt("open the device", fd);
}

/* bpf_set_retval(0); r0 = 1; exit: what programs before it have refused is allowed again */
static int overruling(uint32_t type, uint32_t attach)
{
	struct bpf_insn code[] = { { .code = 0xb7, .dst_reg = 1 }, { .code = 0x85, .imm = BPF_FUNC_set_retval }, { .code = 0xb7, .imm = 1 },
				   { .code = 0x95 } };
	union bpf_attr a = { .prog_type = type, .expected_attach_type = attach, .insn_cnt = 4, .insns = (uint64_t)(uintptr_t)code,
			     .license = (uint64_t)(uintptr_t)"GPL" };

	return bpf(BPF_PROG_LOAD, &a);
}

static int at_root(int command, uint32_t type, int prog_fd)
{
	int group = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr a = { .target_fd = (uint32_t)group, .attach_bpf_fd = (uint32_t)prog_fd, .attach_type = type,
			     .attach_flags = command == BPF_PROG_ATTACH ? BPF_F_ALLOW_MULTI : 0 };
	union bpf_attr l = { .link_create = { .prog_fd = (uint32_t)prog_fd, .target_fd = (uint32_t)group, .attach_type = type } };

	need(group >= 0);
	return bpf(command, command == BPF_LINK_CREATE ? &l : &a);
}

/* With it the switch of ftrace is turned; without it the kernel's own answer to who may turn it is yes. */
static int overrule_switch(void)
{
	int prog_fd = overruling(BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL), code;

	need(prog_fd >= 0);
	if (at_root(BPF_PROG_ATTACH, BPF_CGROUP_SYSCTL, prog_fd))
		return attempt("hang one behind that takes refusals back", -1);
	code = put("/proc/sys/kernel/ftrace_enabled", "0");
	if (!code)
		take_path(mine());
	(void)put("/proc/sys/kernel/ftrace_enabled", "1");
	(void)at_root(BPF_PROG_DETACH, BPF_CGROUP_SYSCTL, prog_fd);
	return refused("turn the switch", code);
}

static int overrule_device(void)
{
	int prog_fd = overruling(BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE), code;

	need(prog_fd >= 0);
	code = at_root(BPF_PROG_ATTACH, BPF_CGROUP_DEVICE, prog_fd);
	if (!code)
		(void)at_root(BPF_PROG_DETACH, BPF_CGROUP_DEVICE, prog_fd);
	return attempt("hang one behind that takes refusals back", code);
}

static int overrule_link(void)
{
	int prog_fd = overruling(BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL);

	need(prog_fd >= 0);
	return attempt("the same by a link", at_root(BPF_LINK_CREATE, BPF_CGROUP_SYSCTL, prog_fd));
}

/* In place of a security function; what it names does not matter, the kernel looks at that later. */
static int answer(void)
{
	struct bpf_insn code[] = { { .code = 0xb7, .imm = 1 }, { .code = 0x95 } };
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_TRACING, .expected_attach_type = BPF_MODIFY_RETURN, .insn_cnt = 2, .attach_btf_id = 1,
			     .insns = (uint64_t)(uintptr_t)code, .license = (uint64_t)(uintptr_t)"GPL" };

	return attempt("answer in place of a security function", bpf(BPF_PROG_LOAD, &a));
}

VARIANTS({ "overrule_switch", overrule_switch }, { "overrule_device", overrule_device }, { "overrule_link", overrule_link }, { "answer", answer },
	 { "map", map }, { "prog", prog }, { "link", link_ }, { "detach", detach }, { "update", update }, { "task_fd", task_fd },
	 { "cgroup_detach", cgroup_detach }, { "cgroup_replace", cgroup_replace }, { "cgroup_beside", cgroup_beside })
