/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message of messages.def, said by every role that is not in its row, to the built processes: the role that hears it ends with
 * status 3 and its socket with it, polywardd kills the one who said it, a client is disconnected. The table is the only source.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "start.h"

static const enum role long_lived[] = { ROLE_SUPERVISOR, ROLE_KERNEL, ROLE_CONTROL, ROLE_AUDIT };

/* The other end is closed within 10 s, whatever it still says before. */
static bool closed(int sock)
{
	char bytes[8192];
	struct pollfd p = { .fd = sock, .events = POLLIN };

	while (poll(&p, 1, 10000) == 1) {
		ssize_t n = recv(sock, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (n == 0 || (n < 0 && (errno == ECONNRESET || errno == EPIPE)))
			return true;
		if (n < 0 && errno != EAGAIN)
			return false;
	}
	return false;
}

/* A socket on which we are `from` for the role behind sock. */
static int meet(int sock, enum role from, enum role to)
{
	const struct msg_peer who = { .role = from, .pid = (uint32_t)getpid() };
	int pair[2];

	if (from == ROLE_SUPERVISOR)
		return fcntl(sock, F_DUPFD_CLOEXEC, 3);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    ipc_send(sock, ROLE_SUPERVISOR, to, IPC_PEER, &who, &pair[1]) < 0)
		return -1;
	close(pair[1]);
	return pair[0];
}

static bool one(const struct run *t, const struct place *p, const struct sandbox *s, enum role to, enum role from, enum msg_type type)
{
	int sock, peer;
	pid_t pid = start_role(t, p, s, to, &sock);
	bool good = false;

	if (pid < 0)
		return false;
	peer = meet(sock, from, to);
	if (peer >= 0 && send_any(peer, type)) {
		good = closed(peer) && ended(pid) == ROLE_FAILED << 8;
		close(peer);
	} else {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	close(sock);
	return good;
}

/* All messages that `from` may not say to this role. */
static void to_role(struct run *t, const struct place *p, const struct sandbox *s, enum role to)
{
	for (size_t f = 0; f < sizeof(long_lived) / sizeof(long_lived[0]); f++) {
		enum role from = long_lived[f];
		char what[512], wrong[256] = "";
		int count = 0;

		if (from == to)
			continue;
		for (enum msg_type type = IPC_NONE_ + 1; type < IPC_MAX_; type++) {
			if (in_row(type, from, to))
				continue;
			count++;
			if (!one(t, p, s, to, from, type))
				(void)snprintf(wrong + strlen(wrong), sizeof(wrong) - strlen(wrong), " %s", ipc_name(type));
		}
		if (wrong[0])
			printf("# survived:%s\n", wrong);
		(void)snprintf(what, sizeof(what), "ends at each of %d messages that %s may not say to it", count, ipc_role_name(from));
		told(t, count > 0 && !wrong[0], s->role, what);
	}
}

/* A client: its connection ends, and the role stays for the others. */
static void from_client(struct run *t, const struct place *p)
{
	int sock, count = 0, bad = 0, r;
	pid_t pid = start_role(t, p, &sandbox_control, ROLE_CONTROL, &sock);
	char what[256];

	for (enum msg_type type = IPC_NONE_ + 1; type < IPC_MAX_; type++) {
		int client = -1;

		if (in_row(type, ROLE_CLIENT, ROLE_CONTROL))
			continue;
		count++;
		r = ipc_connect(p->socket, &client);
		if (r < 0 || !send_any(client, type) || !closed(client)) {
			printf("# %s: %s\n", ipc_name(type), r < 0 ? strerror(-r) : "not disconnected");
			bad++;
		}
		if (client >= 0)
			close(client);
	}
	(void)snprintf(what, sizeof(what), "disconnects a client at each of %d messages that it may not say", count);
	told(t, count > 0 && !bad, "polyward-control", what);
	told(t, pid > 0 && waitpid(pid, &r, WNOHANG) == 0, "polyward-control", "lives on after all of them");
	close(sock);
	(void)ended(pid);
}

/* ---- polywardd itself, with impostors in place of its roles ------------------------------------------------------------------- */

/* argv[0] says which role this is meant to be; the file "plan" beside it, who is to say what. Never returns. */
static void impostor(const char *name)
{
	static const struct { const char *name; enum role role; } roles[] = {
		{ "polyward-kernel", ROLE_KERNEL }, { "polyward-control", ROLE_CONTROL }, { "polyward-audit", ROLE_AUDIT },
	};
	char path[256], plan[64] = "", byte;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
	int fd;

	for (size_t i = 0; n > 0 && i < sizeof(roles) / sizeof(roles[0]); i++) {
		const struct msg_peer ready = { .role = roles[i].role };

		if (strcmp(name, roles[i].name))
			continue;
		path[n] = '\0';
		(void)snprintf(strrchr(path, '/'), 8, "/plan");
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, plan, sizeof(plan) - 1);
		plan[n < 0 ? 0 : n] = '\0';
		(void)ipc_send(FD_SUPERVISOR, roles[i].role, ROLE_SUPERVISOR, IPC_READY, &ready, NULL);
		if (!strncmp(plan, name, strlen(name)))
			(void)send_any(FD_SUPERVISOR, (enum msg_type)(unsigned char)plan[strlen(name) + 1]);
		while (recv(FD_SUPERVISOR, &byte, 1, 0) > 0)
			;
		_exit(0);
	}
	_exit(1);
}

static bool copy(const char *from, const char *to)
{
	char bytes[8192];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n = -1;

	while (in >= 0 && out >= 0 && (n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)n) != n)
			break;
	close(in);
	close(out);
	return n == 0 && chmod(to, 0755) == 0;
}

static pid_t start_polywardd(const struct run *t, const char *dir, int err_fd)
{
	char run[128], state[128], log[128], path[4096];
	const char *const args[] = { "polywardd", "--run-dir", run, "--state-dir", state, "--log-dir", log, "--libexec", dir, NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	(void)snprintf(run, sizeof(run), "%s/run", dir);
	(void)snprintf(state, sizeof(state), "%s/state", dir);
	(void)snprintf(log, sizeof(log), "%s/log", dir);
	(void)snprintf(path, sizeof(path), "%s/../polywardd", t->libexec);
	(void)dup2(err_fd, STDERR_FILENO);
	execv(path, (char *const *)(uintptr_t)args);
	_exit(127);
}

/* Does polywardd's stderr come to hold this text within 10 s? */
static bool says(int err_fd, const char *text)
{
	char all[8192];
	ssize_t n;

	for (int i = 0; i < 2000; i++) {
		n = pread(err_fd, all, sizeof(all) - 1, 0);
		all[n < 0 ? 0 : n] = '\0';
		if (strstr(all, text))
			return true;
		(void)usleep(5000);
	}
	printf("# polywardd said: %s\n", all);
	return false;
}

static bool supervised(const struct run *t, const char *dir, enum role from, enum msg_type type)
{
	char plan[256], text[256], died[256];
	int err_fd, fd;
	pid_t pid;
	bool good;

	(void)snprintf(plan, sizeof(plan), "%s/plan", dir);
	fd = open(plan, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	(void)snprintf(text, sizeof(text), "%s %c", ipc_role_name(from), (char)type);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	(void)snprintf(plan, sizeof(plan), "%s/stderr", dir);
	err_fd = open(plan, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	pid = start_polywardd(t, dir, err_fd);
	(void)snprintf(text, sizeof(text), "%s sent what it may not", ipc_role_name(from));
	(void)snprintf(died, sizeof(died), "%s was ended by signal 9", ipc_role_name(from));
	good = good && says(err_fd, text) && says(err_fd, died) && waitpid(pid, NULL, WNOHANG) == 0;
	(void)kill(pid, SIGTERM);
	good = ended(pid) == 0 && good;
	close(err_fd);
	return good;
}

static void to_supervisor(struct run *t)
{
	static const char *const names[] = { "polyward-kernel", "polyward-control", "polyward-audit", "polyward-compile" };
	char dir[] = "/tmp/polyward-impostors-XXXXXX", path[256], what[512];

	if (!mkdtemp(dir) || chmod(dir, 0755) < 0) {
		told(t, false, "polywardd", "has a directory for impostors");
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (!copy("/proc/self/exe", path))
			perror(path);
	}
	for (size_t f = 1; f < sizeof(long_lived) / sizeof(long_lived[0]); f++) {
		char wrong[256] = "";
		int count = 0;

		for (enum msg_type type = IPC_NONE_ + 1; type < IPC_MAX_; type++) {
			if (in_row(type, long_lived[f], ROLE_SUPERVISOR))
				continue;
			count++;
			if (!supervised(t, dir, long_lived[f], type))
				(void)snprintf(wrong + strlen(wrong), sizeof(wrong) - strlen(wrong), " %s", ipc_name(type));
		}
		if (wrong[0])
			printf("# survived:%s\n", wrong);
		(void)snprintf(what, sizeof(what), "ends %s at each of %d messages that it may not say", ipc_role_name(long_lived[f]), count);
		told(t, count > 0 && !wrong[0], "polywardd", what);
	}
	(void)snprintf(path, sizeof(path), "rm -r '%s'", dir);
	if (system(path))
		perror(dir);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	struct run t = { .libexec = argc > 1 ? argv[1] : "build/libexec" };
	struct place p;

	if (!strncmp(name, "polyward-", 9))
		impostor(name);
	if (!place_make(&p))
		return 1;
	printf("1..14\n");
	fflush(stdout);
	to_role(&t, &p, &sandbox_control, ROLE_CONTROL);
	to_role(&t, &p, &sandbox_audit, ROLE_AUDIT);
	to_role(&t, &p, &sandbox_kernel, ROLE_KERNEL);
	from_client(&t, &p);
	to_supervisor(&t);
	place_remove(&p);
	return t.failed;
}
