/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that list records: whose data was touched by whom, what a breach reached, what may have been disclosed. A list is whole or it is
 * not made: one that is too long is an error, never a cut list.
 */
#ifndef REPORT_ROWS_H
#define REPORT_ROWS_H

#include "report/catalog.h"
#include "report/parts.h"

#define ROWS_MAX    50000u
#define ROWS_STORES 256u
#define ROWS_OBJECTS_MAX (1u << 20)

/* Distinct objects by device and inode, as far as there is room. */
struct objects { struct { uint64_t dev, ino; } *v; size_t size, count; bool full; };

struct breach_store { char name[64]; uint64_t records, accesses, changes, denied, objects; int64_t first_ns, last_ns; };
struct breach_actor { uint32_t uid; uint64_t records, accesses, denied; int64_t first_ns, last_ns; };

struct rows {
	json_t *tables;                 /* of the document */
	json_t *allowed, *denied;       /* tables that rows go to; borrowed from it */
	size_t count;
	struct catalog catalog;
	char jq[512];                   /* condition of the records that the report is about; "" if jq cannot know */
	struct tally allow, deny;
	struct { char store[64]; uint64_t records; } unclear[ROWS_STORES]; size_t unclear_count; uint64_t unclear_lost;
	struct objects objects;
	struct breach_store stores[ROWS_STORES]; size_t stores_count;
	struct breach_actor actors[ROWS_STORES]; size_t actors_count;
	uint64_t rows_lost;             /* of stores and actors */
	uint8_t *subjects_hit;          /* a byte an entry of the catalog */
};

/* Is the object's path in the record, and whole? Otherwise nobody can say whether a file below a folder is meant. */
bool rows_path(const struct facts *f, const char **ret, size_t *ret_len);
/* A row about the record: who, when, what; put at the end of the table. -E2BIG */
int  rows_put(struct report *r, const struct facts *f, json_t *table, json_t *more, struct err *e);
void rows_columns(json_t *table, const char *const (*columns)[2], size_t count);
char *rows_actions(uint64_t mask);
json_t *rows_evidence(const struct report *r, const struct tally *t, const char *what, const char *jq);

/* subject.c, breach.c, disclosures.c */
int  subject_begin(struct report *r, struct err *e);
int  subject_see(struct report *r, const struct facts *f, struct err *e);
void subject_tables(struct report *r, json_t *doc);
int  breach_begin(struct report *r, struct err *e);
int  breach_see(struct report *r, const struct facts *f, struct err *e);
void breach_tables(struct report *r, json_t *doc);
int  disclosures_begin(struct report *r, struct err *e);
int  disclosures_see(struct report *r, const struct facts *f, struct err *e);
void disclosures_tables(struct report *r, json_t *doc);

#endif
