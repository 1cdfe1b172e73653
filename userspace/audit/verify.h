/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying a whole log: every record hashed anew, every bundle, tile and the tail compared with each other, and all of it with a root
 * that somebody signed. Signatures are the caller's (note.h); this answers for bytes. Shared by log verify and reports.
 */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/complete.h"
#include "audit/tree.h"

struct verify_options {
	uint64_t size;               /* of the checkpoint */
	struct tree_hash root;
	/* How far it is, now and then; may be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

struct verify_result {
	uint64_t first;              /* records below it were pruned: of them hashes alone are there */
	uint64_t records;            /* whole ones that were hashed, first to size */
	uint64_t behind;             /* whole records behind the checkpoint: not signed yet */
	size_t torn_bytes;           /* behind the last whole one */
	int64_t since_utc_ns, until_utc_ns;
	struct complete *complete;   /* complete_free() it */
};

/*
 * 0: all of it holds. -EBADMSG with a sentence that names the file: something does not. Otherwise it could not be found out. dir_fd stays
 * the caller's. complete is filled in as far as it went; whether holes are a failure is the caller's to say.
 */
int log_verify(int dir_fd, const struct verify_options *o, struct verify_result *ret, struct err *e);
/*
 * Is that earlier checkpoint a beginning of the log? From its tiles, which log_verify() compared with the records. -EBADMSG: no.
 */
int log_verify_beginning(int dir_fd, uint64_t size, uint64_t old_size, const struct tree_hash *old_root, struct err *e);

#endif
