// SPDX-License-Identifier: Apache-2.0
/*
 * A file of a layered filesystem, opened while one might, mapped when one may no longer: what is mapped then is the file below. Overlayfs, on
 * every kernel; fuse, which can be told to read another file itself since 6.9.
 */
#include "attack.h"

#include <sys/mman.h>
#include <sys/mount.h>

static int map(int fd, int prot, int flags)
{
	char *at = mmap(NULL, FILE_BYTES, prot, flags, fd, 0);

	if (at == MAP_FAILED)
		return attempt("map", -1);
	if (prot & PROT_WRITE)
		memcpy(at, "overwritten", 11);
	got(at, 512);
	return 0;
}

/* Over the store, nothing above it; the file is opened with the role. */
static int opened(void)
{
	char path[128];
	int fd;

	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/e", 0777) && !mkdir(SCRATCH2 "/m", 0777));
	need(!mount("overlay", SCRATCH2 "/m", "overlay", 0, "lowerdir=" STORE ":" SCRATCH2 "/e"));
	snprintf(path, sizeof(path), SCRATCH2 "/m/of-%d.txt", me());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0);
	become(USER);
	return fd;
}

static int then_leave(void)         { return map(opened(), PROT_READ, MAP_SHARED); }
static int then_leave_private(void) { return map(opened(), PROT_READ | PROT_WRITE, MAP_PRIVATE); }
static int then_read(void)          { return take(opened()); }

/* Opened through an overlay before there was a policy. */
static int early(void)      { return map(EARLY_OVERLAY, PROT_READ, MAP_SHARED); }
static int early_exec(void) { return map(EARLY_OVERLAY, PROT_READ | PROT_EXEC, MAP_PRIVATE); }
static int early_read(void) { return take(EARLY_OVERLAY); }

VARIANTS({ "then_leave", then_leave }, { "then_leave_private", then_leave_private }, { "then_read", then_read }, { "early", early },
	 { "early_exec", early_exec }, { "early_read", early_read })
