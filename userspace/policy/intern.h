/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte strings, each kept once: the strings, conditions, rows and entry lists of an image. What is handed out is the offset of
 * the bytes in one growing buffer that becomes a section of the image as it is.
 */
#ifndef POLICY_INTERN_H
#define POLICY_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct intern_item { uint64_t hash; size_t off_bytes, len_bytes; };

struct intern {
	struct buf bytes;
	struct intern_item *items;  /* in the order of their first appearance */
	size_t count, cap;
	uint32_t *slots;            /* open addressing; 0: free, else 1 + item */
	size_t slots_count;         /* a power of two, or 0 */
};

#define _intern_ __attribute__((cleanup(intern_free)))

void intern_free(struct intern *t);
/* Offset of these bytes, added if they are new. -ENOMEM. */
int intern_add(struct intern *t, const void *bytes, size_t len_bytes, size_t *ret_off_bytes);
bool intern_find(const struct intern *t, const void *bytes, size_t len_bytes, size_t *ret_off_bytes);

#endif
