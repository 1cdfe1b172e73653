// SPDX-License-Identifier: Apache-2.0
/* What is in force now, as numbers. Changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/internal.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/num.h"

static int sum_counters(struct kernel *k, struct pw_counters *ret, struct err *e)
{
	int cpus = libbpf_num_possible_cpus();
	_free_ struct pw_counters *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	uint32_t zero = 0;

	if (!each)
		return err_set(e, cpus < 0 ? cpus : -ENOMEM, "cannot read the counters");
	if (bpf_map_lookup_elem(k->maps[MAP_COUNTERS], &zero, each))
		return err_set(e, -errno, "cannot read the counters");
	memset(ret, 0, sizeof(*ret));
	for (int c = 0; c < cpus; c++) {
		ret->seq += each[c].seq;
		ret->lost += each[c].lost;
		ret->allowed += each[c].allowed;
		ret->denied += each[c].denied;
		ret->audited += each[c].audited;
		ret->internal += each[c].internal;
	}
	return 0;
}

/* "memlock:\t4096" in the descriptor's own description. */
static uint64_t map_bytes(int fd)
{
	_buf_ struct buf name = BUF_INIT, text = BUF_INIT;
	const char *at;
	uint64_t bytes = 0;

	buf_printf(&name, "/proc/self/fdinfo/%d", fd);
	if (fd < 0 || name.failed || fd_read_file(-1, name.data, 65536, &text) || !text.data)
		return 0;
	at = strstr(text.data, "memlock:");
	if (!at)
		return 0;
	at += strcspn(at, "0123456789");
	(void)num_parse(at, strspn(at, "0123456789"), UINT64_MAX, &bytes);
	return bytes;
}

int kernel_status(struct kernel *k, struct kernel_status *ret, struct err *e)
{
	struct kernel_status s = { .gen = kernel_deciding(k), .revert_gen = STATE_READ(k->state->revert_gen),
				   .revert_at_boot_ns = STATE_READ(k->state->revert_at_ns), .hooks_attached = pins_links(),
				   .guard = STATE_READ(k->state->guard),
				   .upgrade_until_boot_ns = STATE_READ(k->state->upgrade_until_ns) };
	uint32_t place = s.gen % PW_GENERATIONS;
	struct pw_gen g;
	int rc = sum_counters(k, &s.sum, e);

	if (rc)
		return rc;
	if (s.gen && !bpf_map_lookup_elem(k->maps[MAP_GENS], &place, &g) && g.gen == s.gen)
		memcpy(s.policy_hash, g.policy_hash, sizeof(s.policy_hash));
	for (size_t i = 0; i < MAP_COUNT; i++)
		s.map_bytes += map_bytes(k->maps[i]);
	for (size_t t = 0; t < PW_GENERATIONS; t++)
		for (size_t i = 0; i < 3; i++)
			s.map_bytes += map_bytes(k->staged[t].fd[i]);
	*ret = s;
	return 0;
}
