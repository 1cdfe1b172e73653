/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to a witness, judged: the order of the checks and the status codes are those of C2SP tlog-witness. It cosigns only what was
 * signed by a known log, continues the last checkpoint of that log, and is on disk.
 */
#include "witness/witness.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "audit/proof.h"
#include "base/num.h"

#define PROOF_LINES_MAX 63u

struct request {
	uint64_t old_size;
	struct tree_proof proof;
	const char *text;     /* the checkpoint */
	size_t text_bytes;
	struct note_checkpoint cp;
};

static bool next_line(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	if (!stop)
		return false;
	*ret = *at;
	*ret_len = (size_t)(stop - *at);
	*at = stop + 1;
	return true;
}

static int parse(const char *body, size_t len_bytes, struct request *ret, struct err *e)
{
	const char *at = body, *end = body + len_bytes, *line;
	size_t len;

	*ret = (struct request){ 0 };
	if (!next_line(&at, end, &line, &len) || len < 5 || memcmp(line, "old ", 4) != 0 ||
	    num_parse(line + 4, len - 4, INT64_MAX, &ret->old_size) < 0 || (len > 5 && line[4] == '0'))
		return err_say(e, -EBADMSG, "the first line does not say the old size");
	for (;;) {
		if (!next_line(&at, end, &line, &len))
			return err_say(e, -EBADMSG, "there is no empty line before the checkpoint");
		if (!len)
			break;
		if (ret->proof.count == PROOF_LINES_MAX || proof_hash_decode(line, len, &ret->proof.v[ret->proof.count++]) < 0)
			return err_say(e, -EBADMSG, "a line of the proof is not a hash, or there are more than %u", PROOF_LINES_MAX);
	}
	ret->text = at;
	ret->text_bytes = (size_t)(end - at);
	return note_parse(ret->text, ret->text_bytes, &ret->cp, e);
}

static void say(struct answer *a, unsigned status, const char *sentence)
{
	a->status = status;
	a->type = "text/plain; charset=utf-8";
	a->body.len_bytes = 0;
	buf_printf(&a->body, "%s\n", sentence);
}

/* Somebody signed what contradicts what they signed before: worth keeping. */
static void refuse(const struct state *s, const struct request *r, unsigned status, const char *sentence, struct answer *a)
{
	say(a, status, sentence);
	(void)err_say(&a->why, -EBADMSG, "%s: a checkpoint of %llu records was refused: %s; it is kept in refused/", r->cp.origin,
		      (unsigned long long)r->cp.size, sentence);
	state_keep_refused(s, r->cp.origin, r->text, r->text_bytes);
}

static void conflict(const struct note_checkpoint *last, struct answer *a)
{
	a->status = 409;
	a->type = "text/x.tlog.size";
	a->body.len_bytes = 0;
	buf_printf(&a->body, "%llu\n", (unsigned long long)last->size);
}

static bool same_root(const struct note_checkpoint *a, const struct note_checkpoint *b)
{
	return !memcmp(&a->root, &b->root, sizeof(a->root));
}

/* What is asked against what was seen last. True: it may be cosigned. */
static bool judge(const struct state *s, const struct request *r, const struct note_checkpoint *last, struct answer *a)
{
	if (r->old_size > r->cp.size) {
		say(a, 400, "the old size is above the checkpoint's");
		return false;
	}
	if (r->old_size != last->size) {
		conflict(last, a);
		return false;
	}
	if (r->old_size == r->cp.size && last->size && !same_root(&r->cp, last)) {
		refuse(s, r, 409, "a checkpoint of the same size and another root was cosigned before: the log shows two faces", a);
		conflict(last, a);
		return false;
	}
	if ((r->old_size == 0 || r->old_size == r->cp.size) && r->proof.count) {
		say(a, 422, "there is nothing to prove, and the proof is not empty");
		return false;
	}
	if (r->old_size && r->old_size < r->cp.size &&
	    !tree_check_consistency(r->old_size, &last->root, r->cp.size, &r->cp.root, &r->proof)) {
		refuse(s, r, 422, "the proof does not show that the log grew from the last checkpoint: its history was rewritten, or the proof is wrong", a);
		return false;
	}
	return true;
}

static void cosign(const struct state *s, const struct request *r, struct answer *a)
{
	struct timespec now = { 0 };
	int code = state_store(s, r->cp.origin, r->text, r->text_bytes, &a->why);

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (code == 0)
		code = note_cosign(r->text, r->text_bytes, state_key(s), now.tv_sec, &a->body, &a->why);
	if (code < 0) {
		say(a, 500, "the witness cannot keep the checkpoint now");
		return;
	}
	a->status = 200;
	a->type = "text/plain; charset=utf-8";
}

void answer_checkpoint(const struct state *s, const char *body, size_t len_bytes, struct answer *ret)
{
	struct note_checkpoint last;
	struct request r;
	int code;

	*ret = (struct answer){ .status = 500 };
	if (parse(body, len_bytes, &r, &ret->why) < 0) {
		say(ret, 400, ret->why.text);
		ret->why.code = 0;
		return;
	}
	code = state_check(s, r.text, r.text_bytes, &ret->why);
	if (code < 0) {
		say(ret, code == -ENOENT ? 404 : code == -EKEYREJECTED ? 403 : 400, ret->why.text);
		ret->why.code = 0;
		return;
	}
	if (state_last(s, r.cp.origin, &last, &ret->why) < 0) {
		say(ret, 500, "the witness cannot read what it has seen of this log");
		return;
	}
	if (judge(s, &r, &last, ret))
		cosign(s, &r, ret);
}
