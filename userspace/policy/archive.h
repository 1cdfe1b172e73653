/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled policy with its own text, read again: what a record was decided by, on whatever host the log is looked at. Names of
 * users and groups are names here and nothing else: no name service is asked, and no number in the tree may be used.
 */
#ifndef POLICY_ARCHIVE_H
#define POLICY_ARCHIVE_H

#include "policy/policy.h"

struct archived {
	void *bytes; size_t len_bytes;
	struct image img;          /* into bytes */
	struct ast *ast;           /* of the image's text; numbers of roles, stores and rules are those of the tables */
	struct diags diags;
	struct names names;
};

/*
 * Checks the bytes (malloc'd or aligned alike, taken over also on failure) and reads their text. -EINVAL with a sentence: damaged, of
 * another version, or the text is not the one that the tables were made from.
 */
int archived_open(void *bytes, size_t len_bytes, struct archived *ret, struct err *e);
void archived_free(struct archived *a);

#endif
