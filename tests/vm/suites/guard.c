// SPDX-License-Identifier: Apache-2.0
/*
 * The guard over polyward's own files and BPF objects, at the loader: what root may and may not do to them while a policy is in force,
 * and when that ends. The directories lie on a filesystem without a store, /dev/vdb. Leaves nothing in force.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define OWN  "/mnt/own"
#define PIN_ "/sys/fs/bpf/polyward"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 }\nstore data { path /srv/guarded }\nrole readers { members user:reader }\n"
	"rule read { allow readers to list, read on data }\n";

#define GUARDED(hook_)          ((struct want){ EACCES, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })
#define GUARDED_OBJECT(hook_)   ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })

/* ---- operations ---- */

static int end(long rc)
{
	return rc < 0 ? errno : 0;
}

static int op_pin_map(const void *arg)
{
	_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "stranger", 4, 4, 1, NULL);

	return fd < 0 ? 203 : end(bpf_obj_pin(fd, arg));
}

static int op_get_pin(const void *arg)
{
	_fd_ int fd = bpf_obj_get(arg);

	return end(fd);
}

static int op_map_by_id(const void *arg)
{
	_fd_ int fd = bpf_map_get_fd_by_id(*(const uint32_t *)arg);

	return end(fd);
}

static int op_prog_by_id(const void *arg)
{
	_fd_ int fd = bpf_prog_get_fd_by_id(*(const uint32_t *)arg);

	return end(fd);
}

static int op_link_by_id(const void *arg)
{
	_fd_ int fd = bpf_link_get_fd_by_id(*(const uint32_t *)arg);

	return end(fd);
}

/* A pin of a link gives a descriptor of it; what one can do with that is nothing. 0: it could not be detached. */
static int op_detach_pin(const void *arg)
{
	_fd_ int fd = bpf_obj_get(arg);

	if (fd < 0)
		return 0;
	return bpf_link_detach(fd) == 0 ? 1 : 0;
}

/* Likewise: the link's program by another. */
static int op_update_pin(const void *arg)
{
	const struct bpf_insn insns[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	_fd_ int fd = bpf_obj_get(arg), prog = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "stranger", "GPL", insns, 2, NULL);

	if (fd < 0 || prog < 0)
		return fd < 0 ? 0 : 203;
	return bpf_link_update(fd, prog, NULL) == 0 ? 1 : 0;
}

/* A file that the kernel has forgotten the folder of. */
static int open_forgotten(const char *path, int flags)
{
	union { struct file_handle h; char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ]; } u = { .h.handle_bytes = MAX_HANDLE_SZ };
	_fd_ int mnt = open(OWN, O_RDONLY | O_DIRECTORY | O_CLOEXEC), caches = -1, fd = -1;
	int id;

	if (mnt < 0 || name_to_handle_at(AT_FDCWD, path, &u.h, &id, 0))
		return 203;
	sync();
	caches = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	if (caches < 0 || write(caches, "2", 1) != 1)
		return 204;
	fd = open_by_handle_at(mnt, &u.h, flags | O_CLOEXEC);
	return end(fd);
}

static int op_read_forgotten(const void *arg)
{
	return open_forgotten(arg, O_RDONLY);
}

static int op_write_forgotten(const void *arg)
{
	return open_forgotten(arg, O_RDWR);
}

/* ---- the place ---- */

static void make(const char *path)
{
	_fd_ int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0755);

	if (fd < 0 || fd_write_all(fd, "one\n", 4))
		printf("# cannot make %s: %s\n", path, strerror(errno));
}

static void prepare(void)
{
	static const char *const dirs[] = { "/srv/guarded", "/mnt", OWN };
	static const char *const below[] = { OWN "/state", OWN "/log", OWN "/log/signer", OWN "/run", OWN "/install", OWN "/sbin", OWN "/other",
					OWN "/upgrade" };
	static const char *const files[] = {
		OWN "/state/current.img", OWN "/state/previous.img", OWN "/log/segment", OWN "/log/signer/key", OWN "/run/lock", OWN "/install/polyward-kernel",
		OWN "/install/polyward-control", OWN "/install/polyward-audit", OWN "/install/polyward-compile", OWN "/sbin/polywardd",
		OWN "/sbin/neighbour", OWN "/other/file", OWN "/upgrade/polywardd", OWN "/upgrade/polyward-audit", "/srv/guarded/file",
	};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		(void)mkdir(dirs[i], 0777);
	if (system("mkfs.ext4 -q -F -b 4096 /dev/vdb") || mount("/dev/vdb", OWN, "ext4", 0, NULL))
		printf("# cannot mount /dev/vdb: %s\n", strerror(errno));
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		(void)mkdir(below[i], 0777);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		make(files[i]);
}

static int dir_fd(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void at_home(struct suite *s, const char *state)
{
	const struct kernel_own own = { dir_fd(state), dir_fd(OWN "/log"), dir_fd(OWN "/run"), dir_fd(OWN "/install"), dir_fd(OWN "/sbin"),
					dir_fd(OWN "/log/signer"), "polywardd" };
	struct err e = { 0 };

	suite_check(s, "polyward's own directories are made known", kernel_guard(s->k, &own, &e) == 0, "%s", e.text);
}

/* ---- cases ---- */

static uint8_t setattr_hook(void)
{
	struct kernel_report r;

	(void)kernel_probe(&r);
	for (size_t i = 0; i < PW_HOOK_MAX_; i++)
		if (r.hooks[i].hook == PW_HOOK_pw_setattr3 && r.hooks[i].chosen)
			return PW_HOOK_pw_setattr3;
	return PW_HOOK_pw_setattr;
}

static void files(struct suite *s)
{
	static const struct two out = { OWN "/state/current.img", OWN "/other/stolen" }, in = { OWN "/other/file", OWN "/state/current.img" },
				link = { OWN "/log/segment", OWN "/other/second" }, swap = { OWN "/log/segment", OWN "/state/current.img" },
				root_away = { OWN "/state", OWN "/elsewhere" }, bring = { OWN "/other/file", OWN "/log/new" };
	const uint8_t setattr = setattr_hook();

	suite_case(s, "state: root looks at it", &root, op_read, OWN "/state/current.img", SILENT);
	suite_case(s, "state: root lists it", &root, op_list, OWN "/state", SILENT);
	suite_case(s, "state: root does not write", &root, op_write, OWN "/state/current.img", GUARDED(pw_file_open));
	suite_case(s, "state: nor create", &root, op_create, OWN "/state/pending.img", GUARDED(pw_create));
	suite_case(s, "state: nor remove", &root, op_unlink, OWN "/state/current.img", GUARDED(pw_unlink));
	suite_case(s, "state: nor carry a file out", &root, op_rename, &out, GUARDED(pw_rename));
	suite_case(s, "state: nor in", &root, op_rename, &in, GUARDED(pw_rename));
	suite_case(s, "state: nor exchange two", &root, op_exchange, &swap, GUARDED(pw_rename));
	suite_case(s, "state: nor truncate", &root, op_truncate, OWN "/state/current.img", (struct want){ EACCES, setattr, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "state: nor change the mode", &root, op_chmod, OWN "/state/current.img",
		   (struct want){ EACCES, setattr, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "state: nor set an attribute", &root, op_setxattr, OWN "/state/current.img", GUARDED(pw_setxattr));
	suite_case(s, "state: nor mount over it", &root, op_mount_tmpfs, OWN "/state", GUARDED(pw_sb_mount));
	suite_case(s, "state: nor by the new calls", &root, op_move_mount, OWN "/state", GUARDED(pw_move_mount));
	suite_case(s, "state: the directory is not moved", &root, op_rename, &root_away, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "state: nor removed", &root, op_rmdir, OWN "/state", REFUSED_FOR(pw_rmdir, ROOT));
	suite_case(s, "log: root reads it", &root, op_read, OWN "/log/segment", SILENT);
	suite_case(s, "log: but not the key that signs it", &root, op_read, OWN "/log/signer/key", GUARDED(pw_file_open));
	suite_case(s, "log: nor who looks for it", &root, op_list, OWN "/log/signer", GUARDED(pw_file_open));
	suite_case(s, "log: and changes nothing", &root, op_trunc, OWN "/log/segment", GUARDED(pw_file_open));
	suite_case(s, "log: gives it no second name", &root, op_link, &link, REFUSED_FOR(pw_link, BORDER));
	suite_case(s, "log: puts nothing in", &root, op_rename, &bring, GUARDED(pw_rename));
	suite_case(s, "run: the lock is polyward's to take", &root, op_write, OWN "/run/lock", GUARDED(pw_file_open));
	suite_case(s, "programs: root does not write one", &root, op_write, OWN "/install/polyward-audit", GUARDED(pw_file_open));
	suite_case(s, "programs: nor the entry", &root, op_write, OWN "/sbin/polywardd", GUARDED(pw_file_open));
	suite_case(s, "programs: nor removes it", &root, op_unlink, OWN "/sbin/polywardd", GUARDED(pw_unlink));
	suite_case(s, "programs: their neighbours are nobody's business", &root, op_write, OWN "/sbin/neighbour", SILENT);
	suite_case(s, "programs: new neighbours neither", &root, op_create, OWN "/sbin/new", SILENT);
}

static void entry_replaced(struct suite *s)
{
	static const struct two over = { OWN "/upgrade/polywardd", OWN "/sbin/polywardd" };

	suite_case(s, "programs: the entry is not replaced by a rename", &root, op_rename, &over, GUARDED(pw_rename));
}

/* 80 directories below each other, where nothing but polyward's own lies: somebody else's, and none of ours. */
static void deep(struct suite *s)
{
	char path[512] = OWN "/other";

	for (int i = 0; i < 80; i++) {
		strcat(path, "/d");
		if (mkdir(path, 0777))
			break;
	}
	strcat(path, "/f");
	suite_case(s, "deeper than the walk: a file is made", &root, op_create, path, SILENT);
	suite_case(s, "... and written", &root, op_write, path, SILENT);
	suite_case(s, "a file without a known folder is read", &root, op_read_forgotten, OWN "/other/file", SILENT);
	suite_case(s, "... but not written, for it may be one of ours", &root, op_write_forgotten, OWN "/state/current.img",
		   /* Depth, or where the kernel remembers a name of the file after all, the guard. */
		   (struct want){ EACCES, PW_HOOK_pw_file_open, PW_DENY, 0, 0 });
}

static void pins(struct suite *s)
{
	static const struct two aside = { PIN_ "/links/pw_file_open", PIN_ "/maps/aside" }, away = { PIN_, "/sys/fs/bpf/gone" };

	suite_case(s, "pins: root does not remove one", &root, op_unlink, PIN_ "/links/pw_file_open", GUARDED(pw_unlink));
	suite_case(s, "pins: nor rename", &root, op_rename, &aside, GUARDED(pw_rename));
	suite_case(s, "pins: nor make a directory among them", &root, op_mkdir, PIN_ "/maps/d", GUARDED(pw_mkdir));
	suite_case(s, "pins: nor pin a map of its own there", &root, op_pin_map, PIN_ "/maps/mine", GUARDED(pw_create));
	suite_case(s, "pins: the directory is not moved", &root, op_rename, &away, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "pins: nor is one in it removed", &root, op_rmdir, PIN_ "/links", GUARDED(pw_rmdir));
	suite_case(s, "pins: a map elsewhere is nobody's business", &root, op_pin_map, "/sys/fs/bpf/stranger", SILENT);
	suite_case(s, "pins: nor is a pin elsewhere", &root, op_get_pin, "/sys/fs/bpf/stranger", SILENT);
	suite_case(s, "pins: a map's gives no descriptor", &root, op_get_pin, PIN_ "/maps/pw_attrs", GUARDED_OBJECT(pw_bpf_map));
	suite_case(s, "pins: a program's neither", &root, op_get_pin, PIN_ "/progs/pw_getattr", GUARDED_OBJECT(pw_bpf_prog));
	suite_check(s, "pins: a link's gives none that detaches", suite_run(&root, op_detach_pin, PIN_ "/links/pw_file_open") == 0, "detached");
	suite_check(s, "pins: nor one that changes its program", suite_run(&root, op_update_pin, PIN_ "/links/pw_file_open") == 0, "changed");
	suite_check(s, "... and the gate stands", suite_run(&root, op_read, "/srv/guarded/file") == EACCES, "root read a stored file");
	(void)unlink("/sys/fs/bpf/stranger");
}

/* Every number there is, as polyward itself sees them: names of maps begin with pw_, and links are told by their pins. */
static uint32_t a_map(const char *name)
{
	uint32_t id = 0;

	while (!bpf_map_get_next_id(id, &id)) {
		_fd_ int fd = bpf_map_get_fd_by_id(id);
		struct bpf_map_info info = { 0 };
		uint32_t bytes = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes) && !strcmp(info.name, name))
			return id;
	}
	return 0;
}

static void numbers(struct suite *s)
{
	_fd_ int link = bpf_obj_get(PIN_ "/links/pw_file_open");
	struct bpf_link_info info = { 0 };
	uint32_t bytes = sizeof(info), map = a_map("pw_attrs"), inner = a_map("pw_cells_in");

	suite_check(s, "the loader sees its own objects", link >= 0 && map && inner && !bpf_obj_get_info_by_fd(link, &info, &bytes), "%s",
		    strerror(errno));
	suite_case(s, "by number: a map", &root, op_map_by_id, &map, GUARDED_OBJECT(pw_bpf_map));
	suite_case(s, "by number: the table of a generation", &root, op_map_by_id, &inner, GUARDED_OBJECT(pw_bpf_map));
	suite_case(s, "by number: a program", &root, op_prog_by_id, &info.prog_id, GUARDED_OBJECT(pw_bpf_prog));
	suite_case(s, "by number: a link", &root, op_link_by_id, &info.id, GUARDED_OBJECT(pw_bpf));
	suite_apply(s, policy);
	inner = a_map("pw_cells_in");
	suite_case(s, "by number: the table of the next generation", &root, op_map_by_id, &inner, GUARDED_OBJECT(pw_bpf_map));
}

static void upgrading(struct suite *s)
{
	static const struct two backup = { OWN "/sbin/polywardd", OWN "/sbin/polywardd.old" },
				entry = { OWN "/upgrade/polywardd", OWN "/sbin/polywardd" },
				role = { OWN "/upgrade/polyward-audit", OWN "/install/polyward-audit" };
	struct kernel_status st = { 0 };
	struct err e = { 0 };

	kernel_upgrade_begin(s->k, st.upgrade_until_boot_ns + 1);
	suite_case(s, "upgrade: a window that ran out is closed", &root, op_rename, &entry, GUARDED(pw_rename));
	kernel_upgrade_begin(s->k, UINT64_MAX);
	suite_case(s, "upgrade: the old entry is kept under a second name", &root, op_link, &backup, SILENT);
	suite_case(s, "upgrade: the new one takes its place", &root, op_rename, &entry, SILENT);
	suite_case(s, "upgrade: so does a role's program", &root, op_rename, &role, SILENT);
	suite_case(s, "upgrade: the state is no part of it", &root, op_write, OWN "/state/current.img", GUARDED(pw_file_open));
	suite_case(s, "upgrade: not all that is new is ours before it is done", &root, op_write, OWN "/sbin/polywardd", SILENT);
	suite_check(s, "upgrade: done", kernel_upgrade_done(s->k, &e) == 0 && kernel_status(s->k, &st, &e) == 0 && !st.upgrade_until_boot_ns,
		    "%s", e.text);
	suite_case(s, "upgrade: afterwards the new entry is not written", &root, op_write, OWN "/sbin/polywardd", GUARDED(pw_file_open));
	suite_case(s, "upgrade: nor a role's program", &root, op_write, OWN "/install/polyward-audit", GUARDED(pw_file_open));
	suite_case(s, "upgrade: what was replaced is anybody's", &root, op_unlink, OWN "/sbin/polywardd.old", SILENT);
}

static void clashes(struct suite *s)
{
#define HEAD "polyward 1\npolicy suite { version 1 }\nrole readers { members user:reader }\nrule r { allow readers to read on data }\n"
	suite_apply_fails(s, "a store is not polyward's own directory", HEAD "store data { path " OWN "/state }\n", EINVAL, "the state directory");
	suite_apply_fails(s, "nor one above it", HEAD "store data { path " OWN " }\n", EINVAL, "of polyward itself lies at or below");
	(void)mkdir(OWN "/log/below", 0777); /* this process is the loader: it may */
	suite_apply_fails(s, "nor one below it", HEAD "store data { path " OWN "/log/below }\n", EINVAL, "lies in the log directory");
	suite_check(s, "and the guard stands", suite_run(&root, op_write, OWN "/state/current.img") == EACCES, "open to root");
}

static void second_daemon(struct suite *s)
{
	const struct kernel_own strange = { dir_fd(OWN "/other"), -1, -1, -1, -1, -1, NULL };
	struct err e = { 0 };
	int rc;

	suite_close(s);
	if (suite_open(s))
		return;
	rc = kernel_guard(s->k, &strange, &e);
	suite_check(s, "who comes with another state directory does not adopt", rc == -EPERM && strstr(e.text, "--state-dir"), "%d %s", rc, e.text);
	at_home(s, OWN "/state");
}

static void over(struct suite *s)
{
	struct err e = { 0 };

	suite_check(s, "down ends it", kernel_down(s->k, &e) == 0 && access(PIN_, F_OK), "%s", e.text);
	suite_check(s, "... and nothing is guarded", suite_run(&root, op_write, OWN "/state/current.img") == 0, "refused");
	suite_close(s);
	s->gen = 0;
	if (suite_open(s))
		return;
	suite_check(s, "nor with programs that are loaded and attached to nothing", suite_run(&root, op_write, OWN "/sbin/polywardd") == 0, "refused");
}

void cases_guard(struct suite *s)
{
	suite_fresh(s);
	prepare();
	at_home(s, OWN "/state");
	suite_apply(s, policy);
	files(s);
	entry_replaced(s);
	deep(s);
	pins(s);
	numbers(s);
	clashes(s);
	upgrading(s);
	second_daemon(s);
	over(s);
	umount2(OWN, MNT_DETACH);
}
