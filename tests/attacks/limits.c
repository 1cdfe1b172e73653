// SPDX-License-Identifier: Apache-2.0
/* Limits of the gate: the longest names, paths that no longer fit, trees deeper than any walk, floods, no memory. */
#include "attack.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int longest_name(void)
{
	char path[400] = STORE "/";
	size_t n = strlen(path);

	memset(path + n, 'n', 255);
	path[n + 255] = 0;
	return take_path(path);
}

/* Down the folders with names of 255 bytes: the path to the file has more than 4,096. */
static int longest_path(void)
{
	char name[256];
	int at = open(STORE, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	memset(name, 'n', 255);
	name[255] = 0;
	name[0] = 'l';
	for (int i = 0; i < 18; i++) {
		fd = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return attempt("go down", fd);
		close(at);
		at = fd;
	}
	fd = openat(at, "end", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? attempt("open the end", fd) : take(fd);
}

static int deep(int levels)
{
	char names[512];
	int at = open(STORE "/deep", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	for (int i = 0; i < levels; i++) {
		fd = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return attempt("go down", fd);
		close(at);
		at = fd;
	}
	fd = openat(at, levels == 80 ? "x" : ".", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || levels == 80)
		return fd < 0 ? attempt("open", fd) : take(fd);
	return attempt("list", getdents64(fd, names, sizeof(names)));
}

static int deepest(void)  { return deep(80); }
static int deep_dir(void) { return deep(70); }

/* A tree from outside that would be too deep below the store, moved in. */
static int deep_outside(void)
{
	char path[600] = SCRATCH;
	size_t n = strlen(path);

	for (int i = 0; i < 60; i++, n += 2) {
		memcpy(path + n, "/e", 3);
		need(!mkdir(path, 0777));
	}
	return attempt("move a deep tree in", rename(SCRATCH "/e", STORE "/x"));
}

/* More refusals than any ring has room for; the last must be refused like the first. */
static int flood(void)
{
	for (int i = 0; i < 6000; i++) {
		int fd = open(mine(), O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			return take(fd);
		if (errno != EACCES)
			return attempt("open", -1);
	}
	return take_path(mine());
}

static int flood_names(void)
{
	for (int i = 0; i < 3000; i++)
		if (!unlink(mine()) || !rename(mine(), SCRATCH "/x") || !link(mine(), SCRATCH "/x"))
			return 0;
	return attempt("unlink", unlink(mine()));
}

/* Many tasks at once, each new: task storage and slots are made anew for each. */
static int many_tasks(void)
{
	for (int i = 0; i < 100; i++) {
		int pid = fork(), status;

		if (pid < 0)
			break;
		if (!pid)
			_exit(open(mine(), O_RDONLY | O_CLOEXEC) >= 0 ? 77 : 0);
		need(waitpid(pid, &status, 0) == pid);
		if (WEXITSTATUS(status) == 77)
			return 0;
	}
	return take_path(mine());
}

/* No memory for kernel objects: in a control group of 1 MiB that is full already, where storage cannot be made. */
static int no_memory(void)
{
	char text[32];
	int wrong = 0;

	need(!mkdir("/sys/fs/cgroup/tight", 0755) || errno == EEXIST);
	(void)put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (put("/sys/fs/cgroup/tight/memory.max", "1M"))
		not_here("no memory controller");
	(void)put("/sys/fs/cgroup/tight/memory.oom.group", "0");
	for (int round = 0; round < 20; round++) {
		int pid = fork(), status;

		need(pid >= 0);
		if (!pid) {
			snprintf(text, sizeof(text), "%d", getpid());
			if (put("/sys/fs/cgroup/tight/cgroup.procs", text))
				_exit(2);
			/* Kernel memory is charged to the group: pipes and files fill it up to the last page. */
			for (int i = 0; i < round * 20; i++) {
				int p[2];

				if (pipe(p) || write(p[1], text, 8) != 8)
					break;
			}
			int fd = open(mine(), O_RDONLY | O_CLOEXEC);
			_exit(fd >= 0 ? 77 : errno == EACCES || errno == ENOMEM || errno == EMFILE || errno == ENFILE ? 0 : errno);
		}
		need(waitpid(pid, &status, 0) == pid);
		/* The kernel may kill it: that is a defined answer as well. */
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			wrong++;
	}
	rmdir("/sys/fs/cgroup/tight");
	return wrong ? 0 : attempt("open without memory", (errno = EACCES, -1));
}

/* The role holder's own accesses in the same group never turn into somebody else's: a reader there reads, or is refused. */
static int no_files(void)
{
	struct rlimit l = { 4, 4 };

	setrlimit(RLIMIT_NOFILE, &l);
	return attempt("open with few descriptors", open(mine(), O_RDONLY | O_CLOEXEC));
}

VARIANTS({ "longest_name", longest_name }, { "longest_path", longest_path }, { "deepest", deepest }, { "deep_dir", deep_dir },
	 { "deep_outside", deep_outside }, { "flood", flood }, { "flood_names", flood_names }, { "many_tasks", many_tasks },
	 { "no_memory", no_memory }, { "no_files", no_files })
