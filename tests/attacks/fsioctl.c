// SPDX-License-Identifier: Apache-2.0
/* Commands to a filesystem as a whole, given through a stored file or folder: freeze, shut down, move extents, map, trim. */
#include "attack.h"

#include <linux/fs.h>
#include <linux/fsmap.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

static int freeze(void)
{
	int code = attempt("FIFREEZE", ioctl(EARLY_DIR, FIFREEZE, 0));

	if (!code)
		ioctl(EARLY_DIR, FITHAW, 0);
	return code;
}

static int thaw(void)
{
	/* Only what is frozen can be thawed. */
	(void)ioctl(EARLY_DIR, FIFREEZE, 0);
	return attempt("FITHAW", ioctl(EARLY_DIR, FITHAW, 0));
}

static int trim(void)
{
	struct fstrim_range r = { .len = 4096 };

	return attempt("FITRIM", ioctl(EARLY_DIR, FITRIM, &r));
}

/* EXT4_IOC_SHUTDOWN through the folder above a store: nobody reads or writes anything there until it is mounted anew. */
static int shut(void)
{
	uint32_t how = 0; /* what is not written yet is written first */
	int fd = open("/srv/small", O_RDONLY | O_DIRECTORY | O_CLOEXEC), code;

	need(fd >= 0);
	code = attempt("EXT4_IOC_SHUTDOWN", ioctl(fd, 0x8004587d, &how));
	close(fd);
	if (code)
		return code;
	need(open(SMALL "/of-0.txt", O_RDONLY | O_CLOEXEC) < 0 && errno == EIO);
	need(!umount("/srv/small") && !run_program((const char *const[]){ "mount", "-o", "loop", "/srv/small.img", "/srv/small", NULL }));
	return 0;
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

/* Which blocks belong to what, from the beginning of the filesystem to its end, as many as find room. */
static int space_map(void)
{
	union { struct fsmap_head head; char room[4096]; } u = { .head = { .fmh_count = 20 } };
	int code;

	u.head.fmh_keys[1] = (struct fsmap){ .fmr_device = UINT32_MAX, .fmr_flags = UINT32_MAX, .fmr_physical = UINT64_MAX,
					     .fmr_owner = UINT64_MAX, .fmr_offset = UINT64_MAX };
	code = attempt("FS_IOC_GETFSMAP", ioctl(EARLY_DIR, FS_IOC_GETFSMAP, &u));
	need(code || u.head.fmh_entries);
	return code;
}

static int block(void)
{
	int b = 0;

	return attempt("FIBMAP", ioctl(EARLY_READ, FIBMAP, &b));
}

/* EXT4_IOC_PRECACHE_EXTENTS, which no table here knows: does no harm, but the next command of its kind may. */
static int unknown(void) { return attempt("EXT4_IOC_PRECACHE_EXTENTS", ioctl(EARLY_READ, 0x6612, 0)); }

VARIANTS({ "freeze", freeze }, { "thaw", thaw }, { "trim", trim }, { "shut", shut }, { "move_extents", move_extents }, { "donate", donate },
	 { "swap_boot", swap_boot }, { "space_map", space_map }, { "block", block }, { "unknown", unknown })
