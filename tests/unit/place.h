/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of a case's own, removed with all that is in it: _place_ struct place p = place_make(). */
#ifndef PLACE_H
#define PLACE_H

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place { char path[64]; int fd; };

static struct place place_make(void)
{
	/* In memory where that is possible: some cases sync a thousand times. */
	struct place p = { "/dev/shm/polyward-test-XXXXXX", -1 };

	if (access("/dev/shm", W_OK) < 0)
		memcpy(p.path, "/tmp/polyward-test-XXXXXX", sizeof("/tmp/polyward-test-XXXXXX"));

	if (mkdtemp(p.path))
		p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p;
}

/* What is in a directory, whose descriptor is taken over. */
static void place_empty(int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(d), entry->d_name, 0) == 0 || errno != EISDIR)
			continue;
		place_empty(openat(dirfd(d), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
		(void)unlinkat(dirfd(d), entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

static void place_free(struct place *p)
{
	place_empty(p->fd);
	(void)rmdir(p->path);
}
#define _place_ __attribute__((cleanup(place_free)))

#endif
