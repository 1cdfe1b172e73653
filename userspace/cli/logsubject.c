/* SPDX-License-Identifier: Apache-2.0 */
/* A person's data is where the catalog says, or one path and what lies below it. A record without a readable path is never taken for "not his". */
#include "cli/logsubject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/when.h"

#define CATALOG_BYTES_MAX (256u << 20)

static int moment(const char *text, int64_t *ret_utc_ns)
{
	struct err e;

	return when_parse(text, time(NULL), ret_utc_ns, &e);
}

static void found(void *ctx, const struct catalog_entry *entry)
{
	(void)entry;
	*(bool *)ctx = true;
}

static bool is_about(void *ctx, const struct record_view *v)
{
	struct log_subject *s = ctx;
	const uint8_t *path;
	bool yes = false;
	size_t n;

	if (v->head.kind != PW_REC_ACCESS)
		return false;
	if (record_find(v, PW_F_PATH, &path, &n))
		catalog_match(&s->catalog, (const char *)path, n, v->head.time_utc_ns, found, &yes);
	else if (v->state == RECORD_SEALED || v->state == RECORD_ERASED)
		s->nameless++;
	return yes;
}

int log_subject_parse(const struct cli *c, struct log_subject *ret, struct log_filter *filter, struct err *e)
{
	const char *subject = cli_opt(c, "subject"), *file = cli_opt(c, "catalog");
	_buf_ struct buf text = BUF_INIT;
	int code = 0;

	*ret = (struct log_subject){ .nameless = 0 };
	if (!subject)
		return file ? err_say(e, -EINVAL, "--catalog says whose data lies where; say with --subject whose is asked for") : 0;
	if (file)
		code = fd_read_file(AT_FDCWD, file, CATALOG_BYTES_MAX, &text);
	else if (subject[0] == '/')
		buf_printf(&text, "subject\t%s\n", subject);
	else
		return err_say(e, -EINVAL, "--subject %s: without --catalog a path is needed, as in /srv/scans/patient-7", subject);
	if (code < 0)
		return err_set(e, code, "read %s", file);
	if (text.failed)
		return err_set(e, -ENOMEM, "read the catalog");
	code = catalog_parse(text.len_bytes ? text.data : "", text.len_bytes, file ? subject : NULL, moment, &ret->catalog, e);
	if (code == 0 && !ret->catalog.count)
		return err_say(e, -EINVAL, "%s has no line for %s", file, subject);
	filter->also = is_about;
	filter->also_ctx = ret;
	return code;
}

void log_subject_free(struct log_subject *s)
{
	catalog_free(&s->catalog);
}
