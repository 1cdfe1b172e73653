// SPDX-License-Identifier: Apache-2.0
/* Samples of a role holder's stack and registers: memory that is read a piece at a time, by nobody who attaches. */
#include "attack.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

static int measure(int pid, int cpu, uint64_t sample, unsigned int more)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_CPU_CLOCK, .sample_period = 100000,
				     .sample_type = sample, .exclude_kernel = 1, .exclude_hv = 1 };

	a.sample_stack_user = sample & PERF_SAMPLE_STACK_USER ? 4096 : 0;
	a.sample_regs_user = sample & PERF_SAMPLE_REGS_USER ? 1 : 0;
	a.sample_regs_intr = sample & PERF_SAMPLE_REGS_INTR ? 1 : 0;
	a.inherit = more & 1;
	a.enable_on_exec = a.disabled = more & 1;
	return (int)syscall(SYS_perf_event_open, &a, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int stack(void)     { return attempt("sample the victim's stack", measure(victim().pid, -1, PERF_SAMPLE_STACK_USER, 0)); }
static int registers(void) { return attempt("sample the victim's registers", measure(victim().pid, -1, PERF_SAMPLE_REGS_USER, 0)); }
static int everybody(void) { return attempt("sample whoever runs", measure(-1, 0, PERF_SAMPLE_STACK_USER, 0)); }
/* The registers of whoever is interrupted are the user's if it was in its program. */
static int interrupted(void) { return attempt("sample the interrupted registers", measure(victim().pid, -1, PERF_SAMPLE_REGS_INTR, 0)); }
static int interrupted_all(void) { return attempt("sample whoever is interrupted", measure(-1, 0, PERF_SAMPLE_REGS_INTR, 0)); }
/* A program without frame pointers has anything in that register; the kernel follows it, and tells what stands there. */
static int callers(void) { return attempt("sample the victim's callers", measure(victim().pid, -1, PERF_SAMPLE_CALLCHAIN, 0)); }
static int addresses(void) { return attempt("sample addresses alone", measure(victim().pid, -1, PERF_SAMPLE_IP, 0)); }

/* Ourselves, and what we execute: a program with a role. */
static int oneself(void)
{
	int fd = measure(0, -1, PERF_SAMPLE_STACK_USER, 1), pid;

	if (fd < 0)
		return attempt("sample our own stack", fd);
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		execl(VIEWER, "viewer", "show", SECRET, NULL);
		_exit(127);
	}
	return reap(pid) ? EACCES : 0;
}

VARIANTS({ "stack", stack }, { "registers", registers }, { "everybody", everybody },
	 { "interrupted", interrupted }, { "interrupted_all", interrupted_all }, { "callers", callers }, { "addresses", addresses }, { "oneself", oneself })
