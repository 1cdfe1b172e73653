/* SPDX-License-Identifier: Apache-2.0 */
/* Text to number, strictly. strtol and its kin accept signs, blanks and silent wrap-around; nothing here does. */
#include "base/num.h"

#include <errno.h>

int num_parse(const char *text, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (len == 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static uint64_t unit_seconds(char unit)
{
	switch (unit) {
	case 's': return 1;
	case 'm': return 60;
	case 'h': return 3600;
	case 'd': return 86400;
	case 'w': return 604800;
	default:  return 0;
	}
}

int num_parse_duration(const char *text, size_t len, uint64_t max_s, uint64_t *ret_s)
{
	uint64_t unit = len ? unit_seconds(text[len - 1]) : 0;
	uint64_t count, seconds;
	int r;

	if (!unit)
		return -EINVAL;
	r = num_parse(text, len - 1, UINT64_MAX, &count);
	if (r < 0)
		return r;
	if (__builtin_mul_overflow(count, unit, &seconds) || seconds > max_s)
		return -ERANGE;
	*ret_s = seconds;
	return 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int num_parse_hex(const char *text, size_t len, uint8_t *ret, size_t size)
{
	if (len != 2 * size)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (nibble(text[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < size; i++)
		ret[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	return 0;
}
