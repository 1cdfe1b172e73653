/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that fail on order. The wrapped names are listed in rules.mk; what is not armed goes straight to the C library. */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS (1u << 18)

/* State of a test program, not of polyward: wrapped calls have nobody to hand it to them. */
static struct { struct fault plan; uint64_t calls, failed; bool half; off_t dirty_from; } now;
static struct { const void *slot[SLOTS]; size_t count; } held;

/* ---- which blocks are held ---- */

static size_t home(const void *p)
{
	return (size_t)(((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 46) & (SLOTS - 1);
}

static void *hold(void *p)
{
	size_t i = home(p);

	if (!p)
		return NULL;
	if (held.count > SLOTS / 2)
		abort();
	while (held.slot[i])
		i = (i + 1) & (SLOTS - 1);
	held.slot[i] = p;
	held.count++;
	return p;
}

static void drop(const void *p)
{
	size_t i = home(p), next;

	while (held.slot[i] && held.slot[i] != p)
		i = (i + 1) & (SLOTS - 1);
	if (!p || !held.slot[i])
		return; /* the C library's own, handed to us to free */
	held.count--;
	for (next = (i + 1) & (SLOTS - 1); held.slot[next]; next = (next + 1) & (SLOTS - 1)) {
		size_t at = home(held.slot[next]);

		if (((next - at) & (SLOTS - 1)) >= ((next - i) & (SLOTS - 1))) {
			held.slot[i] = held.slot[next];
			i = next;
		}
	}
	held.slot[i] = NULL;
}

size_t fault_held(void)
{
	return held.count;
}

/* ---- when ---- */

void fault_arm(const struct fault *f)
{
	now.plan = *f;
	now.calls = now.failed = 0;
	now.half = false;
	now.dirty_from = -1;
}

uint64_t fault_disarm(uint64_t *ret_failed)
{
	uint64_t calls = now.calls;

	if (ret_failed)
		*ret_failed = now.failed;
	now.plan = (struct fault){ 0 };
	return calls;
}

static bool due(unsigned kind)
{
	const struct fault *f = &now.plan;
	bool hit;

	if (!(f->kinds & kind))
		return false;
	now.calls++;
	if (now.half) {
		now.half = false;
		hit = true;
	} else if (f->nth) {
		hit = now.calls == f->nth || (f->lasting && now.calls > f->nth);
	} else {
		hit = f->one_in && random_next(&now.plan.seed) % f->one_in == 0;
	}
	now.failed += hit;
	return hit;
}

/* -1 and errno, for the kinds that have no other way to fail. */
static bool fails(unsigned kind)
{
	if (!due(kind))
		return false;
	errno = kind == FAULT_ALLOC ? ENOMEM : now.plan.error;
	return true;
}

/* ---- memory ---- */

#define REAL(type, name, ...) type __real_##name(__VA_ARGS__); type __wrap_##name(__VA_ARGS__)

REAL(void *, malloc, size_t n);
void *__wrap_malloc(size_t n)
{
	return fails(FAULT_ALLOC) ? NULL : hold(__real_malloc(n));
}

REAL(void *, calloc, size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails(FAULT_ALLOC) ? NULL : hold(__real_calloc(n, size));
}

REAL(void *, realloc, void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
	void *more;

	if (fails(FAULT_ALLOC))
		return NULL;
	drop(p);
	more = __real_realloc(p, n);
	hold(more ? more : p);
	return more;
}

REAL(void *, reallocarray, void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return __wrap_realloc(p, bytes);
}

REAL(char *, strdup, const char *s);
char *__wrap_strdup(const char *s)
{
	return fails(FAULT_ALLOC) ? NULL : hold(__real_strdup(s));
}

REAL(char *, strndup, const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n)
{
	return fails(FAULT_ALLOC) ? NULL : hold(__real_strndup(s, n));
}

REAL(void, free, void *p);
void __wrap_free(void *p)
{
	drop(p);
	__real_free(p);
}

void fault_take_jansson(void)
{
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
}

/* ---- files ---- */

REAL(int, openat, int dir_fd, const char *path, int flags, ...);
int __wrap_openat(int dir_fd, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails(FAULT_OPEN) ? -1 : __real_openat(dir_fd, path, flags, mode);
}

REAL(int, open, const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails(FAULT_OPEN) ? -1 : __real_open(path, flags, mode);
}

REAL(FILE *, fopen, const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode)
{
	return fails(FAULT_OPEN) ? NULL : __real_fopen(path, mode);
}

/* A part of n bytes: at least one, never all. */
static size_t part(size_t n)
{
	return n > 1 ? 1 + n / 2 - 1 : n;
}

REAL(ssize_t, read, int fd, void *bytes, size_t n);
ssize_t __wrap_read(int fd, void *bytes, size_t n)
{
	if (!due(FAULT_READ))
		return __real_read(fd, bytes, n);
	if (now.plan.way == FAULT_SHORT)
		return __real_read(fd, bytes, part(n));
	errno = now.plan.error;
	return -1;
}

REAL(ssize_t, pread, int fd, void *bytes, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *bytes, size_t n, off_t at)
{
	if (!due(FAULT_READ))
		return __real_pread(fd, bytes, n, at);
	if (now.plan.way == FAULT_SHORT)
		return __real_pread(fd, bytes, part(n), at);
	errno = now.plan.error;
	return -1;
}

/* How many bytes of a write get through; 0: it fails. */
static size_t let_through(size_t n)
{
	bool second = now.half;

	if (!due(FAULT_WRITE))
		return n;
	if (now.plan.way == FAULT_SHORT)
		return part(n);
	if (now.plan.way != FAULT_HALF_FAILS || second || n < 2)
		return 0;
	now.half = true;
	return part(n);
}

REAL(ssize_t, write, int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	size_t some = let_through(n);

	if (some || !n)
		return __real_write(fd, bytes, some);
	if (now.plan.way == FAULT_NOTHING)
		return 0;
	errno = now.plan.error;
	return -1;
}

REAL(ssize_t, pwrite, int fd, const void *bytes, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	size_t some = let_through(n);

	if (now.dirty_from < 0 || at < now.dirty_from)
		now.dirty_from = at;
	if (some || !n)
		return __real_pwrite(fd, bytes, some, at);
	if (now.plan.way == FAULT_NOTHING)
		return 0;
	errno = now.plan.error;
	return -1;
}

/* What was written since the last sync becomes zeroes: a disk that took the length and not the bytes. */
static void forget(int fd)
{
	static const char zeroes[65536];
	struct stat st;

	if (now.dirty_from < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	for (off_t at = now.dirty_from; at < st.st_size; at += (off_t)sizeof(zeroes)) {
		size_t n = st.st_size - at < (off_t)sizeof(zeroes) ? (size_t)(st.st_size - at) : sizeof(zeroes);

		if (__real_pwrite(fd, zeroes, n, at) < 0)
			return;
	}
}

static bool sync_fails(int fd)
{
	if (!due(FAULT_SYNC)) {
		now.dirty_from = -1;
		return false;
	}
	if (now.plan.way == FAULT_FORGETS)
		forget(fd);
	errno = now.plan.error;
	return true;
}

REAL(int, fsync, int fd);
int __wrap_fsync(int fd)
{
	return sync_fails(fd) ? -1 : __real_fsync(fd);
}

REAL(int, fdatasync, int fd);
int __wrap_fdatasync(int fd)
{
	return sync_fails(fd) ? -1 : __real_fdatasync(fd);
}

REAL(int, renameat, int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fails(FAULT_NAME) ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

REAL(int, renameat2, int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return fails(FAULT_NAME) ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

REAL(int, linkat, int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return fails(FAULT_NAME) ? -1 : __real_linkat(from_fd, from, to_fd, to, flags);
}

REAL(int, unlinkat, int dir_fd, const char *path, int flags);
int __wrap_unlinkat(int dir_fd, const char *path, int flags)
{
	return fails(FAULT_NAME) ? -1 : __real_unlinkat(dir_fd, path, flags);
}

REAL(int, ftruncate, int fd, off_t size);
int __wrap_ftruncate(int fd, off_t size)
{
	return fails(FAULT_SIZE) ? -1 : __real_ftruncate(fd, size);
}

REAL(int, fallocate, int fd, int mode, off_t at, off_t n);
int __wrap_fallocate(int fd, int mode, off_t at, off_t n)
{
	return fails(FAULT_SIZE) ? -1 : __real_fallocate(fd, mode, at, n);
}

REAL(void *, mmap, void *at, size_t n, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
	return fails(FAULT_MAP) ? MAP_FAILED : __real_mmap(at, n, prot, flags, fd, off);
}

REAL(int, memfd_create, const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags)
{
	return fails(FAULT_MAP) ? -1 : __real_memfd_create(name, flags);
}
