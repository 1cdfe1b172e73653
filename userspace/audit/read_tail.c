/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the tail of a log: its segments, also while they are written. Records in order, each checked, none skipped. It never changes a
 * file, and it says "damaged" of everything that neither the writer at work nor a crash explains. Where a record stands inside a
 * segment is looked for by lengths and remembered, so that one record costs no walk from the beginning.
 */
#include "audit/read_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"

#define WINDOW_BYTES     (256u << 10) /* holds at least one record whole */
#define WINDOW_MAX_BYTES (16u << 20)  /* grows up to this to see all of a torn end */
#define PREFIX_BYTES     2u
#define MARK_EVERY       512u         /* records between two remembered places */
#define MARKED_SEGMENTS  4u

/* Places in one segment: off[i] is where record first_seq + i * MARK_EVERY begins; seq and off_bytes: as far as it was walked. */
struct marks { bool used; uint64_t first_seq, seq, off_bytes; uint64_t *off; size_t count, cap; };

struct tail {
	int dir_fd, fd;         /* dir_fd is the owner's; fd: of the current segment, -1: none open */
	struct segments segments;
	size_t at;              /* current segment; == segments.count: none yet */
	uint64_t next_seq;
	uint8_t *window;
	size_t cap_bytes, have_bytes, pos_bytes;
	uint64_t window_off_bytes; /* of window[0] in the file */
	struct marks marks[MARKED_SEGMENTS];
	size_t marks_next;
};

void segment_name(uint64_t first_seq, char ret[static SEGMENT_NAME_SIZE])
{
	(void)snprintf(ret, SEGMENT_NAME_SIZE, "records-%016llx.pwr", (unsigned long long)first_seq);
}

static bool segment_seq(const char *name, uint64_t *ret)
{
	char again[SEGMENT_NAME_SIZE];
	uint8_t bytes[8];
	uint64_t seq = 0;

	if (strlen(name) != 28 || num_parse_hex(name + 8, 16, bytes, sizeof(bytes)) < 0)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		seq = seq << 8 | bytes[i];
	segment_name(seq, again);
	*ret = seq;
	return !strcmp(name, again);
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int segments_list(int dir_fd, struct segments *ret, struct err *e)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	_fd_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_free_ uint64_t *list = NULL;
	size_t count = 0, cap = 0;
	struct dirent *entry;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(e, -errno, "read the log directory");
	(void)take_fd(fd);
	while (errno = 0, (entry = readdir(dir))) {
		uint64_t seq;

		if (!segment_seq(entry->d_name, &seq))
			continue;
		if (count == cap) {
			uint64_t *more = reallocarray(list, cap ? cap * 2 : 16, sizeof(*list));

			if (!more)
				return err_set(e, -ENOMEM, "read the log directory");
			list = more;
			cap = cap ? cap * 2 : 16;
		}
		list[count++] = seq;
	}
	if (errno)
		return err_set(e, -errno, "read the log directory");
	if (count)
		qsort(list, count, sizeof(*list), by_seq);
	ret->count = count;
	ret->first_seq = take_ptr(list);
	return 0;
}

int tail_open(int dir_fd, struct tail **ret, struct err *e)
{
	struct tail *t = calloc(1, sizeof(*t));
	int code;

	if (t) {
		t->dir_fd = dir_fd;
		t->fd = -1;
		t->cap_bytes = WINDOW_BYTES;
		t->window = malloc(t->cap_bytes);
	}
	if (!t || !t->window) {
		free(t);
		return err_set(e, -ENOMEM, "open the log");
	}
	code = segments_list(dir_fd, &t->segments, e);
	if (code < 0) {
		tail_close(t);
		return code;
	}
	t->at = t->segments.count;
	*ret = t;
	return 0;
}

void tail_close(struct tail *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	for (size_t i = 0; i < MARKED_SEGMENTS; i++)
		free(t->marks[i].off);
	free(t->segments.first_seq);
	free(t->window);
	free(t);
}

uint64_t tail_first(const struct tail *t)
{
	return t->segments.count ? t->segments.first_seq[0] : UINT64_MAX;
}

uint64_t tail_seq(const struct tail *t)
{
	return t->next_seq;
}

size_t tail_rest(const struct tail *t)
{
	return t->have_bytes - t->pos_bytes;
}

void tail_place(const struct tail *t, struct log_place *ret)
{
	ret->first_seq = t->at < t->segments.count ? t->segments.first_seq[t->at] : 0;
	ret->next_seq = t->next_seq;
	ret->off_bytes = t->window_off_bytes + t->pos_bytes;
}

/* More bytes behind those in the window, which grows if `grow`. Number of new bytes, 0 at the end. */
static ssize_t fill(struct tail *t, bool grow, struct err *e)
{
	ssize_t n;

	if (t->pos_bytes) {
		memmove(t->window, t->window + t->pos_bytes, t->have_bytes - t->pos_bytes);
		t->window_off_bytes += t->pos_bytes;
		t->have_bytes -= t->pos_bytes;
		t->pos_bytes = 0;
	}
	if (grow && t->have_bytes == t->cap_bytes && t->cap_bytes < WINDOW_MAX_BYTES) {
		uint8_t *more = realloc(t->window, t->cap_bytes * 2);

		if (!more)
			return err_set(e, -ENOMEM, "read the log");
		t->window = more;
		t->cap_bytes *= 2;
	}
	do {
		n = pread(t->fd, t->window + t->have_bytes, t->cap_bytes - t->have_bytes, (off_t)(t->window_off_bytes + t->have_bytes));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, -errno, "read the log");
	t->have_bytes += (size_t)n;
	return n;
}

/* What is there from here on is no record: torn by a crash or still being written (0), or damaged (-EBADMSG)? */
static int judge_rest(struct tail *t, bool last, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	ssize_t n = 1;

	while (last && n > 0 && t->have_bytes - t->pos_bytes < WINDOW_MAX_BYTES)
		n = fill(t, true, e);
	if (n < 0)
		return (int)n;
	if (last && n == 0 && record_tail_is_torn(t->window + t->pos_bytes, t->have_bytes - t->pos_bytes,
						  t->window_off_bytes + t->pos_bytes, t->next_seq))
		return 0;
	segment_name(t->segments.first_seq[t->at], name);
	return err_say(e, -EBADMSG, "%s: byte %llu: record %llu is damaged: its length, form or check sum is wrong, and no crash explains it; "
		       "the records before it are intact", name, (unsigned long long)(t->window_off_bytes + t->pos_bytes),
		       (unsigned long long)t->next_seq);
}

int tail_refresh(struct tail *t, struct err *e)
{
	uint64_t current = t->at < t->segments.count ? t->segments.first_seq[t->at] : UINT64_MAX;
	struct segments now;
	size_t at = 0;
	int code = segments_list(t->dir_fd, &now, e);

	if (code < 0)
		return code;
	while (at < now.count && now.first_seq[at] < current)
		at++;
	if (t->fd >= 0 && (at == now.count || now.first_seq[at] != current)) {
		close(t->fd);
		t->fd = -1;
		at = now.count;
		t->have_bytes = t->pos_bytes = 0;
		code = -ESTALE;
	}
	free(t->segments.first_seq);
	t->segments = now;
	t->at = at;
	return code;
}

/* Stand at that place of segment idx, where record seq begins or should. */
static int stand_at(struct tail *t, size_t idx, uint64_t seq, uint64_t off_bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	int fd;

	segment_name(t->segments.first_seq[idx], name);
	fd = openat(t->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : err_set(e, -errno, "open %s of the log", name);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = fd;
	t->at = idx;
	t->next_seq = seq;
	t->have_bytes = t->pos_bytes = 0;
	t->window_off_bytes = off_bytes;
	return 0;
}

/* The current segment is read to its end and a later one exists. */
static int next_segment(struct tail *t, struct err *e)
{
	uint64_t found = t->segments.first_seq[t->at + 1];

	if (found != t->next_seq)
		return err_say(e, -EBADMSG, "records %llu to %llu are missing from the log: the next segment begins with record %llu",
			       (unsigned long long)t->next_seq, (unsigned long long)found - 1, (unsigned long long)found);
	return stand_at(t, t->at + 1, found, 0, e);
}

static int take_record(struct tail *t, const struct record_view *v, size_t used_bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];

	if (v->head.seq != t->next_seq) {
		segment_name(t->segments.first_seq[t->at], name);
		return err_say(e, -EBADMSG, "%s: byte %llu: here stands record %llu where record %llu should be", name,
			       (unsigned long long)(t->window_off_bytes + t->pos_bytes), (unsigned long long)v->head.seq,
			       (unsigned long long)t->next_seq);
	}
	t->pos_bytes += used_bytes;
	t->next_seq++;
	return 1;
}

int tail_next(struct tail *t, struct record_view *ret, struct err *e)
{
	bool fresh = false; /* the list of segments was read again in this call */

	for (;;) {
		bool later;
		size_t used;
		ssize_t n;
		int code;

		if (t->fd < 0)
			return -ESTALE;
		code = record_parse(t->window + t->pos_bytes, t->have_bytes - t->pos_bytes, ret, &used);
		if (code == 0)
			return take_record(t, ret, used, e);
		/* A segment is complete before the next is made: what is read after the next was seen is all there will be. */
		later = t->at + 1 < t->segments.count;
		if (code == -EBADMSG)
			return judge_rest(t, !later, e);
		n = fill(t, false, e);
		if (n < 0)
			return (int)n;
		if (n > 0)
			continue;
		if (later && t->have_bytes == t->pos_bytes)
			code = next_segment(t, e);
		else if (later || fresh)
			return t->have_bytes == t->pos_bytes ? 0 : judge_rest(t, !later, e);
		else
			code = tail_refresh(t, e);
		if (code < 0)
			return code;
		fresh = true;
	}
}

/* ---- where a record stands ---- */

static struct marks *marks_of(struct tail *t, uint64_t first_seq)
{
	struct marks *m;

	for (size_t i = 0; i < MARKED_SEGMENTS; i++)
		if (t->marks[i].used && t->marks[i].first_seq == first_seq)
			return &t->marks[i];
	m = &t->marks[t->marks_next++ % MARKED_SEGMENTS];
	free(m->off);
	*m = (struct marks){ .used = true, .first_seq = first_seq, .seq = first_seq };
	return m;
}

static int add_mark(struct marks *m)
{
	if ((m->seq - m->first_seq) % MARK_EVERY || (m->seq - m->first_seq) / MARK_EVERY < m->count)
		return 0;
	if (m->count == m->cap) {
		uint64_t *more = reallocarray(m->off, m->cap ? m->cap * 2 : 64, sizeof(*more));

		if (!more)
			return -ENOMEM;
		m->off = more;
		m->cap = m->cap ? m->cap * 2 : 64;
	}
	m->off[m->count++] = m->off_bytes;
	return 0;
}

/* Records that lie whole in bytes and have the number that is due, up to until_seq. Their bytes. */
static ssize_t walk_window(struct marks *m, const uint8_t *bytes, size_t have_bytes, uint64_t until_seq)
{
	size_t at = 0;

	while (m->seq < until_seq && have_bytes - at > PREFIX_BYTES + sizeof(struct pw_record)) {
		size_t len_bytes = (size_t)bytes[at] << 8 | bytes[at + 1];
		struct pw_record head;

		memcpy(&head, bytes + at + PREFIX_BYTES, sizeof(head));
		if (len_bytes < sizeof(head) || head.seq != m->seq || have_bytes - at - PREFIX_BYTES < len_bytes)
			break;
		at += PREFIX_BYTES + len_bytes;
		m->seq++;
		m->off_bytes += PREFIX_BYTES + len_bytes;
		if (add_mark(m) < 0)
			return -ENOMEM;
	}
	return (ssize_t)at;
}

/* Walk by lengths from the last place that is known up to until_seq, or as far as there are records. */
static int walk(struct marks *m, int fd, uint64_t until_seq, struct err *e)
{
	_free_ uint8_t *window = malloc(WINDOW_BYTES);

	if (!window || add_mark(m) < 0)
		return err_set(e, -ENOMEM, "read the log");
	while (m->seq < until_seq) {
		ssize_t n = pread(fd, window, WINDOW_BYTES, (off_t)m->off_bytes), used;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, -errno, "read the log");
		used = walk_window(m, window, (size_t)n, until_seq);
		if (used < 0)
			return err_set(e, (int)used, "read the log");
		if (used == 0)
			break;
	}
	return 0;
}

/* From the last mark at or before seq, without touching how far the segment was walked. */
static int walk_back(const struct marks *m, int fd, uint64_t seq, uint64_t *ret_off_bytes, struct err *e)
{
	size_t i = (size_t)((seq - m->first_seq) / MARK_EVERY);
	struct marks from = { .first_seq = m->first_seq + i * MARK_EVERY, .seq = m->first_seq + i * MARK_EVERY, .off_bytes = m->off[i] };
	int code = walk(&from, fd, seq, e);

	free(from.off);
	*ret_off_bytes = from.off_bytes;
	return code;
}

int tail_seek(struct tail *t, uint64_t seq, struct err *e)
{
	size_t idx = t->segments.count;
	uint64_t off_bytes;
	struct marks *m;
	int code;

	while (idx && t->segments.first_seq[idx - 1] > seq)
		idx--;
	if (!idx--)
		return -ERANGE;
	code = stand_at(t, idx, seq, 0, e);
	if (code < 0)
		return code;
	m = marks_of(t, t->segments.first_seq[idx]);
	if (m->seq < seq || m->seq == m->first_seq)
		code = walk(m, t->fd, seq, e);
	if (code < 0)
		return code;
	if (m->seq >= seq) {
		code = walk_back(m, t->fd, seq, &off_bytes, e);
		t->window_off_bytes = off_bytes;
		return code;
	}
	/* Behind the end, or something on the way is damaged: then reading from there says so. */
	t->window_off_bytes = m->off_bytes;
	t->next_seq = m->seq;
	return -ERANGE;
}

int tail_end(struct tail *t, uint64_t *ret, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	_fd_ int fd = -1;
	struct marks *m;
	int code;

	*ret = 0;
	if (!t->segments.count)
		return 0;
	segment_name(t->segments.first_seq[t->segments.count - 1], name);
	fd = openat(t->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? -ESTALE : err_set(e, -errno, "open %s of the log", name);
	m = marks_of(t, t->segments.first_seq[t->segments.count - 1]);
	code = walk(m, fd, UINT64_MAX, e);
	*ret = m->seq;
	return code;
}
