/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the access log: records appended in memory, committed in groups, kept in memory until the disk has them for certain. It
 * never rewrites a byte that was committed, never skips a number, and never loses a record without a gap record that says so.
 */
#include "audit/gaps.h"
#include "audit/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define PREFIX_BYTES      2u
#define NS_PER_MS         1000000ull
#define COMMIT_AT_BYTES   (1u << 20)   /* a group this large is not waited for */
#define NO_CPU            0xffffu
#define KEPT_BYTES        (16u << 10)  /* always free behind what is committed: for the record that says that nothing more fits */
#define AHEAD_BYTES       (1u << 20)   /* so much is asked of the filesystem at a time, as long as it has it */
#define SEGMENT_MODE      0644         /* the directory above the log's keeps others out; a reader is handed the log's directory */

struct audit_log {
	int dir_fd, fd;             /* fd: the segment being written, -1: made with the next commit */
	uint64_t segment_first_seq;
	uint64_t segment_bytes;     /* committed */
	uint64_t allocated_bytes;   /* of the segment, as far as we asked for it; 0: not yet */
	uint64_t next_seq;
	struct buf pending;         /* appended, not known to be on disk */
	uint64_t pending_first_seq;
	uint64_t pending_since_ns;  /* CLOCK_BOOTTIME */
	uint64_t failed_ns;         /* when writing failed last, CLOCK_BOOTTIME; 0: it did not */
	struct err failure;         /* ... and why */
	uint8_t boot_id[16];
	struct gaps gaps;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* "5a94cbc8-92bd-4373-be76-c76d4dc84387\n" */
static int read_boot_id(uint8_t ret[static 16], struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	char hex[33];
	size_t n = 0;
	int code = fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text);

	if (code < 0)
		return err_set(e, code, "read /proc/sys/kernel/random/boot_id, without which one boot's events cannot be told from another's");
	for (size_t i = 0; i < text.len_bytes && n < 32; i++)
		if (text.data[i] != '-')
			hex[n++] = text.data[i];
	if (num_parse_hex(hex, n, ret, 16) < 0)
		return err_say(e, -EBADMSG, "/proc/sys/kernel/random/boot_id does not hold a boot id");
	return 0;
}

/* What a record already in the log says about how far its CPU was. */
static int recover_cpu(struct audit_log *l, const struct record_view *v)
{
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
	struct hole lost;
	int code;

	if (memcmp(v->head.boot_id, l->boot_id, sizeof(l->boot_id)) != 0 || v->head.cpu == NO_CPU)
		return 0;
	if (v->head.kind == PW_REC_ACCESS) {
		code = gaps_begin(&l->gaps, v->head.cpu, v->head.cpu_seq);
		if (code == 0)
			code = gaps_note(&l->gaps, v->head.cpu, v->head.cpu_seq, now_ns);
		gaps_time(&l->gaps, v->head.cpu, v->head.time_boot_ns);
		return code;
	}
	if (v->head.kind != PW_REC_GAP)
		return 0;
	lost.first = record_find_u64(v, PW_F_GAP_FIRST, v->head.cpu_seq);
	lost.last = record_find_u64(v, PW_F_GAP_LAST, lost.first);
	if (lost.last < lost.first)
		return -EBADMSG;
	code = gaps_begin(&l->gaps, v->head.cpu, lost.first);
	if (code == 0)
		gaps_declare(&l->gaps, v->head.cpu, &lost);
	return code;
}

/* Read from segment idx to the end; what stands there that is no whole record is torn, or reading failed. */
static int read_to_end(struct audit_log *l, struct log_reader *r, size_t idx, struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(r, idx, e);

	while (code == 0) {
		code = log_reader_next(r, &v, e);
		if (code <= 0)
			break;
		code = recover_cpu(l, &v);
		if (code < 0)
			return err_set(e, code, "record %llu of the log", (unsigned long long)v.head.seq);
	}
	return code;
}

/* Open the last segment for writing and cut off what a crash left behind its last whole record. */
static int take_end(struct audit_log *l, const struct log_place *end, uint64_t *ret_cut_bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	segment_name(end->first_seq, name);
	l->fd = openat(l->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_set(e, -errno, "open %s of the log for writing", name);
	l->segment_first_seq = end->first_seq;
	l->segment_bytes = end->off_bytes;
	*ret_cut_bytes = (uint64_t)st.st_size - end->off_bytes;
	if (*ret_cut_bytes && (ftruncate(l->fd, (off_t)end->off_bytes) < 0 || fdatasync(l->fd) < 0))
		return err_set(e, -errno, "cut the unfinished record from the end of %s", name);
	return 0;
}

static int find_end(struct audit_log *l, uint64_t *ret_cut_bytes, struct err *e)
{
	struct log_reader *r = NULL;
	struct log_place end;
	size_t count;
	int code, fd = fcntl(l->dir_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(e, -errno, "open the log directory");
	code = log_reader_open(fd, &r, e);
	if (code < 0)
		return code;
	count = log_reader_segments(r);
	/* A crash can leave the newest segment empty; then the one before says what came last. */
	code = count ? read_to_end(l, r, count > 1 ? count - 2 : 0, e) : 0;
	log_reader_place(r, &end);
	l->next_seq = end.next_seq;
	if (code == 0 && count)
		code = take_end(l, &end, ret_cut_bytes, e);
	log_reader_close(r);
	return code;
}

int audit_open(int dir_fd, struct audit_log **ret, uint64_t *ret_cut_bytes, struct err *e)
{
	struct audit_log *l = calloc(1, sizeof(*l));
	uint64_t cut_bytes = 0;
	int code = 0;

	if (!l) {
		close(dir_fd);
		return err_set(e, -ENOMEM, "open the log");
	}
	l->dir_fd = dir_fd;
	l->fd = -1;
	if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0)
		code = errno == EWOULDBLOCK ? err_say(e, -EBUSY, "another process writes this log; stop it first, or name another directory")
					    : err_set(e, -errno, "lock the log directory");
	if (code == 0)
		code = read_boot_id(l->boot_id, e);
	if (code == 0)
		code = find_end(l, &cut_bytes, e);
	if (code < 0) {
		err_wrap(e, "cannot write the log");
		audit_close(l);
		return code;
	}
	*ret_cut_bytes = cut_bytes;
	*ret = l;
	return 0;
}

/* What was allocated ahead. If that fails, it costs room. */
static void give_back(struct audit_log *l)
{
	if (l->allocated_bytes && ftruncate(l->fd, (off_t)l->segment_bytes) == 0)
		l->allocated_bytes = 0;
}

void audit_close(struct audit_log *l)
{
	struct err e;

	if (!l)
		return;
	(void)audit_commit(l, &e);
	if (l->fd >= 0) {
		if (!l->pending.len_bytes)
			give_back(l);
		close(l->fd);
	}
	close(l->dir_fd);
	buf_free(&l->pending);
	gaps_free(&l->gaps);
	free(l);
}

/* The file's name says the number of its first record, so a segment begins with the first record that is pending. */
static int new_segment(struct audit_log *l, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	_fd_ int fd = -1;

	segment_name(l->pending_first_seq, name);
	fd = openat(l->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SEGMENT_MODE);
	if (fd < 0)
		return err_set(e, -errno, "make %s in the log directory", name);
	if (fsync(l->dir_fd) < 0) {
		int code = err_set(e, -errno, "make %s in the log directory", name);

		(void)unlinkat(l->dir_fd, name, 0);
		return code;
	}
	if (l->fd >= 0) {
		give_back(l);
		close(l->fd);
	}
	l->fd = take_fd(fd);
	l->segment_first_seq = l->pending_first_seq;
	l->segment_bytes = l->allocated_bytes = 0;
	return 0;
}

/*
 * Room for the group, and for KEPT_BYTES behind it, before a byte of it is written: a full disk then tears nothing, and there is still
 * room to say so. Filesystems without allocation ahead go without.
 */
static int keep_room(struct audit_log *l, struct err *e)
{
	uint64_t need_bytes = l->segment_bytes + l->pending.len_bytes + KEPT_BYTES;
	const uint64_t ask_bytes[] = { need_bytes + AHEAD_BYTES, need_bytes };

	if (l->allocated_bytes >= need_bytes)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		if (fallocate(l->fd, FALLOC_FL_KEEP_SIZE, (off_t)l->segment_bytes, (off_t)(ask_bytes[i] - l->segment_bytes)) == 0) {
			l->allocated_bytes = ask_bytes[i];
			return 0;
		}
		if (errno != ENOSPC && errno != EDQUOT && errno != EINTR)
			return 0; /* writing will tell */
	}
	return err_set(e, -errno, "write the log");
}

static int try_write_out(struct audit_log *l, struct err *e)
{
	size_t written_bytes = 0;
	int code;

	if (!l->pending.len_bytes)
		return 0;
	if (l->fd < 0 || l->segment_bytes >= AUDIT_SEGMENT_BYTES) {
		code = new_segment(l, e);
		if (code < 0)
			return code;
	}
	code = keep_room(l, e);
	if (code < 0)
		return code;
	/*
	 * Always from the end of what is committed: after a failure in the middle the same bytes go to the same place again. They are
	 * kept until the sync has succeeded, because a failed sync may have dropped what was written.
	 */
	while (written_bytes < l->pending.len_bytes) {
		ssize_t n = pwrite(l->fd, l->pending.data + written_bytes, l->pending.len_bytes - written_bytes,
				   (off_t)(l->segment_bytes + written_bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? -errno : -ENOSPC, "write the log");
		written_bytes += (size_t)n;
	}
	if (fdatasync(l->fd) < 0)
		return err_set(e, -errno, "bring the log to the disk");
	l->segment_bytes += l->pending.len_bytes;
	l->pending.len_bytes = 0;
	return 0;
}

/* Write and sync what is pending. */
static int write_out(struct audit_log *l, struct err *e)
{
	int code = try_write_out(l, e);

	l->failed_ns = code < 0 ? clock_ns(CLOCK_BOOTTIME) : 0;
	if (code < 0)
		l->failure = *e;
	return code;
}

/* Room for one more record: a large group is committed at once, and a disk that takes nothing is waited for only so long. */
static int make_room(struct audit_log *l, size_t more_bytes, struct err *e)
{
	size_t len_bytes = l->pending.len_bytes;
	uint64_t now_ns;

	if (len_bytes < COMMIT_AT_BYTES && (l->segment_bytes >= AUDIT_SEGMENT_BYTES || l->segment_bytes + len_bytes < AUDIT_SEGMENT_BYTES))
		return 0;
	now_ns = clock_ns(CLOCK_BOOTTIME);
	/* Not for every record anew: each try writes the whole group. */
	if (!l->failed_ns || now_ns - l->failed_ns > AUDIT_COMMIT_MS * NS_PER_MS)
		(void)write_out(l, e);
	if (l->pending.len_bytes + more_bytes <= AUDIT_PENDING_MAX_BYTES)
		return 0;
	*e = l->failure;
	return err_wrap(e, "no more room in memory for records that the disk does not take");
}

static void fill_head(struct audit_log *l, struct pw_record *head)
{
	static const uint8_t none[sizeof(head->boot_id)];

	head->seq = l->next_seq;
	if (!head->time_boot_ns)
		head->time_boot_ns = clock_ns(CLOCK_BOOTTIME);
	if (!head->time_utc_ns)
		head->time_utc_ns = (int64_t)clock_ns(CLOCK_REALTIME);
	if (!memcmp(head->boot_id, none, sizeof(none)))
		memcpy(head->boot_id, l->boot_id, sizeof(head->boot_id));
}

static int append(struct audit_log *l, struct buf *record, struct pw_record *head, struct err *e)
{
	struct record_view v;
	size_t used;
	int code;

	code = record->failed ? -ENOMEM : record_parse((const uint8_t *)record->data, record->len_bytes, &v, &used);
	if (code < 0 || used != record->len_bytes)
		return err_set(e, code < 0 ? code : -EBADMSG, "append to the log: what was given is not one finished record");
	*head = v.head;
	code = make_room(l, record->len_bytes, e);
	if (code < 0)
		return code;
	fill_head(l, head);
	memcpy(record->data + PREFIX_BYTES, head, sizeof(*head));
	record_seal((uint8_t *)record->data + PREFIX_BYTES, record->len_bytes - PREFIX_BYTES);
	if (!l->pending.len_bytes) {
		l->pending_first_seq = l->next_seq;
		l->pending_since_ns = clock_ns(CLOCK_BOOTTIME);
	}
	buf_add(&l->pending, record->data, record->len_bytes);
	if (l->pending.failed) {
		/* Nothing was added, and what was there is still there. */
		l->pending.failed = false;
		return err_set(e, -ENOMEM, "append to the log");
	}
	l->next_seq++;
	if (head->kind == PW_REC_ACCESS && head->cpu != NO_CPU)
		gaps_time(&l->gaps, head->cpu, head->time_boot_ns);
	return 0;
}

/* Every record that waits gets the next number. */
static void renumber(struct audit_log *l)
{
	uint8_t *at = (uint8_t *)l->pending.data;
	size_t left_bytes = l->pending.len_bytes;
	struct pw_record head;

	while (left_bytes > PREFIX_BYTES) {
		size_t len_bytes = (size_t)at[0] << 8 | at[1];

		memcpy(&head, at + PREFIX_BYTES, sizeof(head));
		head.seq++;
		memcpy(at + PREFIX_BYTES, &head, sizeof(head));
		record_seal(at + PREFIX_BYTES, len_bytes);
		at += PREFIX_BYTES + len_bytes;
		left_bytes -= PREFIX_BYTES + len_bytes;
	}
	l->pending_first_seq++;
	l->next_seq++;
}

int audit_append_first(struct audit_log *l, struct buf *record, struct err *e)
{
	struct record_view v;
	struct pw_record head;
	size_t used;

	if (record->failed || record_parse((const uint8_t *)record->data, record->len_bytes, &v, &used) < 0 || used != record->len_bytes ||
	    used > KEPT_BYTES)
		return err_set(e, -EBADMSG, "append to the log: what was given is not one finished short record");
	if (l->fd < 0 || l->segment_bytes >= AUDIT_SEGMENT_BYTES)
		return err_set(e, -ENOSPC, "append to the log");
	head = v.head;
	if (!l->pending.len_bytes)
		l->pending_first_seq = l->next_seq;
	fill_head(l, &head);
	head.seq = l->pending_first_seq;
	memcpy(record->data + PREFIX_BYTES, &head, sizeof(head));
	record_seal((uint8_t *)record->data + PREFIX_BYTES, record->len_bytes - PREFIX_BYTES);
	if (pwrite(l->fd, record->data, record->len_bytes, (off_t)l->segment_bytes) != (ssize_t)record->len_bytes)
		return err_set(e, -ENOSPC, "write the log");
	if (fdatasync(l->fd) < 0)
		return err_set(e, -errno, "bring the log to the disk");
	l->segment_bytes += record->len_bytes;
	renumber(l);
	return 0;
}

/* Record the holes that have been open long enough to be losses. What cannot be recorded now stays a hole. */
static int record_losses(struct audit_log *l, uint64_t until_ns, struct err *e)
{
	struct hole h;
	uint32_t cpu;

	while (gaps_oldest(&l->gaps, &cpu, &h) && h.since_ns <= until_ns) {
		_buf_ struct buf b = BUF_INIT;
		struct pw_record head = { .schema = PW_RECORD_SCHEMA, .kind = PW_REC_GAP, .cpu = (uint16_t)cpu, .cpu_seq = h.first };
		int code;

		record_begin(&b, &head);
		record_u64(&b, PW_F_GAP_FIRST, h.first);
		record_u64(&b, PW_F_GAP_LAST, h.last);
		code = record_end(&b, 0);
		if (code < 0)
			return err_set(e, code, "record a gap");
		code = append(l, &b, &head, e);
		if (code < 0)
			return code;
		gaps_declare(&l->gaps, cpu, &h);
	}
	return 0;
}

static int record_old_losses(struct audit_log *l, struct err *e)
{
	return record_losses(l, clock_ns(CLOCK_BOOTTIME) - AUDIT_HOLE_MS * NS_PER_MS, e);
}

int audit_append(struct audit_log *l, struct buf *record, struct err *e)
{
	struct pw_record head = { .cpu = NO_CPU };
	int code = append(l, record, &head, e);

	if (code < 0 && head.kind == PW_REC_ACCESS && head.cpu != NO_CPU)
		gaps_unnote(&l->gaps, head.cpu, head.cpu_seq, clock_ns(CLOCK_BOOTTIME));
	return code;
}

int audit_commit(struct audit_log *l, struct err *e)
{
	struct err later;
	/* Without room for a gap record, first bring out what is there; then there is room. */
	int losses = record_old_losses(l, &later), code = write_out(l, e);

	if (code == 0 && losses < 0 && record_old_losses(l, &later) == 0)
		code = write_out(l, e);
	return code;
}

int audit_commit_in_ms(const struct audit_log *l)
{
	uint64_t now_ns = clock_ns(CLOCK_BOOTTIME), due_ns = UINT64_MAX;
	struct hole h;
	uint32_t cpu;

	if (l->pending.len_bytes)
		due_ns = l->pending_since_ns + AUDIT_COMMIT_MS * NS_PER_MS;
	if (gaps_oldest(&l->gaps, &cpu, &h) && h.since_ns + AUDIT_HOLE_MS * NS_PER_MS < due_ns)
		due_ns = h.since_ns + AUDIT_HOLE_MS * NS_PER_MS;
	if (due_ns == UINT64_MAX)
		return -1;
	return due_ns <= now_ns ? 0 : (int)((due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

bool audit_knows(const struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, uint64_t time_boot_ns)
{
	return gaps_known(&l->gaps, cpu, cpu_seq, time_boot_ns);
}

int audit_note_cpu_seq(struct audit_log *l, uint32_t cpu, uint64_t cpu_seq, struct err *e)
{
	int code = gaps_note(&l->gaps, cpu, cpu_seq, clock_ns(CLOCK_BOOTTIME));

	if (code < 0)
		return err_set(e, code, "count the events of CPU %u", cpu);
	return 0;
}

int audit_restart_cpu_seqs(struct audit_log *l, struct err *e)
{
	int code = record_losses(l, UINT64_MAX, e);

	if (code == 0)
		gaps_free(&l->gaps);
	return code;
}

uint64_t audit_next_seq(const struct audit_log *l)
{
	return l->next_seq;
}

void audit_segment(const struct audit_log *l, char ret_name[static AUDIT_NAME_SIZE], uint64_t *ret_bytes)
{
	segment_name(l->segment_first_seq, ret_name);
	*ret_bytes = l->segment_bytes + l->pending.len_bytes;
}

