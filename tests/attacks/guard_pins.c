// SPDX-License-Identifier: Apache-2.0
/* The pins below bpffs, which keep enforcement alive: remove, rename, cover, open, add to them, take their filesystem away. */
#include "attack.h"

#include <fts.h>
#include <linux/bpf.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#define BPFFS "/sys/fs/bpf"
#define PINS  BPFFS "/polyward"

/* Try on every pin; the first success ends it, else the errno of the last. */
static int each(long (*try_)(const char *path), bool folders)
{
	char *const roots[] = { (char[]){ PINS }, NULL };
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int code = ENOENT;

	for (FTSENT *e; f && code && (e = fts_read(f));)
		if (e->fts_info == FTS_F || e->fts_info == FTS_DEFAULT || (folders && e->fts_info == FTS_DP))
			code = try_(e->fts_accpath) < 0 ? errno : 0;
	if (f)
		fts_close(f);
	return attempt("a pin", code ? (errno = code, -1) : 0);
}

static long do_unlink(const char *path) { return unlink(path); }
static long do_rmdir(const char *path)  { return rmdir(path); }
static long do_rename(const char *path) { return rename(path, BPFFS "/x"); }
static long do_chmod(const char *path)  { return chmod(path, 0666); }
static long do_chown(const char *path)  { return chown(path, USER, USER); }
static long do_link(const char *path)   { return link(path, BPFFS "/x"); }

static long do_get(const char *path)
{
	union bpf_attr a = { .pathname = (uint64_t)(uintptr_t)path };

	/* A link has no hook of its own: what can be done with one is tried below. */
	if (strstr(path, "/links/"))
		return errno = EPERM, -1;
	return syscall(SYS_bpf, BPF_OBJ_GET, &a, sizeof(a));
}

/* A link's descriptor from its pin: the kernel neither detaches it by that nor puts another program behind it. */
static long do_detach(const char *path)
{
	union bpf_attr a = { .pathname = (uint64_t)(uintptr_t)path };
	long fd;

	if (!strstr(path, "/links/"))
		return errno = EOPNOTSUPP, -1;
	fd = syscall(SYS_bpf, BPF_OBJ_GET, &a, sizeof(a));
	if (fd < 0)
		return fd;
	a = (union bpf_attr){ .link_detach = { .link_fd = (uint32_t)fd } };
	return syscall(SYS_bpf, BPF_LINK_DETACH, &a, sizeof(a));
}

static int unlink_(void) { return each(do_unlink, false); }
static int rmdir_(void)  { return each(do_rmdir, true); }
static int rename_(void) { return each(do_rename, true); }
static int mode(void)    { return each(do_chmod, true); }
static int owner(void)   { return each(do_chown, true); }
static int link_(void)   { return each(do_link, false); }
static int get(void)     { return each(do_get, false); }
static int link_off(void){ return each(do_detach, false); }

static int undo_move(int code)
{
	if (!code)
		(void)rename(BPFFS "/y", PINS);
	return code;
}

static int move(void)      { return undo_move(attempt("rename the folder", rename(PINS, BPFFS "/y"))); }
static int unmount(void)   { return attempt("umount", umount2(BPFFS, 0)); }
static int detach(void)    { return attempt("umount detach", umount2(BPFFS, MNT_DETACH)); }
static int remount(void)   { return attempt("move bpffs", mount(BPFFS, SCRATCH2, NULL, MS_MOVE, NULL)); }

static int cover_at(const char *place)
{
	int code = attempt("mount over", mount("tmpfs", place, "tmpfs", 0, NULL));

	if (!code)
		umount2(place, MNT_DETACH);
	return code;
}

static int cover(void)       { return cover_at(PINS); }
static int cover_bpffs(void) { return cover_at(BPFFS); }
static int cover_sys(void)   { return cover_at("/sys/fs"); }

/* By another way to the same filesystem: detached, bound, in a namespace of one's own. */
static int by_tree(void)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, PINS, 1 | O_CLOEXEC | AT_RECURSIVE);

	need(fd >= 0);
	return attempt("rmdir in a detached tree", unlinkat(fd, "links/pw_file_open", 0));
}

static int by_bind(void)
{
	own_namespaces(0);
	need(!mount(BPFFS, SCRATCH2, NULL, MS_BIND, NULL));
	return attempt("unlink by a bound name", unlink(SCRATCH2 "/polyward/links/pw_file_open"));
}

static int by_namespace(void)
{
	own_namespaces(0);
	return attempt("unlink in a namespace", unlink(PINS "/links/pw_file_open"));
}

/* bpffs can be mounted again: another instance has nothing in it, and the first is what counts. */
static int pin_into(void)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
	int fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));

	need(fd >= 0);
	a = (union bpf_attr){ .pathname = (uint64_t)(uintptr_t)(PINS "/links/x"), .bpf_fd = (uint32_t)fd };
	return attempt("pin into the folder", syscall(SYS_bpf, BPF_OBJ_PIN, &a, sizeof(a)));
}

static int mkdir_(void) { return attempt("mkdir beside the pins", mkdir(PINS "/x", 0777)); }

VARIANTS({ "unlink", unlink_ }, { "rmdir", rmdir_ }, { "rename", rename_ }, { "mode", mode }, { "owner", owner }, { "link", link_ },
	 { "get", get }, { "detach_link", link_off },
	 { "move", move }, { "unmount", unmount }, { "detach", detach }, { "remount", remount }, { "cover", cover },
	 { "cover_bpffs", cover_bpffs }, { "cover_sys", cover_sys }, { "by_tree", by_tree }, { "by_bind", by_bind },
	 { "by_namespace", by_namespace }, { "pin_into", pin_into }, { "mkdir", mkdir_ })
