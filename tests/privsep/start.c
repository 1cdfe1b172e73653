/* SPDX-License-Identifier: Apache-2.0 */
/* See start.h. */
#include "start.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

bool place_make(struct place *p)
{
	struct err e;

	*p = (struct place){ .dir = "/tmp/polyward-privsep-XXXXXX", .dir_fd = -1, .listen_fd = -1 };
	if (!mkdtemp(p->dir))
		return false;
	(void)snprintf(p->socket, sizeof(p->socket), "%s/control", p->dir);
	p->dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* One directory stands for all of the installation's; the kernel process guards the signer's, which lies in that of the log. */
	return p->dir_fd >= 0 && fchmod(p->dir_fd, 0777) == 0 && mkdirat(p->dir_fd, "signer", 0700) == 0 && ipc_listen(p->socket, &p->listen_fd, &e) == 0;
}

void place_remove(struct place *p)
{
	DIR *d = opendir(p->dir);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (unlinkat(p->dir_fd, entry->d_name, 0) < 0)
			(void)unlinkat(p->dir_fd, entry->d_name, AT_REMOVEDIR);
	if (d)
		closedir(d);
	close(p->dir_fd);
	close(p->listen_fd);
	(void)rmdir(p->dir);
}

void told(struct run *t, bool good, const char *who, const char *what)
{
	printf("%sok %d - %s %s\n", good ? "" : "not ", ++t->number, who, what);
	t->failed |= !good;
	fflush(stdout);
}

pid_t start(const struct run *t, const char *name, const char *const *more, const int *fds, size_t count, bool traced)
{
	const char *args[4] = { name, more ? more[0] : NULL, more && more[0] ? more[1] : NULL, NULL };
	char path[4096];
	int high[START_FDS_MAX];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/%s", t->libexec, name);
	pid = fork();
	if (pid)
		return pid;
	for (size_t i = 0; i < count; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 40);
	for (size_t i = 0; i < count; i++)
		(void)dup2(high[i], 3 + (int)i);
	/* 40 and above stay open on purpose: a role has to close what it was not meant to have. */
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP)))
		_exit(126);
	execv(path, (char *const *)(uintptr_t)args);
	_exit(127);
}

/* A peer that hangs up at once. */
static void introduce(int sock, enum role peer, enum role to)
{
	const struct msg_peer who = { .role = peer, .pid = (uint32_t)getpid() };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	(void)ipc_send(sock, ROLE_SUPERVISOR, to, IPC_PEER, &who, &pair[1]);
	close(pair[0]);
	close(pair[1]);
}

pid_t start_role(const struct run *t, const struct place *p, const struct sandbox *s, enum role role, int *ret_sock)
{
	static const char *const entry[] = { "polywardd", NULL };
	struct ipc_msg m = IPC_MSG_INIT;
	bool kernel = role == ROLE_KERNEL;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	const int fds[] = { pair[1], role == ROLE_CONTROL ? p->listen_fd : p->dir_fd, p->dir_fd, p->dir_fd, p->dir_fd, p->dir_fd };

	pid = start(t, s->role, kernel ? entry : NULL, fds, kernel ? 6 : role == ROLE_AUDIT ? 5 : 2, false);
	close(pair[1]);
	*ret_sock = pair[0];
	if (kernel) { /* it waits for its peers before it begins */
		introduce(pair[0], ROLE_CONTROL, role);
		introduce(pair[0], ROLE_AUDIT, role);
	}
	r = ipc_recv(pair[0], role, ROLE_SUPERVISOR, 30000, &m);
	if (r == 1 && m.type == IPC_READY)
		return pid;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &r, 0);
	close(pair[0]);
	*ret_sock = -1;
	return -1;
}

int ended(pid_t pid)
{
	int status;

	for (int i = 0; i < 5000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)usleep(2000);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return -1;
}

static const struct { uint32_t size_bytes, from, to, fds; } rows[] = {
#define M(name, type, from, to, fds) [IPC_##name] = { sizeof(struct type), from, to, fds },
#include "ipc/messages.def"
#undef M
};

bool in_row(enum msg_type type, enum role from, enum role to)
{
	return (rows[type].from & from) && (rows[type].to & to);
}

bool send_any(int sock, enum msg_type type)
{
	union { char room[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)]; struct cmsghdr align; } control = { 0 };
	struct ipc_head head = { .magic = IPC_MAGIC, .schema = ipc_schema(), .type = type, .len_bytes = rows[type].size_bytes };
	union msg_any body;
	struct iovec parts[2] = { { &head, sizeof(head) }, { &body, head.len_bytes } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	int fds[IPC_FDS_MAX] = { -1, -1, -1 };
	ssize_t n;

	memset(&body, 0, sizeof(body));
	for (uint32_t i = 0; i < rows[type].fds; i++)
		fds[i] = memfd_create("polyward-test", MFD_CLOEXEC);
	if (rows[type].fds) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * rows[type].fds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * rows[type].fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * rows[type].fds);
	}
	n = sendmsg(sock, &m, MSG_NOSIGNAL);
	for (uint32_t i = 0; i < rows[type].fds; i++)
		close(fds[i]);
	return n == (ssize_t)(sizeof(head) + head.len_bytes);
}
