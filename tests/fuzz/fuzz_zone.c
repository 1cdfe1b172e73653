/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a zone file of the tz database: refused, or shifts in ascending order with offsets of a day at the most, as the
 * policy's image takes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "names/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(c) do { if (!(c)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1); /* exactly: a sanitizer sees one byte too many */
	struct names_shift *shifts = NULL;
	size_t count = 0;
	int r;

	MUST(bytes);
	if (size)
		memcpy(bytes, data, size);
	r = zone_from_bytes(bytes, size, 1795000000, 17, &shifts, &count);
	MUST(r == 0 || r == -EBADMSG || r == -ENOMEM || r == -E2BIG);
	for (size_t i = 0; r == 0 && i < count; i++) {
		MUST(shifts[i].offset_s >= -86400 && shifts[i].offset_s <= 86400);
		MUST(i == 0 || shifts[i].from_utc_s > shifts[i - 1].from_utc_s);
	}
	MUST(r || count);
	free(shifts);
	free(bytes);
	return 0;
}
