// SPDX-License-Identifier: Apache-2.0
/* What /proc shows of a role holder's process: its open files, root, working folder, memory and mappings. */
#include "attack.h"

#include <dirent.h>

static int of(const char *what)
{
	struct victim v = victim();
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", v.pid, what);
	return take_path(path);
}

static int fd(void)
{
	struct victim v = victim();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", v.pid, v.fd);
	return take_path(path);
}

static int dir_fd(void)
{
	struct victim v = victim();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d/secret.txt", v.pid, v.dir);
	return take_path(path);
}

static int root(void)    { return of("root/srv/ai/scans/secret.txt"); }
static int cwd(void)     { return of("cwd/secret.txt"); }

static int mem_of(int pid, uint64_t address, int how)
{
	char path[64], bytes[512];
	int at;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	at = open(path, how | O_CLOEXEC);
	if (at < 0)
		return attempt("open mem", at);
	if (how == O_RDONLY) {
		long n = pread(at, bytes, sizeof(bytes), (off_t)address);

		got(bytes, n);
		return attempt("read mem", n);
	}
	return attempt("write mem", pwrite(at, "x", 1, (off_t)address));
}

static int mem(void)
{
	struct victim v = victim();

	return mem_of(v.pid, v.address, O_RDONLY);
}

static int mem_write(void)
{
	struct victim v = victim();

	return mem_of(v.pid, v.address, O_WRONLY);
}

/* What the role holder keeps in memory that has a number: pread, because its own place in the file is the end. */
static int take_begin(const char *path)
{
	char bytes[FILE_BYTES];
	int at = open(path, O_RDONLY | O_CLOEXEC);
	long n;

	if (at < 0)
		return attempt("open", at);
	n = pread(at, bytes, sizeof(bytes), 0);
	got(bytes, n);
	return attempt("read", n);
}

static int memory_fd(void)
{
	struct victim v = victim();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", v.pid, v.memory);
	return take_begin(path);
}

static int shared_memory(void)
{
	struct victim v = victim();
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", v.pid, (unsigned long)v.shared, (unsigned long)v.shared + FILE_BYTES);
	return take_begin(path);
}

static int map_files(void)
{
	struct victim v = victim();
	char folder[64], path[600];
	int code = ENOENT;
	DIR *d;

	snprintf(folder, sizeof(folder), "/proc/%d/map_files", v.pid);
	d = opendir(folder);
	if (!d)
		return attempt("open map_files", -1);
	for (struct dirent *e; (e = readdir(d));) {
		char target[256];
		long n;

		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0 && !strncmp(target, SECRET, strlen(SECRET)))
			code = take_path(path);
	}
	closedir(d);
	return code;
}

/* A program of a role, started by ourselves: same user, so only its role keeps us out. */
static int own_viewer_mem(void)
{
	char line[128] = { 0 };
	int ends[2], pid, holder;
	void *address;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		dup2(ends[1], 1);
		execl(VIEWER, "viewer", "hold", SECRET, NULL);
		_exit(127);
	}
	close(ends[1]);
	need(read(ends[0], line, sizeof(line) - 1) > 0 && sscanf(line, "%d %p", &holder, &address) == 2);
	return mem_of(holder, (uint64_t)(uintptr_t)address, O_RDONLY);
}

static int own_viewer_fd(void)
{
	char line[128] = { 0 }, path[64];
	int ends[2], pid, holder, number;
	void *address;

	need(!pipe(ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		dup2(ends[1], 1);
		execl(VIEWER, "viewer", "hold", SECRET, NULL);
		_exit(127);
	}
	close(ends[1]);
	need(read(ends[0], line, sizeof(line) - 1) > 0 && sscanf(line, "%d %p %d", &holder, &address, &number) == 3);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", holder, number);
	return take_path(path);
}

VARIANTS({ "fd", fd }, { "dir_fd", dir_fd }, { "root", root }, { "cwd", cwd }, { "mem", mem },
	 { "mem_write", mem_write }, { "map_files", map_files }, { "memory_fd", memory_fd },
	 { "shared_memory", shared_memory }, { "own_viewer_mem", own_viewer_mem }, { "own_viewer_fd", own_viewer_fd })
