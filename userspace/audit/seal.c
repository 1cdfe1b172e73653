/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing, and destroying keys: in the audit process alone. A key is on disk before anything is sealed with it, and gone from disk and
 * memory before its destruction is recorded. A nonce is random: a group that is sealed again after a crash never meets its own.
 */
#include "audit/seal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define KEYS_MAX  256u /* in memory at a time; the oldest makes room */

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define _dir_ __attribute__((cleanup(close_dir)))

static void wipe(struct seal_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}
#define _key_ __attribute__((cleanup(wipe)))

void seals_free(struct seals *s)
{
	if (s->key)
		OPENSSL_cleanse(s->key, s->count * sizeof(*s->key));
	free(s->key);
	s->key = NULL;
	s->count = 0;
	EVP_CIPHER_CTX_free(s->cipher); /* wipes it too */
	s->cipher = NULL;
}

static bool is_of(const struct seal_key *k, const char *class_, const char *period)
{
	return !strcmp(k->class_, class_) && !strcmp(k->period, period);
}

/* The next key file of the directory. 1, 0 at the end, -errno. */
static int next_key(DIR *dir, int keys_fd, struct seal_key *ret)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		struct seal_id id;
		int code;

		if (strlen(entry->d_name) != 32 || num_parse_hex(entry->d_name, 32, id.v, sizeof(id.v)) < 0)
			continue;
		code = seal_read_key(keys_fd, &id, ret);
		if (code == 0)
			return 1;
		if (code != -ENOENT && code != -EBADMSG) /* a file that is no key is nobody's key */
			return code;
	}
	return -errno;
}

static DIR *open_keys(const struct seals *s)
{
	int fd = openat(s->keys_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* A key on disk for that class and month. 1, 0, -errno. */
static int find_key(struct seals *s, const char *class_, const char *period, struct seal_key *ret)
{
	_dir_ DIR *dir = open_keys(s);
	int code = dir ? 1 : -errno;

	while (code == 1) {
		code = next_key(dir, s->keys_fd, ret);
		if (code == 1 && is_of(ret, class_, period))
			return 1;
	}
	wipe(ret);
	return code;
}

int seals_find(struct seals *s, const char *class_, const char *period)
{
	_key_ struct seal_key key;

	return find_key(s, class_, period, &key);
}

static void keep_period(const char *period, char ret[][SEAL_PERIOD_SIZE], size_t max, size_t *count)
{
	size_t at = 0;

	while (at < *count && strcmp(ret[at], period) < 0)
		at++;
	if (at == max || (at < *count && !strcmp(ret[at], period)))
		return;
	if (*count < max)
		++*count;
	memmove(ret[at + 1], ret[at], (*count - at - 1) * SEAL_PERIOD_SIZE);
	memcpy(ret[at], period, SEAL_PERIOD_SIZE);
}

int seals_periods(struct seals *s, const char *class_, char ret[][SEAL_PERIOD_SIZE], size_t max, size_t *ret_count)
{
	_dir_ DIR *dir = open_keys(s);
	int code = dir ? 1 : -errno;

	*ret_count = 0;
	while (code == 1) {
		_key_ struct seal_key key;

		code = next_key(dir, s->keys_fd, &key);
		if (code == 1 && !strcmp(key.class_, class_))
			keep_period(key.period, ret, max, ret_count);
	}
	return code;
}

static int make_key(struct seals *s, const char *class_, const char *period, struct seal_key *ret)
{
	_buf_ struct buf text = BUF_INIT;
	char name[33];
	int code;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->class_, class_, strnlen(class_, sizeof(ret->class_) - 1));
	memcpy(ret->period, period, strnlen(period, sizeof(ret->period) - 1));
	if (getrandom(&ret->id, sizeof(ret->id), 0) != sizeof(ret->id) || getrandom(ret->secret, sizeof(ret->secret), 0) != sizeof(ret->secret))
		return -errno;
	seal_name(&ret->id, name);
	buf_printf(&text, "polyward-seal-key 1\n%s\n%s\n", ret->class_, ret->period);
	for (size_t i = 0; i < sizeof(ret->secret); i++)
		buf_printf(&text, "%02x", ret->secret[i]);
	buf_add_char(&text, '\n');
	/* Readable for whoever is handed the directory, as the log is. */
	code = text.failed ? -ENOMEM : fd_replace_file(s->keys_fd, name, text.data, text.len_bytes, 0644);
	if (text.data)
		OPENSSL_cleanse(text.data, text.cap_bytes);
	return code;
}

static int key_for(struct seals *s, const char *class_, const char *period, const struct seal_key **ret, struct err *e)
{
	_key_ struct seal_key key;
	int code;

	for (size_t i = 0; i < s->count; i++)
		if (is_of(&s->key[i], class_, period)) {
			*ret = &s->key[i];
			return 0;
		}
	if (!s->key)
		s->key = calloc(KEYS_MAX, sizeof(*s->key));
	if (!s->key)
		return err_set(e, -ENOMEM, "seal personal fields");
	code = find_key(s, class_, period, &key);
	if (code == 0)
		code = make_key(s, class_, period, &key);
	if (code < 0)
		return err_set(e, code, "make a key for the personal fields of class %s", class_);
	if (s->count == KEYS_MAX)
		memmove(s->key, s->key + 1, --s->count * sizeof(*s->key));
	s->key[s->count] = key;
	*ret = &s->key[s->count++];
	return 0;
}

/* The cipher with this key in it: making that ready costs more than encrypting a few KiB. */
static EVP_CIPHER_CTX *cipher_for(struct seals *s, const struct seal_key *key)
{
	if (s->cipher && !memcmp(&s->cipher_id, &key->id, sizeof(key->id)))
		return s->cipher;
	EVP_CIPHER_CTX_free(s->cipher);
	s->cipher = EVP_CIPHER_CTX_new();
	s->cipher_id = key->id;
	if (s->cipher && EVP_EncryptInit_ex(s->cipher, EVP_aes_256_gcm(), NULL, key->secret, NULL) == 1)
		return s->cipher;
	EVP_CIPHER_CTX_free(s->cipher);
	return s->cipher = NULL;
}

/* nonce, cipher text, tag */
static bool encrypt(EVP_CIPHER_CTX *ctx, const struct buf *associated, const struct buf *plain, uint8_t *ret)
{
	uint8_t *text = ret + SEAL_NONCE_BYTES;
	int n = 0;

	return getrandom(ret, SEAL_NONCE_BYTES, 0) == SEAL_NONCE_BYTES && EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, ret) == 1 &&
	       EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)associated->data, (int)associated->len_bytes) == 1 &&
	       EVP_EncryptUpdate(ctx, text, &n, (const uint8_t *)plain->data, (int)plain->len_bytes) == 1 &&
	       EVP_EncryptFinal_ex(ctx, text + n, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, text + plain->len_bytes) == 1;
}

int seals_seal(struct seals *s, const struct pw_record *head, const char *class_, const char *period, const struct buf *plain,
	       struct buf *ret, struct err *e)
{
	_buf_ struct buf associated = BUF_INIT;
	const struct seal_key *key = NULL;
	size_t text_bytes = SEAL_NONCE_BYTES + plain->len_bytes + SEAL_TAG_BYTES;
	const struct pw_field text_field = { .tag = PW_F_SEAL_TEXT, .len_bytes = (uint16_t)text_bytes };
	EVP_CIPHER_CTX *cipher;
	uint8_t *text;
	int code = text_bytes > UINT16_MAX ? err_set(e, -EMSGSIZE, "seal personal fields") : key_for(s, class_, period, &key, e);

	if (code < 0)
		return code;
	cipher = cipher_for(s, key);
	seal_associated(s->origin, head->seq, key, &associated);
	ret->len_bytes = 0;
	ret->failed = false; /* of an attempt before */
	record_begin(ret, head);
	record_bytes(ret, PW_F_SEAL_KEY, key->id.v, sizeof(key->id.v));
	record_text(ret, PW_F_CLASS, key->class_);
	record_text(ret, PW_F_PERIOD, key->period);
	buf_add(ret, &text_field, sizeof(text_field));
	text = buf_add_room(ret, text_bytes);
	if (!cipher || !text || associated.failed)
		return err_set(e, -ENOMEM, "seal personal fields");
	if (!encrypt(cipher, &associated, plain, text))
		return err_say(e, -EIO, "seal personal fields: libcrypto refuses");
	code = record_end(ret, 0);
	return code < 0 ? err_set(e, code, "seal personal fields") : 0;
}

/* Overwritten first: a filesystem that keeps blocks in place forgets them then. One that copies, or a snapshot, has to be trimmed itself. */
static int destroy(int keys_fd, const struct seal_id *id)
{
	static const uint8_t zeroes[512];
	char name[33];
	struct stat st;
	_fd_ int fd = -1;

	seal_name(id, name);
	fd = openat(keys_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeroes)) {
		size_t n = st.st_size - at < (off_t)sizeof(zeroes) ? (size_t)(st.st_size - at) : sizeof(zeroes);

		if (pwrite(fd, zeroes, n, at) != (ssize_t)n)
			return errno ? -errno : -EIO;
	}
	if (fsync(fd) < 0 || unlinkat(keys_fd, name, 0) < 0 || fsync(keys_fd) < 0)
		return -errno;
	return 0;
}

static void forget(struct seals *s, const struct seal_id *id)
{
	if (s->cipher && !memcmp(&s->cipher_id, id, sizeof(*id))) {
		EVP_CIPHER_CTX_free(s->cipher);
		s->cipher = NULL;
	}
	for (size_t i = 0; i < s->count; i++)
		if (!memcmp(&s->key[i].id, id, sizeof(*id))) {
			memmove(&s->key[i], &s->key[i + 1], (s->count - i - 1) * sizeof(*s->key));
			wipe(&s->key[--s->count]);
			return;
		}
}

int seals_erase(struct seals *s, const char *class_, const char *period, struct seal_id *ret, size_t max, size_t *ret_count, struct err *e)
{
	int code;

	*ret_count = 0;
	for (;;) {
		_key_ struct seal_key key;

		code = find_key(s, class_, period, &key);
		if (code <= 0)
			break;
		code = destroy(s->keys_fd, &key.id);
		if (code < 0)
			break;
		forget(s, &key.id);
		if (*ret_count < max)
			ret[*ret_count] = key.id;
		(*ret_count)++;
	}
	return code < 0 ? err_set(e, code, "destroy the key of class %s, month %s", class_, period) : 0;
}
