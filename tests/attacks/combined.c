// SPDX-License-Identifier: Apache-2.0
/* Several mechanisms together, each harmless by itself: namespaces, overlays, descriptors, roles that end, races. */
#include "attack.h"

#include <linux/fs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* A role is lost between opening and reading. */
static int open_then_leave(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	become(USER);
	return take(fd);
}

static int read_then_leave(void)
{
	char byte;
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	/* The permission of this read is remembered; the next is somebody else's. */
	need(fd >= 0 && read(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1);
	become(USER);
	return take(fd);
}

static int map_then_leave(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, FILE_BYTES, PROT_NONE, MAP_PRIVATE, fd, 0);

	need(fd >= 0 && at != MAP_FAILED);
	become(USER);
	/* Nothing of it is readable yet. */
	if (mprotect(at, FILE_BYTES, PROT_READ))
		return attempt("mprotect after the role has gone", -1);
	got(at, 512);
	return 0;
}

static int fork_then_leave(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC), pid;

	need(fd >= 0);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		become(USER);
		_exit(take(fd));
	}
	return reap(pid);
}

/* One thread leaves, the other stays: they share descriptors and memory, not the right. */
static char stack[65536];

static int thread_reads(void *fd)
{
	need(!syscall(SYS_setresuid, USER, USER, USER));
	*(int *)fd = take(*(int *)fd);
	return 0;
}

static int thread_leaves(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC), flag = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	int was = fd;

	need(fd >= 0);
	need(clone(thread_reads, stack + sizeof(stack), flag, &fd) > 0);
	for (int i = 0; i < 200 && *(volatile int *)&fd == was; i++)
		usleep(10000);
	return fd;
}

/* Sent to oneself over a socket while one may; received when one may no longer. */
static int mail_to_self(void)
{
	union { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control = { { 0 } };
	char byte = 'x';
	struct iovec part = { &byte, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_LEN(sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int ends[2], fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0 && !socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	need(sendmsg(ends[0], &m, 0) == 1);
	become(USER);
	m.msg_controllen = sizeof(control.room);
	need(recvmsg(ends[1], &m, 0) == 1);
	c = CMSG_FIRSTHDR(&m);
	if (!c)
		return attempt("receive", (errno = EACCES, -1));
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return take(fd);
}

/* ---- two stores with other rights */
static int exchange_stores(void)
{
	char other[64];

	snprintf(other, sizeof(other), NOTES "/of-%d.txt", me());
	return attempt("exchange between stores", syscall(SYS_renameat2, AT_FDCWD, mine(), AT_FDCWD, other, RENAME_EXCHANGE));
}

static int move_linked(void)
{
	need(!mkdir(SCRATCH "/d", 0777));
	return attempt("move an old link deeper", rename(OLD_LINK, SCRATCH "/d/l"));
}

static int move_folder_with_link(void)
{
	return attempt("move a folder with an old link into the other store", rename(OUTSIDE, NOTES "/x"));
}

/* ---- descriptors that cannot read, made to */
static int how(uint64_t flags, uint64_t resolve)
{
	struct open_how h = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	char name[32];
	int dir = open(STORE, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	snprintf(name, sizeof(name), "of-%d.txt", me());
	fd = (int)syscall(SYS_openat2, dir, name, &h, sizeof(h));
	return fd < 0 ? attempt("openat2", fd) : take(fd);
}

static int beneath(void)    { return how(O_RDONLY, RESOLVE_BENEATH); }
static int in_root(void)    { return how(O_RDONLY, RESOLVE_IN_ROOT); }
static int no_links(void)   { return how(O_RDONLY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV); }
static int cached(void)
{
	struct stat st;

	(void)stat(mine(), &st);
	return how(O_RDONLY, RESOLVE_CACHED);
}

static int path_reopen(void)
{
	char path[64];
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	need(fd >= 0);
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	return take_path(path);
}

static int path_over_namespace(void)
{
	char path[64];
	int fd = open(mine(), O_PATH | O_CLOEXEC);

	own_namespaces(CLONE_NEWNET);
	need(fd >= 0 && !chroot("/tmp") && !chdir("/"));
	snprintf(path, sizeof(path), "/dev/null");
	/* No /proc here any more: back in through the descriptor's own tree. */
	fd = openat(EARLY_DIR, "secret.txt", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? attempt("openat from another root", fd) : take(fd);
}

/* ---- overlays in namespaces */
static int overlay_rename(void)
{
	char from[96], to[] = SCRATCH2 "/m/x";

	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/u", 0777) && !mkdir(SCRATCH2 "/w", 0777) && !mkdir(SCRATCH2 "/m", 0777));
	if (mount("overlay", SCRATCH2 "/m", "overlay", 0, "lowerdir=" STORE ",upperdir=" SCRATCH2 "/u,workdir=" SCRATCH2 "/w"))
		return attempt("mount", -1);
	snprintf(from, sizeof(from), SCRATCH2 "/m/of-%d.txt", me());
	/* A rename copies up the whole file, with the credentials of who mounted. */
	if (rename(from, to))
		return attempt("rename in the overlay", -1);
	snprintf(from, sizeof(from), SCRATCH2 "/u/x");
	return take_path(from);
}

static int overlay_link(void)
{
	char from[96];

	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/u", 0777) && !mkdir(SCRATCH2 "/w", 0777) && !mkdir(SCRATCH2 "/m", 0777));
	if (mount("overlay", SCRATCH2 "/m", "overlay", 0, "lowerdir=" STORE ":" NOTES ",upperdir=" SCRATCH2 "/u,workdir=" SCRATCH2 "/w"))
		return attempt("mount", -1);
	snprintf(from, sizeof(from), SCRATCH2 "/m/of-%d.txt", me());
	if (link(from, SCRATCH2 "/m/x"))
		return attempt("link in the overlay", -1);
	return take_path(SCRATCH2 "/u/x");
}

static int overlay_twice(void)
{
	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/m", 0777) && !mkdir(SCRATCH2 "/n", 0777) && !mkdir(SCRATCH2 "/e", 0777));
	if (mount("overlay", SCRATCH2 "/m", "overlay", 0, "lowerdir=" STORE ":" SCRATCH2 "/e") ||
	    mount("overlay", SCRATCH2 "/n", "overlay", 0, "lowerdir=" SCRATCH2 "/m:" SCRATCH2 "/e"))
		return attempt("mount", -1);
	return take_path(SCRATCH2 "/n/secret.txt");
}

/* ---- races */
static int flip_links(void *unused)
{
	(void)unused;
	for (;;) {
		(void)!symlink(SECRET, SCRATCH "/t");
		(void)rename(SCRATCH "/t", SCRATCH "/a");
		make_file(SCRATCH "/t", 0666);
		(void)rename(SCRATCH "/t", SCRATCH "/a");
	}
	return 0;
}

static int race_symlink(void)
{
	int pid, refused = 0;

	make_file(SCRATCH "/a", 0666);
	pid = child(flip_links, NULL);
	for (int i = 0; i < 1500; i++) {
		char bytes[512];
		int fd = open(SCRATCH "/a", O_RDONLY | O_CLOEXEC);
		long n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

		refused += fd < 0 && errno == EACCES;
		if (n > 100)
			got(bytes, n);
		if (fd >= 0)
			close(fd);
	}
	kill(pid, SIGKILL);
	reap(pid);
	say("%d of 1500 were led into the store", refused);
	return refused ? EACCES : 0;
}

/* One exchanges a file of its own with a link to the secret, the other writes to it. */
static int race_write(void)
{
	int pid, refused = 0;

	make_file(SCRATCH "/a", 0666);
	pid = child(flip_links, NULL);
	for (int i = 0; i < 1500; i++) {
		int fd = open(SCRATCH "/a", O_WRONLY | O_TRUNC | O_CLOEXEC);

		refused += fd < 0 && errno == EACCES;
		if (fd >= 0 && write(fd, "gone", 4) != 4)
			say("write: %m");
		if (fd >= 0)
			close(fd);
	}
	kill(pid, SIGKILL);
	reap(pid);
	return refused ? EACCES : 0;
}

static int rename_loop(void *unused)
{
	(void)unused;
	need(!mkdir(SCRATCH "/d", 0777) || errno == EEXIST);
	for (;;) {
		/* A folder outside is moved to and fro while its neighbour is asked. */
		(void)rename(SCRATCH "/d", SCRATCH "/e");
		(void)rename(SCRATCH "/e", SCRATCH "/d");
		(void)rename(mine(), SCRATCH "/d/x");
		(void)!link(mine(), SCRATCH "/d/y");
	}
	return 0;
}

static int race_rename(void)
{
	int pid = child(rename_loop, NULL), code = EACCES;

	for (int i = 0; i < 1500 && code; i++) {
		int fd = open(i & 1 ? mine() : SCRATCH "/d/x", O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			code = take(fd);
	}
	kill(pid, SIGKILL);
	reap(pid);
	return code ? attempt("open while it is renamed", (errno = EACCES, -1)) : 0;
}

/* Mount and unmount in a namespace of one's own while another of our processes walks there. */
static int race_mount(void)
{
	int pid, code = EACCES;

	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/m", 0777));
	pid = fork();
	need(pid >= 0);
	if (!pid)
		for (;;) {
			(void)mount(STORE, SCRATCH2 "/m", NULL, MS_BIND, NULL);
			(void)umount2(SCRATCH2 "/m", MNT_DETACH);
		}
	for (int i = 0, seen = 0; i < 2000 && seen < 5 && code; i++) {
		int fd = open(SCRATCH2 "/m/secret.txt", O_RDONLY | O_CLOEXEC);

		seen += fd < 0 && errno == EACCES;
		if (fd >= 0)
			code = take(fd);
		else
			usleep(300);
	}
	kill(pid, SIGKILL);
	reap(pid);
	umount2(SCRATCH2 "/m", MNT_DETACH);
	return code ? attempt("open while it is mounted", (errno = EACCES, -1)) : 0;
}

VARIANTS({ "open_then_leave", open_then_leave }, { "read_then_leave", read_then_leave }, { "map_then_leave", map_then_leave },
	 { "fork_then_leave", fork_then_leave }, { "thread_leaves", thread_leaves }, { "mail_to_self", mail_to_self },
	 { "exchange_stores", exchange_stores }, { "move_linked", move_linked }, { "move_folder_with_link", move_folder_with_link },
	 { "beneath", beneath }, { "in_root", in_root }, { "no_links", no_links }, { "cached", cached }, { "path_reopen", path_reopen },
	 { "path_over_namespace", path_over_namespace }, { "overlay_rename", overlay_rename }, { "overlay_link", overlay_link },
	 { "overlay_twice", overlay_twice }, { "race_symlink", race_symlink }, { "race_write", race_write }, { "race_rename", race_rename },
	 { "race_mount", race_mount })
