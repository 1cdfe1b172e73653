// SPDX-License-Identifier: Apache-2.0
/* io_uring by its system calls: see ring.h. */
#include "ring.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring_map(struct ring *r)
{
	size_t sq = r->p.sq_off.array + r->p.sq_entries * sizeof(uint32_t);
	size_t cq = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);

	r->sq = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, (off_t)IORING_OFF_SQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       (off_t)IORING_OFF_SQES);
	r->cq = r->sq;
	return r->sq == MAP_FAILED || r->sqes == MAP_FAILED ? -1 : 0;
}

int ring_make(struct ring *r, unsigned int flags)
{
	*r = (struct ring){ .flags = flags, .p = { .flags = flags, .sq_thread_idle = 100 } };
	r->fd = (int)syscall(SYS_io_uring_setup, RING_ENTRIES, &r->p);
	return r->fd < 0 ? -1 : ring_map(r);
}

int ring_adopt(struct ring *r, int fd, unsigned int flags)
{
	/* A ring of the same size tells the offsets. */
	if (ring_make(r, flags & ~(unsigned int)IORING_SETUP_SQPOLL))
		return -1;
	close(r->fd);
	r->fd = fd;
	r->flags = flags;
	return ring_map(r);
}

struct io_uring_sqe *ring_sqe(struct ring *r, unsigned int i)
{
	struct io_uring_sqe *e = &r->sqes[i % RING_ENTRIES];

	memset(e, 0, sizeof(*e));
	e->user_data = i;
	return e;
}

static uint32_t *word(void *ring, uint32_t offset)
{
	return (uint32_t *)((char *)ring + offset);
}

int ring_go(struct ring *r, unsigned int n, int *ret_res)
{
	uint32_t *tail = word(r->sq, r->p.sq_off.tail), *head = word(r->cq, r->p.cq_off.head), mask = RING_ENTRIES - 1;
	uint32_t begin = *tail, seen = 0;
	struct io_uring_cqe *cqes = (void *)((char *)r->cq + r->p.cq_off.cqes);
	unsigned int how = r->flags & IORING_SETUP_SQPOLL ? IORING_ENTER_SQ_WAKEUP : IORING_ENTER_GETEVENTS;

	for (uint32_t i = 0; i < n; i++)
		word(r->sq, r->p.sq_off.array)[(begin + i) & mask] = i;
	__atomic_store_n(tail, begin + n, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, n, r->flags & IORING_SETUP_SQPOLL ? 0 : n, how, NULL, 0) < 0)
		return -1;
	for (int spins = 0; seen < n && spins < 500; spins++) {
		while (*head != __atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE)) {
			struct io_uring_cqe *c = &cqes[*head & (r->p.cq_entries - 1)];

			if (c->user_data < n)
				ret_res[c->user_data] = c->res;
			seen++;
			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
		}
		if (seen < n)
			poll(NULL, 0, 10);
	}
	errno = ETIME;
	return seen < n ? -1 : 0;
}
