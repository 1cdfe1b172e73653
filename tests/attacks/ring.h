/* SPDX-License-Identifier: Apache-2.0 */
/* The least of io_uring: a ring without a library, so that an inherited one can be used as well as one's own. */
#ifndef ATTACK_RING_H
#define ATTACK_RING_H

#include <linux/io_uring.h>

struct ring {
	int fd;
	unsigned int flags;
	void *sq, *cq;
	struct io_uring_sqe *sqes;
	struct io_uring_params p;
};

#define RING_ENTRIES 8

/* A ring of one's own. -1 and errno. */
int ring_make(struct ring *r, unsigned int flags);
/* The same over an inherited ring, made with RING_ENTRIES and these flags. */
int ring_adopt(struct ring *r, int fd, unsigned int flags);
/* The i-th entry to fill in, zeroed. */
struct io_uring_sqe *ring_sqe(struct ring *r, unsigned int i);
/* Submit n entries, wait for all; *ret_res[i] is the result of the entry with user_data i. 0, or -1 and errno. */
int ring_go(struct ring *r, unsigned int n, int *ret_res);

#endif
