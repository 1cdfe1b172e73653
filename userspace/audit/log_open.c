/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding where a log ended: the tail's last whole record, how far each CPU was, and the tree over it all. Nothing is signed or written
 * over a log that holds less, or something else, than was signed.
 */
#include "audit/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* What a record already in the log says about how far its CPU was. */
static int recover_cpu(struct audit_log *l, const struct record_view *v)
{
	struct hole lost;
	int code;

	if (memcmp(v->head.boot_id, l->boot_id, sizeof(l->boot_id)) != 0 || v->head.cpu == LOG_NO_CPU)
		return 0;
	if (v->head.kind == PW_REC_ACCESS) {
		uint64_t count = record_find_u64(v, PW_F_COUNT, 1);

		code = count > PW_COUNT_MAX ? -EBADMSG : gaps_begin(&l->gaps, v->head.cpu, v->head.cpu_seq);
		for (uint64_t i = 0; code == 0 && i < count; i++)
			code = gaps_note(&l->gaps, v->head.cpu, v->head.cpu_seq + i, l->now_ns);
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

/* Read from that record, the first of a segment, to the end; what stands there that is no whole record is torn, or reading failed. */
static int read_to_end(struct audit_log *l, struct log_reader *r, uint64_t from_seq, struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(r, from_seq, e);

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

/* Open the last segment for writing. */
static int take_end(struct audit_log *l, const struct log_place *end, uint64_t *ret_cut_bytes, struct err *e)
{
	char name[SEGMENT_NAME_SIZE];
	struct stat st;

	segment_name(end->first_seq, name);
	l->fd = openat(l->dirs.dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_set(e, -errno, "open %s of the log for writing", name);
	l->segment_first_seq = end->first_seq;
	l->segment_bytes = end->off_bytes;
	*ret_cut_bytes = (uint64_t)st.st_size - end->off_bytes;
	return 0;
}

int log_find_end(struct audit_log *l, uint64_t *ret_cut_bytes, struct err *e)
{
	struct log_reader *r = NULL;
	struct segments segments = { 0 };
	_free_ void *owned = NULL;
	struct log_place end;
	int code, fd = fcntl(l->dirs.dir_fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(e, -errno, "open the log directory");
	code = log_reader_open(fd, -1, &r, e);
	if (code < 0)
		return code;
	code = segments_list(l->dirs.dir_fd, &segments, e);
	owned = segments.first_seq;
	l->segments = segments.count;
	/* A crash can leave the newest segment empty; then the one before says what came last. */
	if (code == 0 && segments.count)
		code = read_to_end(l, r, segments.first_seq[segments.count > 1 ? segments.count - 2 : 0], e);
	if (code == 0) {
		log_reader_place(r, &end);
		group_clear(&l->group, segments.count ? end.next_seq : 0);
		if (segments.count)
			code = take_end(l, &end, ret_cut_bytes, e);
		else if (log_reader_end(r))
			code = err_say(e, -EBADMSG, "the log has bundles and no tail: its newest records were removed");
	}
	log_reader_close(r);
	return code;
}

/* Where hashing begins: the last full bundle below the tail. What lies below is only in bundles and tiles. */
static int tree_begin(struct audit_log *l, struct err *e)
{
	struct segments segments = { 0 };
	_free_ void *owned = NULL;
	uint64_t first = 0;
	int code = segments_list(l->dirs.dir_fd, &segments, e);

	if (code < 0)
		return code;
	owned = segments.first_seq;
	if (segments.count)
		first = segments.first_seq[0];
	code = grow_restart(l->tree, first & ~(uint64_t)(TREE_TILE_WIDTH - 1), e);
	if (code == -ENOENT)
		return err_say(e, -EBADMSG, "the log begins with record %llu, and what came before it is in no tile: it was removed by hand; move the "
			       "log's directories away, so that a new log begins", (unsigned long long)first);
	return code;
}

static int check_signed(struct audit_log *l, const struct note_checkpoint *cp, struct err *e)
{
	struct tree_hash root;
	int code;

	if (cp->size > l->group.first_seq)
		return err_say(e, -EBADMSG, "the log has been rolled back: a checkpoint over %llu records was signed, and only %llu are there",
			       (unsigned long long)cp->size, (unsigned long long)l->group.first_seq);
	if (cp->size < l->tree->size)
		return err_say(e, -EBADMSG, "the log has been rewritten: its tail begins with record %llu, behind the %llu that are signed for",
			       (unsigned long long)l->tree->size, (unsigned long long)cp->size);
	code = log_tree_catch_up(l, cp->size, e);
	if (code == 0)
		code = grow_root(l->tree, &root);
	if (code < 0)
		return code;
	if (memcmp(&root, &cp->root, sizeof(root)) != 0)
		return err_say(e, -EBADMSG, "the log has been rewritten: the first %llu records are not those that were signed for",
			       (unsigned long long)cp->size);
	return 0;
}

int log_find_tree(struct audit_log *l, struct err *e)
{
	struct note_checkpoint before[2];
	size_t count = 0;
	int code = tree_begin(l, e);

	if (code == 0 && l->signer)
		code = signer_signed(l->signer, before, &count, e);
	l->tree->dry = true;
	for (size_t i = 0; code == 0 && i < count; i++)
		if (before[i].size) /* an older copy may lie below the tail: the newest says more */
			code = i + 1 < count && before[i].size < l->tree->size ? 0 : check_signed(l, &before[i], e);
	l->tree->dry = false;
	if (code < 0)
		return code;
	/* All is as it was signed: now the files, from the same place on. */
	code = tree_begin(l, e);
	l->tree->repair = true;
	if (code == 0)
		code = log_tree_catch_up(l, l->group.first_seq, e);
	if (code == 0)
		code = grow_partials(l->tree, e);
	if (code == 0 && l->signer)
		code = signer_mend(l->signer, e);
	l->tree->repair = false;
	memset(l->tree->parts, true, sizeof(l->tree->parts));
	if (l->signer && l->signer->last.size < l->group.first_seq)
		l->unsigned_ns = l->now_ns;
	return code;
}
