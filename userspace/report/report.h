/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: what a log and the live state show, clause by clause, or about one person, or about a breach. One pass over the log, one JSON
 * document, and four ways to write it down; text, HTML and OSCAL say nothing that is not in the document. Never says "satisfied" of what
 * was not computed.
 */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <jansson.h>

#include "audit/audit.h"
#include "audit/tree.h"
#include "base/buf.h"
#include "base/err.h"

enum report_kind { REPORT_GDPR, REPORT_HIPAA, REPORT_CCPA, REPORT_AI_ACT, REPORT_SUBJECT, REPORT_DISCLOSURES, REPORT_BREACH, REPORT_MAX_ };
/* "gdpr", "hipaa", ... ; -1: none of them. */
int report_kind_find(const char *word);
const char *report_kind_word(enum report_kind kind);

struct report_ask {
	enum report_kind kind;
	int64_t since_ns, until_ns, made_ns;   /* UTC; both ends belong to the range */
	const char *query;                     /* the command line, for people */
	const char *log_command;               /* "polyward log --json --since ... --until ..." of the same log and range */
	const char *log_command_whole;         /* the same without a range */
	const char *version, *binary_sha256;   /* of the tool */
	uint32_t own_pid;
	/* subject, breach */
	const char *subject;                   /* whose data */
	const char *catalog; size_t catalog_len_bytes; /* text: SUBJECT TAB PATH [TAB FROM TAB TO] a line */
	int (*moment)(const char *text, int64_t *ret_utc_ns); /* of the catalog's FROM and TO */
	bool has_user; uint32_t uid;           /* breach: the identity */
	const char *store;                     /* breach: the store */
	bool has_aware; int64_t aware_ns;
	const uint8_t *pseudonym_key; size_t pseudonym_key_len_bytes; /* NULL: people by name */
	const char *(*user)(void *ctx, uint32_t uid); void *user_ctx; /* name of a uid, or NULL */
};

/* Which log it is; the strings are borrowed until report_free(). */
struct report_log {
	int dir_fd;                            /* for the archive of policies; stays the caller's */
	bool from_daemon;
	bool has_checkpoint; const char *origin; uint64_t size; struct tree_hash root;
	const char *signer;                    /* the verifier key that the log names; NULL: none */
};

struct report;
/* -EINVAL with a sentence: a catalog that does not parse, a subject that is not in it. */
int  report_begin(const struct report_ask *ask, const struct report_log *log, struct report **ret, struct err *e);
void report_free(struct report *r);
/* Every record of the log, from its first on. -E2BIG: more rows than a document may have; the sentence says what to do. */
int  report_see(struct report *r, const struct record_view *v, struct err *e);
/* The document; live: what the daemon says of itself, or NULL (stolen). Call once, after the last record. */
json_t *report_end(struct report *r, json_t *live);

/* The numbers of the sampled records of a document, ascending and once each; malloc'd. */
int  report_sampled(const json_t *doc, uint64_t **ret, size_t *ret_count);
/* Say in the document that a proof of each sampled record was written as DIR/<seq>.tlog-proof. */
void report_proven(json_t *doc, const char *dir);
uint64_t report_rows(const json_t *doc);       /* records that it rests on */

/* Behind the signer: the checkpoint was opened with the key that lies beside it. */
#define REPORT_SIGNER_NOTE "as the log itself names it: compare it with the key that you were given, or with that of a witness"
/* Behind the list of policies: a policy may have been stopped and applied again. */
#define REPORT_POLICY_NOTE "Between these moments, less the times that stand under \"What is missing\"."

/* The document written down. */
void report_text(const json_t *doc, bool color, struct buf *ret);
void report_html(const json_t *doc, struct buf *ret);
json_t *report_oscal(const json_t *doc);       /* assessment-results 1.1.3; NULL: of a kind that has no clauses */

#endif
