// SPDX-License-Identifier: Apache-2.0
/* Symbolic links: reach the file by one, make one in the store, read one that lies there. */
#include "attack.h"

static int follow(void)
{
	need(!symlink(mine(), SCRATCH "/l"));
	return take_path(SCRATCH "/l");
}

static int folder(void)
{
	char path[96];

	need(!symlink(STORE, SCRATCH "/l"));
	snprintf(path, sizeof(path), SCRATCH "/l/of-%d.txt", me());
	return take_path(path);
}

static int make(void) { return attempt("symlink in the store", symlink("/etc/passwd", STORE "/x")); }

static int target(void)
{
	char text[64];
	long n = readlink(STORE "/link", text, sizeof(text));

	return attempt("readlink", n);
}

/* A program that writes to /srv/scratch/out for us, as a service would, is led into the store. */
static int planted(void)
{
	int fd;

	need(!symlink(mine(), SCRATCH "/out"));
	fd = open(SCRATCH "/out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return attempt("write through a planted link", fd);
}

VARIANTS({ "follow", follow }, { "folder", folder }, { "make", make }, { "target", target }, { "planted", planted })
