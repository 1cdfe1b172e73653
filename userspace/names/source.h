/* SPDX-License-Identifier: Apache-2.0 */
/* Inside names: what stands behind struct names' ctx, and what both sources share. */
#ifndef NAMES_SOURCE_H
#define NAMES_SOURCE_H

#include "names/names.h"

/* First member of every source. */
struct names_source { void (*free)(struct names_source *s); };

bool names_member(const struct names *n, const char *user, const char *group);
int names_zone(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count);

#endif
