/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a log directory, also while it is being written: records in order, each checked, none skipped. It never changes a file, and
 * it says "damaged" of everything that neither the writer at work nor a crash explains.
 */
#include "audit/internal.h"

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

struct log_reader {
	int dir_fd, fd;         /* fd: of the current segment, -1: none open */
	struct segments segments;
	size_t at;              /* current segment; == segments.count: none yet */
	uint64_t next_seq;
	uint8_t *window;
	size_t cap_bytes, have_bytes, pos_bytes;
	uint64_t window_off_bytes; /* of window[0] in the file */
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

int log_reader_open(int dir_fd, struct log_reader **ret, struct err *e)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	int code;

	if (r) {
		r->dir_fd = dir_fd;
		r->fd = -1;
		r->cap_bytes = WINDOW_BYTES;
		r->window = malloc(r->cap_bytes);
	}
	if (!r || !r->window) {
		close(dir_fd);
		free(r);
		return err_set(e, -ENOMEM, "open the log");
	}
	code = segments_list(dir_fd, &r->segments, e);
	if (code == 0)
		code = log_reader_seek(r, 0, e);
	if (code < 0) {
		log_reader_close(r);
		return code;
	}
	*ret = r;
	return 0;
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	close(r->dir_fd);
	free(r->segments.first_seq);
	free(r->window);
	free(r);
}

size_t log_reader_segments(const struct log_reader *r)
{
	return r->segments.count;
}

uint64_t log_reader_seq(const struct log_reader *r)
{
	return r->next_seq;
}

size_t log_reader_rest(const struct log_reader *r)
{
	return r->have_bytes - r->pos_bytes;
}

void log_reader_place(const struct log_reader *r, struct log_place *ret)
{
	ret->first_seq = r->at < r->segments.count ? r->segments.first_seq[r->at] : 0;
	ret->next_seq = r->next_seq;
	ret->off_bytes = r->window_off_bytes + r->pos_bytes;
}

/* Stand at the beginning of segment idx, which is opened at the next record. */
int log_reader_seek(struct log_reader *r, size_t segment_idx, struct err *e)
{
	if (segment_idx > r->segments.count || (segment_idx && segment_idx == r->segments.count))
		return err_say(e, -EINVAL, "the log has %zu segments, there is none with index %zu", r->segments.count, segment_idx);
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
	r->at = segment_idx;
	r->have_bytes = r->pos_bytes = 0;
	r->window_off_bytes = 0;
	r->next_seq = segment_idx < r->segments.count ? r->segments.first_seq[segment_idx] : 0;
	return 0;
}

/* More bytes behind those in the window, which grows if `grow`. Number of new bytes, 0 at the end. */
static ssize_t fill(struct log_reader *r, bool grow, struct err *e)
{
	ssize_t n;

	if (r->pos_bytes) {
		memmove(r->window, r->window + r->pos_bytes, r->have_bytes - r->pos_bytes);
		r->window_off_bytes += r->pos_bytes;
		r->have_bytes -= r->pos_bytes;
		r->pos_bytes = 0;
	}
	if (grow && r->have_bytes == r->cap_bytes && r->cap_bytes < WINDOW_MAX_BYTES) {
		uint8_t *more = realloc(r->window, r->cap_bytes * 2);

		if (!more)
			return err_set(e, -ENOMEM, "read the log");
		r->window = more;
		r->cap_bytes *= 2;
	}
	do {
		n = pread(r->fd, r->window + r->have_bytes, r->cap_bytes - r->have_bytes,
			  (off_t)(r->window_off_bytes + r->have_bytes));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, -errno, "read the log");
	r->have_bytes += (size_t)n;
	return n;
}

/* What is there from here on is no record: torn by a crash or still being written (0), or damaged (-EBADMSG)? */
static int judge_rest(struct log_reader *r, bool last, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	ssize_t n = 1;

	while (last && n > 0 && r->have_bytes - r->pos_bytes < WINDOW_MAX_BYTES)
		n = fill(r, true, e);
	if (n < 0)
		return (int)n;
	if (last && n == 0 && record_tail_is_torn(r->window + r->pos_bytes, r->have_bytes - r->pos_bytes,
						  r->window_off_bytes + r->pos_bytes, r->next_seq))
		return 0;
	segment_name(r->segments.first_seq[r->at], name);
	return err_say(e, -EBADMSG, "%s: byte %llu: record %llu is damaged: its length, form or check sum is wrong, and no crash explains it; "
		       "the records before it are intact", name, (unsigned long long)(r->window_off_bytes + r->pos_bytes),
		       (unsigned long long)r->next_seq);
}

/* The directory again: segments may have come, and old ones gone. */
static int refresh(struct log_reader *r, struct err *e)
{
	uint64_t current = r->at < r->segments.count ? r->segments.first_seq[r->at] : 0;
	struct segments now;
	size_t at = 0;
	int code = segments_list(r->dir_fd, &now, e);

	if (code < 0)
		return code;
	while (at < now.count && now.first_seq[at] < current)
		at++;
	if (r->fd >= 0 && (at == now.count || now.first_seq[at] != current)) {
		free(now.first_seq);
		return err_say(e, -EBADMSG, "the log's segment from record %llu on was removed while it was read", (unsigned long long)current);
	}
	free(r->segments.first_seq);
	r->segments = now;
	r->at = at;
	return 0;
}

/* Open the current segment, whose name says the number of its first record. */
static int open_current(struct log_reader *r, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];

	r->next_seq = r->segments.first_seq[r->at];
	segment_name(r->next_seq, name);
	r->fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return err_set(e, -errno, "open %s of the log", name);
	return 0;
}

/* The current segment is read to its end and a later one exists. */
static int next_segment(struct log_reader *r, struct err *e)
{
	uint64_t found = r->segments.first_seq[r->at + 1];

	if (found != r->next_seq)
		return err_say(e, -EBADMSG, "records %llu to %llu are missing from the log: the next segment begins with record %llu",
			       (unsigned long long)r->next_seq, (unsigned long long)found - 1, (unsigned long long)found);
	return log_reader_seek(r, r->at + 1, e);
}

static int take_record(struct log_reader *r, const struct record_view *v, size_t used_bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];

	if (v->head.seq != r->next_seq) {
		segment_name(r->segments.first_seq[r->at], name);
		return err_say(e, -EBADMSG, "%s: byte %llu: here stands record %llu where record %llu should be", name,
			       (unsigned long long)(r->window_off_bytes + r->pos_bytes), (unsigned long long)v->head.seq,
			       (unsigned long long)r->next_seq);
	}
	r->pos_bytes += used_bytes;
	r->next_seq++;
	return 1;
}

int log_reader_next(struct log_reader *r, struct record_view *ret, struct err *e)
{
	bool fresh = false; /* the list of segments was read again in this call */

	for (;;) {
		bool later;
		size_t used;
		ssize_t n;
		int code;

		if (r->at == r->segments.count || r->fd < 0) {
			code = r->at == r->segments.count ? refresh(r, e) : 0;
			if (code < 0 || r->at == r->segments.count)
				return code;
			code = open_current(r, e);
			if (code < 0)
				return code;
		}
		code = record_parse(r->window + r->pos_bytes, r->have_bytes - r->pos_bytes, ret, &used);
		if (code == 0)
			return take_record(r, ret, used, e);
		/* A segment is complete before the next is made: what is read after the next was seen is all there will be. */
		later = r->at + 1 < r->segments.count;
		if (code == -EBADMSG)
			return judge_rest(r, !later, e);
		n = fill(r, false, e);
		if (n < 0)
			return (int)n;
		if (n > 0)
			continue;
		if (later && r->have_bytes == r->pos_bytes)
			code = next_segment(r, e);
		else if (later || fresh)
			return r->have_bytes == r->pos_bytes ? 0 : judge_rest(r, !later, e);
		else
			code = refresh(r, e);
		if (code < 0)
			return code;
		fresh = true;
	}
}
