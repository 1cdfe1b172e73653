/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From records on disk to signed checkpoints. Signs only what the tail has for certain. When tiles cannot be written the tree stays
 * behind, and is brought up from the tail as soon as they can: nothing is lost by that but time.
 */
#include "audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define BATCH          GROW_AT_ONCE
#define SIGN_MS        1000u  /* a record is covered by a checkpoint at most this much later */
#define SIGN_RECORDS   4096u  /* ... or as soon as there are so many */
#define SIGN_REST_MS   AUDIT_COMMIT_MS /* but not more often than this: each costs two syncs */
#define RETRY_MS       1000u
#define DROP_SEGMENTS  8u     /* so many wait for a quiet moment, no more: removing them takes a sync of the filesystem */
#define QUIET_BYTES    (64u << 10)
#define PREFIX_BYTES   2u

static int failed(struct audit_log *l, struct err *e)
{
	l->tree_failed_ns = l->now_ns;
	l->tree_failure = *e;
	return e->code;
}

int log_tree_catch_up(struct audit_log *l, uint64_t until, struct err *e)
{
	struct log_reader *r = NULL;
	struct record_view v;
	int fd = fcntl(l->dirs.dir_fd, F_DUPFD_CLOEXEC, 3), code;

	if (fd < 0)
		return err_set(e, -errno, "open the log directory");
	code = log_reader_open(fd, -1, &r, e);
	if (code < 0)
		return code;
	if (l->tree->size < until)
		code = log_reader_seek(r, l->tree->size, e);
	while (code == 0 && l->tree->size < until) {
		struct tree_bytes one;

		code = log_reader_next(r, &v, e);
		if (code == 0)
			code = err_say(e, -EBADMSG, "the log ends with record %llu, and has to have %llu", (unsigned long long)l->tree->size,
				       (unsigned long long)until);
		if (code < 0)
			break;
		one = (struct tree_bytes){ v.bytes, v.len_bytes };
		code = grow_add(l->tree, &one, 1, NULL, e);
	}
	log_reader_close(r);
	return code;
}

static int feed_group(struct audit_log *l, struct err *e)
{
	struct tree_bytes records[BATCH];
	size_t at = 0;
	int code = 0;

	while (code == 0 && at < l->group.count) {
		size_t n = l->group.count - at < BATCH ? l->group.count - at : BATCH;

		for (size_t i = 0; i < n; i++) {
			const uint8_t *bytes;
			size_t len_bytes;

			group_record(&l->group, at + i, &bytes, &len_bytes);
			records[i] = (struct tree_bytes){ bytes + PREFIX_BYTES, len_bytes - PREFIX_BYTES };
		}
		code = grow_add(l->tree, records, n, NULL, e);
		at += n;
	}
	return code;
}

static bool may_retry(const struct audit_log *l)
{
	return !l->tree_failed_ns || l->now_ns - l->tree_failed_ns >= RETRY_MS * LOG_NS_PER_MS;
}

void log_tree_feed(struct audit_log *l)
{
	struct err e;

	if (!l->unsigned_ns)
		l->unsigned_ns = l->now_ns;
	/* Behind already: what is missing is read from the tail, at the next checkpoint. */
	if (l->tree->size != l->group.first_seq)
		return;
	if (feed_group(l, &e) < 0)
		(void)failed(l, &e);
}

uint64_t log_tree_due_ns(const struct audit_log *l)
{
	uint64_t due_ns;

	if (!l->unsigned_ns)
		return UINT64_MAX;
	due_ns = l->unsigned_ns + SIGN_MS * LOG_NS_PER_MS;
	if (l->group.first_seq - (l->signer ? l->signer->last.size : 0) >= SIGN_RECORDS)
		due_ns = l->signed_ns + SIGN_REST_MS * LOG_NS_PER_MS;
	if (l->tree_failed_ns && due_ns < l->tree_failed_ns + RETRY_MS * LOG_NS_PER_MS)
		due_ns = l->tree_failed_ns + RETRY_MS * LOG_NS_PER_MS;
	return due_ns;
}

static int sign(struct audit_log *l, struct err *e)
{
	uint64_t on_disk = l->group.first_seq;
	struct tree_hash root;
	int code = 0;

	if (l->tree->size < on_disk)
		code = log_tree_catch_up(l, on_disk, e);
	if (code == 0)
		code = grow_partials(l->tree, e);
	if (code == 0 && l->signer && l->signer->last.size != l->tree->size) {
		code = grow_root(l->tree, &root);
		code = code < 0 ? err_set(e, code, "sign the log") : signer_sign(l->signer, l->tree->size, &root, e);
	}
	return code;
}

int log_tree_sign(struct audit_log *l, bool now, struct err *e)
{
	bool quiet = l->group_bytes < QUIET_BYTES;
	int code;

	if (!now && (l->now_ns < log_tree_due_ns(l) || !may_retry(l)))
		return 0;
	code = l->unsigned_ns || now ? sign(l, e) : 0;
	if (code == 0) {
		l->unsigned_ns = 0;
		l->signed_ns = l->now_ns;
		l->tree_failed_ns = 0;
		if (!now && (l->segments > DROP_SEGMENTS || (l->segments > 2 && quiet)))
			code = log_tail_drop(l, e);
	}
	return code < 0 ? failed(l, e) : 0;
}

int audit_cosigned(struct audit_log *l, uint64_t size, const struct tree_hash *root, const char *line, struct err *e)
{
	return l->signer ? signer_cosigned(l->signer, size, root, line, e) : err_say(e, -ENOENT, "this log is not signed");
}
