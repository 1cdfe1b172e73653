// SPDX-License-Identifier: Apache-2.0
/* A program that only ends: no library, no loader, so that running it costs what fork and exec cost. x86-64. */
#include <sys/syscall.h>

void _start(void);

void __attribute__((noreturn)) _start(void)
{
	__asm__ volatile("syscall" : : "a"((long)SYS_exit), "D"(0L) : "rcx", "r11", "memory");
	__builtin_unreachable();
}
