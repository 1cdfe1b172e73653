// SPDX-License-Identifier: Apache-2.0
/*
 * Which program fits this kernel: found in its type information, never in its version. Must never load anything.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>

#include <polyward/abi.h>

#include "kernel/variants.h"

#define REQUIRED VARIANT_REQUIRED
#define STAT     VARIANT_STAT
#define OPTIONAL VARIANT_OPTIONAL

const struct variant variants[] = {
#define PW_HOOK(prog, hook, needs, use, arity, why) { #prog, #hook, (needs), use, (arity), PW_HOOK_##prog },
#include <polyward/hooks.def>
#undef PW_HOOK
	{ NULL, NULL, 0, REQUIRED, 0, 0 },
};

bool variant_is_iterator(const struct variant *v)
{
	return !strncmp(v->target, "iter/", 5);
}

bool variant_is_cgroup(const struct variant *v)
{
	return !strncmp(v->target, "cgroup/", 7);
}

/* The function prototype behind a row, or NULL. */
static const struct btf_type *prototype(const struct variant *v, const struct btf *btf)
{
	char name[96];
	const struct btf_type *t;
	int id;

	if (!strncmp(v->target, "tp/", 3))
		snprintf(name, sizeof(name), "btf_trace_%s", v->target + 3);
	else if (!strncmp(v->target, "fexit/", 6))
		snprintf(name, sizeof(name), "%s", v->target + 6);
	else if (!strncmp(v->target, "fentry/", 7))
		snprintf(name, sizeof(name), "%s", v->target + 7);
	else if (variant_is_iterator(v))
		snprintf(name, sizeof(name), "bpf_iter_%s", v->target + 5);
	else
		snprintf(name, sizeof(name), "bpf_lsm_%s", v->target);
	id = btf__find_by_name_kind(btf, name, v->target[0] == 't' && v->target[1] == 'p' && v->target[2] == '/' ? BTF_KIND_TYPEDEF :
				    BTF_KIND_FUNC);
	if (id <= 0)
		return NULL;
	t = btf__type_by_id(btf, (__u32)id);
	if (btf_is_typedef(t)) {
		t = btf__type_by_id(btf, t->type); /* pointer */
		if (!t || !btf_is_ptr(t))
			return NULL;
	}
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? t : NULL;
}

bool variant_present(const struct variant *v, const struct btf *btf)
{
	return btf && (variant_is_cgroup(v) || prototype(v, btf));
}

bool variant_fits(const struct variant *v, const struct btf *btf)
{
	const struct btf_type *t = btf ? prototype(v, btf) : NULL;

	if (variant_is_cgroup(v))
		return btf;
	return t && (!v->arity || btf_vlen(t) == v->arity);
}

bool variant_has_twin(const struct variant *v)
{
	for (const struct variant *o = variants; o->name; o++)
		if (o != v && !strcmp(o->target, v->target))
			return true;
	return false;
}
