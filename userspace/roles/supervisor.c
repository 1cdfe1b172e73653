/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polywardd: starts the roles, gives each exactly its descriptors, starts a dead one again. Parses no policy, makes no bpf(2)
 * call, reads no client's bytes. When it ends enforcement goes on: the links are pinned.
 */
#include "roles/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

static const char usage[] =
	"Usage: polywardd [--run-dir DIR] [--state-dir DIR] [--log-dir DIR] [--libexec DIR] [--foreground]\n"
	"Holds the policy in the kernel, keeps the access log, answers the polyward command. Always stays in the foreground.\n"
	"  --run-dir DIR    lock and socket (default " IPC_RUN_DIR ")\n"
	"  --state-dir DIR  applied policies (default /var/lib/polyward)\n"
	"  --log-dir DIR    access log (default /var/log/polyward)\n"
	"  --libexec DIR    the other programs (default beside this one, or " PW_LIBEXEC ")\n";

/* 0 go on, 1 done, -EINVAL. */
static int parse_options(int argc, char **argv, struct options *o)
{
	const struct { const char *word; const char **value; } known[] = {
		{ "--run-dir", &o->run_dir }, { "--state-dir", &o->state_dir }, { "--log-dir", &o->log_dir }, { "--libexec", &o->libexec },
	};

	for (int i = 1; i < argc; i++) {
		const char **value = NULL;

		if (!strcmp(argv[i], "--foreground"))
			continue;
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--version")) {
			fputs(argv[i][2] == 'h' ? usage : "polywardd " PW_VERSION "\n", stdout);
			return 1;
		}
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (!strcmp(argv[i], known[k].word))
				value = known[k].value;
		if (!value || i + 1 == argc || !*argv[i + 1]) {
			fprintf(stderr, "polywardd: %s\n%s", value ? "an option wants a value" : "unknown option", usage);
			return -EINVAL;
		}
		*value = argv[++i];
	}
	return 0;
}

static void hear_child(struct supervisor *s, struct child *c)
{
	_msg_ struct ipc_msg m = IPC_MSG_INIT;
	int r = ipc_recv(c->sock, c->role, ROLE_SUPERVISOR, 0, &m);

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		/* Its death, if it is one, is reported by SIGCHLD; a role that talks out of turn is not trusted further. */
		if (r < 0)
			role_say(ROLE_SUPERVISOR, "%s sent what it may not (%s); ending it", ipc_role_name(c->role), strerror(-r));
		(void)kill(c->pid, SIGKILL);
		cleanup_fd(&c->sock);
		return;
	}
	if (m.type == IPC_READY)
		c->ready = c->was_ready = true;
	else if (m.type == IPC_ASK_SUPERVISOR)
		child_tell_status(s, m.body.as_ASK_SUPERVISOR.id);
	else if (m.type == IPC_COMPILE)
		compile_begin(s, &m);
}

static void hear_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			s->stopping = true;
		else if (info.ssi_signo == SIGHUP)
			role_say(ROLE_SUPERVISOR, "nothing to reload: policies come with `polyward apply`");
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->compiler.pid)
			compile_ended(s, status);
		for (size_t i = 0; i < CHILD_MAX_; i++)
			if (s->child[i].pid == pid)
				child_died(s, &s->child[i], status);
	}
}

/* Start what is due; the time until the next such moment. */
static int due(struct supervisor *s)
{
	int64_t now_ms = role_now_ms(), next_ms = now_ms + 60000;

	for (size_t i = 0; i < CHILD_MAX_; i++) {
		struct child *c = &s->child[i];
		struct err e = { 0 };

		if (c->pid)
			continue;
		if (c->start_at_ms <= now_ms && child_start(s, c, &e) < 0) {
			role_say(ROLE_SUPERVISOR, "%s", e.text);
			c->start_at_ms = now_ms + 5000;
		}
		if (!c->pid && c->start_at_ms < next_ms)
			next_ms = c->start_at_ms;
	}
	if (s->compiler.pid && now_ms >= s->compiler.deadline_ms)
		compile_overdue(s);
	else if (s->compiler.pid && s->compiler.deadline_ms < next_ms)
		next_ms = s->compiler.deadline_ms;
	return next_ms > now_ms ? (int)(next_ms - now_ms) : 0;
}

static int loop(struct supervisor *s)
{
	while (!s->stopping) {
		struct pollfd p[1 + CHILD_MAX_] = { { .fd = s->signal_fd, .events = POLLIN } };
		int wait_ms = due(s);
		bool all = true;

		for (size_t i = 0; i < CHILD_MAX_; i++) {
			p[1 + i] = (struct pollfd){ .fd = s->child[i].sock, .events = POLLIN };
			all = all && s->child[i].ready;
			if (!s->all_ready && !s->child[i].pid && !s->child[i].was_ready)
				return ROLE_FAILED; /* it said why on stderr */
		}
		if (all && !s->all_ready) {
			s->all_ready = true;
			role_say(ROLE_SUPERVISOR, "ready, socket %s/" IPC_SOCKET, s->opt.run_dir);
			setup_notify("READY=1\nSTATUS=Ready");
			child_note(s, "daemon-started", "polywardd " PW_VERSION);
		}
		if (poll(p, 1 + CHILD_MAX_, wait_ms) < 0 && errno != EINTR)
			return ROLE_FAILED;
		for (size_t i = 0; i < CHILD_MAX_; i++)
			if (s->child[i].sock >= 0 && p[1 + i].fd == s->child[i].sock && p[1 + i].revents)
				hear_child(s, &s->child[i]);
		if (p[0].revents)
			hear_signals(s);
	}
	role_say(ROLE_SUPERVISOR, "stopping; what is enforced stays enforced (`polyward down --yes-stop-enforcing` ends that, "
		 "while the daemon runs)");
	setup_notify("STOPPING=1");
	child_note(s, "daemon-stopped", "enforcement goes on");
	return 0;
}

int main(int argc, char **argv)
{
	struct supervisor s = {
		.opt = { .run_dir = IPC_RUN_DIR, .state_dir = "/var/lib/polyward", .log_dir = "/var/log/polyward" },
		.run_fd = -1, .lock_fd = -1, .signal_fd = -1, .log_fd = -1, .install_fd = -1, .entry_dir_fd = -1,
		.keys_fd = -1, .signer_fd = -1, .retention_fd = -1,
		.child = { { .role = ROLE_AUDIT, .given_fd = -1, .sock = -1 }, { .role = ROLE_KERNEL, .given_fd = -1, .sock = -1 },
			   { .role = ROLE_CONTROL, .given_fd = -1, .sock = -1 } },
		.compiler = { .image_fd = -1, .messages_fd = -1 },
	};
	struct err e = { 0 };
	int r = settle(&e) < 0 ? -EIO : parse_options(argc, argv, &s.opt);

	if (r == -EIO) {
		role_say(ROLE_SUPERVISOR, "%s", e.text);
		return ROLE_FAILED;
	}
	if (r)
		return r < 0 ? 2 : 0;
	if (setup_all(&s, &e) < 0 || sandbox_enter(&sandbox_supervisor, &e) < 0) {
		role_say(ROLE_SUPERVISOR, "%s", e.text);
		setup_undo(&s);
		return ROLE_FAILED;
	}
	r = loop(&s);
	child_stop_all(&s);
	setup_undo(&s);
	return r;
}
