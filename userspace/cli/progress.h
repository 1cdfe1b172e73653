/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on stderr: only on a terminal, only for what takes longer than two seconds, gone without a trace at the end. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress { const char *what; uint64_t begin_ns, last_ns; bool terminal, shown; };

void progress_begin(struct progress *p, const char *what); /* what: "verifying"; borrowed */
/* ctx is a struct progress, so that this fits where a callback is asked for. */
void progress_show(void *ctx, uint64_t done, uint64_t total);
void progress_end(struct progress *p);

#endif
