/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which records a query may be about: for each person, store, role, rule, action and kind the numbers of the records, by blocks, in an SQLite
 * file that can be thrown away. It holds no path, no program and no name of a person: what is erased from the log must not live on
 * here. It is never believed: each record is read from the log and asked again; it only saves reading the others.
 */
#ifndef AUDIT_INDEX_H
#define AUDIT_INDEX_H

#include "audit/audit.h"

#define INDEX_BLOCK 16384u /* records; only whole blocks are in the index, what is behind them is read */

enum index_key { INDEX_USER = 1, INDEX_STORE, INDEX_ROLE, INDEX_RULE, INDEX_ACTION, INDEX_KIND, INDEX_DENY };
struct index_term { enum index_key key; const char *text; uint64_t number; }; /* text of STORE, ROLE, RULE; number of the others (ACTION: the bit's) */

#define INDEX_TERMS_MAX 8u
struct index_query { struct index_term terms[INDEX_TERMS_MAX]; size_t count; bool gaps; int64_t since_utc_ns, until_utc_ns; }; /* gaps: records of losses too */

struct log_index;
/* -ENOENT: none, when it is not to be written. -EBADMSG: it is damaged, or of another version: remove it. */
int  index_open(const char *path, bool write, struct log_index **ret, struct err *e);
void index_close(struct log_index *x);
uint64_t index_first(const struct log_index *x);
uint64_t index_end(const struct log_index *x); /* records from first to this are in it */
/* Does it belong to this log? It remembers the hash of the last record that went in. -EBADMSG: no. Moves the reader. */
int  index_check(struct log_index *x, struct log_reader *r, struct err *e);
/* Take in all whole blocks that the log holds now. */
int  index_extend(struct log_index *x, struct log_reader *r, void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, struct err *e);
/* The numbers, ascending, of the records of the block that begins with first_seq that may match: at most INDEX_BLOCK. Their count, or an error. */
int  index_ask(struct log_index *x, const struct index_query *q, uint64_t first_seq, uint64_t ret[static INDEX_BLOCK], struct err *e);

#endif
