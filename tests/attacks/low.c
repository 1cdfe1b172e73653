// SPDX-License-Identifier: Apache-2.0
/*
 * Code that needs nothing: it can stand in for a program's dynamic linker (it has an entry point) or for its C library (it runs while it is
 * relocated, before anything is found missing). Whichever it is, it reads the secret and prints it.
 */
#include <sys/syscall.h>

static long call3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

static void work(void)
{
	char bytes[512];
	/* open(2), because the filter that brought us here answers openat(2). */
	long fd = call3(SYS_open, (long)"/srv/ai/scans/secret.txt", 0, 0), n = fd < 0 ? -1 : call3(SYS_read, fd, (long)bytes, sizeof(bytes));

	call3(SYS_write, 1, (long)"low is loaded\n", 14);
	if (n > 0)
		call3(SYS_write, 1, (long)bytes, n);
}

void low_start(void);
void low_start(void)
{
	work();
	for (;;)
		call3(SYS_exit_group, 0, 0, 0);
}

static void nothing(void)
{
}

static void (*resolve(void))(void)
{
	work();
	return nothing;
}

void low_called(void) __attribute__((ifunc("resolve")));
extern void (*const low_pointer)(void);
void (*const low_pointer)(void) = low_called;
