/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harness: builds stores with a secret, applies a policy through the real daemons, runs every row of attacks.def as everybody
 * named there, and judges four things about each run: the errno, that no byte of the secret came out, that the stores are as they
 * were, and what the log says. Runs in the guest, as root.
 */
#ifndef ATTACK_HARNESS_H
#define ATTACK_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "attack.h"

#define MARKER_LEN 32

struct row {
	const char *program, *variant, *who, *expect, *record, *kernels, *why;
	int phase;
};

/* One run of a row as somebody. */
struct outcome {
	const struct row *row;
	char who;
	int uid;             /* real user that a record must name */
	int status;          /* as it exited */
	uint64_t from_ns, to_ns; /* CLOCK_BOOTTIME */
	bool leaked, changed, recorded, late;
	char *output, *changes, *seen; /* what it printed; lines of the stores that differ; refusals in the log */
};

struct stage {
	const char *bins;    /* folder of the attacks' programs */
	char marker[MARKER_LEN + 1]; /* every file of the stores begins with it */
	int witness;         /* socket to the process that may look at the stores */
	int victim;          /* process */
	char *manifest;      /* the stores as they should be */
	char policy[64];
	struct timespec viewer; /* when the role's program last changed */
	bool clones;         /* CLONES is there */
	bool control;        /* no policy: every attack must succeed */
	int early[EARLY_LAST_ - EARLY_READ];
};

/* stage.c */
void stage_build(struct stage *s);
void stage_early(struct stage *s);
/* The extended attribute with the secret, on a file of each and on the one that is opened early. */
void give_attributes(const char *marker);
void stage_policy(struct stage *s);
/* The same policy with `guard sealed`. */
void stage_seal(struct stage *s);
void stage_victim(struct stage *s);
void stage_sweep(void);
bool stage_leaked(const struct stage *s);
/* A role's program that was touched has lost its role until the policy is applied again. */
void stage_viewer(struct stage *s);
/* Put polyward back into the state that attacks expect, should one have harmed it. */
void stage_mend(struct stage *s);

/* witness.c */
void witness_start(struct stage *s);
char *witness_look(struct stage *s);     /* a line for each file; to be freed */
void witness_restore(struct stage *s);   /* as built */
void fill_file(int fd, const char *marker);

/* records.c: which refusals the log holds for these runs */
void records_match(struct outcome *list, size_t count);

uint64_t boot_ns(void);
int command(const char *line);           /* sh -c, quiet unless it fails */

#endif
