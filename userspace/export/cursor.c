/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor's file: three or five lines, each a word and a value, in this order and nothing else. */
#include "export/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/num.h"
#include "export/fields.h"

#define CURSOR_FIRST_LINE "polyward export cursor 1"
#define CURSOR_MAX_BYTES  1024u

struct line { const char *text; size_t len_bytes; };

/* The value of the next line, if its word is that one. */
static bool take(const char **at, const char *end, const char *word, struct line *ret)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	size_t n = strlen(word);

	if (!newline || (size_t)(newline - *at) < n + 1 || memcmp(*at, word, n) || (*at)[n] != ' ')
		return false;
	*ret = (struct line){ *at + n + 1, (size_t)(newline - *at) - n - 1 };
	*at = newline + 1;
	return true;
}

static bool parse(const struct buf *b, struct export_cursor *ret)
{
	const char *at = b->data, *end = at + b->len_bytes;
	struct line v;

	if (!take(&at, end, "polyward export cursor", &v) || v.len_bytes != 1 || v.text[0] != '1')
		return false;
	if (!take(&at, end, "origin", &v) || v.len_bytes > NOTE_NAME_MAX || memchr(v.text, '\0', v.len_bytes))
		return false;
	memcpy(ret->origin, v.text, v.len_bytes);
	if (!take(&at, end, "next", &v) || num_parse(v.text, v.len_bytes, UINT64_MAX, &ret->next_seq) < 0)
		return false;
	if (at == end)
		return true;
	ret->has_leaf = true;
	if (!take(&at, end, "leaf-of", &v) || num_parse(v.text, v.len_bytes, UINT64_MAX, &ret->leaf_seq) < 0 || ret->leaf_seq >= ret->next_seq)
		return false;
	return take(&at, end, "leaf", &v) && num_parse_hex(v.text, v.len_bytes, ret->leaf.v, sizeof(ret->leaf.v)) == 0 && at == end;
}

int cursor_load(const char *path, struct export_cursor *ret, struct err *e)
{
	struct export_cursor c = { 0 };
	_buf_ struct buf b = BUF_INIT;
	int r = fd_read_file(AT_FDCWD, path, CURSOR_MAX_BYTES, &b);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, r, "read the cursor %s", path);
	if (!b.data || !parse(&b, &c))
		return err_say(e, -EBADMSG, "%s is not a cursor of an export; nothing was exported. Name another file, or remove this one to begin "
			       "with the oldest record", path);
	*ret = c;
	return 1;
}

int cursor_save(const char *path, const struct export_cursor *c, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	int r;

	buf_add_str(&b, CURSOR_FIRST_LINE "\norigin ");
	buf_add_str(&b, c->origin);
	buf_add_str(&b, "\nnext ");
	text_u64(&b, c->next_seq);
	if (c->has_leaf) {
		buf_add_str(&b, "\nleaf-of ");
		text_u64(&b, c->leaf_seq);
		buf_add_str(&b, "\nleaf ");
		text_hex(&b, c->leaf.v, sizeof(c->leaf.v));
	}
	buf_add_char(&b, '\n');
	r = b.failed ? -ENOMEM : fd_replace_path(path, b.data, b.len_bytes, 0600);
	return r < 0 ? err_set(e, r, "write the cursor %s", path) : 0;
}

int cursor_check(const char *path, const struct export_cursor *c, const char *origin, uint64_t first_seq, uint64_t end_seq, struct err *e)
{
	if (c->origin[0] && strcmp(c->origin, origin) != 0)
		return err_say(e, -ESTALE, "the cursor %s belongs to the log %s, and this is %s; give each log a cursor of its own", path, c->origin,
			       origin[0] ? origin : "a log without a name");
	if (c->next_seq > end_seq)
		return err_say(e, -ESTALE, "the cursor %s stands at record %llu, and this log ends before record %llu: it is another log, or records "
			       "were taken from its end; see `polyward log verify`", path, (unsigned long long)c->next_seq,
			       (unsigned long long)end_seq);
	if (c->next_seq < first_seq)
		return err_say(e, -ESTALE, "records %llu to %llu were pruned before they were exported; remove the cursor %s to go on with the oldest "
			       "record that there is", (unsigned long long)c->next_seq, (unsigned long long)first_seq - 1, path);
	return 0;
}

int cursor_check_leaf(const char *path, const struct export_cursor *c, const struct tree_hash *leaf, struct err *e)
{
	if (!c->has_leaf || !memcmp(&c->leaf, leaf, sizeof(*leaf)))
		return 0;
	return err_say(e, -ESTALE, "record %llu is not the one that was exported when the cursor %s was written: the log was changed; see "
		       "`polyward log verify`", (unsigned long long)c->leaf_seq, path);
}
