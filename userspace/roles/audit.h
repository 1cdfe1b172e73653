/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the audit process: the log, the kernel's rings, images for names, and what is wrong with the disk. */
#ifndef ROLES_AUDIT_H
#define ROLES_AUDIT_H

#include "audit/audit.h"
#include "audit/retention.h"
#include "kernel/kernel.h"
#include "roles/held.h"
#include "roles/role.h"

struct sink {
	struct peers peers;
	struct audit_log *log;
	struct ring *urgent, *access;        /* NULL: nothing is enforced */
	struct log_reader *reader;           /* for questions about one record; NULL: none was asked yet */
	struct held images[PW_GENERATIONS];  /* the latest ones, slot generation % PW_GENERATIONS */
	int64_t trouble_since_utc_s;         /* 0: the disk takes what we write */
	int64_t retry_at_ms;
	uint64_t retries;
	struct err trouble;
	uint64_t beat_seq;                   /* records when beat_at_ms was set */
	int64_t beat_at_ms;                  /* when nothing will have been recorded for long enough to say that we live */
	int64_t keep_at_ms;                  /* when to look next for what has been kept long enough (keep_now_ms()) */
	int64_t keep_last_ms, keep_utc_s;    /* both clocks when that was done last; 0: not yet */
	int64_t keep_from_ms;                /* the wall clock was moved: until then it is not believed */
	struct retention retention;
	bool tree_told;                      /* that tiles or checkpoints cannot be written */
};

/* audit_events.c: the kernel's events to records. */
int  sink_rings(struct sink *s, struct ipc_msg *m, struct err *e);
void sink_unhook(struct sink *s);
void sink_image(struct sink *s, struct ipc_msg *m);
void sink_drain(struct sink *s);
bool sink_holds(const struct sink *s);   /* events were read whose records are not on disk yet */
void sink_release(struct sink *s);       /* now they are */
/* Commit; a failure is kept as trouble, tried again, and told. */
int  sink_commit(struct sink *s, struct err *e);

/* audit_answer.c: what the other processes ask. Both return -EBADMSG for what the peer may not say. */
int sink_hear_kernel(struct sink *s, struct ipc_msg *m);
int sink_hear_control(struct sink *s, struct ipc_msg *m);
/* An administrative record; committed at once. */
int sink_record(struct sink *s, struct msg_record *rec, struct err *e);
void sink_note(struct sink *s, const char *event, const char *note);

/* audit_evidence.c: questions about one record, and acts that concern the log itself; each is answered. */
void sink_event(struct sink *s, const struct msg_event *ask);
void sink_forget(struct sink *s); /* what was unsealed for such questions: a key that opened it may be gone */
void sink_evidence(struct sink *s, struct msg_evidence *m);
void sink_erase(struct sink *s, struct msg_erase *m);
void sink_cosign(struct sink *s, struct msg_cosign *m);

/* audit_keep.c: what is due by the clock. The moment is the caller's: nothing in there reads a clock of its own but the first. */
int64_t keep_now_ms(void);       /* CLOCK_BOOTTIME: goes on through suspend, and nobody can set it */
void keep_read(struct sink *s);  /* at the start; a file that cannot be read destroys nothing */
bool keep_wants(const struct sink *s);
void sink_retain(struct sink *s, int64_t now_ms, int64_t now_utc_s);  /* does something once in a while */
void sink_beat(struct sink *s, int64_t now_ms);                       /* the same; now_ms as role_now_ms() */

#endif
