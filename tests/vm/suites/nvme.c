// SPDX-License-Identifier: Apache-2.0
/*
 * Disks that take commands past the block layer, and arrays that the kernel puts together by number: a store on an NVMe disk, its
 * character nodes, the ring that passes commands through, and md. In a guest without an NVMe disk (tests/vm/run --nvme) only the last.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../../attacks/ring.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define DISK  "/dev/nvme0n1"
#define STORE "/run/nvme/store"

static const char policy[] = "polyward 1\npolicy suite { version 1 }\nstore fast { path " STORE " }\nstore below { path /srv/below }\n"
			     "role readers { members user:reader }\nrule r { allow readers to read, list on fast, below }\n";
static const char policy_md[] = "polyward 1\npolicy suite { version 1 }\nstore below { path /srv/below }\n"
				"role readers { members user:reader }\nrule r { allow readers to read, list on below }\n";

#define GUARDED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })

static int op_open_node(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}

/* Read one block of the disk by a command of its own. */
static int op_command(const void *arg)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct nvme_passthru_cmd c = { .opcode = 2, .nsid = 1, .addr = (uint64_t)(uintptr_t)block, .data_len = 512 };

	return ioctl(*(const int *)arg, NVME_IOCTL_IO_CMD, &c) < 0 ? errno : 0;
}

/* The same through a ring: entries of 128 bytes, so that the command has room. */
static int op_ring_command(const void *arg)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct ring r;
	struct { uint8_t opcode, flags; uint16_t pad; uint32_t nsid, cdw2, cdw3; uint64_t metadata, addr; uint32_t metadata_len, data_len,
		 cdw10, cdw11, cdw12, cdw13, cdw14, cdw15, timeout_ms, pad2; } c = { .opcode = 2, .nsid = 1, .addr = (uint64_t)(uintptr_t)block,
										     .data_len = 512 };
	struct io_uring_sqe *e;
	int res = -EIO;

	if (ring_make(&r, IORING_SETUP_SQE128 | IORING_SETUP_CQE32))
		return 200;
	e = ring_sqe(&r, 0);
	e->opcode = IORING_OP_URING_CMD;
	e->fd = *(const int *)arg;
	e->cmd_op = _IOWR('N', 0x80, char[72]);
	memcpy((char *)e + 48, &c, sizeof(c));
	if (ring_go(&r, 1, &res))
		return 201;
	return res < 0 ? -res : 0;
}

static int op_write_word(const void *arg)
{
	const struct two *t = arg;
	_fd_ int fd = open(t->a, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? 202 : write(fd, t->b, strlen(t->b)) < 0 ? errno : 0;
}

static bool prepare_nvme(void)
{
	if (system("modprobe nvme >/dev/null 2>&1; for i in 1 2 3 4 5 6 7 8 9 10; do [ -b " DISK " ] && exit 0; sleep 0.2; done; exit 1"))
		return false;
	return !system("mkfs.ext4 -q -F " DISK " && mkdir -p /run/nvme && mount " DISK " /run/nvme && mkdir -m 777 " STORE
		       " && echo stored >" STORE "/f && chmod 666 " STORE "/f && mkdir -p /srv/below");
}

static void nvme(struct suite *s)
{
	_fd_ int disk = -1, generic = -1;

	suite_fresh(s);
	if (!prepare_nvme()) {
		printf("# no NVMe disk: tests/vm/run --nvme gives one\n");
		return;
	}
	disk = open(DISK, O_RDONLY | O_CLOEXEC);
	generic = open("/dev/ng0n1", O_RDONLY | O_CLOEXEC);
	suite_check(s, "nvme: without a policy a command reads the disk", disk >= 0 && generic >= 0 && !op_command(&disk) && !op_command(&generic),
		    "%s", strerror(errno));
	suite_check(s, "... and so does one through a ring", op_ring_command(&generic) == 0, "%d", op_ring_command(&generic));
	suite_apply(s, policy);
	suite_case(s, "nvme: the store opens to its role", &reader, op_read, STORE "/f", ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "... its disk to nobody", &root, op_open_node, DISK, GUARDED(pw_device));
	suite_case(s, "... nor by its generic node", &root, op_open_node, "/dev/ng0n1", GUARDED(pw_device));
	suite_case(s, "... nor its controller", &root, op_open_node, "/dev/nvme0", GUARDED(pw_device));
	suite_case(s, "a command on a descriptor from before", &root, op_command, &disk, GUARDED(pw_file_ioctl));
	suite_case(s, "... on the generic node's", &root, op_command, &generic, GUARDED(pw_file_ioctl));
	suite_case(s, "... through a ring", &root, op_ring_command, &generic, GUARDED(pw_uring_cmd));
	suite_fresh(s);
	umount2("/run/nvme", MNT_DETACH);
}

static void array(struct suite *s)
{
	char number[32];
	struct two add = { "/sys/block/md_pw/md/new_dev", number };
	struct stat st = { 0 };

	suite_fresh(s);
	if (system("mkdir -p /srv/below && modprobe md_mod && echo md_pw >/sys/module/md_mod/parameters/new_array && "
		   "echo none >/sys/block/md_pw/md/metadata_version && echo linear >/sys/block/md_pw/md/level") ||
	    stat("/dev/vda", &st)) {
		printf("# no arrays here\n");
		return;
	}
	snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	suite_apply(s, policy_md);
	suite_case(s, "md: no array is made of a store's disk", &root, op_write_word, &add, GUARDED(pw_device));
	suite_fresh(s);
	(void)!system("echo clear >/sys/block/md_pw/md/array_state 2>/dev/null");
}

void cases_nvme(struct suite *s)
{
	array(s);
	nvme(s);
}
