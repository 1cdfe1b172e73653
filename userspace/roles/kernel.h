/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the kernel process: what is enforced, what waits for confirmation, what the state directory holds. */
#ifndef ROLES_KERNEL_H
#define ROLES_KERNEL_H

#include <polyward/record.h>

#include "kernel/kernel.h"
#include "roles/held.h"
#include "roles/role.h"

/* Files of the state directory. pending: being applied, or waiting for confirmation; never applied by a start of its own. */
#define STATE_CURRENT  "current.img"
#define STATE_PREVIOUS "previous.img"
#define STATE_PENDING  "pending.img"

#define NOTES_MAX 8

/* A process that maps files of a store which it may no longer use so, and when it is to end (CLOCK_BOOTTIME; UINT64_MAX: it is not). */
struct mapper { struct pw_mapped m; size_t mappings; uint64_t end_at_ns; int pidfd; };
struct mappers { struct mapper *v; size_t count, cap; };

struct keeper {
	struct peers peers;
	struct kernel *k;          /* NULL: no programs are loaded */
	struct held active;        /* what decides now */
	struct held before;        /* what decides again unless the active one is confirmed */
	uint64_t revert_at_ns;     /* CLOCK_BOOTTIME; 0: nothing waits for confirmation */
	uint32_t revert_gen;
	int64_t since_utc_s;
	int64_t lease_due_ms;      /* when windows are to be looked at again */
	uint32_t retire_gen;       /* a generation that no decision can be under any more, from retire_at_ms on; 0: none */
	int64_t retire_at_ms;
	struct mappers mappers;    /* found at the last look */
	int64_t look_due_ms;       /* when mappings are to be looked at; 0: not until something changes */
	uint32_t open;             /* windows that were open when leases were last renewed */
	struct kernel_own own;     /* what polyward consists of */
	int control_pid, audit_pid; /* the peers, as the supervisor numbers them; 0: not met */
	bool loaded;               /* this process loaded the programs, and has marked nobody yet */
	int64_t loaded_ms;         /* when it did; 0: it adopted them */
	uint64_t upgrade_until_ns; /* CLOCK_BOOTTIME; 0: no window is open */
	bool off;                  /* polyward.off */
	bool orphaned;             /* the kernel decides by a policy whose image we do not have */
	bool busy;
	uint32_t busy_id;
	int64_t progress_at_ms;
	char trouble[MSG_TEXT_MAX]; /* what went wrong last, and still is; "" */
	struct msg_record notes[NOTES_MAX]; /* for the log, while nobody writes it */
	size_t notes_count;
};

/* kernel_state.c */
int  state_load(const char *name, struct held *ret, struct err *e);      /* -ENOENT: no such file */
int  state_save_pending(const struct held *h, struct err *e);
int  state_drop_pending(void);
int  state_promote(struct err *e);   /* pending becomes current, current becomes previous */
int  state_swap(struct err *e);      /* current and previous change places */
int  state_lay_down(struct err *e);  /* current becomes previous: a start applies nothing */
void keep_start(struct keeper *s);

/* kernel_orders.c: all return 0 or -errno with a sentence that ends with what is enforced now. */
int  keep_apply(struct keeper *s, int image_fd, uint64_t confirm_s, struct err *e);
int  keep_confirm(struct keeper *s, struct err *e);
int  keep_rollback(struct keeper *s, struct err *e);
int  keep_down(struct keeper *s, struct err *e);
enum keep_source { KEEP_ORDER, KEEP_ROLLBACK, KEEP_START };
int  keep_enforce(struct keeper *s, struct held *h, enum keep_source from, uint64_t confirm_s, struct err *e);
int  keep_revert(struct keeper *s, const char *why, struct err *e); /* why: recorded here; NULL: by whoever asked */

/* kernel_guard.c */
int  guard_own(struct keeper *s, const char *entry, struct err *e); /* from the descriptors that we were started with */
int  guard_meet(struct keeper *s, struct ipc_msg *m);            /* the role that was met, 0: refused, or -EBADMSG */
int  guard_await_peers(struct keeper *s);                        /* at a start, before anything is enforced; 0 or a broken rule */
int  guard_mark_all(struct keeper *s, struct err *e);            /* after the first load, before it is attached */
void guard_seal(struct keeper *s, bool was_sealed);              /* if the policy in force says so, and is not on trial */
const char *guard_words(const struct keeper *s);                 /* what an outcome has to say about the seal, or of what cannot be guarded; "" */
void guard_tick(struct keeper *s);
int  keep_upgrade_begin(struct keeper *s, struct err *e);
int  keep_upgrade_done(struct keeper *s, struct err *e);

/* kernel_time.c */
void keep_leases(struct keeper *s);
void keep_tick(struct keeper *s);         /* what is due: leases, revert, retirement */
int  keep_tick_in_ms(const struct keeper *s);

/* kernel_mapped.c */
void keep_look(struct keeper *s);         /* for mappings that outlive a right; ends whose time has come */
void keep_look_soon(struct keeper *s);    /* ... with the next tick */
void keep_forget_mappers(struct keeper *s);

/* kernel_tell.c */
void tell_audit_all(struct keeper *s);    /* rings, images, notes: to a log writer that is new */
void tell_audit_image(struct keeper *s, const struct held *h);
void tell_audit_rings(struct keeper *s);
void tell_audit_unhooked(struct keeper *s);
void tell_admins(struct keeper *s);
void tell_outcome(struct keeper *s, uint32_t id, const struct err *e);
void tell_status(struct keeper *s, uint32_t id);
void tell_note(struct keeper *s, uint32_t kind, const char *event, const char *note);
void tell_progress(void *keeper, const char *store, uint64_t scanned); /* for struct kernel_progress */

#endif
