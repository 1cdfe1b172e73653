/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, wire and bury the roles. A pair of roles that messages.def does not name gets no socket. A role that dies comes back,
 * more slowly each time it dies young; its peers get a fresh socket to it.
 */
#include "roles/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <polyward/record.h>

#include "base/num.h"

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS  10000
#define GROWN_UP_MS      30000 /* who lived this long starts with the first back-off again */
#define STOP_WAIT_MS     5000
#define PEER_SEND_S      5     /* a peer that takes nothing for so long is stuck */

struct child *child_of(struct supervisor *s, enum role role)
{
	for (size_t i = 0; i < CHILD_MAX_; i++)
		if (s->child[i].role == role)
			return &s->child[i];
	return NULL;
}

void child_note(struct supervisor *s, const char *event, const char *note)
{
	struct msg_record rec = { .kind = PW_REC_MODE, .uid = UINT32_MAX, .pid = (uint32_t)getpid() };
	struct child *audit = child_of(s, ROLE_AUDIT);

	ipc_put(rec.event, sizeof(rec.event), event);
	ipc_put(rec.note, sizeof(rec.note), note);
	if (audit->sock >= 0)
		(void)ipc_send(audit->sock, ROLE_SUPERVISOR, ROLE_AUDIT, IPC_NOTE, &rec, NULL);
}

/* After fork, before exec: nothing that allocates. Moves the descriptors up first, so that no target is still a source. */
static void become(const char *path, const char *const *args, const int *fds, size_t fds_count)
{
	char *const envp[] = { NULL };
	int high[8];
	sigset_t none;

	for (size_t i = 0; i < fds_count; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0)
			_exit(126);
	}
	for (size_t i = 0; i < fds_count; i++)
		if (dup2(high[i], 3 + (int)i) < 0)
			_exit(126);
	if (close_range(3 + (unsigned)fds_count, ~0u, 0) < 0)
		_exit(126);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, (char *const *)(uintptr_t)args, envp);
	_exit(127);
}

int child_exec(const struct supervisor *s, const char *const *args, const int *fds, size_t fds_count, pid_t *ret)
{
	char path[sizeof(s->libexec) + 64];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/%s", s->libexec, args[0]);
	if (access(path, X_OK) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(path, args, fds, fds_count);
	*ret = pid;
	return 0;
}

static int stream_pair(int ret[2])
{
	const struct timeval patience = { .tv_sec = PEER_SEND_S };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		(void)setsockopt(ret[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return 0;
}

/* Every pair of the three roles stands in messages.def. */
static void introduce(struct child *a, struct child *b)
{
	struct msg_peer to_a = { .role = b->role, .pid = (uint32_t)b->pid }, to_b = { .role = a->role, .pid = (uint32_t)a->pid };
	int pair[2];

	if (a->sock < 0 || b->sock < 0 || stream_pair(pair) < 0)
		return;
	(void)ipc_send(a->sock, ROLE_SUPERVISOR, a->role, IPC_PEER, &to_a, &pair[0]);
	(void)ipc_send(b->sock, ROLE_SUPERVISOR, b->role, IPC_PEER, &to_b, &pair[1]);
	close(pair[0]);
	close(pair[1]);
}

int child_start(struct supervisor *s, struct child *c, struct err *e)
{
	const char *name = ipc_role_name(c->role);
	const char *const args[] = { name, c->role == ROLE_KERNEL ? s->entry : NULL, NULL };
	int pair[2], r = stream_pair(pair);

	if (r < 0)
		return err_set(e, r, "socket for %s", name);
	_fd_ int mine = pair[0];
	_fd_ int theirs = pair[1];
	/* In the order of enum role_fd. */
	const int fds[] = { theirs, c->given_fd, s->run_fd, s->log_fd, s->install_fd, s->entry_dir_fd };
	const int audit_fds[] = { theirs, c->given_fd, s->keys_fd, s->signer_fd, s->retention_fd };

	r = c->role == ROLE_AUDIT ? child_exec(s, args, audit_fds, 5, &c->pid) : child_exec(s, args, fds, c->role == ROLE_KERNEL ? 6 : 2, &c->pid);
	if (r < 0)
		return err_set(e, r, "start %s/%s", s->libexec, name);
	c->sock = take_fd(mine);
	c->ready = false;
	c->started_ms = role_now_ms();
	c->started_utc_s = role_now_utc_s();
	for (size_t i = 0; i < CHILD_MAX_; i++)
		if (&s->child[i] != c)
			introduce(c, &s->child[i]);
	if (c->restarts)
		child_note(s, "role-restarted", c->died); /* only now: the one who died may be the one who writes it down */
	return 0;
}

void child_died(struct supervisor *s, struct child *c, int status)
{
	int64_t now_ms = role_now_ms();

	if (WIFSIGNALED(status))
		(void)snprintf(c->died, sizeof(c->died), "%s was ended by signal %d", ipc_role_name(c->role), WTERMSIG(status));
	else
		(void)snprintf(c->died, sizeof(c->died), "%s ended with status %d", ipc_role_name(c->role), WEXITSTATUS(status));
	c->pid = 0;
	c->ready = false;
	cleanup_fd(&c->sock);
	if (s->stopping)
		return;
	c->backoff_ms = now_ms - c->started_ms > GROWN_UP_MS || !c->backoff_ms ? BACKOFF_FIRST_MS : c->backoff_ms * 2;
	if (c->backoff_ms > BACKOFF_LAST_MS)
		c->backoff_ms = BACKOFF_LAST_MS;
	c->start_at_ms = now_ms + c->backoff_ms;
	c->restarts++;
	role_say(ROLE_SUPERVISOR, "%s%s", c->died, s->all_ready ? "; starting it again (enforcement goes on meanwhile)" : "");
	/* Its request dies with the one who asked. */
	if (c->role == ROLE_CONTROL && s->compiler.pid)
		(void)kill(s->compiler.pid, SIGKILL);
}

void child_stop_all(struct supervisor *s)
{
	int64_t until_ms = role_now_ms() + STOP_WAIT_MS;
	bool left = true;
	int status;
	pid_t pid;

	s->stopping = true;
	/* Control first and audit last: what still happens is still recorded. */
	for (int i = CHILD_MAX_ - 1; i >= 0; i--) {
		cleanup_fd(&s->child[i].sock);
		for (left = s->child[i].pid != 0; left && role_now_ms() < until_ms;) {
			pid = waitpid(s->child[i].pid, &status, WNOHANG);
			left = pid == 0;
			if (left)
				(void)usleep(5000);
		}
		if (left)
			(void)kill(s->child[i].pid, SIGKILL);
	}
	if (s->compiler.pid)
		(void)kill(s->compiler.pid, SIGKILL);
	while (waitpid(-1, &status, 0) > 0)
		;
}

/* Second number of statm, in pages. World-readable, unlike smaps: the supervisor holds no right to trace. */
static uint64_t resident_bytes(uint32_t pid)
{
	char name[64], line[128] = { 0 }, *word;
	uint64_t pages = 0;

	(void)snprintf(name, sizeof(name), "/proc/%u/statm", pid);
	_file_ FILE *f = pid ? fopen(name, "re") : NULL;
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	word = line + strcspn(line, " ");
	word += *word == ' ';
	(void)num_parse(word, strcspn(word, " "), UINT64_MAX >> 16, &pages);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void child_tell_status(struct supervisor *s, uint32_t id)
{
	struct msg_supervisor status = { .id = id };

	for (int i = -1; i < CHILD_MAX_; i++) {
		struct child *c = i < 0 ? NULL : &s->child[i];
		struct msg_role *row = &status.v[status.count++];

		*row = c ? (struct msg_role){ .role = c->role, .pid = (uint32_t)c->pid, .restarts = c->restarts, .since_utc_s = c->started_utc_s }
			 : (struct msg_role){ .role = ROLE_SUPERVISOR, .pid = (uint32_t)getpid() };
		row->resident_bytes = resident_bytes(row->pid);
	}
	(void)ipc_send(child_of(s, ROLE_CONTROL)->sock, ROLE_SUPERVISOR, ROLE_CONTROL, IPC_SUPERVISOR_STATUS, &status, NULL);
}
