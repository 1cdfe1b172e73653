/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the supervisor needs before it shuts itself in: privilege, users, directories, the lock that makes it the only one, and
 * the socket for clients. Never takes anything from a daemon that is alive.
 */
#include "roles/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

/* Roles lie beside the daemon in a build tree, else where they were installed. */
static int find_libexec(struct supervisor *s, struct err *e)
{
	char self[PATH_MAX - 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (s->opt.libexec)
		return snprintf(s->libexec, sizeof(s->libexec), "%s", s->opt.libexec) >= (int)sizeof(s->libexec) ?
			err_set(e, -ENAMETOOLONG, "--libexec") : 0;
	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (slash) {
		*slash = '\0';
		(void)snprintf(s->libexec, sizeof(s->libexec), "%s/libexec/polyward-kernel", self);
		if (access(s->libexec, X_OK) == 0) {
			s->libexec[strlen(s->libexec) - strlen("/polyward-kernel")] = '\0';
			return 0;
		}
	}
	(void)snprintf(s->libexec, sizeof(s->libexec), "%s", PW_LIBEXEC);
	return 0;
}

static int open_path(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, -errno, "open the directory %s", path) : 0;
}

/* Where the programs lie: the kernel process guards them. */
static int open_programs(struct supervisor *s, struct err *e)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int r = open_path(s->libexec, &s->install_fd, e);

	self[n < 0 ? 0 : n] = '\0';
	slash = strrchr(self, '/');
	if (r < 0 || !slash)
		return r < 0 ? r : err_say(e, -ENOENT, "where this program lies");
	if (snprintf(s->entry, sizeof(s->entry), "%s", slash + 1) >= (int)sizeof(s->entry))
		return err_set(e, -ENAMETOOLONG, "%s", self);
	slash[slash == self] = '\0';
	return open_path(self, &s->entry_dir_fd, e);
}

static int need_users(struct err *e)
{
	static const char *const users[] = { "_polyward-control", "_polyward-audit", "nobody" };

	uid_t uid;
	gid_t gid;
	int r = 0;

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]) && r == 0; i++)
		r = sandbox_user(users[i], &uid, &gid, e);
	return r;
}

/* Mode and owner of a directory that was just opened as fd, which is taken over. */
static int own_dir(int fd, const char *path, mode_t mode, const char *owner, int *ret_fd, struct err *e)
{
	_fd_ int taken = fd;
	uid_t uid = 0;
	gid_t gid = 0;
	int r = owner ? sandbox_user(owner, &uid, &gid, e) : 0;

	if (r < 0)
		return r;
	if (fchmod(taken, mode) < 0 || (owner && fchown(taken, uid, gid) < 0))
		return err_set(e, -errno, "mode and owner of %s", path);
	*ret_fd = take_fd(taken);
	return 0;
}

static int open_dir(const char *path, mode_t mode, int *ret_fd, struct err *e)
{
	int fd;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make the directory %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open the directory %s", path) : own_dir(fd, path, mode, NULL, ret_fd, e);
}

/* A directory inside: not one that is mounted there, which may be part of another log. */
static int open_inner(int dir_fd, const char *name, mode_t mode, int *ret_fd, struct err *e)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	int fd;

	if (mkdirat(dir_fd, name, mode) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make the directory %s in the log directory", name);
	fd = (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));
	return fd < 0 ? err_set(e, -errno, "open the directory %s in the log directory", name) :
			own_dir(fd, name, mode, "_polyward-audit", ret_fd, e);
}

/*
 * Two levels: the outer one keeps others out; records and keys of sealed fields can be read by whoever is handed their descriptors, and
 * that only polyward-audit does, after it has recorded who asked. What signs is handed to nobody.
 */
static int open_log_dir(struct supervisor *s, struct err *e)
{
	const struct { const char *name; mode_t mode; int *ret_fd; } inner[] = {
		{ "records", 0755, &s->child[CHILD_AUDIT].given_fd }, { "keys", 0755, &s->keys_fd }, { "signer", 0700, &s->signer_fd },
	};
	int r = open_dir(s->opt.log_dir, 0700, &s->log_fd, e);

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]) && r == 0; i++)
		r = open_inner(s->log_fd, inner[i].name, inner[i].mode, inner[i].ret_fd, e);
	if (r == 0) {
		/* In the guarded directory: while a policy is in force, nobody shortens what is kept. Without it all is kept. */
		s->retention_fd = openat(s->log_fd, "retention", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (s->retention_fd < 0 && errno == ENOENT)
			s->retention_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (s->retention_fd < 0)
			r = err_set(e, -errno, "open %s/retention", s->opt.log_dir);
	}
	return r;
}

static int take_lock(struct supervisor *s, struct err *e)
{
	char pid[32] = { 0 };
	ssize_t n;

	s->lock_fd = openat(s->run_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->lock_fd < 0)
		return err_set(e, -errno, "open %s/lock", s->opt.run_dir);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		n = read(s->lock_fd, pid, sizeof(pid) - 1);
		pid[strcspn(pid, "\n")] = '\0';
		return err_say(e, -EBUSY, "polywardd is running already (process %s holds %s/lock); use it, or stop it first: "
			       "systemctl stop polyward", n > 0 ? pid : "?", s->opt.run_dir);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
		return err_set(e, -errno, "write %s/lock", s->opt.run_dir);
	return 0;
}

static int watch_signals(struct supervisor *s, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_set(e, -errno, "signals");
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	(void)signal(SIGPIPE, SIG_IGN);
	return s->signal_fd < 0 ? err_set(e, -errno, "signals") : 0;
}

int setup_all(struct supervisor *s, struct err *e)
{
	char path[PATH_MAX];
	int r;

	if (geteuid() != 0)
		return err_say(e, -EPERM, "only root can start it; try: systemctl start polyward");
	umask(0022);
	r = need_users(e);
	if (r == 0)
		r = find_libexec(s, e);
	if (r == 0)
		r = open_programs(s, e);
	if (r == 0)
		r = open_dir(s->opt.run_dir, 0755, &s->run_fd, e);
	if (r == 0)
		r = take_lock(s, e);
	if (r == 0)
		r = open_dir(s->opt.state_dir, 0700, &s->child[CHILD_KERNEL].given_fd, e);
	if (r == 0)
		r = open_log_dir(s, e);
	if (r == 0 && snprintf(path, sizeof(path), "%s/%s", s->opt.run_dir, IPC_SOCKET) >= (int)sizeof(path))
		r = err_set(e, -ENAMETOOLONG, "%s", s->opt.run_dir);
	if (r == 0)
		r = ipc_listen(path, &s->child[CHILD_CONTROL].given_fd, e);
	if (r == 0)
		r = watch_signals(s, e);
	return r < 0 ? err_wrap(e, "cannot start") : 0;
}

void setup_undo(struct supervisor *s)
{
	/* The socket goes only if it is ours: without the lock it belongs to the daemon that has it. */
	if (s->child[CHILD_CONTROL].given_fd >= 0)
		(void)unlinkat(s->run_fd, IPC_SOCKET, 0);
	for (size_t i = 0; i < CHILD_MAX_; i++)
		cleanup_fd(&s->child[i].given_fd);
	cleanup_fd(&s->lock_fd);
	cleanup_fd(&s->run_fd);
	cleanup_fd(&s->signal_fd);
	cleanup_fd(&s->log_fd);
	cleanup_fd(&s->keys_fd);
	cleanup_fd(&s->signer_fd);
	cleanup_fd(&s->retention_fd);
	cleanup_fd(&s->install_fd);
	cleanup_fd(&s->entry_dir_fd);
}

void setup_notify(const char *state)
{
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	_fd_ int fd = -1;
	size_t n = where ? strlen(where) : 0;

	if (n < 2 || n >= sizeof(a.sun_path))
		return;
	memcpy(a.sun_path, where, n);
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&a,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
}
