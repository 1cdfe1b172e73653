/* SPDX-License-Identifier: Apache-2.0 */
/* Images with their text. The tables decide and the text explains, so one that does not belong to the other is refused. */
#include "policy/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

/* ---- names that stand for themselves ---- */

struct known { char **v; size_t count; bool nomem; };

static int number_of(void *ctx, const char *name, uint32_t *ret)
{
	struct known *k = ctx;
	char **v;

	for (size_t i = 0; i < k->count; i++)
		if (strcmp(k->v[i], name) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	v = reallocarray(k->v, k->count + 1, sizeof(*v));
	k->nomem |= !v;
	if (!v)
		return -ENOMEM;
	k->v = v;
	v[k->count] = strdup(name);
	k->nomem |= !v[k->count];
	if (!v[k->count])
		return -ENOMEM;
	*ret = (uint32_t)k->count++;
	return 0;
}

static int no_gids(void *ctx, const char *user, uint32_t **ret, size_t *ret_count)
{
	(void)ctx;
	(void)user;
	*ret = NULL;
	*ret_count = 0;
	return -ENOENT;
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

/* The offsets that counted stand in the image. */
static int some_zone(void *ctx, const char *zone, int64_t from_utc_s, int years, struct names_shift **ret, size_t *ret_count)
{
	(void)zone;
	(void)years;
	*ret = calloc(1, sizeof(**ret));
	((struct known *)ctx)->nomem |= !*ret;
	if (!*ret)
		return -ENOMEM;
	(*ret)->from_utc_s = from_utc_s;
	*ret_count = 1;
	return 0;
}

static void known_free(struct known *k)
{
	for (size_t i = 0; k && i < k->count; i++)
		free(k->v[i]);
	if (k)
		free(k->v);
	free(k);
}

/* ---- the text ---- */

static int read_source(void *ctx, const char *path, char **ret_text, size_t *ret_len_bytes)
{
	const struct image *img = ctx;
	size_t len = img->count[PW_SEC_SOURCE];

	(void)path;
	*ret_text = malloc(len + 1);
	if (!*ret_text)
		return -ENOMEM;
	memcpy(*ret_text, img->source, len);
	(*ret_text)[len] = '\0';
	*ret_len_bytes = len;
	return 0;
}

static int read_text(struct archived *a, struct err *e)
{
	struct policy_reader reader = { .ctx = &a->img, .read = read_source, .max_bytes = PW_IMAGE_MAX };
	uint8_t hash[32];
	int r = policy_parse(&reader, "policy", &a->diags, &a->ast);

	if (r == 0)
		r = policy_resolve(a->ast, &a->names, &a->diags);
	/* Names that could not be kept are a message like any other to the resolver. */
	if (r == -ENOMEM || ((const struct known *)a->names.ctx)->nomem || (r == 0 && policy_hash(a->ast, hash) < 0))
		return err_set(e, -ENOMEM, "read the text of the policy");
	if (r < 0)
		return err_say(e, -EINVAL, "the text in the policy image is no policy: %s",
			       a->diags.count ? a->diags.v[0].text : "it cannot be parsed");
	if (memcmp(hash, a->img.head->policy_hash, sizeof(hash)) != 0)
		return err_say(e, -EINVAL, "the text in the policy image is not the one that its tables were made from");
	if (a->ast->rules.count + 1 != a->img.count[PW_SEC_RULES] || a->ast->stores.count + 1 != a->img.count[PW_SEC_STORES] ||
	    a->ast->roles.count > a->img.count[PW_SEC_ROLES])
		return err_say(e, -EINVAL, "the text in the policy image has other rules, stores or roles than its tables");
	for (size_t i = 0; i < a->ast->rules.count; i++)
		if (strcmp(a->ast->rules.v[i].name.text, image_str(&a->img, a->img.rules[i + 1].name)) != 0)
			return err_say(e, -EINVAL, "the text in the policy image has its rules in another order than its tables");
	for (size_t i = 0; i < a->ast->roles.count; i++)
		if (strcmp(a->ast->roles.v[i].name.text, image_str(&a->img, a->img.roles[i].name)) != 0)
			return err_say(e, -EINVAL, "the text in the policy image has its roles in another order than its tables");
	for (size_t i = 0; i < a->ast->stores.count; i++)
		if (strcmp(a->ast->stores.v[i].name.text, image_str(&a->img, a->img.stores[i + 1].name)) != 0)
			return err_say(e, -EINVAL, "the text in the policy image has its stores in another order than its tables");
	return 0;
}

int archived_open(void *bytes, size_t len_bytes, struct archived *ret, struct err *e)
{
	struct archived a = { .bytes = bytes, .len_bytes = len_bytes };
	struct known *known = calloc(1, sizeof(*known));
	uint32_t root;
	int r = known && number_of(known, "root", &root) == 0 ? 0 : err_set(e, -ENOMEM, "read an archived policy");

	a.names = (struct names){ .ctx = known, .uid = number_of, .gid = number_of, .gids = no_gids, .users = no_users,
				  .member = no_member, .zone = some_zone };
	if (r == 0)
		r = image_check(bytes, len_bytes, &a.img, e);
	if (r == 0)
		r = read_text(&a, e);
	if (r < 0)
		archived_free(&a);
	else
		*ret = a;
	return r;
}

void archived_free(struct archived *a)
{
	ast_free(a->ast);
	diags_free(&a->diags);
	known_free(a->names.ctx);
	free(a->bytes);
	*a = (struct archived){ 0 };
}
