/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads the never-attached program and gives it the tables of one policy after the other. Needs CAP_BPF; without it the caller says
 * so loudly and compares the rest.
 */
#include "world.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Generated code: its own signs are its own business. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#include "differential/probe.skel.h"
#pragma GCC diagnostic pop

/* As in probe.bpf.c. */
struct probe_ctx {
	__u32 gen, row, label, need;
	struct pw_facts facts;
	struct pw_decision walk, single;
	__u32 fast;
	__u32 pad_;
};

#define LABELS_AT_MOST 64u

struct table { const char *name; size_t elem_bytes; __u32 elems; int fd; void *at; };

struct probe {
	struct probe_bpf *skel;
	struct table tables[3];
	uint32_t gen;
};

static int table_open(struct table *t, int outer_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);

	t->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, t->name, sizeof(__u32), (__u32)t->elem_bytes, t->elems, &opts);
	if (t->fd < 0)
		return -errno;
	t->at = mmap(NULL, t->elem_bytes * t->elems, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	if (t->at == MAP_FAILED) {
		t->at = NULL;
		return -errno;
	}
	for (__u32 slot = 0; slot < PW_GENERATIONS; slot++)
		if (bpf_map_update_elem(outer_fd, &slot, &t->fd, BPF_ANY) < 0)
			return -errno;
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int open_all(struct probe *p)
{
	int r;

	p->tables[0] = (struct table){ "probe_cells", sizeof(struct pw_cell), PW_ROWS_MAX * LABELS_AT_MOST, -1, NULL };
	p->tables[1] = (struct table){ "probe_entries", sizeof(struct pw_entry), PW_ENTRIES_MAX, -1, NULL };
	p->tables[2] = (struct table){ "probe_conds", sizeof(struct pw_cond), PW_CONDS_MAX, -1, NULL };
	p->skel = probe_bpf__open_and_load();
	if (!p->skel)
		return errno ? -errno : -EINVAL;
	r = table_open(&p->tables[0], bpf_map__fd(p->skel->maps.pw_cells));
	if (r == 0)
		r = table_open(&p->tables[1], bpf_map__fd(p->skel->maps.pw_entries));
	if (r == 0)
		r = table_open(&p->tables[2], bpf_map__fd(p->skel->maps.pw_conds));
	return r;
}

int probe_open(struct probe **ret)
{
	struct probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	if (!getenv("VERBOSE"))
		libbpf_set_print(quiet);
	r = open_all(p);
	if (r < 0) {
		probe_close(p);
		return r;
	}
	*ret = p;
	return 0;
}

int probe_load(struct probe *p, const struct image *img)
{
	const void *from[3] = { img->cells, img->entries, img->conds };
	static const enum pw_section sections[3] = { PW_SEC_CELLS, PW_SEC_ENTRIES, PW_SEC_CONDS };
	struct pw_gen gen = *img->gen;
	__u32 slot = ++p->gen % PW_GENERATIONS;

	for (size_t i = 0; i < 3; i++) {
		if (img->count[sections[i]] > p->tables[i].elems)
			return -E2BIG;
		memcpy(p->tables[i].at, from[i], img->count[sections[i]] * p->tables[i].elem_bytes);
	}
	gen.gen = p->gen;
	return bpf_map_update_elem(bpf_map__fd(p->skel->maps.pw_gens), &slot, &gen, BPF_ANY) < 0 ? -errno : 0;
}

int probe_ask(struct probe *p, const struct probe_query *q, struct probe_answer *ret)
{
	struct probe_ctx ctx = { .gen = p->gen, .row = q->row, .label = q->label, .need = q->need, .facts = q->facts };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	if (bpf_prog_test_run_opts(bpf_program__fd(p->skel->progs.probe), &opts) < 0)
		return -errno;
	*ret = (struct probe_answer){ .walk = ctx.walk, .single = ctx.single, .fast = ctx.fast };
	return 0;
}

void probe_close(struct probe *p)
{
	for (size_t i = 0; p && i < 3; i++) {
		if (p->tables[i].at)
			munmap(p->tables[i].at, p->tables[i].elem_bytes * p->tables[i].elems);
		if (p->tables[i].fd > 0)
			close(p->tables[i].fd);
	}
	if (p)
		probe_bpf__destroy(p->skel);
	free(p);
}
