// SPDX-License-Identifier: Apache-2.0
/*
 * Pins on bpffs: maps, links, and the one program that comes and goes with policies. They are made beside KERNEL_PINS and put in
 * place by one rename, so that whoever looks finds all of them or none. Must never replace what is in place.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel/hierarchy.h"
#include "kernel/internal.h"
#include "kernel/object.h"

#include "base/cleanup.h"

#define STAGE KERNEL_PINS "-new" /* bpffs reserves names with dots */
#define STAT_PROGRAM "pw_getattr"

struct path { char text[128]; };

static struct path path_of(const char *base, const char *dir, const char *name)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "%s%s%s%s%s", base, dir ? "/" : "", dir ? dir : "", name ? "/" : "", name ? name : "");
	return p;
}

/* Remove a directory and what is in it; bpffs has no deeper trees than ours. */
static int remove_tree(const char *base)
{
	static const char *const dirs[] = { "links", "progs", "maps" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct path dir = path_of(base, dirs[i], NULL);
		DIR *d = opendir(dir.text);
		struct dirent *entry;

		if (!d)
			continue;
		while ((entry = readdir(d)))
			if (entry->d_name[0] != '.' && unlinkat(dirfd(d), entry->d_name, 0) && errno != ENOENT)
				rc = -errno;
		closedir(d);
		if (rmdir(dir.text) && errno != ENOENT)
			rc = -errno;
	}
	if (rmdir(base) && errno != ENOENT)
		rc = -errno;
	return rc;
}

#define DEVICE_PIN KERNEL_PINS "/progs/pw_device"
#define SYSCTL_PIN KERNEL_PINS "/progs/pw_sysctl"

int pins_remove(struct err *e)
{
	_fd_ int device_fd = bpf_obj_get(DEVICE_PIN);
	_fd_ int sysctl_fd = bpf_obj_get(SYSCTL_PIN);
	int rc = device_fd < 0 ? 0 : hierarchy_detach(device_fd, HIERARCHY_DEVICE, e);

	if (!rc && sysctl_fd >= 0)
		rc = hierarchy_detach(sysctl_fd, HIERARCHY_SYSCTL, e);
	if (rc)
		return rc;
	rc = remove_tree(KERNEL_PINS);

	(void)remove_tree(STAGE);
	return rc ? err_set(e, rc, "cannot remove the pins below %s", KERNEL_PINS) : 0;
}

static int stage_dirs(struct err *e)
{
	static const char *const dirs[] = { NULL, "maps", "links", "progs" };

	/* What a loader left that died before its rename: never in force as a whole. */
	(void)remove_tree(STAGE);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct path p = path_of(STAGE, dirs[i], NULL);

		if (mkdir(p.text, 0700))
			return err_set(e, -errno, "cannot make %s (is a BPF filesystem mounted on /sys/fs/bpf?)", p.text);
	}
	return 0;
}

static int pin(int fd, const char *base, const char *dir, const char *name, struct err *e)
{
	struct path p = path_of(base, dir, name);

	if (bpf_obj_pin(fd, p.text))
		return err_set(e, -errno, "cannot pin %s", p.text);
	return 0;
}

static int attach_one(struct kernel *k, int prog_fd, const struct variant *v, const char *base, struct err *e)
{
	_fd_ int link_fd = bpf_raw_tracepoint_open(NULL, prog_fd);
	int rc;

	if (link_fd < 0)
		return err_set(e, -errno, "cannot attach %s to the kernel's %s", v->name, v->target);
	rc = own_bpf_link(k, link_fd, e);
	return rc ? rc : pin(link_fd, base, "links", v->name, e);
}

static void say_device(struct kernel *k, const struct err *e)
{
	if (!k->below[0])
		snprintf(k->below, sizeof(k->below), "raw devices below the stores are guarded only where a descriptor of them is used: %.150s",
			 e->text);
}

/*
 * The root of the control groups keeps the program without a pin; with it a later polyward finds it again, to detach it. Where there is
 * no such root, nobody is asked about devices, and then nobody is to answer either.
 */
static bool attach_device(struct kernel *k, int prog_fd, const struct variant *v)
{
	struct err e = { 0 };

	if (!hierarchy_attach(prog_fd, HIERARCHY_DEVICE, &e) && !pin(prog_fd, STAGE, "progs", v->name, &e))
		return true;
	say_device(k, &e);
	return false;
}

/* Where there is no such root the switch stays open, and `doctor` shows the row as missing. */
static int attach_sysctl(int prog_fd, const struct variant *v, struct err *e)
{
	int rc = hierarchy_attach(prog_fd, HIERARCHY_SYSCTL, e);

	return rc == -ENOENT ? 0 : rc ? rc : pin(prog_fd, STAGE, "progs", v->name, e);
}

static bool is_for_sysctl(const struct variant *v)
{
	return !strcmp(v->target, "cgroup/sysctl");
}

static bool is_for_device(const struct variant *v)
{
	return !strcmp(v->target, "fentry/devcgroup_check_permission");
}

static int stage_all(struct kernel *k, bool with_stat, struct err *e)
{
	bool device = false;
	struct bpf_program *each;
	struct bpf_map *map;
	int rc = stage_dirs(e);

	bpf_object__for_each_map(map, k->skel->obj)
		if (!rc)
			rc = own_bpf_map(k, bpf_map__fd(map), e);
	bpf_object__for_each_program(each, k->skel->obj)
		if (!rc && bpf_program__fd(each) >= 0)
			rc = own_bpf_prog(k, bpf_program__fd(each), e);
	for (size_t i = 0; i < MAP_COUNT && !rc; i++)
		rc = pin(k->maps[i], STAGE, "maps", map_pins[i], e);
	for (const struct variant *v = variants; v->name && !rc; v++) {
		const struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, v->name);

		if (!variant_fits(v, k->btf) || (is_for_device(v) && !device))
			continue;
		if (is_for_sysctl(v)) {
			rc = attach_sysctl(bpf_program__fd(prog), v, e);
			continue;
		}
		if (variant_is_cgroup(v)) {
			device = attach_device(k, bpf_program__fd(prog), v);
			continue;
		}
		if (v->use == VARIANT_STAT || variant_is_iterator(v))
			rc = pin(bpf_program__fd(prog), STAGE, "progs", v->name, e);
		if (!rc && !variant_is_iterator(v) && (v->use != VARIANT_STAT || with_stat))
			rc = attach_one(k, bpf_program__fd(prog), v, STAGE, e);
	}
	if (!rc && rename(STAGE, KERNEL_PINS))
		rc = err_set(e, -errno, "cannot put the pins in place at %s", KERNEL_PINS);
	return rc;
}

int pins_attach(struct kernel *k, bool with_stat, struct err *e)
{
	int rc;

	if (!k->skel)
		return err_say(e, -ESTALE, "the kernel programs are no longer at hand; start polyward-kernel again");
	rc = stage_all(k, with_stat, e);
	if (rc) {
		(void)hierarchy_detach(bpf_program__fd(k->skel->progs.pw_device), HIERARCHY_DEVICE, &(struct err){ 0 });
		(void)hierarchy_detach(bpf_program__fd(k->skel->progs.pw_sysctl), HIERARCHY_SYSCTL, &(struct err){ 0 });
		(void)remove_tree(STAGE);
		return rc;
	}
	k->attached = true;
	/* Pins keep what is needed; the object's text, its descriptors and the kernel's type information, all megabytes, are not. */
	polyward_bpf__destroy(k->skel);
	k->skel = NULL;
	btf__free(k->btf);
	k->btf = NULL;
	(void)malloc_trim(0);
	return 0;
}

int pins_stat(struct kernel *k, bool on, struct err *e)
{
	struct path link = path_of(KERNEL_PINS, "links", STAT_PROGRAM), prog = path_of(KERNEL_PINS, "progs", STAT_PROGRAM);
	_fd_ int fd = -1;

	if ((access(link.text, F_OK) == 0) == on)
		return 0;
	if (!on)
		return unlink(link.text) ? err_set(e, -errno, "cannot detach %s", STAT_PROGRAM) : 0;
	fd = bpf_obj_get(prog.text);
	if (fd < 0)
		return err_set(e, -errno, "cannot open the pinned program %s", prog.text);
	for (const struct variant *v = variants; v->name; v++)
		if (!strcmp(v->name, STAT_PROGRAM))
			return attach_one(k, fd, v, KERNEL_PINS, e);
	return err_say(e, -EOPNOTSUPP, "this kernel has no hook for stat, which the policy names");
}

/* A link to an iterator can be given another program by whoever gets hold of it, so there is none but while it is read. */
int pins_iterator(const char *name)
{
	struct path prog = path_of(KERNEL_PINS, "progs", name);
	_fd_ int prog_fd = bpf_obj_get(prog.text);
	_fd_ int link_fd = prog_fd < 0 ? -1 : bpf_link_create(prog_fd, 0, BPF_TRACE_ITER, NULL);
	int fd = link_fd < 0 ? -1 : bpf_iter_create(link_fd);

	return fd < 0 ? -errno : fd;
}

uint32_t pins_links(void)
{
	DIR *d = opendir(KERNEL_PINS "/links");
	struct dirent *entry;
	uint32_t count = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d)))
		count += entry->d_name[0] != '.';
	closedir(d);
	return count;
}

static int stale(struct err *e, const char *what)
{
	return err_say(e, -ESTALE, "%s below %s is missing, so enforcement is not whole; remove what is left with 'rm -r %s' and start "
		       "again, or reboot", what, KERNEL_PINS, KERNEL_PINS);
}

/*
 * The programs at the root of the control groups stay by themselves; what somebody hung behind them before the guard stood goes in front.
 */
void pins_behind_all(struct kernel *k)
{
	_fd_ int device_fd = bpf_obj_get(DEVICE_PIN), sysctl_fd = bpf_obj_get(SYSCTL_PIN);
	struct err e = { 0 };

	if (device_fd >= 0 && hierarchy_attach(device_fd, HIERARCHY_DEVICE, &e))
		say_device(k, &e);
	if (sysctl_fd >= 0)
		(void)hierarchy_attach(sysctl_fd, HIERARCHY_SYSCTL, &e);
}

int pins_adopt(struct kernel *k, struct err *e)
{
	_fd_ int dir = open(KERNEL_PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct btf *btf;

	if (dir < 0) {
		int code = -errno;

		return err_set(e, code, "cannot open %s", KERNEL_PINS);
	}
	for (size_t i = 0; i < MAP_COUNT; i++) {
		struct path p = path_of(KERNEL_PINS, "maps", map_pins[i]);

		k->maps[i] = bpf_obj_get(p.text);
		if (k->maps[i] < 0 && errno != ENOENT)
			return err_set(e, -errno, "cannot open the pinned map %s", p.text);
		if (k->maps[i] < 0)
			return stale(e, p.text);
	}
	btf = btf__load_vmlinux_btf();
	for (const struct variant *v = variants; v->name; v++) {
		struct path p = path_of(KERNEL_PINS, "links", v->name);

		if (v->use == VARIANT_REQUIRED && variant_fits(v, btf) && access(p.text, F_OK)) {
			btf__free(btf);
			return stale(e, p.text);
		}
	}
	btf__free(btf);
	pins_behind_all(k);
	return 0;
}
