// SPDX-License-Identifier: Apache-2.0
/*
 * How one comes to a store: the directories above it, the mount that carries it, and what that mount covers. Goes up by descriptors, so
 * that no path is trusted. Must never go down into a store.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/cleanup.h"
#include "policy/image.h"

#define CLIMB_MAX 256u
#define KNOWN_MAX 1024u

struct step { uint32_t dev; uint64_t ino, mnt_id; };

/* A directory from which the way up was registered already, for what lies on this mount. Many stores lie in one folder. */
struct ways_known { struct step at; uint64_t carried_id; };

void ways_forget(struct ways *w)
{
	free(w->v);
	*w = (struct ways){ 0 };
}

static bool is_known(const struct ways *w, const struct step *at, uint64_t carried_id)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct ways_known *k = &w->v[i];

		if (k->at.ino == at->ino && k->at.dev == at->dev && k->at.mnt_id == at->mnt_id && k->carried_id == carried_id)
			return true;
	}
	return false;
}

/* What finds no memory is looked at again. */
static void know(struct ways *w, const struct step *at, uint64_t carried_id)
{
	if (w->count == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct ways_known *v = cap <= KNOWN_MAX ? reallocarray(w->v, cap, sizeof(*v)) : NULL;

		if (!v)
			return;
		w->v = v;
		w->cap = cap;
	}
	w->v[w->count++] = (struct ways_known){ *at, carried_id };
}

static int step_of(const struct mounts *m, int fd, struct step *ret)
{
	struct statx st;
	struct mounts_entry on;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st))
		return -errno;
	if (!(st.stx_mask & STATX_MNT_ID) || !mounts_find(m, st.stx_mnt_id, &on))
		return -ENODEV;
	*ret = (struct step){ .dev = on.dev, .ino = st.stx_ino, .mnt_id = st.stx_mnt_id };
	return 0;
}

static int mount_add(struct kernel *k, uint32_t gen, uint64_t id, enum pw_mount what, struct err *e)
{
	const struct pw_attr_key key = { .a = id, .gen = gen, .kind = PW_ATTR_MOUNT };
	uint64_t there = 0;

	(void)bpf_map_lookup_elem(k->maps[MAP_ATTRS], &key, &there);
	return attr_add(k, &key, there | what, e);
}

/* The directory that a mount covers cannot be looked at any more, but the one above still lists its number. */
static int covered(struct kernel *k, uint32_t gen, int above_fd, uint32_t above_dev, const char *point, struct err *e)
{
	const char *name = strrchr(point, '/') ? strrchr(point, '/') + 1 : point;
	int fd = openat(above_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!d) {
		rc = err_set(e, -errno, "cannot list the directory above %s", point);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (entry = readdir(d)))
		if (!strcmp(entry->d_name, name))
			rc = attr_way(k, gen, above_dev, entry->d_ino, e);
	closedir(d);
	return rc;
}

/* What propagation knows a mount by is what it shows at its top. */
static int carrier(struct kernel *k, uint32_t gen, const struct mounts *m, uint64_t mnt_id, const struct step *top, struct err *e)
{
	const struct pw_attr_key key = { .a = top->dev, .b = top->ino, .gen = gen, .kind = PW_ATTR_MOUNT_ROOT };
	int rc = mount_add(k, gen, mnt_id, PW_MOUNT_CARRIER, e);

	(void)m;
	return rc ? rc : attr_add(k, &key, 1, e);
}

int ways_stage(struct kernel *k, uint32_t gen, const struct mounts *m, int dir_fd, bool itself, struct err *e)
{
	_fd_ int at = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct step here, up;
	bool carried = false;
	int rc = at < 0 ? -errno : step_of(m, at, &here);
	uint64_t mnt_id = rc ? 0 : here.mnt_id;

	if (!rc && itself) {
		rc = attr_way(k, gen, here.dev, here.ino, e);
		if (rc)
			return rc;
	}
	for (uint32_t i = 0; !rc && i < CLIMB_MAX; i++) {
		_fd_ int next = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		bool top;

		rc = next < 0 ? -errno : step_of(m, next, &up);
		if (rc)
			break;
		top = up.dev == here.dev && up.ino == here.ino && up.mnt_id == here.mnt_id;
		if (!carried && (top || up.mnt_id != mnt_id)) {
			rc = carrier(k, gen, m, mnt_id, &here, e);
			carried = true;
			if (rc)
				return rc;
		}
		if (top)
			return mount_add(k, gen, here.mnt_id, PW_MOUNT_TOP, e);
		if (is_known(&k->ways, &up, mnt_id))
			return 0;
		know(&k->ways, &up, mnt_id);
		rc = attr_way(k, gen, up.dev, up.ino, e);
		if (!rc && up.mnt_id != here.mnt_id) {
			struct mounts_entry on;

			rc = mounts_find(m, here.mnt_id, &on) ? covered(k, gen, next, up.dev, on.point, e) : 0;
		}
		if (rc)
			return rc;
		here = up;
		cleanup_fd(&at);
		at = take_fd(next);
	}
	return err_set(e, rc ? rc : -ELOOP, "cannot find the way up from a store to the root directory");
}
