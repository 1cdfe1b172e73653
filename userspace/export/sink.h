/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where messages go. A sink takes messages in order and says which of them have arrived, as far as its protocol lets it know; the cursor
 * follows that and nothing else. Sinks never print; what keeps them waiting is a sentence in `trouble`.
 */
#ifndef EXPORT_SINK_H
#define EXPORT_SINK_H

#include "base/err.h"
#include "export/export.h"

#define SINK_NONE UINT64_MAX /* nothing waits to arrive */

struct sink {
	/* 0: taken. -EAGAIN: full, pump first. Anything else is the end, with a sentence. */
	int (*put)(struct sink *s, const struct export_item *i, const struct buf *message, struct err *e);
	/* Send, and hear what has arrived, for at most timeout_ms; returns early when there was something to do. An error is the end. */
	int (*pump)(struct sink *s, int timeout_ms, struct err *e);
	/* Record of the oldest message that is not known to have arrived; SINK_NONE: all have. */
	uint64_t (*waiting)(const struct sink *s);
	/* No more will be put. NULL: makes no difference. */
	void (*finish)(struct sink *s);
	void (*close)(struct sink *s);
	bool eager;             /* wants to be pumped while there is more to put */
	struct err trouble;     /* code 0: none. Why nothing arrives; it is tried again */
	int64_t progress_ms;    /* CLOCK_MONOTONIC of the last arrival, or of the start */
};

/* Lines into a file or pipe; fd stays the caller's. Arrived: written, and with sync, if it is a file, on disk. */
int sink_lines(int fd, bool sync, struct sink **ret, struct err *e);
/*
 * RFC 6587 octet counting over TCP to "host:port" or "[address]:port". Arrived: acknowledged by the other host's TCP, and the connection
 * has outlived that by a second, or was closed by the other side when we had closed ours.
 */
int sink_tcp(const char *where, struct sink **ret, struct err *e);
/* The journal's socket; path NULL: the usual one. Arrived: handed to the journal. */
int sink_journal(const char *path, struct sink **ret, struct err *e);
/* A program that speaks export/frames.h. Arrived: as it says. argv[0] is its path. */
int sink_helper(char *const argv[], struct sink **ret, struct err *e);

void sink_close(struct sink *s);
int64_t sink_now_ms(void);

/* ---- queue.c: messages that are under way, oldest first ---- */
struct queue {
	struct buf bytes; size_t skip; /* the first skip bytes have arrived already */
	struct { uint64_t seq, end; } *marks; /* end: stream offset behind that message */
	size_t marks_first, marks_count, marks_cap;
	uint64_t base;                /* stream offset of bytes.data[skip], always the start of a message */
};
bool queue_full(const struct queue *q, size_t most_bytes);
int queue_put(struct queue *q, uint64_t seq, const void *head, size_t head_len_bytes, const struct buf *message);
/* All messages that end at or before that offset have arrived. True if there was one. */
bool queue_done_to(struct queue *q, uint64_t offset);
/* All messages up to that record have arrived. */
bool queue_done_seq(struct queue *q, uint64_t seq);
uint64_t queue_waiting(const struct queue *q);
/* What lies behind that stream offset: *ret_len_bytes may be 0. */
const char *queue_from(const struct queue *q, uint64_t offset, size_t *ret_len_bytes);
void queue_free(struct queue *q);

#endif
