/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories as lists, fifos, sockets, devices, programs, deep trees, and what crosses into another tree of the same filesystem. The
 * groups `depth`, `device` and `border` are where a store is meant to differ. Must never make a tree that rm -rf could not remove.
 */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_names(DIR *d)
{
	int n = 0;

	while (readdir(d))
		n++;
	return n;
}

void check_readdir(struct check *c)
{
	bool seen[200] = { 0 };
	struct dirent *e;
	int n = 0, twice = 0, kinds = 0;
	char name[16];
	long at;
	DIR *d;

	mkdir("d", 0755);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "d/%03d", i);
		put(name, "");
	}
	d = opendir("d");
	YES("open", d != NULL);
	if (!d)
		return;
	while ((e = readdir(d))) {
		int i = (e->d_name[0] - '0') * 100 + (e->d_name[1] - '0') * 10 + (e->d_name[2] - '0');

		kinds += e->d_type == DT_REG || e->d_type == DT_DIR;
		if (e->d_name[0] == '.')
			continue;
		twice += i < 0 || i >= 200 || seen[i];
		if (i >= 0 && i < 200)
			seen[i] = true;
		n++;
	}
	VALUE("each name", n, 200);
	VALUE("once", twice, 0);
	VALUE("with its kind", kinds, 202);
	rewinddir(d);
	VALUE("from the start again", count_names(d), 202);
	rewinddir(d);
	for (int i = 0; i < 100; i++)
		(void)readdir(d);
	at = telldir(d);
	n = count_names(d);
	seekdir(d, at);
	VALUE("from the middle again", count_names(d), n);
	rewinddir(d);
	for (int i = 0; i < 50; i++)
		(void)readdir(d);
	for (int i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "d/%03d", i);
		unlink(name);
	}
	YES("while all is removed", count_names(d) >= 0);
	rewinddir(d);
	VALUE("nothing is left", count_names(d), 2);
	put("d/new", "");
	rewinddir(d);
	VALUE("a new one is seen", count_names(d), 3);
	closedir(d);
	chmod("d", 0);
	d = opendir("d");
	VALUE("without mode bits", d != NULL, c->root);
	if (d)
		closedir(d);
}

void check_fifo(struct check *c)
{
	int in, out, status;
	char block[8];
	pid_t pid;

	OKAY("make", mkfifo("p", 0644));
	ERR("again", mkfifo("p", 0644), EEXIST);
	ERR("write without a reader", open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	OKAY("read without a writer", in = open("p", O_RDONLY | O_NONBLOCK));
	VALUE("nothing to read", read(in, block, 1), 0);
	OKAY("now to write", out = open("p", O_WRONLY | O_NONBLOCK));
	ERR("nothing yet", read(in, block, 1), EAGAIN);
	VALUE("write", write(out, "abc", 3), 3);
	VALUE("read", read(in, block, 8), 3);
	ERR("no seeking", lseek(in, 0, SEEK_SET), ESPIPE);
	close(in);
	close(out);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		out = open("p", O_WRONLY);
		_exit(write(out, "child", 5) != 5);
	}
	in = open("p", O_RDONLY);
	VALUE("from a child that waited", read(in, block, 8), 5);
	YES("it ends well", waitpid(pid, &status, 0) == pid && status == 0);
	close(in);
	OKAY("rename", rename("p", "q"));
	OKAY("chmod", chmod("q", 0600));
	OKAY("unlink", unlink("q"));
}

void check_socket(struct check *c)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "s" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), conn;
	char block[8];
	struct stat st;

	OKAY("bind", bind(server, (struct sockaddr *)&at, sizeof(at)));
	YES("a name", lstat("s", &st) == 0 && S_ISSOCK(st.st_mode));
	ERR("open", open("s", O_RDONLY), ENXIO);
	ERR("connect before listen", connect(client, (struct sockaddr *)&at, sizeof(at)), ECONNREFUSED);
	OKAY("listen", listen(server, 1));
	OKAY("connect", connect(client, (struct sockaddr *)&at, sizeof(at)));
	OKAY("accept", conn = accept(server, NULL, NULL));
	VALUE("send", send(client, "hello", 5, 0), 5);
	VALUE("receive", recv(conn, block, 8, 0), 5);
	close(conn);
	close(client);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	ERR("bind to a name that is taken", bind(client, (struct sockaddr *)&at, sizeof(at)), EADDRINUSE);
	OKAY("rename", rename("s", "t"));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "t");
	OKAY("connect by the new name", connect(client, (struct sockaddr *)&at, sizeof(at)));
	OKAY("unlink", unlink("t"));
	close(client);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	ERR("connect to no name", connect(client, (struct sockaddr *)&at, sizeof(at)), ENOENT);
	close(client);
	close(server);
}

void check_device(struct check *c)
{
	struct stat st;
	char byte = 1;
	int fd;

	ERR("make /dev/zero", mknod("zero", S_IFCHR | 0666, makedev(1, 5)), c->root ? 0 : EPERM);
	ERR("make a block device", mknod("loop", S_IFBLK | 0600, makedev(7, 200)), c->root ? 0 : EPERM);
	OKAY("mknod of a file", mknod("f", S_IFREG | 0644, 0));
	OKAY("mknod of a fifo", mknod("p", S_IFIFO | 0644, 0));
	OKAY("mknod of a socket", mknod("s", S_IFSOCK | 0644, 0));
	ERR("mknod of a directory", mknod("d", S_IFDIR | 0755, 0), EPERM);
	ERR("mknod of nothing", mknod("x", S_IFLNK | 0755, 0), EINVAL);
	ERR("a whiteout", mknod("w", S_IFCHR, 0), 0);
	if (!c->root)
		return;
	YES("numbers", lstat("zero", &st) == 0 && st.st_rdev == makedev(1, 5));
	OKAY("open it", fd = open("zero", O_RDWR));
	VALUE("read it", read(fd, &byte, 1), 1);
	VALUE("a zero", byte, 0);
	VALUE("write it", write(fd, &byte, 1), 1);
	close(fd);
	OKAY("unlink", unlink("zero") || unlink("loop") ? -1 : 0);
}

static int script(const char *name, const char *text, mode_t mode)
{
	unlink(name);
	return put(name, text) || chmod(name, mode) ? -1 : 0;
}

/* How a program ends that is started by its name: its status, or minus its errno. */
static int ends(const char *name)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(name, name, "argument", (char *)NULL);
		_exit(200 + (errno & 31));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int copy_program(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
	static char block[65536];
	ssize_t n;

	while (in >= 0 && out >= 0 && (n = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)n) != n)
			return -1;
	close(in);
	return close(out);
}

void check_exec(struct check *c)
{
	int fd;

	OKAY("a program", copy_program("/bin/true", "true"));
	VALUE("run", ends("./true"), 0);
	OKAY("a script", script("s", "#!/bin/sh\nexit 7\n", 0755));
	VALUE("run it", ends("./s"), 7);
	OKAY("its interpreter in the same place", script("i", "#!./true\n", 0755));
	VALUE("run that", ends("./i"), 0);
	OKAY("not executable", chmod("s", 0644));
	VALUE("refused", ends("./s"), 200 + EACCES);
	OKAY("no program at all", script("n", "text\n", 0755));
	VALUE("no format", ends("./n"), 200 + ENOEXEC);
	OKAY("executable, not readable", chmod("true", 0111));
	VALUE("runs", ends("./true"), 0);
	OKAY("readable again", chmod("true", 0755));
	VALUE("missing", ends("./none"), 200 + ENOENT);
	VALUE("a directory", ends("."), 200 + EACCES);
	fd = open("true", O_WRONLY);
	VALUE("open to write", ends("./true"), 200 + ETXTBSY);
	close(fd);
	OKAY("setuid", chmod("true", 04755));
	VALUE("runs too", ends("./true"), 0);
}

/* Make n directories below each other and go down; how many there are. */
static int go_down(int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (mkdir("d", 0755) || chdir("d"))
			break;
	return i;
}

/* A tree of 40 below where the tests stand: with what is above it still in the walk. */
void check_deep(struct check *c)
{
	VALUE("forty directories", go_down(40), 40);
	OKAY("a file at the bottom", put("f", "deep"));
	YES("read", holds("f", "deep"));
	OKAY("a link from bottom to bottom", link("f", "g"));
	OKAY("a rename", rename("g", "h"));
	YES("up by dot dot", chdir("../../../..") == 0);
	YES("and read from there", holds("d/d/d/d/f", "deep"));
	OKAY("rename a directory on the way", rename("d", "e"));
	YES("read by the new name", holds("e/d/d/d/h", "deep"));
	OKAY("make another beside", mkdir("d", 0700));
}

/* Up again from `made` directories, removing each. How many could be removed. */
static int go_up(int made)
{
	int gone = 0;

	while (made-- > 0)
		gone += chdir("..") == 0 && rmdir("d") == 0;
	return gone;
}

/* Deeper than polyward looks inside of a store. Outside that must not matter, and whatever could be made can be removed. */
void check_depth(struct check *c)
{
	char path[1024] = "";
	int made = go_down(200), stopped = made == 200 ? 0 : errno;

	VALUE("two hundred directories", made, 200);
	VALUE("what stopped it", stopped, 0);
	OKAY("a file at the bottom", put("f", "deepest"));
	YES("read", holds("f", "deepest"));
	OKAY("moved up", rename("f", "../f"));
	OKAY("a directory there", mkdir("../e", 0755));
	OKAY("moved down", rename("../e", "e"));
	(void)!rmdir("../e");
	(void)!rmdir("e");
	for (int i = 0; i < made; i++)
		(void)!chdir("..");
	for (int i = 1; i < made; i++)
		(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "d/");
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "f");
	YES("read by one long path", holds(path, "deepest"));
	OKAY("removed by it", unlink(path));
	for (int i = 0; i < made; i++)
		(void)!chdir("d");
	YES("all removed", go_up(made) == made);
}

/* What has no name that fits into one path: 2,500 below each other, entered step by step. */
void check_endless(struct check *c)
{
	int made;

	if (!c->root) /* once is enough: it is slow where the machine is emulated */
		return;
	made = go_down(2500);
	VALUE("directories", made, 2500);
	OKAY("a file", put("f", "endless"));
	OKAY("removed", unlink("f"));
	YES("all removed", go_up(made) == made);
}

static int beside(const struct check *c, char *ret, size_t size, const char *name)
{
	return snprintf(ret, size, "%s/%s", c->beside, name) < (int)size ? 0 : -1;
}

void check_border(struct check *c)
{
	char out[PATH_MAX], there_dir[PATH_MAX];

	if (beside(c, out, sizeof(out), "out") || beside(c, there_dir, sizeof(there_dir), "dir"))
		return;
	put("f", "in");
	OKAY("copy", copy_program("f", out));
	YES("its contents", holds(out, "in"));
	OKAY("remove the copy", unlink(out));
	OKAY("move a file", rename("f", out));
	YES("it is there", holds(out, "in"));
	OKAY("and back", rename(out, "f"));
	YES("it is back", holds("f", "in"));
	OKAY("link a file", link("f", out));
	unlink(out);
	mkdir("d", 0755);
	OKAY("move a directory", rename("d", there_dir));
	(void)!rename(there_dir, "d");
	put("g", "");
	(void)!link("g", "h");
	OKAY("move a file with two names", rename("g", out));
	unlink(out);
	put("k", "K");
	put(out, "O");
	OKAY("exchange", renameat2(AT_FDCWD, "k", AT_FDCWD, out, RENAME_EXCHANGE));
	YES("they changed places", holds("k", "O") && holds(out, "K"));
	unlink(out);
	OKAY("a symbolic link to there", symlink(out, "to-out"));
	OKAY("make a file through it", put("to-out", "through"));
	YES("it lies there", holds(out, "through"));
	OKAY("remove it there", unlink(out));
	OKAY("a symbolic link to here", symlink("/proc/self/cwd/f", out));
	YES("read through it", holds(out, "in"));
	unlink(out);
}
