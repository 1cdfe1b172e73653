/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's own key, and what it has signed: checkpoints of a tree that only grows. The key never leaves signer/, and nothing is signed
 * that is smaller than what was signed before. Private to this folder.
 */
#ifndef AUDIT_SIGNER_H
#define AUDIT_SIGNER_H

#include "audit/note.h"

#define SIGNER_RECENT 1024u /* checkpoints that a witness may still answer to */

struct signer {
	int dir_fd, signer_fd;          /* the log's directory and signer/; the owner's */
	struct note_key *key;
	char origin[NOTE_NAME_MAX + 1];
	struct note_checkpoint last;    /* signed last; size 0: nothing yet */
	struct { uint64_t size; struct tree_hash root; } recent[SIGNER_RECENT]; /* signed since the start, as a ring */
	size_t recent_next;
	bool torn;                      /* one of the two copies of the last checkpoint is older, or cannot be read */
};

/*
 * Take the key from signer/, or make one for a log that was never signed. A log that was signed, and whose key is gone, is -EBADMSG.
 */
int  signer_open(struct signer *s, int dir_fd, int signer_fd, struct err *e);
void signer_close(struct signer *s);
/*
 * What was signed before: up to two checkpoints that the log must still contain, the newest last. A text that a crash cut is passed over,
 * as long as one of the two copies is whole. -EBADMSG with a sentence.
 */
int  signer_signed(struct signer *s, struct note_checkpoint ret[static 2], size_t *ret_count, struct err *e);
/* Make both copies what the newest one is. */
int  signer_mend(struct signer *s, struct err *e);
/* Sign, keep in signer/last, then publish as DIR/checkpoint. */
int  signer_sign(struct signer *s, uint64_t size, const struct tree_hash *root, struct err *e);
/*
 * Keep the line of a witness below the checkpoint that it is for, in DIR/cosigned. -EINVAL: no line; -ESTALE: no
 * checkpoint that was signed here lately, or a newer one is kept.
 */
int  signer_cosigned(struct signer *s, uint64_t size, const struct tree_hash *root, const char *line, struct err *e);

#endif
