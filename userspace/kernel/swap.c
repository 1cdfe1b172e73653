// SPDX-License-Identifier: Apache-2.0
/*
 * One policy after another: stage a generation beside the active one, flip to it by one store, confirm or go back, retire. Must
 * never change what is decided before kernel_flip(), nor leave behind what it could not finish.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/cleanup.h"
#include "policy/image.h"

/* The largest generation in the kernel, and whether a slot is free to be overwritten. */
static uint32_t newest(const struct kernel *k)
{
	uint32_t max = STATE_READ(k->state->gen);

	for (uint32_t place = 0; place < PW_GENERATIONS; place++) {
		struct pw_gen g;

		if (!bpf_map_lookup_elem(k->maps[MAP_GENS], &place, &g) && g.gen > max)
			max = g.gen;
	}
	return max;
}

/* The next number whose slot is neither the active generation's nor the one that may come back. */
static uint32_t next_gen(const struct kernel *k)
{
	uint32_t active = STATE_READ(k->state->gen), back = STATE_READ(k->state->revert_gen), gen = newest(k) + 1;

	while ((active && gen % PW_GENERATIONS == active % PW_GENERATIONS) || (back && gen % PW_GENERATIONS == back % PW_GENERATIONS))
		gen++;
	return gen;
}

/* The loader's own looks into stores are let through while it scans (PW_SUBJECT_SELF), and what it does to its own things always. */
static int mark_self(struct kernel *k, struct err *e)
{
	struct pw_subject s = { .flags = PW_SUBJECT_SELF | PW_SUBJECT_OWN };
	_fd_ int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0 || bpf_map_update_elem(k->maps[MAP_SUBJECTS], &pidfd, &s, BPF_ANY))
		return err_set(e, -errno, "cannot tell the kernel programs who scans the stores");
	return 0;
}

struct registrar { struct kernel *k; uint32_t gen; struct err *e; };

static int register_link(void *ctx, uint32_t dev, uint64_t ino, uint32_t label)
{
	struct registrar *r = ctx;
	struct place at = { .dev = dev, .ino = ino };

	return attr_label(r->k, r->gen, &at, label, r->e);
}

static int same_root(const struct image *img, const struct place *roots, uint32_t label, struct err *e)
{
	for (uint32_t o = 1; o < label; o++)
		if (roots[o].dev == roots[label].dev && roots[o].ino == roots[label].ino)
			return err_say(e, -EEXIST, "stores '%s' and '%s' are the same directory (%s and %s); make one store of them",
				       image_str(img, img->stores[o].name), image_str(img, img->stores[label].name),
				       image_str(img, img->stores[o].path), image_str(img, img->stores[label].path));
	return 0;
}

/* Roots first, so that the scan of one store knows where another begins. */
static int stage_stores(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, struct links *links,
			const struct kernel_progress *p, struct err *e)
{
	_free_ struct place *roots = calloc(PW_LABELS_MAX, sizeof(*roots));
	struct registrar r = { k, gen, e };
	int fds[PW_LABELS_MAX], rc = roots ? 0 : err_set(e, -ENOMEM, "cannot look at the stores");

	for (size_t i = 0; i < PW_LABELS_MAX; i++)
		fds[i] = -1;
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES] && !rc; s++) {
		rc = place_store(m, img, s, &fds[s], &roots[s], e);
		if (!rc)
			rc = same_root(img, roots, s, e);
		if (!rc)
			rc = ways_stage(k, gen, m, fds[s], false, e);
	}
	if (!rc)
		rc = device_stage(k, img, gen, m, roots, e);
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES] && !rc; s++)
		rc = links_scan(links, img, s, fds[s], roots, p, e);
	if (!rc)
		rc = links_each(links, register_link, &r);
	for (uint32_t s = 1; s < img->count[PW_SEC_STORES]; s++) {
		if (!rc)
			rc = attr_label(k, gen, &roots[s], s | PW_ROOT_STORE, e);
		if (!rc && roots[s].forgetful && fds[s] >= 0) {
			cleanup_fd(&k->root_fds[s]);
			k->root_fds[s] = take_fd(fds[s]);
		}
		cleanup_fd(&fds[s]);
	}
	return rc;
}

static int stage_programs(struct kernel *k, const struct image *img, uint32_t gen, const struct mounts *m, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < img->count[PW_SEC_PROGRAMS] && !rc; i++) {
		struct place at;

		rc = place_program(m, img, i, &at, e);
		if (!rc)
			rc = attr_program(k, gen, &at, img->programs[i].roles, e);
	}
	return rc;
}

/* The ways to what polyward consists of, and to its pins. */
static int stage_ways(struct kernel *k, uint32_t gen, const struct mounts *m, struct err *e)
{
	const int dirs[] = { k->own.state_fd, k->own.log_fd, k->own.run_fd, k->own.install_fd, k->own.entry_dir_fd };
	_fd_ int pins = open("/sys/fs/bpf", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = pins < 0 ? err_set(e, -errno, "cannot look at /sys/fs/bpf") : ways_stage(k, gen, m, pins, true, e);

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !rc; i++)
		rc = dirs[i] < 0 ? 0 : ways_stage(k, gen, m, dirs[i], false, e);
	return rc;
}

static int stage(struct kernel *k, const struct image *img, uint32_t gen, const struct kernel_progress *p, struct err *e)
{
	struct mounts *m = NULL;
	struct links *links = NULL;
	int rc = mounts_read(&m, e);

	if (!rc && links_new(&links))
		rc = err_set(e, -ENOMEM, "cannot look at the stores");
	if (!rc)
		rc = mapped_check(k, img, e);
	if (!rc)
		rc = mark_self(k, e);
	if (!rc)
		rc = stage_stores(k, img, gen, m, links, p, e);
	if (!rc)
		rc = own_stage(k, img, gen, m, e);
	if (!rc && k->attached)
		rc = own_pins(k, gen, e);
	if (!rc)
		rc = stage_ways(k, gen, m, e);
	if (!rc)
		rc = stage_programs(k, img, gen, m, e);
	if (!rc)
		rc = attrs_fill(k, img, gen, e);
	if (!rc)
		rc = tables_fill(k, img, gen, e);
	ways_forget(&k->ways);
	links_free(links);
	mounts_free(m);
	return rc;
}

int kernel_stage(struct kernel *k, const void *image, size_t len_bytes, const struct kernel_progress *p, uint32_t *ret_gen, struct err *e)
{
	struct image img;
	uint32_t gen = next_gen(k);
	int rc = image_check(image, len_bytes, &img, e);

	if (rc)
		return rc;
	rc = stage(k, &img, gen, p, e);
	if (rc) {
		kernel_retire(k, gen);
		return rc;
	}
	k->seal_gen = img.head->flags & PW_IMG_SEALED ? gen : 0;
	*ret_gen = gen;
	return 0;
}

void kernel_retire(struct kernel *k, uint32_t gen)
{
	if (!gen || gen == STATE_READ(k->state->gen) || (STATE_READ(k->state->revert_at_ns) && gen == STATE_READ(k->state->revert_gen)))
		return;
	tables_drop(k, gen);
	attrs_drop(k, gen);
}

static int names_stat(const struct kernel *k, uint32_t gen, bool *ret, struct err *e)
{
	uint32_t place = gen % PW_GENERATIONS;
	struct pw_gen g;

	if (bpf_map_lookup_elem(k->maps[MAP_GENS], &place, &g) || g.gen != gen || !gen)
		return err_say(e, -ENOENT, "generation %u is not staged", gen);
	*ret = g.actions_named & PW_A_STAT;
	return 0;
}

int kernel_flip(struct kernel *k, uint32_t gen, uint64_t revert_at_boot_ns, struct err *e)
{
	uint32_t before = kernel_deciding(k);
	bool stat, stat_before = false, was_attached = k->attached;
	int rc = names_stat(k, gen, &stat, e);

	if (rc)
		return rc;
	if (before)
		(void)names_stat(k, before, &stat_before, e);
	/* Programs come before the policy that needs them, and go after the last that did: the old one may come back. */
	rc = k->attached ? pins_stat(k, stat || stat_before, e) : pins_attach(k, stat, e);
	if (!rc && !was_attached)
		rc = own_pins(k, gen, e);
	/* Later they are ours for what an upgrade says, not for lying where ours lay. */
	if (!rc && !before)
		rc = kernel_own_programs(k, e);
	if (rc)
		return rc;
	(void)__atomic_fetch_or(&k->state->guard, PW_GUARD_ON, __ATOMIC_SEQ_CST);
	STATE_WRITE(k->state->gen, before);
	STATE_WRITE(k->state->revert_at_ns, 0);
	STATE_WRITE(k->state->revert_gen, revert_at_boot_ns ? before : 0);
	STATE_WRITE(k->state->revert_at_ns, revert_at_boot_ns);
	STATE_WRITE(k->state->gen, gen);
	/* Permissions remembered under the old generation end here. */
	STATE_BUMP(k->state->slot_epoch);
	pins_behind_all(k);
	device_opened(k, gen);
	if (!revert_at_boot_ns && !stat)
		(void)pins_stat(k, false, e);
	/* A policy that is on trial does not bind anybody for longer than its trial. */
	if (!revert_at_boot_ns && k->seal_gen == gen)
		kernel_seal(k);
	return 0;
}

int kernel_confirm(struct kernel *k, struct err *e)
{
	uint64_t at_ns = STATE_READ(k->state->revert_at_ns);

	if (!at_ns)
		return err_say(e, -ENOENT, "no change waits to be confirmed");
	if (kernel_now_boot_ns() >= at_ns)
		return err_say(e, -ETIME, "the time to confirm is over: generation %u decides again", STATE_READ(k->state->revert_gen));
	STATE_WRITE(k->state->revert_at_ns, 0);
	STATE_WRITE(k->state->revert_gen, 0);
	return 0;
}

int kernel_revert(struct kernel *k, struct err *e)
{
	uint32_t back = STATE_READ(k->state->revert_gen);

	if (!STATE_READ(k->state->revert_at_ns))
		return err_say(e, -ENOENT, "no change waits to be confirmed, so there is none to take back");
	if (!back)
		return kernel_down(k, e);
	STATE_WRITE(k->state->gen, back);
	STATE_WRITE(k->state->revert_at_ns, 0);
	STATE_WRITE(k->state->revert_gen, 0);
	STATE_BUMP(k->state->slot_epoch);
	return 0;
}

void kernel_windows(struct kernel *k, uint32_t open, const uint64_t until_boot_ns[static PW_WINDOWS_MAX])
{
	for (uint32_t w = 0; w < PW_WINDOWS_MAX; w++)
		STATE_WRITE(k->state->lease_ns[w], open >> w & 1 ? until_boot_ns[w] : 0);
	STATE_WRITE(k->state->leased, open);
}
