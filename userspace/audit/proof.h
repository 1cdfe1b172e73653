/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record's proof as a text that stands for itself: C2SP tlog-proof, with the record's bytes as its extra data, because they are what
 * the leaf is the hash of. Reading one believes nothing; proof_check() and a signature make it a proof.
 */
#ifndef AUDIT_PROOF_H
#define AUDIT_PROOF_H

#include "audit/note.h"
#include "audit/tree.h"

#define PROOF_TEXT_MAX (160u << 10)

struct proof {
	uint64_t seq;
	struct buf record;          /* its bytes as they are hashed */
	struct tree_proof path;
	struct buf checkpoint;      /* with all its signature lines */
	struct note_checkpoint form; /* of the checkpoint; not checked */
};
#define _proof_ __attribute__((cleanup(proof_free)))
void proof_free(struct proof *p);

/* p: all but form filled in. */
int proof_write(const struct proof *p, struct buf *ret, struct err *e);
/* -EBADMSG with the line. */
int proof_read(const char *text, size_t len_bytes, struct proof *ret, struct err *e);
/* Does the record belong to the checkpoint's root? -EBADMSG with a sentence: no. Says nothing of signatures. */
int proof_check(const struct proof *p, struct err *e);

/* Base64 with padding, as the formats of C2SP have it. Decoding takes the one right form only. */
void proof_base64(const void *bytes, size_t len_bytes, struct buf *ret);
int  proof_base64_decode(const char *text, size_t len, struct buf *ret);
/* A line of 32 bytes in base64. */
int  proof_hash_decode(const char *text, size_t len, struct tree_hash *ret);

/* A verifier key as a person gives it: the key itself, or a file that holds it. */
int note_key_from_word(const char *word, struct note_key **ret, struct err *e);

#endif
