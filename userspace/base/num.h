/* SPDX-License-Identifier: Apache-2.0 */
/* The only place where text becomes a number. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decimal digits only, the whole of text[0..len), no sign, no blank, no leading plus. 0 and *ret on success; -EINVAL for
 * anything else than digits, -ERANGE above max. *ret is untouched on failure.
 */
int num_parse(const char *text, size_t len, uint64_t max, uint64_t *ret);

/* "90s", "15m", "8h", "7d", "2w" to seconds; the unit is required. Same errors. */
int num_parse_duration(const char *text, size_t len, uint64_t max_s, uint64_t *ret_s);

/* Hex digits (both cases), exactly 2 * size of them. -EINVAL otherwise. */
int num_parse_hex(const char *text, size_t len, uint8_t *ret, size_t size);

#endif
