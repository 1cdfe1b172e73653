// SPDX-License-Identifier: Apache-2.0
/* What is written on a file from outside: extended attributes, access control lists, mode, owner, times, inode flags, projects. */
#include "attack.h"

#include <linux/fs.h>
#include <linux/fscrypt.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>

static char value[256];

/* An access control list as the kernel takes it: version 2; owner, another user, group, mask, others. */
static const struct { uint32_t version; struct { uint16_t tag, perm; uint32_t id; } e[5]; } acl = {
	2, { { 1, 6, ~0u }, { 2, 7, USER }, { 4, 6, ~0u }, { 16, 7, ~0u }, { 32, 6, ~0u } },
};

static int end(const char *what, long n)
{
	got(value, n);
	return attempt(what, n);
}

static int set(const char *name, const void *data, size_t size)
{
	return attempt("setxattr", setxattr(mine(), name, data, size, 0));
}

static int set_user(void)     { return set("user.a", "b", 1); }
static int set_security(void) { return set("security.a", "b", 1); }
static int set_trusted(void)  { return set("trusted.a", "b", 1); }
static int set_acl(void)      { return set("system.posix_acl_access", &acl, sizeof(acl)); }
static int default_acl(void)  { return attempt("default ACL", setxattr(my_dir(), "system.posix_acl_default", &acl, sizeof(acl), 0)); }
static int remove_(void)      { return attempt("removexattr", removexattr(mine(), "user.pw")); }
static int remove_acl(void)   { return attempt("remove ACL", removexattr(mine(), "system.posix_acl_access")); }
static int get(void)          { return end("getxattr", getxattr(mine(), "user.pw", value, sizeof(value))); }
static int get_l(void)        { return end("lgetxattr", lgetxattr(mine(), "user.pw", value, sizeof(value))); }
static int list(void)         { return end("listxattr", listxattr(mine(), value, sizeof(value))); }
static int mode(void)         { return attempt("chmod", chmod(mine(), 0600)); }
static int mode_setuid(void)  { return attempt("chmod setuid", chmod(mine(), 06777)); }
static int owner(void)        { return attempt("chown", chown(mine(), (uid_t)-1, (gid_t)me())); }
static int owner_l(void)      { return attempt("lchown", lchown(STORE "/link", 1, 1)); }
static int times(void)        { return attempt("utimes", utimes(mine(), NULL)); }
static int times_set(void)    { return attempt("utimensat", utimensat(AT_FDCWD, mine(), (struct timespec[2]){ { 9, 0 }, { 9, 0 } }, 0)); }
static int root_mode(void)    { return attempt("chmod of the store", chmod(STORE, 0700)); }

static int mode_by_path(void)
{
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	need(fd >= 0);
	/* fchmodat2 since 6.6, by an O_PATH descriptor; before, /proc. */
	if (!syscall(452, fd, "", 0600, AT_EMPTY_PATH))
		return 0;
	if (errno == ENOSYS) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		return attempt("chmod /proc/self/fd", chmod(path, 0600));
	}
	return attempt("fchmodat2", -1);
}

static int control(const char *what, unsigned long command, void *arg)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	/* Who may read opens it; the others use what was opened before the policy. */
	return attempt(what, ioctl(fd < 0 ? EARLY_WRITE : fd, command, arg));
}

static int flags(void)   { int f = FS_IMMUTABLE_FL | FS_EXTENT_FL; return control("FS_IOC_SETFLAGS", FS_IOC_SETFLAGS, &f); }
static int nodump(void)  { int f = FS_NODUMP_FL | FS_EXTENT_FL; return control("FS_IOC_SETFLAGS", FS_IOC_SETFLAGS, &f); }
static int project(void) { struct fsxattr x = { .fsx_projid = 7 }; return control("FS_IOC_FSSETXATTR", FS_IOC_FSSETXATTR, &x); }
static int verity(void)  { uint64_t arg[16] = { 1 | 1ull << 32, 4096 }; return control("ENABLE_VERITY", 0x40806685, arg); }

/* A descriptor for ioctl alone, on a filesystem whose inodes have no checksums: ext4 refuses the others. */
static int version(void)
{
	int wanted = 7, now = 0, fd, code;
	char path[64];

	snprintf(path, sizeof(path), SMALL "/of-%d.txt", me());
	fd = open(path, 3 | O_CLOEXEC);
	need(fd >= 0);
	code = attempt("FS_IOC_SETVERSION", ioctl(fd, FS_IOC_SETVERSION, &wanted));
	need(code || (!ioctl(fd, FS_IOC_GETVERSION, &now) && now == wanted));
	return code;
}

/* What is put into the folder from then on is encrypted with a key that only the attacker knows. */
static int encrypt(void)
{
	struct fscrypt_policy_v1 policy = { .version = FSCRYPT_POLICY_V1, .contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
					    .filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS, .master_key_descriptor = "attacks" };
	int fd = open(my_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	code = attempt("FS_IOC_SET_ENCRYPTION_POLICY", ioctl(fd < 0 ? EARLY_EMPTY : fd, FS_IOC_SET_ENCRYPTION_POLICY, &policy));
	/* Without the key nothing can be put there any more. */
	need(code || (open(my_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666) < 0 && errno == ENOKEY));
	need(code || (!rmdir(my_dir()) && !mkdir(my_dir(), 0777)));
	return code;
}

static int extents(void)
{
	char room[4096] = { 0 };

	/* struct fiemap: the whole file, room for some. */
	memset(room + 8, 0xff, 8);
	room[24] = 10;
	return control("FIEMAP", 0xc020660b, room);
}

static int file_setattr(void)
{
	struct { uint64_t flags; uint32_t extsize, nextents, projid, cowextsize; } attr = { .flags = 0x40 };

	/* file_setattr(2), since 6.17 */
	if (syscall(469, AT_FDCWD, mine(), &attr, sizeof(attr), 0) && errno == ENOSYS)
		not_here("no file_setattr");
	return attempt("file_setattr", syscall(469, AT_FDCWD, mine(), &attr, sizeof(attr), 0));
}

static int setxattrat(void)
{
	struct { uint64_t value; uint32_t size, flags; } args = { (uint64_t)(uintptr_t)"b", 1, 0 };
	long rc = syscall(463, AT_FDCWD, mine(), 0, "user.a", &args, sizeof(args));

	/* since 6.13 */
	if (rc && errno == ENOSYS)
		not_here("no setxattrat");
	return attempt("setxattrat", rc);
}

VARIANTS({ "set_user", set_user }, { "set_security", set_security }, { "set_trusted", set_trusted }, { "set_acl", set_acl },
	 { "default_acl", default_acl }, { "remove", remove_ }, { "remove_acl", remove_acl }, { "get", get }, { "lget", get_l },
	 { "list", list }, { "mode", mode }, { "mode_setuid", mode_setuid }, { "owner", owner }, { "owner_l", owner_l }, { "times", times },
	 { "times_set", times_set }, { "root_mode", root_mode }, { "mode_by_path", mode_by_path }, { "flags", flags }, { "nodump", nodump },
	 { "project", project }, { "version", version }, { "encrypt", encrypt }, { "verity", verity }, { "extents", extents },
	 { "file_setattr", file_setattr }, { "setxattrat", setxattrat })
