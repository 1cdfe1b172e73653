// SPDX-License-Identifier: Apache-2.0
/*
 * Consumer of a BPF ring buffer through its pages: consumer position (writable), producer position and the data, mapped twice in a
 * row so that no record is in two pieces. Needs no bpf(2). Must never trust a length beyond what the producer position covers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/kernel.h"

struct ring {
	int fd;
	uint32_t size_bytes;
	size_t page_bytes;
	uint64_t *consumer;
	uint64_t *producer;
	const uint8_t *data;
	uint64_t at; /* read up to here; the consumer's position follows when that is kept elsewhere */
};

int ring_open(int map_fd, uint32_t size_bytes, struct ring **ret, struct err *e)
{
	struct ring *r = calloc(1, sizeof(*r));
	void *at;

	if (!r)
		return err_set(e, -ENOMEM, "cannot open a ring buffer");
	r->size_bytes = size_bytes;
	r->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	/* A descriptor of our own to poll: the caller's may be closed as soon as we return. */
	r->fd = fcntl(map_fd, F_DUPFD_CLOEXEC, 0);
	at = r->fd < 0 ? MAP_FAILED : mmap(NULL, r->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (at == MAP_FAILED) {
		int code = -errno;

		ring_close(r);
		return err_set(e, code, "cannot map a ring buffer's consumer page");
	}
	r->consumer = at;
	r->at = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
	at = mmap(NULL, r->page_bytes + 2 * (size_t)size_bytes, PROT_READ, MAP_SHARED, r->fd, (off_t)r->page_bytes);
	if (at == MAP_FAILED) {
		int code = -errno;

		ring_close(r);
		return err_set(e, code, "cannot map a ring buffer's data");
	}
	r->producer = at;
	r->data = (const uint8_t *)at + r->page_bytes;
	*ret = r;
	return 0;
}

void ring_close(struct ring *r)
{
	if (!r)
		return;
	if (r->producer)
		munmap(r->producer, r->page_bytes + 2 * (size_t)r->size_bytes);
	if (r->consumer)
		munmap(r->consumer, r->page_bytes);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}

int ring_fd(const struct ring *r)
{
	return r->fd;
}

uint64_t ring_held_bytes(const struct ring *r)
{
	return r->at - __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

void ring_release(struct ring *r)
{
	/* Seen by the kernel before we look for more: it wakes us only if it finds that we have come to the end. */
	__atomic_store_n(r->consumer, r->at, __ATOMIC_SEQ_CST);
}

int ring_read(struct ring *r, int max, int (*take)(void *ctx, const void *bytes, size_t len_bytes), void *ctx)
{
	int count = 0;

	while (count < max && r->at < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		const uint8_t *record = r->data + (r->at & (r->size_bytes - 1));
		uint32_t head = __atomic_load_n((const uint32_t *)(const void *)record, __ATOMIC_ACQUIRE);
		uint32_t len_bytes = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		int rc = 0;

		/* Being written: the next call finds it. */
		if (head & BPF_RINGBUF_BUSY_BIT)
			break;
		if (len_bytes > r->size_bytes - BPF_RINGBUF_HDR_SZ)
			return -EBADMSG;
		if (!(head & BPF_RINGBUF_DISCARD_BIT)) {
			rc = take(ctx, record + BPF_RINGBUF_HDR_SZ, len_bytes);
			if (rc < 0)
				return rc;
			count++;
		}
		r->at += (len_bytes + BPF_RINGBUF_HDR_SZ + 7u) & ~7u;
	}
	return count;
}

int ring_consume(struct ring *r, int max, int (*take)(void *ctx, const void *bytes, size_t len_bytes), void *ctx)
{
	int rc = ring_read(r, max, take, ctx);

	ring_release(r);
	return rc;
}
