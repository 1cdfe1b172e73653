// SPDX-License-Identifier: Apache-2.0
/*
 * Every row of hooks.def: let through for the role that may, refused for everybody else and for root, with errno, counter and
 * record. `reader` may read, list and lock; `writer` may do everything; `other` and root are in no role.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 }\n"
	"store data { path /srv/data }\n"
	"role readers { members user:reader }\n"
	"role writers { members user:writer }\n"
	"rule read { allow readers to list, read on data }\n"
	"rule all { allow writers to list, read, write, create, delete, exec, attr, link, lock, watch, mount on data }\n";

static void file(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) || fchmod(fd, mode))
		printf("# cannot make %s: %s\n", path, strerror(errno));
	close(fd);
}

static void prepare(void)
{
	static const char *const names[] = { "u1", "u2", "r1", "r2", "t1", "x1", "l1", "m1" };
	char path[64];

	mkdir("/srv/data", 0777);
	chmod("/srv/data", 0777);
	mkdir("/srv/data/dir", 0777);
	chmod("/srv/data/dir", 0777);
	mkdir("/srv/data/empty", 0777);
	mkdir("/srv/data/empty2", 0777);
	mkdir("/srv/data/mnt", 0777);
	file("/srv/data/dir/a", 0666, "contents of a stored file\n");
	file("/srv/data/prog", 0777, "#!/bin/true\n");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/srv/data/%s", names[i]);
		file(path, 0666, "x\n");
		/* Attributes are the owner's to change, whatever polyward says. */
		if (chown(path, writer.uid, writer.gid) || setxattr(path, "user.pw", "1", 1, 0))
			printf("# cannot prepare %s: %s\n", path, strerror(errno));
	}
	if (symlink("dir/a", "/srv/data/sym"))
		printf("# cannot make a symbolic link: %s\n", strerror(errno));
}

/* The same operation by all four. `may` is what the one who may sees, `need` what a refusal says. */
static void by_all(struct suite *s, const char *name, const struct who *may, op_fn op, const void *arg, uint8_t hook, uint32_t need)
{
	static const struct { const struct who *who; const char *word; } no[] = { { &other, "another user" }, { &root, "root" } };
	char line[128];

	for (size_t i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "%s: refused to %s", name, no[i].word);
		suite_case(s, line, no[i].who, op, arg, (struct want){ EACCES, hook, PW_DENY, PW_R_DEFAULT, need });
	}
	snprintf(line, sizeof(line), "%s: allowed to the role", name);
	suite_case(s, line, may, op, arg, (struct want){ 0, hook, PW_ALLOW, PW_R_RULE, need });
}

#define BY_ALL(name, may, op, arg, hook, need) by_all(s, name, &may, op, arg, PW_HOOK_##hook, need)

static void opening(struct suite *s)
{
	BY_ALL("open to read", reader, op_read, "/srv/data/dir/a", pw_file_open, PW_A_READ);
	BY_ALL("open to write", writer, op_write, "/srv/data/dir/a", pw_file_open, PW_A_WRITE);
	BY_ALL("open to read and write", writer, op_readwrite, "/srv/data/dir/a", pw_file_open, PW_A_READ | PW_A_WRITE);
	BY_ALL("open and truncate", writer, op_trunc, "/srv/data/t1", pw_file_open, PW_A_WRITE);
	BY_ALL("list", reader, op_list, "/srv/data/dir", pw_file_open, PW_A_LIST);
	suite_case(s, "open to write: refused to a reader", &reader, op_write, "/srv/data/dir/a", REFUSED(pw_file_open, PW_A_WRITE));
	suite_case(s, "map executable: refused to a reader", &reader, op_mmap_exec, "/srv/data/dir/a", REFUSED(pw_mmap_file, PW_A_EXEC));
	suite_case(s, "map executable: allowed to the role", &writer, op_mmap_exec, "/srv/data/dir/a", ALLOWED(pw_mmap_file, PW_A_EXEC));
}

/* What is done through a descriptor that root opened while nothing was enforced. */
static void through_fd(struct suite *s, int fd)
{
	BY_ALL("read an inherited file", reader, op_pread_fd, &fd, pw_file_perm, PW_A_READ);
	BY_ALL("write an inherited file", writer, op_pwrite_fd, &fd, pw_file_perm, PW_A_WRITE);
	BY_ALL("map an inherited file", reader, op_mmap_read_fd, &fd, pw_mmap_file, PW_A_READ);
	BY_ALL("map shared and writable", writer, op_mmap_write, &fd, pw_mmap_file, PW_A_WRITE);
	BY_ALL("shared lock", reader, op_lock_shared, &fd, pw_file_lock, PW_NEED_LOCK);
	BY_ALL("exclusive lock", writer, op_lock_excl, &fd, pw_file_lock, PW_NEED_LOCK_EXCL);
	BY_ALL("where the contents lie (FIEMAP)", reader, op_fiemap, &fd, pw_file_ioctl, PW_A_READ);
	suite_case(s, "flags of an inode: read by anybody, for stat is not named", &other, op_getflags, &fd, SILENT);
	suite_case(s, "is it a terminal: asked by anybody", &other, op_isatty_fd, &fd, SILENT);
	suite_case(s, "an unknown command needs everything", &reader, op_unknown_ioctl, &fd,
		   REFUSED(pw_file_ioctl, PW_A_READ | PW_A_WRITE | PW_A_ATTR));
	suite_case(s, "set inode flags: refused to root", &root, op_setflags, &fd, REFUSED(pw_file_ioctl, PW_NEED_ATTR));
	suite_case(s, "raise a mapping to executable: refused to a reader", &reader, op_mprotect_exec_fd, &fd,
		   REFUSED(pw_mprotect, PW_A_EXEC));
	suite_case(s, "raise a mapping to executable: allowed to the role", &writer, op_mprotect_exec_fd, &fd,
		   ALLOWED(pw_mprotect, PW_A_EXEC));
}

/* Put fd into a socket pair and return the end where it waits; the other end stays open in *keep. */
static int send_fd(int fd, int *keep)
{
	int pair[2];
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	*keep = pair[0];
	return sendmsg(pair[0], &msg, 0) == 1 ? pair[1] : -1;
}

static void receiving(struct suite *s, int fd)
{
	int keep = -1, at = send_fd(fd, &keep);

	suite_case(s, "receive an open file: refused to another user", &other, op_receive, &at,
		   REFUSED(pw_file_recv, PW_A_READ | PW_A_WRITE));
	close(at);
	close(keep);
	at = send_fd(fd, &keep);
	suite_case(s, "receive an open file: allowed to the role", &writer, op_receive, &at, ALLOWED(pw_file_recv, PW_A_READ | PW_A_WRITE));
	close(at);
	close(keep);
}

static void names(struct suite *s)
{
	static const struct two in_store = { "/srv/data/l1", "/srv/data/dir/l2" }, move = { "/srv/data/r1", "/srv/data/dir/r1" },
				swap = { "/srv/data/r2", "/srv/data/m1" };

	BY_ALL("create", writer, op_create, "/srv/data/dir/new", pw_create, PW_A_CREATE);
	BY_ALL("make a fifo", writer, op_mkfifo, "/srv/data/dir/fifo", pw_mknod, PW_A_CREATE);
	BY_ALL("mkdir", writer, op_mkdir, "/srv/data/dir/newdir", pw_mkdir, PW_A_CREATE);
	BY_ALL("symlink", writer, op_symlink, "/srv/data/dir/newsym", pw_symlink, PW_A_CREATE);
	BY_ALL("readlink", reader, op_readlink, "/srv/data/sym", pw_readlink, PW_A_READ);
	BY_ALL("link inside the store", writer, op_link, &in_store, pw_link, PW_NEED_LINK);
	BY_ALL("unlink", writer, op_unlink, "/srv/data/u1", pw_unlink, PW_A_DELETE);
	BY_ALL("rmdir", writer, op_rmdir, "/srv/data/empty", pw_rmdir, PW_A_DELETE);
	BY_ALL("rename inside the store", writer, op_rename, &move, pw_rename, PW_A_DELETE | PW_A_CREATE);
	BY_ALL("exchange inside the store", writer, op_exchange, &swap, pw_rename, PW_A_DELETE | PW_A_CREATE);
	suite_case(s, "unlink: refused to a reader", &reader, op_unlink, "/srv/data/u2", REFUSED(pw_unlink, PW_A_DELETE));
	suite_case(s, "the store's root is not removed", &root, op_rmdir, "/srv/data", REFUSED_FOR(pw_rmdir, ROOT));
}

static uint8_t setattr_hook(void)
{
	struct kernel_report r;

	(void)kernel_probe(&r);
	for (size_t i = 0; i < PW_HOOK_MAX_; i++)
		if (r.hooks[i].hook == PW_HOOK_pw_setattr3 && r.hooks[i].chosen)
			return PW_HOOK_pw_setattr3;
	return PW_HOOK_pw_setattr;
}

static uint8_t acl_hook(void)
{
	struct kernel_report r;

	(void)kernel_probe(&r);
	for (size_t i = 0; i < PW_HOOK_MAX_; i++)
		if (r.hooks[i].hook == PW_HOOK_pw_set_acl && r.hooks[i].chosen)
			return PW_HOOK_pw_set_acl;
	return PW_HOOK_pw_setxattr;
}

static void attributes(struct suite *s)
{
	uint8_t setattr = setattr_hook();

	by_all(s, "truncate", &writer, op_truncate, "/srv/data/x1", setattr, PW_A_WRITE);
	by_all(s, "utimes", &writer, op_utimes, "/srv/data/x1", setattr, PW_NEED_ATTR);
	BY_ALL("set an extended attribute", writer, op_setxattr, "/srv/data/x1", pw_setxattr, PW_NEED_ATTR);
	BY_ALL("read an extended attribute", reader, op_getxattr, "/srv/data/x1", pw_getxattr, PW_A_READ);
	BY_ALL("list extended attributes", reader, op_listxattr, "/srv/data/x1", pw_listxattr, PW_A_READ);
	BY_ALL("remove an extended attribute", writer, op_rmxattr, "/srv/data/x1", pw_rmxattr, PW_NEED_ATTR);
	suite_case(s, "set an ACL: refused to root", &root, op_setacl, "/srv/data/x1",
		   (struct want){ EACCES, acl_hook(), PW_DENY, PW_R_DEFAULT, PW_NEED_ATTR });
	suite_case(s, "set an ACL: allowed to the role", &writer, op_setacl, "/srv/data/x1",
		   (struct want){ 0, acl_hook(), PW_ALLOW, PW_R_RULE, PW_NEED_ATTR });
	suite_case(s, "chmod: refused to root", &root, op_chmod, "/srv/data/x1", (struct want){ EACCES, setattr, PW_DENY, PW_R_DEFAULT, PW_NEED_ATTR });
	suite_case(s, "chmod: allowed to the role", &writer, op_chmod, "/srv/data/x1", (struct want){ 0, setattr, PW_ALLOW, PW_R_RULE, PW_NEED_ATTR });
	suite_case(s, "chown: refused to root", &root, op_chown, "/srv/data/x1", (struct want){ EACCES, setattr, PW_DENY, PW_R_DEFAULT, PW_NEED_ATTR });
	suite_case(s, "stat: anybody, for no rule names it", &other, op_stat, "/srv/data/dir/a", SILENT);
}

static void others(struct suite *s)
{
	suite_case(s, "watch a directory: refused to another user", &other, op_watch, "/srv/data/dir", REFUSED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "watch a directory: allowed to a reader", &reader, op_watch, "/srv/data/dir", ALLOWED(pw_notify, PW_NEED_WATCH_DIR));
	suite_case(s, "watch a file: refused to root", &root, op_watch, "/srv/data/dir/a", REFUSED(pw_notify, PW_NEED_WATCH));
	suite_case(s, "execute: refused to a reader", &reader, op_exec, "/srv/data/prog", REFUSED(pw_file_open, PW_A_EXEC));
	suite_case(s, "execute: refused to root", &root, op_exec, "/srv/data/prog", REFUSED(pw_file_open, PW_A_EXEC));
	suite_case(s, "execute: allowed to the role", &writer, op_exec, "/srv/data/prog", ALLOWED(pw_bprm_check, PW_A_EXEC));
	suite_case(s, "mount over a stored directory: refused to root", &root, op_mount_tmpfs, "/srv/data/mnt",
		   REFUSED(pw_sb_mount, PW_A_MOUNT));
	suite_case(s, "a private bind mount over it: refused to root", &root, op_mount_bind, "/srv/data/mnt", REFUSED(pw_sb_mount, PW_A_MOUNT));
	suite_case(s, "the same by the new calls: refused to root", &root, op_move_mount, "/srv/data/mnt", REFUSED(pw_move_mount, PW_A_MOUNT));
}

void cases_hooks(struct suite *s)
{
	int fd;

	prepare();
	fd = open("/srv/data/dir/a", O_RDWR | O_CLOEXEC);
	suite_apply(s, policy);
	opening(s);
	through_fd(s, fd);
	receiving(s, fd);
	names(s);
	attributes(s);
	others(s);
	close(fd);
}
