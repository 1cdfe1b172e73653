/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases share: TAP, scratch directories, and which calls are made to fail. */
#include "fault.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void told(struct tap *t, bool good, const char *why, const char *fmt, ...)
{
	va_list ap;

	if (!good)
		printf("# %s\n", why && why[0] ? why : "(no reason)");
	printf("%sok %d - ", good ? "" : "not ", ++t->number);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	t->failed |= !good;
}

bool scratch_make(struct scratch *s)
{
	*s = (struct scratch){ "/dev/shm/polyward-faults-XXXXXX", -1 };
	if (access("/dev/shm", W_OK))
		(void)snprintf(s->path, sizeof(s->path), "/tmp/polyward-faults-XXXXXX");
	if (mkdtemp(s->path))
		s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return s->fd >= 0;
}

static void empty(int dir_fd)
{
	DIR *d = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	struct dirent *entry;

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || unlinkat(dir_fd, entry->d_name, 0) == 0)
			continue;
		empty(openat(dir_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		(void)unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

void scratch_empty(const struct scratch *s)
{
	empty(open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void scratch_remove(struct scratch *s)
{
	scratch_empty(s);
	close(s->fd);
	(void)rmdir(s->path);
}

uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

bool chosen(uint64_t nth, uint64_t n, uint64_t most, uint64_t *seed)
{
	uint64_t first = most / 2;

	if (n <= most || nth <= first)
		return true;
	return random_next(seed) % (n - first) < most - first;
}
