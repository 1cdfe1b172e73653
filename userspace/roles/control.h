/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the control process: clients, the step each one's request has reached, and who may give orders. */
#ifndef ROLES_CONTROL_H
#define ROLES_CONTROL_H

#include <stdbool.h>
#include <sys/types.h>

#include <polyward/record.h>

#include "roles/role.h"

#define CLIENTS_MAX       64u
#define CLIENTS_FOR_ROOT  4u     /* of these places */
#define CLIENTS_PER_USER  4u
#define CLIENT_IDLE_MS    60000
#define STATUS_WAIT_MS    10000  /* so long may a process take to say how it is */
#define GROUPS_MAX        1024u

enum step {
	STEP_IDLE,
	STEP_COMPILE,   /* the supervisor runs the compiler */
	STEP_INTENT,    /* polyward-audit records what was asked */
	STEP_KERNEL,    /* polyward-kernel does it */
	STEP_RESULT,    /* polyward-audit records what came of it */
	STEP_STATUS,    /* the others say how they are */
	STEP_LOG,       /* polyward-audit records a reading and hands out the directory */
	STEP_EVENT,     /* polyward-audit looks for one record */
	STEP_EVIDENCE,  /* polyward-audit records, destroys or keeps something, and says so */
};

struct client {
	int sock;                /* -1: hung up; what was begun is still finished and recorded */
	bool used;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t *groups;           /* supplementary ones, owned */
	size_t groups_count;
	int64_t active_ms;
	enum step step;
	enum msg_type asked;     /* DO_... */
	uint32_t id;             /* of the request under way: slot and a running number */
	unsigned waiting;        /* STEP_STATUS: enum role bits that have not answered */
	uint64_t confirm_s;
	int image_fd;            /* compiled, not yet handed on; -1: none */
	char file[MSG_FILE_MAX];
	struct msg_outcome outcome;
};

struct control {
	struct peers peers;
	struct client client[CLIENTS_MAX];
	uint32_t serial;
	struct msg_admins admins;
	bool admins_known;
	int64_t event_at_ms;     /* when somebody without the right to read the log was last shown a record */
	int64_t refusal_at_ms;   /* refusals are recorded once a second at most: anybody may cause them */
};

/* control_clients.c */
void clients_accept(struct control *c);
void clients_expire(struct control *c);
int  clients_expire_in_ms(const struct control *c);
void client_close(struct client *cl);          /* hang up; the place is free once nothing is under way */
/* Send to a client; one that does not read is hung up on. */
void client_say(struct client *cl, enum msg_type type, const void *body, const int *fds);
/* The last message of every answer; the client may ask again. */
void client_end(struct client *cl, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void client_end_with(struct client *cl, struct msg_outcome *o);
struct client *client_of(struct control *c, uint32_t id, enum step step);

/* control_may.c: who may do what. may: enum pw_may. */
bool may(const struct control *c, const struct client *cl, uint32_t right);
void may_not(struct control *c, struct client *cl, const char *what);

/* control_orders.c */
int  orders_begin(struct control *c, struct client *cl, struct ipc_msg *m);
void orders_compiled(struct control *c, struct ipc_msg *m);
void orders_recorded(struct control *c, struct ipc_msg *m);
void orders_outcome(struct control *c, struct ipc_msg *m);
void orders_progress(struct control *c, struct ipc_msg *m);
void orders_log_dir(struct control *c, struct ipc_msg *m);
void orders_status(struct control *c, struct ipc_msg *m);
void orders_status_overdue(struct control *c);
void orders_peer_gone(struct control *c, enum role gone);

/* control_evidence.c: what concerns the log as evidence; polyward-audit does it. */
int  evidence_begin(struct control *c, struct client *cl, struct ipc_msg *m); /* -EBADMSG: nothing of this kind */
bool evidence_recorded(struct control *c, struct msg_recorded *r);            /* false: not an answer to these */
void evidence_event(struct control *c, struct ipc_msg *m);

#endif
