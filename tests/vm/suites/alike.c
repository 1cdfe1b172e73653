// SPDX-License-Identifier: Apache-2.0
/*
 * One opening after the other in a directory under `log all`: the record of the next is written from that of the last (bpf/alike.bpf.h).
 * It must be the record that the gate would have written, and whatever makes it another must end that. Whether it was written so shows in
 * the ring: such an event ends behind its names.
 */
#include "led.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define BASE   "/srv/alike"
#define DEEP   BASE "/a/bb"
#define CGROUP "/sys/fs/cgroup/alike"

#define HEAD "polyward 1\npolicy suite { version 1 log all }\nstore data { path " BASE " }\nstore inner { path " BASE "/inner }\n" \
	"role readers { members user:reader }\nrole makers { members user:root }\nrule m { allow makers to read, list, create, write, delete on data, inner }\n"
static const char policy[] = HEAD "rule r { allow readers to read on data, inner }\n";
static const char denied[] = HEAD "rule r { allow readers to list on data }\n";
static const char windowed[] = HEAD "time hours { zone UTC  days mon-sun  hours 00:00-23:59 }\nrole late { members user:writer }\n"
	"rule r { allow readers to read on data, inner }\nrule l { allow late to read on data when during hours }\n";

/* ---- somebody who opens what he is told ---- */

static int open_once(const char *path, int flags)
{
	_fd_ int fd = open(path, flags | O_CLOEXEC);
	char byte;

	/* What was recorded at the opening is not recorded again when it is read. */
	if (fd < 0 || ((flags & O_ACCMODE) != O_WRONLY && read(fd, &byte, 1) < 0))
		return errno;
	return 0;
}

static void *open_in_thread(void *path)
{
	return (void *)(intptr_t)open_once(path, O_RDONLY);
}

static int in_thread(char *path)
{
	void *got = NULL;
	pthread_t t;

	return pthread_create(&t, NULL, open_in_thread, path) || pthread_join(t, &got) ? EAGAIN : (int)(intptr_t)got;
}

static int in_child(const char *path)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(open_once(path, O_RDONLY));
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

static int into_cgroup(const char *path)
{
	_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, "0", 1) != 1 ? errno : 0;
}

static int carry_out(struct led_order *o)
{
	switch (o->what) {
	case 'r': return open_once(o->path, O_RDONLY);
	case 'w': return open_once(o->path, O_WRONLY);
	case 't': return in_thread(o->path);
	case 'f': return in_child(o->path);
	case 'n': return prctl(PR_SET_NAME, o->path) ? errno : 0;
	case 'g': return into_cgroup(o->path);
	case 'e': return seteuid(reader.uid) ? errno : 0;
	default: return setresuid(reader.uid, reader.uid, reader.uid) ? errno : 0;
	}
}

/* One who follows orders; its maker is a process between us and it, which may be ended. */
static int become(uid_t uid)
{
	suite_stranger();
	if (fork()) {
		pause();
		_exit(0);
	}
	return uid && (setresgid(2001, 2001, 2001) || setresuid(uid, uid, uid));
}

static struct led lead(uid_t uid)
{
	return led_start(become, uid, carry_out);
}

/* ---- what was recorded ---- */
struct seen { struct pw_event ev; bool is_short; int got; size_t count; };

static struct seen opened(struct suite *s, const struct led *l, char what, const char *path)
{
	struct seen r = { 0 };

	suite_drain(s);
	r.got = led_ask(l, what, path);
	suite_drain(s);
	for (size_t i = 0; i < s->seen_count; i++) {
		if (s->seen[i].hook != PW_HOOK_pw_file_open)
			continue;
		r.ev = s->seen[i];
		r.is_short = s->seen_bytes[i] < sizeof(struct pw_event);
		r.count++;
	}
	return r;
}

/* All but what belongs to one record alone. */
static struct pw_event common(const struct pw_event *ev)
{
	struct pw_event c = *ev;

	c.seq = c.time_boot_ns = c.time_tai_ns = c.ino = 0;
	c.cpu = c.names_len = 0;
	memset(c.names, 0, sizeof(c.names));
	return c;
}

static bool called(const struct pw_event *ev, const char *names, size_t len_bytes)
{
	return ev->names_len == len_bytes && !memcmp(ev->names, names, len_bytes);
}
#define CALLED(ev, names) called(ev, names, sizeof(names))

static uint64_t ino_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* `now` is the record of `path`, one, written from memory or not, and as `before` in all that they share. */
static bool is_alike(const struct seen *before, const struct seen *now, const char *path, bool is_short)
{
	struct pw_event a = common(&before->ev), b = common(&now->ev);

	return !now->got && now->count == 1 && now->is_short == is_short && now->ev.ino == ino_of(path) && !memcmp(&a, &b, sizeof(a)) &&
	       now->ev.time_boot_ns > before->ev.time_boot_ns && now->ev.time_tai_ns > before->ev.time_tai_ns &&
	       (now->ev.cpu != before->ev.cpu || now->ev.seq > before->ev.seq);
}

static void check(struct suite *s, const char *name, const struct seen *now, bool good)
{
	suite_check(s, name, good, "errno %d, %zu records, %s; tid %u ppid %u uid %u euid %u cgroup %llu comm %.16s windows %x names %.*s", now->got,
		    now->count, now->is_short ? "short" : "whole", now->ev.tid, now->ev.ppid, now->ev.uid, now->ev.euid,
		    (unsigned long long)now->ev.cgroup_id, now->ev.comm, now->ev.windows, (int)now->ev.names_len, now->ev.names);
}

/* Two openings, the second from memory: where each case begins. */
static struct seen warm(struct suite *s, const struct led *l)
{
	struct seen first = opened(s, l, 'r', DEEP "/f1"), second = opened(s, l, 'r', DEEP "/f2");

	check(s, "... and the next file's from it", &second,
	      is_alike(&first, &second, DEEP "/f2", true) && CALLED(&second.ev, "f2\0bb\0a"));
	return second;
}

/* ---- cases ---- */
static void make(const char *path)
{
	_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666))
		printf("Bail out! %s: %s\n", path, strerror(errno));
}

static void prepare(void)
{
	static const char *const dirs[] = { "/srv", BASE, BASE "/inner", BASE "/a", DEEP, BASE "/b", BASE "/a/a_name_of_thirty_one_characters" };
	static const char *const files[] = { BASE "/top", BASE "/top2", DEEP "/f1", DEEP "/f2", DEEP "/f3", BASE "/b/f1", BASE "/b/f2", BASE "/inner/f1",
		DEEP "/exactly_thirty_one_characters_1", DEEP "/this_is_thirty-two_characters_12", BASE "/a/a_name_of_thirty_one_characters/f1",
		BASE "/a/a_name_of_thirty_one_characters/f2" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0777) && errno != EEXIST)
			printf("Bail out! %s: %s\n", dirs[i], strerror(errno));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		make(files[i]);
}

static void names(struct suite *s, const struct led *l)
{
	struct seen before = warm(s, l), now = opened(s, l, 'r', DEEP "/exactly_thirty_one_characters_1");

	check(s, "a name of 31 bytes", &now, is_alike(&before, &now, DEEP "/exactly_thirty_one_characters_1", true) &&
	      CALLED(&now.ev, "exactly_thirty_one_characters_1\0bb\0a"));
	now = opened(s, l, 'r', DEEP "/this_is_thirty-two_characters_12");
	check(s, "... one of 32 stands elsewhere: the gate", &now, is_alike(&before, &now, DEEP "/this_is_thirty-two_characters_12", false) &&
	      CALLED(&now.ev, "this_is_thirty-two_characters_12\0bb\0a"));
	(void)opened(s, l, 'r', BASE "/a/a_name_of_thirty_one_characters/f1");
	now = opened(s, l, 'r', BASE "/a/a_name_of_thirty_one_characters/f2");
	check(s, "a long way up", &now, is_alike(&before, &now, BASE "/a/a_name_of_thirty_one_characters/f2", true) &&
	      CALLED(&now.ev, "f2\0a_name_of_thirty_one_characters\0a"));
	(void)opened(s, l, 'r', BASE "/top");
	now = opened(s, l, 'r', BASE "/top2");
	check(s, "no way up: the store's root", &now, is_alike(&before, &now, BASE "/top2", true) && CALLED(&now.ev, "top2"));
	now = opened(s, l, 'r', BASE "/inner/f1");
	check(s, "another store", &now, !now.got && now.count == 1 && now.ev.label != before.ev.label && CALLED(&now.ev, "f1"));
}

static void moves(struct suite *s, const struct led *l)
{
	const struct two up = { BASE "/a", BASE "/z" }, back = { BASE "/z", BASE "/a" }, file = { DEEP "/f3", BASE "/b/f3" };
	const struct two home = { BASE "/b/f3", DEEP "/f3" };
	struct seen before = warm(s, l), now;

	(void)suite_run(&root, op_rename, &up);
	now = opened(s, l, 'r', BASE "/z/bb/f1");
	check(s, "a directory above has another name", &now, is_alike(&before, &now, BASE "/z/bb/f1", false) && CALLED(&now.ev, "f1\0bb\0z"));
	(void)suite_run(&root, op_rename, &back);
	(void)warm(s, l);
	(void)suite_run(&root, op_rename, &file);
	now = opened(s, l, 'r', BASE "/b/f3");
	check(s, "the file has another directory", &now, is_alike(&before, &now, BASE "/b/f3", false) && CALLED(&now.ev, "f3\0b"));
	(void)suite_run(&root, op_rename, &home);
}

/* What no hook tells of is read anew. */
static void moment(struct suite *s, struct led *l)
{
	struct seen before = warm(s, l), now;
	pid_t maker = (pid_t)before.ev.ppid;

	(void)led_ask(l, 'n', "fifteen_letters");
	now = opened(s, l, 'r', DEEP "/f1");
	check(s, "another name of the thread", &now, now.is_short && !strcmp(now.ev.comm, "fifteen_letters"));
	(void)led_ask(l, 'n', "x");
	now = opened(s, l, 'r', DEEP "/f2");
	check(s, "... and a short one", &now, now.is_short && !memcmp(now.ev.comm, "x\0", 2));
	(void)kill(l->pid, SIGKILL);
	(void)waitpid(l->pid, NULL, 0);
	now = opened(s, l, 'r', DEEP "/f3");
	check(s, "its maker is gone", &now, maker == l->pid && now.count == 1 && now.ev.ppid && (pid_t)now.ev.ppid != maker);
	l->pid = -1;
}

static void units(struct suite *s)
{
	struct led l = lead(0);
	struct seen before = warm(s, &l), now;
	int moved;

	(void)mkdir(CGROUP, 0755);
	moved = led_ask(&l, 'g', CGROUP "/cgroup.procs");
	now = opened(s, &l, 'r', DEEP "/f1");
	check(s, "another control group", &now, !moved && now.count == 1 && now.ev.cgroup_id == ino_of(CGROUP) &&
	      now.ev.cgroup_id != before.ev.cgroup_id);
	led_stop(&l);
	(void)rmdir(CGROUP);
}

static void others(struct suite *s, const struct led *l)
{
	struct seen before = warm(s, l), now = opened(s, l, 't', DEEP "/f3");

	check(s, "another thread has its own", &now, now.count == 1 && !now.is_short && now.ev.tgid == before.ev.tgid && now.ev.tid != before.ev.tid);
	now = opened(s, l, 'f', DEEP "/f3");
	check(s, "... and so has a child", &now, now.count == 1 && !now.is_short && now.ev.tgid != before.ev.tgid && now.ev.ppid == before.ev.tgid);
	now = opened(s, l, 'r', DEEP "/f3");
	check(s, "... and the first one goes on", &now, is_alike(&before, &now, DEEP "/f3", true));
}

static void users(struct suite *s)
{
	struct led l = lead(0);
	struct seen before = warm(s, &l), now = opened(s, &l, 'w', DEEP "/f1");

	check(s, "writing is not reading", &now, now.count == 1 && !now.is_short && now.ev.need == PW_NEED_WRITE && before.ev.need == PW_NEED_READ);
	before = now;
	now = opened(s, &l, 'w', DEEP "/f2");
	check(s, "... and has its own", &now, is_alike(&before, &now, DEEP "/f2", true));
	before = opened(s, &l, 'r', DEEP "/f3");
	check(s, "... beside that of reading", &before, before.is_short && before.ev.need == PW_NEED_READ);
	(void)led_ask(&l, 'e', "");
	now = opened(s, &l, 'r', DEEP "/f1");
	check(s, "another effective user", &now, now.count == 1 && !now.is_short && now.ev.euid == reader.uid && !now.ev.uid);
	(void)opened(s, &l, 'r', DEEP "/f2");
	(void)led_ask(&l, 'u', "");
	now = opened(s, &l, 'r', DEEP "/f1");
	check(s, "another user, in another role", &now, now.count == 1 && !now.is_short && now.ev.uid == reader.uid && now.ev.roles != before.ev.roles &&
	      now.ev.rule != before.ev.rule);
	led_stop(&l);
}

static void policies(struct suite *s, const struct led *l)
{
	uint64_t until[PW_WINDOWS_MAX];
	struct seen before = warm(s, l), now;

	suite_apply(s, denied);
	now = opened(s, l, 'r', DEEP "/f3");
	check(s, "the next policy refuses", &now, now.got == EACCES && now.count == 1 && now.ev.verdict == PW_DENY);
	suite_apply(s, windowed);
	for (size_t w = 0; w < PW_WINDOWS_MAX; w++)
		until[w] = UINT64_MAX;
	kernel_windows(s->k, 1, until);
	before = opened(s, l, 'r', DEEP "/f1");
	now = opened(s, l, 'r', DEEP "/f2");
	check(s, "open windows are recorded", &now, is_alike(&before, &now, DEEP "/f2", true) && now.ev.windows == 1);
	kernel_windows(s->k, 0, until);
	now = opened(s, l, 'r', DEEP "/f3");
	check(s, "... as they are at that moment", &now, now.count == 1 && !now.got && !now.ev.windows);
}

void cases_alike(struct suite *s)
{
	struct led l;

	prepare();
	suite_apply(s, policy);
	l = lead(reader.uid);
	names(s, &l);
	moves(s, &l);
	others(s, &l);
	moment(s, &l);
	led_stop(&l);
	units(s);
	users(s);
	l = lead(reader.uid);
	policies(s, &l);
	led_stop(&l);
}
