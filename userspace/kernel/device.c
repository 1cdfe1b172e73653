// SPDX-License-Identifier: Apache-2.0
/*
 * What lies under a store: the block device of its filesystem and all that this consists of, down to the disks, by what sysfs says.
 * Opens no device but to ask a loop device for its file. Must never leave a layer out silently: what it cannot follow, it says.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"
#include "policy/image.h"

#define DEVICES_MAX 1024u
#define DEPTH_MAX   32u
#define SYS_TEXT    4096u

/* The devices found so far. */
struct below {
	struct kernel *k;
	uint32_t gen;
	uint32_t dev[DEVICES_MAX];
	uint32_t count;
	struct place backing[DEVICES_MAX];
	uint32_t backings;
	struct err *e;
};

static bool is_known(const struct below *b, uint32_t dev)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (b->dev[i] == dev)
			return true;
	return false;
}

static bool parse_numbers(const char *text, uint32_t *ret)
{
	const char *colon = strchr(text, ':');
	uint64_t major, minor;

	if (!colon || num_parse(text, (size_t)(colon - text), 0xfff, &major) ||
	    num_parse(colon + 1, strspn(colon + 1, "0123456789"), 0xfffff, &minor))
		return false;
	*ret = pw_dev((uint32_t)major, (uint32_t)minor);
	return true;
}

/* "8:1" from a file `dev`. */
static bool numbers_at(int dir_fd, const char *name, uint32_t *ret)
{
	_buf_ struct buf text = BUF_INIT;

	return !fd_read_file(dir_fd, name, SYS_TEXT, &text) && text.data && parse_numbers(text.data, ret);
}

static int dir_at(int dir_fd, const char *name)
{
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int sys_dir(uint32_t dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", dev >> 20, dev & 0xfffff);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int guard(struct below *b, uint32_t dev, bool chr, enum pw_bdev what)
{
	const struct pw_attr_key key = { .a = dev, .b = chr, .gen = b->gen, .kind = PW_ATTR_BDEV };

	b->k->devices++;
	return attr_add(b->k, &key, what, b->e);
}

/* ---- character devices of the same disk ---- */

/* Is this an entry of one of the classes whose nodes take commands for a disk? */
static bool is_passthrough(int dir_fd, const char *name)
{
	char path[300], to[300];
	const char *class;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/subsystem", name);
	len = readlinkat(dir_fd, path, to, sizeof(to) - 1);
	if (len <= 0)
		return false;
	to[len] = '\0';
	class = strrchr(to, '/') ? strrchr(to, '/') + 1 : to;
	return !strcmp(class, "nvme") || !strcmp(class, "nvme-generic") || !strcmp(class, "bsg") || !strcmp(class, "scsi_generic");
}

/* Each entry of this directory that has a node of such a class. Takes fd over. */
static int passthrough_in(struct below *b, int fd)
{
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int rc = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!rc && (entry = readdir(d))) {
		char path[300];
		uint32_t dev;

		snprintf(path, sizeof(path), "%s/dev", entry->d_name);
		if (entry->d_name[0] != '.' && is_passthrough(fd, entry->d_name) && numbers_at(fd, path, &dev))
			rc = guard(b, dev, true, PW_BDEV_PARENT);
	}
	closedir(d);
	return rc;
}

static int passthrough(struct below *b, int disk_fd)
{
	static const char *const dirs[] = { ".", "scsi_generic", "bsg" };
	_fd_ int device = dir_at(disk_fd, "device");
	uint32_t dev;
	int rc = 0;

	if (device < 0)
		return 0;
	if (is_passthrough(device, ".") && numbers_at(device, "dev", &dev))
		rc = guard(b, dev, true, PW_BDEV_PARENT);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !rc; i++)
		rc = passthrough_in(b, dir_at(device, dirs[i]));
	return rc;
}

/* ---- loop devices ---- */

static bool loop_path(int sys_fd, char *ret, size_t size)
{
	_buf_ struct buf text = BUF_INIT;

	if (fd_read_file(sys_fd, "loop/backing_file", SYS_TEXT, &text) || !text.data || !text.len_bytes)
		return false;
	snprintf(ret, size, "%.*s", (int)strcspn(text.data, "\n"), text.data);
	return true;
}

/* The loop device itself knows best; its file's path, as we see it, is the second choice. */
static bool loop_backing(int sys_fd, const char *path, struct place *ret, uint32_t *ret_node)
{
	_buf_ struct buf event = BUF_INIT;
	struct loop_info64 info = { 0 };
	struct stat st;
	char node[64] = "/dev/";
	const char *name;
	_fd_ int fd = -1;

	*ret_node = 0;
	if (!fd_read_file(sys_fd, "uevent", SYS_TEXT, &event) && event.data && (name = strstr(event.data, "DEVNAME="))) {
		snprintf(node + 5, sizeof(node) - 5, "%.*s", (int)strcspn(name + 8, "\n"), name + 8);
		fd = open(node, O_RDONLY | O_CLOEXEC);
	}
	if (fd >= 0 && !ioctl(fd, LOOP_GET_STATUS64, &info) && info.lo_inode) {
		*ret = (struct place){ .dev = pw_dev(major(info.lo_device), minor(info.lo_device)), .ino = info.lo_inode };
		*ret_node = info.lo_rdevice ? pw_dev(major(info.lo_rdevice), minor(info.lo_rdevice)) : 0;
		return true;
	}
	if (stat(path, &st))
		return false;
	*ret = (struct place){ .dev = pw_dev(major(st.st_dev), minor(st.st_dev)), .ino = st.st_ino };
	*ret_node = S_ISBLK(st.st_mode) ? pw_dev(major(st.st_rdev), minor(st.st_rdev)) : 0;
	return true;
}

/* ---- down ---- */

static int look(struct below *b, uint32_t dev, enum pw_bdev what, unsigned depth);

static int look_at_loop(struct below *b, int sys_fd, unsigned depth)
{
	char path[SYS_TEXT];
	struct place at;
	uint32_t node;
	int rc;

	if (!loop_path(sys_fd, path, sizeof(path)))
		return 0;
	if (!loop_backing(sys_fd, path, &at, &node))
		return err_say(b->e, -ENOENT, "a store lies on a loop device over %s, which cannot be found here; so nobody could keep others from "
			       "reading it", path);
	if (node)
		return look(b, node, PW_BDEV_STORE, depth + 1);
	if (b->backings < DEVICES_MAX)
		b->backing[b->backings++] = at;
	rc = attr_label(b->k, b->gen, &at, PW_LABEL_OWN_BACKING, b->e);
	return rc ? rc : look(b, at.dev, PW_BDEV_PARENT, depth + 1);
}

/* Device-mapper keeps what an origin shares with its snapshots, and a pool with its volumes, in devices with these names. */
static bool is_shared(int slave_fd)
{
	_buf_ struct buf uuid = BUF_INIT;

	return !fd_read_file(slave_fd, "dm/uuid", SYS_TEXT, &uuid) && uuid.data && !strncmp(uuid.data, "LVM-", 4) &&
	       (strstr(uuid.data, "-real\n") || strstr(uuid.data, "-tpool\n"));
}

/* Every device in this directory of links. Takes fd over. */
static int look_at_links(struct below *b, int fd, enum pw_bdev what, unsigned depth)
{
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int rc = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!rc && (entry = readdir(d))) {
		_fd_ int other = entry->d_name[0] == '.' ? -1 : dir_at(fd, entry->d_name);
		uint32_t dev;

		if (other < 0 || !numbers_at(other, "dev", &dev))
			continue;
		rc = look(b, dev, what, depth + 1);
		if (!rc && is_shared(other))
			rc = look_at_links(b, dir_at(other, "holders"), what, depth + 1);
	}
	closedir(d);
	return rc;
}

/* A mapping of device-mapper gets its tables through one node for all; its number is in linux/miscdevice.h, which is not for users. */
static int commands(struct below *b, int sys_fd)
{
	const struct pw_attr_key key = { .a = pw_dev(10, 236), .b = PW_BDEV_COMMANDS, .gen = b->gen, .kind = PW_ATTR_BDEV };

	return faccessat(sys_fd, "dm", F_OK, 0) ? 0 : attr_add(b->k, &key, PW_BDEV_STORE, b->e);
}

static int look(struct below *b, uint32_t dev, enum pw_bdev what, unsigned depth)
{
	_fd_ int sys = -1;
	uint32_t parent;
	int rc;

	if (is_known(b, dev))
		return 0;
	if (b->count == DEVICES_MAX || depth > DEPTH_MAX)
		return err_say(b->e, -E2BIG, "the stores lie on more than %u block devices, or on more than %u below each other", DEVICES_MAX,
			       DEPTH_MAX);
	sys = sys_dir(dev);
	if (sys < 0)
		return 0;
	b->dev[b->count++] = dev;
	rc = guard(b, dev, false, what);
	if (!rc && !faccessat(sys, "partition", F_OK, 0))
		return numbers_at(sys, "../dev", &parent) ? look(b, parent, PW_BDEV_PARENT, depth + 1) : 0;
	if (!rc)
		rc = passthrough(b, sys);
	if (!rc)
		rc = commands(b, sys);
	if (!rc)
		rc = look_at_loop(b, sys, depth);
	return rc ? rc : look_at_links(b, dir_at(sys, "slaves"), PW_BDEV_STORE, depth);
}

/* ---- loop devices that somebody has put over what is guarded, or over a file in a store, before it was ---- */

static bool in_store(const struct image *img, const char *path)
{
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES]; s++) {
		const char *store = image_str(img, img->stores[s].path);
		size_t len = strlen(store);

		if (!strncmp(path, store, len) && (path[len] == '/' || store[len - 1] == '/'))
			return true;
	}
	return false;
}

static int look_over(struct below *b, const struct image *img, int sys_fd)
{
	char path[SYS_TEXT];
	struct place at;
	uint32_t dev, node = 0;
	bool ours;

	if (!loop_path(sys_fd, path, sizeof(path)) || !numbers_at(sys_fd, "dev", &dev) || is_known(b, dev))
		return 0;
	ours = in_store(img, path);
	if (!ours && loop_backing(sys_fd, path, &at, &node)) {
		ours = node && is_known(b, node);
		for (uint32_t i = 0; i < b->backings && !ours; i++)
			ours = !node && b->backing[i].dev == at.dev && b->backing[i].ino == at.ino;
	}
	return ours ? guard(b, dev, false, PW_BDEV_STORE) : 0;
}

static int loops_over(struct below *b, const struct image *img)
{
	_fd_ int block = dir_at(AT_FDCWD, "/sys/block");
	int fd = block < 0 ? -1 : dir_at(block, "."), rc = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!rc && (entry = readdir(d))) {
		_fd_ int sys = strncmp(entry->d_name, "loop", 4) ? -1 : dir_at(block, entry->d_name);

		if (sys >= 0)
			rc = look_over(b, img, sys);
	}
	closedir(d);
	return rc;
}

/* ---- who may look ---- */

static int readers(struct below *b, const struct mounts *m)
{
	static const char *const programs[] = { "/usr/bin/udevadm", "/bin/udevadm", "/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd",
						"/sbin/udevd" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]) && !rc; i++) {
		_fd_ int fd = open(programs[i], O_PATH | O_CLOEXEC);
		struct pw_attr_key key = { .gen = b->gen, .kind = PW_ATTR_BDEV_USER };
		struct place at;
		struct err e = { 0 };

		/* Where its number does not tell it from others, nobody is let through. */
		if (fd < 0 || place_fd(m, fd, programs[i], &at, &e) || at.forgetful)
			continue;
		key.a = at.dev;
		key.b = at.ino;
		rc = attr_add(b->k, &key, 1, b->e);
	}
	return rc;
}

/* Data in memory has nothing below it; where it comes over a network or from another filesystem, others have it too. */
static void say_what_is_open(struct kernel *k, const struct mounts *m, const struct place *root, const char *store)
{
	struct mounts_entry on;

	if (!mounts_find(m, root->mnt_id, &on) || !strcmp(on.type, "tmpfs") || !strcmp(on.type, "ramfs") || k->below[0])
		return;
	snprintf(k->below, sizeof(k->below), "store '%s' lies on %s, which has no block device of its own here: whoever reaches the data "
		 "below that filesystem is not held back", store, on.type);
}

/* Who writes below polyward's programs, policies and log, or reads below the key, has all of them. */
static int below_own(struct below *b, const struct mounts *m)
{
	const struct kernel_own *own = &b->k->own;
	const int dirs[] = { own->state_fd, own->log_fd, own->signer_fd, own->install_fd, own->entry_dir_fd };
	int rc = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !rc; i++) {
		struct place at;
		struct err e = { 0 };

		/* A place that cannot be told from others is refused where it gets its label. */
		if (dirs[i] >= 0 && !place_fd(m, dirs[i], "a directory of polyward's own", &at, &e))
			rc = look(b, at.dev, PW_BDEV_STORE, 0);
	}
	return rc;
}

int device_stage(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, const struct place *roots, struct err *e)
{
	_free_ struct below *b = calloc(1, sizeof(*b));
	uint32_t nodes;
	int rc = b ? 0 : err_set(e, -ENOMEM, "cannot look at the devices below the stores");

	k->below[0] = '\0';
	k->devices = 0;
	if (rc)
		return rc;
	*b = (struct below){ .k = k, .gen = gen, .e = e };
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES] && !rc; s++) {
		rc = look(b, roots[s].dev, PW_BDEV_STORE, 0);
		if (!rc && !is_known(b, roots[s].dev))
			say_what_is_open(k, m, &roots[s], image_str(img, img->stores[s].name));
	}
	if (!rc)
		rc = below_own(b, m);
	if (!rc)
		rc = loops_over(b, img);
	if (!rc)
		rc = readers(b, m);
	/* Descriptors of device nodes that were opened before are looked at when they are used. */
	if (!rc && mounts_dev_of(m, "devtmpfs", &nodes))
		rc = attr_dev(k, gen, nodes, PW_DEV_OWN, e);
	return rc;
}

/* ---- opened before ---- */

void device_opened(struct kernel *k, uint32_t gen)
{
	_fd_ int fd = k->devices ? pins_iterator("pw_opened") : -1;
	struct err e = { 0 };
	uint32_t dev[64];
	ssize_t n = fd < 0 && k->devices ? -1 : 0;

	while (fd >= 0) {
		n = read(fd, dev, sizeof(dev));
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0 || n % (ssize_t)sizeof(dev[0]))
			break;
		for (size_t i = 0; i < (size_t)n / sizeof(dev[0]); i++)
			if (attr_dev(k, gen, dev[i], PW_DEV_OWN, &e))
				n = -1;
	}
	/* Reads remembered meanwhile end here. */
	STATE_BUMP(k->state->slot_epoch);
	if (n && !k->below[0])
		snprintf(k->below, sizeof(k->below), "raw devices below the stores that are open already by a node outside /dev stay so");
}

const char *kernel_below(const struct kernel *k)
{
	return k->below;
}
