// SPDX-License-Identifier: Apache-2.0
/*
 * Fuse that reads and maps another file itself (since 6.9): the server hands the kernel a stored file, a role holder opens what stands for
 * it, and the right goes before it is used.
 */
#include "attack.h"

#include <linux/fuse.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>

/* linux/fuse.h since 7.40, not in older headers */
struct backing { int32_t fd; uint32_t flags; uint64_t pad; };
#define BACKING_OPEN     _IOW(229, 1, struct backing)
#define FLAG_INIT_EXT    (1u << 30)
#define FLAG2_PASSTHROUGH (1u << 5) /* 1 << 37 */
#define OPEN_PASSTHROUGH (1u << 7)
#define MINOR_NEEDED     40

struct init_in { uint32_t major, minor, readahead, flags, flags2, unused[11]; };
struct init_out {
	uint32_t major, minor, readahead, flags;
	uint16_t background, congestion;
	uint32_t max_write, granularity;
	uint16_t max_pages, align;
	uint32_t flags2, stack_depth, unused[6];
};
struct open_out { uint64_t fh; uint32_t flags; int32_t backing; };

static char room[1 << 17] __attribute__((aligned(8)));

static void answer(int fuse, int error, const void *body, size_t bytes)
{
	const struct fuse_in_header *in = (const void *)room;
	char text[512];
	struct fuse_out_header *out = (void *)text;

	*out = (struct fuse_out_header){ .len = (uint32_t)(sizeof(*out) + bytes), .error = error, .unique = in->unique };
	if (bytes)
		memcpy(text + sizeof(*out), body, bytes);
	(void)!write(fuse, text, sizeof(*out) + bytes);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){ .ino = node, .mode = node == 1 ? S_IFDIR | 0777 : S_IFREG | 0666, .nlink = 1, .size = FILE_BYTES, .blksize = 4096 };
}

static void serve_one(int fuse, int stored)
{
	const struct fuse_in_header *in = (const void *)room;
	struct backing b = { .fd = stored };
	struct fuse_entry_out entry = { .nodeid = 2, .attr_valid = 100, .entry_valid = 100, .attr = attributes(2) };
	struct fuse_attr_out attr = { .attr_valid = 100, .attr = attributes(in->nodeid) };
	struct open_out opened = { .flags = OPEN_PASSTHROUGH };
	struct init_out init = { .major = 7, .minor = MINOR_NEEDED, .flags = FLAG_INIT_EXT, .flags2 = FLAG2_PASSTHROUGH, .max_write = 65536,
				 .stack_depth = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		if (((const struct init_in *)(room + sizeof(*in)))->minor < MINOR_NEEDED)
			_exit(NOT_HERE);
		answer(fuse, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		answer(fuse, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(fuse, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		opened.backing = ioctl(fuse, BACKING_OPEN, &b);
		answer(fuse, opened.backing > 0 ? 0 : -errno, &opened, opened.backing > 0 ? sizeof(opened) : 0);
		break;
	default:
		answer(fuse, -ENOSYS, NULL, 0);
	}
}

static int serve(void *arg)
{
	const int *fds = arg;

	while (read(fds[0], room, sizeof(room)) > 0)
		serve_one(fds[0], fds[1]);
	return 0;
}

/* The file above, opened with the role, and then the role left. */
static int opened(void)
{
	int fds[2] = { -1, open(mine(), O_RDONLY | O_CLOEXEC) }, fd, server;
	char options[128];

	(void)run_program((const char *const[]){ "modprobe", "-q", "fuse", NULL });
	fds[0] = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fds[0] < 0)
		not_here("no fuse: %m");
	need(fds[1] >= 0);
	own_namespaces(0);
	need(!mkdir(SCRATCH2 "/m", 0777));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fds[0]);
	need(!mount("pw", SCRATCH2 "/m", "fuse", 0, options));
	server = child(serve, fds);
	close(fds[0]); /* a server that cannot go on takes the connection with it */
	fd = open(SCRATCH2 "/m/f", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		not_here("fuse without other files: %m, server %d", kill(server, 0));
	become(USER);
	return fd;
}

static int then_map(void)
{
	int fd = opened();
	char *at = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return attempt("map", -1);
	got(at, 512);
	return 0;
}

static int then_read(void) { return take(opened()); }

VARIANTS({ "then_map", then_map }, { "then_read", then_read })
