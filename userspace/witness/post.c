/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a witness by libcurl: HTTP or HTTPS, no redirects, no proxy of the environment that would see a log's growth by surprise. */
#include "witness/witness.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#define TIMEOUT_S 30L

static size_t take(char *bytes, size_t size, size_t count, void *ctx)
{
	struct buf *answer = ctx;

	if (answer->len_bytes + size * count > WITNESS_BODY_MAX)
		return 0;
	buf_add(answer, bytes, size * count);
	return answer->failed ? 0 : size * count;
}

int post(const char *url, const struct buf *body, unsigned *ret_status, struct buf *ret_answer, struct err *e)
{
	char words[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers;
	long status = 0;
	CURLcode code;
	CURL *c;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c = curl_easy_init()))
		return err_set(e, -ENOMEM, "speak to %s", url);
	headers = curl_slist_append(NULL, "Content-Type: text/plain");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body->data);
	curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)body->len_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, ret_answer);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
	code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	curl_global_cleanup();
	if (code != CURLE_OK)
		return err_say(e, -EIO, "the witness at %s does not answer: %s", url, words[0] ? words : curl_easy_strerror(code));
	*ret_status = (unsigned)status;
	return 0;
}
