/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership that shows at the declaration. Never goto in a function that uses these. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#define _fd_   __attribute__((cleanup(cleanup_fd)))
#define _free_ __attribute__((cleanup(cleanup_free)))
#define _file_ __attribute__((cleanup(cleanup_file)))

/* Hand a value on; the holder is empty afterwards. */
#define take_fd(fd)  ({ int taken_ = (fd); (fd) = -1; taken_; })
#define take_ptr(p)  ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

#endif
