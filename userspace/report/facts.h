/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record taken apart once, so that many questions can be asked of it. Borrows the record's bytes: good until the reader moves on.
 * Says nothing that the record does not say: an absent field stays absent.
 */
#ifndef REPORT_FACTS_H
#define REPORT_FACTS_H

#include "audit/audit.h"

#define FACTS_TAGS 64u

struct facts {
	const struct record_view *v;
	uint64_t present; /* bit a tag */
	const uint8_t *p[FACTS_TAGS];
	uint16_t len_bytes[FACTS_TAGS];
};

void facts_of(const struct record_view *v, struct facts *ret);

static inline bool facts_has(const struct facts *f, enum pw_field_tag tag)
{
	return f->present >> tag & 1;
}
uint64_t facts_u64(const struct facts *f, enum pw_field_tag tag, uint64_t otherwise);
int64_t facts_i64(const struct facts *f, enum pw_field_tag tag, int64_t otherwise);
bool facts_is(const struct facts *f, enum pw_field_tag tag, const char *word);
/* The value for people, escaped as for a terminal; malloc'd, "" if absent, NULL without memory. */
char *facts_text(const struct facts *f, enum pw_field_tag tag);

/* About an object of a store of a policy, not about one of polyward's own or none. */
bool facts_in_store(const struct facts *f);
/* Does a comma-separated field hold the word? */
bool facts_lists(const struct facts *f, enum pw_field_tag tag, const char *word);

/* Actions that change what is stored. */
#define FACTS_CHANGES (PW_A_WRITE | PW_A_CREATE | PW_A_DELETE | PW_A_ATTR | PW_A_LINK)

#endif
