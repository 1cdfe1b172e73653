/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log: the access log as lines for people or as JSON lines. Reads what the daemon hands out (and the daemon records that it
 * did), or a directory given by --dir. It shows a damaged log up to the damage and then says so; it never passes over anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "cli/client.h"
#include "cli/logfilter.h"

#define FOLLOW_MS 200
#define LAST_MAX  100000u
#define USERS     256u /* names of users, direct-mapped: the name service is asked once, not for every line */

struct user { bool known; uint32_t uid; char name[64]; };

struct kept { struct pw_record head; uint8_t *fields; size_t fields_len_bytes; };
struct window { struct kept *v; size_t cap, begin, count; }; /* a ring: the newest `cap` that were put in */

struct show {
	const struct cli *c;
	struct log_filter filter;
	struct record_style style;
	uint64_t from_seq;  /* older ones were shown already */
	size_t last;        /* 0: all */
};

static const char *user_name(void *ctx, uint32_t uid)
{
	struct user *u = &((struct user *)ctx)[uid % USERS];
	struct passwd *entry;

	if (!u->known || u->uid != uid) {
		entry = getpwuid(uid);
		(void)snprintf(u->name, sizeof(u->name), "%s", entry ? entry->pw_name : "");
		u->uid = uid;
		u->known = true;
	}
	return u->name[0] ? u->name : NULL;
}

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

static void window_free(struct window *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->v[(w->begin + i) % w->cap].fields);
	free(w->v);
}
#define _window_ __attribute__((cleanup(window_free)))

static int window_put(struct window *w, const struct record_view *v)
{
	struct kept *k;
	uint8_t *fields = malloc(v->fields_len_bytes + 1);

	if (!fields)
		return -ENOMEM;
	memcpy(fields, v->fields, v->fields_len_bytes);
	k = &w->v[(w->begin + w->count) % w->cap];
	if (w->count == w->cap) {
		free(k->fields);
		w->begin = (w->begin + 1) % w->cap;
	} else {
		w->count++;
	}
	*k = (struct kept){ v->head, fields, v->fields_len_bytes };
	return 0;
}

/* Records from a segment's start up to end_seq that match: counted, and kept where there is a window. */
static int scan(struct show *s, struct log_reader *r, size_t segment_idx, uint64_t end_seq, struct window *w, size_t *found,
		struct err *e)
{
	struct record_view v;
	int code = log_reader_seek(r, segment_idx, e);

	while (code == 0 && log_reader_seq(r) < end_seq) {
		code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code;
		code = 0;
		if (!log_filter_match(&s->filter, &v))
			continue;
		(*found)++;
		if (w && window_put(w, &v) < 0)
			return err_set(e, -ENOMEM, "keep the last records");
	}
	return code;
}

/* Back from the newest segment until enough has matched, then forward once more from there: a long log is not read for a short answer. */
static int show_last(struct show *s, struct log_reader *r, struct err *e)
{
	size_t idx = log_reader_segments(r), found = 0;
	uint64_t end_seq = UINT64_MAX, log_end_seq = 0;
	_window_ struct window w = { .v = calloc(s->last, sizeof(*w.v)), .cap = s->last };
	int code = 0;

	if (!w.v)
		return err_set(e, -ENOMEM, "keep the last %zu records", s->last);
	while (code == 0 && idx && found < s->last) {
		code = scan(s, r, --idx, end_seq, NULL, &found, e);
		if (end_seq == UINT64_MAX)
			log_end_seq = log_reader_seq(r);
		if (code == 0)
			code = log_reader_seek(r, idx, e);
		end_seq = log_reader_seq(r);
	}
	if (code == 0 && log_end_seq)
		code = scan(s, r, idx, log_end_seq, &w, &found, e);
	for (size_t i = 0; i < w.count; i++) {
		const struct kept *k = &w.v[(w.begin + i) % w.cap];

		print_record(s, &(struct record_view){ k->head, k->fields, k->fields_len_bytes });
	}
	s->from_seq = log_end_seq;
	return code;
}

/* ---- everything, and what comes ---- */

/* To the end as it is now; matching records are printed. 0, or an error. */
static int show_on(struct show *s, struct log_reader *r, struct err *e)
{
	struct record_view v;
	int code;

	while ((code = log_reader_next(r, &v, e)) == 1)
		if (v.head.seq >= s->from_seq && log_filter_match(&s->filter, &v))
			print_record(s, &v);
	return code;
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
	int code = s->last ? show_last(s, r, e) : show_on(s, r, e);

	if (code < 0 || !cli_flag(s->c, "follow")) {
		if (code == 0 && !s->last && log_reader_rest(r))
			fprintf(stderr, "polyward log: behind the last record stand %zu bytes of one that is being written, or that a crash cut off\n",
				log_reader_rest(r));
		return code;
	}
	return follow(s, r, e);
}

static int open_log(const struct cli *c, struct log_reader **ret, struct err *e)
{
	const char *dir = cli_opt(c, "dir");
	int fd, code;

	if (dir) {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, -errno, "open %s", dir);
	} else {
		code = client_log_dir(&fd, e);
		if (code < 0)
			return code;
	}
	return log_reader_open(fd, ret, e);
}

int cmd_log(struct cli *c)
{
	_free_ struct user *users = calloc(USERS, sizeof(*users));
	struct show s = { .c = c, .style = { .color = c->color, .user = user_name, .ctx = users } };
	const char *last = cli_opt(c, "last");
	struct log_reader *r = NULL;
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
	code = open_log(c, &r, &e);
	if (code == 0)
		code = show(&s, r, &e);
	log_reader_close(r);
	return code < 0 ? cli_fail(c, &e) : CLI_YES;
}
