// SPDX-License-Identifier: Apache-2.0
/*
 * Which processes are polyward's own: the programs that make one, by inode, and the mark in task storage. Must never mark a process
 * that executed anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define OWN_PROGRAMS_MAX 64

struct own_programs { struct place v[8]; size_t count; };

static bool is_one_of(const struct own_programs *p, const struct pw_attr_key *key)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->v[i].dev == key->a && p->v[i].ino == key->b)
			return true;
	return false;
}

/* What was replaced is forgotten: its number may come to serve any other file. Only after the new ones are known. */
static void drop_others(struct kernel *k, const struct own_programs *p)
{
	struct pw_attr_key at, next, old[OWN_PROGRAMS_MAX];
	size_t count = 0;
	bool more = !bpf_map_get_next_key(k->maps[MAP_ATTRS], NULL, &next);

	while (more && count < OWN_PROGRAMS_MAX) {
		at = next;
		if (at.kind == PW_ATTR_OWN_EXE && !is_one_of(p, &at))
			old[count++] = at;
		more = !bpf_map_get_next_key(k->maps[MAP_ATTRS], &at, &next);
	}
	for (size_t i = 0; i < count; i++)
		(void)bpf_map_delete_elem(k->maps[MAP_ATTRS], &old[i]);
}

static int add_program(struct kernel *k, const struct mounts *m, int fd, enum pw_own_exe kind, struct own_programs *p, struct err *e)
{
	struct place *at = &p->v[p->count];
	int rc = place_fd(m, fd, "one of polyward's programs", at, e);

	if (rc)
		return rc;
	p->count++;
	return attr_own_program(k, at, kind, e);
}

int kernel_own_programs(struct kernel *k, struct err *e)
{
	static const char *const roles[] = { "polyward-kernel", "polyward-control", "polyward-audit", "polyward-compile" };
	_fd_ int entry = own_entry_fd(k);
	struct own_programs p = { 0 };
	struct mounts *m = NULL;
	int rc = mounts_read(&m, e);

	if (!rc && entry >= 0)
		rc = add_program(k, m, entry, PW_OWN_ENTRY, &p, e);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]) && !rc && k->own.install_fd >= 0; i++) {
		_fd_ int fd = openat(k->own.install_fd, roles[i], O_PATH | O_NOFOLLOW | O_CLOEXEC);

		rc = fd < 0 ? err_set(e, -errno, "cannot find polyward's own program %s", roles[i]) :
			      add_program(k, m, fd, PW_OWN_ROLE, &p, e);
	}
	if (!rc)
		drop_others(k, &p);
	mounts_free(m);
	return rc;
}

/* The parent of a process, from the file that everybody may read; 0: there is no such process. */
static pid_t parent_of(int pid)
{
	_buf_ struct buf text = BUF_INIT;
	char path[64];
	const char *at;
	uint64_t parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (fd_read_file(AT_FDCWD, path, 65536, &text) || !text.data)
		return 0;
	at = strstr(text.data, "\nPPid:\t");
	if (!at || num_parse(at + 7, strcspn(at + 7, "\n"), INT32_MAX, &parent))
		return 0;
	return (pid_t)parent;
}

/* The supervisor, its children, and ourselves: at the first load nobody else has looked at who they are. */
static bool is_family(int pid)
{
	return pid == getpid() || pid == getppid() || parent_of(pid) == getppid();
}

int kernel_own_mark(struct kernel *k, int pid, struct err *e)
{
	struct pw_subject s = { 0 };
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (!is_family(pid))
		return err_say(e, -EPERM, "process %d is none of polyward's", pid);
	/* What stands there already (the loader's other mark) stays. */
	if (pidfd >= 0)
		(void)bpf_map_lookup_elem(k->maps[MAP_SUBJECTS], &pidfd, &s);
	s.flags |= PW_SUBJECT_OWN;
	s.epoch = 0;
	if (pidfd < 0 || bpf_map_update_elem(k->maps[MAP_SUBJECTS], &pidfd, &s, BPF_ANY))
		return err_set(e, -errno, "cannot tell the kernel programs that process %d is polyward's own", pid);
	return 0;
}

bool kernel_is_own(struct kernel *k, int pid)
{
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pw_subject s;

	return pidfd >= 0 && !bpf_map_lookup_elem(k->maps[MAP_SUBJECTS], &pidfd, &s) && (s.flags & PW_SUBJECT_OWN);
}
