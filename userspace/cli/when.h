/* SPDX-License-Identifier: Apache-2.0 */
/* A moment as a person writes it: ISO 8601, or an age. */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdint.h>

#include "base/err.h"

/*
 * "2026-11-23", "2026-11-23T10:00", "...T10:00:30", "...T10:00:30.5", each with "Z", "+01:00" or nothing (local time of this host), or
 * an age before now as in "90s", "2h", "7d". Nanoseconds since 1970 UTC. -EINVAL with a sentence that names the text and the forms.
 */
int when_parse(const char *text, int64_t now_utc_s, int64_t *ret_utc_ns, struct err *e);

#endif
