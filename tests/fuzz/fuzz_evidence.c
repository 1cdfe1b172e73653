/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers send about logs. First byte: 0 a proof file, 1 the body of a request to a witness, 2 a row of the index, 3 a note. Nothing is
 * proven or cosigned that was not signed, whatever comes in, and what a proof file says is written again as the same text.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/index_block.h"
#include "audit/proof.h"
#include "base/cleanup.h"
#include "witness/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void proof(const char *text, size_t len_bytes)
{
	_proof_ struct proof p = { 0 };
	_buf_ struct buf again = BUF_INIT;
	struct err e = { 0 };

	if (proof_read(text, len_bytes, &p, &e) < 0)
		return;
	(void)proof_check(&p, &e);
	if (proof_write(&p, &again, &e) < 0 || again.len_bytes != len_bytes || memcmp(again.data, text, len_bytes) != 0)
		abort();
}

/* A witness with a key of this run, for one log whose secret key nobody has. */
static const struct state *witness(void)
{
	static struct state *s;
	char dir[] = "/tmp/polyward-fuzz-XXXXXX", command[64];
	_buf_ struct buf vkey = BUF_INIT;
	struct err e = { 0 };

	if (s)
		return s;
	if (!mkdtemp(dir) || state_make_key(dir, "fuzz.example/witness", &vkey, &e) < 0 || state_open(dir, &s, &e) < 0 ||
	    state_add_log(s, "example.com/log+21602ee7+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB", &e) < 0)
		(void)fprintf(stderr, "%s\n", e.text);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	if (!s || system(command) != 0)
		abort();
	return s;
}

static void request(const char *body, size_t len_bytes)
{
	struct answer a = { 0 };

	answer_checkpoint(witness(), body, len_bytes, &a);
	if (a.status == 200 || a.status < 400)
		abort();
	buf_free(&a.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bits[INDEX_BLOCK / 8] = { 0 };
	struct note_checkpoint cp;
	struct err e;

	if (!size)
		return 0;
	switch (data[0] & 3) {
	case 0: proof((const char *)data + 1, size - 1); break;
	case 1: request((const char *)data + 1, size - 1); break;
	case 2: (void)index_bits(data + 1, size - 1, bits); break;
	default: (void)note_parse((const char *)data + 1, size - 1, &cp, &e);
	}
	return 0;
}
