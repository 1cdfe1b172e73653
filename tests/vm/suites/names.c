// SPDX-License-Identifier: Apache-2.0
/*
 * What a record calls an object. The kernel keeps the way up from the last directory, so each case asks twice: when it was walked, and
 * when it may have been kept; and whatever changes a name must end what was kept.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BASE "/srv/names"
#define DEEP BASE "/a/bb/ccc"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 log all }\nstore data { path " BASE " }\nstore inner { path " BASE "/inner }\n"
	"role readers { members user:reader }\nrole makers { members user:root }\nrule r { allow readers to read, list on data, inner }\n"
	"rule m { allow makers to read, list, create, write, delete, attr on data, inner }\n";

/* The names of the last event of this hook, with '/' for NUL; "" if there is none. */
static const char *names_of(const struct suite *s, uint8_t hook, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = s->seen_count; i; i--) {
		const struct pw_event *ev = &s->seen[i - 1];
		size_t len = ev->names_len < size ? ev->names_len : size - 1;

		if (ev->hook != hook)
			continue;
		memcpy(ret, ev->names, len);
		for (size_t n = 0; n < len; n++)
			if (!ret[n])
				ret[n] = n + 1 < len ? '/' : '\0';
		ret[len] = '\0';
		if (ev->flags & PW_EV_NAMES_CUT && strlen(ret) + 2 < size)
			memcpy(ret + strlen(ret), "~", 2);
		return ret;
	}
	return ret;
}

struct asked { op_fn op; const char *path; uint8_t hook; };

static void expect(struct suite *s, const char *name, const struct asked *a, const char *want)
{
	char first[PW_NAMES_MAX + 2], second[PW_NAMES_MAX + 2];
	int r;

	suite_drain(s);
	s->seen_count = 0;
	r = suite_run(&reader, a->op, a->path);
	suite_drain(s);
	(void)names_of(s, a->hook, first, sizeof(first));
	s->seen_count = 0;
	if (!r)
		r = suite_run(&reader, a->op, a->path);
	suite_drain(s);
	(void)names_of(s, a->hook, second, sizeof(second));
	suite_check(s, name, !r && !strcmp(first, want) && !strcmp(second, want), "errno %d, names '%s', then '%s', not '%s'", r, first, second,
		    want);
}

static void expect_read(struct suite *s, const char *name, const char *path, const char *want)
{
	expect(s, name, &(struct asked){ op_read, path, PW_HOOK_pw_file_open }, want);
}

static void make(const char *path)
{
	_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		printf("Bail out! %s: %s\n", path, strerror(errno));
	(void)chmod(path, 0666);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0777) && errno != EEXIST)
		printf("Bail out! %s: %s\n", path, strerror(errno));
	(void)chmod(path, 0777);
}

static void prepare(void)
{
	(void)mkdir("/srv", 0755);
	make_dir(BASE);
	make_dir(BASE "/inner");
	make_dir(BASE "/a");
	make_dir(BASE "/a/bb");
	make_dir(DEEP);
	make(BASE "/top");
	make(DEEP "/f");
	make(DEEP "/g");
	make(BASE "/inner/f");
}

static int op_move(const void *arg)
{
	const struct two *t = arg;

	return rename(t->a, t->b) ? errno : 0;
}

/* Long names are read by themselves, and what no longer fits is left out and said to be. */
static void long_names(struct suite *s)
{
	char dir[300], path[600], want[600];

	snprintf(dir, sizeof(dir), BASE "/%.*s", 31, "abcdefghijklmnopqrstuvwxyz0123456789");
	make_dir(dir);
	snprintf(path, sizeof(path), "%s/%.*s", dir, 32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	make(path);
	expect_read(s, "names of 31 and 32 bytes", path, "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345/abcdefghijklmnopqrstuvwxyz01234");
	snprintf(dir, sizeof(dir), BASE "/%0120d", 1);
	make_dir(dir);
	snprintf(path, sizeof(path), "%s/%0100d", dir, 2);
	make(path);
	snprintf(want, sizeof(want), "%0100d/%0120d", 2, 1);
	expect_read(s, "long ones, longer than what is kept", path, want);
	snprintf(path, sizeof(path), "%s/%0254d", dir, 3);
	make(path);
	snprintf(want, sizeof(want), "%0254d~", 3);
	expect_read(s, "the longest name leaves no room for its directory, and says so", path, want);
}

static void moves(struct suite *s)
{
	const struct two away = { DEEP, BASE "/a/dd" }, back = { BASE "/a/dd", DEEP }, up = { BASE "/a", BASE "/z" };
	const struct two within = { BASE "/z/bb", BASE "/y" }, file = { BASE "/y/ccc/f", BASE "/y/ccc/h" };

	expect_read(s, "before it moves", DEEP "/f", "f/ccc/bb/a");
	(void)suite_run(&root, op_move, &away);
	expect_read(s, "a directory has another place: its files have it too", BASE "/a/dd/f", "f/dd/a");
	(void)suite_run(&root, op_move, &back);
	expect_read(s, "... and the old one when it is back", DEEP "/f", "f/ccc/bb/a");
	(void)suite_run(&root, op_move, &up);
	expect_read(s, "a directory two above has another name", BASE "/z/bb/ccc/f", "f/ccc/bb/z");
	(void)suite_run(&root, op_move, &within);
	expect_read(s, "a directory one above is in the root now", BASE "/y/ccc/f", "f/ccc/y");
	(void)suite_run(&root, op_move, &file);
	expect_read(s, "the file itself has another name", BASE "/y/ccc/h", "h/ccc/y");
	expect_read(s, "... and its neighbour none", BASE "/y/ccc/g", "g/ccc/y");
}

/* A new directory at the old one's place, in memory too as far as that can be had: never its names. */
static void anew(struct suite *s)
{
	const char *const dirs[] = { BASE "/p", BASE "/q" };
	char path[64], want[64];
	bool good = true;

	for (int i = 0; i < 40 && good; i++) {
		char names[PW_NAMES_MAX + 2];

		snprintf(path, sizeof(path), "%s/f", dirs[i % 2]);
		snprintf(want, sizeof(want), "f/%s", dirs[i % 2] + strlen(BASE "/"));
		make_dir(dirs[i % 2]);
		make(path);
		suite_drain(s);
		s->seen_count = 0;
		good = !suite_run(&reader, op_read, path);
		suite_drain(s);
		good = good && !strcmp(names_of(s, PW_HOOK_pw_file_open, names, sizeof(names)), want);
		(void)unlink(path);
		(void)rmdir(dirs[i % 2]);
	}
	suite_check(s, "forty directories made and removed, one at the other's place", good, "%s was not called %s", path, want);
}

void cases_names(struct suite *s)
{
	const char *const links[] = { BASE "/other" };

	prepare();
	if (link(DEEP "/g", links[0]))
		printf("Bail out! %s: %s\n", links[0], strerror(errno));
	suite_apply(s, policy);
	expect_read(s, "a file in the root of its store", BASE "/top", "top");
	expect_read(s, "a file below directories", DEEP "/f", "f/ccc/bb/a");
	expect_read(s, "its neighbour, by what was kept", DEEP "/g", "g/ccc/bb/a");
	expect_read(s, "the same file by its other name", links[0], "other");
	expect_read(s, "a store in a store: up to its own root", BASE "/inner/f", "f");
	expect(s, "a directory is listed", &(struct asked){ op_list, DEEP, PW_HOOK_pw_file_open }, "ccc/bb/a");
	expect(s, "the root itself has no name below itself", &(struct asked){ op_list, BASE, PW_HOOK_pw_file_open }, "");
	moves(s);
	long_names(s);
	anew(s);
}
