/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index as an SQLite file: one row a term and block, holding the distances between the numbers of its records, one byte each mostly.
 * Everything here can be made again from the log, so whatever is odd about the file is a reason to throw it away.
 */
#include "audit/index.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "audit/index_block.h"
#include "audit/tree.h"
#include "base/cleanup.h"

#define VERSION    "1"
#define COMMIT_AT  64u  /* blocks */
#define CACHE_KIB  "-65536"

struct log_index {
	sqlite3 *db;
	sqlite3_stmt *find, *put, *word, *word_put, *block, *block_put, *meta_put;
	uint64_t first, end;
	struct tree_hash last; /* of the record before end */
	uint8_t bits[INDEX_BLOCK / 8], other[INDEX_BLOCK / 8];
};

static int failed(struct log_index *x, struct err *e)
{
	int code = sqlite3_errcode(x->db);

	return err_say(e, code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? -EBADMSG : code == SQLITE_FULL ? -ENOSPC : -EIO, "the index of the log: %s",
		       sqlite3_errmsg(x->db));
}

static int run(struct log_index *x, const char *sql, struct err *e)
{
	return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : failed(x, e);
}

static int prepare(struct log_index *x, const char *sql, sqlite3_stmt **ret, struct err *e)
{
	return sqlite3_prepare_v3(x->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) == SQLITE_OK ? 0 : failed(x, e);
}

/* A value of the table meta. -ENOENT: not there. */
static int meta(struct log_index *x, const char *name, struct buf *ret, struct err *e)
{
	sqlite3_stmt *s = NULL;
	int code = prepare(x, "SELECT value FROM meta WHERE name = ?", &s, e), step;

	if (code < 0)
		return code;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW)
		buf_add(ret, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
	else
		code = step == SQLITE_DONE ? -ENOENT : failed(x, e);
	sqlite3_finalize(s);
	return ret->failed ? err_set(e, -ENOMEM, "read the index") : code;
}

static int meta_put(struct log_index *x, const char *name, const void *value, size_t len_bytes, struct err *e)
{
	sqlite3_bind_text(x->meta_put, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_blob(x->meta_put, 2, value, (int)len_bytes, SQLITE_STATIC);
	if (sqlite3_step(x->meta_put) != SQLITE_DONE)
		return failed(x, e);
	sqlite3_reset(x->meta_put);
	return 0;
}

static int meta_number(struct log_index *x, const char *name, uint64_t *ret, struct err *e)
{
	_buf_ struct buf b = BUF_INIT;
	int code = meta(x, name, &b, e);

	if (code == 0 && b.len_bytes != sizeof(*ret))
		return err_say(e, -EBADMSG, "the index of the log is damaged");
	if (code == 0)
		memcpy(ret, b.data, sizeof(*ret));
	return code;
}

static int read_meta(struct log_index *x, struct err *e)
{
	_buf_ struct buf version = BUF_INIT, last = BUF_INIT;
	int code = meta(x, "version", &version, e);

	if (code == 0 && (version.len_bytes != strlen(VERSION) || memcmp(version.data, VERSION, version.len_bytes) != 0))
		return err_say(e, -EBADMSG, "the index of the log is of another version");
	if (code == 0)
		code = meta_number(x, "first", &x->first, e);
	if (code == 0)
		code = meta_number(x, "end", &x->end, e);
	if (code == 0)
		code = meta(x, "last", &last, e);
	if (code == 0 && last.len_bytes == sizeof(x->last))
		memcpy(&x->last, last.data, sizeof(x->last));
	return code;
}

static int prepare_all(struct log_index *x, bool write, struct err *e)
{
	int code = prepare(x, "SELECT seqs FROM posting WHERE key = ? AND value = ? AND block = ?", &x->find, e);

	if (code == 0)
		code = prepare(x, "SELECT id FROM word WHERE text = ?", &x->word, e);
	if (code == 0)
		code = prepare(x, "SELECT since, until FROM block WHERE block = ?", &x->block, e);
	if (code < 0 || !write)
		return code;
	code = prepare(x, "INSERT OR REPLACE INTO posting(key, value, block, seqs) VALUES(?, ?, ?, ?)", &x->put, e);
	if (code == 0)
		code = prepare(x, "INSERT INTO word(text) VALUES(?)", &x->word_put, e);
	if (code == 0)
		code = prepare(x, "INSERT OR REPLACE INTO block(block, since, until) VALUES(?, ?, ?)", &x->block_put, e);
	return code == 0 ? prepare(x, "INSERT OR REPLACE INTO meta(name, value) VALUES(?, ?)", &x->meta_put, e) : code;
}

int index_open(const char *path, bool write, struct log_index **ret, struct err *e)
{
	struct log_index *x = calloc(1, sizeof(*x));
	int code = 0, opened;

	if (!x)
		return err_set(e, -ENOMEM, "open the index of the log");
	opened = sqlite3_open_v2(path, &x->db, write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY, NULL);
	if (opened != SQLITE_OK)
		code = opened == SQLITE_CANTOPEN && !write ? -ENOENT : x->db ? failed(x, e) : err_set(e, -ENOMEM, "open the index of the log");
	if (code == 0)
		(void)sqlite3_busy_timeout(x->db, 2000);
	if (code == 0 && write)
		code = run(x, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = " CACHE_KIB ";"
			   "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;"
			   "CREATE TABLE IF NOT EXISTS word(id INTEGER PRIMARY KEY, text BLOB UNIQUE);"
			   "CREATE TABLE IF NOT EXISTS block(block INTEGER PRIMARY KEY, since INTEGER, until INTEGER);"
			   "CREATE TABLE IF NOT EXISTS posting(key INTEGER, value INTEGER, block INTEGER, seqs BLOB, PRIMARY KEY(key, value, block)) "
			   "WITHOUT ROWID;", e);
	if (code == 0)
		code = prepare_all(x, write, e);
	if (code == 0)
		code = read_meta(x, e);
	if (code == -ENOENT && write && x->meta_put)
		code = meta_put(x, "version", VERSION, strlen(VERSION), e);
	if (code < 0) {
		index_close(x);
		return code;
	}
	*ret = x;
	return 0;
}

void index_close(struct log_index *x)
{
	if (!x)
		return;
	(void)sqlite3_finalize(x->find);
	(void)sqlite3_finalize(x->put);
	(void)sqlite3_finalize(x->word);
	(void)sqlite3_finalize(x->word_put);
	(void)sqlite3_finalize(x->block);
	(void)sqlite3_finalize(x->block_put);
	(void)sqlite3_finalize(x->meta_put);
	(void)sqlite3_close_v2(x->db);
	free(x);
}

uint64_t index_first(const struct log_index *x)
{
	return x->first;
}

uint64_t index_end(const struct log_index *x)
{
	return x->end;
}

int index_check(struct log_index *x, struct log_reader *r, struct err *e)
{
	struct record_view v;
	struct tree_hash now;
	int code;

	if (x->end == x->first)
		return 0;
	if (log_reader_end(r) < x->end || log_reader_first(r) > x->end - 1)
		return err_say(e, -EBADMSG, "the index is of another log: it covers %llu records", (unsigned long long)x->end);
	code = log_reader_seek(r, x->end - 1, e);
	if (code == 0)
		code = log_reader_next(r, &v, e);
	if (code <= 0)
		return code < 0 ? code : err_say(e, -EBADMSG, "the index is of another log");
	tree_leaf(v.bytes, v.len_bytes, &now);
	return memcmp(&now, &x->last, sizeof(now)) == 0 ? 0 : err_say(e, -EBADMSG, "the index is of another log: record %llu is not the same",
								       (unsigned long long)x->end - 1);
}

/* ---- building ---- */

static int word_id(struct log_index *x, const struct buf *text, bool make, uint64_t *ret, struct err *e)
{
	int step;

	sqlite3_bind_blob(x->word, 1, text->data, (int)text->len_bytes, SQLITE_STATIC);
	step = sqlite3_step(x->word);
	if (step == SQLITE_ROW)
		*ret = (uint64_t)sqlite3_column_int64(x->word, 0);
	sqlite3_reset(x->word);
	if (step == SQLITE_ROW)
		return 0;
	if (step != SQLITE_DONE)
		return failed(x, e);
	if (!make)
		return -ENOENT;
	sqlite3_bind_blob(x->word_put, 1, text->data, (int)text->len_bytes, SQLITE_STATIC);
	if (sqlite3_step(x->word_put) != SQLITE_DONE)
		return failed(x, e);
	sqlite3_reset(x->word_put);
	*ret = (uint64_t)sqlite3_last_insert_rowid(x->db);
	return 0;
}

static int put_postings(struct log_index *x, const struct index_block *b, struct err *e)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct index_posting *p = &b->v[i];
		uint64_t value = p->number;
		int code = p->text.len_bytes ? word_id(x, &p->text, true, &value, e) : 0;

		if (code < 0)
			return code;
		sqlite3_bind_int64(x->put, 1, p->key);
		sqlite3_bind_int64(x->put, 2, (sqlite3_int64)value);
		sqlite3_bind_int64(x->put, 3, (sqlite3_int64)(b->first_seq / INDEX_BLOCK));
		sqlite3_bind_blob(x->put, 4, p->gaps.data, (int)p->gaps.len_bytes, SQLITE_STATIC);
		if (sqlite3_step(x->put) != SQLITE_DONE)
			return failed(x, e);
		sqlite3_reset(x->put);
	}
	return 0;
}

static int put_block(struct log_index *x, const struct index_block *b, struct err *e)
{
	int code = put_postings(x, b, e);

	if (code < 0)
		return code;
	sqlite3_bind_int64(x->block_put, 1, (sqlite3_int64)(b->first_seq / INDEX_BLOCK));
	sqlite3_bind_int64(x->block_put, 2, b->since_utc_ns);
	sqlite3_bind_int64(x->block_put, 3, b->until_utc_ns);
	if (sqlite3_step(x->block_put) != SQLITE_DONE)
		return failed(x, e);
	sqlite3_reset(x->block_put);
	x->end = b->first_seq + INDEX_BLOCK;
	code = meta_put(x, "first", &x->first, sizeof(x->first), e);
	if (code == 0)
		code = meta_put(x, "end", &x->end, sizeof(x->end), e);
	return code == 0 ? meta_put(x, "last", &x->last, sizeof(x->last), e) : code;
}

/* One block out of the log. */
static int take_block(struct log_index *x, struct log_reader *r, uint64_t first_seq, struct index_block *b, struct err *e)
{
	struct record_view v;
	int code = log_reader_seq(r) == first_seq ? 0 : log_reader_seek(r, first_seq, e);

	index_block_begin(b, first_seq);
	for (uint64_t seq = first_seq; code == 0 && seq < first_seq + INDEX_BLOCK; seq++) {
		code = log_reader_next(r, &v, e);
		if (code <= 0)
			return code < 0 ? code : err_say(e, -EAGAIN, "the log ends where it had records a moment ago");
		code = index_block_add(b, &v);
		if (code < 0)
			return err_set(e, code, "index the log");
		if (seq == first_seq + INDEX_BLOCK - 1)
			tree_leaf(v.bytes, v.len_bytes, &x->last);
	}
	return code < 0 ? code : put_block(x, b, e);
}

int index_extend(struct log_index *x, struct log_reader *r, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, struct err *e)
{
	uint64_t end = log_reader_end(r) / INDEX_BLOCK * INDEX_BLOCK, oldest = (log_reader_first(r) + INDEX_BLOCK - 1) / INDEX_BLOCK * INDEX_BLOCK;
	_index_block_ struct index_block b = { 0 };
	uint64_t begin;
	int code = 0;

	if (x->end == x->first)
		x->first = x->end = oldest;
	begin = x->end;
	for (uint64_t n = 0; code == 0 && x->end < end; n++) {
		if (n % COMMIT_AT == 0)
			code = run(x, n ? "COMMIT; BEGIN" : "BEGIN", e);
		if (code == 0)
			code = take_block(x, r, x->end, &b, e);
		if (code == 0 && progress)
			progress(ctx, x->end - begin, end - begin);
	}
	if (!sqlite3_get_autocommit(x->db))
		(void)run(x, code == 0 ? "COMMIT" : "ROLLBACK", code == 0 ? e : &(struct err){ 0 });
	return code;
}

/* ---- asking ---- */

/* The records of a term in the block, as bits. 0: there are; -ENOENT: none. */
static int term_bits(struct log_index *x, const struct index_term *t, uint64_t first_seq, uint8_t bits[static INDEX_BLOCK / 8], struct err *e)
{
	uint64_t value = t->number;
	int code = 0, step;

	memset(bits, 0, INDEX_BLOCK / 8);
	if (t->text) {
		struct buf text = { .data = (char *)t->text, .len_bytes = strlen(t->text) };

		code = word_id(x, &text, false, &value, e);
	}
	if (code < 0)
		return code;
	sqlite3_bind_int64(x->find, 1, t->key);
	sqlite3_bind_int64(x->find, 2, (sqlite3_int64)value);
	sqlite3_bind_int64(x->find, 3, (sqlite3_int64)(first_seq / INDEX_BLOCK));
	step = sqlite3_step(x->find);
	if (step == SQLITE_ROW)
		code = index_bits(sqlite3_column_blob(x->find, 0), (size_t)sqlite3_column_bytes(x->find, 0), bits);
	else if (step != SQLITE_DONE)
		code = failed(x, e);
	else
		code = -ENOENT;
	sqlite3_reset(x->find);
	return code == -EBADMSG ? err_say(e, code, "the index of the log is damaged") : code;
}

/* Is any record of the block from that time? */
static int in_time(struct log_index *x, const struct index_query *q, uint64_t first_seq, struct err *e)
{
	int step, in = 1;

	sqlite3_bind_int64(x->block, 1, (sqlite3_int64)(first_seq / INDEX_BLOCK));
	step = sqlite3_step(x->block);
	if (step == SQLITE_ROW)
		in = sqlite3_column_int64(x->block, 0) <= q->until_utc_ns && sqlite3_column_int64(x->block, 1) >= q->since_utc_ns;
	sqlite3_reset(x->block);
	if (step == SQLITE_DONE)
		return err_say(e, -EBADMSG, "the index of the log is damaged: a block is missing");
	return step == SQLITE_ROW ? in : failed(x, e);
}

int index_ask(struct log_index *x, const struct index_query *q, uint64_t first_seq, uint64_t ret[static INDEX_BLOCK], struct err *e)
{
	const struct index_term gap = { .key = INDEX_KIND, .number = PW_REC_GAP };
	int code = in_time(x, q, first_seq, e), n = 0;

	if (code <= 0)
		return code;
	memset(x->bits, 0xff, sizeof(x->bits));
	for (size_t i = 0; i < q->count; i++) {
		code = term_bits(x, &q->terms[i], first_seq, x->other, e);
		if (code < 0 && code != -ENOENT)
			return code;
		for (size_t k = 0; k < sizeof(x->bits); k++)
			x->bits[k] &= x->other[k];
	}
	code = q->gaps && q->count ? term_bits(x, &gap, first_seq, x->other, e) : -ENOENT;
	if (code < 0 && code != -ENOENT)
		return code;
	for (size_t k = 0; code == 0 && k < sizeof(x->bits); k++)
		x->bits[k] |= x->other[k];
	for (uint32_t i = 0; i < INDEX_BLOCK; i++)
		if (x->bits[i / 8] >> (i % 8) & 1)
			ret[n++] = first_seq + i;
	return n;
}
