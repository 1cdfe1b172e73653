// SPDX-License-Identifier: Apache-2.0
/* Polyward's own files: state, log, programs, lock and socket. Everybody may look; nobody else may write, remove, rename or cover. */
#include "attack.h"

#include <fts.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#define STATE "/var/lib/polyward"
#define LOG   "/var/log/polyward"
#define RUN   "/run/polyward"

/* The folder of the program that PATH leads to, and of the roles' programs beside it. */
static const char *installed(const char *more)
{
	static char path[600];
	char *dirs = strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = dirs, *one;

	while (dirs && (one = strsep(&rest, ":"))) {
		snprintf(path, sizeof(path), "%s/polywardd", one);
		if (!access(path, X_OK)) {
			snprintf(path, sizeof(path), "%s/%s", one, more);
			free(dirs);
			return path;
		}
	}
	broken("polywardd is not on PATH");
}

/* A name beside the folder that is under attack: on its own mount, wherever that is. */
static char away[700];

/* On every file below: the first success ends it, else the last errno. */
static int each(const char *root, const char *what, long (*try_)(const char *path))
{
	char place[600];
	char *const roots[] = { place, NULL };
	int code = ENOENT;
	FTS *f;

	snprintf(place, sizeof(place), "%s", root);
	snprintf(away, sizeof(away), "%s.away", root);
	f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	for (FTSENT *e; f && code && (e = fts_read(f));)
		if (e->fts_info == FTS_F)
			code = try_(e->fts_accpath) < 0 ? errno : 0;
	if (f)
		fts_close(f);
	return attempt(what, code ? (errno = code, -1) : 0);
}

static long do_write(const char *path)  { return open(path, O_WRONLY | O_CLOEXEC); }
static long do_append(const char *path) { return open(path, O_WRONLY | O_APPEND | O_CLOEXEC); }
static long do_unlink(const char *path) { return unlink(path); }
static long do_chmod(const char *path)  { return chmod(path, 0666); }
static long do_rename(const char *path) { return rename(path, away); }
static long do_xattr(const char *path)  { return setxattr(path, "trusted.x", "y", 1, 0); }
static long do_link(const char *path)   { return link(path, away); }
/* To its own size: nothing is lost if it succeeds. */
static long do_truncate(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : truncate(path, st.st_size);
}

#define EVERY(place, root) \
	static int place##_write(void)    { return each(root, "open to write", do_write); } \
	static int place##_append(void)   { return each(root, "open to append", do_append); } \
	static int place##_unlink(void)   { return each(root, "unlink", do_unlink); } \
	static int place##_chmod(void)    { return each(root, "chmod", do_chmod); } \
	static int place##_rename(void)   { return each(root, "rename", do_rename); } \
	static int place##_truncate(void) { return each(root, "truncate", do_truncate); } \
	static int place##_xattr(void)    { return each(root, "setxattr", do_xattr); } \
	static int place##_link(void)     { return each(root, "link", do_link); }
EVERY(state, STATE)
EVERY(log, LOG)
EVERY(programs, installed("libexec"))

static int make(const char *folder, const char *name)
{
	char path[700];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd >= 0)
		unlink(path);
	return attempt("make a file", fd);
}

static int state_make(void)    { return make(STATE, "x"); }
static int log_make(void)      { return make(LOG "/records", "x"); }
static int programs_make(void) { return make(installed("libexec"), "polyward-x"); }
static int run_make(void)      { return make(RUN, "x"); }

static int move(const char *path)
{
	int code;

	snprintf(away, sizeof(away), "%s.moved", path);
	code = attempt("rename the folder", rename(path, away));
	if (!code)
		(void)rename(away, path);
	return code;
}

static int state_move(void)    { return move(STATE); }
static int log_move(void)      { return move(LOG); }
static int programs_move(void) { return move(installed("libexec")); }
static int run_move(void)      { return move(RUN); }
static int daemon_move(void)   { return move(installed("polywardd")); }
static int daemon_write(void)  { return attempt("open to write", open(installed("polywardd"), O_WRONLY | O_CLOEXEC)); }
static int daemon_chmod(void)  { return attempt("chmod", chmod(installed("polywardd"), 0755)); }
static int socket_unlink(void) { return attempt("unlink the socket", unlink(RUN "/control")); }
static int lock_unlink(void)   { return attempt("unlink the lock", unlink(RUN "/lock")); }

static int cover(const char *path)
{
	int code = attempt("mount over", mount("tmpfs", path, "tmpfs", 0, NULL));

	if (!code)
		umount2(path, MNT_DETACH);
	return code;
}

static int state_cover(void)    { return cover(STATE); }
static int log_cover(void)      { return cover(LOG); }
static int programs_cover(void) { return cover(installed("libexec")); }

static int daemon_cover(void)
{
	int code = attempt("bind over the program", mount("/bin/true", installed("polywardd"), NULL, MS_BIND, NULL));

	if (!code)
		umount2(installed("polywardd"), MNT_DETACH);
	return code;
}

/* ---- orders by those who may give none */
static int order(const char *const argv[])
{
	int status = run_program(argv);

	return status ? attempt("polyward refuses", (errno = EPERM, -1)) : 0;
}

static int down(void)  { return order((const char *const[]){ installed("polyward"), "down", "--yes-stop-enforcing", NULL }); }
static int apply(void)
{
	int fd = open(SCRATCH2 "/open.pw", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	static const char policy[] = "polyward 1\npolicy open { version 1 }\n";

	need(fd >= 0 && write(fd, policy, sizeof(policy) - 1) > 0);
	close(fd);
	return order((const char *const[]){ installed("polyward"), "apply", SCRATCH2 "/open.pw", NULL });
}

static int read_log(void) { return order((const char *const[]){ installed("polyward"), "log", "--last", "1", NULL }); }

/* Frames of every length and no sense; the next who asks must get an answer. */
static int garbage(void)
{
	char frame[4096];

	for (size_t size = 1; size < sizeof(frame); size = size * 3 + 1) {
		struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = RUN "/control" };
		int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

		need(s >= 0);
		if (connect(s, (struct sockaddr *)&at, sizeof(at)))
			return attempt("connect", -1);
		memset(frame, (int)size, sizeof(frame));
		(void)!send(s, frame, size, MSG_NOSIGNAL);
		close(s);
	}
	return run_program((const char *const[]){ installed("polyward"), "status", NULL }) == 0 ? CAME_TO_NOTHING : 0;
}

#define ALL(place) \
	{ #place "_write", place##_write }, { #place "_append", place##_append }, { #place "_unlink", place##_unlink }, \
	{ #place "_chmod", place##_chmod }, { #place "_rename", place##_rename }, { #place "_truncate", place##_truncate }, \
	{ #place "_xattr", place##_xattr }, { #place "_link", place##_link }, { #place "_make", place##_make }, { #place "_move", place##_move }

VARIANTS(ALL(state), ALL(log), ALL(programs), { "run_make", run_make }, { "run_move", run_move }, { "daemon_move", daemon_move },
	 { "daemon_write", daemon_write }, { "daemon_chmod", daemon_chmod }, { "socket_unlink", socket_unlink }, { "lock_unlink", lock_unlink },
	 { "state_cover", state_cover }, { "log_cover", log_cover }, { "programs_cover", programs_cover }, { "daemon_cover", daemon_cover },
	 { "down", down }, { "apply", apply }, { "read_log", read_log }, { "garbage", garbage })
