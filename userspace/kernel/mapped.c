// SPDX-License-Identifier: Apache-2.0
/*
 * Mappings of stored files that exist now, by the pinned iterator: it runs in the kernel while we read. Must never end a process or
 * decide what is to become of it; that is done where it can be recorded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/internal.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "policy/image.h"

#define MAPPED_PROGRAM "pw_mapped"
#define MAPPED_PIN     KERNEL_PINS "/progs/" MAPPED_PROGRAM
#define READ_BYTES     (sizeof(struct pw_mapped) * 1024)

bool kernel_finds_mapped(const struct kernel *k)
{
	if (!k->btf)
		return access(MAPPED_PIN, F_OK) == 0;
	for (const struct variant *v = variants; v->name; v++)
		if (!strcmp(v->name, MAPPED_PROGRAM))
			return variant_fits(v, k->btf);
	return false;
}

int mapped_check(const struct kernel *k, const struct image *img, struct err *e)
{
	for (uint32_t l = 1; l < img->count[PW_SEC_STORES]; l++)
		if ((img->stores[l].flags & PW_IMG_KILL) && !kernel_finds_mapped(k))
			return err_say(e, -EOPNOTSUPP, "store '%s' says `on-tighten kill`, but this kernel cannot list mappings (it has no "
				       "iterator task_vma); say `on-tighten leave`", image_str(img, img->stores[l].name));
	return 0;
}

static int take_all(const char *bytes, size_t len_bytes, int (*take)(void *ctx, const struct pw_mapped *m), void *ctx)
{
	struct pw_mapped m;
	int rc = 0;

	for (size_t at = 0; at + sizeof(m) <= len_bytes && !rc; at += sizeof(m)) {
		memcpy(&m, bytes + at, sizeof(m));
		rc = take(ctx, &m);
	}
	return rc;
}

int kernel_mapped(struct kernel *k, int (*take)(void *ctx, const struct pw_mapped *m), void *ctx, struct err *e)
{
	_fd_ int fd = k->attached ? pins_iterator(MAPPED_PROGRAM) : -1;
	_free_ char *bytes = malloc(READ_BYTES);
	size_t have_bytes = 0;

	if (!k->attached)
		return 0;
	if (fd < 0 || !bytes)
		return err_set(e, fd < 0 ? fd : -ENOMEM, "cannot look for mappings of stored files");
	for (;;) {
		ssize_t n = read(fd, bytes + have_bytes, READ_BYTES - have_bytes);
		size_t whole;
		int rc;

		/* EAGAIN: so many mappings without one of ours that the kernel wanted to come up for air. */
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_set(e, -errno, "cannot look for mappings of stored files");
		if (n == 0)
			return 0;
		have_bytes += (size_t)n;
		whole = have_bytes - have_bytes % sizeof(struct pw_mapped);
		rc = take_all(bytes, whole, take, ctx);
		if (rc < 0)
			return err_set(e, rc, "cannot look for mappings of stored files");
		memmove(bytes, bytes + whole, have_bytes - whole);
		have_bytes -= whole;
	}
}
