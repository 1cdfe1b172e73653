// SPDX-License-Identifier: Apache-2.0
/*
 * Files with more than one name inside a store: their other names may lie outside, so they are known by their inode. Walks by
 * descriptors, follows no link, crosses no mount. Must never open a file's contents.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/image.h"

#define DEPTH_MAX   200u  /* directories below each other: each holds a descriptor while it is walked */
#define TELL_EVERY  4096u

struct link { uint64_t ino; uint32_t dev; uint32_t label; };
struct links { struct link *v; size_t count, cap; };

struct walk {
	struct links *links;
	const struct image *img;
	const struct place *roots;
	const struct kernel_progress *progress;
	uint32_t label, dev;
	uint64_t mnt_id, scanned;
};

int links_new(struct links **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void links_free(struct links *l)
{
	if (!l)
		return;
	free(l->v);
	free(l);
}

static int link_compare(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->label < y->label ? -1 : x->label > y->label;
}

static int links_add(struct links *l, uint32_t dev, uint64_t ino, uint32_t label, struct err *e)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 256;
		struct link *v = cap <= 4 * (size_t)PW_LINKS_MAX ? reallocarray(l->v, cap, sizeof(*v)) : NULL;

		if (!v)
			return err_say(e, -E2BIG, "more than %u files with several names; remove hard links from the stores", PW_LINKS_MAX);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->count++] = (struct link){ .ino = ino, .dev = dev, .label = label };
	return 0;
}

static const char *store_name(const struct walk *w)
{
	return image_str(w->img, w->img->stores[w->label].name);
}

static bool is_other_root(const struct walk *w, uint64_t ino)
{
	for (uint32_t s = 1; s < w->img->count[PW_SEC_STORES]; s++)
		if (s != w->label && w->roots[s].dev == w->dev && w->roots[s].ino == ino)
			return true;
	return false;
}

static int scan_dir(struct walk *w, int fd, unsigned depth, struct err *e);

static int scan_entry(struct walk *w, int dir_fd, const char *name, unsigned depth, struct err *e)
{
	struct statx st;
	_fd_ int fd = -1;

	if (statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_INO | STATX_NLINK | STATX_MNT_ID, &st))
		/* Gone since it was listed: then it has one name less. */
		return errno == ENOENT ? 0 : err_set(e, -errno, "cannot look into store '%s'", store_name(w));
	if (++w->scanned % TELL_EVERY == 0 && w->progress && w->progress->tell)
		w->progress->tell(w->progress->ctx, store_name(w), w->scanned);
	if (st.stx_mnt_id != w->mnt_id)
		return 0;
	if (!S_ISDIR(st.stx_mode))
		return st.stx_nlink > 1 ? links_add(w->links, w->dev, st.stx_ino, w->label, e) : 0;
	if (is_other_root(w, st.stx_ino))
		return 0;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "cannot look into store '%s'", store_name(w));
	return scan_dir(w, take_fd(fd), depth + 1, e);
}

/* Takes fd over. */
static int scan_dir(struct walk *w, int fd, unsigned depth, struct err *e)
{
	struct dirent *entry;
	DIR *dir;
	int rc = 0;

	if (depth > DEPTH_MAX) {
		close(fd);
		return err_say(e, -ELOOP, "store '%s' has directories more than %u deep; make it flatter", store_name(w), DEPTH_MAX);
	}
	dir = fdopendir(fd);
	if (!dir) {
		rc = -errno;
		close(fd);
		return err_set(e, rc, "cannot look into store '%s'", store_name(w));
	}
	while (!rc && (errno = 0, entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		rc = scan_entry(w, fd, entry->d_name, depth, e);
	}
	if (!rc && errno)
		rc = err_set(e, -errno, "cannot list a directory of store '%s'", store_name(w));
	closedir(dir);
	return rc;
}

/* One entry an inode; an inode of two stores would have to be under both their rules. */
static int links_settle(struct links *l, const struct image *img, struct err *e)
{
	size_t kept = 0;

	qsort(l->v, l->count, sizeof(*l->v), link_compare);
	for (size_t i = 0; i < l->count; i++) {
		const struct link *last = kept ? &l->v[kept - 1] : NULL;
		bool same = last && last->dev == l->v[i].dev && last->ino == l->v[i].ino;

		if (same && last->label != l->v[i].label)
			return err_say(e, -EMLINK, "a file (inode %llu) has a name in store '%s' and another in store '%s'; remove one of them "
				       "(find -inum finds them)", (unsigned long long)last->ino, image_str(img, img->stores[last->label].name),
				       image_str(img, img->stores[l->v[i].label].name));
		if (!same)
			l->v[kept++] = l->v[i];
	}
	l->count = kept;
	return 0;
}

int links_scan(struct links *l, const struct image *img, uint32_t label, int root_fd, const struct place *roots,
	       const struct kernel_progress *p, struct err *e)
{
	struct walk w = { .links = l, .img = img, .roots = roots, .progress = p, .label = label, .dev = roots[label].dev,
			  .mnt_id = roots[label].mnt_id };
	size_t before = l->count;
	int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_set(e, -errno, "cannot look into store '%s'", store_name(&w));
	rc = scan_dir(&w, fd, 0, e);
	if (!rc && p && p->tell)
		p->tell(p->ctx, store_name(&w), w.scanned);
	return rc || l->count == before ? rc : links_settle(l, img, e);
}

int links_each(const struct links *l, int (*take)(void *ctx, uint32_t dev, uint64_t ino, uint32_t label), void *ctx)
{
	int rc = 0;

	for (size_t i = 0; i < l->count && !rc; i++)
		rc = take(ctx, l->v[i].dev, l->v[i].ino, l->v[i].label);
	return rc;
}
