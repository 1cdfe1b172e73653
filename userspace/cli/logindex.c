/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the index of a log. It is a cache: whatever is odd about it costs time, never an answer. */
#include "cli/logindex.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/tree.h"
#include "base/cleanup.h"

#define ROOT_DIR "/var/cache/polyward"

static int directory(struct buf *ret, struct err *e)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home;
	struct passwd *me;

	if (cache && cache[0] == '/') {
		buf_printf(ret, "%s/polyward", cache);
	} else if (geteuid() == 0) {
		buf_add_str(ret, ROOT_DIR);
	} else {
		me = getpwuid(geteuid());
		home = getenv("HOME");
		if (!(home && home[0] == '/') && !me)
			return err_say(e, -ENOENT, "there is no home directory for an index of the log; set XDG_CACHE_HOME");
		buf_printf(ret, "%s/.cache/polyward", home && home[0] == '/' ? home : me->pw_dir);
	}
	return ret->failed ? err_set(e, -ENOMEM, "find the index of the log") : 0;
}

static int make_directories(const char *path, struct err *e)
{
	_free_ char *part = strdup(path);

	if (!part)
		return err_set(e, -ENOMEM, "make %s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_set(e, -errno, "make %s", part);
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? err_set(e, -errno, "make %s", path) : 0;
}

int logindex_path(const struct cli_log *l, bool make, struct buf *ret, struct err *e)
{
	struct tree_hash h;
	struct stat st;
	int code;

	if (!l->has_checkpoint)
		return err_say(e, -ENOENT, "the log has no checkpoint and so no name; an index is made of signed logs alone");
	code = directory(ret, e);
	if (code == 0 && make)
		code = make_directories(ret->data, e);
	if (code < 0)
		return code;
	if (stat(ret->data, &st) < 0)
		return err_set(e, -errno, "open %s", ret->data);
	/* A database that somebody else laid there would be read with our rights. */
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022)
		return err_say(e, -EPERM, "%s is not a directory that you alone may write", ret->data);
	buf_add_char(ret, '/');
	for (const char *p = l->checkpoint.origin; *p; p++)
		buf_add_char(ret, (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || (p > l->checkpoint.origin && (*p == '-' || *p == '.')) ? *p : '_');
	tree_leaf(l->checkpoint.origin, strlen(l->checkpoint.origin), &h);
	buf_printf(ret, "-%02x%02x%02x%02x.sqlite", h.v[0], h.v[1], h.v[2], h.v[3]);
	return ret->failed ? err_set(e, -ENOMEM, "find the index of the log") : 0;
}

static void term(struct index_query *q, enum index_key key, const char *text, uint64_t number)
{
	q->terms[q->count++] = (struct index_term){ key, text, number };
}

bool logindex_query(const struct log_filter *f, struct index_query *ret)
{
	struct index_query q = { .gaps = !f->kind || f->kind == PW_REC_GAP, .since_utc_ns = f->since_ns, .until_utc_ns = f->until_ns };

	if (f->has_user)
		term(&q, INDEX_USER, NULL, f->uid);
	if (f->store)
		term(&q, INDEX_STORE, f->store, 0);
	if (f->role)
		term(&q, INDEX_ROLE, f->role, 0);
	if (f->rule)
		term(&q, INDEX_RULE, f->rule, 0);
	if (f->kind)
		term(&q, INDEX_KIND, NULL, f->kind);
	if (f->deny)
		term(&q, INDEX_DENY, NULL, 1);
	for (unsigned bit = 0; bit < 32; bit++)
		if (f->actions == 1u << bit)
			term(&q, INDEX_ACTION, NULL, bit);
	*ret = q;
	return q.count || f->since_ns != INT64_MIN || f->until_ns != INT64_MAX;
}

struct log_index *logindex_use(const struct cli_log *l, const struct log_filter *f, struct index_query *ret)
{
	_buf_ struct buf path = BUF_INIT;
	struct log_index *x = NULL;
	struct err e = { 0 };
	int code;

	if (!logindex_query(f, ret) || logindex_path(l, false, &path, &e) < 0)
		return NULL;
	code = index_open(path.data, false, &x, &e);
	if (code == 0)
		code = index_check(x, l->reader, &e);
	if (code == 0 && index_end(x) > index_first(x))
		return x;
	if (code < 0 && code != -ENOENT)
		fprintf(stderr, "polyward log: %s; reading without it. Make it anew: polyward log index\n", e.text);
	index_close(code < 0 && !x ? NULL : x);
	return NULL;
}
