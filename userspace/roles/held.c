/* SPDX-License-Identifier: Apache-2.0 */
/* Images by descriptor. Never looks at bytes that their sender could still change or cut off under a reader. */
#include "roles/held.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int held_from_fd(int fd_given, struct held *ret, struct err *e)
{
	_fd_ int fd = fd_given;
	struct held h = HELD_INIT;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return err_say(e, -EPERM, "the image is not sealed against changes");
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "the image");
	if (st.st_size <= 0 || st.st_size > PW_IMAGE_MAX)
		return err_say(e, -EFBIG, "the image has %lld bytes, not 1 to %u", (long long)st.st_size, PW_IMAGE_MAX);
	h.len_bytes = (size_t)st.st_size;
	h.bytes = mmap(NULL, h.len_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (h.bytes == MAP_FAILED)
		return err_set(e, -errno, "map the image");
	if (image_check(h.bytes, h.len_bytes, &h.img, e) < 0) {
		(void)munmap(h.bytes, h.len_bytes);
		return e->code;
	}
	h.fd = take_fd(fd);
	held_move(ret, &h);
	return 0;
}

void held_done(struct held *h)
{
	if (h->bytes)
		(void)munmap(h->bytes, h->len_bytes);
	cleanup_fd(&h->fd);
	memset(h, 0, sizeof(*h));
	h->fd = -1;
}

void held_move(struct held *to, struct held *from)
{
	held_done(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
	from->fd = -1;
}
