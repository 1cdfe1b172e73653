/* SPDX-License-Identifier: Apache-2.0 */
/* Which store of another policy an object of the log lies in: by its path, as the kernel walked it. */
#include "policy/replay.h"

#include <string.h>

static bool below(const char *root, const char *path, size_t len)
{
	size_t n = strlen(root);

	return n <= len && memcmp(path, root, n) == 0 && (n == len || path[n] == '/');
}

static uint32_t nearest(const struct image *img, const char *path, size_t len)
{
	uint32_t best = PW_LABEL_OUTSIDE;
	size_t best_len = 0;

	for (uint32_t i = 1; i < img->count[PW_SEC_STORES]; i++) {
		const char *root = image_str(img, img->stores[i].path);

		if (strlen(root) > best_len && below(root, path, len)) {
			best = i;
			best_len = strlen(root);
		}
	}
	return best;
}

static bool any_below(const struct image *img, const char *path, size_t len)
{
	for (uint32_t i = 1; i < img->count[PW_SEC_STORES]; i++) {
		const char *root = image_str(img, img->stores[i].path);

		if (strlen(root) > len && memcmp(root, path, len) == 0 && root[len] == '/')
			return true;
	}
	return false;
}

enum replay_why replay_where(const struct image *from, const struct image *cand, const struct recorded *rec, const char *path,
			     size_t path_len_bytes, uint32_t *ret_label)
{
	static const char cut[] = "/.../";
	const char *at, *root;

	if (rec->label == PW_LABEL_OUTSIDE || rec->label >= from->count[PW_SEC_STORES])
		return REPLAY_BY_OTHERS;
	root = image_str(from, from->stores[rec->label].path);
	if (!path) {
		/* The store is known: enough, if the candidate has none within it. */
		if (any_below(cand, root, strlen(root)))
			return REPLAY_NO_PATH;
		*ret_label = nearest(cand, root, strlen(root));
		return REPLAY_DECIDED;
	}
	at = memmem(path, path_len_bytes, cut, strlen(cut));
	if (at && any_below(cand, path, (size_t)(at - path)))
		return REPLAY_CUT_PATH;
	*ret_label = nearest(cand, path, at ? (size_t)(at - path) : path_len_bytes);
	return REPLAY_DECIDED;
}
