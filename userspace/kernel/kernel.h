/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only callers of bpf(2) and libbpf. Life: kernel_probe() says what this kernel can do; kernel_open() loads the programs or
 * adopts what is pinned; kernel_stage() puts a checked image into the next generation's tables beside the active one, reads it
 * back and compares; kernel_flip() makes it active with one aligned store. Killing the process changes nothing: links and maps
 * are pinned. All functions return 0 or -errno with a sentence in e.
 */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyward/abi.h>

#include "base/err.h"

#define KERNEL_PINS "/sys/fs/bpf/polyward"

/* ---- features.c: probes, never version checks. Needs no privilege for most answers. ---- */
enum kernel_ready {
	KERNEL_READY = 0,
	KERNEL_TOO_OLD,        /* no BPF LSM or no task storage in this release */
	KERNEL_NOT_BUILT,      /* CONFIG_BPF_LSM is not set */
	KERNEL_NOT_LISTED,     /* "bpf" is not in the lsm= list: command line to add is in `advice` */
	KERNEL_NO_BTF,         /* /sys/kernel/btf/vmlinux is missing */
	KERNEL_REFUSED,        /* loading an LSM program gives EPERM although the capabilities are there: lockdown, seccomp, container */
	KERNEL_NO_PRIVILEGE,   /* CAP_BPF and CAP_PERFMON are missing */
	KERNEL_NO_BPFFS,       /* /sys/fs/bpf is not a BPF filesystem */
	KERNEL_OFF,            /* polyward.off is on the kernel command line */
};
struct kernel_hook { uint8_t hook; bool present; bool chosen; bool attached; }; /* enum pw_hook; attached: a pinned link exists */
struct kernel_report {
	enum kernel_ready ready;
	char release[65];
	char lsm_list[256];
	char because[ERR_MAX]; /* what was found, one sentence */
	char advice[ERR_MAX];  /* what to do, one sentence */
	struct kernel_hook hooks[PW_HOOK_MAX_];
};
int kernel_probe(struct kernel_report *ret);

/* ---- load.c, pins.c ---- */
struct kernel;
enum kernel_how { KERNEL_ADOPTED, KERNEL_LOADED };
/*
 * Adopt the pins if all that is required is there (partial or another ABI version is -ESTALE and the sentence says what to do),
 * else load and pin. Programs attach only with the first policy: with none loaded nothing is on the access path.
 */
int kernel_open(struct kernel **ret, enum kernel_how *ret_how, struct err *e);
/* Only if everything is pinned already; -ENOENT otherwise. */
int kernel_adopt(struct kernel **ret, struct err *e);
void kernel_close(struct kernel *k); /* drops the handles; enforcement goes on */
/* Detach and unpin everything. */
int kernel_down(struct kernel *k, struct err *e);

/* ---- swap.c ---- */
struct kernel_progress { void *ctx; void (*tell)(void *ctx, const char *store, uint64_t scanned); };
/* Fill generation `active + 1`: tables, attributes, store roots, hard links. Nothing changes for anybody yet. On failure what was
 * staged is taken back. Reports store paths that do not exist, are no directory, or lie outside what can be protected. */
int kernel_stage(struct kernel *k, const void *image, size_t len_bytes, const struct kernel_progress *p,
		 uint32_t *ret_gen, struct err *e);
/* Make it active, attaching first if nothing was. revert_at_boot_ns != 0: from then on the previous generation decides again. */
int kernel_flip(struct kernel *k, uint32_t gen, uint64_t revert_at_boot_ns, struct err *e);
int kernel_confirm(struct kernel *k, struct err *e);              /* no revert any more; -ENOENT: none was pending */
int kernel_revert(struct kernel *k, struct err *e);               /* the previous generation now; to none: kernel_down */
void kernel_retire(struct kernel *k, uint32_t gen);               /* delete a generation's attributes and tables */
/* Renew the leases: windows in `open` stay open until until_boot_ns[w] at the latest. */
void kernel_windows(struct kernel *k, uint32_t open, const uint64_t until_boot_ns[static PW_WINDOWS_MAX]);

struct kernel_status {
	uint32_t gen;                /* deciding now; 0: none */
	uint32_t revert_gen;
	uint64_t revert_at_boot_ns;  /* 0: nothing pending */
	uint8_t  policy_hash[32];
	struct pw_counters sum;      /* over all CPUs */
	uint32_t hooks_attached;
	uint64_t map_bytes;          /* memory of all maps, from fdinfo's memlock */
};
int kernel_status(struct kernel *k, struct kernel_status *ret, struct err *e);

/* Map fds for the audit process, borrowed: rings and counters. */
struct kernel_rings { int urgent_fd, access_fd, counters_fd; uint32_t urgent_bytes, access_bytes; };
int kernel_rings(struct kernel *k, struct kernel_rings *ret);

/* ---- ring.c: consume a ring buffer through its mmapped pages; needs no bpf(2), so the audit process can do without. ---- */
struct ring;
int ring_open(int map_fd, uint32_t size_bytes, struct ring **ret, struct err *e);
void ring_close(struct ring *r);
int ring_fd(const struct ring *r); /* becomes readable (epoll) when there is something */
/* Up to max events, oldest first; the callback's negative return stops and is returned. Returns the number consumed. */
int ring_consume(struct ring *r, int max, int (*take)(void *ctx, const void *bytes, size_t len_bytes), void *ctx);

#endif
