/* SPDX-License-Identifier: Apache-2.0 */
/* Proofs of single records as text: written line by line, and read strictly, because two readings of one text would be two proofs. */
#include "audit/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define CODED_MAX  (4 * ((PW_RECORD_MAX + 2) / 3))

void proof_free(struct proof *p)
{
	buf_free(&p->record);
	buf_free(&p->checkpoint);
}

void proof_base64(const void *bytes, size_t len_bytes, struct buf *ret)
{
	_free_ uint8_t *coded = len_bytes <= PW_RECORD_MAX ? malloc(4 * ((len_bytes + 2) / 3) + 1) : NULL;

	if (!coded) {
		ret->failed = true;
		return;
	}
	buf_add(ret, coded, (size_t)EVP_EncodeBlock(coded, bytes, (int)len_bytes));
}

int proof_base64_decode(const char *text, size_t len, struct buf *ret)
{
	_buf_ struct buf again = BUF_INIT;
	_free_ uint8_t *bytes = NULL;
	size_t n;
	int got;

	if (len % 4 || len > CODED_MAX)
		return -EBADMSG;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	got = len ? EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)len) : 0;
	if (got < 0)
		return -EBADMSG;
	n = (size_t)got;
	for (size_t pad = 0; pad < 2 && n && len && text[len - 1 - pad] == '='; pad++)
		n--;
	/* libcrypto passes over blanks and loose bits; the one right form is what it would have written itself. */
	proof_base64(bytes, n, &again);
	if (again.failed)
		return -ENOMEM;
	if (again.len_bytes != len || memcmp(again.data ? again.data : "", text, len) != 0)
		return -EBADMSG;
	buf_add(ret, bytes, n);
	return ret->failed ? -ENOMEM : 0;
}

int proof_hash_decode(const char *text, size_t len, struct tree_hash *ret)
{
	_buf_ struct buf bytes = BUF_INIT;
	int code = proof_base64_decode(text, len, &bytes);

	if (code < 0)
		return code;
	if (bytes.len_bytes != sizeof(*ret))
		return -EBADMSG;
	memcpy(ret, bytes.data, sizeof(*ret));
	return 0;
}

int proof_write(const struct proof *p, struct buf *ret, struct err *e)
{
	buf_add_str(ret, FIRST_LINE "\nextra ");
	proof_base64(p->record.data, p->record.len_bytes, ret);
	buf_printf(ret, "\nindex %llu\n", (unsigned long long)p->seq);
	for (size_t i = 0; i < p->path.count; i++) {
		proof_base64(&p->path.v[i], sizeof(p->path.v[i]), ret);
		buf_add_char(ret, '\n');
	}
	buf_add_char(ret, '\n');
	buf_add(ret, p->checkpoint.data, p->checkpoint.len_bytes);
	return ret->failed ? err_set(e, -ENOMEM, "write a proof") : 0;
}

struct text { const char *at; size_t left; unsigned line; };

static bool next_line(struct text *t, const char **ret, size_t *ret_len)
{
	const char *end = memchr(t->at, '\n', t->left);

	t->line++;
	if (!end)
		return false;
	*ret = t->at;
	*ret_len = (size_t)(end - t->at);
	t->left -= *ret_len + 1;
	t->at = end + 1;
	return true;
}

static bool begins(const char *line, size_t len, const char *with, const char **ret_rest, size_t *ret_len)
{
	size_t n = strlen(with);

	if (len < n || memcmp(line, with, n) != 0)
		return false;
	*ret_rest = line + n;
	*ret_len = len - n;
	return true;
}

static bool number(const char *digits, size_t len, uint64_t *ret)
{
	return num_parse(digits, len, UINT64_MAX, ret) == 0 && (len == 1 || digits[0] != '0');
}

static int read_lines(struct text *t, struct proof *ret)
{
	const char *line = NULL, *rest = NULL;
	size_t len = 0, rest_len = 0;
	int code = -EBADMSG;

	if (!next_line(t, &line, &len) || len != strlen(FIRST_LINE) || memcmp(line, FIRST_LINE, len) != 0 || !next_line(t, &line, &len) ||
	    !begins(line, len, "extra ", &rest, &rest_len))
		return code;
	code = proof_base64_decode(rest, rest_len, &ret->record);
	if (code < 0)
		return code;
	if (!next_line(t, &line, &len) || !begins(line, len, "index ", &rest, &rest_len) || !number(rest, rest_len, &ret->seq))
		return -EBADMSG;
	while (next_line(t, &line, &len) && len) {
		if (ret->path.count == TREE_PROOF_MAX)
			return -EBADMSG;
		code = proof_hash_decode(line, len, &ret->path.v[ret->path.count++]);
		if (code < 0)
			return code;
	}
	return len ? -EBADMSG : 0;
}

int proof_read(const char *text, size_t len_bytes, struct proof *ret, struct err *e)
{
	struct text t = { text, len_bytes, 0 };
	int code;

	*ret = (struct proof){ 0 };
	code = read_lines(&t, ret);
	if (code == -EBADMSG)
		return err_say(e, code, "line %u: this is not a proof in the form " FIRST_LINE " with the record as its extra data", t.line);
	buf_add(&ret->checkpoint, t.at, t.left);
	if (code < 0 || ret->checkpoint.failed)
		return err_set(e, -ENOMEM, "read a proof");
	return note_parse(t.at, t.left, &ret->form, e);
}

int proof_check(const struct proof *p, struct err *e)
{
	struct tree_hash leaf;

	tree_leaf(p->record.data ? p->record.data : "", p->record.len_bytes, &leaf);
	if (p->seq >= p->form.size)
		return err_say(e, -EBADMSG, "the proof is for record %llu, and its checkpoint covers %llu records", (unsigned long long)p->seq,
			       (unsigned long long)p->form.size);
	if (!tree_check_inclusion(&leaf, p->seq, p->form.size, &p->path, &p->form.root))
		return err_say(e, -EBADMSG, "the record in this file is not record %llu of the tree that the checkpoint names", (unsigned long long)p->seq);
	return 0;
}

int note_key_from_word(const char *word, struct note_key **ret, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	int code;

	if (strchr(word, '+') && !strchr(word, '/'))
		return note_key_from_vkey(word, ret, e);
	code = fd_read_file(AT_FDCWD, word, NOTE_TEXT_MAX, &text);
	/* A key's name may hold slashes, like a path; a file that is not there may have been meant as a key. */
	if (code == -ENOENT && strchr(word, '+'))
		return note_key_from_vkey(word, ret, e);
	if (code < 0)
		return err_set(e, code, "read the key %s", word);
	while (text.len_bytes && text.data[text.len_bytes - 1] == '\n')
		text.data[--text.len_bytes] = '\0';
	return note_key_from_vkey(text.len_bytes ? text.data : "", ret, e);
}
