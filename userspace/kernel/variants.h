/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per kernel program, made from hooks.def, and what this kernel's type information says about its hook. Reads BTF only:
 * needs no privilege and calls no bpf(2).
 */
#ifndef KERNEL_VARIANTS_H
#define KERNEL_VARIANTS_H

#include <stdbool.h>
#include <stdint.h>

enum variant_use { VARIANT_REQUIRED, VARIANT_STAT, VARIANT_OPTIONAL };

struct variant {
	const char *name;   /* of the program; NULL ends the table */
	const char *target; /* as in hooks.def: HOOK, tp/NAME, fentry/NAME, fexit/NAME, iter/NAME or cgroup/NAME */
	uint32_t needs;     /* enum pw_action bits that it decides on */
	enum variant_use use;
	int arity;          /* 0: any */
	uint8_t hook;       /* enum pw_hook */
};
extern const struct variant variants[];

struct btf;
/* Does this kernel have what the program attaches to? */
bool variant_present(const struct variant *v, const struct btf *btf);
/* ... with the number of arguments that this row is for? btf may be NULL: then false. */
bool variant_fits(const struct variant *v, const struct btf *btf);
/* Attached by a link of another kind, and run only when that is read. */
bool variant_is_iterator(const struct variant *v);
/* Attached to the root of the control groups instead: no function of the kernel's stands behind it. */
bool variant_is_cgroup(const struct variant *v);
/* Another row serves the same hook: only together do they have to be there. */
bool variant_has_twin(const struct variant *v);

#endif
