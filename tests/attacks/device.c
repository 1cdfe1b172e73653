// SPDX-License-Identifier: Apache-2.0
/*
 * Below the filesystem: the block device of a store by every kind of opening, nodes of one's own, mappings, direct I/O, device mapper,
 * loop devices, the filesystem's own debugger. Opened for writing is proof enough: nothing is written.
 */
#include "attack.h"

#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>

#define CHUNK (1 << 20)

/* Look for stored bytes: print the start of the device's blocks that look like a stored file. */
static int search(int fd)
{
	static char room[CHUNK] __attribute__((aligned(4096)));
	long n = -1;

	for (int i = 0; i < 64 && (n = pread(fd, room, sizeof(room), (off_t)i * CHUNK)) > 0; i++)
		for (long at = 0; at + 512 <= n; at += 512)
			if (!memcmp(room + at + 64, "................................", 32))
				got(room + at, 64);
	return attempt("read the device", n);
}

static int open_disk(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		return attempt("open the device", fd);
	return (flags & O_ACCMODE) == O_RDONLY ? search(fd) : 0;
}

static int reading(void)   { return open_disk(DISK, O_RDONLY); }
static int direct(void)    { return open_disk(DISK, O_RDONLY | O_DIRECT); }
static int writing(void)   { return open_disk(DISK, O_WRONLY); }
static int exclusive(void) { return open_disk(DISK, O_RDWR | O_EXCL); }
static int control(void)   { return open_disk(DISK, 3); }

static int node_at(const char *place)
{
	struct stat st;

	need(!stat(DISK, &st));
	unlink(place);
	if (mknod(place, S_IFBLK | 0666, st.st_rdev))
		return attempt("mknod", -1);
	return open_disk(place, O_RDONLY);
}

static int node(void)       { return node_at(SCRATCH "/disk"); }
static int node_tmpfs(void) { return node_at(SCRATCH2 "/disk"); }

static int node_container(void)
{
	own_namespaces(0);
	need(!mount("tmpfs", SCRATCH2, "tmpfs", 0, "mode=777"));
	return node_at(SCRATCH2 "/disk");
}

static int by_number(void)
{
	struct stat st;
	char path[64];

	need(!stat(DISK, &st));
	snprintf(path, sizeof(path), "/dev/block/%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (access(path, F_OK)) {
		need(!mkdir("/dev/block", 0755) || errno == EEXIST);
		need(!symlink(DISK, path));
	}
	return open_disk(path, O_RDONLY);
}

static int bound(void)
{
	make_file(SCRATCH "/f", 0666);
	own_namespaces(0);
	need(!mount(DISK, SCRATCH "/f", NULL, MS_BIND, NULL));
	return open_disk(SCRATCH "/f", O_RDONLY);
}

static int early_read(void) { return search(EARLY_DISK); }

static int early_map(void)
{
	char *at = mmap(NULL, CHUNK, PROT_READ, MAP_SHARED, EARLY_DISK, 0);

	return attempt("map the device", at == MAP_FAILED ? -1 : 0);
}

static int early_write(void)
{
	char block[512];

	if (fcntl(EARLY_DISK_WRITE, F_GETFD) < 0)
		not_here("the kernel opens no mounted device for writing");
	/* The first bytes of ext4 are unused; they are written as they are. */
	return attempt("write the device", pread(EARLY_DISK_WRITE, block, sizeof(block), 0) < 0 ? -1 : pwrite(EARLY_DISK_WRITE, block, sizeof(block), 0));
}

static int early_reopen(void) { return open_disk("/proc/self/fd/107", O_RDONLY); }
static int flush(void)        { return attempt("BLKFLSBUF", ioctl(EARLY_DISK, BLKFLSBUF, 0)); }

/* ---- devices on top of it */
static int mapper(void)
{
	struct stat st;
	char table[96];
	int code;

	need(!stat(DISK, &st));
	if (run_program((const char *const[]){ "modprobe", "dm-mod", NULL }))
		not_here("no device mapper");
	snprintf(table, sizeof(table), "0 65536 linear %u:%u 0", major(st.st_rdev), minor(st.st_rdev));
	code = run_program((const char *const[]){ "dmsetup", "create", "pwattack", "--noudevsync", "--noudevrules", "--table", table, NULL });
	if (code)
		return EPERM;
	code = open_disk("/dev/mapper/pwattack", O_RDONLY);
	run_program((const char *const[]){ "dmsetup", "remove", "-f", "pwattack", NULL });
	return code;
}

/* A loop device over `fd`: the kernel's thread does the reading. */
static int loop_over(int fd)
{
	char path[32];
	int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, loop, code;

	if (control_fd < 0)
		not_here("no loop devices");
	number = ioctl(control_fd, LOOP_CTL_GET_FREE);
	need(number >= 0);
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	loop = open(path, O_RDWR | O_CLOEXEC);
	need(loop >= 0);
	if (ioctl(loop, LOOP_SET_FD, fd))
		return attempt("LOOP_SET_FD", -1);
	code = search(loop);
	ioctl(loop, LOOP_CLR_FD, 0);
	return code;
}

static int loop_image(void)
{
	int fd = open(STORE "/image.ext4", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return attempt("open the image", fd);
	return loop_over(fd);
}

static int loop_early(void) { return loop_over(EARLY_READ); }
static int loop_disk(void)  { return loop_over(EARLY_DISK); }

/* The disk of the xfs store is a file: that file is the store as well. */
static int loop_backing(void)
{
	if (access("/srv/xfs.img", F_OK))
		not_here("no store on a loop device");
	return open_disk("/srv/xfs.img", O_RDONLY);
}

static int loop_device(void)
{
	if (access("/srv/xfs.img", F_OK))
		not_here("no store on a loop device");
	return open_disk("/dev/loop0", O_RDONLY);
}

static int swap_file(void)
{
	int code = attempt("swapon", swapon(STORE "/swapfile", 0));

	if (!code)
		swapoff(STORE "/swapfile");
	return code;
}

static int swap_disk(void) { return attempt("swapon the device", swapon(DISK, 0)); }

static int account(void)
{
	int code = attempt("acct", acct(mine()));

	if (!code)
		acct(NULL);
	return code;
}

static int quota(void)
{
	/* Q_QUOTAON with a stored file as the quota file. */
	return attempt("quotactl", quotactl(QCMD(Q_QUOTAON, USRQUOTA), DISK, QFMT_VFS_V1, (char *)(uintptr_t)mine()));
}

VARIANTS({ "reading", reading }, { "direct", direct }, { "writing", writing }, { "exclusive", exclusive }, { "control", control },
	 { "node", node }, { "node_tmpfs", node_tmpfs }, { "node_container", node_container }, { "by_number", by_number }, { "bound", bound },
	 { "early_read", early_read }, { "early_map", early_map }, { "early_write", early_write }, { "early_reopen", early_reopen },
	 { "flush", flush }, { "mapper", mapper }, { "loop_image", loop_image }, { "loop_early", loop_early }, { "loop_disk", loop_disk },
	 { "loop_backing", loop_backing }, { "loop_device", loop_device }, { "swap_file", swap_file }, { "swap_disk", swap_disk },
	 { "account", account }, { "quota", quota })
