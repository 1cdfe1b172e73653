/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open(2), creat(2), reading and writing, truncation, O_TMPFILE, unlinked files, reopening through /proc. Must never leave a
 * descriptor open that a later case could be mistaken about.
 */
#include "check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Open and close: for cases that only ask whether it opens. */
static int opens(const char *name, int flags)
{
	int fd = open(name, flags | O_CLOEXEC, 0644);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

void check_open(struct check *c)
{
	char block[8];
	int fd;

	put("f", "12345");
	mkdir("d", 0755);
	(void)!symlink("f", "to-f");
	(void)!symlink("none", "dangling");
	(void)!symlink("loop", "loop");
	OKAY("read", opens("f", O_RDONLY));
	OKAY("write", opens("f", O_WRONLY));
	OKAY("both", opens("f", O_RDWR));
	ERR("missing", opens("none", O_RDONLY), ENOENT);
	ERR("empty name", opens("", O_RDONLY), ENOENT);
	ERR("below a file", opens("f/x", O_RDONLY), ENOTDIR);
	ERR("file with a slash", opens("f/", O_RDONLY), ENOTDIR);
	ERR("file as directory", opens("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	OKAY("directory", opens("d", O_RDONLY | O_DIRECTORY));
	ERR("directory to write", opens("d", O_WRONLY), EISDIR);
	ERR("directory to create", opens("d", O_RDONLY | O_CREAT), EISDIR);
	ERR("exclusive on a file", opens("f", O_RDWR | O_CREAT | O_EXCL), EEXIST);
	ERR("exclusive on a directory", opens("d", O_RDWR | O_CREAT | O_EXCL), EEXIST);
	ERR("exclusive on a link", opens("to-f", O_RDWR | O_CREAT | O_EXCL), EEXIST);
	ERR("exclusive on a dangling link", opens("dangling", O_RDWR | O_CREAT | O_EXCL), EEXIST);
	OKAY("through a link", opens("to-f", O_RDONLY));
	ERR("nofollow", opens("to-f", O_RDONLY | O_NOFOLLOW), ELOOP);
	OKAY("nofollow path", opens("to-f", O_PATH | O_NOFOLLOW));
	ERR("dangling", opens("dangling", O_RDONLY), ENOENT);
	ERR("loop", opens("loop", O_RDONLY), ELOOP);
	OKAY("noatime", opens("f", O_RDONLY | O_NOATIME));
	OKAY("sync", opens("f", O_RDWR | O_SYNC));
	OKAY("path", opens("f", O_PATH));
	ERR("direct", opens("f", O_RDONLY | O_DIRECT), c->tmpfs ? EINVAL : 0);
	fd = open("f", O_PATH);
	ERR("read a path descriptor", read(fd, block, 1), EBADF);
	ERR("chmod by a path descriptor", fchmod(fd, 0600), EBADF);
	close(fd);
	fd = open("f", O_WRONLY);
	ERR("read what is open to write", read(fd, block, 1), EBADF);
	close(fd);
	fd = open("f", O_RDONLY);
	ERR("write what is open to read", write(fd, block, 1), EBADF);
	ERR("truncate what is open to read", ftruncate(fd, 0), EINVAL);
	close(fd);
	fd = open("d", O_RDONLY);
	ERR("read a directory", read(fd, block, 1), EISDIR);
	OKAY("relative to a directory", openat(fd, "../f", O_RDONLY));
	close(fd);
	ERR("relative to nothing", openat(-1, "f", O_RDONLY), EBADF);
	fd = open("f", O_RDONLY);
	ERR("relative to a file", openat(fd, "f", O_RDONLY), ENOTDIR);
	close(fd);
	chmod("f", 0);
	ERR("without mode bits", opens("f", O_RDONLY), c->root ? 0 : EACCES);
	chmod("d", 0);
	ERR("below a closed directory", opens("d/f", O_RDONLY), c->root ? ENOENT : EACCES);
	chmod("d", 0755);
}

void check_create(struct check *c)
{
	struct stat st;
	int fd;

	OKAY("creat", fd = creat("new", 0640));
	VALUE("mode after the mask", mode_of("new"), 0640);
	VALUE("size", size_of("new"), 0);
	OKAY("write", write(fd, "abc", 3));
	close(fd);
	YES("contents", holds("new", "abc"));
	OKAY("creat again", fd = creat("new", 0600));
	close(fd);
	VALUE("empty again", size_of("new"), 0);
	VALUE("mode as before", mode_of("new"), 0640);
	umask(077);
	OKAY("with a tight mask", opens("tight", O_CREAT | O_RDWR));
	VALUE("tight mode", mode_of("tight"), 0600);
	umask(0);
	OKAY("with no mask", fd = open("wide", O_CREAT | O_RDWR, 0666));
	close(fd);
	VALUE("wide mode", mode_of("wide"), 0666);
	umask(022);
	put("cut", "12345");
	OKAY("O_TRUNC", opens("cut", O_WRONLY | O_TRUNC));
	VALUE("cut", size_of("cut"), 0);
	OKAY("create without rights to it", fd = open("sealed", O_CREAT | O_RDWR | O_EXCL, 0));
	OKAY("... and write it", write(fd, "x", 1));
	close(fd);
	(void)!symlink("target", "to-target");
	OKAY("create through a dangling link", opens("to-target", O_CREAT | O_WRONLY));
	YES("the target is there", there("target"));
	ERR("create in a missing directory", opens("no/f", O_CREAT | O_WRONLY), ENOENT);
	ERR("create with a slash", opens("slash/", O_CREAT | O_WRONLY), EISDIR);
	YES("the owner is the maker", stat("new", &st) == 0 && st.st_uid == geteuid() && st.st_gid == getegid());
	VALUE("one name", links_of("new"), 1);
	mkdir("closed", 0555);
	ERR("create in a closed directory", opens("closed/f", O_CREAT | O_WRONLY), c->root ? 0 : EACCES);
}

void check_rw(struct check *c)
{
	struct iovec parts[2] = { { .iov_base = (void *)"ab", .iov_len = 2 }, { .iov_base = (void *)"cde", .iov_len = 3 } };
	char block[64] = "";
	void *volatile nowhere = (void *)8; /* volatile, or the compiler objects */
	int fd = open("f", O_RDWR | O_CREAT, 0644), more;

	VALUE("write", write(fd, "0123456789", 10), 10);
	VALUE("position", lseek(fd, 0, SEEK_CUR), 10);
	VALUE("pread", pread(fd, block, 4, 3), 4);
	YES("what was read", memcmp(block, "3456", 4) == 0);
	VALUE("position stays", lseek(fd, 0, SEEK_CUR), 10);
	VALUE("read at the end", read(fd, block, 4), 0);
	VALUE("pread behind the end", pread(fd, block, 4, 100), 0);
	VALUE("pwrite behind the end", pwrite(fd, "x", 1, 20), 1);
	VALUE("size", size_of("f"), 21);
	VALUE("the gap is zero", pread(fd, block, 10, 10) == 10 && memcmp(block, "\0\0\0\0\0\0\0\0\0\0", 10) == 0, 1);
	ERR("negative position", pread(fd, block, 1, -1), EINVAL);
	ERR("seek before the start", lseek(fd, -1, SEEK_SET), EINVAL);
	VALUE("seek to the end", lseek(fd, 0, SEEK_END), 21);
	VALUE("writev", writev(fd, parts, 2), 5);
	VALUE("preadv", preadv(fd, parts, 0, 0), 0);
	YES("in one piece", pread(fd, block, 5, 21) == 5 && memcmp(block, "abcde", 5) == 0);
	VALUE("write nothing", write(fd, "", 0), 0);
	ERR("write from nowhere", write(fd, nowhere, 1), EFAULT);
	ERR("read to nowhere", pread(fd, nowhere, 1, 0), EFAULT);
	more = open("f", O_WRONLY | O_APPEND);
	VALUE("append", write(more, "END", 3), 3);
	VALUE("append, whatever the position", lseek(more, 0, SEEK_SET), 0);
	VALUE("append again", write(more, "end", 3), 3);
	VALUE("size after appending", size_of("f"), 32);
	YES("order", pread(fd, block, 6, 26) == 6 && memcmp(block, "ENDend", 6) == 0);
	VALUE("pwrite appends too", pwrite(more, "!", 1, 0), 1);
	VALUE("size after that", size_of("f"), 33);
	OKAY("append off", fcntl(more, F_SETFL, 0));
	VALUE("write at the position", pwrite(more, "Z", 1, 0), 1);
	VALUE("no longer", size_of("f"), 33);
	close(more);
	more = dup(fd);
	lseek(fd, 7, SEEK_SET);
	VALUE("dup shares the position", lseek(more, 0, SEEK_CUR), 7);
	close(more);
	OKAY("fsync", fsync(fd));
	OKAY("fdatasync", fdatasync(fd));
	OKAY("sync_file_range", sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	OKAY("readahead", readahead(fd, 0, 4096));
	VALUE("fadvise", posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	ERR("write to a closed descriptor", write(fd, "x", 1), EBADF);
}

void check_truncate(struct check *c)
{
	char block[16];
	int fd;

	put("f", "0123456789");
	OKAY("shorter", truncate("f", 4));
	YES("what is left", holds("f", "0123"));
	OKAY("longer", truncate("f", 8));
	VALUE("size", size_of("f"), 8);
	fd = open("f", O_RDWR);
	YES("the rest is zero", pread(fd, block, 8, 0) == 8 && memcmp(block, "0123\0\0\0\0", 8) == 0);
	OKAY("ftruncate", ftruncate(fd, 2));
	VALUE("size by descriptor", lseek(fd, 0, SEEK_END), 2);
	ERR("negative", ftruncate(fd, -1), EINVAL);
	close(fd);
	ERR("missing", truncate("none", 0), ENOENT);
	mkdir("d", 0755);
	ERR("directory", truncate("d", 0), EISDIR);
	ERR("below a file", truncate("f/x", 0), ENOTDIR);
	chmod("f", 0444);
	ERR("read-only file", truncate("f", 0), c->root ? 0 : EACCES);
	fd = open("sparse", O_RDWR | O_CREAT, 0644);
	OKAY("a large hole", ftruncate(fd, 1 << 20));
	VALUE("its data", pwrite(fd, "x", 1, 512 << 10), 1);
	VALUE("SEEK_DATA", lseek(fd, 0, SEEK_DATA), 512 << 10);
	VALUE("SEEK_HOLE", lseek(fd, 0, SEEK_HOLE), 0);
	VALUE("SEEK_HOLE behind the data", lseek(fd, 512 << 10, SEEK_HOLE), (512 << 10) + 4096);
	ERR("SEEK_DATA at the end", lseek(fd, 1 << 20, SEEK_DATA), ENXIO);
	close(fd);
	(void)!symlink("sparse", "to");
	OKAY("through a link", truncate("to", 5));
	VALUE("the target's size", size_of("sparse"), 5);
}

void check_tmpfile(struct check *c)
{
	char path[64];
	int fd;

	OKAY("O_TMPFILE", fd = open(".", O_TMPFILE | O_RDWR, 0644));
	OKAY("write", write(fd, "temp", 4));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OKAY("give it a name", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	YES("contents", holds("named", "temp"));
	VALUE("one name", links_of("named"), 1);
	ERR("the name is taken", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW), EEXIST);
	close(fd);
	OKAY("one without names", fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ERR("cannot have one", linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
	OKAY("write that", write(fd, "x", 1));
	close(fd);
	ERR("to read only", opens(".", O_TMPFILE | O_RDONLY), EINVAL);
	put("f", "");
	ERR("in a file", opens("f", O_TMPFILE | O_RDWR), ENOTDIR);
	OKAY("several at once", fd = open(".", O_TMPFILE | O_WRONLY, 0600));
	OKAY("truncate it", ftruncate(fd, 9));
	OKAY("chmod it", fchmod(fd, 0400));
	close(fd);
}

void check_orphan(struct check *c)
{
	char block[8], path[64];
	struct stat st;
	int fd, dir, again;

	put("f", "0123");
	fd = open("f", O_RDWR);
	OKAY("unlink while open", unlink("f"));
	YES("no name", fstat(fd, &st) == 0 && st.st_nlink == 0);
	VALUE("read on", pread(fd, block, 4, 0), 4);
	VALUE("write on", pwrite(fd, "45", 2, 4), 2);
	OKAY("truncate", ftruncate(fd, 3));
	OKAY("chmod", fchmod(fd, 0600));
	OKAY("put another there", put("f", "new"));
	YES("the old one is another", pread(fd, block, 3, 0) == 3 && memcmp(block, "012", 3) == 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OKAY("reopen through /proc", again = open(path, O_RDONLY));
	VALUE("and read", read(again, block, 8), 3);
	close(again);
	ERR("a new name for it", linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW), ENOENT);
	OKAY("fsync", fsync(fd));
	close(fd);
	fd = open("f", O_RDONLY);
	OKAY("rename while open", rename("f", "g"));
	VALUE("read on after that", read(fd, block, 8), 3);
	put("h", "other");
	OKAY("renamed over while open", rename("h", "g"));
	VALUE("the first is still read", pread(fd, block, 8, 0), 3);
	close(fd);
	mkdir("d", 0755);
	dir = open("d", O_RDONLY | O_DIRECTORY);
	OKAY("rmdir while open", rmdir("d"));
	ERR("make a file in it", openat(dir, "x", O_CREAT | O_RDWR, 0644), ENOENT);
	YES("still a directory", fstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_nlink == 0);
	close(dir);
}

void check_reopen(struct check *c)
{
	char path[64], block[8], target[PATH_MAX];
	int fd, again;

	put("f", "0123");
	fd = open("f", O_PATH);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OKAY("path descriptor to read", again = open(path, O_RDONLY));
	VALUE("read", read(again, block, 8), 4);
	close(again);
	OKAY("to write", again = open(path, O_WRONLY));
	VALUE("written", write(again, "ab", 2), 2);
	close(again);
	YES("contents", holds("f", "ab23"));
	OKAY("readlink", readlink(path, target, sizeof(target)));
	OKAY("chmod through it", chmod(path, 0600));
	VALUE("mode", mode_of("f"), 0600);
	close(fd);
	fd = open(".", O_PATH | O_DIRECTORY);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d/f", fd);
	OKAY("below a directory", again = open(path, O_RDONLY));
	close(again);
	OKAY("by AT_EMPTY_PATH", fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH));
	OKAY("fchdir", fchdir(fd));
	close(fd);
	fd = open("f", O_RDONLY);
	(void)snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	OKAY("by /dev/fd, with more rights", again = open(path, O_RDWR));
	close(again);
	close(fd);
}
