// SPDX-License-Identifier: Apache-2.0
/*
 * Usage: peer_fanotify DIR -- COMMAND...   Run COMMAND while a responder, this program, is asked about every opening on DIR's filesystem
 * and allows it. Exits with COMMAND's status, 77 if it was never asked. Must never refuse anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Answer what is there. Returns how many questions that were, or -errno. */
static long answer(int fd)
{
	char events[4096] __attribute__((aligned(8)));
	struct fanotify_event_metadata *ev = (void *)events;
	ssize_t len = read(fd, events, sizeof(events));
	long asked = 0;

	if (len < 0)
		return errno == EAGAIN ? 0 : -errno;
	for (; FAN_EVENT_OK(ev, len); ev = FAN_EVENT_NEXT(ev, len)) {
		struct fanotify_response yes = { .fd = ev->fd, .response = FAN_ALLOW };

		if (write(fd, &yes, sizeof(yes)) != (ssize_t)sizeof(yes))
			return -errno;
		close(ev->fd);
		asked++;
	}
	return asked;
}

/* Until the child has gone: its end closes the pipe. */
static long respond(int fd, int alive_fd)
{
	struct pollfd wait[2] = { { .fd = fd, .events = POLLIN }, { .fd = alive_fd, .events = POLLIN } };
	long asked = 0, n = 0;

	while (n >= 0 && !wait[1].revents) {
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			return -errno;
		n = wait[0].revents ? answer(fd) : 0;
		asked += n > 0 ? n : 0;
	}
	return n < 0 ? n : asked;
}

int main(int argc, char **argv)
{
	_fd_ int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE);
	int alive[2], status = 0;
	long asked;
	pid_t pid;

	if (argc < 4 || strcmp(argv[2], "--")) {
		fprintf(stderr, "usage: peer_fanotify DIR -- COMMAND...\n");
		return 2;
	}
	if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD, argv[1]) || pipe2(alive, 0)) {
		perror("peer_fanotify");
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		close(alive[0]);
		execvp(argv[3], argv + 3);
		perror("peer_fanotify: exec");
		_exit(127);
	}
	close(alive[1]);
	asked = respond(fd, alive[0]);
	if (asked < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "peer_fanotify: %s\n", strerror((int)-asked));
		return 1;
	}
	fprintf(stderr, "peer_fanotify: asked %ld times\n", asked);
	return !asked ? 77 : WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
