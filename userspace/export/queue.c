/* SPDX-License-Identifier: Apache-2.0 */
/* Messages under way: bytes in one piece, so that they can be written in one call, and where each message ends. Drops whole ones only. */
#include "export/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MARKS_MIN 1024u

int64_t sink_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void sink_close(struct sink *s)
{
	if (s)
		s->close(s);
}

bool queue_full(const struct queue *q, size_t most_bytes)
{
	return q->bytes.len_bytes - q->skip >= most_bytes;
}

int queue_put(struct queue *q, uint64_t seq, const void *head, size_t head_len_bytes, const struct buf *message)
{
	if (q->marks_first && q->marks_first == q->marks_count) {
		q->marks_first = q->marks_count = 0;
	} else if (q->marks_first > q->marks_cap / 2) {
		memmove(q->marks, q->marks + q->marks_first, (q->marks_count - q->marks_first) * sizeof(*q->marks));
		q->marks_count -= q->marks_first;
		q->marks_first = 0;
	}
	if (q->marks_count == q->marks_cap) {
		size_t cap = q->marks_cap ? q->marks_cap * 2 : MARKS_MIN;
		void *more = reallocarray(q->marks, cap, sizeof(*q->marks));

		if (!more)
			return -ENOMEM;
		q->marks = more;
		q->marks_cap = cap;
	}
	buf_add(&q->bytes, head, head_len_bytes);
	buf_add(&q->bytes, message->data, message->len_bytes);
	if (q->bytes.failed)
		return -ENOMEM;
	q->marks[q->marks_count].seq = seq;
	q->marks[q->marks_count++].end = q->base + q->bytes.len_bytes - q->skip;
	return 0;
}

static void drop(struct queue *q, uint64_t end)
{
	q->skip += (size_t)(end - q->base);
	q->base = end;
	if (q->skip < q->bytes.len_bytes / 2)
		return; /* moved now and then, not for every message that arrives */
	q->bytes.len_bytes -= q->skip;
	memmove(q->bytes.data, q->bytes.data + q->skip, q->bytes.len_bytes);
	q->skip = 0;
}

const char *queue_from(const struct queue *q, uint64_t offset, size_t *ret_len_bytes)
{
	size_t at = q->skip + (size_t)(offset - q->base);

	*ret_len_bytes = q->bytes.len_bytes - at;
	return q->bytes.data ? q->bytes.data + at : "";
}

/* The marks stay where they are until the next put, so that this costs no more than it drops. */
bool queue_done_to(struct queue *q, uint64_t offset)
{
	uint64_t end = q->base;

	while (q->marks_first < q->marks_count && q->marks[q->marks_first].end <= offset)
		end = q->marks[q->marks_first++].end;
	if (end == q->base)
		return false;
	drop(q, end);
	return true;
}

bool queue_done_seq(struct queue *q, uint64_t seq)
{
	uint64_t end = q->base;

	for (size_t i = q->marks_first; i < q->marks_count && q->marks[i].seq <= seq; i++)
		end = q->marks[i].end;
	return queue_done_to(q, end);
}

uint64_t queue_waiting(const struct queue *q)
{
	return q->marks_first < q->marks_count ? q->marks[q->marks_first].seq : SINK_NONE;
}

void queue_free(struct queue *q)
{
	buf_free(&q->bytes);
	free(q->marks);
}
