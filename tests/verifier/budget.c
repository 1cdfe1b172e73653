// SPDX-License-Identifier: Apache-2.0
/*
 * What the verifier of the running kernel makes of each program: loads them one by one and compares the number of instructions that
 * it went through with the committed one, as TAP. Needs a kernel that lets LSM programs in, so it runs in the guest. Attaches nothing.
 * Usage: budget BUDGET.TSV [PROGRAM]    compare
 *        budget --print                 rows for the file instead of TAP
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "kernel/variants.h"
#include "kernel/object.h"

/* Limit of one program: a quarter of what a kernel allows, so that a change that explodes is seen before a user's kernel sees it. */
#define LIMIT_INSNS   250000u
#define MARGIN_PCT    10u
#define LOG_BYTES     (8u << 20)
#define TAIL_BYTES    6000u
#define ROWS_MAX      1024u

struct row { char program[48], kernel[16]; uint64_t insns; };

struct budget {
	char kernel[16]; /* as in the file: 6.1 */
	bool print;
	size_t count;
	struct row rows[ROWS_MAX];
};

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

static uint64_t processed(const char *log)
{
	static const char before[] = "processed ";
	const char *at = strstr(log, before);
	uint64_t insns = 0;

	if (!at)
		return 0;
	at += strlen(before);
	return num_parse(at, strcspn(at, " "), UINT32_MAX, &insns) < 0 ? 0 : insns;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

/* "6.1.0-56-amd64" is 6.1. */
static void short_name(const char *release, char *ret, size_t size)
{
	size_t len = strcspn(release, ".");

	len += release[len] ? 1 + strspn(release + len + 1, "0123456789") : 0;
	(void)snprintf(ret, size, "%.*s", (int)len, release);
}

static int read_rows(struct budget *b, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), file)) {
		char *at = line, *program = strsep(&at, "\t\n"), *kernel = strsep(&at, "\t\n"), *insns = strsep(&at, "\t\n");
		struct row *row = &b->rows[b->count];

		if (!program || *program == '#')
			continue;
		if (!kernel || !insns || b->count == ROWS_MAX || num_parse(insns, strlen(insns), UINT32_MAX, &row->insns) < 0) {
			r = -EBADMSG;
			break;
		}
		(void)snprintf(row->program, sizeof(row->program), "%s", program);
		(void)snprintf(row->kernel, sizeof(row->kernel), "%s", kernel);
		b->count++;
	}
	(void)fclose(file);
	return r;
}

static uint64_t committed(const struct budget *b, const char *program)
{
	for (size_t i = 0; i < b->count; i++)
		if (!strcmp(b->rows[i].program, program) && !strcmp(b->rows[i].kernel, b->kernel))
			return b->rows[i].insns;
	return 0;
}

/* One program: its row, or its TAP line. Returns whether it is within the budget. */
static bool one(const struct budget *b, const char *name, int n, char *log, uint64_t *total)
{
	int rc = load_one(name, log);
	uint64_t insns = processed(log), was = committed(b, name);
	const char *wrong = NULL;
	size_t len = strlen(log);

	*total += insns;
	if (rc || !insns)
		wrong = rc ? strerror(-rc) : "the verifier gave no figure";
	else if (insns > LIMIT_INSNS)
		wrong = "above the limit";
	else if (!b->print && !was)
		wrong = "no row for it: make verifier-update";
	else if (!b->print && insns * 100 > was * (100 + MARGIN_PCT))
		wrong = "more than a tenth above the committed figure; if it must be: make verifier-update";
	if (wrong)
		fprintf(b->print ? stderr : stdout, "# %s\n", len > TAIL_BYTES ? log + len - TAIL_BYTES : log);
	if (b->print) {
		if (wrong)
			fprintf(stderr, "%s: %s\n", name, wrong);
		else
			printf("%s\t%s\t%llu\n", name, b->kernel, (unsigned long long)insns);
		return !wrong;
	}
	printf("%sok %d - %s: %s: %llu instructions, committed %llu%s%s\n", wrong ? "not " : "", n, b->kernel, name, (unsigned long long)insns,
	       (unsigned long long)was, wrong ? ": " : "", wrong ? wrong : "");
	fflush(stdout);
	return !wrong;
}

static int all(const struct budget *b, const char *only)
{
	_free_ char *log = malloc(LOG_BYTES);
	struct btf *btf = btf__load_vmlinux_btf();
	uint64_t total = 0;
	int n = 0;
	bool good = log && btf;

	libbpf_set_print(quiet);
	for (const struct variant *v = variants; log && btf && v->name; v++)
		if (variant_fits(v, btf) && (!only || !strcmp(only, v->name)))
			good &= one(b, v->name, ++n, log, &total);
	btf__free(btf);
	if (!b->print)
		printf("1..%d\n# %s: %d programs, %llu instructions in all\n", n, b->kernel, n, (unsigned long long)total);
	return good && n ? 0 : 1;
}

int main(int argc, char **argv)
{
	_free_ struct budget *b = calloc(1, sizeof(*b));
	struct utsname uts;
	int r = 0;

	if (argc < 2 || !b || uname(&uts)) {
		fprintf(stderr, "usage: budget BUDGET.TSV [PROGRAM] | budget --print\n");
		return 2;
	}
	short_name(uts.release, b->kernel, sizeof(b->kernel));
	b->print = !strcmp(argv[1], "--print");
	if (!b->print)
		r = read_rows(b, argv[1]);
	if (r < 0) {
		printf("Bail out! %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	return all(b, argc > 2 ? argv[2] : NULL);
}
