/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a case: group, name and what came out. The same cases run with and without polyward and in several places, and the lines are
 * compared, so a line must never hold anything that differs from run to run (numbers of inodes, times, addresses).
 */
#ifndef NEIGHBOURS_CHECK_H
#define NEIGHBOURS_CHECK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define UID_SECOND 4002u /* somebody else, who holds the same role */
#define GID_SHARED 4003u /* a group that neither of them is in */

struct check {
	const char *group;
	const char *beside; /* a directory on the same filesystem; under a policy, outside every store */
	const char *other;  /* a directory on another filesystem */
	unsigned lines, unexpected;
	bool root, tmpfs, noatime;
};

/* Print a case. When it did not end as wanted, the line says what was wanted, and it is counted. */
void check_errno(struct check *c, const char *name, long returned, int wanted);
void check_value(struct check *c, const char *name, long long got, long long wanted);

#define ERR(name, call, wanted)   (errno = 0, check_errno(c, (name), (long)(call), (wanted)))
#define OKAY(name, call)          ERR(name, call, 0)
#define VALUE(name, got, wanted)  check_value(c, (name), (long long)(got), (long long)(wanted))
#define YES(name, truth)          check_value(c, (name), (truth) ? 1 : 0, 1)

/* Work on files below the current directory, for setting a scene: 0, or -1 and errno. */
int put(const char *name, const char *text);
bool holds(const char *name, const char *text);
bool there(const char *name);
long long size_of(const char *name);
int mode_of(const char *name);
int links_of(const char *name);
void tick(void); /* long enough for a file's times to change */

/* Run what() in a child with this user and no other groups. Returns as the call would: 0, or -1 and errno. */
int as_user(uid_t uid, gid_t gid, int (*what)(void *arg), void *arg);

void check_open(struct check *c);
void check_create(struct check *c);
void check_link(struct check *c);
void check_unlink(struct check *c);
void check_rename(struct check *c);
void check_exchange(struct check *c);
void check_symlink(struct check *c);
void check_mkdir(struct check *c);
void check_names(struct check *c);
void check_mode(struct check *c);
void check_owner(struct check *c);
void check_times(struct check *c);
void check_sticky(struct check *c);
void check_setgid(struct check *c);
void check_xattr(struct check *c);
void check_acl(struct check *c);
void check_rw(struct check *c);
void check_truncate(struct check *c);
void check_fallocate(struct check *c);
void check_mmap(struct check *c);
void check_copy(struct check *c);
void check_tmpfile(struct check *c);
void check_orphan(struct check *c);
void check_reopen(struct check *c);
void check_record_locks(struct check *c);
void check_flock(struct check *c);
void check_lease(struct check *c);
void check_inotify(struct check *c);
void check_readdir(struct check *c);
void check_fifo(struct check *c);
void check_socket(struct check *c);
void check_device(struct check *c);
void check_exec(struct check *c);
void check_aio(struct check *c);
void check_uring(struct check *c);
void check_deep(struct check *c);
void check_depth(struct check *c);
void check_endless(struct check *c);
void check_border(struct check *c);

#endif
