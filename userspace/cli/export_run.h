/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of `polyward log export`: records from a reader, through a filter and a projection, into a sink; the cursor behind it. */
#ifndef CLI_EXPORT_RUN_H
#define CLI_EXPORT_RUN_H

#include <openssl/evp.h>

#include "cli/logfilter.h"
#include "export/cursor.h"
#include "export/export.h"
#include "export/sink.h"

struct export_run {
	struct log_reader *reader;
	const struct log_filter *filter;
	void (*project)(const struct export_context *c, const struct export_item *i, struct buf *ret);
	struct export_context context;
	struct sink *sink;
	const char *cursor_path;      /* NULL: none is kept */
	bool follow, sealed;          /* sealed: personal fields stay as they are in the log */
	int stop_fd;                  /* readable: it is to end (signalfd) */
	int out_fd;                   /* somebody reads there; -1: nobody. That he goes is the end of --follow */

	uint64_t rows, first_seq, last_seq;   /* what was exported */
	int64_t first_utc_ns, last_utc_ns;
	EVP_MD_CTX *digest;                   /* SHA-256 over every message and a newline */
	struct export_cursor cursor;          /* as it was saved last, or was read */
};

/* To the end of the log, or of the wish to follow it; everything has arrived, or an error. Prints bar and troubles on stderr. */
int export_run(struct export_run *x, struct err *e);

#endif
