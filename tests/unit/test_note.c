/* SPDX-License-Identifier: Apache-2.0 */
/* audit: signed checkpoints byte for byte as another implementation makes them; any other byte is refused. */
#include "test.h"

#include <errno.h>

#include "audit/note.h"
#include "base/num.h"

#define ORIGIN "example.com/behind-the-sofa"
#define BODY   ORIGIN "\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define DASH   "\xe2\x80\x94 "
/* The seed is the bytes 1 to 32; made with Python's cryptography from the formulas of the specifications. */
#define VKEY   ORIGIN "+40a4258c+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk"
#define WITNESS_NAME "witness.example.com/w1"
#define WITNESS_VKEY WITNESS_NAME "+8561c71e+BHm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk"
#define SIGNED DASH ORIGIN " QKQljMp7dP7daku7LgmV6OS6I/IHOAQxdVQb1vrHHUecHJK3AlPvjos8bxwmu/jMXRefJebPVQ57sQ/OVPxd5sw5/Qs=\n"
#define COSIGNED DASH WITNESS_NAME " hWHHHgAAAABkGFDLQB2dbiQ7rPMIDjq/twq5Ixt42T+awjiYS4+fxrnLnI31x5abVjZlhDVvZAcRRLyAiG4oQlhTgi4DsxiPwiDaDg==\n"
#define COSIGNED_S 1679315147

static struct note_key *key_of(const char *name)
{
	uint8_t seed[32];
	struct note_key *k = NULL;
	struct err e;

	for (size_t i = 0; i < sizeof(seed); i++)
		seed[i] = (uint8_t)(i + 1);
	return note_key_from_seed(name, seed, &k, &e) < 0 ? NULL : k;
}

static void key_done(struct note_key **k)
{
	note_key_free(*k);
}
#define _key_ __attribute__((cleanup(key_done)))

static void a_checkpoint_is_signed_as_others_do(void)
{
	_key_ struct note_key *k = key_of(ORIGIN), *public = NULL;
	_buf_ struct buf text = BUF_INIT, vkey = BUF_INIT;
	struct note_checkpoint cp = { .origin = ORIGIN, .size = 20852163 }, got;
	struct err e;

	CHECK(k);
	CHECK_INT(num_parse_hex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62", 64, cp.root.v, 32), 0);
	CHECK_INT(note_key_vkey(k, false, &vkey), 0);
	CHECK_STR(vkey.data, VKEY);
	CHECK_INT(note_sign(&cp, k, &text, &e), 0);
	CHECK_STR(text.data, BODY "\n" SIGNED);
	CHECK_INT(note_key_from_vkey(VKEY, &public, &e), 0);
	CHECK_STR(note_key_name(public), ORIGIN);
	CHECK_INT(note_open(text.data, text.len_bytes, public, &got, &e), 0);
	CHECK_STR(got.origin, ORIGIN);
	CHECK(got.size == cp.size && !memcmp(&got.root, &cp.root, sizeof(got.root)));
	CHECK(note_sign(&cp, public, &text, &e) < 0);
}

static void every_changed_byte_is_refused(void)
{
	_key_ struct note_key *k = key_of(ORIGIN);
	_buf_ struct buf text = BUF_INIT;
	struct note_checkpoint cp = { .origin = ORIGIN, .size = 300 }, got;
	struct err e;

	CHECK(k);
	CHECK_INT(note_sign(&cp, k, &text, &e), 0);
	for (size_t i = 0; i < text.len_bytes; i++)
		for (int bit = 0; bit < 8; bit++) {
			text.data[i] = (char)(text.data[i] ^ 1 << bit);
			CHECK(note_open(text.data, text.len_bytes, k, &got, &e) < 0);
			text.data[i] = (char)(text.data[i] ^ 1 << bit);
		}
	for (size_t n = 0; n < text.len_bytes; n++)
		CHECK(note_open(text.data, n, k, &got, &e) < 0);
	CHECK_INT(note_open(text.data, text.len_bytes, k, &got, &e), 0);
}

static void a_witness_signs_text_and_time(void)
{
	_key_ struct note_key *log = key_of(ORIGIN), *witness = key_of(WITNESS_NAME), *public = NULL, *plain = NULL;
	_buf_ struct buf text = BUF_INIT, line = BUF_INIT, vkey = BUF_INIT;
	struct note_checkpoint cp = { .origin = ORIGIN, .size = 20852163 }, got;
	int64_t utc_s = 0;
	struct err e;

	CHECK(log && witness);
	CHECK_INT(num_parse_hex("0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62", 64, cp.root.v, 32), 0);
	CHECK_INT(note_sign(&cp, log, &text, &e), 0);
	CHECK_INT(note_key_vkey(witness, true, &vkey), 0);
	CHECK_STR(vkey.data, WITNESS_VKEY);
	CHECK_INT(note_cosign(text.data, text.len_bytes, witness, COSIGNED_S, &line, &e), 0);
	CHECK_STR(line.data, COSIGNED);
	CHECK_INT(note_key_from_vkey(WITNESS_VKEY, &public, &e), 0);
	CHECK_INT(note_check_cosign(text.data, text.len_bytes, public, &utc_s, &e), -EKEYREJECTED);
	buf_add(&text, line.data, line.len_bytes);
	CHECK_INT(note_check_cosign(text.data, text.len_bytes, public, &utc_s, &e), 0);
	CHECK_INT(utc_s, COSIGNED_S);
	CHECK_INT(note_open(text.data, text.len_bytes, log, &got, &e), 0); /* another's line does no harm */
	/* A witness's key is not a log's, nor the other way round. */
	CHECK_INT(note_open(text.data, text.len_bytes, public, &got, &e), -EKEYREJECTED);
	CHECK_INT(note_key_from_vkey(VKEY, &plain, &e), 0);
	CHECK_INT(note_check_cosign(text.data, text.len_bytes, plain, &utc_s, &e), -EKEYREJECTED);
	text.data[text.len_bytes - 5] ^= 1;
	CHECK(note_check_cosign(text.data, text.len_bytes, public, &utc_s, &e) < 0);
}

/* The specification's own example: keys are not published, so form alone. */
static void the_example_of_the_specification_is_read(void)
{
	static const char text[] = BODY "\n" DASH ORIGIN " Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
		DASH "witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
	_key_ struct note_key *k = key_of(ORIGIN);
	struct note_checkpoint got;
	struct err e;

	CHECK_INT(note_parse(text, sizeof(text) - 1, &got, &e), 0);
	CHECK_STR(got.origin, ORIGIN);
	CHECK_INT(got.size, 20852163);
	CHECK_INT(got.root.v[0], 0x0a);
	CHECK_INT(note_open(text, sizeof(text) - 1, k, &got, &e), -EKEYREJECTED); /* another key of that name */
}

static void malformed_notes_are_refused(void)
{
	static const char *const bad[] = {
		"", "\n", "\n\n", BODY, BODY "\n", BODY SIGNED,
		ORIGIN "\n20852163\n\n" SIGNED,
		ORIGIN "\n020\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" SIGNED,
		ORIGIN "\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" SIGNED,
		ORIGIN "\n99999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" SIGNED,
		ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n\n" SIGNED, /* bits behind the last byte */
		ORIGIN "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n\n" SIGNED,
		"\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" SIGNED,
		BODY "\n-- " ORIGIN " QKQljA==\n",
		BODY "\n" DASH ORIGIN "\n",
		BODY "\n" DASH ORIGIN " QKQljA==\n", /* an id and nothing behind it */
		BODY "\n" DASH "a+b QKQljMp7\n",
		BODY "\n" DASH ORIGIN " QKQl jMp7\n",
		BODY "\ttab\n\n" SIGNED,
	};
	struct note_checkpoint got;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (note_parse(bad[i], strlen(bad[i]), &got, &e) != -EBADMSG) {
			printf("# accepted: %s\n", bad[i]);
			CHECK(false);
		}
}

static void verifier_keys_are_checked(void)
{
	static const char *const bad[] = {
		"", "a", "a+b", ORIGIN, ORIGIN "+40a4258d+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
		"example.com/other+40a4258c+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
		ORIGIN "+40a4258c+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJ", ORIGIN "+40a4258c+",
		" +40a4258c+AXm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
		ORIGIN "+40a4258c+Anm1Vi6P5lT5QHixEuipi6eQH4U65pW+1+DjkQutBJZk",
	};
	struct note_key *k = NULL;
	uint8_t seed[32] = { 0 };
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(note_key_from_vkey(bad[i], &k, &e), -EBADMSG);
	CHECK_INT(note_key_from_seed("two words", seed, &k, &e), -EINVAL);
	CHECK_INT(note_key_from_seed("a+b", seed, &k, &e), -EINVAL);
	CHECK_INT(note_key_from_seed("", seed, &k, &e), -EINVAL);
	CHECK_INT(note_key_from_vkey(VKEY "\n", &k, &e), 0); /* as a file holds it */
	note_key_free(k);
}

TESTS(T(a_checkpoint_is_signed_as_others_do), T(every_changed_byte_is_refused), T(a_witness_signs_text_and_time),
      T(the_example_of_the_specification_is_read), T(malformed_notes_are_refused), T(verifier_keys_are_checked))
