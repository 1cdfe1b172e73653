/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's inside: its options, its children, and the one compiler it may have running. */
#ifndef ROLES_SUPERVISOR_H
#define ROLES_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "roles/role.h"

struct options { const char *run_dir, *state_dir, *log_dir, *libexec; };

enum { CHILD_AUDIT, CHILD_KERNEL, CHILD_CONTROL, CHILD_MAX_ }; /* in the order of their start */

struct child {
	enum role role;
	int given_fd;           /* what it finds as descriptor 4; ours for the next start */
	pid_t pid;              /* 0: not running */
	int sock;               /* -1: not running */
	bool ready, was_ready;
	uint32_t restarts;
	int64_t started_ms, start_at_ms; /* start_at_ms: when to start it again */
	int64_t started_utc_s;
	int64_t backoff_ms;
	char died[128];         /* how it ended the last time */
};

struct compiler {
	pid_t pid;              /* 0: none */
	uint32_t id;            /* whose request */
	int image_fd, messages_fd;
	int64_t deadline_ms;
};

struct supervisor {
	struct options opt;
	char libexec[4096];     /* the directory with the roles' binaries */
	int run_fd, lock_fd, signal_fd;
	int keys_fd, signer_fd, retention_fd; /* for the audit process, beside the log's directory */
	int log_fd, install_fd, entry_dir_fd; /* for the kernel process, which guards what lies there */
	char entry[256];        /* name of this program in entry_dir_fd */
	struct child child[CHILD_MAX_];
	struct compiler compiler;
	bool stopping, all_ready;
};

/* supervisor_inherited.c: nothing that it was started with steers it. First of all. */
int settle(struct err *e);

/* supervisor_setup.c: directories, lock, socket, users; before the sandbox. */
int setup_all(struct supervisor *s, struct err *e);
void setup_undo(struct supervisor *s);
/* READY=1, STATUS=... to a service manager, where there is one. */
void setup_notify(const char *state);

/* supervisor_children.c */
int  child_start(struct supervisor *s, struct child *c, struct err *e);
void child_died(struct supervisor *s, struct child *c, int status);
void child_stop_all(struct supervisor *s);
struct child *child_of(struct supervisor *s, enum role role);
void child_tell_status(struct supervisor *s, uint32_t id);
void child_note(struct supervisor *s, const char *event, const char *note);
/* Run args[0] of libexec with fds as descriptors 3, 4, ... and nothing else; no environment. At most 8 of them. */
int  child_exec(const struct supervisor *s, const char *const *args, const int *fds, size_t fds_count, pid_t *ret);

/* supervisor_compile.c */
void compile_begin(struct supervisor *s, struct ipc_msg *m);
void compile_ended(struct supervisor *s, int status);
void compile_overdue(struct supervisor *s);

#endif
