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

/* ---- own.c: the guard over polyward itself. ---- */
/* What polyward consists of: borrowed descriptors for as long as the handle lives, -1: none. entry: name of polywardd in entry_dir_fd. */
struct kernel_own { int state_fd, log_fd, run_fd, install_fd, entry_dir_fd, signer_fd; const char *entry; };
#define KERNEL_OWN_NONE { -1, -1, -1, -1, -1, -1, NULL }
/*
 * To be called right after kernel_open() or kernel_adopt(). -EPERM if what was adopted belongs to another state directory: the handle
 * is then good for kernel_close() alone.
 */
int kernel_guard(struct kernel *k, const struct kernel_own *own, struct err *e);
/* `guard sealed`, until the next boot. kernel_flip() does it for a policy that says so, but not while it waits for confirmation. */
void kernel_seal(struct kernel *k);
bool kernel_sealed(const struct kernel *k);
/* Until then the installed programs may be replaced (CLOCK_BOOTTIME). Done: what is there now is polyward, and the window closes. */
void kernel_upgrade_begin(struct kernel *k, uint64_t until_boot_ns);
int  kernel_upgrade_done(struct kernel *k, struct err *e);

/* ---- mark.c: which processes are polyward's own. ---- */
/* Mark this process as one of ours: at the first load, for those that executed their program before anybody looked. */
int  kernel_own_mark(struct kernel *k, int pid, struct err *e);
bool kernel_is_own(struct kernel *k, int pid);

/* ---- swap.c ---- */
struct kernel_progress { void *ctx; void (*tell)(void *ctx, const char *store, uint64_t scanned); };
/* Fill generation `active + 1`: tables, attributes, store roots, hard links. Nothing changes for anybody yet. On failure what was
 * staged is taken back. Reports store paths that do not exist, are no directory, or lie outside what can be protected. */
int kernel_stage(struct kernel *k, const void *image, size_t len_bytes, const struct kernel_progress *p,
		 uint32_t *ret_gen, struct err *e);
/* What the last staged policy's stores lie on and cannot be guarded, a sentence for its author; "": nothing. */
const char *kernel_below(const struct kernel *k);
/* Make it active, attaching first if nothing was. revert_at_boot_ns != 0: from then on the previous generation decides again. */
int kernel_flip(struct kernel *k, uint32_t gen, uint64_t revert_at_boot_ns, struct err *e);
/*
 * Right after the flip: files that got a further name between kernel_stage()'s look and the flip, in the stores that the generation
 * before did not guard. before: its image, NULL if there was none. On failure the policy is in force and the sentence says what is open.
 */
struct image;
struct kernel_flipped { const struct image *img, *before; uint32_t gen, before_gen; };
int kernel_rescan(struct kernel *k, const struct kernel_flipped *f, const struct kernel_progress *p, struct err *e);
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
	uint32_t guard;              /* enum pw_guard_flag */
	uint64_t upgrade_until_boot_ns; /* 0, or past: the programs may not be replaced */
	uint64_t map_bytes;          /* memory of all maps, from fdinfo's memlock */
};
int kernel_status(struct kernel *k, struct kernel_status *ret, struct err *e);

/* ---- mapped.c ---- */
/* Every mapping of a stored file that there is now, with what its process may no longer do. A negative return of take() ends it. */
int  kernel_mapped(struct kernel *k, int (*take)(void *ctx, const struct pw_mapped *m), void *ctx, struct err *e);
bool kernel_finds_mapped(const struct kernel *k); /* has this kernel what it takes? */

/* Map fds for the audit process, borrowed: rings and counters. */
struct kernel_rings { int urgent_fd, access_fd, counters_fd; uint32_t urgent_bytes, access_bytes; };
int kernel_rings(struct kernel *k, struct kernel_rings *ret);

/*
 * ---- ring.c: consume a ring buffer through its mmapped pages; needs no bpf(2), so the audit process can do without. What was read
 * stays in the ring, for whoever reads after our death, until it is released; and the kernel wakes nobody while something is held. ----
 */
struct ring;
int ring_open(int map_fd, uint32_t size_bytes, struct ring **ret, struct err *e);
void ring_close(struct ring *r);
int ring_fd(const struct ring *r); /* becomes readable (epoll) when there is something */
/*
 * Up to max events behind those read before, oldest first. The callback's negative return stops, is returned, and leaves that event
 * to be read again. Returns the number read.
 */
int ring_read(struct ring *r, int max, int (*take)(void *ctx, const void *bytes, size_t len_bytes), void *ctx);
void ring_release(struct ring *r);          /* all that was read is kept elsewhere now: its room is free */
uint64_t ring_held_bytes(const struct ring *r); /* read and not released */
/* Both at once. */
int ring_consume(struct ring *r, int max, int (*take)(void *ctx, const void *bytes, size_t len_bytes), void *ctx);

#endif
