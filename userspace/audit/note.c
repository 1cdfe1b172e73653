/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed notes of the C2SP: a text, an empty line, and a line for every signature. What is signed here is always a checkpoint that was
 * put together here; a text from elsewhere is only checked, or cosigned after the witness has checked it.
 */
#include "audit/note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/cleanup.h"
#include "base/num.h"

#define DASH            "\xe2\x80\x94 " /* em dash and a blank: what a signature line begins with */
#define ID_BYTES        4u
#define SIGNATURE_BYTES 64u
#define KEY_BYTES       32u
#define TIME_BYTES      8u
#define LINES_MAX       100u
#define BLOB_MAX        (NOTE_TEXT_MAX / 4 * 3)
#define TEXT64_MAX(n)   (((n) + 2) / 3 * 4 + 1)
#define TYPE_ED25519    0x01
#define TYPE_COSIGNED   0x04

struct note_key {
	char name[NOTE_NAME_MAX + 1];
	EVP_PKEY *pkey;
	uint8_t raw[KEY_BYTES]; /* public */
	bool secret;
	uint8_t type;           /* of the vkey that it came from; 0: from a seed, good for both */
};

/* A text as signed, and where its signature lines begin. */
struct split { size_t text_bytes, lines_at; };
struct blob { uint8_t v[BLOB_MAX + 3]; size_t len_bytes; };

static bool name_is_good(const char *name, size_t len_bytes)
{
	if (len_bytes == 0 || len_bytes > NOTE_NAME_MAX)
		return false;
	for (size_t i = 0; i < len_bytes; i++)
		if ((uint8_t)name[i] <= ' ' || name[i] == '+' || name[i] == 0x7f)
			return false;
	return true;
}

static void key_id(const struct note_key *k, uint8_t type, uint8_t ret[static ID_BYTES])
{
	uint8_t message[NOTE_NAME_MAX + 2 + KEY_BYTES], hash[SHA256_DIGEST_LENGTH];
	size_t n = strlen(k->name);

	memcpy(message, k->name, n);
	message[n++] = '\n';
	message[n++] = type;
	memcpy(message + n, k->raw, KEY_BYTES);
	(void)SHA256(message, n + KEY_BYTES, hash);
	memcpy(ret, hash, ID_BYTES);
}

/* Standard base64, one form only: what does not come out again as it came in is refused. */
static int decode64(const char *text, size_t len_bytes, struct blob *ret)
{
	uint8_t again[TEXT64_MAX(BLOB_MAX) + 3];
	int n;

	if (!len_bytes || len_bytes % 4 || len_bytes > TEXT64_MAX(BLOB_MAX) - 1)
		return -EBADMSG;
	n = EVP_DecodeBlock(ret->v, (const uint8_t *)text, (int)len_bytes);
	if (n < 0)
		return -EBADMSG;
	ret->len_bytes = (size_t)n - (text[len_bytes - 1] == '=') - (text[len_bytes - 2] == '=');
	if (EVP_EncodeBlock(again, ret->v, (int)ret->len_bytes) != (int)len_bytes || memcmp(again, text, len_bytes) != 0)
		return -EBADMSG;
	return 0;
}

static void encode64(const void *bytes, size_t len_bytes, struct buf *ret)
{
	uint8_t text[TEXT64_MAX(256)];

	if (len_bytes > 256) {
		ret->failed = true;
		return;
	}
	(void)EVP_EncodeBlock(text, bytes, (int)len_bytes);
	buf_add_str(ret, (const char *)text);
}

static struct note_key *key_new(const char *name, size_t len_bytes)
{
	struct note_key *k = calloc(1, sizeof(*k));

	if (k)
		memcpy(k->name, name, len_bytes);
	return k;
}

int note_key_from_seed(const char *name, const uint8_t seed[static 32], struct note_key **ret, struct err *e)
{
	struct note_key *k;
	size_t n = KEY_BYTES;

	if (!name_is_good(name, strlen(name)))
		return err_say(e, -EINVAL, "a signer's name is 1 to %u characters without a blank or a plus", NOTE_NAME_MAX);
	k = key_new(name, strlen(name));
	if (k)
		k->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_BYTES);
	if (!k || !k->pkey || EVP_PKEY_get_raw_public_key(k->pkey, k->raw, &n) != 1) {
		note_key_free(k);
		return err_set(e, -ENOMEM, "make a signing key");
	}
	k->secret = true;
	*ret = k;
	return 0;
}

int note_key_from_vkey(const char *vkey, struct note_key **ret, struct err *e)
{
	const char *id = strchr(vkey, '+'), *key = id ? strchr(id + 1, '+') : NULL;
	size_t len_bytes = strcspn(vkey, "\n");
	uint8_t want[ID_BYTES], have[ID_BYTES];
	struct note_key *k;
	struct blob blob;

	if (!key || key - id != 9 || !name_is_good(vkey, (size_t)(id - vkey)) || num_parse_hex(id + 1, 8, have, sizeof(have)) < 0 ||
	    key >= vkey + len_bytes || decode64(key + 1, len_bytes - (size_t)(key + 1 - vkey), &blob) < 0 || blob.len_bytes != 1 + KEY_BYTES)
		return err_say(e, -EBADMSG, "not a verifier key: it reads NAME+HASH+BASE64");
	if (blob.v[0] != TYPE_ED25519 && blob.v[0] != TYPE_COSIGNED)
		return err_say(e, -EBADMSG, "the verifier key is of type 0x%02x; 0x01 (Ed25519) and 0x04 (witness) are known here", blob.v[0]);
	k = key_new(vkey, (size_t)(id - vkey));
	if (k) {
		k->type = blob.v[0];
		memcpy(k->raw, blob.v + 1, KEY_BYTES);
		k->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->raw, KEY_BYTES);
	}
	if (!k || !k->pkey) {
		note_key_free(k);
		return err_set(e, -ENOMEM, "read a verifier key");
	}
	key_id(k, k->type, want);
	if (memcmp(want, have, sizeof(want)) != 0) {
		note_key_free(k);
		return err_say(e, -EBADMSG, "not a verifier key: its hash does not belong to its name and key");
	}
	*ret = k;
	return 0;
}

int note_key_vkey(const struct note_key *k, bool witness, struct buf *ret)
{
	uint8_t id[ID_BYTES], key[1 + KEY_BYTES];

	key[0] = witness ? TYPE_COSIGNED : TYPE_ED25519;
	key_id(k, key[0], id);
	memcpy(key + 1, k->raw, KEY_BYTES);
	buf_printf(ret, "%s+%02x%02x%02x%02x+", k->name, id[0], id[1], id[2], id[3]);
	encode64(key, sizeof(key), ret);
	return ret->failed ? -ENOMEM : 0;
}

const char *note_key_name(const struct note_key *k)
{
	return k->name;
}

void note_key_free(struct note_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

static bool sign(const struct note_key *k, const void *bytes, size_t len_bytes, uint8_t ret[static SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = SIGNATURE_BYTES;
	bool good = ctx && k->secret && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
		    EVP_DigestSign(ctx, ret, &n, bytes, len_bytes) == 1 && n == SIGNATURE_BYTES;

	EVP_MD_CTX_free(ctx);
	return good;
}

static bool verify(const struct note_key *k, const void *bytes, size_t len_bytes, const uint8_t signature[static SIGNATURE_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, SIGNATURE_BYTES, bytes, len_bytes) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

int note_sign(const struct note_checkpoint *cp, const struct note_key *key, struct buf *ret, struct err *e)
{
	uint8_t blob[ID_BYTES + SIGNATURE_BYTES];
	size_t begin = ret->len_bytes;

	if (!name_is_good(cp->origin, strnlen(cp->origin, sizeof(cp->origin))))
		return err_say(e, -EINVAL, "sign a checkpoint: its origin is 1 to %u characters without a blank or a plus", NOTE_NAME_MAX);
	buf_printf(ret, "%s\n%llu\n", cp->origin, (unsigned long long)cp->size);
	encode64(cp->root.v, sizeof(cp->root.v), ret);
	buf_add_char(ret, '\n');
	if (ret->failed)
		return err_set(e, -ENOMEM, "sign a checkpoint");
	key_id(key, TYPE_ED25519, blob);
	if (!sign(key, ret->data + begin, ret->len_bytes - begin, blob + ID_BYTES))
		return err_say(e, -EIO, "sign a checkpoint: libcrypto refuses");
	buf_printf(ret, "\n" DASH "%s ", key->name);
	encode64(blob, sizeof(blob), ret);
	buf_add_char(ret, '\n');
	return ret->failed ? err_set(e, -ENOMEM, "sign a checkpoint") : 0;
}

/* One signature line at text, without its end. */
struct line { const char *name; size_t name_bytes; struct blob blob; };

static int line_parse(const char *text, size_t len_bytes, struct line *ret)
{
	const size_t dash = sizeof(DASH) - 1;
	const char *blank;

	if (len_bytes <= dash || memcmp(text, DASH, dash) != 0)
		return -EBADMSG;
	ret->name = text + dash;
	blank = memchr(ret->name, ' ', len_bytes - dash);
	if (!blank)
		return -EBADMSG;
	ret->name_bytes = (size_t)(blank - ret->name);
	if (!name_is_good(ret->name, ret->name_bytes) || decode64(blank + 1, len_bytes - (size_t)(blank + 1 - text), &ret->blob) < 0 ||
	    ret->blob.len_bytes <= ID_BYTES)
		return -EBADMSG;
	return 0;
}

/* The line at *at, which moves behind it. 1 one, 0 no more. */
static int line_next(const char *text, size_t len_bytes, size_t *at, struct line *ret)
{
	const char *end;
	int code;

	if (*at == len_bytes)
		return 0;
	end = memchr(text + *at, '\n', len_bytes - *at);
	code = end ? line_parse(text + *at, (size_t)(end - text) - *at, ret) : -EBADMSG;
	if (code < 0)
		return code;
	*at = (size_t)(end - text) + 1;
	return 1;
}

static int split(const char *text, size_t len_bytes, struct split *ret)
{
	if (len_bytes > NOTE_TEXT_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < len_bytes; i++)
		if ((uint8_t)text[i] < ' ' && text[i] != '\n')
			return -EBADMSG;
	for (size_t i = len_bytes; i >= 2; i--)
		if (text[i - 1] == '\n' && text[i - 2] == '\n') {
			ret->text_bytes = i - 1;
			ret->lines_at = i;
			return 0;
		}
	return -EBADMSG;
}

/* The body of a checkpoint. The origin keeps no byte that would be two lines elsewhere, because there is none below a blank. */
static int body_parse(const char *text, size_t len_bytes, struct note_checkpoint *ret)
{
	const char *line[4] = { text };
	struct blob root;
	size_t digits;

	for (size_t i = 0; i < 3; i++) {
		const char *end = memchr(line[i], '\n', len_bytes - (size_t)(line[i] - text));

		if (!end || end == line[i])
			return -EBADMSG;
		line[i + 1] = end + 1;
	}
	for (size_t at = (size_t)(line[3] - text); at < len_bytes; at++)
		if (text[at] == '\n' && text[at - 1] == '\n')
			return -EBADMSG; /* extension lines are not empty */
	digits = (size_t)(line[2] - line[1]) - 1;
	if ((size_t)(line[1] - line[0]) - 1 > NOTE_NAME_MAX || (line[1][0] == '0' && digits > 1) ||
	    num_parse(line[1], digits, INT64_MAX, &ret->size) < 0 || decode64(line[2], (size_t)(line[3] - line[2]) - 1, &root) < 0 ||
	    root.len_bytes != sizeof(ret->root.v))
		return -EBADMSG;
	memset(ret->origin, 0, sizeof(ret->origin));
	memcpy(ret->origin, line[0], (size_t)(line[1] - line[0]) - 1);
	memcpy(ret->root.v, root.v, sizeof(ret->root.v));
	return 0;
}

/*
 * Look at every signature line. key: a line of that key and type has to be there, and *ret is its bytes behind the id. The first one
 * counts, as for everybody who reads notes.
 */
static int lines_check(const char *text, size_t len_bytes, const struct split *s, const struct note_key *key, uint8_t type, struct blob *ret)
{
	struct line line;
	size_t at = s->lines_at, count = 0;
	uint8_t id[ID_BYTES];
	int code, found = key ? -EKEYREJECTED : 0;

	if (key)
		key_id(key, type, id);
	while ((code = line_next(text, len_bytes, &at, &line)) == 1) {
		if (++count > LINES_MAX)
			return -EBADMSG;
		if (found == 0 || line.name_bytes != strlen(key->name) || memcmp(line.name, key->name, line.name_bytes) != 0 ||
		    memcmp(line.blob.v, id, ID_BYTES) != 0)
			continue;
		ret->len_bytes = line.blob.len_bytes - ID_BYTES;
		memcpy(ret->v, line.blob.v + ID_BYTES, ret->len_bytes);
		found = 0;
	}
	return code < 0 || !count ? -EBADMSG : found;
}

int note_parse(const char *text, size_t len_bytes, struct note_checkpoint *ret, struct err *e)
{
	struct note_checkpoint cp;
	struct split s;

	if (split(text, len_bytes, &s) < 0 || body_parse(text, s.text_bytes, &cp) < 0 || lines_check(text, len_bytes, &s, NULL, 0, NULL) < 0)
		return err_say(e, -EBADMSG, "not a signed checkpoint");
	*ret = cp;
	return 0;
}

int note_open(const char *text, size_t len_bytes, const struct note_key *key, struct note_checkpoint *ret, struct err *e)
{
	struct note_checkpoint cp;
	struct blob signature;
	struct split s;
	int code = note_parse(text, len_bytes, &cp, e);

	if (code < 0)
		return code;
	(void)split(text, len_bytes, &s);
	if (key->type == TYPE_COSIGNED || lines_check(text, len_bytes, &s, key, TYPE_ED25519, &signature) < 0)
		return err_say(e, -EKEYREJECTED, "the checkpoint is not signed by %s with the key that was asked for", key->name);
	if (signature.len_bytes != SIGNATURE_BYTES || !verify(key, text, s.text_bytes, signature.v))
		return err_say(e, -EKEYREJECTED, "the checkpoint's signature of %s is wrong", key->name);
	*ret = cp;
	return 0;
}

/* What a witness signs: that it saw this text, and when. */
static void cosigned_text(const char *text, size_t text_bytes, uint64_t utc_s, struct buf *ret)
{
	buf_printf(ret, "cosignature/v1\ntime %llu\n", (unsigned long long)utc_s);
	buf_add(ret, text, text_bytes);
}

int note_cosign(const char *text, size_t len_bytes, const struct note_key *witness, int64_t utc_s, struct buf *ret_line, struct err *e)
{
	uint8_t blob[ID_BYTES + TIME_BYTES + SIGNATURE_BYTES];
	_buf_ struct buf message = BUF_INIT;
	struct note_checkpoint cp;
	struct split s;
	int code = note_parse(text, len_bytes, &cp, e);

	if (code < 0)
		return code;
	if (utc_s < 0)
		return err_say(e, -EINVAL, "cosign a checkpoint: a moment before 1970");
	(void)split(text, len_bytes, &s);
	cosigned_text(text, s.text_bytes, (uint64_t)utc_s, &message);
	if (message.failed)
		return err_set(e, -ENOMEM, "cosign a checkpoint");
	key_id(witness, TYPE_COSIGNED, blob);
	for (size_t i = 0; i < TIME_BYTES; i++)
		blob[ID_BYTES + i] = (uint8_t)((uint64_t)utc_s >> 8 * (TIME_BYTES - 1 - i));
	if (!sign(witness, message.data, message.len_bytes, blob + ID_BYTES + TIME_BYTES))
		return err_say(e, -EIO, "cosign a checkpoint: libcrypto refuses, or the key is a public one");
	buf_printf(ret_line, DASH "%s ", witness->name);
	encode64(blob, sizeof(blob), ret_line);
	buf_add_char(ret_line, '\n');
	return ret_line->failed ? err_set(e, -ENOMEM, "cosign a checkpoint") : 0;
}

int note_check_cosign(const char *text, size_t len_bytes, const struct note_key *witness, int64_t *ret_utc_s, struct err *e)
{
	_buf_ struct buf message = BUF_INIT;
	struct note_checkpoint cp;
	struct blob signature;
	uint64_t utc_s = 0;
	struct split s;
	int code = note_parse(text, len_bytes, &cp, e);

	if (code < 0)
		return code;
	(void)split(text, len_bytes, &s);
	if (witness->type == TYPE_ED25519 || lines_check(text, len_bytes, &s, witness, TYPE_COSIGNED, &signature) < 0)
		return err_say(e, -EKEYREJECTED, "the checkpoint is not cosigned by %s", witness->name);
	if (signature.len_bytes != TIME_BYTES + SIGNATURE_BYTES)
		return err_say(e, -EKEYREJECTED, "the checkpoint's cosignature of %s is wrong", witness->name);
	for (size_t i = 0; i < TIME_BYTES; i++)
		utc_s = utc_s << 8 | signature.v[i];
	cosigned_text(text, s.text_bytes, utc_s, &message);
	if (message.failed)
		return err_set(e, -ENOMEM, "check a cosignature");
	if (utc_s > INT64_MAX || !verify(witness, message.data, message.len_bytes, signature.v + TIME_BYTES))
		return err_say(e, -EKEYREJECTED, "the checkpoint's cosignature of %s is wrong", witness->name);
	*ret_utc_s = (int64_t)utc_s;
	return 0;
}
