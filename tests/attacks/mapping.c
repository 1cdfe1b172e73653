// SPDX-License-Identifier: Apache-2.0
/* Mappings by somebody who may read but neither write nor execute, and raising what a mapping may do. */
#include "attack.h"

#include <sys/mman.h>
#include <sys/syscall.h>

static void *map(int fd, int prot, int flags)
{
	return mmap(NULL, FILE_BYTES, prot, flags, fd, 0);
}

static int opened(void)
{
	int fd = open(mine(), O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	return fd;
}

static int end(const char *what, const void *at)
{
	return attempt(what, at == MAP_FAILED ? -1 : 0);
}

static int exec(void)         { return end("map to execute", map(opened(), PROT_READ | PROT_EXEC, MAP_PRIVATE)); }
static int exec_only(void)    { return end("map to execute only", map(opened(), PROT_EXEC, MAP_SHARED)); }
static int shared_write(void) { return end("map to write", map(EARLY_WRITE, PROT_READ | PROT_WRITE, MAP_SHARED)); }
static int validate(void)     { return end("map to write", map(EARLY_WRITE, PROT_WRITE, MAP_SHARED_VALIDATE)); }

static int raise_exec(void)
{
	void *at = map(opened(), PROT_READ, MAP_PRIVATE);

	need(at != MAP_FAILED);
	return attempt("mprotect to execute", mprotect(at, FILE_BYTES, PROT_READ | PROT_EXEC));
}

static int raise_write(void)
{
	char *at = map(EARLY_WRITE, PROT_READ, MAP_SHARED);
	int code;

	need(at != MAP_FAILED);
	code = attempt("mprotect to write", mprotect(at, FILE_BYTES, PROT_READ | PROT_WRITE));
	if (!code)
		at[0] = 'x';
	return code;
}

static int raise_none(void)
{
	void *at = map(EARLY_WRITE, PROT_NONE, MAP_SHARED);

	if (at == MAP_FAILED)
		return attempt("map without rights", -1);
	return attempt("mprotect to write", mprotect(at, FILE_BYTES, PROT_READ | PROT_WRITE));
}

static int key(void)
{
	void *at = map(EARLY_WRITE, PROT_READ, MAP_SHARED);

	need(at != MAP_FAILED);
	return attempt("pkey_mprotect to write", syscall(SYS_pkey_mprotect, at, FILE_BYTES, PROT_READ | PROT_WRITE, -1));
}

/* A mapping without rights by somebody without any, moved and raised. */
static int remap(void)
{
	void *at = map(EARLY_READ, PROT_NONE, MAP_PRIVATE);

	if (at == MAP_FAILED)
		return attempt("map without rights", -1);
	at = mremap(at, 4096, FILE_BYTES, MREMAP_MAYMOVE);
	if (mprotect(at, FILE_BYTES, PROT_READ))
		return attempt("mprotect to read", -1);
	got(at, 512);
	return 0;
}

/* READ_IMPLIES_EXEC: the kernel itself turns a readable mapping into an executable one. */
static int personality_(void)
{
	syscall(SYS_personality, 0x0400000);
	return end("map under READ_IMPLIES_EXEC", map(opened(), PROT_READ, MAP_PRIVATE));
}

/* A private page may be changed; that must not reach the file. */
static int private_write(void)
{
	char *at = map(opened(), PROT_READ | PROT_WRITE, MAP_PRIVATE);

	need(at != MAP_FAILED);
	at[0] = 'x';
	msync(at, FILE_BYTES, MS_SYNC);
	return CAME_TO_NOTHING;
}

static int self_mem(void)
{
	char *at = map(opened(), PROT_READ, MAP_SHARED);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	need(at != MAP_FAILED && fd >= 0);
	return attempt("write by /proc/self/mem", pwrite(fd, "x", 1, (off_t)(uintptr_t)at));
}

static int self_mem_private(void)
{
	char *at = map(opened(), PROT_READ, MAP_PRIVATE);
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	need(at != MAP_FAILED && fd >= 0);
	(void)!pwrite(fd, "x", 1, (off_t)(uintptr_t)at);
	msync(at, FILE_BYTES, MS_SYNC | MS_INVALIDATE);
	return CAME_TO_NOTHING;
}

static int remap_pages(void)
{
	char *at = map(EARLY_WRITE, PROT_READ, MAP_SHARED);

	need(at != MAP_FAILED);
	if (syscall(SYS_remap_file_pages, at, 4096, 0, 1, 0))
		return attempt("remap_file_pages", -1);
	return attempt("mprotect to write", mprotect(at, 4096, PROT_READ | PROT_WRITE));
}

/* A mapping made with the right outlives it; a hole punched through it is asked for all the same. */
static int punch(void)
{
	int fd = open(mine(), O_RDWR | O_CLOEXEC);
	void *at = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	need(at != MAP_FAILED);
	become(USER);
	return attempt("MADV_REMOVE", madvise(at, 4096, MADV_REMOVE));
}

VARIANTS({ "exec", exec }, { "exec_only", exec_only }, { "shared_write", shared_write }, { "validate", validate }, { "raise_exec", raise_exec },
	 { "raise_write", raise_write }, { "raise_none", raise_none }, { "key", key }, { "remap", remap }, { "personality", personality_ },
	 { "private_write", private_write }, { "self_mem", self_mem }, { "self_mem_private", self_mem_private }, { "remap_pages", remap_pages },
	 { "punch", punch })
