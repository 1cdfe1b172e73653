/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a policy. What follows a NUL byte is the text of every included file. Whatever comes in: no crash, messages that a
 * terminal survives; and what parses has one canonical form, whose meaning (the JSON twin) is that of the text.
 */
#include <jansson.h>

#include "canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A names service of fixed content: what is short exists. */
static int id_of(void *ctx, const char *name, uint32_t *ret)
{
	(void)ctx;
	if (strlen(name) > 16)
		return -ENOENT;
	*ret = (uint32_t)strlen(name) * 100 + (unsigned char)name[0];
	return 0;
}

static int gids_of(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	uint32_t *gids = malloc(sizeof(*gids));
	int r = gids ? id_of(ctx, user, gids) : -ENOMEM;

	if (r < 0) {
		free(gids);
		return r;
	}
	*ret = gids;
	*ret_count = 1;
	return 0;
}

static int no_users(void *ctx, struct names_users *ret)
{
	(void)ctx;
	*ret = (struct names_users){ 0 };
	return 0;
}

static bool no_member(void *ctx, const char *user, const char *group)
{
	(void)ctx;
	(void)user;
	(void)group;
	return false;
}

/* Every zone but "Nowhere" is two hours ahead of UTC, three from 2026-06-01 on. */
static int zone_of(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	struct names_shift *v;

	(void)ctx;
	(void)years;
	if (strcmp(zone, "Nowhere") == 0)
		return -ENOENT;
	v = calloc(2, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v[0] = (struct names_shift){ .from_utc_s = from_utc_s, .offset_s = 7200 };
	v[1] = (struct names_shift){ .from_utc_s = from_utc_s > 1780272000 ? from_utc_s + 1 : 1780272000, .offset_s = 10800 };
	*ret = v;
	*ret_count = 2;
	return 0;
}

static void must_be_tame(const struct diags *d)
{
	_buf_ struct buf b = BUF_INIT;
	json_t *list = diags_json(d);
	char *dump = json_dumps(list, 0);

	MUST(dump && json_array_size(list) == d->count);
	free(dump);
	json_decref(list);
	diags_render(d, false, &b);
	for (size_t i = 0; i < b.len_bytes; i++)
		MUST((unsigned char)b.data[i] >= 0x20 || b.data[i] == '\n' || b.data[i] == '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct names n = { .uid = id_of, .gid = id_of, .gids = gids_of, .users = no_users, .member = no_member, .zone = zone_of };
	const char *text = (const char *)data, *nul = size ? memchr(data, '\0', size) : NULL;
	struct input in = { .text = text, .len = nul ? (size_t)(nul - text) : size };
	const struct policy_reader reader = { .ctx = &in, .read = read_input };
	struct diags d = { 0 };
	struct ast *a = NULL;

	if (nul) {
		in.included = nul + 1;
		in.included_len = size - in.len - 1;
	}
	if (policy_parse(&reader, "fuzz.pw", &d, &a) == 0) {
		uint8_t hash[32];

		MUST(d.errors_count == 0);
		must_be_canonical(&in, a, &d);
		(void)policy_resolve(a, &n, &d);
		MUST(policy_hash(a, hash) == 0);
		ast_free(a);
	} else {
		MUST(d.errors_count > 0);
	}
	must_be_tame(&d);
	diags_free(&d);
	return 0;
}
