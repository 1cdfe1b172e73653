/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures on order: the linker sends the calls of polyward's own objects through fault.c (-Wl,--wrap), which lets the n-th call of
 * the chosen kinds fail, and all later ones too if asked. Nothing of this is in a program that is installed. One thread only.
 */
#ifndef FAULTS_FAULT_H
#define FAULTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum fault_kind {
	FAULT_ALLOC = 1, FAULT_OPEN = 2, FAULT_READ = 4, FAULT_WRITE = 8, FAULT_SYNC = 16,
	FAULT_NAME = 32,   /* rename, link, unlink */
	FAULT_SIZE = 64,   /* ftruncate, fallocate */
	FAULT_MAP = 128,   /* mmap, memfd_create */
};

enum fault_way {
	FAULT_FAILS,       /* -1 and errno */
	FAULT_SHORT,       /* reads and writes do a part of their work; a caller must do the rest */
	FAULT_HALF_FAILS,  /* a write does half of its work, and the next one fails */
	FAULT_NOTHING,     /* a write returns 0: no error, and no progress either */
	FAULT_FORGETS,     /* a sync fails and what was written since the last one is lost, as the page cache may */
};

struct fault {
	unsigned kinds;
	enum fault_way way;
	int error;
	uint64_t nth;      /* from 1 on; 0: by seed */
	uint64_t seed;     /* with nth 0: each call fails with one chance in `one_in` */
	uint32_t one_in;
	bool lasting;      /* from then on all of them */
};

void fault_arm(const struct fault *f);
/* Back to normal. How many calls of those kinds there were, and how many of them failed. */
uint64_t fault_disarm(uint64_t *ret_failed);
/* Blocks that polyward's objects hold now: what differs before and after is a leak. */
size_t fault_held(void);
/* jansson gets its memory through here too. */
void fault_take_jansson(void);

/* ---- tools.c: what a case reports ---- */
struct tap { int number, failed; };
/* `why` is printed where it is not good. */
void told(struct tap *t, bool good, const char *why, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* A directory of its own below /tmp; removed with all files in it. */
struct scratch { char path[64]; int fd; };
bool scratch_make(struct scratch *s);
void scratch_empty(const struct scratch *s);
void scratch_remove(struct scratch *s);
uint64_t random_next(uint64_t *state);
/* Of n calls those that are made to fail: all if there are few, else the first ones and a choice by seed. True: this one. */
bool chosen(uint64_t nth, uint64_t n, uint64_t most, uint64_t *seed);

void case_compile(struct tap *t);
void case_log(struct tap *t);
void case_cli(struct tap *t);

#endif
