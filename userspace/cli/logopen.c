/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the log for a verb. The daemon is asked unless a directory is given, and records that it was; the newest checkpoint is taken
 * along under the key that the log itself names. Whoever must not believe the log about its own key gives --vkey to log verify.
 */
#include "cli/logopen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/client.h"

static int open_dir(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, -errno, "open %s", path) : 0;
}

/* The log's own key in its directory; *ret NULL where there is none. */
static int own_key(int dir_fd, struct note_key **ret, struct err *e)
{
	_buf_ struct buf vkey = BUF_INIT;
	int code = fd_read_file(dir_fd, "log.vkey", NOTE_TEXT_MAX, &vkey);

	*ret = NULL;
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return err_set(e, code, "read log.vkey of the log");
	while (vkey.len_bytes && vkey.data[vkey.len_bytes - 1] == '\n')
		vkey.data[--vkey.len_bytes] = '\0';
	return note_key_from_vkey(vkey.len_bytes ? vkey.data : "", ret, e);
}

static int take_checkpoint(struct cli_log *l, struct err *e)
{
	_buf_ struct buf text = BUF_INIT;
	struct note_key *key;
	int code = own_key(l->dir_fd, &key, e);

	if (code < 0)
		return err_wrap(e, "the log's own key");
	code = fd_read_file(l->dir_fd, "checkpoint", NOTE_TEXT_MAX, &text);
	if (code == 0 && !key)
		code = err_say(e, -EBADMSG, "the log has a checkpoint and no log.vkey that says whose: something was removed");
	else if (code == 0)
		code = note_open(text.data ? text.data : "", text.len_bytes, key, &l->checkpoint, e);
	else if (code != -ENOENT)
		code = err_set(e, code, "read the log's checkpoint");
	note_key_free(key);
	l->has_checkpoint = code == 0;
	return code == -ENOENT ? 0 : code;
}

int cli_log_open(const struct cli *c, struct cli_log *ret, struct err *e)
{
	const char *dir = cli_opt(c, "dir"), *keys = cli_opt(c, "keys");
	struct cli_log l = { .dir_fd = -1, .keys_fd = -1, .from_daemon = !dir };
	int code;

	if (keys && !dir)
		return err_say(e, -EINVAL, "--keys belongs to --dir: the daemon hands out the keys of its own log");
	code = dir ? open_dir(dir, &l.dir_fd, e) : client_log_dirs(&l.dir_fd, &l.keys_fd, e);
	if (code == 0 && keys)
		code = open_dir(keys, &l.keys_fd, e);
	if (code == 0)
		code = take_checkpoint(&l, e);
	if (code == 0) {
		int fd = fcntl(l.dir_fd, F_DUPFD_CLOEXEC, 3), keys_fd = l.keys_fd < 0 ? -1 : fcntl(l.keys_fd, F_DUPFD_CLOEXEC, 3);

		code = fd < 0 || (l.keys_fd >= 0 && keys_fd < 0) ? err_set(e, -errno, "open the log")
								 : log_reader_open(fd, keys_fd, &l.reader, e);
	}
	/* Said once, instead of an empty answer or a report in which nothing is shown. */
	if (code == 0 && dir && log_reader_end(l.reader) == log_reader_first(l.reader) && faccessat(l.dir_fd, "log.vkey", F_OK, 0) < 0)
		code = err_say(e, -ENOENT, "%s holds no log: give the directory records/ of one, by default /var/log/polyward/records", dir);
	if (code < 0) {
		cli_log_close(&l);
		return code;
	}
	*ret = l;
	return 0;
}

void cli_log_close(struct cli_log *l)
{
	log_reader_close(l->reader);
	l->reader = NULL;
	cleanup_fd(&l->dir_fd);
	cleanup_fd(&l->keys_fd);
}
