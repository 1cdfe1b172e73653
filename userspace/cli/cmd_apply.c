/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward apply: hands the daemon the policy's directory and the file's name, shows what the compiler says and how far the scan
 * has come, and then what is enforced. Reads no policy itself: what counts is what the daemon reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/num.h"
#include "cli/client.h"
#include "cli/show.h"
#include "kernel/kernel.h"

#define CONFIRM_MAX_S     (30u * 86400u)
#define PROGRESS_AFTER_S  2
#define MESSAGES_MAX      (4u << 20)

struct apply {
	struct msg_apply ask;
	int dir_fd;
	struct buf messages;
	struct msg_outcome outcome;
	time_t begun;
	bool progress_shown;
};

static int parse(const struct cli *c, struct apply *a, struct err *e)
{
	const char *confirm = cli_opt(c, "confirm");
	_free_ char *path = NULL;
	char *slash;

	if (confirm && (num_parse_duration(confirm, strlen(confirm), CONFIRM_MAX_S, &a->ask.confirm_s) < 0 || !a->ask.confirm_s))
		return err_say(e, -EINVAL, "--confirm wants a time such as 10m, at most 30d, not '%s'", confirm);
	path = realpath(c->args[0], NULL);
	if (!path)
		return err_set(e, -errno, "read %s", c->args[0]);
	slash = strrchr(path, '/');
	if (strlen(slash + 1) >= sizeof(a->ask.file))
		return err_set(e, -ENAMETOOLONG, "read %s", c->args[0]);
	ipc_put(a->ask.file, sizeof(a->ask.file), slash + 1);
	*slash = '\0';
	a->dir_fd = open(*path ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (a->dir_fd < 0)
		return err_set(e, -errno, "open the directory of %s", c->args[0]);
	return 0;
}

/* Line by line, since newlines and tabs are the only control characters that a message has. */
static void keep_messages(struct apply *a, int fd)
{
	_buf_ struct buf raw = BUF_INIT;
	char chunk[8192];
	ssize_t n;
	off_t off = 0;

	while (raw.len_bytes < MESSAGES_MAX && (n = pread(fd, chunk, sizeof(chunk), off)) > 0) {
		buf_add(&raw, chunk, (size_t)n);
		off += n;
	}
	for (size_t i = 0; !raw.failed && i < raw.len_bytes;) {
		size_t run = strcspn(raw.data + i, "\n\t");

		buf_add_escaped(&a->messages, raw.data + i, run);
		i += run;
		if (i < raw.len_bytes)
			buf_add_char(&a->messages, raw.data[i] == '\t' || raw.data[i] == '\n' ? raw.data[i] : '?');
		i++;
	}
}

static void show_progress(struct apply *a, struct msg_progress *p)
{
	char store[4 * MSG_NAME_MAX];

	if (!isatty(STDERR_FILENO) || time(NULL) - a->begun < PROGRESS_AFTER_S)
		return;
	show_text(p->store, strnlen(p->store, sizeof(p->store)), store, sizeof(store));
	fprintf(stderr, "\r\033[Kscanning store %s: %llu objects", store, (unsigned long long)p->scanned);
	fflush(stderr);
	a->progress_shown = true;
}

static int converse(struct apply *a, struct err *e)
{
	_fd_ int sock = -1;
	int r = client_connect(&sock, e);

	if (r == 0)
		r = client_ask(sock, IPC_DO_APPLY, &a->ask, a->dir_fd, e);
	while (r >= 0) {
		_msg_ struct ipc_msg m = IPC_MSG_INIT;

		r = client_answer(sock, &m, e);
		if (r < 0)
			break;
		if (m.type == IPC_SAY_MESSAGES)
			keep_messages(a, m.fds[0]);
		else if (m.type == IPC_SAY_PROGRESS)
			show_progress(a, &m.body.as_SAY_PROGRESS);
		if (m.type != IPC_SAY_OUTCOME)
			continue;
		a->outcome = m.body.as_SAY_OUTCOME;
		r = err_say(e, a->outcome.code, "%s", ipc_text(a->outcome.text, sizeof(a->outcome.text)));
		break;
	}
	if (a->progress_shown)
		fprintf(stderr, "\r\033[K");
	return r;
}

/* Without a daemon nobody else says it. */
static void add_kernel_reason(struct err *e)
{
	struct kernel_report report = { 0 };

	if (e->code != -ENOENT && e->code != -ECONNREFUSED)
		return;
	if (kernel_probe(&report) == 0 && report.ready != KERNEL_READY && report.ready != KERNEL_NO_PRIVILEGE)
		err_add(e, "besides, this kernel cannot enforce: %s; %s", report.because, report.advice);
}

static void show(const struct cli *c, const struct apply *a)
{
	char name[SHOW_NAME_MAX], hash[65], until[SHOW_TIME_MAX];
	const struct msg_outcome *o = &a->outcome;

	show_name(o->name, o->version, name);
	show_hash(o->policy_hash, hash);
	printf("%s is enforced (generation %u, policy hash %.12s)\n", name, o->gen, hash);
	if (o->revert_at_utc_s) {
		show_time(o->revert_at_utc_s, until);
		printf("until %s: to keep it, run `polyward confirm`; otherwise what was before comes back by itself\n", until);
	}
	show_warning(c, o);
}

static int run(struct cli *c, struct apply *a)
{
	const char *messages;
	struct err e = { 0 };
	json_t *doc;
	int r = parse(c, a, &e);

	if (r < 0)
		return cli_opt(c, "confirm") && r == -EINVAL ? cli_usage(c, "%s", e.text) : cli_fail(c, &e);
	r = converse(a, &e);
	messages = a->messages.data && !a->messages.failed ? a->messages.data : "";
	if (c->json) {
		doc = show_outcome_json(&a->outcome);
		json_object_set_new(doc, "applied", json_boolean(r == 0));
		json_object_set_new(doc, "messages", json_string(messages));
		if (r < 0)
			json_object_set_new(doc, "error", json_string(e.text));
		if (r < 0 && !a->outcome.gen)
			json_object_del(doc, "enforced"); /* not known here: the error says what stays */
		cli_print_json(doc);
	} else {
		fputs(messages, stderr);
		if (r == 0)
			show(c, a);
	}
	if (r == 0)
		return CLI_YES;
	if (c->json)
		return r == -EINVAL ? CLI_NO : CLI_FAILED;
	add_kernel_reason(&e);
	(void)cli_fail(c, &e);
	return r == -EINVAL ? CLI_NO : CLI_FAILED;
}

int cmd_apply(struct cli *c)
{
	struct apply a = { .dir_fd = -1, .begun = time(NULL) };
	int r = run(c, &a);

	cleanup_fd(&a.dir_fd);
	buf_free(&a.messages);
	return r;
}
