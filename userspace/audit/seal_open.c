/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what seal.c sealed: linked into readers. Believes nothing of a key file or a record; what does not authenticate is an error,
 * never an empty text.
 */
#include "audit/seal.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define KEY_MAGIC    "polyward-seal-key 1\n"
#define KEY_FILE_MAX 256u
#define NS_PER_DAY   86400000000000ll

void seal_name(const struct seal_id *id, char ret[static 33])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(id->v); i++) {
		ret[2 * i] = digits[id->v[i] >> 4];
		ret[2 * i + 1] = digits[id->v[i] & 15];
	}
	ret[32] = '\0';
}

/* Days since 1970 of the first day of a month, and back: the Gregorian calendar in eras of 400 years that begin in March. */
static int64_t days_of(int64_t year, int64_t month)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 - 719468;
}

/* The first months and the last that nanoseconds reach are cut at what they reach. */
static int64_t day_ns(int64_t days)
{
	int64_t ns;

	return __builtin_mul_overflow(days, NS_PER_DAY, &ns) ? days < 0 ? INT64_MIN : INT64_MAX : ns;
}

void seal_month_of(int64_t utc_ns, struct seal_month *ret)
{
	int64_t days = utc_ns / NS_PER_DAY - (utc_ns % NS_PER_DAY < 0), year = 1970 + days / 366, month = 1;

	/* At most a few steps: a year has 365 or 366 days, and moments in nanoseconds end in 2262. */
	while (days < days_of(year, 1))
		year--;
	while (days >= days_of(year + 1, 1))
		year++;
	while (month < 12 && days >= days_of(year, month + 1))
		month++;
	memset(ret, 0, sizeof(*ret));
	ret->begin_utc_ns = day_ns(days_of(year, month));
	ret->end_utc_ns = day_ns(month == 12 ? days_of(year + 1, 1) : days_of(year, month + 1));
	for (size_t i = 0; i < 4; i++, year /= 10)
		ret->text[3 - i] = (char)('0' + year % 10);
	ret->text[4] = '-';
	ret->text[5] = (char)('0' + month / 10);
	ret->text[6] = (char)('0' + month % 10);
}

/* The next line of the text into ret, without its end. */
static bool take_line(const char **at, const char *end, char *ret, size_t size)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	if (!stop || (size_t)(stop - *at) >= size)
		return false;
	memcpy(ret, *at, (size_t)(stop - *at));
	ret[stop - *at] = '\0';
	*at = stop + 1;
	return true;
}

int seal_read_key(int keys_fd, const struct seal_id *id, struct seal_key *ret)
{
	_buf_ struct buf text = BUF_INIT;
	const size_t magic = sizeof(KEY_MAGIC) - 1;
	char name[33];
	int code;

	seal_name(id, name);
	memset(ret, 0, sizeof(*ret));
	code = fd_read_file(keys_fd, name, KEY_FILE_MAX, &text);
	if (code == 0) {
		const char *at = text.data + magic, *end = text.data + text.len_bytes;

		if (text.len_bytes < magic || memcmp(text.data, KEY_MAGIC, magic) != 0 || !take_line(&at, end, ret->class_, sizeof(ret->class_)) ||
		    !take_line(&at, end, ret->period, sizeof(ret->period)) || end - at != 2 * (ptrdiff_t)SEAL_KEY_BYTES + 1 ||
		    num_parse_hex(at, 2 * (size_t)SEAL_KEY_BYTES, ret->secret, sizeof(ret->secret)) < 0)
			code = -EBADMSG;
		ret->id = *id;
	}
	if (text.data)
		OPENSSL_cleanse(text.data, text.cap_bytes);
	return code;
}

void seal_associated(const char *origin, uint64_t seq, const struct seal_key *key, struct buf *ret)
{
	char name[33];

	seal_name(&key->id, name);
	buf_printf(ret, "%s\n%llu\n%s\n%s\n%s\n", origin, (unsigned long long)seq, key->class_, key->period, name);
}

static bool decrypt(const struct seal_key *key, const struct buf *associated, const uint8_t *sealed, size_t len_bytes, uint8_t *ret)
{
	size_t text_bytes = len_bytes - SEAL_NONCE_BYTES - SEAL_TAG_BYTES;
	const uint8_t *text = sealed + SEAL_NONCE_BYTES;
	uint8_t tag[SEAL_TAG_BYTES];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good;

	memcpy(tag, text + text_bytes, sizeof(tag));
	good = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->secret, sealed) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)associated->data, (int)associated->len_bytes) == 1 &&
	       EVP_DecryptUpdate(ctx, ret, &n, text, (int)text_bytes) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) == 1 && EVP_DecryptFinal_ex(ctx, ret + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static bool field_is(const struct record_view *v, enum pw_field_tag tag, const char *text)
{
	const uint8_t *p;
	size_t n;

	return record_find(v, tag, &p, &n) && n == strlen(text) && !memcmp(p, text, n);
}

int seal_open(int keys_fd, const char *origin, const struct record_view *sealed, struct buf *ret_plain)
{
	_buf_ struct buf associated = BUF_INIT;
	struct seal_key key = { .period = "" };
	struct seal_id id;
	const uint8_t *name, *text;
	size_t name_bytes, text_bytes;
	int code;

	if (sealed->head.kind != PW_REC_SEALED || !record_find(sealed, PW_F_SEAL_KEY, &name, &name_bytes) || name_bytes != sizeof(id.v) ||
	    !record_find(sealed, PW_F_SEAL_TEXT, &text, &text_bytes) || text_bytes < SEAL_NONCE_BYTES + SEAL_TAG_BYTES)
		return -EBADMSG;
	memcpy(id.v, name, sizeof(id.v));
	code = seal_read_key(keys_fd, &id, &key);
	if (code == -ENOENT)
		return -ENOKEY;
	if (code == 0 && (!field_is(sealed, PW_F_CLASS, key.class_) || !field_is(sealed, PW_F_PERIOD, key.period)))
		code = -EBADMSG;
	seal_associated(origin, sealed->head.seq, &key, &associated);
	ret_plain->len_bytes = 0;
	if (code == 0) {
		/* Room for the text, which is as long as the cipher text. */
		buf_add(ret_plain, text + SEAL_NONCE_BYTES, text_bytes - SEAL_NONCE_BYTES - SEAL_TAG_BYTES);
		if (ret_plain->failed || associated.failed)
			code = -ENOMEM;
		else if (!decrypt(&key, &associated, text, text_bytes, (uint8_t *)ret_plain->data))
			code = -EBADMSG;
	}
	OPENSSL_cleanse(&key, sizeof(key));
	return code;
}
