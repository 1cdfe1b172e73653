/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polyward log index: make or go on with the index that lets a query over a long log skip what cannot match. A file that is damaged or of
 * another log is made anew; nothing is lost with it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cmd_log.h"
#include "cli/logindex.h"
#include "cli/progress.h"

/* SQLite keeps these two beside its file. */
static int throw_away(const char *path, struct err *e)
{
	static const char *const ends[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		_buf_ struct buf name = BUF_INIT;

		buf_printf(&name, "%s%s", path, ends[i]);
		if (name.failed || (unlink(name.data) < 0 && errno != ENOENT))
			return err_set(e, name.failed ? -ENOMEM : -errno, "remove %s", path);
	}
	return 0;
}

static int open_or_begin(const char *path, const struct cli_log *l, struct log_index **ret, struct err *e)
{
	int code = index_open(path, true, ret, e);

	if (code == 0)
		code = index_check(*ret, l->reader, e);
	if (code != -EBADMSG)
		return code;
	index_close(*ret);
	*ret = NULL;
	fprintf(stderr, "polyward log index: %s; it is made anew\n", e->text);
	code = throw_away(path, e);
	return code < 0 ? code : index_open(path, true, ret, e);
}

int cmd_log_index(struct cli *c)
{
	_buf_ struct buf path = BUF_INIT;
	struct log_index *x = NULL;
	uint64_t before = 0, end = 0;
	struct progress p;
	struct cli_log l;
	struct err e = { 0 };
	struct stat st = { 0 };
	int code = cli_log_open(c, &l, &e);

	if (code < 0)
		return cli_fail(c, &e);
	(void)umask(077);
	code = logindex_path(&l, true, &path, &e);
	if (code == 0)
		code = open_or_begin(path.data, &l, &x, &e);
	progress_begin(&p, "indexing");
	if (code == 0) {
		before = index_end(x);
		code = index_extend(x, l.reader, progress_show, &p, &e);
		end = index_end(x);
	}
	progress_end(&p);
	index_close(x);
	cli_log_close(&l);
	if (code < 0)
		return cli_fail(c, &e);
	(void)stat(path.data, &st);
	if (c->json)
		cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "file", path.data, "records", (json_int_t)end, "added", (json_int_t)(end - before), "bytes",
					 (json_int_t)st.st_size));
	else
		printf("%s: records up to %llu, %llu of them new, %lld bytes; what comes behind is read from the log\n", path.data, (unsigned long long)end,
		       (unsigned long long)(end - before), (long long)st.st_size);
	return CLI_YES;
}
