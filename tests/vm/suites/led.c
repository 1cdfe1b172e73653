// SPDX-License-Identifier: Apache-2.0
/* Orders go down one pipe, answers of a byte come up another; who is led ends when the first is closed, or when its maker is killed. */
#include "led.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void follow(int from, int to, led_act *act)
{
	struct led_order o;

	while (read(from, &o, sizeof(o)) == (ssize_t)sizeof(o)) {
		unsigned char answer = (unsigned char)act(&o);

		if (write(to, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

struct led led_start(led_become *become, uid_t uid, led_act *act)
{
	struct led l = { .pid = -1, .to = -1, .from = -1 };
	int down[2], up[2];

	if (pipe2(down, O_CLOEXEC) || pipe2(up, O_CLOEXEC))
		return l;
	fflush(stdout);
	l.pid = fork();
	if (!l.pid) {
		close(down[1]);
		if (become(uid))
			_exit(223);
		follow(down[0], up[1], act);
	}
	close(down[0]);
	close(up[1]);
	l.to = down[1];
	l.from = up[0];
	return l;
}

int led_ask(const struct led *l, char what, const char *path)
{
	struct led_order o = { .what = what };
	unsigned char answer;

	snprintf(o.path, sizeof(o.path), "%s", path);
	return write(l->to, &o, sizeof(o)) == (ssize_t)sizeof(o) && read(l->from, &answer, 1) == 1 ? answer : -1;
}

void led_stop(struct led *l)
{
	close(l->to);
	close(l->from);
	if (l->pid > 0 && !kill(l->pid, SIGKILL))
		waitpid(l->pid, NULL, 0);
	l->pid = -1;
}
