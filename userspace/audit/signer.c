/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key and checkpoints on disk. Every file is written beside, brought to the disk and renamed, so that a reader sees the old one or the
 * new one; the directory is not synced, because an older checkpoint of the same tree is no lie.
 */
#include "audit/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <openssl/crypto.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define KEY_FILE   "key"
#define LAST_FILE  "last"
#define SEED_BYTES 32u
#define HOST_MAX   64u

static int replace(int dir_fd, const char *name, const void *bytes, size_t len_bytes, mode_t mode)
{
	char beside[64];
	_fd_ int fd = -1;
	int code;

	(void)snprintf(beside, sizeof(beside), ".%s.new", name);
	fd = openat(dir_fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	code = fd_write_all(fd, bytes, len_bytes);
	if (code == 0 && fdatasync(fd) < 0)
		code = -errno;
	if (code == 0 && renameat(dir_fd, beside, dir_fd, name) < 0)
		code = -errno;
	if (code < 0)
		(void)unlinkat(dir_fd, beside, 0);
	return code;
}

/* "host/polyward/5a94cbc8": the log's name for ever, also when the host is called otherwise later. */
static int make_origin(char ret[static NOTE_NAME_MAX + 1])
{
	struct utsname host;
	uint8_t random[4];
	size_t n;

	if (uname(&host) < 0 || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;
	n = strnlen(host.nodename, HOST_MAX);
	for (size_t i = 0; i < n; i++) {
		char c = host.nodename[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';

		ret[i] = plain ? c : '-';
	}
	(void)snprintf(ret + n, NOTE_NAME_MAX + 1 - n, "%spolyward/%02x%02x%02x%02x", n ? "/" : "", random[0], random[1], random[2], random[3]);
	return 0;
}

/* The file: the origin, and the seed in hexadecimal digits, a line each. */
static int read_key(struct signer *s, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	uint8_t seed[SEED_BYTES];
	const char *line;
	int code = fd_read_file(s->signer_fd, KEY_FILE, 512, &text);

	if (code < 0)
		return code;
	line = strchr(text.data, '\n');
	code = !line || line - text.data > (ptrdiff_t)NOTE_NAME_MAX || text.len_bytes != (size_t)(line + 1 - text.data) + 2 * SEED_BYTES + 1 ||
	       num_parse_hex(line + 1, 2 * SEED_BYTES, seed, sizeof(seed)) < 0 ?
		err_say(e, -EBADMSG, "signer/" KEY_FILE " does not hold a key") : 0;
	if (code == 0) {
		memcpy(s->origin, text.data, (size_t)(line - text.data));
		code = note_key_from_seed(s->origin, seed, &s->key, e);
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(text.data, text.len_bytes);
	return code;
}

static int make_key(struct signer *s, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	uint8_t seed[SEED_BYTES];
	int code = make_origin(s->origin);

	if (code == 0 && getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		code = -errno;
	if (code < 0)
		return err_set(e, code, "make the log's key");
	buf_printf(&text, "%s\n", s->origin);
	for (size_t i = 0; i < sizeof(seed); i++)
		buf_printf(&text, "%02x", seed[i]);
	buf_add_char(&text, '\n');
	code = text.failed ? -ENOMEM : fd_replace_file(s->signer_fd, KEY_FILE, text.data, text.len_bytes, 0600);
	if (code == 0)
		code = note_key_from_seed(s->origin, seed, &s->key, e);
	else
		err_set(e, code, "write signer/" KEY_FILE);
	OPENSSL_cleanse(seed, sizeof(seed));
	if (text.data)
		OPENSSL_cleanse(text.data, text.len_bytes);
	return code;
}

static bool is_file(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The public half, for whoever checks. */
static int publish_key(const struct signer *s, struct err *e)
{
	_buf_ struct buf vkey = BUF_INIT, have = BUF_INIT;
	int code = note_key_vkey(s->key, false, &vkey);

	buf_add_char(&vkey, '\n');
	if (code < 0 || vkey.failed)
		return err_set(e, -ENOMEM, "write log.vkey");
	if (fd_read_file(s->dir_fd, "log.vkey", 1024, &have) == 0 && have.len_bytes == vkey.len_bytes &&
	    !memcmp(have.data, vkey.data, vkey.len_bytes))
		return 0;
	code = fd_replace_file(s->dir_fd, "log.vkey", vkey.data, vkey.len_bytes, 0644);
	return code < 0 ? err_set(e, code, "write log.vkey") : 0;
}

int signer_open(struct signer *s, int dir_fd, int signer_fd, struct err *e)
{
	int code;

	memset(s, 0, sizeof(*s));
	s->dir_fd = dir_fd;
	s->signer_fd = signer_fd;
	code = read_key(s, e);
	if (code == -ENOENT) {
		if (is_file(dir_fd, "checkpoint") || is_file(dir_fd, "cosigned") || is_file(signer_fd, LAST_FILE))
			return err_say(e, -EBADMSG, "the log was signed, and its key signer/" KEY_FILE " is gone: what is there can be checked with "
				       "log.vkey, but not continued; put the key back, or move the log's directories away and begin a new log");
		code = make_key(s, e);
	} else if (code < 0 && !e->code) {
		err_set(e, code, "read signer/" KEY_FILE);
	}
	return code < 0 ? code : publish_key(s, e);
}

void signer_close(struct signer *s)
{
	note_key_free(s->key);
	s->key = NULL;
}

/* 1: one that our key signed; 0: there is none, or its end is missing. */
static int read_checkpoint(const struct signer *s, int fd, const char *name, struct note_checkpoint *ret, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	struct err why;
	int code = fd_read_file(fd, name, NOTE_TEXT_MAX, &text);

	if (code == -ENOENT || (code == 0 && note_parse(text.data ? text.data : "", text.len_bytes, ret, &why) < 0))
		return 0;
	if (code < 0)
		return err_set(e, code, "read %s of the log", name);
	code = note_open(text.data, text.len_bytes, s->key, ret, &why);
	if (code < 0 || strcmp(ret->origin, s->origin) != 0)
		return err_say(e, -EBADMSG, "%s: %s", name, code < 0 ? why.text : "a checkpoint of another log");
	return 1;
}

static void remember(struct signer *s, const struct note_checkpoint *cp)
{
	s->last = *cp;
	s->recent[s->recent_next].size = cp->size;
	s->recent[s->recent_next].root = cp->root;
	s->recent_next = (s->recent_next + 1) % SIGNER_RECENT;
}

int signer_signed(struct signer *s, struct note_checkpoint ret[static 2], size_t *ret_count, struct err *e)
{
	struct note_checkpoint own, published;
	int a = read_checkpoint(s, s->signer_fd, LAST_FILE, &own, e);
	int b = a < 0 ? a : read_checkpoint(s, s->dir_fd, "checkpoint", &published, e);

	if (b < 0)
		return b;
	*ret_count = 0;
	if (a && (!b || own.size >= published.size)) {
		if (b)
			ret[(*ret_count)++] = published;
		ret[(*ret_count)++] = own;
	} else if (b) {
		if (a)
			ret[(*ret_count)++] = own;
		ret[(*ret_count)++] = published;
	} else if (is_file(s->signer_fd, LAST_FILE) || is_file(s->dir_fd, "checkpoint")) {
		return err_say(e, -EBADMSG, "the log was signed, and neither signer/" LAST_FILE " nor checkpoint can be read: no crash explains both");
	}
	for (size_t i = 0; i < *ret_count; i++)
		remember(s, &ret[i]);
	s->torn = *ret_count && (!a || !b || own.size != published.size);
	return 0;
}

int signer_mend(struct signer *s, struct err *e)
{
	struct tree_hash root = s->last.root;

	return s->torn ? signer_sign(s, s->last.size, &root, e) : 0;
}

int signer_sign(struct signer *s, uint64_t size, const struct tree_hash *root, struct err *e)
{
	struct note_checkpoint cp = { .size = size, .root = *root };
	_buf_ struct buf text = BUF_INIT;
	int code;

	if (size < s->last.size)
		return err_say(e, -EBADMSG, "a checkpoint of %llu records is not signed after one of %llu", (unsigned long long)size,
			       (unsigned long long)s->last.size);
	memcpy(cp.origin, s->origin, sizeof(cp.origin));
	code = note_sign(&cp, s->key, &text, e);
	if (code < 0)
		return code;
	code = replace(s->signer_fd, LAST_FILE, text.data, text.len_bytes, 0600);
	if (code < 0)
		return err_set(e, code, "write signer/" LAST_FILE);
	remember(s, &cp);
	code = replace(s->dir_fd, "checkpoint", text.data, text.len_bytes, 0644);
	return code < 0 ? err_set(e, code, "write the log's checkpoint") : 0;
}

static bool was_signed(const struct signer *s, uint64_t size, const struct tree_hash *root)
{
	for (size_t i = 0; i < SIGNER_RECENT; i++)
		if (size && s->recent[i].size == size && !memcmp(&s->recent[i].root, root, sizeof(*root)))
			return true;
	return false;
}

int signer_cosigned(struct signer *s, uint64_t size, const struct tree_hash *root, const char *line, struct err *e)
{
	struct note_checkpoint cp = { .size = size, .root = *root }, have = { .size = 0 };
	_buf_ struct buf text = BUF_INIT;
	size_t len_bytes = strlen(line);
	int code;

	if (!len_bytes || strchr(line, '\n') != line + len_bytes - 1)
		return err_say(e, -EINVAL, "a cosignature is one line with its end");
	if (fd_read_file(s->dir_fd, "cosigned", NOTE_TEXT_MAX, &text) < 0 || note_open(text.data, text.len_bytes, s->key, &have, e) < 0)
		have.size = 0;
	/* What is signed again below has to be what was signed here: a root that somebody names is no root of this log. */
	if (!was_signed(s, size, root) || have.size > size)
		return err_say(e, -ESTALE, "%s; take the newest checkpoint and ask the witness again",
			       have.size > size ? "a newer checkpoint is cosigned already" : "no such checkpoint was signed here lately");
	if (have.size == size && memmem(text.data, text.len_bytes, line, len_bytes))
		return 0;
	if (have.size != size) {
		text.len_bytes = 0;
		memcpy(cp.origin, s->origin, sizeof(cp.origin));
		code = note_sign(&cp, s->key, &text, e);
		if (code < 0)
			return code;
	}
	buf_add(&text, line, len_bytes);
	if (text.failed)
		return err_set(e, -ENOMEM, "keep a cosignature");
	if (note_parse(text.data, text.len_bytes, &have, e) < 0)
		return err_say(e, -EINVAL, "not a cosignature line");
	code = fd_replace_file(s->dir_fd, "cosigned", text.data, text.len_bytes, 0644);
	return code < 0 ? err_set(e, code, "write the log's cosigned checkpoint") : 0;
}
