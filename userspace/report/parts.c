/* SPDX-License-Identifier: Apache-2.0 */
/* Small values of a document. Whatever came from a record or a policy leaves escaped. */
#include "report/parts.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

json_t *part_time(int64_t utc_ns)
{
	char text[32] = "";
	time_t s = (time_t)(utc_ns / NS_PER_S);
	struct tm tm;

	if (utc_ns != INT64_MIN && utc_ns != INT64_MAX && gmtime_r(&s, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

json_t *part_hex(const void *bytes, size_t len_bytes)
{
	static const char digits[] = "0123456789abcdef";
	_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < len_bytes; i++) {
		uint8_t v = ((const uint8_t *)bytes)[i];

		buf_add_char(&b, digits[v >> 4]);
		buf_add_char(&b, digits[v & 15]);
	}
	return json_string(b.data ? b.data : "");
}

json_t *part_text(const char *text)
{
	_buf_ struct buf b = BUF_INIT;

	buf_add_escaped(&b, text, strlen(text));
	return json_string(b.data ? b.data : "");
}

json_t *part_person(const struct report *r, uint32_t uid)
{
	const char *name = r->ask.user ? r->ask.user(r->ask.user_ctx, uid) : NULL;
	_buf_ struct buf b = BUF_INIT;
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	char digits[16];

	if (r->ask.pseudonym_key) {
		(void)snprintf(digits, sizeof(digits), "%u", uid);
		if (!HMAC(EVP_sha256(), r->ask.pseudonym_key, (int)r->ask.pseudonym_key_len_bytes, (const uint8_t *)digits, strlen(digits), mac, &mac_len))
			return json_string("person-?");
		buf_printf(&b, "person-%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4]);
		return json_string(b.data ? b.data : "");
	}
	if (uid == UINT32_MAX)
		return json_string("");
	if (name)
		buf_add_escaped(&b, name, strlen(name));
	buf_printf(&b, name ? " (%u)" : "uid %u", uid);
	return json_string(b.data ? b.data : "");
}

json_t *part_table(const char *key, const char *title, const char *note)
{
	return json_pack("{s:s, s:s, s:s, s:[], s:[]}", "key", key, "title", title, "note", note, "columns", "rows");
}

void part_column(json_t *table, const char *key, const char *label)
{
	json_array_append_new(json_object_get(table, "columns"), json_pack("{s:s, s:s}", "key", key, "label", label));
}
