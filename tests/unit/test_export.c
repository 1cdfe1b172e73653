/* SPDX-License-Identifier: Apache-2.0 */
/* export: messages under way, the cursor's file, and sinks whose other end does not keep to what was agreed. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "export/cursor.h"
#include "export/sink.h"

static void put(struct queue *q, uint64_t seq, const char *text)
{
	_buf_ struct buf message = BUF_INIT;

	buf_add_str(&message, text);
	(void)queue_put(q, seq, "#", 1, &message);
}

static void a_queue_drops_whole_messages_and_gives_the_rest_again(void)
{
	struct queue q = { 0 };
	size_t n;

	CHECK(queue_waiting(&q) == SINK_NONE);
	put(&q, 10, "aa");  /* stream 0..3 */
	put(&q, 12, "bbb"); /* 3..7 */
	put(&q, 13, "c");   /* 7..9 */
	CHECK_INT(queue_waiting(&q), 10);
	CHECK(!queue_done_to(&q, 2));
	CHECK(queue_done_to(&q, 6)); /* half of the second: it goes again as a whole */
	CHECK_INT(queue_waiting(&q), 12);
	CHECK(!strcmp(queue_from(&q, q.base, &n), "#bbb#c") && n == 6);
	CHECK(!strcmp(queue_from(&q, 7, &n), "#c") && n == 2);
	CHECK(!queue_done_seq(&q, 11));
	CHECK(queue_done_seq(&q, 13));
	CHECK(queue_waiting(&q) == SINK_NONE);
	(void)queue_from(&q, q.base, &n);
	CHECK_INT(n, 0);
	queue_free(&q);
}

static void a_queue_stays_right_over_many_messages(void)
{
	struct queue q = { 0 };
	uint64_t next = 0;

	for (uint64_t seq = 0; seq < 20000; seq++) {
		size_t n;

		put(&q, seq, seq % 7 ? "message" : "");
		if (seq % 3 == 2 && seq % 50) {
			(void)queue_done_seq(&q, seq - seq % 50);
			next = seq - seq % 50 + 1;
		}
		CHECK(queue_from(&q, q.base, &n)[0] == '#');
		CHECK_INT(queue_waiting(&q), next);
	}
	CHECK(queue_full(&q, 1) && !queue_full(&q, 1u << 20));
	queue_free(&q);
}

static bool scratch(char ret[static 64])
{
	(void)snprintf(ret, 64, "/tmp/polyward-export-XXXXXX");
	return mkdtemp(ret) != NULL;
}

static void a_cursor_comes_back_and_nothing_else_passes_for_one(void)
{
	static const char *const bad[] = {
		"", "polyward export cursor 2\norigin o\nnext 1\n", "polyward export cursor 1\norigin o\n", "polyward export cursor 1\norigin o\nnext 01x\n",
		"polyward export cursor 1\norigin o\nnext 5\nleaf-of 5\nleaf 00\n", "polyward export cursor 1\norigin o\nnext 5", "\n\n\n",
		"polyward export cursor 1\norigin o\nnext 5\nmore 1\n",
	};
	struct export_cursor c = { .origin = "host.example/polyward/1", .next_seq = 77, .has_leaf = true, .leaf_seq = 70, .leaf = { { 1, 2, 0xff } } }, d;
	char dir[64], path[128];
	struct err e = { 0 };

	CHECK(scratch(dir));
	(void)snprintf(path, sizeof(path), "%s/cursor", dir);
	CHECK_INT(cursor_load(path, &d, &e), 0);
	CHECK_INT(cursor_save(path, &c, &e), 0);
	CHECK_INT(cursor_load(path, &d, &e), 1);
	CHECK_STR(d.origin, c.origin);
	CHECK(d.next_seq == 77 && d.has_leaf && d.leaf_seq == 70 && !memcmp(&d.leaf, &c.leaf, sizeof(c.leaf)));
	CHECK_INT(cursor_check(path, &c, c.origin, 0, 77, &e), 0);
	CHECK_INT(cursor_check(path, &c, c.origin, 0, 76, &e), -ESTALE);
	CHECK_INT(cursor_check(path, &c, c.origin, 78, 90, &e), -ESTALE);
	CHECK(strstr(e.text, "records 77 to 77 were pruned"));
	CHECK_INT(cursor_check(path, &c, "other", 0, 90, &e), -ESTALE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(fd_replace_path(path, bad[i], strlen(bad[i]), 0600), 0);
		CHECK_INT(cursor_load(path, &d, &e), -EBADMSG);
	}
	CHECK_INT(unlink(path), 0);
	CHECK_INT(rmdir(dir), 0);
}

static struct record_view view;

static int put_one(struct sink *s, size_t len_bytes, struct err *e)
{
	const struct export_item item = { .view = &view, .number = 1 };
	_buf_ struct buf message = BUF_INIT;

	while (message.len_bytes < len_bytes)
		buf_add_char(&message, 'm');
	return s->put(s, &item, &message, e);
}

/* A shell line in the helper's place; its descriptor 3 is the socket. */
static int helper(const char *line, size_t len_bytes, struct err *e)
{
	char sh[] = "/bin/sh", c[] = "-c";
	_free_ char *text = strdup(line);
	char *argv[] = { sh, c, text, NULL };
	struct sink *s;
	int r = sink_helper(argv, &s, e);

	if (r < 0)
		return r;
	r = put_one(s, len_bytes, e);
	for (int i = 0; i < 100 && r == 0 && s->waiting(s) != SINK_NONE; i++)
		r = s->pump(s, 100, e);
	sink_close(s);
	return r;
}

static void a_helper_is_believed_only_what_it_may_say(void)
{
	struct err e = { 0 };
	struct sink *s;
	char missing[] = "/nonexistent/polyward-export";
	char *argv[] = { missing, NULL };

	/* arrived, no text, record 0; once it was there, and once when not all of it was */
	CHECK_INT(helper("head -c 55 <&3 >/dev/null; printf '\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&3; cat <&3 >/dev/null", 7, &e), 0);
	CHECK_INT(helper("printf '\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&3; cat <&3 >/dev/null", 4u << 20, &e), -EBADMSG);
	CHECK_INT(helper("exit 5", 7, &e), -EPIPE);
	CHECK_INT(helper("kill -9 $$", 7, &e), -EPIPE);
	CHECK_STR(e.text, "polyward-export was ended by signal 9");
	CHECK_INT(helper("printf '\\7\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0' >&3; cat <&3 >/dev/null", 7, &e), -EBADMSG);
	CHECK_INT(helper("printf '\\1\\0\\0\\0\\377\\377\\377\\377\\0\\0\\0\\0\\0\\0\\0\\0' >&3; cat <&3 >/dev/null", 7, &e), -EBADMSG);
	CHECK_INT(helper("printf '\\3\\0\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0no' >&3; cat <&3 >/dev/null", 7, &e), -EIO);
	CHECK_STR(e.text, "no");
	CHECK_INT(sink_helper(argv, &s, &e), -ENOENT);
}

static void places_that_are_none_are_refused(void)
{
	static const char *const bad[] = { "", "host", ":514", "host:", "::1:514", "[]:514" };
	struct err e = { 0 };
	struct sink *s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(sink_tcp(bad[i], &s, &e), -EINVAL);
	CHECK_INT(sink_tcp("[::1]:514", &s, &e), 0);
	sink_close(s);
}

static void a_journal_that_is_not_there_is_a_trouble_and_no_loss(void)
{
	struct err e = { 0 };
	struct sink *s;

	CHECK_INT(sink_journal("/nonexistent/socket", &s, &e), 0);
	CHECK_INT(put_one(s, 7, &e), 0);
	CHECK_INT(s->trouble.code, -ENOENT);
	CHECK_INT(s->waiting(s), 0);
	CHECK_INT(put_one(s, 7, &e), -EAGAIN);
	sink_close(s);
}

TESTS(T(a_queue_drops_whole_messages_and_gives_the_rest_again), T(a_queue_stays_right_over_many_messages),
      T(a_cursor_comes_back_and_nothing_else_passes_for_one), T(a_helper_is_believed_only_what_it_may_say),
      T(places_that_are_none_are_refused), T(a_journal_that_is_not_there_is_a_trouble_and_no_loss))
