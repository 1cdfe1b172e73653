// SPDX-License-Identifier: Apache-2.0
/*
 * What polyward itself consists of, told to the kernel programs: its directories and its entry program as labels of every generation, its
 * maps, programs and links by number. Directories come as descriptors, so that no path is trusted. Must never leave a generation that
 * decides without them.
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

#define OWN_DIRS   5
#define CLIMB_MAX  256 /* directories from anywhere up to the root of all */

struct own_dir { int fd; uint32_t label; const char *what; };

static void own_dirs(const struct kernel *k, struct own_dir ret[static OWN_DIRS])
{
	ret[0] = (struct own_dir){ k->own.state_fd, PW_LABEL_OWN_STATE, "the state directory" };
	ret[1] = (struct own_dir){ k->own.log_fd, PW_LABEL_OWN_LOG, "the log directory" };
	ret[2] = (struct own_dir){ k->own.run_fd, PW_LABEL_OWN_RUN, "the run directory" };
	ret[3] = (struct own_dir){ k->own.install_fd, PW_LABEL_OWN_INSTALL, "the directory of polyward's programs" };
	ret[4] = (struct own_dir){ k->own.signer_fd, PW_LABEL_OWN_SIGNER, "the directory of the log's key" };
}

/* ---- BPF objects ---- */

static struct pw_attr_key bpf_key(enum pw_own_bpf what, uint32_t id)
{
	return (struct pw_attr_key){ .a = what, .b = id, .kind = PW_ATTR_OWN_BPF };
}

int own_bpf_add(struct kernel *k, enum pw_own_bpf what, uint32_t id, struct err *e)
{
	const struct pw_attr_key key = bpf_key(what, id);

	return attr_add(k, &key, 1, e);
}

void own_bpf_drop(struct kernel *k, enum pw_own_bpf what, uint32_t id)
{
	const struct pw_attr_key key = bpf_key(what, id);

	(void)bpf_map_delete_elem(k->maps[MAP_ATTRS], &key);
}

int own_bpf_map(struct kernel *k, int map_fd, struct err *e)
{
	struct bpf_map_info info = { 0 };
	uint32_t bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(map_fd, &info, &bytes))
		return err_set(e, -errno, "cannot ask for the number of a map");
	return own_bpf_add(k, PW_OWN_MAP, info.id, e);
}

int own_bpf_prog(struct kernel *k, int prog_fd, struct err *e)
{
	struct bpf_prog_info info = { 0 };
	uint32_t bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &bytes))
		return err_set(e, -errno, "cannot ask for the number of a program");
	return own_bpf_add(k, PW_OWN_PROG, info.id, e);
}

int own_bpf_link(struct kernel *k, int link_fd, struct err *e)
{
	struct bpf_link_info info = { 0 };
	uint32_t bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(link_fd, &info, &bytes))
		return err_set(e, -errno, "cannot ask for the number of a link");
	return own_bpf_add(k, PW_OWN_LINK, info.id, e);
}

/* ---- directories ---- */

static int label_fd(struct kernel *k, uint32_t gen, const struct mounts *m, int fd, uint64_t word, const char *what, struct err *e)
{
	struct place at;
	int rc = place_fd(m, fd, what, &at, e);

	return rc ? rc : attr_label(k, gen, &at, word, e);
}

/*
 * The entry program lies among others' programs, so it is known by itself, as a hard link is. What it replaced is forgotten: that
 * number may come to serve any other file.
 */
static void drop_entry(struct kernel *k, uint32_t gen)
{
	struct pw_attr_key at, next, old[8];
	size_t count = 0;
	bool more = !bpf_map_get_next_key(k->maps[MAP_ATTRS], NULL, &next);
	uint64_t word;

	while (more && count < sizeof(old) / sizeof(old[0])) {
		at = next;
		if (at.gen == gen && at.kind == PW_ATTR_LABEL && !bpf_map_lookup_elem(k->maps[MAP_ATTRS], &at, &word) &&
		    word == PW_LABEL_OWN_INSTALL)
			old[count++] = at;
		more = !bpf_map_get_next_key(k->maps[MAP_ATTRS], &at, &next);
	}
	for (size_t i = 0; i < count; i++)
		(void)bpf_map_delete_elem(k->maps[MAP_ATTRS], &old[i]);
}

int own_entry_fd(const struct kernel *k)
{
	return k->own.entry ? openat(k->own.entry_dir_fd, k->own.entry, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
}

/*
 * A file in a directory of polyward's own that has another name elsewhere, from before: by that name the directory does not speak for it,
 * so it is known by itself.
 */
static int label_linked(struct kernel *k, uint32_t gen, const struct mounts *m, const struct own_dir *dir, struct err *e)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	struct stat st;

	if (!d) {
		rc = err_set(e, -errno, "cannot list %s", dir->what);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (entry = readdir(d))) {
		_fd_ int file = -1;

		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) || st.st_nlink < 2)
			continue;
		file = openat(fd, entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (file >= 0)
			rc = label_fd(k, gen, m, file, dir->label, dir->what, e);
	}
	closedir(d);
	return rc;
}

static int label_entry(struct kernel *k, uint32_t gen, const struct mounts *m, struct err *e)
{
	_fd_ int fd = -1;

	if (!k->own.entry)
		return 0;
	fd = own_entry_fd(k);
	if (fd < 0)
		return err_set(e, -errno, "cannot find polyward's own program %s", k->own.entry);
	drop_entry(k, gen);
	return label_fd(k, gen, m, fd, PW_LABEL_OWN_INSTALL, "polyward's own program", e);
}

/* A directory and all above it. */
struct line { size_t count; struct { dev_t dev; ino_t ino; } v[CLIMB_MAX]; };

static void line_of(int fd, struct line *ret)
{
	_fd_ int at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat now;

	ret->count = 0;
	while (at >= 0 && ret->count < CLIMB_MAX && !fstat(at, &now)) {
		_fd_ int next = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		size_t last = ret->count - 1;

		if (ret->count && ret->v[last].dev == now.st_dev && ret->v[last].ino == now.st_ino)
			return;
		ret->v[ret->count].dev = now.st_dev;
		ret->v[ret->count++].ino = now.st_ino;
		cleanup_fd(&at);
		at = take_fd(next);
	}
}

/* Does the first directory of `own` stand in this line? */
static bool stands_in(const struct line *line, const struct line *own)
{
	for (size_t i = 0; i < line->count && own->count; i++)
		if (line->v[i].dev == own->v[0].dev && line->v[i].ino == own->v[0].ino)
			return true;
	return false;
}

/* A store and a directory of polyward's own under each other would put files under two rules. */
static int clash(const struct own_dir *dirs, const struct line *own, const struct image *img, uint32_t store, struct err *e)
{
	const char *path = image_str(img, img->stores[store].path), *name = image_str(img, img->stores[store].name);
	_fd_ int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct line line;

	if (fd < 0)
		return err_set(e, -errno, "store '%s': cannot open %s", name, path);
	line_of(fd, &line);
	for (size_t i = 0; i < OWN_DIRS; i++) {
		if (stands_in(&own[i], &line))
			return err_say(e, -EINVAL, "store '%s': %s of polyward itself lies at or below %s; choose a directory that holds your data "
				       "alone", name, dirs[i].what, path);
		if (stands_in(&line, &own[i]))
			return err_say(e, -EINVAL, "store '%s': %s lies in %s of polyward itself; choose a directory outside", name, path,
				       dirs[i].what);
	}
	return 0;
}

static int clashes(const struct own_dir *dirs, const struct image *img, struct err *e)
{
	_free_ struct line *own = calloc(OWN_DIRS, sizeof(*own));
	int rc = own ? 0 : err_set(e, -ENOMEM, "cannot look at the stores");

	for (size_t i = 0; i < OWN_DIRS && !rc; i++)
		if (dirs[i].fd >= 0)
			line_of(dirs[i].fd, &own[i]);
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES] && !rc; s++)
		rc = clash(dirs, own, img, s, e);
	return rc;
}

int own_stage(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, struct err *e)
{
	struct own_dir dirs[OWN_DIRS];
	int rc;

	own_dirs(k, dirs);
	rc = img ? clashes(dirs, img, e) : 0;
	for (size_t i = 0; i < OWN_DIRS && !rc; i++)
		if (dirs[i].fd >= 0)
			rc = label_fd(k, gen, m, dirs[i].fd, dirs[i].label | PW_ROOT_STORE, dirs[i].what, e);
	if (!rc)
		rc = label_entry(k, gen, m, e);
	for (size_t i = 0; i < OWN_DIRS && !rc; i++)
		if (dirs[i].fd >= 0)
			rc = label_linked(k, gen, m, &dirs[i], e);
	return rc;
}

/* The pins' directory is there only once the programs are attached. */
int own_pins(struct kernel *k, uint32_t gen, struct err *e)
{
	_fd_ int fd = open(KERNEL_PINS, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mounts *m = NULL;
	int rc = fd < 0 ? err_set(e, -errno, "cannot open %s", KERNEL_PINS) : mounts_read(&m, e);

	if (!rc)
		rc = label_fd(k, gen, m, fd, PW_LABEL_OWN_PINS | PW_ROOT_STORE, KERNEL_PINS, e);
	mounts_free(m);
	return rc;
}

/* ---- the guard ---- */

static int is_registered(struct kernel *k, const struct mounts *m, const struct own_dir *dir, struct err *e)
{
	struct pw_attr_key key = { .gen = kernel_deciding(k), .kind = PW_ATTR_LABEL };
	struct place at;
	uint64_t word = 0;
	int rc = place_fd(m, dir->fd, dir->what, &at, e);

	if (rc)
		return rc;
	key.a = at.dev;
	key.b = at.ino;
	if (!bpf_map_lookup_elem(k->maps[MAP_ATTRS], &key, &word) && word == (dir->label | PW_ROOT_STORE))
		return 0;
	return err_say(e, -EPERM, "what the kernel enforces belongs to another %s; start polywardd with the --state-dir and the --run-dir that "
		       "it was applied with", dir->what + sizeof("the ") - 1);
}

/*
 * Who adopts must be at home in the directories that the one before registered: a second daemon has no say; and while the first one
 * lives, whose lock is in the run directory, it takes no records from it to another log.
 */
static int at_home(struct kernel *k, const struct mounts *m, struct err *e)
{
	struct own_dir dirs[OWN_DIRS];
	int rc = 0;

	own_dirs(k, dirs);
	for (size_t i = 0; i < OWN_DIRS && !rc; i++)
		if (dirs[i].label == PW_LABEL_OWN_STATE || (dirs[i].label == PW_LABEL_OWN_RUN && dirs[i].fd >= 0))
			rc = is_registered(k, m, &dirs[i], e);
	return rc;
}

/* Under what decides, and what may decide again. */
static int label_all(struct kernel *k, const struct mounts *m, struct err *e)
{
	const uint32_t gens[] = { STATE_READ(k->state->gen), STATE_READ(k->state->revert_gen) };
	int rc = 0;

	for (size_t i = 0; i < 2 && !rc; i++)
		if (gens[i])
			rc = own_stage(k, NULL, gens[i], m, e);
	/* Whoever was let pass by a directory's label may meet a label of its own now. */
	STATE_BUMP(k->state->object_epoch);
	STATE_BUMP(k->state->slot_epoch);
	return rc;
}

int kernel_guard(struct kernel *k, const struct kernel_own *own, struct err *e)
{
	struct mounts *m = NULL;
	int rc;

	k->own = *own;
	if (!k->attached || own->state_fd < 0 || !kernel_deciding(k))
		return 0;
	rc = mounts_read(&m, e);
	if (!rc)
		rc = at_home(k, m, e);
	/* The other directories may be others than before: they are guarded from now on. */
	if (!rc)
		rc = label_all(k, m, e);
	mounts_free(m);
	return rc;
}

void kernel_seal(struct kernel *k)
{
	(void)__atomic_fetch_or(&k->state->guard, PW_GUARD_SEALED, __ATOMIC_SEQ_CST);
}

bool kernel_sealed(const struct kernel *k)
{
	return STATE_READ(k->state->guard) & PW_GUARD_SEALED;
}

/* ---- replacing the programs ---- */

void kernel_upgrade_begin(struct kernel *k, uint64_t until_boot_ns)
{
	STATE_WRITE(k->state->upgrade_until_ns, until_boot_ns);
}

int kernel_upgrade_done(struct kernel *k, struct err *e)
{
	struct mounts *m = NULL;
	int rc = mounts_read(&m, e);

	if (!rc)
		rc = kernel_own_programs(k, e);
	if (!rc)
		rc = label_all(k, m, e);
	mounts_free(m);
	if (!rc)
		STATE_WRITE(k->state->upgrade_until_ns, 0);
	return rc;
}
