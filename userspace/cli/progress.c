/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing a bar over itself with a carriage return. It never writes to stdout, which may be a file that somebody keeps. */
#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define AFTER_NS  2000000000ull
#define EVERY_NS  100000000ull
#define BAR_WIDTH 30

static uint64_t now_ns(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){ .what = what, .begin_ns = now_ns(), .terminal = isatty(STDERR_FILENO) };
}

void progress_show(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;
	uint64_t now, left_s;
	char bar[BAR_WIDTH + 1];
	size_t full;

	if (!p->terminal || !total || !done || done > total)
		return;
	now = now_ns();
	if (now - p->begin_ns < AFTER_NS || now - p->last_ns < EVERY_NS)
		return;
	p->last_ns = now;
	p->shown = true;
	full = (size_t)((double)done / (double)total * BAR_WIDTH);
	for (size_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	left_s = (uint64_t)((double)(now - p->begin_ns) / (double)done * (double)(total - done) / 1e9);
	fprintf(stderr, "\r%s [%s] %3llu %%  %llu of %llu  %llu s left \033[K", p->what, bar, (unsigned long long)(100.0 * (double)done / (double)total),
		(unsigned long long)done, (unsigned long long)total, (unsigned long long)left_s);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
