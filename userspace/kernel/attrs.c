// SPDX-License-Identifier: Apache-2.0
/*
 * What the programs look up on their slow path: users, groups, programs, units, role sets, registered inodes. Every key carries its
 * generation, so that filling one generation changes nothing for another.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "policy/image.h"

int attr_add(struct kernel *k, const struct pw_attr_key *key, uint64_t value, struct err *e)
{
	uint64_t there = 0;

	/* The same program under two names, say: it counts for both. A role set or a label is there once. */
	if (key->kind == PW_ATTR_EXE && !bpf_map_lookup_elem(k->maps[MAP_ATTRS], key, &there))
		value |= there;
	if (bpf_map_update_elem(k->maps[MAP_ATTRS], key, &value, BPF_ANY))
		return err_set(e, -errno, "no room in the kernel for another user, group, program or registered file");
	return 0;
}

/* The filter only ever says "look closer", so it may come before the generation does. */
static void bloom_add(struct kernel *k, uint64_t ino)
{
	uint32_t bit = pw_bloom_bit(ino);

	(void)__atomic_fetch_or(&k->state->bloom[bit / 64], UINT64_C(1) << (bit % 64), __ATOMIC_SEQ_CST);
}

int attr_program(struct kernel *k, uint32_t gen, const struct place *at, uint64_t roles, struct err *e)
{
	const struct pw_attr_key exe = { .a = at->dev, .b = at->ino, .gen = gen, .kind = PW_ATTR_EXE };
	const struct pw_attr_key moment = { .a = at->dev, .b = at->ino, .gen = gen, .kind = PW_ATTR_EXE_TIME };
	int rc = attr_add(k, &moment, at->changed, e);

	return rc ? rc : attr_add(k, &exe, roles, e);
}

int attr_own_program(struct kernel *k, const struct place *at, enum pw_own_exe what, struct err *e)
{
	const struct pw_attr_key key = { .a = at->dev, .b = at->ino, .kind = PW_ATTR_OWN_EXE };

	bloom_add(k, at->ino);
	return attr_add(k, &key, what, e);
}

/* The hash knows the filesystem before the direct map sends anybody there. */
int attr_dev(struct kernel *k, uint32_t gen, uint32_t dev, enum pw_attr_dev holds, struct err *e)
{
	struct pw_attr_key key = { .a = dev, .gen = gen, .kind = PW_ATTR_DEV };
	uint32_t at = pw_dev_hash(dev), there = STATE_READ(k->state->devs[at]);
	uint64_t held = 0;
	int rc;

	if (!bpf_map_lookup_elem(k->maps[MAP_ATTRS], &key, &held) && held == PW_DEV_STORE)
		holds = PW_DEV_STORE;
	rc = attr_add(k, &key, holds, e);
	if (rc || there == dev)
		return rc;
	STATE_WRITE(k->state->devs[at], there ? PW_DEV_COLLIDE : dev);
	STATE_WRITE(k->state->dev_used[at], 1);
	return 0;
}

int attr_way(struct kernel *k, uint32_t gen, uint32_t dev, uint64_t ino, struct err *e)
{
	const struct pw_attr_key key = { .a = dev, .b = ino, .gen = gen, .kind = PW_ATTR_WAY };
	int rc = attr_add(k, &key, 1, e);

	if (!rc)
		bloom_add(k, ino);
	return rc;
}

int attr_label(struct kernel *k, uint32_t gen, const struct place *at, uint64_t word, struct err *e)
{
	struct pw_attr_key key = { .a = at->dev, .b = at->ino, .gen = gen, .kind = PW_ATTR_LABEL };
	int rc = attr_add(k, &key, word, e);

	if (rc)
		return rc;
	bloom_add(k, at->ino);
	if ((word & PW_ROOT_STORE) && (word & PW_ROOT_LABEL) < PW_LABELS_MAX)
		STATE_WRITE(k->state->root_ino[gen % PW_GENERATIONS * PW_LABELS_MAX + (word & PW_ROOT_LABEL)], at->ino);
	return attr_dev(k, gen, at->dev, (word & PW_ROOT_LABEL) >= PW_LABEL_OWN_FIRST ? PW_DEV_OWN : PW_DEV_STORE, e);
}

static int units_fill(struct kernel *k, const struct image *img, uint32_t gen, struct err *e)
{
	for (uint32_t i = 0; i < img->count[PW_SEC_UNITS]; i++) {
		const char *name = image_str(img, img->units[i].name);
		struct pw_unit_key key = { .gen = gen };
		uint64_t roles = img->units[i].roles, there = 0;
		size_t len = strlen(name);

		if (len >= sizeof(key.name))
			return err_say(e, -ENAMETOOLONG, "the unit name '%.40s...' is longer than %zu bytes", name, sizeof(key.name) - 1);
		memcpy(key.name, name, len);
		if (!bpf_map_lookup_elem(k->maps[MAP_UNITS], &key, &there))
			roles |= there;
		if (bpf_map_update_elem(k->maps[MAP_UNITS], &key, &roles, BPF_ANY))
			return err_set(e, -errno, "no room in the kernel for unit '%s'", name);
	}
	return 0;
}

int attrs_fill(struct kernel *k, const struct image *img, uint32_t gen, struct err *e)
{
	int rc = units_fill(k, img, gen, e);

	for (uint32_t i = 0; i < img->count[PW_SEC_ATTRS] && !rc; i++) {
		struct pw_attr_key key = { .a = img->attrs[i].id, .gen = gen, .kind = img->attrs[i].kind };

		rc = attr_add(k, &key, img->attrs[i].roles, e);
	}
	for (uint32_t row = 1; row < img->count[PW_SEC_ROWS] && !rc; row++) {
		struct pw_attr_key key = { .a = img->rows[row], .gen = gen, .kind = PW_ATTR_ROLES };

		/* A set may stand in two rows; any of them will do. */
		rc = img->rows[row] ? attr_add(k, &key, row, e) : 0;
	}
	return rc;
}

/* Delete all keys of one generation from a hash; gen_off: where in the key it stands. */
static void hash_drop(int fd, size_t key_bytes, size_t gen_off, uint32_t gen)
{
	unsigned char key[sizeof(struct pw_unit_key)], next[sizeof(struct pw_unit_key)];
	void *at = NULL;

	while (bpf_map_get_next_key(fd, at, next) == 0) {
		uint32_t its;

		memcpy(&its, next + gen_off, sizeof(its));
		if (its == gen) {
			/* Deleting the key that we stand on would start over. */
			if (bpf_map_delete_elem(fd, next))
				break;
			continue;
		}
		memcpy(key, next, key_bytes);
		at = key;
	}
}

void attrs_drop(struct kernel *k, uint32_t gen)
{
	hash_drop(k->maps[MAP_ATTRS], sizeof(struct pw_attr_key), offsetof(struct pw_attr_key, gen), gen);
	hash_drop(k->maps[MAP_UNITS], sizeof(struct pw_unit_key), offsetof(struct pw_unit_key, gen), gen);
}
