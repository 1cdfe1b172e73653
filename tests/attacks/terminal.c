// SPDX-License-Identifier: Apache-2.0
/* A command pushed into a terminal, as if its user had typed it: our own terminal, which a role holder's shell may share, and another's. */
#include "attack.h"

#include <stdlib.h>
#include <sys/ioctl.h>

static int opened(int *ret_master)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	need(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	need(slave >= 0);
	*ret_master = master;
	return slave;
}

static int push(int fd)
{
	char c = '\n';

	return attempt("TIOCSTI", ioctl(fd, TIOCSTI, &c));
}

static int another(void)
{
	int master;

	return push(opened(&master));
}

static int own_in_child(void *unused)
{
	int master, slave = opened(&master);

	(void)unused;
	need(setsid() > 0 && !ioctl(slave, TIOCSCTTY, 0));
	return push(slave);
}

static int own(void)
{
	return reap(child(own_in_child, NULL));
}

VARIANTS({ "another", another }, { "own", own })
