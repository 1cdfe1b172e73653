/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a witness keeps: its key, the keys of the logs it vouches for (logs/NAME.vkey), and of each log the last checkpoint that it
 * cosigned (seen/HASH). A state that cannot be read is an error and never "nothing seen yet": that would let a log begin anew.
 */
#include "witness/witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/proof.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

#define KEY_MAGIC "polyward-witness-key 1\n"
#define LOGS_MAX  4096u
#define SEEN_SIZE 80u

struct state { int dir_fd; struct note_key *key; struct note_key **logs; size_t count; };

static void hex(const void *bytes, size_t len_bytes, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len_bytes; i++) {
		ret[2 * i] = digits[((const uint8_t *)bytes)[i] >> 4];
		ret[2 * i + 1] = digits[((const uint8_t *)bytes)[i] & 15];
	}
	ret[2 * len_bytes] = '\0';
}

static int make_dirs(const char *dir, int *ret_fd, struct err *e)
{
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make %s", dir);
	*ret_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0)
		return err_set(e, -errno, "open %s", dir);
	for (const char *const *sub = (const char *const[]){ "logs", "seen", "refused", NULL }; *sub; sub++)
		if (mkdirat(*ret_fd, *sub, 0700) < 0 && errno != EEXIST)
			return err_set(e, -errno, "make %s/%s", dir, *sub);
	return 0;
}

int state_make_key(const char *dir, const char *name, struct buf *ret_vkey, struct err *e)
{
	char text[sizeof(KEY_MAGIC) + NOTE_NAME_MAX + 1 + 64 + 2], digits[65];
	struct note_key *key = NULL;
	uint8_t seed[32];
	_fd_ int fd = -1;
	int code = make_dirs(dir, &fd, e), n;

	if (code == 0 && faccessat(fd, "key", F_OK, 0) == 0)
		code = err_say(e, -EEXIST, "%s holds a key already; a witness that changes its key is another witness: take another directory", dir);
	if (code == 0 && RAND_bytes(seed, sizeof(seed)) != 1)
		code = err_say(e, -EIO, "libcrypto has no random numbers");
	if (code < 0)
		return code;
	code = note_key_from_seed(name, seed, &key, e);
	hex(seed, sizeof(seed), digits);
	n = snprintf(text, sizeof(text), KEY_MAGIC "%s\n%s\n", name, digits);
	if (code == 0)
		code = note_key_vkey(key, true, ret_vkey);
	if (code == 0) {
		code = fd_replace_file(fd, "key", text, (size_t)n, 0600);
		if (code == 0)
			code = fd_replace_file(fd, "vkey", ret_vkey->data, ret_vkey->len_bytes, 0644);
		if (code < 0)
			(void)err_set(e, code, "write the key into %s", dir);
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(digits, sizeof(digits));
	note_key_free(key);
	return code;
}

static int read_key(struct state *s, struct err *e)
{
	const size_t magic = sizeof(KEY_MAGIC) - 1;
	_buf_ struct buf text = BUF_INIT;
	char name[NOTE_NAME_MAX + 1], *end = NULL;
	uint8_t seed[32];
	int code = fd_read_file(s->dir_fd, "key", 1024, &text);

	if (code == -ENOENT)
		return err_say(e, code, "the directory holds no key; make one: polyward witness key --state DIR --name NAME");
	if (code < 0)
		return err_set(e, code, "read the witness's key");
	if (text.len_bytes > magic && !memcmp(text.data, KEY_MAGIC, magic))
		end = strchr(text.data + magic, '\n');
	if (!end || (size_t)(end - text.data) - magic > NOTE_NAME_MAX || strlen(end) != 66 || num_parse_hex(end + 1, 64, seed, sizeof(seed)) < 0) {
		code = err_say(e, -EBADMSG, "the witness's key file is damaged");
	} else {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - text.data - (ptrdiff_t)magic), text.data + magic);
		code = note_key_from_seed(name, seed, &s->key, e);
	}
	OPENSSL_cleanse(text.data, text.cap_bytes);
	OPENSSL_cleanse(seed, sizeof(seed));
	return code;
}

static int add_log(struct state *s, struct note_key *key, struct err *e)
{
	struct note_key **more = s->count < LOGS_MAX ? reallocarray(s->logs, s->count + 1, sizeof(*more)) : NULL;

	if (!more) {
		note_key_free(key);
		return err_say(e, -ENOMEM, "too many logs: %u are the most that one witness takes", LOGS_MAX);
	}
	s->logs = more;
	s->logs[s->count++] = key;
	return 0;
}

int state_add_log(struct state *s, const char *vkey_or_file, struct err *e)
{
	struct note_key *key;
	int code = note_key_from_word(vkey_or_file, &key, e);

	return code < 0 ? code : add_log(s, key, e);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int read_logs(struct state *s, struct err *e)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	int fd = openat(s->dir_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = 0;
	struct dirent *entry;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(e, -errno, "read the directory logs");
	while (code == 0 && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		_buf_ struct buf text = BUF_INIT;
		struct note_key *key;

		if (n < 6 || strcmp(entry->d_name + n - 5, ".vkey") != 0)
			continue;
		code = fd_read_file(dirfd(dir), entry->d_name, NOTE_TEXT_MAX, &text);
		if (code < 0)
			return err_set(e, code, "read logs/%s", entry->d_name);
		while (text.len_bytes && text.data[text.len_bytes - 1] == '\n')
			text.data[--text.len_bytes] = '\0';
		code = note_key_from_vkey(text.len_bytes ? text.data : "", &key, e);
		if (code < 0)
			return err_wrap(e, "logs/%s", entry->d_name);
		code = add_log(s, key, e);
	}
	return code;
}

int state_open(const char *dir, struct state **ret, struct err *e)
{
	struct state *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return err_set(e, -ENOMEM, "open %s", dir);
	s->dir_fd = -1;
	code = make_dirs(dir, &s->dir_fd, e);
	if (code == 0 && flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0)
		code = errno == EWOULDBLOCK ? err_say(e, -EBUSY, "another witness uses %s", dir) : err_set(e, -errno, "lock %s", dir);
	if (code == 0)
		code = read_key(s, e);
	if (code == 0)
		code = read_logs(s, e);
	if (code < 0) {
		state_close(s);
		return code;
	}
	*ret = s;
	return 0;
}

void state_close(struct state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		note_key_free(s->logs[i]);
	free(s->logs);
	note_key_free(s->key);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

int state_fd(const struct state *s)
{
	return s->dir_fd;
}

const struct note_key *state_key(const struct state *s)
{
	return s->key;
}

size_t state_logs(const struct state *s)
{
	return s->count;
}

int state_check(const struct state *s, const char *text, size_t len_bytes, struct err *e)
{
	struct note_checkpoint cp;
	int code = note_parse(text, len_bytes, &cp, e), answer = -ENOENT;

	for (size_t i = 0; code == 0 && i < s->count; i++) {
		struct note_checkpoint opened;

		if (strcmp(note_key_name(s->logs[i]), cp.origin) != 0)
			continue;
		answer = note_open(text, len_bytes, s->logs[i], &opened, e);
		if (answer == 0)
			return 0;
	}
	if (code < 0)
		return code;
	return answer == -ENOENT ? err_say(e, -ENOENT, "the log %s is not known here", cp.origin) : -EKEYREJECTED;
}

/* A log's name may hold anything; its hash is a file name. */
static void seen_name(const char *folder, const char *origin, char ret[static SEEN_SIZE])
{
	struct tree_hash h;
	char digits[65];

	tree_leaf(origin, strlen(origin), &h);
	hex(&h, sizeof(h), digits);
	(void)snprintf(ret, SEEN_SIZE, "%s/%s", folder, digits);
}

int state_last(const struct state *s, const char *origin, struct note_checkpoint *ret, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	char name[SEEN_SIZE];
	int code;

	*ret = (struct note_checkpoint){ .size = 0 };
	seen_name("seen", origin, name);
	code = fd_read_file(s->dir_fd, name, NOTE_TEXT_MAX, &text);
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return err_set(e, code, "read %s", name);
	code = note_parse(text.data ? text.data : "", text.len_bytes, ret, e);
	if (code == 0 && strcmp(ret->origin, origin) != 0)
		code = err_say(e, -EBADMSG, "it is of another log");
	return code < 0 ? err_wrap(e, "%s is damaged", name) : 0;
}

/* fd_replace_file() takes a name in a directory. */
static int put(const struct state *s, const char *folder, const char *origin, const char *text, size_t len_bytes)
{
	char name[SEEN_SIZE];
	_fd_ int fd = openat(s->dir_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	seen_name(folder, origin, name);
	return fd_replace_file(fd, strchr(name, '/') + 1, text, len_bytes, 0600);
}

int state_store(const struct state *s, const char *origin, const char *text, size_t len_bytes, struct err *e)
{
	int code = put(s, "seen", origin, text, len_bytes);

	return code < 0 ? err_set(e, code, "keep the checkpoint of %s", origin) : 0;
}

void state_keep_refused(const struct state *s, const char *origin, const char *text, size_t len_bytes)
{
	(void)put(s, "refused", origin, text, len_bytes);
}
