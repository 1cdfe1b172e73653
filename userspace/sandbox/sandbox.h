/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call takes a const description and gives up everything else: user, capabilities, Landlock, seccomp (libseccomp), resource
 * limits, dumpable, no_new_privs. It never degrades by itself: what cannot be entered is an error.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum sandbox_fs { SANDBOX_FS_ALL, SANDBOX_FS_PATHS, SANDBOX_FS_NONE };

struct sandbox_path { const char *path; bool write; };

struct sandbox {
	const char *role;              /* for messages */
	const char *user;              /* switch to this user and its group; NULL: stay */
	uint64_t caps_keep;            /* 1 << CAP_x; everything else leaves all sets */
	enum sandbox_fs fs;            /* Landlock */
	const struct sandbox_path *paths; size_t paths_count; /* with SANDBOX_FS_PATHS: all that can still be opened */
	const int *syscalls; size_t syscalls_count;           /* allow-list (SCMP_SYS numbers) on top of the common one */
	uint64_t limit_mem_bytes;      /* RLIMIT_AS; 0: none */
	unsigned limit_files;          /* RLIMIT_NOFILE */
};
int sandbox_enter(const struct sandbox *s, struct err *e);

#endif
