/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes: mode, owner, times, sticky and setgid directories, extended attributes, access control lists. Must never assert what
 * only one filesystem does, unless the case says which.
 */
#include "check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <acl/libacl.h>

void check_mode(struct check *c)
{
	struct stat st, now;
	int fd;

	put("f", "");
	mkdir("d", 0755);
	(void)!symlink("f", "s");
	OKAY("chmod", chmod("f", 0640));
	VALUE("mode", mode_of("f"), 0640);
	OKAY("all bits", chmod("f", 07777));
	VALUE("all there", mode_of("f"), 07777);
	OKAY("none", chmod("f", 0));
	VALUE("none there", mode_of("f"), 0);
	OKAY("through a link", chmod("s", 0644));
	VALUE("the file's", mode_of("f"), 0644);
	ERR("missing", chmod("none", 0644), ENOENT);
	ERR("below a file", chmod("f/x", 0644), ENOTDIR);
	ERR("of a link itself", fchmodat(AT_FDCWD, "s", 0600, AT_SYMLINK_NOFOLLOW), EOPNOTSUPP);
	fd = open("f", O_RDONLY);
	OKAY("fchmod", fchmod(fd, 0604));
	VALUE("mode after that", mode_of("f"), 0604);
	close(fd);
	OKAY("directory", chmod("d", 0711));
	VALUE("its mode", mode_of("d"), 0711);
	stat("f", &st);
	tick();
	OKAY("same mode again", chmod("f", 0604));
	YES("ctime moves", stat("f", &now) == 0 && now.st_ctim.tv_nsec != st.st_ctim.tv_nsec);
	YES("mtime stays", now.st_mtim.tv_nsec == st.st_mtim.tv_nsec);
	chmod("f", 06755);
	fd = open("f", O_WRONLY);
	OKAY("write a setuid file", write(fd, "x", 1));
	close(fd);
	VALUE("the bits after a write", mode_of("f"), c->root ? 06755 : 0755);
	chmod("f", 0444);
	ERR("access to write", access("f", W_OK), c->root ? 0 : EACCES);
	ERR("access to execute", access("f", X_OK), EACCES);
}

static int theirs(void *name)
{
	return chmod(name, 0600);
}

static int their_time(void *name)
{
	return utimensat(AT_FDCWD, name, NULL, 0);
}

static int their_date(void *name)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	return utimensat(AT_FDCWD, name, times, 0);
}

void check_owner(struct check *c)
{
	struct stat st;
	int fd;

	put("f", "");
	(void)!symlink("f", "s");
	OKAY("chown to nobody new", chown("f", (uid_t)-1, (gid_t)-1));
	OKAY("chown to oneself", chown("f", geteuid(), getegid()));
	ERR("give it away", chown("f", UID_SECOND, (gid_t)-1), c->root ? 0 : EPERM);
	ERR("to a foreign group", chown("f", (uid_t)-1, GID_SHARED), c->root ? 0 : EPERM);
	YES("as asked", stat("f", &st) == 0 && (c->root ? st.st_uid == UID_SECOND && st.st_gid == GID_SHARED : st.st_uid == geteuid()));
	ERR("missing", chown("none", (uid_t)-1, (gid_t)-1), ENOENT);
	ERR("lchown of the link", lchown("s", UID_SECOND, (gid_t)-1), c->root ? 0 : EPERM);
	fd = open("f", O_RDONLY);
	OKAY("fchown", fchown(fd, geteuid(), getegid()));
	close(fd);
	chmod("f", 06755);
	OKAY("chown drops setuid", chown("f", geteuid(), getegid()));
	VALUE("mode after that", mode_of("f"), 0755);
	if (!c->root)
		return;
	chmod(".", 0777);
	put("mine", "");
	ERR("another user's chmod", as_user(UID_SECOND, UID_SECOND, theirs, (void *)"mine"), EPERM);
	ERR("another user's touch", as_user(UID_SECOND, UID_SECOND, their_time, (void *)"mine"), EACCES);
	ERR("another user's date", as_user(UID_SECOND, UID_SECOND, their_date, (void *)"mine"), EPERM);
	chmod("mine", 0666);
	OKAY("a touch by who may write", as_user(UID_SECOND, UID_SECOND, their_time, (void *)"mine"));
	ERR("a date by who may write", as_user(UID_SECOND, UID_SECOND, their_date, (void *)"mine"), EPERM);
	OKAY("given away", chown("mine", UID_SECOND, UID_SECOND));
	OKAY("their own date", as_user(UID_SECOND, UID_SECOND, their_date, (void *)"mine"));
	OKAY("their own chmod", as_user(UID_SECOND, UID_SECOND, theirs, (void *)"mine"));
}

struct moved {
	bool a, m, c;
};

static bool later(const struct timespec *x, const struct timespec *y)
{
	return x->tv_sec != y->tv_sec ? x->tv_sec > y->tv_sec : x->tv_nsec > y->tv_nsec;
}

/* Which times of a name moved since *st, which is brought up to date. As a number: 4 atime, 2 mtime, 1 ctime. */
static int moved(const char *name, struct stat *st)
{
	struct stat now;
	int bits;

	if (lstat(name, &now))
		return -1;
	bits = (later(&now.st_atim, &st->st_atim) ? 4 : 0) | (later(&now.st_mtim, &st->st_mtim) ? 2 : 0) |
	       (later(&now.st_ctim, &st->st_ctim) ? 1 : 0);
	*st = now;
	tick();
	return bits;
}

static void times_of_names(struct check *c)
{
	struct stat dir, file;

	mkdir("d", 0755);
	put("d/f", "x");
	stat("d", &dir);
	stat("d/f", &file);
	tick();
	put("d/new", "");
	VALUE("the directory, after a new file", moved("d", &dir), 3);
	put("d/f", "other");
	VALUE("the directory, after a write", moved("d", &dir), 0);
	VALUE("the file, after a write", moved("d/f", &file), 3);
	chmod("d/f", 0600);
	VALUE("the file, after chmod", moved("d/f", &file), 1);
	rename("d/f", "d/g");
	VALUE("the directory, after a rename", moved("d", &dir), 3);
	VALUE("the file, after a rename", moved("d/g", &file), 1);
	unlink("d/new");
	VALUE("the directory, after unlink", moved("d", &dir), 3);
	mkdir("d/e", 0755);
	VALUE("the directory, after mkdir", moved("d", &dir), 3);
	rmdir("d/e");
	VALUE("the directory, after rmdir", moved("d", &dir), 3);
	(void)!truncate("d/g", 2);
	VALUE("the file, after truncate", moved("d/g", &file), 3);
	(void)!truncate("d/g", 2);
	VALUE("the file, cut to its size", moved("d/g", &file) | 2, 3);
}

void check_times(struct check *c)
{
	struct timespec times[2] = { { .tv_sec = 1000000000, .tv_nsec = 123456789 }, { .tv_sec = 1100000000, .tv_nsec = 5 } };
	struct stat st;
	char block[4];
	int fd;

	put("f", "data");
	(void)!symlink("f", "s");
	OKAY("set", utimensat(AT_FDCWD, "f", times, 0));
	YES("atime", stat("f", &st) == 0 && st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
	YES("mtime", st.st_mtim.tv_sec == 1100000000 && st.st_mtim.tv_nsec == 5);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	OKAY("one of them now", utimensat(AT_FDCWD, "f", times, 0));
	YES("the other stays", stat("f", &st) == 0 && st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec > 1100000000);
	times[1].tv_nsec = 1000000000;
	ERR("no nanosecond", utimensat(AT_FDCWD, "f", times, 0), EINVAL);
	ERR("missing", utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
	times[0] = times[1] = (struct timespec){ .tv_sec = 7 };
	OKAY("of a link", utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW));
	YES("the link's", lstat("s", &st) == 0 && st.st_mtim.tv_sec == 7);
	YES("not the file's", stat("f", &st) == 0 && st.st_mtim.tv_sec != 7);
	fd = open("f", O_RDWR);
	OKAY("by descriptor", futimens(fd, times));
	YES("that time", fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 7);
	tick();
	VALUE("read nothing new", read(fd, block, 4), 4);
	VALUE("atime by relatime", moved("f", &st), c->noatime ? 0 : 4);
	OKAY("write", write(fd, "x", 1));
	VALUE("mtime and ctime", moved("f", &st), 3);
	OKAY("far future", (times[0].tv_sec = times[1].tv_sec = 4000000000LL, futimens(fd, times)));
	YES("kept", fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 4000000000LL);
	close(fd);
	times_of_names(c);
}

static int take(void *name)
{
	return unlink(name);
}

static int move(void *name)
{
	return rename(name, "dir/moved");
}

static int make(void *name)
{
	return put(name, "theirs");
}

void check_sticky(struct check *c)
{
	chmod(".", 0755);
	OKAY("sticky directory", mkdir("dir", 0777) || chmod("dir", 01777) ? -1 : 0);
	VALUE("its mode", mode_of("dir"), 01777);
	OKAY("a file in it", put("dir/mine", ""));
	if (!c->root) {
		OKAY("one's own goes", unlink("dir/mine"));
		return;
	}
	chmod("dir/mine", 0666);
	OKAY("of somebody else", as_user(UID_SECOND, UID_SECOND, make, (void *)"dir/theirs"));
	ERR("is not removed by a third", as_user(65534, 65534, take, (void *)"dir/theirs"), EPERM);
	ERR("nor renamed", as_user(65534, 65534, move, (void *)"dir/theirs"), EPERM);
	ERR("mine is not removed by them", as_user(UID_SECOND, UID_SECOND, take, (void *)"dir/mine"), EPERM);
	OKAY("the owner renames", as_user(UID_SECOND, UID_SECOND, move, (void *)"dir/theirs"));
	OKAY("the owner removes", as_user(UID_SECOND, UID_SECOND, take, (void *)"dir/moved"));
	OKAY("without the bit", chmod("dir", 0777));
	OKAY("anybody removes", as_user(UID_SECOND, UID_SECOND, take, (void *)"dir/mine"));
	ERR("a group that is not theirs", as_user(UID_SECOND, UID_SECOND, make, (void *)"none/x"), ENOENT);
}

void check_setgid(struct check *c)
{
	struct stat st;
	gid_t wanted = c->root ? GID_SHARED : getegid();

	OKAY("directory", mkdir("dir", 0755));
	OKAY("of a group", chown("dir", (uid_t)-1, wanted));
	OKAY("setgid", chmod("dir", 02775));
	VALUE("its mode", mode_of("dir"), 02775);
	OKAY("a file in it", put("dir/f", ""));
	YES("has the group", stat("dir/f", &st) == 0 && st.st_gid == wanted);
	VALUE("and no bit", mode_of("dir/f"), 0644);
	OKAY("a directory in it", mkdir("dir/d", 0755));
	YES("has the group too", stat("dir/d", &st) == 0 && st.st_gid == wanted);
	VALUE("and the bit", mode_of("dir/d"), 02755);
	OKAY("a link in it", symlink("f", "dir/s"));
	YES("of that group", lstat("dir/s", &st) == 0 && st.st_gid == wanted);
	OKAY("setgid without execute", chmod("dir/f", 02644));
	OKAY("truncate it", truncate("dir/f", 0));
	VALUE("its mode stays or loses the bit", mode_of("dir/f") & 0777, 0644);
}

void check_xattr(struct check *c)
{
	static char large[70000];
	char value[64], names[256];
	ssize_t n;

	put("f", "");
	mkdir("d", 0755);
	(void)!symlink("f", "s");
	if (c->tmpfs && setxattr("f", "user.one", "", 0, 0) && errno == EOPNOTSUPP) {
		ERR("tmpfs has none before 6.6", -1, errno);
		return;
	}
	removexattr("f", "user.one");
	OKAY("set", setxattr("f", "user.one", "value", 5, 0));
	VALUE("get", getxattr("f", "user.one", value, sizeof(value)), 5);
	YES("its value", memcmp(value, "value", 5) == 0);
	VALUE("its size", getxattr("f", "user.one", NULL, 0), 5);
	ERR("too little room", getxattr("f", "user.one", value, 2), ERANGE);
	ERR("create again", setxattr("f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	OKAY("replace", setxattr("f", "user.one", "xyz", 3, XATTR_REPLACE));
	VALUE("new size", getxattr("f", "user.one", value, sizeof(value)), 3);
	ERR("replace what is not there", setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	ERR("get what is not there", getxattr("f", "user.none", value, sizeof(value)), ENODATA);
	ERR("remove what is not there", removexattr("f", "user.none"), ENODATA);
	ERR("unknown family", setxattr("f", "odd.one", "x", 1, 0), EOPNOTSUPP);
	ERR("no family", setxattr("f", "one", "x", 1, 0), EOPNOTSUPP);
	ERR("too large", setxattr("f", "user.large", large, sizeof(large), 0), E2BIG);
	ERR("a name too long", setxattr("f", memset(large, 'a', 300), "x", 1, 0), ERANGE);
	OKAY("another", setxattr("f", "user.two", "", 0, 0));
	n = listxattr("f", names, sizeof(names));
	YES("listed", n > 0 && memmem(names, (size_t)n, "user.one", 9) && memmem(names, (size_t)n, "user.two", 9));
	OKAY("remove", removexattr("f", "user.one"));
	ERR("gone", getxattr("f", "user.one", value, sizeof(value)), ENODATA);
	OKAY("directory", setxattr("d", "user.one", "x", 1, 0));
	VALUE("the directory's", getxattr("d", "user.one", value, sizeof(value)), 1);
	ERR("on a link", lsetxattr("s", "user.one", "x", 1, 0), EPERM);
	ERR("get from a link", lgetxattr("s", "user.one", value, sizeof(value)), ENODATA);
	ERR("trusted", setxattr("f", "trusted.one", "x", 1, 0), c->root ? 0 : EPERM);
	/* For others the kernel's own check is skipped up to 6.9 wherever the BPF LSM is on, with or without programs. */
	if (c->root)
		OKAY("security", setxattr("f", "security.one", "x", 1, 0));
	ERR("missing", setxattr("none", "user.one", "x", 1, 0), ENOENT);
	chmod("f", 0);
	ERR("without mode bits", getxattr("f", "user.two", value, sizeof(value)), c->root ? 0 : EACCES);
}

static int acl_put(const char *name, acl_type_t type, const char *text)
{
	acl_t acl = acl_from_text(text);
	int done = acl ? acl_set_file(name, type, acl) : -1;
	int code = errno;

	if (acl)
		acl_free(acl);
	errno = code;
	return done;
}

static bool acl_is(const char *name, acl_type_t type, const char *wanted)
{
	acl_t acl = acl_get_file(name, type);
	char *text = acl ? acl_to_any_text(acl, NULL, ',', TEXT_ABBREVIATE | TEXT_NUMERIC_IDS) : NULL;
	bool same = text && strcmp(text, wanted) == 0;

	if (text && !same)
		printf("# %s\n", text);
	if (text)
		acl_free(text);
	if (acl)
		acl_free(acl);
	return same;
}

static int peek(void *name)
{
	int fd = open(name, O_RDONLY);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

void check_acl(struct check *c)
{
	put("f", "");
	mkdir("d", 0755);
	chmod("f", 0600);
	YES("from the mode", acl_is("f", ACL_TYPE_ACCESS, "u::rw-,g::---,o::---"));
	OKAY("set", acl_put("f", ACL_TYPE_ACCESS, "u::rw-,u:4002:r--,g::---,m::r--,o::---"));
	YES("got", acl_is("f", ACL_TYPE_ACCESS, "u::rw-,u:4002:r--,g::---,m::r--,o::---"));
	VALUE("the mode shows the mask", mode_of("f"), 0640);
	OKAY("chmod changes the mask", chmod("f", 0600));
	YES("to nothing", acl_is("f", ACL_TYPE_ACCESS, "u::rw-,u:4002:r--,g::---,m::---,o::---"));
	ERR("no mask", acl_put("f", ACL_TYPE_ACCESS, "u::rw-,u:4002:r--,g::---,o::---"), EINVAL);
	ERR("a default on a file", acl_put("f", ACL_TYPE_DEFAULT, "u::rw-,g::---,o::---"), EACCES);
	OKAY("a default on a directory", acl_put("d", ACL_TYPE_DEFAULT, "u::rwx,u:4002:rwx,g::r-x,m::rwx,o::---"));
	OKAY("a file in it", put("d/f", ""));
	YES("inherits", acl_is("d/f", ACL_TYPE_ACCESS, "u::rw-,u:4002:rwx,g::r-x,m::r--,o::---"));
	OKAY("a directory in it", mkdir("d/e", 0755));
	YES("inherits the default", acl_is("d/e", ACL_TYPE_DEFAULT, "u::rwx,u:4002:rwx,g::r-x,m::rwx,o::---"));
	OKAY("remove the default", acl_delete_def_file("d"));
	YES("removed", acl_is("d", ACL_TYPE_DEFAULT, ""));
	if (!c->root)
		return;
	OKAY("let one in", acl_put("f", ACL_TYPE_ACCESS, "u::rw-,u:4002:r--,g::---,m::r--,o::---"));
	OKAY("who reads", as_user(UID_SECOND, UID_SECOND, peek, (void *)"f"));
	ERR("nobody else", as_user(65534, 65534, peek, (void *)"f"), EACCES);
}
