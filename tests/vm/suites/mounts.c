// SPDX-License-Identifier: Apache-2.0
/*
 * The place of a store: unmounting and moving what carries it, covering or renaming what stands above it, in process 1's namespace and
 * in others; and what one asks of a whole filesystem, by watches and by commands. Leaves nothing in force.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <linux/fsmap.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define BASE "/run/mnt"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 }\n"
	"store far { path " BASE "/over/disk/a/store }\nstore near { path /srv/place/store }\n"
	"role writers { members user:writer }\nrule all { allow writers to list, read, write, create, delete, watch on far, near }\n";

static const char everywhere[] =
	"polyward 1\npolicy suite { version 1 }\n"
	"store far { path " BASE "/over/disk/a/store }\nstore near { path /srv/place/store }\n"
	"role watchers { members user:root }\nrule all { allow watchers to list, watch on far, near }\n";

#define GUARDED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })

/* ---- operations ---- */

static int end(long rc)
{
	return rc < 0 ? errno : 0;
}

static int op_umount(const void *arg)
{
	return end(umount2(arg, 0));
}

static int op_detach(const void *arg)
{
	return end(umount2(arg, MNT_DETACH));
}

static int op_cover(const void *arg)
{
	return end(mount("none", arg, "tmpfs", 0, NULL));
}

static int op_move_old(const void *arg)
{
	const struct two *t = arg;

	return end(mount(t->a, t->b, NULL, MS_MOVE, NULL));
}

static int op_move_new(const void *arg)
{
	const struct two *t = arg;

	return end(syscall(SYS_move_mount, AT_FDCWD, t->a, AT_FDCWD, t->b, 0));
}

static int op_pivot(const void *arg)
{
	const struct two *t = arg;

	return end(syscall(SYS_pivot_root, t->a, t->b));
}

static int alone(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int op_umount_alone(const void *arg)
{
	return alone() ? 201 : op_umount(arg);
}

static int op_cover_alone(const void *arg)
{
	return alone() ? 201 : op_cover(arg);
}

/* In a namespace of its own, whose mounts are still the same peers as those of the first. */
static int op_umount_peer(const void *arg)
{
	return unshare(CLONE_NEWNS) ? 201 : op_umount(arg);
}

static int op_cover_peer(const void *arg)
{
	return unshare(CLONE_NEWNS) ? 201 : op_cover(arg);
}

/* Where nobody sees the mount, its directory is like any other. To remove it would end the mount everywhere. */
static int op_rmdir_below(const void *arg)
{
	return alone() || umount2(arg, MNT_DETACH) ? 201 : end(rmdir(arg));
}

/* As umount(8) runs for a mount unit: a child of process 1 in the unit's control group, where process 1 has put it, or it itself. */
struct helper { const char *group; bool placed; };

static bool enter(const struct helper *h)
{
	char text[160];
	_fd_ int group = -1;

	snprintf(text, sizeof(text), "%s/cgroup.procs", h->group);
	group = h->placed ? -1 : open(text, O_WRONLY | O_CLOEXEC);
	if (!h->placed)
		return group >= 0 && write(group, "0", 1) == 1;
	snprintf(text, sizeof(text), "tests/vm/pid1 place %d %s", (int)getpid(), h->group);
	return system(text) == 0;
}

static int op_as_unit(const void *arg)
{
	int ends[2], rc = 205;

	if (pipe(ends))
		return errno;
	if (!fork()) {
		pid_t parent = getpid();

		if (fork())
			_exit(0);
		while (getppid() == parent)
			usleep(1000);
		rc = enter(arg) ? op_detach(BASE "/over/disk") : 206;
		_exit(write(ends[1], &rc, sizeof(rc)) < 0);
	}
	return read(ends[0], &rc, sizeof(rc)) == (ssize_t)sizeof(rc) ? rc : 207;
}

static int op_overlay_upper(const void *arg)
{
	_fd_ int fd = -1;

	if (alone() ||
	    mount("none", arg, "overlay", 0, "lowerdir=/srv/place/beside,upperdir=/srv/place/store/up,workdir=/srv/place/store/work") ||
	    chdir(arg))
		return errno;
	fd = open("new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	return end(fd);
}

struct mark { const char *path; unsigned class, flags; uint64_t mask; };

static int op_mark(const void *arg)
{
	const struct mark *m = arg;
	_fd_ int fd = fanotify_init(m->class | FAN_CLOEXEC, O_RDONLY);

	return fd < 0 ? 202 : end(fanotify_mark(fd, FAN_MARK_ADD | m->flags, m->mask, AT_FDCWD, m->path));
}

struct command { const char *path; unsigned long nr; };

static int op_command(const void *arg)
{
	const struct command *c = arg;
	_fd_ int fd = open(c->path, O_RDONLY | O_CLOEXEC);
	unsigned char zeros[512] = { 0 };

	return fd < 0 ? 203 : end(ioctl(fd, c->nr, zeros));
}

/* ---- preparing ---- */

static void must(bool good, const char *what)
{
	if (!good)
		printf("# cannot prepare: %s: %s\n", what, strerror(errno));
}

static void dir(const char *path)
{
	must((!mkdir(path, 0777) || errno == EEXIST) && !chmod(path, 0777), path);
}

static void prepare(void)
{
	static const char *const dirs[] = { BASE, BASE "/over", BASE "/free", BASE "/to", "/srv/place", "/srv/place/store", "/srv/place/beside",
					    "/srv/place/store/up", "/srv/place/store/work" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		dir(dirs[i]);
	must(!mount("none", BASE "/over", "tmpfs", 0, NULL), "tmpfs");
	dir(BASE "/over/disk");
	dir(BASE "/over/empty");
	must(!mount("none", BASE "/over/disk", "tmpfs", 0, NULL), "another tmpfs");
	dir(BASE "/over/disk/a");
	dir(BASE "/over/disk/a/store");
	dir(BASE "/over/disk/beside");
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- cases ---- */

static void unmounting(struct suite *s)
{
	static const char disk[] = BASE "/over/disk", over[] = BASE "/over";

	suite_case(s, "what carries a store is not unmounted", &root, op_detach, disk, GUARDED(pw_umount));
	suite_case(s, "... nor with the mount above", &root, op_detach, over, GUARDED(pw_umount));
	suite_case(s, "... nor with the root of all", &root, op_detach, "/", GUARDED(pw_umount));
	suite_case(s, "nor what carries the pins", &root, op_detach, "/sys/fs/bpf", GUARDED(pw_umount));
	suite_case(s, "in a namespace of its own it is", &root, op_umount_alone, disk, SILENT);
	must(!mount(NULL, over, NULL, MS_SHARED, NULL), "share");
	suite_case(s, "... but not where that would be copied here", &root, op_umount_peer, disk, GUARDED(pw_umount));
	must(!mount(NULL, over, NULL, MS_PRIVATE, NULL), "unshare");
	must(!mount("/srv/place/store", BASE "/free", NULL, MS_BIND, NULL), "bind");
	suite_case(s, "a bind mount of a store is not what carries it", &root, op_umount, BASE "/free", SILENT);
	must(!mount("none", BASE "/free", "tmpfs", 0, NULL), "tmpfs");
	suite_case(s, "another mount is nobody's business", &root, op_umount, BASE "/free", SILENT);
	suite_check(s, "the stores are where they were", there(BASE "/over/disk/a/store"), "gone");
}

static void moving(struct suite *s)
{
	static const struct two away = { BASE "/over/disk", BASE "/to" }, with = { BASE "/over", BASE "/to" }, other_ = { BASE "/free", BASE "/to" },
				back = { BASE "/to", BASE "/free" }, pivot = { BASE "/over", BASE "/over/empty" };

	suite_case(s, "what carries a store is not moved", &root, op_move_new, &away, GUARDED(pw_move_mount));
	suite_case(s, "... nor is the mount above", &root, op_move_new, &with, GUARDED(pw_move_mount));
	suite_case(s, "... nor by the older call", &root, op_move_old, &away, GUARDED(pw_sb_mount));
	must(!mount("none", BASE "/free", "tmpfs", 0, NULL), "tmpfs");
	suite_case(s, "another mount is", &root, op_move_new, &other_, SILENT);
	suite_case(s, "... by the new call only: the older one does not say what it moves", &root, op_move_old, &back, GUARDED(pw_sb_mount));
	umount2(BASE "/to", MNT_DETACH);
	suite_case(s, "the root of all does not change", &root, op_pivot, &pivot, GUARDED(pw_pivot));
}

static void covering(struct suite *s)
{
	static const char way[] = BASE "/over/disk/a", top[] = BASE "/over/disk";

	suite_case(s, "a directory above a store is not covered", &root, op_cover, way, GUARDED(pw_sb_mount));
	suite_case(s, "... nor what carries it", &root, op_cover, top, GUARDED(pw_sb_mount));
	suite_case(s, "... nor one further up", &root, op_cover, "/srv/place", GUARDED(pw_sb_mount));
	suite_case(s, "... nor the root of all", &root, op_cover, "/", GUARDED(pw_sb_mount));
	suite_case(s, "... nor the filesystem of the pins", &root, op_cover, "/sys/fs/bpf", GUARDED(pw_sb_mount));
	suite_case(s, "in a namespace of its own it is", &root, op_cover_alone, way, SILENT);
	must(!mount(NULL, top, NULL, MS_SHARED, NULL), "share");
	suite_case(s, "... but not where that would be copied here", &root, op_cover_peer, way, GUARDED(pw_sb_mount));
	must(!mount(NULL, top, NULL, MS_PRIVATE, NULL), "unshare");
	suite_case(s, "a directory beside is", &root, op_cover, BASE "/over/disk/beside", SILENT);
	umount2(BASE "/over/disk/beside", MNT_DETACH);
	suite_check(s, "the stores are where they were", there(BASE "/over/disk/a/store"), "gone");
}

static void renaming(struct suite *s)
{
	static const struct two away = { BASE "/over/disk/a", BASE "/over/disk/b" }, swap = { BASE "/over/disk/beside", BASE "/over/disk/a" },
				place = { "/srv/place", "/srv/elsewhere" }, beside = { BASE "/over/disk/beside", BASE "/over/disk/c" },
				again = { BASE "/over/disk/c", BASE "/over/disk/beside" };

	suite_case(s, "a directory above a store keeps its name", &root, op_rename, &away, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "... and does not change places", &root, op_exchange, &swap, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "... nor does one further up", &root, op_rename, &place, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "what is covered by a store's mount is not removed under it", &root, op_rmdir_below, BASE "/over/disk",
		   REFUSED_FOR(pw_rmdir, ROOT));
	suite_case(s, "a directory beside is renamed", &root, op_rename, &beside, SILENT);
	suite_case(s, "... and back", &root, op_rename, &again, SILENT);
	suite_check(s, "the stores are where they were", there(BASE "/over/disk/a/store"), "gone");
}

static void watching(struct suite *s)
{
	static const struct mark whole = { "/srv", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, FAN_OPEN | FAN_MODIFY },
				 mounted = { "/srv", FAN_CLASS_NOTIF, FAN_MARK_MOUNT, FAN_OPEN },
				 named = { "/srv", FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME, FAN_MARK_FILESYSTEM, FAN_CREATE | FAN_ONDIR },
				 asking = { "/srv", FAN_CLASS_CONTENT, FAN_MARK_FILESYSTEM, FAN_OPEN_PERM },
				 both = { "/srv", FAN_CLASS_CONTENT, FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_CLOSE },
				 beside = { "/srv/place/beside", FAN_CLASS_NOTIF, 0, FAN_OPEN | FAN_EVENT_ON_CHILD },
				 elsewhere = { "/run", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, FAN_OPEN };

	suite_case(s, "a filesystem with a store is not watched as a whole", &root, op_mark, &whole, REFUSED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "... nor its mount", &root, op_mark, &mounted, REFUSED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "... nor for names", &root, op_mark, &named, REFUSED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "... nor besides being asked for permission", &root, op_mark, &both, REFUSED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "who is asked for permission only may wait for it", &root, op_mark, &asking, SILENT);
	suite_case(s, "a directory beside is watched", &root, op_mark, &beside, SILENT);
	suite_case(s, "another filesystem is", &root, op_mark, &elsewhere, SILENT);
}

static void commanding(struct suite *s)
{
	static const struct command shutdown = { "/srv/place/beside", _IOR('X', 125, uint32_t) }, keys = { "/srv", FS_IOC_REMOVE_ENCRYPTION_KEY },
				    all_keys = { "/srv", FS_IOC_REMOVE_ENCRYPTION_KEY_ALL_USERS }, map = { "/srv", FS_IOC_GETFSMAP },
				    extents = { "/srv/place/beside", _IOWR('f', 15, unsigned char[40]) }, boot = { "/srv/place/beside", _IO('f', 17) },
				    by_handle = { "/srv", _IOWR('X', 107, unsigned char[56]) }, label = { "/srv", FS_IOC_GETFSLABEL },
				    flags = { "/srv/place/beside", FS_IOC_GETFLAGS }, map_elsewhere = { BASE "/plain", FS_IOC_GETFSMAP };
	int rc;

	suite_case(s, "a filesystem with a store is not shut down", &root, op_command, &shutdown, GUARDED(pw_file_ioctl));
	suite_case(s, "... its keys stay", &root, op_command, &keys, GUARDED(pw_file_ioctl));
	suite_case(s, "... all users'", &root, op_command, &all_keys, GUARDED(pw_file_ioctl));
	suite_case(s, "... nobody asks where what lies", &root, op_command, &map, GUARDED(pw_file_ioctl));
	suite_case(s, "... nor exchanges blocks", &root, op_command, &extents, GUARDED(pw_file_ioctl));
	suite_case(s, "... nor files", &root, op_command, &boot, GUARDED(pw_file_ioctl));
	suite_case(s, "... nor goes by handle", &root, op_command, &by_handle, GUARDED(pw_file_ioctl));
	suite_case(s, "its name may be asked for", &root, op_command, &label, SILENT);
	suite_case(s, "... and flags of what is outside", &root, op_command, &flags, SILENT);
	dir(BASE "/plain");
	suite_case(s, "elsewhere a command meets its filesystem", &root, op_command, &map_elsewhere, (struct want){ ENOTTY, 0, PW_ALLOW, 0, 0 });
	rc = suite_run(&root, op_overlay_upper, BASE "/free");
	suite_check(s, "no overlay keeps its changes in a store", rc == EACCES || rc == EROFS, "%d", rc);
}

void cases_mounts(struct suite *s)
{
	static const struct helper service = { "/sys/fs/cgroup/pw-test.service", true }, unit = { "/sys/fs/cgroup/pw-test.mount", true },
				   intruder = { "/sys/fs/cgroup/pw-test.mount", false };
	int rc;

	prepare();
	suite_apply(s, policy);
	unmounting(s);
	moving(s);
	covering(s);
	renaming(s);
	watching(s);
	commanding(s);
	suite_apply(s, everywhere);
	{
		static const struct mark whole = { "/srv", FAN_CLASS_NOTIF, FAN_MARK_FILESYSTEM, FAN_OPEN };

		suite_case(s, "who may watch every store may watch the filesystem", &root, op_mark, &whole, SILENT);
	}
	must(!mkdir(service.group, 0755) && !mkdir(unit.group, 0755), "groups");
	rc = suite_run(&root, op_as_unit, &service);
	suite_check(s, "a child of process 1 does not unmount what carries a store", rc == EPERM, "%d", rc);
	rc = suite_run(&root, op_as_unit, &intruder);
	suite_check(s, "... nor who went into a mount unit by himself", rc == EPERM, "%d", rc);
	rc = suite_run(&root, op_as_unit, &unit);
	suite_check(s, "... but who process 1 has put there", !rc && !there(BASE "/over/disk/a"), "%d", rc);
	(void)rmdir(service.group);
	(void)rmdir(unit.group);
	suite_fresh(s);
	must(!mount("none", BASE "/over/disk", "tmpfs", 0, NULL), "another tmpfs");
	suite_check(s, "with nothing in force mounts are nobody's business", !suite_run(&root, op_detach, BASE "/over/disk"), "refused");
	umount2(BASE "/over", MNT_DETACH);
}
