/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of all kinds, leases, and what inotify tells. Another process is asked where the question is what others see. Must never wait
 * for a lock without a limit.
 */
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child gets that runs what(arg): 0, or -1 and its errno. */
static int in_child(int (*what)(void *arg), void *arg)
{
	return as_user(geteuid(), getegid(), what, arg);
}

static struct flock lock_of(short type, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

struct wish {
	int cmd;
	struct flock lock;
};

static int take_lock(void *arg)
{
	struct wish *w = arg;
	int fd = open("f", O_RDWR);

	return fd < 0 ? -1 : fcntl(fd, w->cmd, &w->lock);
}

static int lock_elsewhere(int cmd, short type, off_t start, off_t len)
{
	struct wish w = { .cmd = cmd, .lock = lock_of(type, start, len) };

	return in_child(take_lock, &w);
}

static int ask_lock(void *arg)
{
	struct wish *w = arg;
	int fd = open("f", O_RDWR);

	if (fd < 0 || fcntl(fd, F_GETLK, &w->lock))
		return -1;
	errno = w->lock.l_type == F_UNLCK ? 0 : w->lock.l_type == F_WRLCK ? EBUSY : EAGAIN;
	return errno ? -1 : 0;
}

void check_record_locks(struct check *c)
{
	struct wish ask = { .lock = lock_of(F_WRLCK, 0, 1) };
	struct flock l;
	int fd, more;

	put("f", "0123456789");
	fd = open("f", O_RDWR);
	more = open("f", O_RDWR);
	l = lock_of(F_WRLCK, 0, 5);
	OKAY("exclusive", fcntl(fd, F_SETLK, &l));
	OKAY("again by the same process", fcntl(more, F_SETLK, &l));
	ERR("the same by another", lock_elsewhere(F_SETLK, F_WRLCK, 0, 5), EAGAIN);
	ERR("shared by another", lock_elsewhere(F_SETLK, F_RDLCK, 4, 1), EAGAIN);
	OKAY("another range", lock_elsewhere(F_SETLK, F_WRLCK, 5, 5));
	ERR("who has it", in_child(ask_lock, &ask), EBUSY);
	l = lock_of(F_RDLCK, 0, 5);
	OKAY("down to shared", fcntl(fd, F_SETLK, &l));
	OKAY("shared by two", lock_elsewhere(F_SETLK, F_RDLCK, 0, 5));
	ERR("exclusive over shared", lock_elsewhere(F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	l = lock_of(F_UNLCK, 1, 2);
	OKAY("split", fcntl(fd, F_SETLK, &l));
	OKAY("in the gap", lock_elsewhere(F_SETLK, F_WRLCK, 1, 2));
	ERR("beside the gap", lock_elsewhere(F_SETLK, F_WRLCK, 3, 1), EAGAIN);
	OKAY("close of any descriptor", close(more));
	OKAY("gives all back", lock_elsewhere(F_SETLK, F_WRLCK, 0, 0));
	l = lock_of(F_WRLCK, 0, 0);
	OKAY("lockf", lockf(fd, F_TLOCK, 0));
	ERR("to the end of all files", lock_elsewhere(F_SETLK, F_WRLCK, 1 << 20, 1), EAGAIN);
	l = lock_of(F_WRLCK, -1, 1);
	ERR("before the start", fcntl(fd, F_SETLK, &l), EINVAL);
	close(fd);
	fd = open("f", O_RDONLY);
	l = lock_of(F_WRLCK, 0, 1);
	ERR("exclusive, open to read", fcntl(fd, F_SETLK, &l), EBADF);
	l = lock_of(F_RDLCK, 0, 1);
	OKAY("shared, open to read", fcntl(fd, F_SETLK, &l));
	close(fd);
	fd = open("f", O_RDWR);
	more = open("f", O_RDWR);
	l = lock_of(F_WRLCK, 0, 1);
	OKAY("of the open file", fcntl(fd, F_OFD_SETLK, &l));
	l = lock_of(F_WRLCK, 0, 1);
	ERR("by another open file of this process", fcntl(more, F_OFD_SETLK, &l), EAGAIN);
	OKAY("close of the other", close(more));
	ERR("leaves it", lock_elsewhere(F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	OKAY("its own close", close(fd));
	OKAY("gives it back", lock_elsewhere(F_OFD_SETLK, F_WRLCK, 0, 1));
}

static int take_flock(void *arg)
{
	int fd = open("f", O_RDONLY);

	return fd < 0 ? -1 : flock(fd, *(int *)arg);
}

static int flock_elsewhere(int how)
{
	return in_child(take_flock, &how);
}

void check_flock(struct check *c)
{
	int fd, more, copy;

	put("f", "");
	mkdir("d", 0755);
	fd = open("f", O_RDONLY);
	more = open("f", O_RDWR);
	OKAY("shared", flock(fd, LOCK_SH));
	OKAY("shared by another open file", flock(more, LOCK_SH | LOCK_NB));
	ERR("exclusive by one of two", flock(fd, LOCK_EX | LOCK_NB), EAGAIN);
	OKAY("given back", flock(more, LOCK_UN));
	OKAY("exclusive", flock(fd, LOCK_EX | LOCK_NB));
	ERR("another process", flock_elsewhere(LOCK_SH | LOCK_NB), EAGAIN);
	copy = dup(fd);
	OKAY("close of one copy", close(fd));
	ERR("leaves it", flock_elsewhere(LOCK_EX | LOCK_NB), EAGAIN);
	OKAY("close of the other", close(copy));
	OKAY("gives it back", flock_elsewhere(LOCK_EX | LOCK_NB));
	close(more);
	fd = open("d", O_RDONLY);
	OKAY("a directory", flock(fd, LOCK_EX | LOCK_NB));
	ERR("no kind of lock", flock(fd, 64), EINVAL);
	close(fd);
}

static int open_to_write(void *name)
{
	int fd = open(name, O_WRONLY | O_NONBLOCK);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static volatile sig_atomic_t told;

static void tell(int signo)
{
	told = signo;
}

void check_lease(struct check *c)
{
	int fd, status;
	pid_t pid;

	put("f", "x");
	signal(SIGIO, tell);
	fd = open("f", O_RDONLY);
	OKAY("read lease", fcntl(fd, F_SETLEASE, F_RDLCK));
	VALUE("it is one", fcntl(fd, F_GETLEASE), F_RDLCK);
	ERR("another opens to write", in_child(open_to_write, (void *)"f"), EAGAIN);
	YES("the holder is told", told == SIGIO);
	OKAY("give it back", fcntl(fd, F_SETLEASE, F_UNLCK));
	OKAY("now it opens", in_child(open_to_write, (void *)"f"));
	OKAY("write lease", fcntl(fd, F_SETLEASE, F_WRLCK));
	VALUE("it is another", fcntl(fd, F_GETLEASE), F_WRLCK);
	told = 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd = open("f", O_RDONLY); /* waits until the lease is gone */
		_exit(fd < 0);
	}
	for (int i = 0; i < 200 && !told; i++)
		tick();
	YES("a reader breaks it", told == SIGIO);
	OKAY("give way", fcntl(fd, F_SETLEASE, F_UNLCK));
	YES("the reader goes on", waitpid(pid, &status, 0) == pid && status == 0);
	close(fd);
	fd = open("f", O_RDWR);
	ERR("read lease on what is open to write", fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
	close(fd);
	mkdir("d", 0755);
	fd = open("d", O_RDONLY);
	ERR("of a directory", fcntl(fd, F_SETLEASE, F_RDLCK), EINVAL);
	close(fd);
	if (!c->root)
		return;
	chmod(".", 0777);
	YES("signal of changes", (fd = open(".", O_RDONLY)) >= 0 && fcntl(fd, F_NOTIFY, DN_CREATE) == 0);
	told = 0;
	put("new", "");
	YES("came", told == SIGIO);
	close(fd);
}

/* The masks of the events that wait, in order, as one number a name: what happened, without cookies and watch numbers. */
static void events(struct check *c, const char *name, int fd, const uint32_t *wanted, size_t n)
{
	_Alignas(struct inotify_event) char block[4096];
	ssize_t got = read(fd, block, sizeof(block));
	size_t i = 0, at = 0;
	bool same = true;

	while (got > 0 && at < (size_t)got) {
		const struct inotify_event *e = (const void *)(block + at);

		if (i >= n || e->mask != wanted[i])
			same = false, printf("# event %zu: %x %s\n", i, e->mask, e->len ? e->name : "");
		i++;
		at += sizeof(*e) + e->len;
	}
	VALUE(name, same && i == n, 1);
}

#define EVENTS(name, ...) events(c, (name), fd, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

void check_inotify(struct check *c)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), file, wd;
	char block[8];

	mkdir("d", 0755);
	OKAY("watch a directory", wd = inotify_add_watch(fd, "d", IN_ALL_EVENTS));
	put("d/f", "x");
	EVENTS("create and write", IN_CREATE, IN_OPEN, IN_MODIFY, IN_CLOSE_WRITE);
	file = open("d/f", O_RDONLY);
	(void)!read(file, block, 1);
	close(file);
	EVENTS("read", IN_OPEN, IN_ACCESS, IN_CLOSE_NOWRITE);
	chmod("d/f", 0600);
	EVENTS("chmod", IN_ATTRIB);
	rename("d/f", "d/g");
	EVENTS("rename", IN_MOVED_FROM, IN_MOVED_TO);
	rename("d/g", "g");
	EVENTS("out", IN_MOVED_FROM);
	rename("g", "d/g");
	EVENTS("in", IN_MOVED_TO);
	mkdir("d/e", 0755);
	rmdir("d/e");
	EVENTS("a directory", IN_CREATE | IN_ISDIR, IN_DELETE | IN_ISDIR);
	OKAY("watch a file", inotify_add_watch(fd, "d/g", IN_ALL_EVENTS));
	(void)!truncate("d/g", 0);
	EVENTS("both tell", IN_MODIFY, IN_MODIFY);
	unlink("d/g");
	EVENTS("unlink", IN_ATTRIB, IN_DELETE_SELF, IN_IGNORED, IN_DELETE);
	OKAY("no longer", inotify_rm_watch(fd, wd));
	EVENTS("says so", IN_IGNORED);
	ERR("no such watch", inotify_rm_watch(fd, wd), EINVAL);
	ERR("missing", inotify_add_watch(fd, "none", IN_ALL_EVENTS), ENOENT);
	ERR("only a directory", put("f", "") || inotify_add_watch(fd, "f", IN_MODIFY | IN_ONLYDIR) < 0 ? -1 : 0, ENOTDIR);
	ERR("nothing there", read(fd, block, sizeof(block)), EAGAIN);
	close(fd);
}
