/* SPDX-License-Identifier: Apache-2.0 */
/* What several verbs show alike. Names and sentences of the daemon are escaped: they quote policies and paths. */
#include "cli/show.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

void show_time(int64_t utc_s, char ret[static SHOW_TIME_MAX])
{
	time_t t = (time_t)utc_s;
	struct tm parts = { 0 };
	size_t n;

	localtime_r(&t, &parts);
	n = strftime(ret, SHOW_TIME_MAX, "%Y-%m-%dT%H:%M:%S%z", &parts);
	if (n >= 5 && n + 1 < SHOW_TIME_MAX) {
		memmove(ret + n - 1, ret + n - 2, 3); /* +0100 to +01:00 */
		ret[n - 2] = ':';
	}
}

void show_hash(const uint8_t hash[static 32], char ret[static 65])
{
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", hash[i]);
}

void show_text(const char *text, size_t len_bytes, char *ret, size_t size_bytes)
{
	_buf_ struct buf b = BUF_INIT;

	buf_add_escaped(&b, text, len_bytes);
	(void)snprintf(ret, size_bytes, "%s", b.failed || !b.data ? "" : b.data);
}

void show_name(const char name[static MSG_NAME_MAX], const char version[static MSG_NAME_MAX], char ret[static SHOW_NAME_MAX])
{
	char clean_name[4 * MSG_NAME_MAX], clean_version[4 * MSG_NAME_MAX];

	show_text(name, strnlen(name, MSG_NAME_MAX), clean_name, sizeof(clean_name));
	show_text(version, strnlen(version, MSG_NAME_MAX), clean_version, sizeof(clean_version));
	(void)snprintf(ret, SHOW_NAME_MAX, "%s%s%s", clean_name, *clean_version ? " " : "", clean_version);
}

struct json_t *show_outcome_json(const struct msg_outcome *o)
{
	char name[4 * MSG_NAME_MAX], version[4 * MSG_NAME_MAX], hash[65], until[SHOW_TIME_MAX];
	json_t *doc = json_object();

	if (!o->gen) {
		json_object_set_new(doc, "enforced", json_false());
		return doc;
	}
	show_text(o->name, strnlen(o->name, MSG_NAME_MAX), name, sizeof(name));
	show_text(o->version, strnlen(o->version, MSG_NAME_MAX), version, sizeof(version));
	show_hash(o->policy_hash, hash);
	json_object_set_new(doc, "enforced", json_true());
	json_object_set_new(doc, "policy", json_string(name));
	json_object_set_new(doc, "version", json_string(version));
	json_object_set_new(doc, "generation", json_integer(o->gen));
	json_object_set_new(doc, "policy_hash", json_string(hash));
	if (o->revert_at_utc_s) {
		show_time(o->revert_at_utc_s, until);
		json_object_set_new(doc, "confirm_until", json_string(until));
	}
	return doc;
}

void show_warning(const struct cli *c, const struct msg_outcome *o)
{
	char text[2 * MSG_TEXT_MAX];

	if (!o->text[0])
		return;
	show_text(o->text, strnlen(o->text, sizeof(o->text)), text, sizeof(text));
	fflush(stdout);
	fprintf(stderr, "polyward %s: warning: %s\n", c->verb, text);
}
