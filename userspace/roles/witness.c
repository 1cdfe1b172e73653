/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward-witness: what `polyward witness` starts. key DIR NAME; serve ADDRESS:PORT DIR [LOGKEY]; post URL (body on standard input, the
 * status and the answer on standard output). Arguments were checked by the verb; whoever calls it directly gets the same errors.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sandbox/sandbox.h"
#include "witness/witness.h"

enum { YES = 0, USAGE = 2, FAILED = 3 };

static int fail(const struct err *e)
{
	_buf_ struct buf clean = BUF_INIT;

	buf_add_escaped(&clean, e->text, strlen(e->text));
	fprintf(stderr, "polyward witness: %s\n", clean.data ? clean.data : "");
	return FAILED;
}

static int run_key(const char *dir, const char *name, struct err *e)
{
	_buf_ struct buf vkey = BUF_INIT;
	int code = state_make_key(dir, name, &vkey, e);

	if (code == 0)
		printf("%s\n", vkey.data);
	return code;
}

/* One directory can be opened, and no socket be made: what comes in by the one that is there cannot go on to another host. */
static int confine(const struct state *s, struct err *e)
{
	static const int calls[] = {
		SCMP_SYS(accept4), SCMP_SYS(accept), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(shutdown),
		SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(ioctl), SCMP_SYS(openat),
		SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat), SCMP_SYS(fchmod),
		SCMP_SYS(statx), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
	};
	char path[64];
	struct sandbox_path paths[] = { { path, true } };
	const struct sandbox box = {
		.role = "polyward-witness", .fs = SANDBOX_FS_PATHS, .paths = paths, .paths_count = 1, .syscalls = calls,
		.syscalls_count = sizeof(calls) / sizeof(calls[0]), .limit_files = 256,
	};

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", state_fd(s));
	return sandbox_enter(&box, e);
}

static void say(const char *text)
{
	_buf_ struct buf clean = BUF_INIT;

	buf_add_escaped(&clean, text, strlen(text));
	fprintf(stderr, "polyward-witness: %s\n", clean.data ? clean.data : "");
}

static int run_serve(char **words, int count, struct err *e)
{
	char where[SERVE_WHERE_SIZE];
	struct state *s = NULL;
	_fd_ int fd = -1;
	int code = state_open(words[1], &s, e);

	for (int i = 2; code == 0 && i < count; i++)
		code = state_add_log(s, words[i], e);
	if (code == 0 && !state_logs(s))
		code = err_say(e, -EINVAL, "no log is known: give --log, or put keys into %s/logs/NAME.vkey", words[1]);
	if (code == 0)
		code = serve_listen(words[0], &fd, e);
	if (code == 0) {
		serve_where(fd, where);
		printf("%s listens at %s, for %zu logs\n", note_key_name(state_key(s)), where, state_logs(s));
		fflush(stdout);
		code = confine(s, e);
	}
	if (code == 0)
		code = serve(take_fd(fd), s, say, e);
	state_close(s);
	return code;
}

static int run_post(const char *url, struct err *e)
{
	_buf_ struct buf body = BUF_INIT, answer = BUF_INIT;
	unsigned status = 0;
	char room[4096];
	ssize_t n;
	int code;

	while ((n = read(STDIN_FILENO, room, sizeof(room))) > 0 && body.len_bytes <= WITNESS_BODY_MAX)
		buf_add(&body, room, (size_t)n);
	if (n < 0 || body.failed || !body.len_bytes)
		return err_say(e, -EIO, "there is nothing to send");
	code = post(url, &body, &status, &answer, e);
	if (code == 0)
		printf("%u\n%s", status, answer.data ? answer.data : "");
	return code;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int code = -EINVAL;

	if (argc == 4 && !strcmp(argv[1], "key"))
		code = run_key(argv[2], argv[3], &e);
	else if (argc >= 4 && !strcmp(argv[1], "serve"))
		code = run_serve(argv + 2, argc - 2, &e);
	else if (argc == 3 && !strcmp(argv[1], "post"))
		code = run_post(argv[2], &e);
	else
		return fputs("polyward-witness is started by `polyward witness`\n", stderr), USAGE;
	if (code < 0)
		return fail(&e);
	return fflush(stdout) == 0 && !ferror(stdout) ? YES : FAILED;
}
