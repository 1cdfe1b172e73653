/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose data lies where: lines SUBJECT TAB PATH [TAB FROM TAB TO], # for comments. A path may be a file, a folder or a whole store. Says
 * which entries speak about a path at a moment; never guesses about a path that is not known whole.
 */
#ifndef REPORT_CATALOG_H
#define REPORT_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CATALOG_MAX 1000000u /* lines */

struct catalog_entry { const char *subject, *path; size_t path_len; int64_t from_ns, to_ns; uint32_t next; /* of the same path; 0: none, else 1 + index */ };
struct catalog {
	char *text;
	struct catalog_entry *v; size_t count;
	uint32_t *table; size_t table_size;      /* by path: 1 + index of the first entry */
	size_t subjects;                         /* distinct names */
};

/* only: keep the lines of this subject, NULL: all. moment: reads FROM and TO. */
int catalog_parse(const char *text, size_t len_bytes, const char *only, int (*moment)(const char *text, int64_t *ret_utc_ns),
		  struct catalog *ret, struct err *e);
void catalog_free(struct catalog *c);

/* Each entry that holds path[0..len) or a folder above it, at that moment. */
void catalog_match(const struct catalog *c, const char *path, size_t len, int64_t utc_ns,
		   void (*found)(void *ctx, const struct catalog_entry *entry), void *ctx);

#endif
