/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler, one at a time: forked here because no other role may fork. What it writes is sealed before it is handed on, and
 * not looked at: the loader checks it.
 */
#include "roles/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define COMPILE_WALL_MS 60000

static void answer(struct supervisor *s, uint32_t id, int code, const char *text, const int *fds)
{
	struct msg_compiled done = { .id = id, .code = code };
	struct child *control = child_of(s, ROLE_CONTROL);

	ipc_put(done.text, sizeof(done.text), text);
	if (control->sock >= 0)
		(void)ipc_send(control->sock, ROLE_SUPERVISOR, ROLE_CONTROL, IPC_COMPILED, &done, fds);
}

static void forget(struct compiler *c)
{
	c->pid = 0;
	cleanup_fd(&c->image_fd);
	cleanup_fd(&c->messages_fd);
}

/* A refusal carries two empty files, so that the message always has the same shape. */
static void refuse(struct supervisor *s, uint32_t id, int code, const char *text)
{
	_fd_ int a = memfd_create("polyward-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	_fd_ int b = memfd_create("polyward-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const int fds[] = { a, b };

	answer(s, id, code, text, fds);
}

void compile_begin(struct supervisor *s, struct ipc_msg *m)
{
	struct msg_compile *ask = &m->body.as_COMPILE;
	struct compiler *c = &s->compiler;
	/* The file's name is for the compiler to judge, and goes nowhere else. */
	const char *const args[] = { "polyward-compile", ask->uid == 0 ? "root" : "other", ipc_text(ask->file, sizeof(ask->file)), NULL };
	int fds[3], r;

	if (c->pid) {
		refuse(s, ask->id, -EBUSY, "another policy is being compiled; try again in a moment");
		return;
	}
	c->image_fd = memfd_create("polyward-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	c->messages_fd = memfd_create("polyward-messages", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	fds[0] = m->fds[0];
	fds[1] = c->image_fd;
	fds[2] = c->messages_fd;
	r = c->image_fd < 0 || c->messages_fd < 0 ? -errno : child_exec(s, args, fds, 3, &c->pid);
	if (r < 0) {
		refuse(s, ask->id, r, "polyward-compile could not be started; see the daemon's messages");
		role_say(ROLE_SUPERVISOR, "start %s/polyward-compile: %s", s->libexec, strerror(-r));
		forget(c);
		return;
	}
	c->id = ask->id;
	c->deadline_ms = role_now_ms() + COMPILE_WALL_MS;
}

void compile_ended(struct supervisor *s, int status)
{
	struct compiler *c = &s->compiler;
	const int fds[] = { c->image_fd, c->messages_fd };
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	char text[128];
	bool sealed = fcntl(c->image_fd, F_ADD_SEALS, seals) == 0 && fcntl(c->messages_fd, F_ADD_SEALS, seals) == 0;

	if (WIFSIGNALED(status) && role_now_ms() >= c->deadline_ms)
		refuse(s, c->id, -ETIMEDOUT, "the policy took longer than 60 s to compile and was given up");
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		refuse(s, c->id, -EIO, "the policy took more than 30 s of processor time and was given up");
	else if (WIFSIGNALED(status)) {
		(void)snprintf(text, sizeof(text), "polyward-compile was ended by signal %d (%s); the kernel's log may say why",
			       WTERMSIG(status), sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
		refuse(s, c->id, -EIO, text);
	}
	else if (!sealed)
		refuse(s, c->id, -EIO, "what polyward-compile wrote could not be sealed");
	else if (WEXITSTATUS(status) == 0)
		answer(s, c->id, 0, "", fds);
	else
		answer(s, c->id, WEXITSTATUS(status) == 1 ? -EINVAL : -EIO,
		       WEXITSTATUS(status) == 1 ? "the policy has errors" : "the policy could not be compiled", fds);
	forget(c);
}

void compile_overdue(struct supervisor *s)
{
	/* Its end comes as SIGCHLD. */
	(void)kill(s->compiler.pid, SIGKILL);
	s->compiler.deadline_ms = role_now_ms();
}
