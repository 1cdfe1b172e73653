/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed checkpoints: C2SP signed-note with Ed25519 (type 0x01), tlog-checkpoint, and cosignatures of witnesses (tlog-cosignature,
 * type 0x04). Text in, text out; keys are handles of libcrypto. Never signs anything that it did not lay out itself.
 */
#ifndef AUDIT_NOTE_H
#define AUDIT_NOTE_H

#include "audit/tree.h"
#include "base/buf.h"
#include "base/err.h"

#define NOTE_NAME_MAX 200u  /* of a signer: no blank, no plus */
#define NOTE_TEXT_MAX 4096u /* a checkpoint with its signatures */

struct note_key;            /* an Ed25519 key with its name; secret or public half */
/* 32 bytes of seed; the caller wipes its copy. */
int note_key_from_seed(const char *name, const uint8_t seed[static 32], struct note_key **ret, struct err *e);
/* "name+hash+base64": the verifier key of signed-note; type 0x01, or 0x04 of a witness. */
int note_key_from_vkey(const char *vkey, struct note_key **ret, struct err *e);
int note_key_vkey(const struct note_key *k, bool witness, struct buf *ret);
const char *note_key_name(const struct note_key *k);
void note_key_free(struct note_key *k);

struct note_checkpoint { char origin[NOTE_NAME_MAX + 1]; uint64_t size; struct tree_hash root; };
/* The signed text, ending in its signature line. */
int note_sign(const struct note_checkpoint *cp, const struct note_key *key, struct buf *ret, struct err *e);
/* Checks form and that key signed it. -EBADMSG: malformed; -EKEYREJECTED: no valid signature of that key. */
int note_open(const char *text, size_t len_bytes, const struct note_key *key, struct note_checkpoint *ret, struct err *e);
/* Form alone; nothing is believed of it. */
int note_parse(const char *text, size_t len_bytes, struct note_checkpoint *ret, struct err *e);
/* One cosignature line of a witness over a checkpoint's text, at that moment; and checking one that stands below it. */
int note_cosign(const char *text, size_t len_bytes, const struct note_key *witness, int64_t utc_s, struct buf *ret_line, struct err *e);
int note_check_cosign(const char *text, size_t len_bytes, const struct note_key *witness, int64_t *ret_utc_s, struct err *e);

#endif
