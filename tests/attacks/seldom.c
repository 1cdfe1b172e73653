// SPDX-License-Identifier: Apache-2.0
/*
 * Ways to a file that hardly anybody uses, and that ask hooks of their own: access control lists where they are no extended attribute, quota
 * files, a loop device whose file is exchanged between the question and the answer.
 */
#include "attack.h"

#include <linux/loop.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* Since 6.2 a list is got by a call within the kernel of its own. That there is none is an answer too. */
static int list_of(const char *name)
{
	char value[256];
	long n = getxattr(mine(), name, value, sizeof(value));

	return attempt("getxattr", n < 0 && errno == ENODATA ? 0 : n);
}
static int acl(void) { return list_of("system.posix_acl_access"); }

static int acl_folder(void)
{
	char value[256];
	long n = getxattr(my_dir(), "system.posix_acl_default", value, sizeof(value));

	return attempt("getxattr", n < 0 && errno == ENODATA ? 0 : n);
}

/*
 * The oldest kind of quota file is a table of 40 bytes a user without a head, so that any file of a fitting size will do: its contents can be
 * asked for by user number, and changed. The kernel opens nothing, neither does it ask when it reads.
 */
static int quota_file(const char *path, int version)
{
	char at[4200];
	struct dqblk q;

	if (run_program((const char *const[]){ "mount", "-o", "remount,usrquota", "/srv", NULL }))
		not_here("no quota");
	need(realpath(path, at));
	if (quotactl(QCMD(Q_QUOTAON, USRQUOTA), DISK, version, at)) {
		if (errno == ESRCH)
			not_here("no quota format %d", version);
		return attempt("Q_QUOTAON", -1);
	}
	for (int id = 0; id < 16; id++)
		if (!quotactl(QCMD(Q_GETQUOTA, USRQUOTA), DISK, id, (char *)&q))
			got(&q, sizeof(q));
	need(!quotactl(QCMD(Q_QUOTAOFF, USRQUOTA), DISK, 0, NULL));
	return 0;
}
static int quota_read(void) { return quota_file(STORE "/forty.txt", 1); }

/* Which file it is to be stands in memory that another process changes between the question and the answer. */
static int loop_race(void)
{
	struct loop_config *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), ours, number, loop, other, code = EACCES;
	char path[32], first[512] = { 0 };

	need(at != MAP_FAILED && control >= 0);
	make_file(SCRATCH "/ours", 0600);
	ours = open(SCRATCH "/ours", O_RDWR | O_CLOEXEC);
	number = ioctl(control, LOOP_CTL_GET_FREE);
	need(number >= 0 && ours >= 0 && !ftruncate(ours, FILE_BYTES));
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	/* There before it is asked for: what is not is refused as unknown. */
	at->fd = (uint32_t)ours;
	other = fork();
	need(other >= 0);
	for (unsigned i = 0; !other; i++)
		__atomic_store_n(&at->fd, i & 1 ? (uint32_t)EARLY_READ : (uint32_t)ours, __ATOMIC_RELAXED);
	for (int i = 0; i < 2000 && code == EACCES; i++) {
		loop = open(path, O_RDONLY | O_CLOEXEC);
		need(loop >= 0);
		if (!ioctl(loop, LOOP_CONFIGURE, at)) {
			if (pread(loop, first, sizeof(first), 0) == sizeof(first) && first[64] == '.') {
				got(first, sizeof(first));
				code = 0;
			}
			ioctl(loop, LOOP_CLR_FD, 0);
		}
		close(loop);
	}
	kill(other, SIGKILL);
	errno = code;
	return attempt("LOOP_CONFIGURE", code ? -1 : 0);
}

VARIANTS({ "acl", acl }, { "acl_folder", acl_folder }, { "quota_read", quota_read }, { "loop_race", loop_race })
