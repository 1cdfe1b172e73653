/* SPDX-License-Identifier: Apache-2.0 */
/* Names of this host's users for many lines: the name service is asked once for each, not for every line. */
#ifndef CLI_USERS_H
#define CLI_USERS_H

#include <stdbool.h>
#include <stdint.h>

#define USERS_KEPT 256u /* direct-mapped by uid */

struct users { struct { bool known; uint32_t uid; char name[64]; } v[USERS_KEPT]; }; /* zeroed before the first call */

/* users: a struct users. NULL: no such user; valid until the next call. */
const char *users_name(void *users, uint32_t uid);

#endif
