// SPDX-License-Identifier: Apache-2.0
/*
 * A handle on the kernel's side: the programs freshly loaded, or everything adopted from the pins. Must never leave half of each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel/internal.h"
#include "kernel/object.h"

#include "base/buf.h"
#include "base/cleanup.h"

const char *const map_pins[MAP_COUNT] = {
#define M(tag, pin, object) [MAP_##tag] = pin,
	KERNEL_MAPS(M)
#undef M
};

static const char *const map_objects[MAP_COUNT] = {
#define M(tag, pin, object) [MAP_##tag] = object,
	KERNEL_MAPS(M)
#undef M
};

uint64_t kernel_now_boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint32_t kernel_deciding(const struct kernel *k)
{
	uint64_t revert_at_ns = STATE_READ(k->state->revert_at_ns);

	if (revert_at_ns && kernel_now_boot_ns() >= revert_at_ns)
		return STATE_READ(k->state->revert_gen);
	return STATE_READ(k->state->gen);
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	for (uint32_t g = 0; g < PW_GENERATIONS; g++)
		for (size_t t = 0; t < 3; t++)
			cleanup_fd(&k->staged[g].fd[t]);
	for (size_t i = 0; i < PW_LABELS_MAX; i++)
		cleanup_fd(&k->root_fds[i]);
	if (k->state)
		munmap(k->state, sizeof(*k->state));
	for (size_t i = 0; i < MAP_COUNT; i++)
		cleanup_fd(&k->maps[i]);
	polyward_bpf__destroy(k->skel);
	btf__free(k->btf);
	free(k);
}

void kernel_close(struct kernel *k)
{
	kernel_free(k);
}

static struct kernel *kernel_new(void)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->own = (struct kernel_own)KERNEL_OWN_NONE;
	for (size_t i = 0; i < MAP_COUNT; i++)
		k->maps[i] = -1;
	for (uint32_t g = 0; g < PW_GENERATIONS; g++)
		for (size_t t = 0; t < 3; t++)
			k->staged[g].fd[t] = -1;
	for (size_t i = 0; i < PW_LABELS_MAX; i++)
		k->root_fds[i] = -1;
	k->own = (struct kernel_own)KERNEL_OWN_NONE;
	libbpf_set_print(silent);
	return k;
}

static int map_state(struct kernel *k, struct err *e)
{
	void *at = mmap(NULL, sizeof(*k->state), PROT_READ | PROT_WRITE, MAP_SHARED, k->maps[MAP_STATE], 0);

	if (at == MAP_FAILED)
		return err_set(e, -errno, "cannot map the programs' shared state");
	k->state = at;
	return 0;
}

/* Load what this kernel has a hook for. A required hook that is missing is an error that names it. */
static int choose_programs(struct kernel *k, struct err *e)
{
	for (const struct variant *v = variants; v->name; v++) {
		struct bpf_program *prog = bpf_object__find_program_by_name(k->skel->obj, v->name);
		bool fits = variant_fits(v, k->btf);

		if (!prog)
			return err_say(e, -ENOENT, "the program object lacks %s: it was built from another version; build again", v->name);
		if (!fits && v->use == VARIANT_REQUIRED && !variant_has_twin(v))
			return err_say(e, -EOPNOTSUPP, "this kernel has no hook %s, which every policy needs; Linux 6.1 or newer has it",
				       v->target);
		if (bpf_program__set_autoload(prog, fits))
			return err_say(e, -EINVAL, "cannot choose program %s", v->name);
	}
	return 0;
}

static int take_maps(struct kernel *k, struct err *e)
{
	for (size_t i = 0; i < MAP_COUNT; i++) {
		const struct bpf_map *map =
			bpf_object__find_map_by_name(k->skel->obj, map_objects[i] ? map_objects[i] : map_pins[i]);
		int fd = map ? bpf_map__fd(map) : -1;

		if (!map && !strcmp(map_pins[i], "pw_slots"))
			fd = bpf_map__fd(k->skel->maps.bss);
		if (fd < 0)
			return err_say(e, -ENOENT, "the program object lacks the map %s: it was built from another version; build again",
				       map_pins[i]);
		k->maps[i] = dup(fd);
		if (k->maps[i] < 0)
			return err_set(e, -errno, "cannot keep the map %s", map_pins[i]);
	}
	return 0;
}

static int load(struct kernel *k, struct err *e)
{
	/*
	 * Given by name, the kernel's types are all that libbpf looks at. Else it goes on to those of modules for every type that this
	 * kernel lacks, which takes CAP_SYS_ADMIN.
	 */
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = "/sys/kernel/btf/vmlinux");
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int rc;

	/* Before 5.11 maps counted as locked memory; the limit may still be asked for. No harm where it is not. */
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
	k->btf = btf__load_vmlinux_btf();
	if (!k->btf)
		return err_set(e, -errno, "cannot read this kernel's type information (/sys/kernel/btf/vmlinux)");
	k->skel = polyward_bpf__open_opts(&opts);
	if (!k->skel)
		return err_set(e, -errno, "cannot open the kernel programs");
	rc = choose_programs(k, e);
	if (rc)
		return rc;
	rc = polyward_bpf__load(k->skel);
	if (rc)
		return err_set(e, rc, "the kernel refuses the programs (polyward doctor says why)");
	rc = take_maps(k, e);
	if (!rc)
		rc = map_state(k, e);
	if (rc)
		return rc;
	k->state->abi_version = PW_ABI_VERSION;
	k->state->subject_epoch = k->state->object_epoch = k->state->slot_epoch = 1;
	return 0;
}

int kernel_adopt(struct kernel **ret, struct err *e)
{
	struct kernel *k = kernel_new();
	int rc;

	if (!k)
		return err_set(e, -ENOMEM, "cannot adopt what is pinned");
	rc = pins_adopt(k, e);
	if (!rc)
		rc = map_state(k, e);
	if (!rc && k->state->abi_version != PW_ABI_VERSION)
		rc = err_say(e, -ESTALE, "the programs pinned below %s are of another polyward (interface %u, this one has %u); stop enforcing "
			     "with the version that loaded them ('polyward down'), or reboot", KERNEL_PINS, k->state->abi_version, PW_ABI_VERSION);
	if (rc) {
		kernel_free(k);
		return rc;
	}
	k->attached = true;
	*ret = k;
	return 0;
}

int kernel_open(struct kernel **ret, enum kernel_how *ret_how, struct err *e)
{
	struct kernel *k;
	int rc = kernel_adopt(ret, e);

	if (rc != -ENOENT) {
		if (!rc)
			*ret_how = KERNEL_ADOPTED;
		return rc;
	}
	k = kernel_new();
	if (!k)
		return err_set(e, -ENOMEM, "cannot load the kernel programs");
	rc = load(k, e);
	if (rc) {
		kernel_free(k);
		return rc;
	}
	*ret_how = KERNEL_LOADED;
	*ret = k;
	return 0;
}

int kernel_down(struct kernel *k, struct err *e)
{
	if (kernel_sealed(k))
		return err_say(e, -EPERM, "the kernel is sealed (`guard sealed`), so enforcement ends with a reboot with polyward.off on the kernel "
			       "command line, and in no other way");
	/* First nobody decides any more, then the links go: in between everything is allowed, as it will be afterwards. */
	STATE_WRITE(k->state->revert_at_ns, 0);
	STATE_WRITE(k->state->gen, 0);
	STATE_BUMP(k->state->slot_epoch);
	k->attached = false;
	return pins_remove(e);
}

int kernel_rings(struct kernel *k, struct kernel_rings *ret)
{
	*ret = (struct kernel_rings){ .urgent_fd = k->maps[MAP_URGENT], .access_fd = k->maps[MAP_ACCESS],
				      .counters_fd = k->maps[MAP_COUNTERS], .urgent_bytes = PW_URGENT_BYTES, .access_bytes = PW_ACCESS_BYTES };
	return 0;
}
