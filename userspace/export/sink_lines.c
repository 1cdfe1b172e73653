/* SPDX-License-Identifier: Apache-2.0 */
/* Messages as lines into a file or pipe, in large writes. A message holds no newline: every projection escapes it. */
#include "export/sink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define LINES_FULL_BYTES (256u << 10)

struct lines {
	struct sink sink;
	int fd;
	bool sync;
	struct buf bytes;
	uint64_t first_seq; /* of what stands in bytes */
};

static int lines_put(struct sink *s, const struct export_item *i, const struct buf *message, struct err *e)
{
	struct lines *l = (struct lines *)s;

	if (l->bytes.len_bytes >= LINES_FULL_BYTES)
		return -EAGAIN;
	if (!l->bytes.len_bytes)
		l->first_seq = i->view->head.seq;
	buf_add(&l->bytes, message->data, message->len_bytes);
	buf_add_char(&l->bytes, '\n');
	return l->bytes.failed ? err_set(e, -ENOMEM, "keep a message") : 0;
}

static int lines_pump(struct sink *s, int timeout_ms, struct err *e)
{
	struct lines *l = (struct lines *)s;
	int r = l->bytes.len_bytes ? fd_write_all(l->fd, l->bytes.data, l->bytes.len_bytes) : 0;

	(void)timeout_ms;
	if (r == 0 && l->bytes.len_bytes && l->sync && fdatasync(l->fd) < 0)
		r = -errno;
	if (r < 0)
		return err_set(e, r, "write what is exported");
	l->bytes.len_bytes = 0;
	s->progress_ms = sink_now_ms();
	return 0;
}

static uint64_t lines_waiting(const struct sink *s)
{
	const struct lines *l = (const struct lines *)s;

	return l->bytes.len_bytes ? l->first_seq : SINK_NONE;
}

static void lines_close(struct sink *s)
{
	struct lines *l = (struct lines *)s;

	buf_free(&l->bytes);
	free(l);
}

int sink_lines(int fd, bool sync, struct sink **ret, struct err *e)
{
	struct lines *l = calloc(1, sizeof(*l));
	struct stat st;

	if (!l)
		return err_set(e, -ENOMEM, "begin the export");
	l->fd = fd;
	l->sync = sync && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	l->sink = (struct sink){ .put = lines_put, .pump = lines_pump, .waiting = lines_waiting, .close = lines_close,
				 .progress_ms = sink_now_ms() };
	*ret = &l->sink;
	return 0;
}
