/* SPDX-License-Identifier: Apache-2.0 */
/* What both sources of names share: freeing, and questions that other questions answer. */
#include "names/names.h"

#include <stdlib.h>

#include "names/source.h"
#include "names/zone.h"

void names_users_free(struct names_users *u)
{
	for (size_t i = 0; i < u->count; i++) {
		free(u->v[i].name);
		free(u->v[i].gids);
	}
	free(u->v);
	*u = (struct names_users){ 0 };
}

void names_free(struct names *n)
{
	struct names_source *source = n->ctx;

	if (source)
		source->free(source);
	*n = (struct names){ 0 };
}

bool names_member(const struct names *n, const char *user, const char *group)
{
	uint32_t gid, *gids = NULL;
	size_t count = 0;
	bool found = false;

	if (n->gid(n->ctx, group, &gid) < 0 || n->gids(n->ctx, user, &gids, &count) < 0)
		return false;
	for (size_t i = 0; i < count && !found; i++)
		found = gids[i] == gid;
	free(gids);
	return found;
}

int names_zone(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	(void)ctx;
	return zone_shifts(NULL, zone, from_utc_s, years, ret, ret_count);
}
