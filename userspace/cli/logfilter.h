/* SPDX-License-Identifier: Apache-2.0 */
/* Which records `polyward log` shows: every option that is given must hold. */
#ifndef CLI_LOGFILTER_H
#define CLI_LOGFILTER_H

#include "audit/audit.h"
#include "cli/cli.h"

struct log_filter {
	const char *store, *role, *rule; /* NULL: not asked */
	bool has_user; uint32_t uid;
	uint32_t actions;                /* enum pw_action bits, one of them; 0: not asked */
	uint8_t kind;                    /* enum pw_record_kind; 0: not asked */
	bool deny;
	bool hide_sealed;                /* not the records that hold others' sealed fields: their contents stand in those */
	int64_t since_ns, until_ns;
	bool (*also)(void *ctx, const struct record_view *v); void *also_ctx; /* asked of what all else lets pass; may be NULL */
};

/* From the options of the log verb. -EINVAL with a sentence: a word that does not exist, a user that this host does not know. */
int log_filter_parse(const struct cli *c, int64_t now_utc_s, struct log_filter *ret, struct err *e);
/*
 * A gap record matches whatever is asked about people, stores and rules, unless --kind leaves it out: nobody knows whom a lost event was
 * about, and an answer with a hole in it must say so.
 */
bool log_filter_match(const struct log_filter *f, const struct record_view *v);

#endif
