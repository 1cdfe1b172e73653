/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a log for the verbs: where it lies, whether it belongs to this log, and what a filter asks of it. */
#ifndef CLI_LOGINDEX_H
#define CLI_LOGINDEX_H

#include "audit/index.h"
#include "base/buf.h"
#include "cli/logfilter.h"
#include "cli/logopen.h"

/*
 * $XDG_CACHE_HOME/polyward, /var/cache/polyward for root, ~/.cache/polyward for others; one file a log. make: the directory too. It must
 * be the caller's own. -ENOENT: no such directory, or the log has no name.
 */
int logindex_path(const struct cli_log *l, bool make, struct buf *ret, struct err *e);
/* What of the filter the index can answer. False: nothing; then the log is read. */
bool logindex_query(const struct log_filter *f, struct index_query *ret);
/* Open it if it is there, belongs to the log and is worth asking; NULL otherwise, with a word on stderr if something is wrong with it. */
struct log_index *logindex_use(const struct cli_log *l, const struct log_filter *f, struct index_query *ret);

#endif
