/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever starts the supervisor, it becomes polyward's own process: so nothing that it was started with may steer it. Descriptors,
 * environment, signals and limits begin afresh. Must come first of all, and ask for no path.
 */
#include "roles/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A file opened later must not become anybody's standard error. */
static int settle_descriptors(struct err *e)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
			return err_set(e, -errno, "open /dev/null");
	return close_range(3, ~0u, 0) < 0 ? err_set(e, -errno, "close other descriptors") : 0;
}

/* Of the environment only where to say that we are ready counts. */
static int settle_environment(struct err *e)
{
	const char *where = getenv("NOTIFY_SOCKET");
	char *kept = where ? strdup(where) : NULL;
	int r = (where && !kept) || clearenv() || (kept && setenv("NOTIFY_SOCKET", kept, 1)) ? -ENOMEM : 0;

	free(kept);
	return r < 0 ? err_set(e, r, "clear the environment") : 0;
}

/* An ignored SIGCHLD would hide the death of a role. What cannot be set (SIGKILL, and what the library keeps for itself) is as it is. */
static void settle_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Each role sets limits of its own. Only root starts us for good, and root may raise them; others are told so later. */
static void settle_limits(void)
{
	static const int kinds[] = { RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_NPROC, RLIMIT_RSS };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY }, files = { 1024, 4096 }, stack = { 8u << 20, RLIM_INFINITY };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		(void)setrlimit((enum __rlimit_resource)kinds[i], &none);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)setrlimit(RLIMIT_STACK, &stack);
}

int settle(struct err *e)
{
	int r = settle_descriptors(e);

	if (r == 0)
		r = settle_environment(e);
	if (r < 0)
		return r;
	settle_signals();
	settle_limits();
	return 0;
}
