/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a report share with each other and with nobody else. */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

#include "report/check.h"
#include "report/report.h"

struct rows; /* rows.h: what a report about a person, a breach or disclosures lists */

struct report {
	struct report_ask ask;
	struct report_log log;
	struct policies *policies;
	struct collect *c;
	struct rows *rows; /* NULL: a report of clauses */
};

/* Moments in a document: UTC, whole seconds, "2026-11-23T10:00:30Z"; "" for the ends of time. */
json_t *part_time(int64_t utc_ns);
json_t *part_hex(const void *bytes, size_t len_bytes);
json_t *part_text(const char *text); /* escaped as for a terminal: valid UTF-8 whatever it was */
/* A person: name and number, or a pseudonym. */
json_t *part_person(const struct report *r, uint32_t uid);
/* A table: rows are objects under the keys of the columns. */
json_t *part_table(const char *key, const char *title, const char *note);
void part_column(json_t *table, const char *key, const char *label);

/* document.c */
json_t *part_coverage(const struct report *r);
json_t *part_series(const struct report *r);
json_t *part_register(const struct report *r);
/* rows.c */
int  rows_begin(struct report *r, struct err *e);
int  rows_see(struct report *r, const struct record_view *v, struct err *e);
void rows_tables(struct report *r, json_t *doc);
void rows_free(struct rows *rows);

#endif
