// SPDX-License-Identifier: Apache-2.0
/*
 * Hide a store by a mount over it or over a folder above it, so that new data goes elsewhere; take its filesystem away; move it. In
 * the first mount namespace, as root. What succeeds is undone: the rest of the attacks needs the place.
 */
#include "attack.h"

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>

static int over(const char *place)
{
	int code = attempt("mount over", mount("tmpfs", place, "tmpfs", 0, NULL));

	if (!code)
		umount2(place, MNT_DETACH);
	return code;
}

static int store(void)  { return over(STORE); }
static int above(void)  { return over(AI); }
static int top(void)    { return over("/srv"); }
static int inside(void) { return over(STORE "/sub"); }

static int bind_over(void)
{
	int code;

	need(!mkdir(SCRATCH "/d", 0777));
	code = attempt("bind over", mount(SCRATCH "/d", STORE, NULL, MS_BIND, NULL));
	if (!code)
		umount2(STORE, MNT_DETACH);
	return code;
}

static int file_over(void)
{
	int code;

	make_file(SCRATCH "/f", 0666);
	code = attempt("bind over a file", mount(SCRATCH "/f", SECRET, NULL, MS_BIND, NULL));
	if (!code)
		umount2(SECRET, MNT_DETACH);
	return code;
}

static int new_mount(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0), m;

	need(fs >= 0 && !syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	m = (int)syscall(SYS_fsmount, fs, 0, 0);
	need(m >= 0);
	return m;
}

static int attach_to(const char *place)
{
	int code = attempt("move_mount over", syscall(SYS_move_mount, new_mount(), "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH));

	if (!code)
		umount2(place, MNT_DETACH);
	return code;
}

static int attach(void)       { return attach_to(STORE); }
static int attach_above(void) { return attach_to(AI); }

/* 6.5 and later: slip a mount beneath the top one of a mount point. */
static int beneath(void)
{
	return attempt("move_mount beneath", syscall(SYS_move_mount, new_mount(), "", AT_FDCWD, "/srv", MOVE_MOUNT_F_EMPTY_PATH | 0x200));
}

static int move_away(void)
{
	int code;

	need(!mkdir(SCRATCH2 "/m", 0777));
	/* A shared mount above forbids moves, and nobody keeps root from changing that. */
	mount(NULL, "/", NULL, MS_PRIVATE, NULL);
	code = attempt("move the filesystem", mount("/srv", SCRATCH2 "/m", NULL, MS_MOVE, NULL));
	if (!code)
		need(!mount(SCRATCH2 "/m", "/srv", NULL, MS_MOVE, NULL));
	return code;
}

/* Where nobody has anything open, so that only we can refuse. */
static int unmounted(const char *what, int how)
{
	int code;

	if (how & MNT_EXPIRE)
		(void)umount2("/srv/small", how); /* the first time only marks it */
	code = attempt(what, umount2("/srv/small", how));
	need(code || !run_program((const char *const[]){ "mount", "-o", "loop", "/srv/small.img", "/srv/small", NULL }));
	return code;
}

static int unmount(void)   { return unmounted("umount", 0); }
static int expire(void)    { return unmounted("umount expire", MNT_EXPIRE); }
static int force(void)     { return unmounted("umount force", MNT_FORCE); }

static int detach(void)
{
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/srv", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), code;

	code = attempt("umount detach", umount2("/srv", MNT_DETACH));
	if (!code && tree >= 0)
		need(!syscall(SYS_move_mount, tree, "", AT_FDCWD, "/srv", MOVE_MOUNT_F_EMPTY_PATH));
	return code;
}

/* A folder above with the store's filesystem below it. */
static int detach_parent(void)
{
	int code;

	need(!mkdir(SCRATCH2 "/p", 0777) && !mount("tmpfs", SCRATCH2 "/p", "tmpfs", 0, NULL));
	need(!mkdir(SCRATCH2 "/p/srv", 0777) && !mount("/srv", SCRATCH2 "/p/srv", NULL, MS_BIND, NULL));
	code = attempt("umount detach of what is above", umount2(SCRATCH2 "/p", MNT_DETACH));
	if (code) {
		umount2(SCRATCH2 "/p/srv", MNT_DETACH);
		umount2(SCRATCH2 "/p", MNT_DETACH);
	}
	return code;
}

static int read_only(void)
{
	int code = attempt("remount read-only", mount(NULL, "/srv", NULL, MS_REMOUNT | MS_RDONLY, NULL));

	if (!code)
		need(!mount(NULL, "/srv", NULL, MS_REMOUNT, NULL));
	return code;
}

/* The store's device once more, elsewhere: the same filesystem, so the same labels. */
static int again(void)
{
	char path[128];

	need(!mkdir(SCRATCH2 "/m", 0777));
	if (mount(DISK, SCRATCH2 "/m", "ext4", 0, NULL))
		return attempt("mount the device again", -1);
	snprintf(path, sizeof(path), SCRATCH2 "/m/ai/scans/of-%d.txt", me());
	int code = take_path(path);
	umount2(SCRATCH2 "/m", MNT_DETACH);
	return code;
}

static int in_namespace(void)
{
	own_namespaces(0);
	need(!umount2("/srv", MNT_DETACH) || errno == EINVAL);
	return take_path(mine());
}

/* Over the store in a namespace of one's own: only the attacker sees it. */
static int own_view(void)
{
	own_namespaces(0);
	return over(STORE);
}

VARIANTS({ "store", store }, { "above", above }, { "top", top }, { "inside", inside }, { "bind_over", bind_over }, { "file_over", file_over },
	 { "attach", attach }, { "attach_above", attach_above }, { "beneath", beneath }, { "move_away", move_away }, { "unmount", unmount },
	 { "expire", expire }, { "force", force }, { "detach", detach }, { "detach_parent", detach_parent }, { "read_only", read_only },
	 { "again", again }, { "in_namespace", in_namespace }, { "own_view", own_view })
