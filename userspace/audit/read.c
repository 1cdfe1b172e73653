/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A log directory as one sequence of records, also while it is written: full bundles of the tile log up to where the tail begins, then
 * the tail. The tail is believed where both hold a record, because a crash can spoil a bundle that was not synced. It never changes
 * a file and passes over nothing: what is missing or damaged ends it with a sentence.
 */
#include "audit/read_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "audit/tree.h"
#include "base/cleanup.h"

#define TRIES 8 /* segments go and bundles come while we look: then look again, but not for ever */

struct log_reader {
	int dir_fd, keys_fd;
	uint64_t first_seq, next_seq;
	bool placed;            /* first_seq is known: there was a record, or a place for it */
	bool in_tail;
	struct tail *tail;
	struct bundle bundle;
	struct aside aside;     /* for what records point to; the two below use it. NULL both: records are handed out as they are */
	struct unseal *unseal;
	struct abridged *abridged;
};

/* The oldest record that there is now; placed stays false where nothing is. */
static int find_first(struct log_reader *r, struct err *e)
{
	uint64_t idx, first = tail_first(r->tail);
	int code = bundles_first(r->dir_fd, &idx, e);

	if (code < 0 && code != -ENOENT)
		return code;
	if (code == 0 && idx * TREE_TILE_WIDTH < first)
		first = idx * TREE_TILE_WIDTH;
	if (first == UINT64_MAX)
		return 0;
	r->first_seq = first;
	r->placed = true;
	return 0;
}

static int open_reader(int dir_fd, int keys_fd, bool as_they_are, struct log_reader **ret, struct err *e)
{
	struct log_reader *r = calloc(1, sizeof(*r));
	int code;

	if (!r) {
		close(dir_fd);
		if (keys_fd >= 0)
			close(keys_fd);
		return err_set(e, -ENOMEM, "open the log");
	}
	r->dir_fd = dir_fd;
	r->keys_fd = keys_fd;
	r->aside.dir_fd = dir_fd;
	code = tail_open(dir_fd, &r->tail, e);
	if (code == 0 && !as_they_are)
		code = unseal_new(&r->aside, keys_fd, &r->unseal, e);
	if (code == 0 && !as_they_are)
		code = abridged_new(&r->aside, &r->abridged, e);
	if (code == 0)
		code = find_first(r, e);
	if (code < 0) {
		log_reader_close(r);
		return code;
	}
	r->next_seq = r->first_seq;
	*ret = r;
	return 0;
}

int log_reader_open(int dir_fd, int keys_fd, struct log_reader **ret, struct err *e)
{
	return open_reader(dir_fd, keys_fd, false, ret, e);
}

void log_reader_close(struct log_reader *r)
{
	if (!r)
		return;
	abridged_free(r->abridged);
	unseal_free(r->unseal);
	aside_close(&r->aside);
	tail_close(r->tail);
	bundle_free(&r->bundle);
	close(r->dir_fd);
	if (r->keys_fd >= 0)
		close(r->keys_fd);
	free(r);
}

uint64_t log_reader_first(const struct log_reader *r)
{
	return r->first_seq;
}

uint64_t log_reader_seq(const struct log_reader *r)
{
	return r->next_seq;
}

size_t log_reader_rest(const struct log_reader *r)
{
	return r->in_tail ? tail_rest(r->tail) : 0;
}

void log_reader_place(const struct log_reader *r, struct log_place *ret)
{
	*ret = (struct log_place){ .next_seq = r->next_seq };
	if (r->in_tail)
		tail_place(r->tail, ret);
}

/* Without a tail the log ends with its last full bundle, which is looked for by halves. */
static uint64_t bundles_end(const struct log_reader *r)
{
	uint64_t have = r->first_seq / TREE_TILE_WIDTH, step = 1;

	if (!r->placed || !bundle_exists(r->dir_fd, have))
		return r->first_seq;
	while (bundle_exists(r->dir_fd, have + step)) {
		have += step;
		step *= 2;
	}
	for (; step; step /= 2)
		if (bundle_exists(r->dir_fd, have + step))
			have += step;
	return (have + 1) * TREE_TILE_WIDTH;
}

uint64_t log_reader_end(struct log_reader *r)
{
	struct err e;
	uint64_t end = 0;

	for (int i = 0; i < TRIES; i++) {
		int code = tail_refresh(r->tail, &e);

		r->in_tail = r->in_tail && code == 0;
		if (!r->placed)
			(void)find_first(r, &e);
		if (tail_first(r->tail) == UINT64_MAX)
			return bundles_end(r);
		if (tail_end(r->tail, &end, &e) != -ESTALE)
			break;
	}
	return end;
}

/* ---- from where the next record comes ---- */

static int enter_tail(struct log_reader *r, struct err *e)
{
	int code = tail_seek(r->tail, r->next_seq, e);
	struct record_view v;

	if (code == 0)
		r->in_tail = true;
	if (code != -ERANGE)
		return code;
	code = tail_next(r->tail, &v, e);
	if (code < 0)
		return code;
	return err_say(e, -ERANGE, "record %llu is not in the log", (unsigned long long)r->next_seq);
}

static int enter_bundle(struct log_reader *r, uint64_t idx, struct err *e)
{
	int code = bundle_load(&r->bundle, r->dir_fd, idx, e);

	return code < 0 ? code : bundle_seek(&r->bundle, r->next_seq, e);
}

/* 1: something can be read; 0: there is nothing (more) now. */
static int choose(struct log_reader *r, struct err *e)
{
	int code;

	if (tail_first(r->tail) > r->next_seq) {
		code = r->placed ? enter_bundle(r, r->next_seq / TREE_TILE_WIDTH, e) : -ENOENT;
		if (code != -ENOENT)
			return code < 0 ? code : 1;
	}
	code = tail_refresh(r->tail, e);
	if (code < 0 && code != -ESTALE)
		return code;
	if (!r->placed) {
		code = find_first(r, e);
		if (code < 0 || !r->placed)
			return code;
		r->next_seq = r->first_seq;
		return 1;
	}
	if (tail_first(r->tail) <= r->next_seq) {
		code = enter_tail(r, e);
		return code < 0 ? code : 1;
	}
	if (bundle_exists(r->dir_fd, r->next_seq / TREE_TILE_WIDTH))
		return 1;
	if (tail_first(r->tail) == UINT64_MAX)
		return 0;
	return err_say(e, -EBADMSG, "records %llu to %llu are missing from the log: they stand in no bundle, and its tail begins with record %llu",
		       (unsigned long long)r->next_seq, (unsigned long long)tail_first(r->tail) - 1,
		       (unsigned long long)tail_first(r->tail));
}

/* What stands in other records. */
static int fill(struct log_reader *r, struct record_view *v, struct err *e)
{
	int code;

	if (!r->unseal)
		return 0;
	if (v->head.kind == PW_REC_SEALED && unseal_keep(r->unseal, v) < 0)
		return err_set(e, -ENOMEM, "read the log");
	code = abridged_fill(r->abridged, v, e);
	return code < 0 ? code : unseal_fill(r->unseal, v, e);
}

/* One step: 1 a record, 0 nothing more, -EAGAIN: another place was chosen. */
static int step(struct log_reader *r, struct record_view *ret, struct err *e)
{
	int code;

	if (r->in_tail) {
		code = tail_next(r->tail, ret, e);
		if (code == 1)
			r->next_seq = tail_seq(r->tail);
		if (code != -ESTALE)
			return code;
		r->in_tail = false;
	} else if (r->bundle.loaded && r->bundle.next_seq == r->next_seq && r->next_seq < tail_first(r->tail)) {
		code = bundle_next(&r->bundle, ret, e);
		if (code == 1)
			r->next_seq = r->bundle.next_seq;
		if (code != 0)
			return code;
	}
	code = choose(r, e);
	return code > 0 || code == -ESTALE ? -EAGAIN : code;
}

int log_reader_next(struct log_reader *r, struct record_view *ret, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		int code = step(r, ret, e);

		if (code == 1)
			code = fill(r, ret, e) < 0 ? e->code : 1;
		if (code != -EAGAIN)
			return code;
	}
	return err_say(e, -EAGAIN, "the log's files come and go faster than they can be read; try again");
}

/* Look again at what there is, and stand at seq. */
static int seek_anew(struct log_reader *r, uint64_t seq, struct err *e)
{
	int code = tail_refresh(r->tail, e);

	if (code < 0 && code != -ESTALE)
		return code;
	code = find_first(r, e);
	if (code < 0)
		return code;
	if (seq < r->first_seq)
		return err_say(e, -ERANGE, "record %llu is not in the log any more: the oldest is %llu", (unsigned long long)seq,
			       (unsigned long long)r->first_seq);
	if (seq >= tail_first(r->tail)) {
		code = enter_tail(r, e);
		return code == -ESTALE ? 0 : code;
	}
	/* Not beyond the end; a bundle missing in the middle is for the one who reads there to say. */
	if (seq > r->first_seq && tail_first(r->tail) == UINT64_MAX && seq > bundles_end(r))
		return err_say(e, -ERANGE, "record %llu is not in the log", (unsigned long long)seq);
	return 0;
}

int log_reader_seek(struct log_reader *r, uint64_t seq, struct err *e)
{
	int code;

	r->in_tail = false;
	r->next_seq = seq;
	/* The way of those who read here and there: nothing is looked for again that was found before. */
	if (r->placed && seq >= r->first_seq && seq < tail_first(r->tail) && tail_first(r->tail) != UINT64_MAX) {
		if (r->bundle.loaded && r->bundle.idx == seq / TREE_TILE_WIDTH)
			return bundle_seek(&r->bundle, seq, e);
		return 0;
	}
	if (r->placed && seq >= tail_first(r->tail) && tail_first(r->tail) != UINT64_MAX) {
		code = tail_seek(r->tail, seq, e);
		r->in_tail = code == 0;
		if (code == 0)
			return 0;
	}
	return seek_anew(r, seq, e);
}

/* ---- records that others point to ---- */

void aside_close(struct aside *a)
{
	log_reader_close(a->reader);
	a->reader = NULL;
}

int aside_read(struct aside *a, uint64_t seq, struct record_view *ret, struct err *e)
{
	int code = 0;

	if (!a->reader) {
		int fd = fcntl(a->dir_fd, F_DUPFD_CLOEXEC, 3);

		code = fd < 0 ? err_set(e, -errno, "open the log") : open_reader(fd, -1, true, &a->reader, e);
	}
	if (code == 0)
		code = log_reader_seek(a->reader, seq, e);
	if (code == 0)
		code = log_reader_next(a->reader, ret, e);
	if (code == 0)
		return err_say(e, -ERANGE, "record %llu is not in the log", (unsigned long long)seq);
	return code < 0 ? code : 0;
}
