// SPDX-License-Identifier: Apache-2.0
/*
 * What the verifier of the running kernel makes of each program: loads them one by one and prints the number of instructions that
 * it went through, as TAP. Needs a kernel that lets LSM programs in, so it runs in the guest. Attaches nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "kernel/variants.h"
#include "kernel/object.h"

/* Budget of one program: a quarter of what a kernel allows, so that a change that explodes is seen before a user's kernel sees it. */
#define BUDGET_INSNS 250000u
#define LOG_BYTES    (8u << 20)

static int load_one(const char *name, char *log)
{
	struct polyward_bpf *skel = polyward_bpf__open();
	struct bpf_program *prog;
	int rc;

	if (!skel)
		return -errno;
	bpf_object__for_each_program(prog, skel->obj) {
		bool mine = !strcmp(bpf_program__name(prog), name);

		bpf_program__set_autoload(prog, mine);
		if (mine) {
			bpf_program__set_log_level(prog, 4);
			bpf_program__set_log_buf(prog, log, LOG_BYTES);
		}
	}
	log[0] = '\0';
	rc = bpf_object__load(skel->obj);
	polyward_bpf__destroy(skel);
	return rc;
}

static unsigned long processed(const char *log)
{
	const char *at = strstr(log, "processed ");
	unsigned long insns = 0;

	if (!at || sscanf(at, "processed %lu insns", &insns) != 1)
		return 0;
	return insns;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

int main(int argc, char **argv)
{
	_free_ char *log = malloc(LOG_BYTES);
	const struct variant *v;
	struct btf *btf = NULL;
	struct utsname uts;
	unsigned long total = 0;
	int n = 0, failed = 0;

	if (!log || uname(&uts))
		return 3;
	libbpf_set_print(quiet);
	btf = btf__load_vmlinux_btf();
	for (v = variants; v->name; v++) {
		unsigned long insns;
		int rc;

		if (!variant_fits(v, btf) || (argc > 1 && strcmp(argv[1], v->name)))
			continue;
		rc = load_one(v->name, log);
		insns = processed(log);
		total += insns;
		n++;
		if (rc) {
			size_t len = strlen(log);

			printf("# %s\n", len > 6000 ? log + len - 6000 : log);
		}
		failed |= rc || !insns || insns > BUDGET_INSNS;
		printf("%sok %d - %s: %s: %lu instructions%s%s\n", rc || !insns || insns > BUDGET_INSNS ? "not " : "", n, uts.release,
		       v->name, insns, rc ? ": " : "", rc ? strerror(-rc) : "");
		fflush(stdout);
	}
	btf__free(btf);
	printf("1..%d\n# %s: %d programs, %lu instructions in all\n", n, uts.release, n, total);
	return failed;
}
