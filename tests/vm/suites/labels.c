// SPDX-License-Identifier: Apache-2.0
/*
 * What an object is: its label, whatever name, mount, namespace or root it is reached by. Two stores, one inside the other's tree,
 * and the ways that are known to get around systems that go by paths.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define HEAD "polyward 1\npolicy suite { version 1 }\n"

static const char policy[] =
	HEAD
	"store outer { path /srv/tree }\n"
	"store inner { path /srv/tree/inner }\n"
	"role readers { members user:reader }\n"
	"role writers { members user:writer }\n"
	"rule read { allow readers to list, read on outer }\n"
	"rule all { allow writers to list, read, write, create, delete, attr, link on outer, inner }\n";

static void dir(const char *path)
{
	if (mkdir(path, 0777) || chmod(path, 0777))
		printf("# cannot make %s: %s\n", path, strerror(errno));
}

static void file(const char *path)
{
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("# cannot make %s: %s\n", path, strerror(errno));
	close(fd);
}

/* 70 directories below each other, one file at the bottom and one half way. */
static void deep(const char *base)
{
	char path[PATH_MAX];
	size_t len = (size_t)snprintf(path, sizeof(path), "%s", base);

	for (int i = 0; i < 70; i++) {
		len += (size_t)snprintf(path + len, sizeof(path) - len, "/d");
		dir(path);
		if (i == 40 || i == 69) {
			snprintf(path + len, sizeof(path) - len, "/f");
			file(path);
			path[len] = '\0';
		}
	}
}

static const char *deep_file(const char *base, int levels, char *path, size_t size)
{
	size_t len = (size_t)snprintf(path, size, "%s", base);

	for (int i = 0; i < levels; i++)
		len += (size_t)snprintf(path + len, size - len, "/d");
	snprintf(path + len, size - len, "/f");
	return path;
}

static void prepare(void)
{
	static const char *const dirs[] = { "/srv/tree", "/srv/tree/inner", "/srv/tree/sub", "/srv/tree/moves", "/srv/tree/moves/in",
					    "/srv/out", "/srv/out/dir", "/srv/bind", "/srv/low", "/srv/tree/deep", "/srv/out/deep" };
	static const char *const files[] = { "/srv/tree/sub/a", "/srv/tree/inner/i", "/srv/tree/moves/in/f", "/srv/out/o", "/srv/out/dir/f",
					     "/srv/tree/sub/linked", "/srv/tree/sub/go", "/srv/tree/sub/go2", "/srv/tree/sub/stay" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		dir(dirs[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		file(files[i]);
	if (chown("/srv/out/o", writer.uid, writer.gid) || link("/srv/tree/sub/linked", "/srv/out/alias") ||
	    link("/srv/tree/sub/stay", "/srv/tree/stay2"))
		printf("# cannot prepare: %s\n", strerror(errno));
	deep("/srv/tree/deep");
	deep("/srv/out/deep");
}

static void aliases(struct suite *s)
{
	static const struct two tree = { "/srv/tree", "sub/a" }, jail = { "/srv/tree", "/sub/a" };

	suite_case(s, "a registered hard link outside the store", &root, op_read, "/srv/out/alias", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... is read by the role", &reader, op_read, "/srv/out/alias", ALLOWED(pw_file_open, PW_A_READ));
	if (mount("/srv/tree/sub", "/srv/bind", NULL, MS_BIND, NULL))
		printf("# bind mount: %s\n", strerror(errno));
	suite_case(s, "through a bind mount", &root, op_read, "/srv/bind/a", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... by the role", &reader, op_read, "/srv/bind/a", ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "through a detached tree in a user namespace", &other, op_detached_tree, &tree, REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "in a changed root", &root, op_chroot_read, &jail, REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "by file handle", &root, op_by_handle, "/srv/tree/sub/a", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "reopened through /proc/self/fd", &root, op_proc_reopen, "/srv/tree/sub/a", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... by the role", &reader, op_proc_reopen, "/srv/tree/sub/a", ALLOWED(pw_file_open, PW_A_READ));
	umount2("/srv/bind", MNT_DETACH);
}

static void inheritance(struct suite *s)
{
	static const struct two nameless = { "/srv/tree/sub", "/srv/tree/sub/named" };

	suite_case(s, "a new file is made", &writer, op_create, "/srv/tree/sub/new", ALLOWED(pw_create, PW_A_CREATE));
	suite_case(s, "... and is the store's", &root, op_read, "/srv/tree/sub/new", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "a nested store has rules of its own", &reader, op_read, "/srv/tree/inner/i", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... for those who may", &writer, op_read, "/srv/tree/inner/i", ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "a nested store's root is not removed", &writer, op_rmdir, "/srv/tree/inner", REFUSED_FOR(pw_rmdir, ROOT));
	suite_case(s, "a file without a name gets one", &writer, op_tmpfile_link, &nameless, ALLOWED(pw_link, PW_A_CREATE));
	suite_case(s, "... and is the store's", &root, op_read, "/srv/tree/sub/named", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "beside the stores: nobody's business", &other, op_read, "/srv/out/o", SILENT);
}

static void borders(struct suite *s)
{
	static const struct two link_out = { "/srv/tree/sub/a", "/srv/out/l" }, link_in = { "/srv/out/o", "/srv/tree/sub/l" },
				out = { "/srv/tree/sub/go", "/srv/out/go" }, across = { "/srv/tree/sub/go2", "/srv/tree/inner/go2" },
				linked = { "/srv/tree/sub/stay", "/srv/out/stay" }, move_root = { "/srv/tree/inner", "/srv/out/inner" },
				in = { "/srv/out/dir", "/srv/tree/dir" }, back = { "/srv/tree/moves/in", "/srv/out/was-in" };

	suite_case(s, "a link out of the store", &writer, op_link, &link_out, REFUSED_FOR(pw_link, BORDER));
	suite_case(s, "a link into the store", &writer, op_link, &link_in, REFUSED_FOR(pw_link, BORDER));
	suite_case(s, "a rename out of the store: refused to root", &root, op_rename, &out, REFUSED(pw_rename, PW_A_DELETE | PW_A_READ));
	suite_case(s, "... to a reader, who may not delete", &reader, op_rename, &out, REFUSED(pw_rename, PW_A_DELETE | PW_A_READ));
	suite_case(s, "... allowed to who may read and delete", &writer, op_rename, &out, ALLOWED(pw_rename, PW_A_DELETE | PW_A_READ));
	suite_case(s, "... and then it is nobody's", &other, op_read, "/srv/out/go", SILENT);
	suite_case(s, "a rename into another store", &writer, op_rename, &across, ALLOWED(pw_rename, PW_A_CREATE));
	suite_case(s, "... and then it is the other's", &reader, op_read, "/srv/tree/inner/go2", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "a file with two names does not leave", &writer, op_rename, &linked, REFUSED_FOR(pw_rename, BORDER));
	suite_case(s, "a store's root does not move", &writer, op_rename, &move_root, REFUSED_FOR(pw_rename, ROOT));
	suite_case(s, "a directory does not come in: its files may have names outside", &writer, op_rename, &in, REFUSED_FOR(pw_rename, BORDER));
	suite_case(s, "a directory does not leave", &writer, op_rename, &back, REFUSED_FOR(pw_rename, BORDER));
	suite_case(s, "... and what is in it is still the store's", &root, op_read, "/srv/tree/moves/in/f", REFUSED(pw_file_open, PW_A_READ));
}

/*
 * The guest's root is an overlay. There a directory and a file can have the same number: files go by those of the layer below,
 * directories by the overlay's own. So new files beside a store are made until all numbers near the store's have been there.
 */
static void overlay_numbers(struct suite *s)
{
	static const char beside[] = "/opt/beside", store[] = "/opt/store";
	struct stat st = { 0 };
	int refused = 0, same = 0;
	char path[128];

	dir(beside);
	dir(store);
	suite_apply(s, "polyward 1\npolicy suite { version 1 }\nstore on-overlay { path /opt/store }\n"
		       "role readers { members user:reader }\nrule r { allow readers to read on on-overlay }\n");
	(void)stat(store, &st);
	for (int i = 0; i < 20000; i++) {
		struct stat file = { 0 };
		_fd_ int fd = -1;

		snprintf(path, sizeof(path), "%s/%d", beside, i);
		fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		refused += fd < 0;
		same += fd >= 0 && !fstat(fd, &file) && file.st_ino == st.st_ino;
	}
	suite_check(s, "on an overlay, files beside a store are nobody's business", refused == 0, "%d of 20000 refused", refused);
	printf("# %d of them had the number of the store\n", same);
}

/* Go down further than any walk goes, where the directories are missing making them, and make a file there. */
static OP(far)
{
	_fd_ int fd = -1;

	if (chdir(arg))
		return errno;
	for (unsigned i = 0; i < PW_WALK_FAR + 64; i++)
		if (chdir("d") && (mkdir("d", 0777) || chdir("d")))
			return errno;
	fd = open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
	return fd < 0 ? errno : 0;
}

/*
 * Filesystems without a device get the next free number, so that each 256th shares a place of the map of protected ones: two with
 * stores, and a third, which is nobody's business. Taken for protected, it would be refused below PW_WALK_FAR directories.
 */
static void shared_place(struct suite *s)
{
	char path[PATH_MAX];

	dir("/run/many");
	for (int i = 0; i <= 2 * (int)PW_DEVS; i++) {
		snprintf(path, sizeof(path), "/run/many/%d", i);
		dir(path);
		if (mount("none", path, "tmpfs", 0, NULL))
			printf("# cannot mount %s: %s\n", path, strerror(errno));
		snprintf(path, sizeof(path), "/run/many/%d/f", i);
		if (i % (int)PW_DEVS == 0)
			file(path);
	}
	dir("/run/many/512/deep");
	if (suite_run(&root, op_far, "/run/many/512/deep"))
		printf("# cannot make a deep tree\n");
	suite_apply(s, "polyward 1\npolicy suite { version 1 }\nstore one { path /run/many/0 }\nstore two { path /run/many/256 }\n"
		       "role readers { members user:reader }\nrule r { allow readers to read on one, two }\n");
	suite_case(s, "the first of two that share a place", &other, op_read, "/run/many/0/f", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... the second", &other, op_read, "/run/many/256/f", REFUSED(pw_file_open, PW_A_READ));
	suite_case(s, "... and a third without a store", &root, op_far, "/run/many/512/deep", SILENT);
}

static void edges(struct suite *s)
{
	char path[PATH_MAX];

	suite_case(s, "41 directories deep", &reader, op_read, deep_file("/srv/tree/deep", 41, path, sizeof(path)),
		   ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "70 directories deep: unknown, so refused to all", &reader, op_read, deep_file("/srv/tree/deep", 70, path, sizeof(path)),
		   REFUSED_FOR(pw_file_open, DEPTH));
	suite_case(s, "... but not outside", &other, op_read, deep_file("/srv/out/deep", 70, path, sizeof(path)), SILENT);
	path[strlen(path) - 1] = 'n';
	suite_case(s, "... where a directory is made", &root, op_mkdir, path, SILENT);
	deep_file("/srv/tree/deep", 62, path, sizeof(path));
	path[strlen(path) - 1] = 'n';
	suite_case(s, "a directory 64 below its store is made", &writer, op_mkdir, path, ALLOWED(pw_mkdir, PW_A_CREATE));
	deep_file("/srv/tree/deep", 63, path, sizeof(path));
	path[strlen(path) - 1] = 'n';
	suite_case(s, "one that nobody could remove is not", &writer, op_mkdir, path, REFUSED_FOR(pw_mkdir, DEPTH));
	if (mkdir("/run/ovl", 0777) || mkdir("/run/ovl/up", 0777) || mkdir("/run/ovl/work", 0777) || mkdir("/run/ovl/at", 0777) ||
	    mount("none", "/run/ovl/at", "overlay", 0, "lowerdir=/srv/tree,upperdir=/run/ovl/up,workdir=/run/ovl/work"))
		printf("# overlay: %s\n", strerror(errno));
	chmod("/run/ovl/at", 0777);
	suite_case(s, "through an overlay over the store: refused to another user", &other, op_read, "/run/ovl/at/sub/a",
		   REFUSED(pw_getxattr, PW_A_READ)); /* overlayfs asks for its attributes before it opens */
	suite_case(s, "... and to root, whose mount it is", &root, op_read, "/run/ovl/at/sub/a", REFUSED(pw_getxattr, PW_A_READ));
	suite_case(s, "... allowed to the role", &reader, op_read, "/run/ovl/at/sub/a", ALLOWED(pw_file_open, PW_A_READ));
	umount2("/run/ovl/at", MNT_DETACH);
}

void cases_labels(struct suite *s)
{
	prepare();
	suite_apply(s, policy);
	/* Once more, so that the scan itself has a policy to get past. */
	suite_apply(s, policy);
	aliases(s);
	inheritance(s);
	borders(s);
	edges(s);
	overlay_numbers(s);
	shared_place(s);
}
