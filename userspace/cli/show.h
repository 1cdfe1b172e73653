/* SPDX-License-Identifier: Apache-2.0 */
/* What several verbs show alike: outcomes, times, hashes, text that came from elsewhere. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdint.h>

#include "cli/cli.h"
#include "ipc/messages.h"

struct json_t;

#define SHOW_TIME_MAX 32
void show_time(int64_t utc_s, char ret[static SHOW_TIME_MAX]);           /* ISO 8601 with the local offset */
void show_hash(const uint8_t hash[static 32], char ret[static 65]);      /* all digits */
/* Untrusted text into fixed room, escaped. */
void show_text(const char *text, size_t len_bytes, char *ret, size_t size_bytes);
/* {"name", "version", "generation", "policy_hash", "confirm_until"}: new reference; an empty name is left out. */
struct json_t *show_outcome_json(const struct msg_outcome *o);
/* "hospital 2026.11.3" */
#define SHOW_NAME_MAX (8 * MSG_NAME_MAX + 2)
void show_name(const char name[static MSG_NAME_MAX], const char version[static MSG_NAME_MAX], char ret[static SHOW_NAME_MAX]);
/* A warning that came with success, on stderr. */
void show_warning(const struct cli *c, const struct msg_outcome *o);

#endif
