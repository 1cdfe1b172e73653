// SPDX-License-Identifier: Apache-2.0
/*
 * From a path of the policy to the numbers that the kernel knows an inode by. Paths are looked up once, here; afterwards nobody
 * asks for a path again. Must never accept a place whose numbers do not tell it from others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "policy/image.h"

#define MOUNTINFO_MAX (16u << 20)

struct mount { uint64_t id; uint32_t dev; const char *point, *type; };
struct mounts { char *text; struct mount *v; size_t count; };

void mounts_free(struct mounts *m)
{
	if (!m)
		return;
	free(m->text);
	free(m->v);
	free(m);
}

/* \040 and its like become the bytes that they stand for; in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /point options optional... - type source options" */
static int mount_line(char *line, struct mount *ret)
{
	char *save = NULL, *field[5], *word, *colon;
	uint64_t id, major, minor;

	for (size_t i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return -EINVAL;
	}
	while ((word = strtok_r(NULL, " ", &save)) && strcmp(word, "-"))
		;
	word = word ? strtok_r(NULL, " ", &save) : NULL;
	colon = strchr(field[2], ':');
	if (!word || !colon || num_parse(field[0], strlen(field[0]), UINT64_MAX, &id) ||
	    num_parse(field[2], (size_t)(colon - field[2]), 0xfff, &major) || num_parse(colon + 1, strlen(colon + 1), 0xfffff, &minor))
		return -EINVAL;
	unescape(field[4]);
	*ret = (struct mount){ .id = id, .dev = pw_dev((uint32_t)major, (uint32_t)minor), .point = field[4], .type = word };
	return 0;
}

int mounts_read(struct mounts **ret, struct err *e)
{
	struct mounts *m = calloc(1, sizeof(*m));
	_buf_ struct buf text = BUF_INIT;
	size_t lines = 0;
	char *save = NULL, *line;
	int rc = m ? fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text) : -ENOMEM;

	if (rc) {
		free(m);
		return err_set(e, rc, "cannot read /proc/self/mountinfo");
	}
	m->text = buf_take(&text);
	for (const char *p = m->text; p && *p; p++)
		lines += *p == '\n';
	m->v = calloc(lines + 1, sizeof(*m->v));
	if (!m->text || !m->v) {
		mounts_free(m);
		return err_set(e, -ENOMEM, "cannot read /proc/self/mountinfo");
	}
	for (line = strtok_r(m->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!mount_line(line, &m->v[m->count]))
			m->count++;
	*ret = m;
	return 0;
}

static const struct mount *mount_by_id(const struct mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->v[i].id == id)
			return &m->v[i];
	return NULL;
}

bool mounts_find(const struct mounts *m, uint64_t id, struct mounts_entry *ret)
{
	const struct mount *found = mount_by_id(m, id);

	if (found)
		*ret = (struct mounts_entry){ .dev = found->dev, .point = found->point, .type = found->type };
	return found;
}

bool mounts_dev_of(const struct mounts *m, const char *type, uint32_t *ret_dev)
{
	for (size_t i = 0; i < m->count; i++)
		if (!strcmp(m->v[i].type, type)) {
			*ret_dev = m->v[i].dev;
			return true;
		}
	return false;
}

const char *mounts_inside(const struct mounts *m, const char *path, const struct image *img)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < m->count; i++) {
		const char *point = m->v[i].point;
		bool store = false;

		if (strncmp(point, path, len) || point[len] != '/' || len < 2)
			continue;
		for (uint32_t s = 1; s < img->count[PW_SEC_STORES]; s++)
			store |= !strcmp(point, image_str(img, img->stores[s].path));
		if (!store)
			return point;
	}
	return NULL;
}

static bool is_kernels_own(const char *type)
{
	static const char *const types[] = { "proc", "sysfs", "cgroup", "cgroup2", "bpf", "debugfs", "tracefs", "securityfs", "devpts",
					     "configfs", "efivarfs", "fusectl", "mqueue", "pstore", "binfmt_misc", "autofs", "devtmpfs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

int place_fd(const struct mounts *m, int fd, const char *what, struct place *ret, struct err *e)
{
	struct statx st;
	const struct mount *on;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID | STATX_CTIME, &st))
		return err_set(e, -errno, "cannot look at %s", what);
	on = mount_by_id(m, st.stx_mnt_id);
	if (!(st.stx_mask & STATX_MNT_ID) || !on)
		return err_say(e, -ENODEV, "%s is on a filesystem that is not in /proc/self/mountinfo", what);
	ret->forgetful = !strcmp(on->type, "overlay");
	if (pw_dev(st.stx_dev_major, st.stx_dev_minor) != on->dev && !ret->forgetful)
		return err_say(e, -EXDEV, "%s lies on a %s subvolume, whose inode numbers are not its own", what, on->type);
	ret->dev = on->dev;
	ret->ino = st.stx_ino;
	ret->changed = pw_moment(st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec);
	ret->mnt_id = st.stx_mnt_id;
	return 0;
}

static int place_of(const struct mounts *m, int fd, const char *what, const char *path, struct place *ret, struct err *e)
{
	struct statx st;
	const struct mount *on;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID | STATX_TYPE | STATX_MODE | STATX_CTIME, &st))
		return err_set(e, -errno, "%s: cannot look at %s", what, path);
	on = mount_by_id(m, st.stx_mnt_id);
	if (!(st.stx_mask & STATX_MNT_ID) || !on)
		return err_say(e, -ENODEV, "%s: %s is on a filesystem that is not in /proc/self/mountinfo; mount it where polyward runs", what,
			       path);
	if (is_kernels_own(on->type))
		return err_say(e, -EINVAL, "%s: %s is on %s, which holds no data of yours; choose a directory on a real filesystem", what, path,
			       on->type);
	ret->forgetful = !strcmp(on->type, "overlay");
	/* On a btrfs subvolume inode numbers repeat those of other subvolumes, and the kernel side sees no difference. */
	if (pw_dev(st.stx_dev_major, st.stx_dev_minor) != on->dev && !ret->forgetful)
		return err_say(e, -EXDEV, "%s: %s lies on a %s subvolume, whose inode numbers are not its own; use a filesystem without "
			       "subvolumes", what, path, on->type);
	ret->dev = on->dev;
	ret->ino = st.stx_ino;
	ret->changed = pw_moment(st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec);
	ret->mnt_id = st.stx_mnt_id;
	return 0;
}

static int open_plain(const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)flags | (unsigned)O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/* Why a path does not lead to a directory, in words that say what to do. */
static int say_why(const char *what, const char *path, int code, struct err *e)
{
	_free_ char *part = strdup(path), *real = NULL;
	struct stat st;

	for (char *slash = part ? strchr(part + 1, '/') : NULL; part; slash = slash ? strchr(slash + 1, '/') : NULL) {
		if (slash)
			*slash = '\0';
		if (lstat(part, &st))
			return err_say(e, -errno, "%s: %s does not exist%s%s; create it or correct the path", what, part,
				       slash ? ", so neither does " : "", slash ? path : "");
		if (S_ISLNK(st.st_mode)) {
			real = realpath(path, NULL);
			return err_say(e, -ELOOP, "%s: %s is a symbolic link; name the real directory%s%s", what, part, real ? ": " : "",
				       real ? real : "");
		}
		if (!S_ISDIR(st.st_mode))
			return err_say(e, -ENOTDIR, "%s: %s is a file, not a directory; a store is a directory and all below it", what, part);
		if (!slash)
			break;
		*slash = '/';
	}
	return err_set(e, code, "%s: cannot open %s", what, path);
}

int place_store(const struct mounts *m, const struct image *img, uint32_t label, int *ret_fd, struct place *ret, struct err *e)
{
	const struct pw_img_store *s = &img->stores[label];
	const char *path = image_str(img, s->path), *inside;
	_buf_ struct buf what = BUF_INIT;
	_fd_ int fd = open_plain(path, O_PATH | O_DIRECTORY);
	int rc;

	buf_printf(&what, "store '%s'", image_str(img, s->name));
	if (what.failed)
		return err_set(e, -ENOMEM, "cannot look at %s", path);
	if (fd < 0)
		return say_why(what.data, path, -errno, e);
	inside = mounts_inside(m, path, img);
	if (inside)
		return err_say(e, -EXDEV, "%s: another filesystem is mounted inside, at %s; give it a store of its own or unmount it", what.data,
			       inside);
	rc = place_of(m, fd, what.data, path, ret, e);
	if (!rc)
		*ret_fd = take_fd(fd);
	return rc;
}

static int check_verity(int fd, const struct pw_img_program *p, const char *what, const char *path, struct err *e)
{
	union { struct fsverity_digest head; unsigned char bytes[sizeof(struct fsverity_digest) + 64]; } d = { 0 };

	d.head.digest_size = 64;
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &d))
		return err_set(e, -errno, "%s: cannot read the fs-verity digest of %s; enable it with 'fsverity enable'", what, path);
	if (d.head.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || d.head.digest_size != sizeof(p->verity) ||
	    memcmp(d.head.digest, p->verity, sizeof(p->verity)))
		return err_say(e, -EKEYREJECTED, "%s: %s has another fs-verity digest than the policy says; put back the right file or correct "
			       "the policy", what, path);
	return 0;
}

/* A script is run by its interpreter: the kernel never sees the script itself as what a process executes. */
static bool is_script(const char *path, const struct stat *st)
{
	_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat now;
	char head[2];

	/* A program inside a store need not be readable to us; then nobody can tell, and the role never holds if it is a script. */
	return fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino &&
	       pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) && head[0] == '#' && head[1] == '!';
}

int place_program(const struct mounts *m, const struct image *img, uint32_t i, struct place *ret, struct err *e)
{
	const struct pw_img_program *p = &img->programs[i];
	const char *path = image_str(img, p->path);
	_buf_ struct buf what = BUF_INIT;
	_fd_ int fd = open(path, (p->has_verity ? O_RDONLY : O_PATH) | O_CLOEXEC);
	struct stat st;
	int rc;

	buf_printf(&what, "program '%s'", image_str(img, p->name));
	if (what.failed)
		return err_set(e, -ENOMEM, "cannot look at %s", path);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, -ENOENT, "%s: %s does not exist; install it or correct the path", what.data, path);
	if (fd < 0 || fstat(fd, &st))
		return err_set(e, -errno, "%s: cannot open %s", what.data, path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_say(e, -ENOEXEC, "%s: %s is no executable file; name the program itself", what.data, path);
	if (is_script(path, &st))
		return err_say(e, -ENOEXEC, "%s: %s is a script, and what runs is its interpreter, so no process would ever match; name the "
			       "interpreter and give the role a unit", what.data, path);
	rc = place_of(m, fd, what.data, path, ret, e);
	return rc || !p->has_verity ? rc : check_verity(fd, p, what.data, path, e);
}
