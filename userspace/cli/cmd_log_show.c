/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log without a further word: the access log as lines for people or as JSON lines. It shows a damaged log up to the damage and
 * then says so; it never passes over anything. A long log is not read for a short answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/cmd_log.h"
#include "cli/logfilter.h"
#include "cli/logindex.h"
#include "cli/logopen.h"
#include "cli/logsubject.h"
#include "cli/users.h"

#define FOLLOW_MS 200
#define LAST_MAX  100000u

#define CHUNK     4096u /* records; the step back for --last, doubled each time */

struct found { uint64_t *seq; size_t count, cap; };

struct show {
	const struct cli *c;
	struct log_filter filter;
	struct record_style style;
	size_t last;        /* 0: all */
	struct log_index *index; /* NULL: none, or nothing that it could answer */
	struct index_query query;
};

static void print_record(const struct show *s, const struct record_view *v)
{
	_buf_ struct buf line = BUF_INIT;

	if (s->c->json)
		record_render_json(v, &line);
	else
		record_render_text(v, &s->style, &line);
	printf("%s\n", cli_text(&line)); /* a log with a line left out would be taken for a whole one */
}

/* ---- the last N ---- */

static int found_put(struct found *f, uint64_t seq)
{
	if (f->count == f->cap) {
		uint64_t *more = reallocarray(f->seq, f->cap ? f->cap * 2 : 256, sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->seq = more;
		f->cap = f->cap ? f->cap * 2 : 256;
	}
	f->seq[f->count++] = seq;
	return 0;
}

/* Numbers of the records from first_seq up to end_seq that match. */
static int scan(struct show *s, struct log_reader *r, uint64_t first_seq, uint64_t end_seq, struct found *f, struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(r, first_seq, e);

	while (code == 0 && log_reader_seq(r) < end_seq) {
		code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code;
		code = log_filter_match(&s->filter, &v) ? found_put(f, v.head.seq) : 0;
		if (code < 0)
			return err_set(e, code, "keep the last records");
	}
	return code;
}

/* The last `want` of f, in order, each read again. */
static int print_found(struct show *s, struct log_reader *r, const struct found *f, size_t want, struct err *e)
{
	struct record_view v;

	for (size_t i = f->count > want ? f->count - want : 0; i < f->count; i++) {
		int code = log_reader_seq(r) == f->seq[i] ? 0 : log_reader_seek(r, f->seq[i], e);

		if (code == 0)
			code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code;
		print_record(s, &v);
	}
	return 0;
}

/* What was found, newer steps first: print the last of them in order, and forget them. */
static int print_steps(struct show *s, struct log_reader *r, struct found *steps, size_t count, size_t found, struct err *e)
{
	int code = 0;

	while (count) {
		struct found *f = &steps[--count];
		size_t newer = found - f->count;

		if (code == 0 && newer < s->last)
			code = print_found(s, r, f, s->last - newer, e);
		found = newer;
		free(f->seq);
	}
	return code;
}

/* Back in growing steps until enough has matched, then forward: each step's matches are newer than those of the next. */
static int show_last(struct show *s, struct log_reader *r, struct err *e)
{
	uint64_t end_seq = log_reader_end(r), first_seq = end_seq, chunk = CHUNK, oldest = log_reader_first(r);
	struct found steps[64] = { 0 };
	size_t count = 0, found = 0;
	int code = 0, printed;

	while (code == 0 && first_seq > oldest && found < s->last && count < 64) {
		uint64_t until_seq = first_seq;

		first_seq = until_seq - oldest > chunk ? until_seq - chunk : oldest;
		code = scan(s, r, first_seq, until_seq, &steps[count], e);
		found += steps[count++].count;
		chunk *= 2;
	}
	printed = code == 0 ? print_steps(s, r, steps, count, found, e) : print_steps(&(struct show){ .last = 0 }, r, steps, count, found, e);
	code = code < 0 ? code : printed;
	return code < 0 || first_seq == end_seq ? code : log_reader_seek(r, end_seq, e);
}

/* ---- with an index ---- */

/* The records of a block that the index names and that match when they are read; printed, or kept. */
static int show_block(struct show *s, struct log_reader *r, uint64_t first_seq, struct found *keep, struct err *e)
{
	_free_ uint64_t *seqs = calloc(INDEX_BLOCK, sizeof(*seqs));
	int n = seqs ? index_ask(s->index, &s->query, first_seq, seqs, e) : err_set(e, -ENOMEM, "ask the index");
	struct record_view v;

	for (int i = 0; i < n; i++) {
		int code = log_reader_seq(r) == seqs[i] ? 0 : log_reader_seek(r, seqs[i], e);

		if (code == 0)
			code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code;
		if (!log_filter_match(&s->filter, &v))
			continue;
		if (ferror(stdout))
			return 0;
		if (!keep)
			print_record(s, &v);
		else if (found_put(keep, seqs[i]) < 0)
			return err_set(e, -ENOMEM, "keep the last records");
	}
	return n < 0 ? n : 0;
}

/* From the newest block back. The records behind the index are looked through first. */
static int show_last_indexed(struct show *s, struct log_reader *r, struct err *e)
{
	uint64_t end_seq = log_reader_end(r), at = index_end(s->index), blocks = (at - index_first(s->index)) / INDEX_BLOCK, oldest = log_reader_first(r);
	_free_ struct found *steps = calloc(blocks + 2, sizeof(*steps));
	size_t count = 0, found = 0;
	int code = steps ? scan(s, r, at, end_seq, &steps[count], e) : err_set(e, -ENOMEM, "ask the index");

	if (!steps)
		return code;
	found += steps[count++].count;
	while (code == 0 && at > index_first(s->index) && found < s->last) {
		at -= INDEX_BLOCK;
		code = show_block(s, r, at, &steps[count], e);
		found += steps[count++].count;
	}
	if (code == 0 && found < s->last && at > oldest) {
		code = scan(s, r, oldest, at, &steps[count], e);
		found += steps[count++].count;
	}
	if (code < 0) {
		(void)print_steps(&(struct show){ .last = 0 }, r, steps, count, found, e);
		return code;
	}
	code = print_steps(s, r, steps, count, found, e);
	return code < 0 ? code : log_reader_seek(r, end_seq, e);
}

/* ---- everything, and what comes ---- */

/* To the end as it is now; matching records are printed. 0, or an error. */
static int show_on(struct show *s, struct log_reader *r, struct err *e)
{
	struct record_view v;
	int code;

	while ((code = log_reader_next(r, &v, e)) == 1)
		if (log_filter_match(&s->filter, &v))
			print_record(s, &v);
	return code;
}

/* What lies before the index, what is in it, and then all that is behind it. */
static int show_indexed(struct show *s, struct log_reader *r, struct err *e)
{
	uint64_t at = index_first(s->index);
	struct record_view v;
	int code = 0;

	while (code == 0 && log_reader_seq(r) < at) {
		code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code;
		code = 0;
		if (log_filter_match(&s->filter, &v))
			print_record(s, &v);
	}
	for (; code == 0 && at < index_end(s->index); at += INDEX_BLOCK) {
		code = show_block(s, r, at, NULL, e);
		/* A reader that went away ends us. */
		if (ferror(stdout))
			return 0;
	}
	if (code == 0)
		code = log_reader_seek(r, at, e);
	return code == 0 ? show_on(s, r, e) : code;
}

static int follow(struct show *s, struct log_reader *r, struct err *e)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	int code = 0;

	while (code == 0) {
		/* A reader that went away ends us even while nothing happens. */
		if (fflush(stdout) != 0 || (poll(&out, 1, FOLLOW_MS) > 0 && out.revents))
			return 0;
		code = show_on(s, r, e);
	}
	return code;
}

static int show(struct show *s, struct log_reader *r, struct err *e)
{
	int code = s->last ? (s->index ? show_last_indexed(s, r, e) : show_last(s, r, e)) : s->index ? show_indexed(s, r, e) : show_on(s, r, e);

	if (code < 0 || !cli_flag(s->c, "follow")) {
		if (code == 0 && !s->last && log_reader_rest(r))
			fprintf(stderr, "polyward log: behind the last record stand %zu bytes of one that is being written, or that a crash cut off\n",
				log_reader_rest(r));
		return code;
	}
	return follow(s, r, e);
}

int cmd_log_show(struct cli *c)
{
	_free_ struct users *users = calloc(1, sizeof(*users));
	struct show s = { .c = c, .style = { .color = c->color, .user = users_name, .ctx = users } };
	const char *last = cli_opt(c, "last");
	struct log_subject subject;
	struct cli_log log;
	struct err e = { 0 };
	uint64_t n = 0;
	int code;

	if (!users)
		return cli_fail(c, &(struct err){ .code = -ENOMEM, .text = "out of memory" });
	if (last && (num_parse(last, strlen(last), LAST_MAX, &n) < 0 || n == 0))
		return cli_usage(c, "--last %s: a number from 1 to %u is needed", last, LAST_MAX);
	s.last = (size_t)n;
	if (log_filter_parse(c, time(NULL), &s.filter, &e) < 0)
		return cli_usage(c, "%s", e.text);
	s.filter.hide_sealed = !c->json && !s.filter.kind;
	code = log_subject_parse(c, &subject, &s.filter, &e);
	if (code == -EINVAL) {
		log_subject_free(&subject);
		return cli_usage(c, "%s", e.text);
	}
	if (code == 0)
		code = cli_log_open(c, &log, &e);
	if (code < 0) {
		log_subject_free(&subject);
		return cli_fail(c, &e);
	}
	s.index = logindex_use(&log, &s.filter, &s.query);
	if (code == 0)
		code = log_reader_seek(log.reader, log_reader_first(log.reader), &e);
	if (code == 0)
		code = show(&s, log.reader, &e);
	index_close(s.index);
	cli_log_close(&log);
	if (subject.nameless)
		fprintf(stderr, "polyward log: the names in %llu accesses are sealed or erased: some of them may be about this subject too\n",
			(unsigned long long)subject.nameless);
	log_subject_free(&subject);
	return code < 0 ? cli_fail(c, &e) : CLI_YES;
}
