/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An explanation of a recorded decision as one JSON document, and that document for people: as text, and as one HTML page that needs
 * nothing else. Whatever is shown stands in the document, so that the three never say different things.
 */
#ifndef CLI_EXPLAIN_EVENT_H
#define CLI_EXPLAIN_EVENT_H

#include <jansson.h>

#include "cli/event.h"
#include "cli/logopen.h"

struct event_told {
	const struct record_view *v;
	struct event ev;
	const struct archived *policy;         /* NULL: not at hand; why then says it */
	const char *policy_from;               /* "log", "daemon", "file" */
	struct err why;
	struct recorded_explanation x;         /* with a policy */
	const struct cli_log *log;             /* NULL: the daemon handed out this record alone */
};

/* cmd_explain_event.c */
int explain_event(struct cli *c, uint64_t seq);
int explain_path(struct cli *c, const char *path);
/* explain_doc.c: new reference, NULL without memory. */
json_t *explain_doc(const struct event_told *t);
/* explain_show.c */
void explain_text(const json_t *doc);
void explain_html(const json_t *doc, struct buf *ret);
/* explain_proof.c: {"state", "text", "tree_size", "signer", "root"} of this record. */
json_t *explain_proof(const struct cli_log *log, const struct record_view *v);

#endif
