/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: link, unlink, rename, exchange, symbolic links, directories, lengths. Every code that the manual pages promise and that a test
 * can bring about. Must never leave the directory that it was started in.
 */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int away(struct check *c, char *ret, size_t size, const char *name)
{
	return snprintf(ret, size, "%s/%s", c->other, name) < (int)size ? 0 : -1;
}

void check_link(struct check *c)
{
	char far[PATH_MAX];
	struct stat one, two;

	put("f", "data");
	mkdir("d", 0755);
	mkdir("closed", 0755);
	(void)!symlink("f", "to-f");
	OKAY("a second name", link("f", "g"));
	VALUE("two names", links_of("f"), 2);
	YES("one inode", stat("f", &one) == 0 && stat("g", &two) == 0 && one.st_ino == two.st_ino);
	OKAY("write by one", put("f", "more"));
	YES("read by the other", holds("g", "more"));
	OKAY("in another directory", link("f", "d/h"));
	VALUE("three names", links_of("d/h"), 3);
	ERR("the name is taken", link("f", "g"), EEXIST);
	ERR("onto a directory", link("f", "d"), EEXIST);
	ERR("missing", link("none", "x"), ENOENT);
	ERR("into a missing directory", link("f", "no/x"), ENOENT);
	ERR("below a file", link("f", "g/x"), ENOTDIR);
	ERR("of a directory", link("d", "x"), EPERM);
	OKAY("of a symbolic link", link("to-f", "to-f-2"));
	VALUE("the link has two names", links_of("to-f"), 2);
	VALUE("the file still three", links_of("f"), 3);
	OKAY("of what a link points to", linkat(AT_FDCWD, "to-f", AT_FDCWD, "k", AT_SYMLINK_FOLLOW));
	VALUE("four names", links_of("f"), 4);
	ERR("with unknown flags", linkat(AT_FDCWD, "f", AT_FDCWD, "x", 0x40000000), EINVAL);
	ERR("to another filesystem", away(c, far, sizeof(far), "linked") ? -1 : link("f", far), EXDEV);
	chmod("closed", 0555);
	ERR("in a closed directory", link("f", "closed/x"), c->root ? 0 : EACCES);
	chmod("closed", 0755);
	OKAY("remove one", unlink("f"));
	YES("the others stay", holds("d/h", "more"));
	tick();
	OKAY("look", stat("g", &one));
	tick();
	OKAY("link once more", link("g", "l"));
	YES("that changes ctime", stat("g", &two) == 0 && two.st_ctim.tv_sec * 1000000000LL + two.st_ctim.tv_nsec >
		one.st_ctim.tv_sec * 1000000000LL + one.st_ctim.tv_nsec);
	YES("and not mtime", two.st_mtim.tv_sec == one.st_mtim.tv_sec && two.st_mtim.tv_nsec == one.st_mtim.tv_nsec);
}

void check_unlink(struct check *c)
{
	char name[16];
	int made = 0, gone = 0;

	put("f", "");
	mkdir("d", 0755);
	mkdir("d/e", 0755);
	put("d/f", "");
	(void)!symlink("f", "to-f");
	(void)!symlink("d", "to-d");
	OKAY("a file", unlink("f"));
	ERR("again", unlink("f"), ENOENT);
	YES("it is gone", !there("f"));
	OKAY("a symbolic link", unlink("to-f"));
	ERR("a directory", unlink("d"), EISDIR);
	ERR("with a slash", unlink("d/f/"), ENOTDIR);
	ERR("below a file", unlink("d/f/x"), ENOTDIR);
	ERR("empty name", unlink(""), ENOENT);
	ERR("dot", unlink("."), EISDIR);
	ERR("rmdir of a full directory", rmdir("d"), ENOTEMPTY);
	ERR("rmdir of a file", rmdir("d/f"), ENOTDIR);
	ERR("rmdir of dot", rmdir("d/."), EINVAL);
	ERR("rmdir of dot dot", rmdir("d/e/.."), ENOTEMPTY);
	ERR("rmdir of a link to a directory", rmdir("to-d"), ENOTDIR);
	OKAY("rmdir", rmdir("d/e"));
	OKAY("unlinkat", unlinkat(AT_FDCWD, "d/f", 0));
	OKAY("unlinkat of a directory", unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	ERR("unlinkat with unknown flags", unlinkat(AT_FDCWD, "to-d", 0x40000000), EINVAL);
	mkdir("closed", 0755);
	put("closed/f", "");
	chmod("closed", 0555);
	ERR("in a closed directory", unlink("closed/f"), c->root ? 0 : EACCES);
	chmod("closed", 0755);
	mkdir("many", 0755);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "many/%d", i);
		made += put(name, "") == 0;
	}
	VALUE("many made", made, 300);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "many/%d", i);
		gone += unlink(name) == 0;
	}
	VALUE("many gone", gone, 300);
	OKAY("and the directory", rmdir("many"));
}

static void rename_dirs(struct check *c)
{
	mkdir("d", 0755);
	mkdir("d/sub", 0755);
	mkdir("empty", 0755);
	mkdir("full", 0755);
	put("full/x", "");
	put("file", "");
	OKAY("a directory", rename("d", "d2"));
	YES("with what is in it", there("d2/sub"));
	ERR("a directory over a full one", rename("d2", "full"), ENOTEMPTY);
	OKAY("a directory over an empty one", rename("d2", "empty"));
	YES("took its place", there("empty/sub") && !there("d2"));
	ERR("a directory over a file", rename("empty", "file"), ENOTDIR);
	ERR("a file over a directory", rename("file", "empty"), EISDIR);
	ERR("a directory into itself", rename("empty", "empty/sub/x"), EINVAL);
	ERR("onto its own parent", rename("empty/sub", "empty"), ENOTEMPTY);
	ERR("dot", rename("empty/.", "x"), EBUSY);
	ERR("dot dot", rename("full", "empty/.."), EBUSY);
	VALUE("links of a directory", links_of("empty"), 3);
	OKAY("move a subdirectory", rename("empty/sub", "full/sub"));
	VALUE("one link less there", links_of("empty"), 2);
	VALUE("one more here", links_of("full"), 3);
	OKAY("a name with a slash", rename("empty/", "e2/"));
	ERR("a file with a slash", rename("file", "file2/"), ENOTDIR);
}

void check_rename(struct check *c)
{
	char far[PATH_MAX];
	struct stat st, now;

	put("f", "one");
	put("g", "two");
	stat("f", &st);
	OKAY("a file", rename("f", "h"));
	YES("the same inode", stat("h", &now) == 0 && now.st_ino == st.st_ino && !there("f"));
	OKAY("over another", rename("h", "g"));
	YES("its contents", holds("g", "one"));
	ERR("missing", rename("none", "x"), ENOENT);
	ERR("to a missing directory", rename("g", "no/x"), ENOENT);
	ERR("below a file", rename("g", "g/x"), ENOTDIR);
	OKAY("to itself", rename("g", "g"));
	OKAY("link it", link("g", "same"));
	OKAY("to another of its names", rename("g", "same"));
	VALUE("both stay", links_of("g"), 2);
	unlink("same");
	ERR("to another filesystem", away(c, far, sizeof(far), "renamed") ? -1 : rename("g", far), EXDEV);
	put("k", "k");
	ERR("no replacing", renameat2(AT_FDCWD, "g", AT_FDCWD, "k", RENAME_NOREPLACE), EEXIST);
	OKAY("no replacing needed", renameat2(AT_FDCWD, "g", AT_FDCWD, "l", RENAME_NOREPLACE));
	ERR("flags that exclude each other", renameat2(AT_FDCWD, "l", AT_FDCWD, "k", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
	ERR("unknown flags", renameat2(AT_FDCWD, "l", AT_FDCWD, "m", 0x80), EINVAL);
	(void)!symlink("nowhere", "s");
	OKAY("a symbolic link", rename("s", "t"));
	YES("stays one", there("t") && size_of("t") < 0);
	OKAY("over a symbolic link", rename("l", "t"));
	YES("the link is gone, not its target", holds("t", "one"));
	mkdir("closed", 0755);
	put("closed/f", "");
	chmod("closed", 0555);
	ERR("out of a closed directory", rename("closed/f", "m"), c->root ? 0 : EACCES);
	ERR("into a closed directory", rename("k", "closed/k"), c->root ? 0 : EACCES);
	chmod("closed", 0755);
	rename_dirs(c);
}

void check_exchange(struct check *c)
{
	put("a", "A");
	put("b", "B");
	mkdir("d", 0755);
	put("d/in", "");
	OKAY("two files", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	YES("contents changed places", holds("a", "B") && holds("b", "A"));
	OKAY("a file and a directory", renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE));
	YES("the directory came along", there("a/in") && holds("d", "B"));
	ERR("with what is not there", renameat2(AT_FDCWD, "a", AT_FDCWD, "none", RENAME_EXCHANGE), ENOENT);
	ERR("a directory with what is in it", renameat2(AT_FDCWD, "a", AT_FDCWD, "a/in", RENAME_EXCHANGE), EINVAL);
	OKAY("with itself", renameat2(AT_FDCWD, "b", AT_FDCWD, "b", RENAME_EXCHANGE));
	ERR("leaving a whiteout", renameat2(AT_FDCWD, "b", AT_FDCWD, "w", RENAME_WHITEOUT), 0);
	YES("it is there", there("b") && holds("w", "A"));
}

void check_symlink(struct check *c)
{
	char long_target[PATH_MAX + 1], target[PATH_MAX];
	struct stat st;

	OKAY("make", symlink("target", "s"));
	VALUE("readlink", readlink("s", target, sizeof(target)), 6);
	YES("what it says", memcmp(target, "target", 6) == 0);
	VALUE("readlink, cut", readlink("s", target, 3), 3);
	ERR("readlink of no link", put("f", "x") || readlink("f", target, sizeof(target)) < 0 ? -1 : 0, EINVAL);
	ERR("readlink of nothing", readlink("none", target, sizeof(target)), ENOENT);
	ERR("empty", symlink("", "e"), ENOENT);
	ERR("the name is taken", symlink("x", "s"), EEXIST);
	OKAY("to itself", symlink("self", "self"));
	ERR("followed", stat("self", &st), ELOOP);
	OKAY("not followed", lstat("self", &st));
	YES("its size", S_ISLNK(st.st_mode) && st.st_size == 4);
	memset(long_target, 'a', sizeof(long_target));
	long_target[PATH_MAX] = 0;
	ERR("a target that is too long", symlink(long_target, "l"), ENAMETOOLONG);
	long_target[PATH_MAX - 1] = 0;
	OKAY("the longest target", symlink(long_target, "l"));
	VALUE("read whole", readlink("l", target, sizeof(target)), PATH_MAX - 1);
	ERR("followed: too long a name", stat("l", &st), ENAMETOOLONG);
	mkdir("d", 0755);
	put("d/f", "in");
	OKAY("to a directory", symlink("d", "to-d"));
	YES("through it", holds("to-d/f", "in"));
	OKAY("up and down", symlink("../f", "d/up"));
	YES("and read", holds("to-d/up", "x"));
	OKAY("lchown", lchown("s", (uid_t)-1, (gid_t)-1));
	OKAY("remove, not the target", symlink("f", "to-f") || unlink("to-f") ? -1 : 0);
	YES("the target stays", there("f"));
	for (int i = 0; i < 41; i++) {
		char from[16], to[16];

		(void)snprintf(to, sizeof(to), "c%d", i);
		(void)snprintf(from, sizeof(from), "c%d", i + 1);
		(void)!symlink(to, from);
	}
	put("c0", "end");
	YES("a chain of forty", holds("c40", "end"));
	ERR("a longer chain", stat("c41", &st), ELOOP);
}

void check_mkdir(struct check *c)
{
	struct stat st;

	OKAY("make", mkdir("d", 0777));
	VALUE("mode after the mask", mode_of("d"), 0755);
	YES("two links, or none counted", links_of("d") == 2);
	ERR("again", mkdir("d", 0755), EEXIST);
	ERR("over a file", put("f", "") ? -1 : mkdir("f", 0755), EEXIST);
	ERR("below a file", mkdir("f/d", 0755), ENOTDIR);
	ERR("in a missing directory", mkdir("no/d", 0755), ENOENT);
	ERR("over a link", symlink("none", "s") ? -1 : mkdir("s", 0755), EEXIST);
	OKAY("below", mkdir("d/e", 0700));
	VALUE("three links", links_of("d"), 3);
	OKAY("with a slash", mkdir("g/", 0755));
	OKAY("with the sticky bit", mkdir("t", 01777));
	VALUE("its mode", mode_of("t"), 01755);
	YES("the owner is the maker", stat("d", &st) == 0 && st.st_uid == geteuid());
	YES("chdir and up", chdir("d/e") == 0 && chdir("../..") == 0);
	ERR("chdir to a file", chdir("f"), ENOTDIR);
	chmod("d/e", 0);
	ERR("chdir to a closed one", chdir("d/e"), c->root ? 0 : EACCES);
	if (c->root)
		(void)!chdir("../..");
	chmod("d/e", 0700);
	OKAY("rmdir", rmdir("d/e"));
	VALUE("two links again", links_of("d"), 2);
	OKAY("access", access("d", R_OK | W_OK | X_OK));
	ERR("access to nothing", access("none", F_OK), ENOENT);
}

void check_names(struct check *c)
{
	char name[300], path[PATH_MAX + 16];
	size_t len;

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	OKAY("255 bytes", put(name, "long"));
	YES("contents", holds(name, "long"));
	OKAY("a link with 255 bytes", symlink("x", "s") || rename("s", "t") || link(name, "short") ? -1 : 0);
	OKAY("rename within 255", unlink("short") || rename(name, "short") || rename("short", name) ? -1 : 0);
	OKAY("unlink", unlink(name));
	OKAY("directory of 255", mkdir(name, 0755));
	OKAY("rmdir", rmdir(name));
	name[255] = 'n';
	name[256] = 0;
	ERR("256 bytes, create", put(name, ""), ENAMETOOLONG);
	ERR("256 bytes, mkdir", mkdir(name, 0755), ENAMETOOLONG);
	ERR("256 bytes, unlink", unlink(name), ENAMETOOLONG);
	ERR("256 bytes, rename", rename("t", name), ENAMETOOLONG);
	ERR("256 bytes, symlink", symlink("x", name), ENAMETOOLONG);
	ERR("256 bytes, link", link("t", name), ENAMETOOLONG);
	for (len = 0; len + 2 < PATH_MAX; len += 2)
		memcpy(path + len, "./", 2);
	path[PATH_MAX - 2] = 'f';
	path[PATH_MAX - 1] = 0;
	OKAY("a path of PATH_MAX - 1", put(path, "far"));
	YES("read by it", holds("f", "far"));
	path[PATH_MAX - 1] = 'f';
	path[PATH_MAX] = 0;
	ERR("a path of PATH_MAX", put(path, ""), ENAMETOOLONG);
	OKAY("bytes that are no text", put("\xff\xfe\x01", "raw"));
	OKAY("a newline", put("a\nb", "raw"));
	OKAY("spaces and dots", put(" ...", "raw"));
	YES("found again", holds("\xff\xfe\x01", "raw") && holds("a\nb", "raw") && holds(" ...", "raw"));
	YES("case counts", put("Case", "1") == 0 && put("case", "2") == 0 && holds("Case", "1"));
}
