// SPDX-License-Identifier: Apache-2.0
/*
 * The root of the control groups, where the programs sit that are asked about device nodes and about switches of the kernel. What is
 * attached there stays without a pin and without a process. Must never attach beside a copy of itself, nor replace what others have attached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/magic.h>

#include "kernel/hierarchy.h"

#include "base/cleanup.h"

#define PROGRAMS_MAX 64
#define ROOT_INO     1 /* a control group namespace shows a group further down, which has another number */

int hierarchy_root(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		_fd_ int fd = open(places[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct statfs fs;
		struct stat st;

		if (fd >= 0 && !fstatfs(fd, &fs) && (unsigned long)fs.f_type == (unsigned long)CGROUP2_SUPER_MAGIC && !fstat(fd, &st) &&
		    st.st_ino == ROOT_INO)
			return take_fd(fd);
	}
	return -ENOENT;
}

static enum bpf_attach_type type_of(enum hierarchy_place place)
{
	return place == HIERARCHY_SYSCTL ? BPF_CGROUP_SYSCTL : BPF_CGROUP_DEVICE;
}

static int is_attached(int root_fd, int prog_fd, enum bpf_attach_type type, bool *ret, bool *ret_last, struct err *e)
{
	uint32_t ids[PROGRAMS_MAX], count = PROGRAMS_MAX, flags = 0;
	struct bpf_prog_info info = { 0 };
	uint32_t bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &bytes) || bpf_prog_query(root_fd, type, 0, &flags, ids, &count))
		return err_set(e, -errno, "cannot ask which programs the root of the control groups has");
	*ret = false;
	for (uint32_t i = 0; i < count && i < PROGRAMS_MAX; i++)
		*ret |= ids[i] == info.id;
	*ret_last = count && count <= PROGRAMS_MAX && ids[count - 1] == info.id;
	return 0;
}

int hierarchy_attach(int prog_fd, enum hierarchy_place place, struct err *e)
{
	_fd_ int root_fd = hierarchy_root();
	bool there, last;
	int rc;

	if (root_fd < 0)
		return err_say(e, -ENOENT, "no cgroup2 hierarchy is mounted on /sys/fs/cgroup");
	rc = is_attached(root_fd, prog_fd, type_of(place), &there, &last, e);
	if (rc || last)
		return rc;
	/* What stands behind it could take its refusals back. */
	if (there && bpf_prog_detach2(prog_fd, root_fd, type_of(place)))
		return err_set(e, -errno, "cannot take a program's place at the root of the control groups");
	if (bpf_prog_attach(prog_fd, root_fd, type_of(place), BPF_F_ALLOW_MULTI))
		return err_set(e, -errno, "cannot attach to the root of the control groups");
	return 0;
}

int hierarchy_detach(int prog_fd, enum hierarchy_place place, struct err *e)
{
	_fd_ int root_fd = hierarchy_root();
	bool there = false, last;
	int rc = root_fd < 0 ? 0 : is_attached(root_fd, prog_fd, type_of(place), &there, &last, e);

	if (!rc && there && bpf_prog_detach2(prog_fd, root_fd, type_of(place)))
		return err_set(e, -errno, "cannot detach from the root of the control groups");
	return rc;
}
