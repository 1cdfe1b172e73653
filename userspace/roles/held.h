/* SPDX-License-Identifier: Apache-2.0 */
/* An image that this process holds: sealed bytes, checked, mapped. Shared by the kernel and the audit process. */
#ifndef ROLES_HELD_H
#define ROLES_HELD_H

#include "base/err.h"
#include "policy/image.h"

struct held {
	int fd;               /* sealed memory file; -1: nothing held */
	void *bytes;          /* mapped, read-only */
	size_t len_bytes;
	struct image img;     /* looks into bytes */
	uint32_t gen;         /* generation it was staged as; 0: not yet */
};
#define HELD_INIT { .fd = -1 }

/* fd is taken over, also on failure. Refuses a file that somebody could still change, and bytes that image_check() refuses. */
int held_from_fd(int fd, struct held *ret, struct err *e);
void held_done(struct held *h);
/* Move: *to gives up what it held. */
void held_move(struct held *to, struct held *from);

#endif
