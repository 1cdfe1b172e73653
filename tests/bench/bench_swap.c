/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage: bench_swap POLICY... [-- COMMAND...]   Load the kernel programs, then put each policy into force through the loader's own
 * functions, and say what staging and the flip cost: nanoseconds, or instructions in a guest with --icount; of staging also the
 * processor's share, since the rest is waiting: for grace periods of RCU, and for the host's files. Run COMMAND under the last one. Takes
 * everything out again at the end. Root, in a guest, with no polywardd running.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "compile.h"
#include "kernel/kernel.h"
#include "policy/image.h"

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int swap(struct kernel *k, const char *path, struct err *e)
{
	_buf_ struct buf bytes = BUF_INIT;
	uint64_t start, start_cpu, staged, staged_cpu, flipped, retired;
	struct image img;
	uint32_t gen = 0, before = 0;
	struct kernel_status st;
	int r = bench_compile(path, &bytes);

	if (r == 0)
		r = image_check(bytes.data, bytes.len_bytes, &img, e);
	if (r == 0)
		r = kernel_status(k, &st, e);
	if (r < 0)
		return r;
	before = st.gen;
	start = now_ns(CLOCK_MONOTONIC);
	start_cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	r = kernel_stage(k, bytes.data, bytes.len_bytes, NULL, &gen, e);
	if (r < 0)
		return r;
	staged_cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	staged = now_ns(CLOCK_MONOTONIC);
	r = kernel_flip(k, gen, 0, e);
	if (r < 0)
		return r;
	flipped = now_ns(CLOCK_MONOTONIC);
	if (before)
		kernel_retire(k, before);
	retired = now_ns(CLOCK_MONOTONIC);
	r = kernel_status(k, &st, e);
	if (r < 0)
		return r;
	printf("swap rules %u cells %u entries %u stage %llu stage-cpu %llu flip %llu retire %llu map-bytes %llu\n",
	       img.count[PW_SEC_RULES] - 1, img.count[PW_SEC_CELLS], img.count[PW_SEC_ENTRIES], (unsigned long long)(staged - start),
	       (unsigned long long)(staged_cpu - start_cpu), (unsigned long long)(flipped - staged), (unsigned long long)(retired - flipped),
	       (unsigned long long)st.map_bytes);
	return 0;
}

/* The command's exit status, or 1. */
static int run(char **argv)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		perror("bench_swap: exec");
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct kernel *k = NULL;
	enum kernel_how how;
	struct err e = { 0 };
	int r, i = 1;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_swap POLICY... [-- COMMAND...]\n");
		return 2;
	}
	r = kernel_open(&k, &how, &e);
	for (; i < argc && strcmp(argv[i], "--") != 0 && r == 0; i++)
		r = swap(k, argv[i], &e);
	if (r < 0)
		fprintf(stderr, "bench_swap: %s\n", e.text);
	else if (i + 1 < argc)
		r = run(argv + i + 1);
	if (k) {
		if (kernel_down(k, &e) < 0)
			fprintf(stderr, "bench_swap: %s\n", e.text);
		kernel_close(k);
	}
	return r < 0 ? 1 : r;
}
