// SPDX-License-Identifier: Apache-2.0
/*
 * Raw devices under stores: one store on a disk, one on a loop device over a file, one on device-mapper over a partition of a SCSI
 * disk. Every way to their blocks is tried as root, and the data must stay usable through the stores. Takes modules from the kernel's
 * cache; leaves nothing in force.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "kernel/hierarchy.h"

#define IMAGE "/run/dev/image"
#define LOOP  "/dev/loop6"
#define LOOP2 "/dev/loop7"

static const char policy[] =
	"polyward 1\npolicy suite { version 1 }\n"
	"store disk { path /srv/below }\nstore looped { path /run/dev/loop/store }\nstore mapped { path /run/dev/dm/store }\n"
	"role writers { members user:writer }\nrule all { allow writers to list, read, write, create, delete on disk, looped, mapped }\n";

#define GUARDED(hook_) ((struct want){ EPERM, PW_HOOK_##hook_, PW_DENY, PW_R_GUARD, 0 })

/* ---- operations ---- */

static int end(long rc)
{
	return rc < 0 ? errno : 0;
}

static int op_open_read(const void *arg)
{
	_fd_ int fd = open(arg, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return end(fd);
}

static int op_open_write(const void *arg)
{
	_fd_ int fd = open(arg, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	return end(fd);
}

/* A node's path is all that there is. */
static int op_open_path(const void *arg)
{
	_fd_ int fd = open(arg, O_PATH | O_CLOEXEC);

	return end(fd);
}

static int op_read_fd(const void *arg)
{
	char block[512];

	return end(pread(*(const int *)arg, block, sizeof(block), 0));
}

static int op_write_fd(const void *arg)
{
	char block[512] = { 0 };

	return end(pwrite(*(const int *)arg, block, sizeof(block), 0));
}

static int op_size_fd(const void *arg)
{
	uint64_t bytes;

	return end(ioctl(*(const int *)arg, BLKGETSIZE64, &bytes));
}

/* A loop device over a descriptor: from now on the kernel reads it for anybody. */
static int op_loop_over(const void *arg)
{
	_fd_ int loop = open("/dev/loop4", O_RDWR | O_CLOEXEC);
	int rc = loop < 0 ? 204 : end(ioctl(loop, LOOP_SET_FD, *(const int *)arg));

	if (!rc)
		(void)ioctl(loop, LOOP_CLR_FD, 0);
	return rc;
}

static int op_loop_configure(const void *arg)
{
	_fd_ int loop = open("/dev/loop4", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (uint32_t)*(const int *)arg };
	int rc = loop < 0 ? 204 : end(ioctl(loop, LOOP_CONFIGURE, &config));

	if (!rc)
		(void)ioctl(loop, LOOP_CLR_FD, 0);
	return rc;
}

/* The kernel leaves out what may not be received, and does not say why. */
static int op_receive_node(const void *arg)
{
	return op_receive(arg) == EACCES ? EPERM : 206;
}

static int op_map_fd(const void *arg)
{
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, *(const int *)arg, 0) == MAP_FAILED ? errno : 0;
}

struct node { const char *path; mode_t mode; dev_t dev; };

static int op_mknod(const void *arg)
{
	const struct node *n = arg;

	return end(mknod(n->path, n->mode | 0600, n->dev));
}

static int op_swapon(const void *arg)
{
	return end(swapon(arg, 0));
}

static int op_mount_ext4(const void *arg)
{
	const struct two *t = arg;

	return end(mount(t->a, t->b, "ext4", 0, NULL));
}

static int run(const char *const *argv)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		_fd_ int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* In one process, so that the record names it. */
static int op_command_line(const void *arg)
{
	const char *const *argv = arg;
	_fd_ int null = open("/dev/null", O_RDWR);

	dup2(null, 1);
	dup2(null, 2);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	return 127;
}

struct grouped { const char *group, *path; };

static int op_open_in_group(const void *arg)
{
	const struct grouped *g = arg;
	char path[128];
	_fd_ int fd = -1;

	snprintf(path, sizeof(path), "%s/cgroup.procs", g->group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		return 200;
	return op_open_read(g->path);
}

/* ---- preparing ---- */

static void must(bool good, const char *what)
{
	if (!good)
		printf("# cannot prepare: %s: %s\n", what, strerror(errno));
}

static bool quiet(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const char *argv[] = { a, b, c, d, e, NULL };

	return run(argv) == 0;
}

static void dir(const char *path)
{
	must((!mkdir(path, 0777) || errno == EEXIST) && !chmod(path, 0777), path);
}

static dev_t number(const char *path)
{
	struct stat st = { 0 };

	(void)stat(path, &st);
	return st.st_rdev;
}

/* What sysfs says of the first entry below a SCSI disk's device in this class. */
static dev_t scsi_node(const char *disk, const char *class)
{
	FILE *f;
	char cmd[256];
	unsigned major = 0, minor = 0;

	snprintf(cmd, sizeof(cmd), "cat /sys/block/%s/device/%s/*/dev", disk, class);
	f = popen(cmd, "r");
	if (!f || fscanf(f, "%u:%u", &major, &minor) != 2)
		printf("# no %s of %s\n", class, disk);
	if (f)
		pclose(f);
	return makedev(major, minor);
}

static void prepare(void)
{
	int fd;

	dir("/srv/below");
	dir("/srv/beside");
	dir("/run/dev");
	dir("/run/dev/loop");
	dir("/run/dev/dm");
	dir("/run/dev/nodes");
	must(!mount("none", "/run/dev/nodes", "tmpfs", 0, NULL), "a tmpfs with nodes");
	must(quiet("modprobe", "loop", NULL, NULL, NULL) && quiet("modprobe", "dm-mod", NULL, NULL, NULL), "modules");
	must(quiet("modprobe", "-a", "sd_mod", "sg", NULL), "SCSI");
	must(quiet("modprobe", "scsi_debug", "dev_size_mb=24", "num_parts=1", NULL), "scsi_debug");
	(void)quiet("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do [ -b /dev/sda1 ] && break; sleep 0.2; done", NULL, NULL);
	must(quiet("truncate", "-s", "24M", IMAGE, NULL) && quiet("mkfs.ext4", "-q", "-F", IMAGE, NULL), IMAGE);
	must(quiet("losetup", LOOP, IMAGE, NULL, NULL) && quiet("losetup", LOOP2, IMAGE, NULL, NULL), LOOP);
	must(!mount(LOOP, "/run/dev/loop", "ext4", 0, NULL), "mount " LOOP);
	must(quiet("sh", "-c", "echo 0 $(blockdev --getsz /dev/sda1) linear /dev/sda1 0 | dmsetup create pw-test && dmsetup mknodes", NULL, NULL),
	     "dmsetup");
	must(quiet("mkfs.ext4", "-q", "-F", "/dev/mapper/pw-test", NULL), "mkfs on device-mapper");
	must(!mount("/dev/mapper/pw-test", "/run/dev/dm", "ext4", 0, NULL), "mount device-mapper");
	dir("/run/dev/loop/store");
	dir("/run/dev/dm/store");
	must(!mknod("/run/dev/nodes/tmpfs", S_IFBLK | 0600, number("/dev/vda")), "node on tmpfs");
	must(!mknod("/opt/node", S_IFBLK | 0600, number("/dev/vda")) || errno == EEXIST, "node on overlay");
	must(!mknod("/srv/beside/node", S_IFBLK | 0600, number("/dev/vda")) || errno == EEXIST, "node on ext4");
	must(!symlink("/dev/vda", "/run/dev/nodes/by-uuid"), "link");
	/* The only program that may look at raw devices, under the name that it is known by. */
	must(quiet("cp", "/bin/dd", "/srv/beside/udevadm", NULL, NULL), "udevadm");
	fd = open("/usr/bin/udevadm", O_CREAT | O_RDWR | O_CLOEXEC, 0755);
	must(fd >= 0 && !mount("/srv/beside/udevadm", "/usr/bin/udevadm", NULL, MS_BIND, NULL), "bind udevadm");
	close(fd);
}

/* A socket with this descriptor waiting in it. */
static int handed(int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2] = { -1, -1 };

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && sendmsg(pair[0], &msg, 0) == 1, "a socket");
	close(pair[0]);
	return pair[1];
}

/* ---- cases ---- */

static void disks(struct suite *s)
{
	static const struct node again = { "/run/dev/nodes/again", S_IFBLK, 0 }, harmless = { "/run/dev/nodes/null", S_IFCHR, 0 };
	static const struct two second = { "/dev/vda", "/run/dev/second" };
	struct node n = again, null = harmless;

	n.dev = number("/dev/vda");
	null.dev = makedev(1, 3);
	suite_case(s, "the disk of a store is not read", &root, op_open_read, "/dev/vda", GUARDED(pw_device));
	suite_check(s, "... and the record names it", s->seen_count && s->seen[0].target == pw_dev(major(n.dev), minor(n.dev)) && !s->seen[0].ino,
		    "%zu records, target %#x", s->seen_count, s->seen_count ? s->seen[0].target : 0);
	suite_case(s, "... nor written", &root, op_open_write, "/dev/vda", GUARDED(pw_device));
	suite_case(s, "... nor by another name", &root, op_open_read, "/run/dev/nodes/by-uuid", GUARDED(pw_device));
	suite_case(s, "... nor through a node on tmpfs", &root, op_open_read, "/run/dev/nodes/tmpfs", GUARDED(pw_device));
	suite_case(s, "... nor on an overlay", &root, op_open_read, "/opt/node", GUARDED(pw_device));
	suite_case(s, "... nor on its own filesystem", &root, op_open_read, "/srv/beside/node", GUARDED(pw_device));
	suite_case(s, "... though the name may be looked up", &root, op_open_path, "/dev/vda", SILENT);
	suite_case(s, "no node is made of it", &root, op_mknod, &n, GUARDED(pw_device));
	suite_case(s, "... of other devices it is", &root, op_mknod, &null, SILENT);
	suite_case(s, "it is no swap", &root, op_swapon, "/dev/vda", GUARDED(pw_device));
	suite_case(s, "another disk is nobody's business", &root, op_open_write, "/dev/vdb", SILENT);
	dir(second.b);
	if (!suite_run(&root, op_mount_ext4, &second)) {
		suite_case(s, "mounted once more it is the same filesystem", &root, op_list, "/run/dev/second/below",
			   REFUSED(pw_file_open, PW_A_LIST));
		umount2(second.b, MNT_DETACH);
	} else {
		suite_case(s, "before 6.6 a second mount opens the device", &root, op_mount_ext4, &second, GUARDED(pw_device));
	}
}

static void layers(struct suite *s)
{
	static const char *const table[] = { "dmsetup", "create", "pw-other", "--table", "0 64 linear /dev/sda1 0", NULL };
	static const char *const load[] = { "dmsetup", "load", "pw-test", "--table", "0 64 linear /dev/sda1 0", NULL },
				 *const resume[] = { "dmsetup", "resume", "pw-test", NULL }, *const table_of[] = { "dmsetup", "table", "pw-test", NULL };
	static const char *const attach[] = { "losetup", "/dev/loop5", "/dev/sda", NULL };
	struct node sg = { "/run/dev/nodes/sg", S_IFCHR, scsi_node("sda", "scsi_generic") },
		    bsg = { "/run/dev/nodes/bsg", S_IFCHR, scsi_node("sda", "bsg") };

	suite_case(s, "a loop device under a store", &root, op_open_read, LOOP, GUARDED(pw_device));
	suite_case(s, "... another one over the same file", &root, op_open_read, LOOP2, GUARDED(pw_device));
	suite_case(s, "... and the file itself", &root, op_read, IMAGE, REFUSED_FOR(pw_file_open, GUARD));
	suite_case(s, "... also to write", &root, op_write, IMAGE, REFUSED_FOR(pw_file_open, GUARD));
	suite_case(s, "... or to remove", &root, op_unlink, IMAGE, REFUSED_FOR(pw_unlink, GUARD));
	suite_case(s, "device-mapper under a store", &root, op_open_read, "/dev/mapper/pw-test", GUARDED(pw_device));
	suite_case(s, "... the partition below", &root, op_open_read, "/dev/sda1", GUARDED(pw_device));
	suite_case(s, "... and its disk", &root, op_open_write, "/dev/sda", GUARDED(pw_device));
	suite_case(s, "... its generic SCSI node", &root, op_mknod, &sg, GUARDED(pw_device));
	suite_case(s, "... its block SCSI node", &root, op_mknod, &bsg, GUARDED(pw_device));
	suite_case(s, "another mapping of the same partition", &root, op_command_line, table,
		   (struct want){ 1, PW_HOOK_pw_file_ioctl, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "another table for its own mapping", &root, op_command_line, load, (struct want){ 1, PW_HOOK_pw_file_ioctl, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "... or putting one in place", &root, op_command_line, resume, (struct want){ 1, PW_HOOK_pw_file_ioctl, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "... while its table may be read", &root, op_command_line, table_of, SILENT);
	suite_case(s, "a loop device over the disk", &root, op_command_line, attach, (struct want){ 1, PW_HOOK_pw_device, PW_DENY, PW_R_GUARD, 0 });
}

static void stores_work(struct suite *s)
{
	static const char *const files[] = { "/srv/below/f", "/run/dev/loop/store/f", "/run/dev/dm/store/f" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		suite_case(s, "a file is made in the store", &writer, op_create, files[i], ALLOWED(pw_create, PW_A_CREATE));
	sync();
	must(!quiet("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches; exit 1", NULL, NULL), "drop caches");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		suite_case(s, "... and read after everything was written out", &writer, op_read, files[i], SILENT);
}

/* With no other descriptor that could take its place. */
static int op_loop_alone(const void *fd)
{
	unsigned mine = (unsigned)*(const int *)fd;

	if ((mine > 3 && close_range(3, mine - 1, 0)) || close_range(mine + 1, ~0u, 0))
		return errno;
	return op_loop_configure(fd);
}

static void opened_before(struct suite *s, const int *fd, const int *tmpfs, const int *sg_fd, const int *stored, const int *beside)
{
	int sock = handed(*fd);

	suite_case(s, "a descriptor from before is not read", &root, op_read_fd, fd, GUARDED(pw_file_perm));
	suite_case(s, "... nor written", &root, op_write_fd, fd, GUARDED(pw_file_perm));
	suite_case(s, "... nor by a node outside /dev", &root, op_read_fd, tmpfs, GUARDED(pw_file_perm));
	suite_case(s, "... nor written so", &root, op_write_fd, tmpfs, GUARDED(pw_file_perm));
	suite_case(s, "... nor mapped", &root, op_map_fd, fd, GUARDED(pw_mmap_file));
	suite_case(s, "... nor given commands", &root, op_size_fd, fd, GUARDED(pw_file_ioctl));
	suite_case(s, "... nor received", &root, op_receive_node, &sock, GUARDED(pw_file_recv));
	suite_case(s, "... nor put under a loop device", &root, op_loop_over, fd, GUARDED(pw_file_ioctl));
	suite_case(s, "... by either call", &root, op_loop_configure, fd, GUARDED(pw_file_ioctl));
	suite_case(s, "nor is a stored file from before", &root, op_loop_over, stored, REFUSED(pw_file_ioctl, PW_A_READ | PW_A_WRITE));
	suite_case(s, "... by either call", &root, op_loop_configure, stored, REFUSED(pw_file_ioctl, PW_A_READ | PW_A_WRITE));
	suite_case(s, "... nor any file while a stored one is at hand", &root, op_loop_configure, beside, GUARDED(pw_file_ioctl));
	suite_case(s, "... which a file beside is otherwise", &root, op_loop_alone, beside, SILENT);
	suite_case(s, "a generic SCSI node from before", &root, op_size_fd, sg_fd, GUARDED(pw_file_ioctl));
}

static void who_may(struct suite *s)
{
	static const char *const look[] = { "/usr/bin/udevadm", "if=/dev/vda", "of=/dev/null", "bs=512", "count=1", NULL },
				 *const change[] = { "/usr/bin/udevadm", "if=/dev/zero", "of=/dev/vda", "bs=512", "count=0", "conv=notrunc", NULL },
				 *const same[] = { "/bin/dd", "if=/dev/vda", "of=/dev/null", "bs=512", "count=1", NULL };

	suite_case(s, "udev looks at the disk", &root, op_command_line, look, SILENT);
	suite_case(s, "... and does not change it", &root, op_command_line, change, (struct want){ 1, PW_HOOK_pw_device, PW_DENY, PW_R_GUARD, 0 });
	suite_case(s, "... which others do not even read", &root, op_command_line, same, (struct want){ 1, PW_HOOK_pw_device, PW_DENY, PW_R_GUARD, 0 });
}

/* As systemd does it for DeviceAllow=: a program of its own on a group further down. */
static int allow_all(const char *group, uint32_t flags)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_fd_ int prog = bpf_prog_load(BPF_PROG_TYPE_CGROUP_DEVICE, "allow_all", "GPL", insns, 2, NULL);
	_fd_ int at = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return prog < 0 || at < 0 ? -errno : bpf_prog_attach(prog, at, BPF_CGROUP_DEVICE, flags);
}

static int copies(void)
{
	_fd_ int at = hierarchy_root();
	uint32_t ids[64], count = 64, flags;

	return at < 0 || bpf_prog_query(at, BPF_CGROUP_DEVICE, 0, &flags, ids, &count) ? -1 : (int)count;
}

static void groups(struct suite *s)
{
	static const struct grouped multi = { "/sys/fs/cgroup/pw-multi", "/dev/vda" }, alone = { "/sys/fs/cgroup/pw-alone", "/dev/vda" };
	int a, b;

	must(!mkdir(multi.group, 0755) && !mkdir(alone.group, 0755), "groups");
	a = allow_all(multi.group, BPF_F_ALLOW_MULTI);
	b = allow_all(alone.group, 0);
	suite_check(s, "others' programs on devices still attach", !a && !b, "%d, %d", a, b);
	suite_case(s, "... and allow nothing in polyward's place", &root, op_open_in_group, &multi, GUARDED(pw_device));
	suite_case(s, "... nor alone in their group", &root, op_open_in_group, &alone, GUARDED(pw_device));
	must(!rmdir(multi.group) && !rmdir(alone.group), "groups");
}

static void comes_and_goes(struct suite *s)
{
	static const char *const head[] = { "head", "-c1", "/dev/vda", NULL };
	struct err e = { 0 };
	int one = copies();

	suite_close(s);
	suite_check(s, "without any process it stays", suite_run(&root, op_command_line, head) == 1, "opened");
	if (suite_open(s))
		return;
	suite_check(s, "who adopts it does not attach another one", one == 1 && copies() == 1, "%d, then %d", one, copies());
	suite_apply(s, policy);
	suite_check(s, "... nor does another policy", copies() == 1, "%d", copies());
	suite_check(s, "`down` takes it away", !kernel_down(s->k, &e) && copies() == 0, "%s; %d", e.text, copies());
	suite_check(s, "... and then the disk is nobody's business", !suite_run(&root, op_open_read, "/dev/vda"), "refused");
	suite_check(s, "... nor is the file under a loop device", !suite_run(&root, op_open_read, IMAGE), "refused");
}

static void tidy(struct suite *s)
{
	suite_fresh(s);
	umount2("/usr/bin/udevadm", MNT_DETACH);
	unlink("/usr/bin/udevadm");
	umount2("/run/dev/dm", MNT_DETACH);
	umount2("/run/dev/loop", MNT_DETACH);
	(void)quiet("dmsetup", "remove", "pw-test", NULL, NULL);
	(void)quiet("losetup", "-d", LOOP, LOOP2, NULL);
}

void cases_devices(struct suite *s)
{
	_fd_ int disk = -1, tmpfs = -1, sg = -1, stored = -1, beside = -1;
	struct node n = { "/run/dev/nodes/sg-before", S_IFCHR, 0 };

	/* What is opened before a policy must be that, whatever theme came before. */
	suite_fresh(s);
	prepare();
	n.dev = scsi_node("sda", "scsi_generic");
	must(!mknod(n.path, n.mode | 0600, n.dev), n.path);
	must(!mknod("/dev/pw-sg", S_IFCHR | 0600, n.dev) || errno == EEXIST, "/dev/pw-sg");
	disk = open("/dev/vda", O_RDWR | O_CLOEXEC);
	tmpfs = open("/run/dev/nodes/tmpfs", O_RDWR | O_CLOEXEC);
	sg = open("/dev/pw-sg", O_RDWR | O_CLOEXEC);
	stored = open("/srv/below/early", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	beside = open("/srv/beside/early", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	must(disk >= 0 && tmpfs >= 0 && sg >= 0 && !ftruncate(stored, 65536) && !ftruncate(beside, 65536), "descriptors");
	suite_apply(s, policy);
	disks(s);
	layers(s);
	stores_work(s);
	opened_before(s, &disk, &tmpfs, &sg, &stored, &beside);
	who_may(s);
	groups(s);
	comes_and_goes(s);
	tidy(s);
}
