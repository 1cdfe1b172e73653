/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tail on disk: segments that records are written to and synced before anything else happens to them. Never rewrites a byte that was
 * committed, and removes a segment only when its records are elsewhere for certain.
 */
#include "audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define AHEAD_BYTES  (1u << 20) /* so much is asked of the filesystem at a time, as long as it has it */
#define SEGMENT_MODE 0644       /* the directory above the log's keeps others out; a reader is handed the log's directory */

/* What was allocated ahead. If that fails, it costs room. */
static void give_back(struct audit_log *l)
{
	if (l->allocated_bytes && ftruncate(l->fd, (off_t)l->segment_bytes) == 0)
		l->allocated_bytes = 0;
}

void log_tail_close(struct audit_log *l)
{
	if (l->fd < 0)
		return;
	if (!l->group.count)
		give_back(l);
	close(l->fd);
	l->fd = -1;
}

/* The file's name says the number of its first record, so a segment begins with the first record of the group. */
static int new_segment(struct audit_log *l, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	_fd_ int fd = -1;

	segment_name(l->group.first_seq, name);
	fd = openat(l->dirs.dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, SEGMENT_MODE);
	if (fd < 0)
		return err_set(e, -errno, "make %s in the log directory", name);
	if (fsync(l->dirs.dir_fd) < 0) {
		int code = err_set(e, -errno, "make %s in the log directory", name);

		(void)unlinkat(l->dirs.dir_fd, name, 0);
		return code;
	}
	if (l->fd >= 0) {
		give_back(l);
		close(l->fd);
	}
	l->fd = take_fd(fd);
	l->segment_first_seq = l->group.first_seq;
	l->segment_bytes = l->allocated_bytes = 0;
	l->segments++;
	return 0;
}

/*
 * Room for the group, and for LOG_KEPT_BYTES behind it, before a byte of it is written: a full disk then tears nothing, and there is
 * still room to say so. Filesystems without allocation ahead go without.
 */
static int keep_room(struct audit_log *l, uint64_t group_bytes, struct err *e)
{
	uint64_t need_bytes = l->segment_bytes + group_bytes + LOG_KEPT_BYTES;
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

static int write_at(int fd, const uint8_t *bytes, size_t len_bytes, uint64_t off_bytes, struct err *e)
{
	while (len_bytes) {
		ssize_t n = pwrite(fd, bytes, len_bytes, (off_t)off_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? -errno : -ENOSPC, "write the log");
		bytes += n;
		len_bytes -= (size_t)n;
		off_bytes += (uint64_t)n;
	}
	return 0;
}

/* Runs of records that lie side by side, one write each. */
static int write_group(struct audit_log *l, uint64_t *ret_bytes, struct err *e)
{
	const uint8_t *run = NULL, *record;
	size_t run_bytes = 0, len_bytes;
	uint64_t at = l->segment_bytes;
	int code = 0;

	for (size_t i = 0; code == 0 && i < l->group.count; i++) {
		group_record(&l->group, i, &record, &len_bytes);
		if (run && record == run + run_bytes) {
			run_bytes += len_bytes;
			continue;
		}
		code = write_at(l->fd, run, run_bytes, at, e);
		at += run_bytes;
		run = record;
		run_bytes = len_bytes;
	}
	if (code == 0)
		code = write_at(l->fd, run, run_bytes, at, e);
	*ret_bytes = at + run_bytes - l->segment_bytes;
	return code;
}

int log_tail_write(struct audit_log *l, struct err *e)
{
	uint64_t written_bytes = 0, group_bytes = l->group.len_bytes;
	int code = 0;

	for (size_t i = 0; i < l->group.parts; i++)
		group_bytes += l->group.part[i].record.len_bytes;
	if (l->fd < 0 || l->segment_bytes >= AUDIT_SEGMENT_BYTES)
		code = new_segment(l, e);
	if (code == 0)
		code = keep_room(l, group_bytes, e);
	/*
	 * Always from the end of what is committed: after a failure in the middle the same bytes go to the same place again. They are
	 * kept until the sync has succeeded, because a failed sync may have dropped what was written.
	 */
	if (code == 0)
		code = write_group(l, &written_bytes, e);
	if (code == 0 && fdatasync(l->fd) < 0)
		code = err_set(e, -errno, "bring the log to the disk");
	if (code == 0)
		l->segment_bytes += written_bytes;
	return code;
}

int log_tail_write_kept(struct audit_log *l, const void *record, size_t len_bytes, struct err *e)
{
	if (l->fd < 0 || l->segment_bytes >= AUDIT_SEGMENT_BYTES)
		return err_set(e, -ENOSPC, "append to the log");
	if (pwrite(l->fd, record, len_bytes, (off_t)l->segment_bytes) != (ssize_t)len_bytes)
		return err_set(e, -ENOSPC, "write the log");
	if (fdatasync(l->fd) < 0)
		return err_set(e, -errno, "bring the log to the disk");
	l->segment_bytes += len_bytes;
	return 0;
}

int log_tail_drop(struct audit_log *l, struct err *e)
{
	/* Up to here every bundle is full, and a checkpoint says so. */
	uint64_t safe = l->tree->size & ~(uint64_t)(TREE_TILE_WIDTH - 1);
	char name[SEGMENT_NAME_SIZE];
	struct segments all = { 0 };
	_free_ void *owned = NULL;
	size_t count = 0;
	int code = segments_list(l->dirs.dir_fd, &all, e);

	if (code < 0)
		return code;
	owned = all.first_seq;
	if (l->signer && l->signer->last.size < safe)
		safe = l->signer->last.size;
	/* The last closed one stays: from it a restart knows how far every CPU was. */
	while (count + 2 < all.count && all.first_seq[count + 1] <= safe)
		count++;
	if (count && syncfs(l->dirs.dir_fd) < 0)
		return err_set(e, -errno, "bring the log's tiles to the disk");
	for (size_t i = 0; i < count; i++) {
		segment_name(all.first_seq[i], name);
		if (unlinkat(l->dirs.dir_fd, name, 0) < 0)
			return err_set(e, -errno, "remove %s, whose records are in bundles", name);
	}
	l->segments = all.count - count;
	return 0;
}
