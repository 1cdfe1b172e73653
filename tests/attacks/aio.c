// SPDX-License-Identifier: Apache-2.0
/* The kernel's older asynchronous I/O. */
#include "attack.h"

#include <linux/aio_abi.h>
#include <sys/syscall.h>

static char bytes[FILE_BYTES];

static int submit(int fd, uint16_t opcode)
{
	aio_context_t ctx = 0;
	struct iocb cb = { .aio_fildes = (uint32_t)fd, .aio_lio_opcode = opcode, .aio_buf = (uint64_t)(uintptr_t)bytes, .aio_nbytes = 512 };
	struct iocb *list[1] = { &cb };
	struct io_event ev = { 0 };

	need(!syscall(SYS_io_setup, 1, &ctx));
	if (syscall(SYS_io_submit, ctx, 1, list) != 1)
		return attempt("io_submit", -1);
	need(syscall(SYS_io_getevents, ctx, 1, 1, &ev, NULL) == 1);
	if (ev.res > 0 && opcode == IOCB_CMD_PREAD)
		got(bytes, (long)ev.res);
	return attempt("aio", ev.res < 0 ? (errno = (int)-ev.res, -1) : 0);
}

static int reading(void)  { return submit(EARLY_READ, IOCB_CMD_PREAD); }
static int writing(void)  { return submit(EARLY_WRITE, IOCB_CMD_PWRITE); }

VARIANTS({ "reading", reading }, { "writing", writing })
