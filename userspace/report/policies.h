/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies that a log keeps beside its records: policy/<hash>.pwi or <hash>-<digits>.pwi, compiled images named by the hash that
 * stands in the records. An image that does not check, or whose name is not its hash, is none.
 */
#ifndef REPORT_POLICIES_H
#define REPORT_POLICIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/image.h"

#define POLICIES_MAX 256u

struct policy_row {
	uint8_t hash[32];
	bool archived;              /* img is good */
	struct image img;
	void *bytes;
	/* from the records of the range */
	bool in_range; int64_t from_ns, to_ns; uint64_t records;
};

struct policies { struct policy_row v[POLICIES_MAX]; size_t count; uint64_t lost; uint64_t damaged; };

/* All of DIR/policy; a directory that is not there holds none. */
int policies_load(int dir_fd, struct policies **ret, struct err *e);
void policies_free(struct policies *p);
/* By the hash or its first bytes (at least 8). Index, or -1. */
int policies_find(const struct policies *p, const uint8_t *hash, size_t len_bytes);
/* The same, and a row without an image for one that is not there. -1: no room. */
int policies_note(struct policies *p, const uint8_t *hash, size_t len_bytes);

/* Roles that are bound to a systemd unit or a program: services, not people. */
bool policies_is_service(const struct policies *p, const char *role);
/* A store's class under the newest policy that has the store; NULL: none says. */
const char *policies_class(const struct policies *p, const char *store);

#endif
