/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock by raw system calls: which files can still be opened. All rights that this kernel knows are handled, so what no rule
 * names is refused. Never widens anything: a kernel that cannot restrict is reported, not worked around.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Rights by ABI version (Documentation/userspace-api/landlock.rst); numbers, because headers are older than kernels. */
#define RIGHTS_ABI1   ((UINT64_C(1) << 13) - 1)
#define RIGHT_REFER   (UINT64_C(1) << 13) /* ABI 2, Linux 5.19 */
#define RIGHT_TRUNC   (UINT64_C(1) << 14) /* ABI 3, Linux 6.2 */
#define RIGHT_IOCTL   (UINT64_C(1) << 15) /* ABI 5, Linux 6.10: on devices; no rule of ours gives it */

#define READ_RIGHTS   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FILE_RIGHTS   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNC)

static uint64_t rights_of(long abi)
{
	uint64_t rights = RIGHTS_ABI1;

	if (abi >= 2)
		rights |= RIGHT_REFER;
	if (abi >= 3)
		rights |= RIGHT_TRUNC;
	if (abi >= 5)
		rights |= RIGHT_IOCTL;
	return rights;
}

static int allow_path(int ruleset_fd, uint64_t handled, const struct sandbox_path *p, struct err *e)
{
	_fd_ int fd = open(p->path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", p->path);
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat %s", p->path);
	rule.allowed_access = p->write ? handled & ~(LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_IOCTL) : READ_RIGHTS;
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FILE_RIGHTS;
	if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return err_set(e, -errno, "Landlock rule for %s", p->path);
	return 0;
}

int landlock_prepare(const struct sandbox *s, int *ret_fd, struct err *e)
{
	struct landlock_ruleset_attr attr = { 0 };
	_fd_ int fd = -1;
	long abi;

	*ret_fd = -1;
	if (s->fs == SANDBOX_FS_ALL)
		return 0;
	abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
		if (s->fs == SANDBOX_FS_NONE)
			return 0;
		return err_say(e, -EOPNOTSUPP, "this kernel has no Landlock, which %s needs to shut itself in; add landlock to the "
			       "lsm= list of the kernel command line, or use a kernel built with CONFIG_SECURITY_LANDLOCK", s->role);
	}
	if (abi < 0)
		return err_set(e, -errno, "Landlock version");
	attr.handled_access_fs = rights_of(abi);
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return err_set(e, -errno, "Landlock ruleset");
	for (size_t i = 0; s->fs == SANDBOX_FS_PATHS && i < s->paths_count; i++)
		if (allow_path(fd, attr.handled_access_fs, &s->paths[i], e) < 0)
			return e->code;
	*ret_fd = take_fd(fd);
	return 0;
}

int landlock_enter(int ruleset_fd, struct err *e)
{
	if (ruleset_fd < 0)
		return 0;
	return syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0 ? err_set(e, -errno, "Landlock") : 0;
}
