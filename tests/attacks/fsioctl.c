// SPDX-License-Identifier: Apache-2.0
/* Commands to a filesystem as a whole, given through a stored file or folder: freeze, shut down, move extents, map, trim. */
#include "attack.h"

#include <linux/fs.h>
#include <sys/ioctl.h>

static int freeze(void)
{
	int code = attempt("FIFREEZE", ioctl(EARLY_DIR, FIFREEZE, 0));

	if (!code)
		ioctl(EARLY_DIR, FITHAW, 0);
	return code;
}

static int thaw(void) { return attempt("FITHAW", ioctl(EARLY_DIR, FITHAW, 0)); }

static int trim(void)
{
	struct fstrim_range r = { .len = 4096 };

	return attempt("FITRIM", ioctl(EARLY_DIR, FITRIM, &r));
}

/* EXT4_IOC_SHUTDOWN with a way that the kernel does not know: with success it would say EINVAL. */
static int shut(void)
{
	uint32_t how = 77;

	return attempt("EXT4_IOC_SHUTDOWN", ioctl(EARLY_DIR, 0x8004587d, &how));
}

/* EXT4_IOC_MOVE_EXT: exchange a stored file's blocks with those of one's own. */
static int move_extents(void)
{
	struct { uint32_t reserved, donor; uint64_t orig, start, len, moved; } m = { .len = 2 };
	int fd = open(SCRATCH "/x", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	char page[FILE_BYTES] = { 0 };

	need(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page) && !fsync(fd));
	m.donor = (uint32_t)fd;
	return attempt("EXT4_IOC_MOVE_EXT", ioctl(EARLY_WRITE, 0xc028660f, &m));
}

/* The other way round: one's own file is the first, the stored one the donor. */
static int donate(void)
{
	struct { uint32_t reserved, donor; uint64_t orig, start, len, moved; } m = { .donor = EARLY_WRITE, .len = 2 };
	int fd = open(SCRATCH "/x", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	char page[FILE_BYTES] = { 0 };

	need(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page) && !fsync(fd));
	return attempt("EXT4_IOC_MOVE_EXT", ioctl(fd, 0xc028660f, &m));
}

/* EXT4_IOC_SWAP_BOOT on a stored file: exchanges its contents with the boot loader's inode. */
static int swap_boot(void) { return attempt("EXT4_IOC_SWAP_BOOT", ioctl(EARLY_WRITE, 0x6611, 0)); }

static int space_map(void)
{
	char room[4096] = { 0 };

	/* struct fsmap_head: one key from 0 to the end, room for a few. */
	room[8] = 20;
	memset(room + 64 + 64, 0xff, 64);
	return attempt("FS_IOC_GETFSMAP", ioctl(EARLY_DIR, 0xc0c0583b, room));
}

static int block(void)
{
	int b = 0;

	return attempt("FIBMAP", ioctl(EARLY_READ, FIBMAP, &b));
}

static int unknown(void) { return attempt("an unknown command", ioctl(EARLY_READ, 0x12345678, 0)); }

VARIANTS({ "freeze", freeze }, { "thaw", thaw }, { "trim", trim }, { "shut", shut }, { "move_extents", move_extents }, { "donate", donate },
	 { "swap_boot", swap_boot }, { "space_map", space_map }, { "block", block }, { "unknown", unknown })
