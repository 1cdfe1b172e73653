/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log in other people's formats. Projections are pure: one record in, bytes out, no clock, no file. They are lossy views for
 * other tools; each carries the record's number, its leaf hash and the log's origin, so that it can be checked against the log,
 * which alone is the truth.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/audit.h"
#include "audit/tree.h"
#include "base/buf.h"

#define EXPORT_OCSF_VERSION "1.9.0"

/* Whose log it is. All texts are borrowed and trusted to be what their comment says. */
struct export_context {
	const char *origin;     /* first line of the log's checkpoints; "": it has none yet */
	const char *host;       /* name of the host that wrote it; "": unknown */
	uint32_t enterprise;    /* IANA private enterprise number for syslog's structured data; 0: none */
};

struct export_item {
	const struct record_view *view;
	struct tree_hash leaf;  /* tree_leaf() over view->bytes */
	uint64_t number;        /* of the message in this run, from 1 */
};

/* ocsf.c: one event as a JSON object in ASCII, no newline. Classes and paths: ocsf.def, ocsf_events.def. */
void export_ocsf(const struct export_context *c, const struct export_item *i, struct buf *ret);
/* json.c: all of the record as a JSON object in ASCII, with leaf hash and origin; otherwise as `polyward log --json`. */
void export_json(const struct export_context *c, const struct export_item *i, struct buf *ret);
/*
 * syslog.c: an RFC 5424 message without framing; it holds no newline. Structured data of one's own needs an enterprise number: without
 * one, only the names that IANA registers are used, and the record is the message's text, as JSON.
 */
void export_syslog(const struct export_context *c, const struct export_item *i, struct buf *ret);
/* journal.c: fields of one journal entry in the journal's native serialization. */
void export_journal(const struct export_context *c, const struct export_item *i, struct buf *ret);

#endif
