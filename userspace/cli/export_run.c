/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At least once, in order: a record is behind the cursor only when the sink says that it has arrived, and the cursor is on disk before
 * the end is told. What does not arrive is tried again, for ever with --follow, otherwise until half a minute has passed in vain.
 */
#include "cli/export_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/progress.h"

#define FOLLOW_MS     200
#define PUMP_EVERY    64    /* messages */
#define LOOK_EVERY    1024  /* records: whether it is to end */
#define CURSOR_MS     250
#define GIVE_UP_MS    30000
#define TELL_AGAIN_MS 60000

struct state {
	struct export_run *x;
	struct progress bar;
	uint64_t begin_seq;
	bool put_any; uint64_t put_seq; struct tree_hash put_leaf; /* the newest message */
	int64_t saved_ms, told_ms;
	char told[ERR_MAX];
	bool stop;
};

static bool to_end(struct state *s, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = s->x->stop_fd, .events = POLLIN }, { .fd = s->x->out_fd } };

	if (!s->stop && poll(p, 2, timeout_ms) > 0)
		s->stop = p[0].revents || p[1].revents;
	return s->stop;
}

/* A trouble is told once, and again when it is another or lasts. */
static void tell_trouble(struct state *s)
{
	const struct err *t = &s->x->sink->trouble;
	int64_t now_ms = sink_now_ms();

	if (!t->code || (!strcmp(s->told, t->text) && now_ms - s->told_ms < TELL_AGAIN_MS))
		return;
	(void)snprintf(s->told, sizeof(s->told), "%s", t->text);
	s->told_ms = now_ms;
	progress_end(&s->bar);
	{
		_buf_ struct buf clean = BUF_INIT;

		buf_add_escaped(&clean, t->text, strlen(t->text));
		fprintf(stderr, "polyward log: %s; trying again\n", cli_text(&clean));
	}
}

/* What has arrived so far, on disk. */
static int save_cursor(struct state *s, bool now, struct err *e)
{
	struct export_run *x = s->x;
	struct export_cursor c = x->cursor;
	uint64_t waiting = x->sink->waiting(x->sink);

	if (!x->cursor_path || (!now && sink_now_ms() - s->saved_ms < CURSOR_MS))
		return 0;
	s->saved_ms = sink_now_ms();
	c.next_seq = waiting == SINK_NONE ? log_reader_seq(x->reader) : waiting;
	if (waiting == SINK_NONE && s->put_any) {
		c.has_leaf = true;
		c.leaf_seq = s->put_seq;
		c.leaf = s->put_leaf;
	}
	if (!now && c.next_seq == x->cursor.next_seq)
		return 0;
	x->cursor = c;
	return cursor_save(x->cursor_path, &c, e);
}

static int pump(struct state *s, int timeout_ms, struct err *e)
{
	struct sink *sink = s->x->sink;
	int r = sink->pump(sink, timeout_ms, e);

	if (r < 0)
		return r;
	tell_trouble(s);
	if (!s->x->follow && sink->waiting(sink) != SINK_NONE && sink_now_ms() - sink->progress_ms > GIVE_UP_MS)
		return sink->trouble.code ? err_say(e, sink->trouble.code, "%s", sink->trouble.text) :
					    err_say(e, -ETIMEDOUT, "nothing has arrived for %d seconds", GIVE_UP_MS / 1000);
	return save_cursor(s, false, e);
}

static int count(struct export_run *x, const struct record_view *v, const struct buf *message, struct err *e)
{
	if (!x->rows) {
		x->first_seq = v->head.seq;
		x->first_utc_ns = v->head.time_utc_ns;
	}
	x->rows++;
	x->last_seq = v->head.seq;
	x->last_utc_ns = v->head.time_utc_ns;
	if (EVP_DigestUpdate(x->digest, message->data, message->len_bytes) != 1 || EVP_DigestUpdate(x->digest, "\n", 1) != 1)
		return err_set(e, -ENOMEM, "hash what is exported");
	return 0;
}

/* 1: put; 0: it was to end before there was room. */
static int export_record(struct state *s, struct record_view *v, struct buf *message, struct err *e)
{
	struct export_run *x = s->x;
	struct export_item item = { .view = v, .number = x->rows + 1 };
	int r;

	if (x->sealed && v->personal) {
		v->personal = NULL;
		v->personal_len_bytes = 0;
		v->state = RECORD_SEALED;
	}
	tree_leaf(v->bytes, v->len_bytes, &item.leaf);
	message->len_bytes = 0;
	x->project(&x->context, &item, message);
	if (message->failed)
		return err_set(e, -ENOMEM, "export record %llu", (unsigned long long)v->head.seq);
	if (x->sink->waiting(x->sink) == SINK_NONE)
		x->sink->progress_ms = sink_now_ms(); /* half a minute counts from here, however long nothing matched */
	while ((r = x->sink->put(x->sink, &item, message, e)) == -EAGAIN) {
		r = pump(s, FOLLOW_MS, e);
		if (r < 0)
			return r;
		if (to_end(s, 0))
			return 0;
	}
	if (r == 0)
		r = count(x, v, message, e);
	s->put_any = true;
	s->put_seq = v->head.seq;
	s->put_leaf = item.leaf;
	if (r == 0 && x->sink->eager && x->rows % PUMP_EVERY == 0)
		r = pump(s, 0, e);
	return r < 0 ? r : 1;
}

/* To the end of the log as it is now. */
static int run_on(struct state *s, struct buf *message, struct err *e)
{
	struct export_run *x = s->x;
	struct record_view v;
	uint64_t seen = 0;
	int r;

	while (!s->stop && (r = log_reader_next(x->reader, &v, e)) != 0) {
		if (r < 0)
			return r;
		if (log_filter_match(x->filter, &v)) {
			r = export_record(s, &v, message, e);
			if (r < 0)
				return r;
			if (r == 0) /* it was read and not put: the next run begins with it */
				return log_reader_seek(x->reader, v.head.seq, e);
		}
		if (++seen % LOOK_EVERY == 0) {
			(void)to_end(s, 0);
			progress_show(&s->bar, log_reader_seq(x->reader) - s->begin_seq, log_reader_end(x->reader) - s->begin_seq);
		}
	}
	return 0;
}

/* Everything that was put has arrived, or it was to end, or it is given up. */
static int drain(struct state *s, struct err *e)
{
	struct sink *sink = s->x->sink;
	int r = 0;

	if (sink->finish)
		sink->finish(sink);
	while (r == 0 && sink->waiting(sink) != SINK_NONE) {
		r = pump(s, FOLLOW_MS, e);
		if (r == 0 && sink->waiting(sink) != SINK_NONE && to_end(s, 0) && sink->trouble.code)
			return err_say(e, -EINTR, "it was to end before everything had arrived: %s", sink->trouble.text);
	}
	return r;
}

int export_run(struct export_run *x, struct err *e)
{
	struct state s = { .x = x, .begin_seq = log_reader_seq(x->reader), .saved_ms = sink_now_ms() };
	_buf_ struct buf message = BUF_INIT;
	struct err of_cursor = { 0 };
	int r, saved;

	progress_begin(&s.bar, "exporting");
	r = run_on(&s, &message, e);
	while (r == 0 && x->follow && !s.stop) {
		r = pump(&s, x->sink->eager ? FOLLOW_MS : 0, e);
		if (r == 0 && !to_end(&s, x->sink->eager ? 0 : FOLLOW_MS))
			r = run_on(&s, &message, e);
	}
	if (r == 0)
		r = drain(&s, e);
	progress_end(&s.bar);
	saved = save_cursor(&s, true, &of_cursor);
	if (r == 0 && saved < 0)
		*e = of_cursor;
	return r < 0 ? r : saved;
}
