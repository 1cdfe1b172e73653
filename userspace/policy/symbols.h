/* SPDX-License-Identifier: Apache-2.0 */
/* Names of one policy, found in constant time: an index over strings that somebody else owns. */
#ifndef POLICY_SYMBOLS_H
#define POLICY_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

enum symbol_kind {
	SYMBOL_TIME, SYMBOL_PURPOSE, SYMBOL_PROGRAM, SYMBOL_STORE, SYMBOL_ROLE, SYMBOL_RULE, SYMBOL_TEST,
	SYMBOL_CLASS, SYMBOL_PATH, SYMBOL_USER, SYMBOL_GROUP,
};

struct symbol {
	const char *name;
	uint32_t idx;          /* into the tree's list; users and groups: the id */
	enum symbol_kind kind;
};

struct symbols {
	struct symbol *v;      /* in the order of adding */
	size_t count;
	uint32_t *slots;       /* open addressing; 0: free, else 1 + place in v */
	size_t slots_count;    /* a power of two, or 0 */
};

#define _symbols_ __attribute__((cleanup(symbols_free)))

void symbols_free(struct symbols *s);
/* 0, or -EEXIST and *ret_first (index of the first bearer of this name), or -ENOMEM. */
int symbols_add(struct symbols *s, enum symbol_kind kind, const char *name, uint32_t idx, uint32_t *ret_first);
/* The index that was added with the name, or UINT32_MAX. */
uint32_t symbols_find(const struct symbols *s, enum symbol_kind kind, const char *name);
/* The name of this kind that is closest to a word (closest()), or NULL. */
const char *symbols_closest(const struct symbols *s, enum symbol_kind kind, const char *word);

#endif
