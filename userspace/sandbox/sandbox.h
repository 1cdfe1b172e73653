/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call takes a const description and gives up everything else: user, capabilities, Landlock, seccomp (libseccomp), resource
 * limits, dumpable, no_new_privs. It never degrades by itself: what cannot be entered is an error.
 *
 * A kernel without Landlock: SANDBOX_FS_NONE is entered all the same, since its filter has no call that opens a file (then only
 * path-taking calls such as stat, which every filter allows, still see the file system); SANDBOX_FS_PATHS is refused.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum sandbox_fs { SANDBOX_FS_ALL, SANDBOX_FS_PATHS, SANDBOX_FS_NONE };

/* A path that does not exist is left out: less can be opened, not more. "/proc/self/fd/N" names what a descriptor stands for. */
struct sandbox_path { const char *path; bool write; };

struct sandbox {
	const char *role;              /* for messages */
	const char *user;              /* switch to this user and its group; NULL: stay */
	uint64_t caps_keep;            /* 1 << CAP_x; everything else leaves all sets */
	enum sandbox_fs fs;            /* Landlock */
	const struct sandbox_path *paths; size_t paths_count; /* with SANDBOX_FS_PATHS: all that can still be opened */
	const int *syscalls; size_t syscalls_count;           /* allow-list (SCMP_SYS numbers) on top of the common one */
	bool unix_sockets;             /* may make AF_UNIX sockets and connect them; otherwise none of any kind */
	uint64_t limit_mem_bytes;      /* RLIMIT_AS; 0: none */
	uint64_t limit_file_bytes;     /* RLIMIT_FSIZE; 0: none */
	unsigned limit_cpu_s;          /* RLIMIT_CPU; 0: none */
	unsigned limit_files;          /* RLIMIT_NOFILE */
};
int sandbox_enter(const struct sandbox *s, struct err *e);

/* Take one capability of caps_keep away as well, as soon as it has done its work. */
int sandbox_forgo(int cap, struct err *e);

/* user.c: a system user's numbers. -ENOENT: /etc/passwd does not name it; -EPERM: it is root. */
int sandbox_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, struct err *e);

/* landlock.c: for sandbox_enter() alone. 0 and a ruleset, or -1 in *ret_fd where the kernel has no Landlock and fs can do without. */
int landlock_prepare(const struct sandbox *s, int *ret_fd, struct err *e);
int landlock_enter(int ruleset_fd, struct err *e);
/* filter.c: likewise. */
int filter_enter(const struct sandbox *s, struct err *e);

#endif
