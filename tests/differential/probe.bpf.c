// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's copy of the decision, for the differential test: the same walk and the same decide.h as the hooks, run once per
 * question by BPF_PROG_TEST_RUN. Never attached to anything.
 */
#define PW_TABLES_ONLY
#define PW_MAP_LINKAGE
#include "table.bpf.h"

struct probe_ctx {
	__u32 gen, row, label, need;
	struct pw_facts facts;
	struct pw_decision walk, single;
	__u32 fast;
	__u32 pad_;
};

static __always_inline struct pw_decision decide(struct probe_ctx *ctx, struct pw_walk *w, __u32 row)
{
	struct pw_decision internal = { .missing = ctx->need, .verdict = PW_DENY, .reason = PW_R_INTERNAL };

	if (pw_table_open(w, ctx->gen, ctx->label, ctx->need))
		return internal;
	return pw_table_walk(w, row);
}

SEC("syscall")
int probe(struct probe_ctx *ctx)
{
	struct pw_walk w = { .facts = ctx->facts };

	ctx->walk = decide(ctx, &w, ctx->row);
	/* A subject without roles has row 0 and no other way. */
	ctx->single = decide(ctx, &w, ctx->facts.roles ? PW_ROW_NONE : 0);
	ctx->fast = PW_FAST_WALK;
	if (!pw_table_open(&w, ctx->gen, ctx->label, ctx->need))
		ctx->fast = pw_table_fast(&w, ctx->row);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
