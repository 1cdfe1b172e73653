// SPDX-License-Identifier: Apache-2.0
/*
 * A second look for files with several names, after the flip. A link that was made between the first look and the flip has a name
 * outside; from the flip on none can be made, so what this look finds is all there is. Must never refuse or take back anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/cleanup.h"
#include "policy/image.h"

/* Did the generation before guard the same directory, so that no link could leave it meanwhile? Mode audit lets links pass. */
static bool was_guarded(struct kernel *k, const struct image *before, uint32_t before_gen, const char *path, const struct place *root)
{
	const struct pw_attr_key key = { .a = root->dev, .b = root->ino, .gen = before_gen, .kind = PW_ATTR_LABEL };
	uint64_t word = 0;

	if (!before || bpf_map_lookup_elem(k->maps[MAP_ATTRS], &key, &word) || !(word & PW_ROOT_STORE))
		return false;
	for (uint32_t s = 1; s < before->count[PW_SEC_STORES]; s++)
		if (!strcmp(image_str(before, before->stores[s].path), path))
			return !(before->stores[s].flags & PW_IMG_AUDIT);
	return false;
}

struct registrar { struct kernel *k; uint32_t gen; struct err *e; };

static int register_link(void *ctx, uint32_t dev, uint64_t ino, uint32_t label)
{
	const struct registrar *r = ctx;
	const struct place at = { .dev = dev, .ino = ino };

	return attr_label(r->k, r->gen, &at, label, r->e);
}

static int look_again(struct kernel *k, const struct kernel_flipped *f, const struct place *roots, const int *fds, const struct kernel_progress *p,
		      struct err *e)
{
	struct registrar r = { k, f->gen, e };
	struct links *links = NULL;
	int rc = links_new(&links);

	for (uint32_t s = 1; s < f->img->count[PW_SEC_STORES] && !rc; s++)
		if (fds[s] >= 0 && !was_guarded(k, f->before, f->before_gen, image_str(f->img, f->img->stores[s].path), &roots[s]))
			rc = links_scan(links, f->img, s, fds[s], roots, p, e);
	/* Also after a failure: what was found is registered. */
	if (links && links_each(links, register_link, &r) < 0 && !rc)
		rc = e->code;
	links_free(links);
	/* Somebody may remember a name outside as nobody's. */
	STATE_BUMP(k->state->slot_epoch);
	return rc;
}

int kernel_rescan(struct kernel *k, const struct kernel_flipped *f, const struct kernel_progress *p, struct err *e)
{
	_free_ struct place *roots = calloc(PW_LABELS_MAX, sizeof(*roots));
	_free_ int *fds = malloc(PW_LABELS_MAX * sizeof(*fds));
	struct mounts *m = NULL;
	int rc = roots && fds ? mounts_read(&m, e) : err_set(e, -ENOMEM, "cannot look at the stores again");

	if (!rc) {
		memset(fds, 0xff, PW_LABELS_MAX * sizeof(*fds));
		for (uint32_t s = 1; s < f->img->count[PW_SEC_STORES] && !rc; s++)
			rc = place_store(m, f->img, s, &fds[s], &roots[s], e);
		if (!rc)
			rc = look_again(k, f, roots, fds, p, e);
		for (uint32_t s = 1; s < f->img->count[PW_SEC_STORES]; s++)
			cleanup_fd(&fds[s]);
	}
	mounts_free(m);
	return rc ? err_wrap(e, "files of the stores may have names outside that are not guarded; apply the policy once more") : 0;
}
