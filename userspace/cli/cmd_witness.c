/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward witness: vouch for the logs of other hosts, and have one's own vouched for. Whatever speaks to a network is another program,
 * polyward-witness; this one reads the log, makes the request, and checks the answer before anybody believes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit/proof.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "cli/client.h"
#include "cli/logopen.h"

#define ANSWER_MAX   (64u << 10)
#define PROGRAM      "polyward-witness"
#define LISTEN_AT    "127.0.0.1:8490"
#define EVERY_MIN_S  1u
#define EVERY_MAX_S  (366u * 86400u)

/* Beside this program as it was built, or where it was installed. */
static void find_program(char *ret, size_t size)
{
	char self[512] = "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? strrchr(self, '/') : NULL;

	if (slash) {
		(void)snprintf(ret, size, "%.*s/libexec/" PROGRAM, (int)(slash - self), self);
		if (access(ret, X_OK) == 0)
			return;
	}
	(void)snprintf(ret, size, "%s/" PROGRAM, PW_LIBEXEC);
}

/* Become the other program. Returns on failure alone. */
static int become(const struct cli *c, char **words)
{
	struct err e = { 0 };
	char path[600];

	find_program(path, sizeof(path));
	fflush(stdout);
	execv(path, words);
	(void)err_set(&e, -errno, "start %s, which speaks to the network", path);
	return cli_fail(c, &e);
}

static int make_key(struct cli *c)
{
	const char *state = cli_opt(c, "state"), *name = cli_opt(c, "name");

	if (!state || !name)
		return cli_usage(c, "key needs --state DIR and --name NAME");
	return become(c, (char *[]){ (char *)PROGRAM, (char *)"key", (char *)state, (char *)name, NULL });
}

static int serve(struct cli *c)
{
	const char *state = cli_opt(c, "state"), *at = cli_opt(c, "listen"), *log = cli_opt(c, "log");

	if (!state)
		return cli_usage(c, "serve needs --state DIR; make its key by `polyward witness key`");
	return become(c, (char *[]){ (char *)PROGRAM, (char *)"serve", (char *)(at ? at : LISTEN_AT), (char *)state, (char *)log, NULL });
}

/* ---- push ---- */

struct push {
	const struct cli *c;
	const char *url;
	struct note_key *witness;
	uint64_t known_size; /* what the witness has seen, as far as we know */
};

/* Read all of fd, at most ANSWER_MAX. */
static int read_answer(int fd, struct buf *ret)
{
	char room[4096];
	ssize_t n;

	while ((n = read(fd, room, sizeof(room))) > 0)
		if (ret->len_bytes < ANSWER_MAX)
			buf_add(ret, room, (size_t)n);
	return n < 0 ? -errno : ret->failed ? -ENOMEM : 0;
}

static _Noreturn void child(const char *url, int in, int out)
{
	char path[600];

	find_program(path, sizeof(path));
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execl(path, PROGRAM, "post", url, (char *)NULL);
	fprintf(stderr, "polyward witness: start %s: %s\n", path, strerror(errno));
	_exit(CLI_FAILED);
}

/* Send a request. The answer is "STATUS\nBODY". */
static int ask(const struct push *p, const struct buf *body, struct buf *ret, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, status = 0, code = 0;
	pid_t pid = -1;

	fflush(stdout);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		code = err_set(e, -errno, "start " PROGRAM);
	if (pid == 0)
		child(p->url, in[0], out[1]);
	cleanup_fd(&in[0]);
	cleanup_fd(&out[1]);
	/* A pipe takes this much at once, so nobody waits for nobody. */
	if (pid > 0 && fd_write_all(in[1], body->data, body->len_bytes) < 0)
		code = err_set(e, -EPIPE, "speak to " PROGRAM);
	cleanup_fd(&in[1]);
	if (pid > 0 && read_answer(out[0], ret) < 0)
		code = err_set(e, -EIO, "read the answer of " PROGRAM);
	cleanup_fd(&out[0]);
	if (pid > 0 && (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) && code == 0)
		code = err_say(e, -EIO, "the witness was not reached, as said above");
	return code;
}

static int make_request(const struct cli_log *l, const struct buf *checkpoint, uint64_t old_size, uint64_t size, struct buf *ret, struct err *e)
{
	struct log_tiles *tiles = NULL;
	struct tree_source source;
	struct tree_proof proof = { .count = 0 };
	int code = log_tiles_open(l->dir_fd, &tiles, e);

	if (code < 0)
		return code;
	log_tiles_source(tiles, &source);
	if (old_size && old_size < size)
		code = tree_consistency(&source, old_size, size, &proof);
	log_tiles_close(tiles);
	if (code < 0)
		return err_set(e, code, "prove that the log grew from %llu records", (unsigned long long)old_size);
	buf_printf(ret, "old %llu\n", (unsigned long long)old_size);
	for (size_t i = 0; i < proof.count; i++) {
		proof_base64(&proof.v[i], sizeof(proof.v[i]), ret);
		buf_add_char(ret, '\n');
	}
	buf_add_char(ret, '\n');
	buf_add(ret, checkpoint->data, checkpoint->len_bytes);
	return ret->failed ? err_set(e, -ENOMEM, "ask the witness") : 0;
}

static int tell_daemon(const struct note_checkpoint *cp, const char *line, struct err *e)
{
	struct msg_cosign m = { .size = cp->size };
	_fd_ int sock = -1;
	int code = client_connect(&sock, e);

	memcpy(m.root, &cp->root, sizeof(m.root));
	if (snprintf(m.line, sizeof(m.line), "%s", line) >= (int)sizeof(m.line))
		return err_say(e, -EMSGSIZE, "the cosignature line is longer than %zu bytes", sizeof(m.line));
	if (code == 0)
		code = client_ask(sock, IPC_DO_COSIGN, &m, -1, e);
	while (code >= 0) {
		_msg_ struct ipc_msg answer = IPC_MSG_INIT;

		code = client_answer(sock, &answer, e);
		if (code > 0 && answer.type == IPC_SAY_OUTCOME)
			return err_say(e, answer.body.as_SAY_OUTCOME.code, "%s", ipc_text(answer.body.as_SAY_OUTCOME.text, MSG_TEXT_MAX));
	}
	return code;
}

/* Of all lines that the witness answered the one that its key made; others are ignored. */
static int pick_line(const struct push *p, const struct buf *checkpoint, const char *answer, struct buf *ret_line, int64_t *ret_utc_s, struct err *e)
{
	int code = err_say(e, -EBADMSG, "its answer is no signature line");

	for (const char *at = answer, *end; (end = strchr(at, '\n')); at = end + 1) {
		_buf_ struct buf both = BUF_INIT;

		buf_add(&both, checkpoint->data, checkpoint->len_bytes);
		buf_add(&both, at, (size_t)(end + 1 - at));
		code = both.failed ? err_set(e, -ENOMEM, "check the answer") : note_check_cosign(both.data, both.len_bytes, p->witness, ret_utc_s, e);
		if (code == 0)
			buf_add(ret_line, at, (size_t)(end + 1 - at));
		if (code == 0)
			return ret_line->failed ? err_set(e, -ENOMEM, "keep the cosignature") : 0;
	}
	return code;
}

/* The line goes where it is kept: to the daemon, or, of a log that is not the daemon's, into a file that its owner puts beside it. */
static int keep(const struct push *p, const struct cli_log *l, const struct note_checkpoint *cp, const struct buf *checkpoint, const char *answer,
		struct err *e)
{
	_buf_ struct buf both = BUF_INIT, text = BUF_INIT, line = BUF_INIT;
	const char *out = cli_opt(p->c, "out");
	int64_t utc_s = 0;
	int code = pick_line(p, checkpoint, answer, &line, &utc_s, e);

	if (code < 0)
		return err_wrap(e, "what the witness answered is worth nothing");
	buf_add(&both, checkpoint->data, checkpoint->len_bytes);
	buf_add(&both, line.data, line.len_bytes);
	if (both.failed)
		return err_set(e, -ENOMEM, "keep the cosignature");
	if (l->from_daemon)
		code = tell_daemon(cp, line.data, e);
	else if (out) {
		code = fd_replace_path(out, both.data, both.len_bytes, 0644);
		if (code < 0)
			(void)err_set(e, code, "write %s", out);
	}
	if (code < 0)
		return code;
	record_time(utc_s * 1000000000, p->c->json, &text);
	if (p->c->json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:s, s:s}", "witness", note_key_name(p->witness), "origin", cp->origin, "size",
					 (json_int_t)cp->size, "time", cli_text(&text), "line", line.data));
	else
		printf("%s cosigned %llu records of %s at %s\n", note_key_name(p->witness), (unsigned long long)cp->size, cp->origin, cli_text(&text));
	return 0;
}

/* One question and its answer. -EAGAIN: the witness knows another size, which is in p->known_size now. */
static int push_once(struct push *p, const struct cli_log *l, const struct note_checkpoint *cp, const struct buf *checkpoint, struct err *e)
{
	_buf_ struct buf body = BUF_INIT, answer = BUF_INIT;
	uint64_t status, size;
	char *rest;
	size_t len;
	int code = make_request(l, checkpoint, p->known_size, cp->size, &body, e);

	if (code == 0)
		code = ask(p, &body, &answer, e);
	if (code < 0)
		return code;
	rest = answer.len_bytes ? strchr(answer.data, '\n') : NULL;
	if (!rest || num_parse(answer.data, (size_t)(rest - answer.data), 999, &status) < 0)
		return err_say(e, -EBADMSG, PROGRAM " did not answer in its form");
	rest++;
	len = strlen(rest);
	if (status == 200) {
		p->known_size = cp->size;
		return keep(p, l, cp, checkpoint, rest, e);
	}
	if (status == 409 && len && num_parse(rest, len - 1, INT64_MAX, &size) == 0) {
		if (size == p->known_size)
			return err_say(e, -EBADMSG, "the witness has cosigned another checkpoint of %llu records: this log has two faces, or was rewritten",
				       (unsigned long long)size);
		if (size > cp->size)
			return err_say(e, -EBADMSG, "the witness has seen %llu records of this log, and it holds %llu: it was rolled back",
				       (unsigned long long)size, (unsigned long long)cp->size);
		p->known_size = size;
		return -EAGAIN;
	}
	while (len && rest[len - 1] == '\n')
		rest[--len] = '\0';
	return err_say(e, status == 422 || status == 403 ? -EBADMSG : -EIO, "the witness refuses (%llu)%s%s", (unsigned long long)status,
		       len ? ": " : "", rest);
}

static int push_now(struct push *p, struct err *e)
{
	_buf_ struct buf checkpoint = BUF_INIT;
	struct note_checkpoint cp;
	struct cli_log l;
	int code = cli_log_open(p->c, &l, e);

	if (code < 0)
		return code;
	code = fd_read_file(l.dir_fd, "checkpoint", NOTE_TEXT_MAX, &checkpoint);
	if (code < 0)
		(void)err_set(e, code, "read the log's checkpoint");
	if (code == 0)
		code = note_parse(checkpoint.data ? checkpoint.data : "", checkpoint.len_bytes, &cp, e);
	if (code == 0 && p->known_size > cp.size)
		code = err_say(e, -EBADMSG, "the log holds %llu records, and %llu were cosigned: it was rolled back", (unsigned long long)cp.size,
			       (unsigned long long)p->known_size);
	if (code == 0) {
		code = push_once(p, &l, &cp, &checkpoint, e);
		if (code == -EAGAIN)
			code = push_once(p, &l, &cp, &checkpoint, e);
	}
	cli_log_close(&l);
	return code;
}

static int push(struct cli *c)
{
	const char *vkey = cli_opt(c, "vkey"), *every = cli_opt(c, "every");
	struct push p = { .c = c, .url = cli_opt(c, "url") };
	char url[1024];
	struct err e = { 0 };
	uint64_t every_s = 0;
	int code;

	if (!p.url || !vkey)
		return cli_usage(c, "push needs --url URL and --vkey VKEY of the witness");
	if (every && (num_parse_duration(every, strlen(every), EVERY_MAX_S, &every_s) < 0 || every_s < EVERY_MIN_S))
		return cli_usage(c, "--every %s: a time is needed, as in 1h", every);
	if (snprintf(url, sizeof(url), "%s%sadd-checkpoint", p.url, p.url[0] && p.url[strlen(p.url) - 1] == '/' ? "" : "/") >= (int)sizeof(url))
		return cli_usage(c, "--url is too long");
	p.url = url;
	code = note_key_from_word(vkey, &p.witness, &e);
	while (code == 0) {
		code = push_now(&p, &e);
		if (!every_s)
			break;
		fflush(stdout);
		/* What cannot be reached now may be later; what contradicts itself stays so. */
		if (code < 0 && code != -EBADMSG)
			fprintf(stderr, "polyward witness: %s\n", e.text);
		if (code == -EBADMSG)
			break;
		code = 0;
		(void)nanosleep(&(struct timespec){ .tv_sec = (time_t)every_s }, NULL);
	}
	note_key_free(p.witness);
	if (code == 0)
		return CLI_YES;
	(void)cli_fail(c, &e);
	return code == -EBADMSG || code == -EKEYREJECTED ? CLI_NO : CLI_FAILED;
}

int cmd_witness(struct cli *c)
{
	static const struct { const char *word; int (*run)(struct cli *c); } words[] = { { "serve", serve }, { "push", push }, { "key", make_key } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(c->args[0], words[i].word))
			return words[i].run(c);
	return cli_usage(c, "'%s': witness knows serve, push and key", c->args[0]);
}
