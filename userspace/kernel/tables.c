// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of one generation: written beside the others, read back from the kernel, compared, and tested as read. Must never touch
 * the slot of a generation that may still decide.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "kernel/internal.h"

#include "base/cleanup.h"
#include "policy/image.h"

#define TABLES 3

struct table { const char *name; enum map outer; const void *bytes; uint32_t elem_bytes; uint32_t count; };

static size_t table_bytes(const struct table *t)
{
	return (size_t)t->elem_bytes * t->count;
}

/* Array maps are mapped in whole pages, and elements of these sizes lie without gaps. */
static void *table_map(const struct table *t, int fd, int prot)
{
	return mmap(NULL, table_bytes(t) ? table_bytes(t) : t->elem_bytes, prot, MAP_SHARED, fd, 0);
}

static int table_make(struct kernel *k, const struct table *t, uint32_t gen, int *ret_fd, struct err *e)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	uint32_t place = gen % PW_GENERATIONS;
	_fd_ int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, t->name, 4, t->elem_bytes, t->count ? t->count : 1, &opts);
	void *at;

	if (fd < 0)
		return err_set(e, -errno, "cannot make the table %s with %u elements", t->name, t->count);
	at = table_map(t, fd, PROT_READ | PROT_WRITE);
	if (at == MAP_FAILED)
		return err_set(e, -errno, "cannot map the table %s", t->name);
	memcpy(at, t->bytes, table_bytes(t));
	munmap(at, table_bytes(t) ? table_bytes(t) : t->elem_bytes);
	if (bpf_map_update_elem(k->maps[t->outer], &place, &fd, BPF_ANY))
		return err_set(e, -errno, "cannot put the table %s in its place", t->name);
	*ret_fd = take_fd(fd);
	return own_bpf_map(k, *ret_fd, e);
}

static int tables_make(struct kernel *k, const struct table *t, struct tables *made, struct err *e)
{
	for (size_t i = 0; i < TABLES; i++) {
		int rc = table_make(k, &t[i], made->gen, &made->fd[i], e);

		if (rc)
			return rc;
	}
	return 0;
}

static int gen_put(struct kernel *k, const struct image *img, uint32_t gen, struct err *e)
{
	struct pw_gen g = *img->gen, back;
	uint32_t place = gen % PW_GENERATIONS;

	g.gen = gen;
	if (bpf_map_update_elem(k->maps[MAP_GENS], &place, &g, BPF_ANY) || bpf_map_lookup_elem(k->maps[MAP_GENS], &place, &back))
		return err_set(e, -errno, "cannot write the constants of generation %u", gen);
	return memcmp(&g, &back, sizeof(g)) ? err_say(e, -EIO, "the kernel gave back other constants than were written") : 0;
}

/* The same questions to the bytes that the programs will read. */
static int tables_check(const struct image *img, const struct table *t, const struct tables *made, struct err *e)
{
	void *at[TABLES] = { MAP_FAILED, MAP_FAILED, MAP_FAILED };
	struct image read_back = *img;
	int rc = 0;

	for (size_t i = 0; i < TABLES && !rc; i++) {
		at[i] = table_map(&t[i], made->fd[i], PROT_READ);
		if (at[i] == MAP_FAILED)
			rc = err_set(e, -errno, "cannot read back the table %s", t[i].name);
		else if (memcmp(at[i], t[i].bytes, table_bytes(&t[i])))
			rc = err_say(e, -EIO, "the kernel gave back another table %s than was written", t[i].name);
	}
	if (!rc) {
		read_back.cells = at[0];
		read_back.entries = at[1];
		read_back.conds = at[2];
		rc = table_tests(&read_back, e);
	}
	for (size_t i = 0; i < TABLES; i++)
		if (at[i] != MAP_FAILED)
			munmap(at[i], table_bytes(&t[i]) ? table_bytes(&t[i]) : t[i].elem_bytes);
	return rc;
}

int tables_fill(struct kernel *k, const struct image *img, uint32_t gen, struct err *e)
{
	const struct table t[TABLES] = {
		{ "pw_cells_in", MAP_CELLS, img->cells, sizeof(struct pw_cell), img->count[PW_SEC_CELLS] },
		{ "pw_entries_in", MAP_ENTRIES, img->entries, sizeof(struct pw_entry), img->count[PW_SEC_ENTRIES] },
		{ "pw_conds_in", MAP_CONDS, img->conds, sizeof(struct pw_cond), img->count[PW_SEC_CONDS] },
	};
	struct tables *made = &k->staged[gen % PW_GENERATIONS];
	int rc;

	tables_drop(k, made->gen ? made->gen : gen);
	made->gen = gen;
	rc = tables_make(k, t, made, e);
	if (!rc)
		rc = gen_put(k, img, gen, e);
	if (!rc)
		rc = tables_check(img, t, made, e);
	return rc;
}

void tables_drop(struct kernel *k, uint32_t gen)
{
	static const enum map outer[TABLES] = { MAP_CELLS, MAP_ENTRIES, MAP_CONDS };
	struct tables *made = &k->staged[gen % PW_GENERATIONS];
	uint32_t place = gen % PW_GENERATIONS;
	struct pw_gen g = { 0 };

	if (bpf_map_lookup_elem(k->maps[MAP_GENS], &place, &g) == 0 && g.gen && g.gen != gen)
		return;
	memset(&g, 0, sizeof(g));
	(void)bpf_map_update_elem(k->maps[MAP_GENS], &place, &g, BPF_ANY);
	for (size_t t = 0; t < TABLES; t++) {
		uint32_t id;

		/* To user space an outer map gives the numbers of what it holds. */
		if (bpf_map_lookup_elem(k->maps[outer[t]], &place, &id))
			continue; /* each change of an outer map waits for a grace period */
		own_bpf_drop(k, PW_OWN_MAP, id);
		(void)bpf_map_delete_elem(k->maps[outer[t]], &place);
	}
	if (made->gen == gen) {
		for (size_t t = 0; t < TABLES; t++)
			cleanup_fd(&made->fd[t]);
		made->gen = 0;
	}
}
