/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far an export is: a small text file, replaced as a whole, so that a crash leaves the old one or the new one. Going on from it is at
 * least once: a record may come twice, none is left out. Never believes a cursor that does not fit the log.
 */
#ifndef EXPORT_CURSOR_H
#define EXPORT_CURSOR_H

#include "audit/note.h"
#include "base/err.h"

struct export_cursor {
	char origin[NOTE_NAME_MAX + 1]; /* of the log; "": it had none when this was written */
	uint64_t next_seq;              /* first record that is not known to have arrived */
	bool has_leaf;
	uint64_t leaf_seq;              /* a record below next_seq that was exported, ... */
	struct tree_hash leaf;          /* ... and its leaf hash, so that another history is noticed */
};

/* 1: read; 0: there is no such file; -EBADMSG: it is none. */
int cursor_load(const char *path, struct export_cursor *ret, struct err *e);
int cursor_save(const char *path, const struct export_cursor *c, struct err *e);
/* Does it belong to a log of that origin that holds the records first_seq up to before end_seq? -ESTALE with a sentence. */
int cursor_check(const char *path, const struct export_cursor *c, const char *origin, uint64_t first_seq, uint64_t end_seq, struct err *e);
/* leaf: of record leaf_seq in this log. */
int cursor_check_leaf(const char *path, const struct export_cursor *c, const struct tree_hash *leaf, struct err *e);

#endif
