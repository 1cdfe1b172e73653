// SPDX-License-Identifier: Apache-2.0
/* The stage: files, early descriptors, policy, victim; and the places where attacks leave what they obtained. See harness.h. */
#include "harness.h"

#include <fts.h>
#include <glob.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "ring.h"

static const int people[] = { ROOT, USER, LISTER, READER, WRITER, KEEPER };

void give_attributes(const char *marker)
{
	need(!setxattr(EARLY, "user.pw", marker, MARKER_LEN, 0));
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), STORE "/of-%d.txt", people[i]);
		need(!setxattr(path, "user.pw", marker, MARKER_LEN, 0));
	}
}

static void file(const struct stage *s, const char *path, int owner, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	need(fd >= 0);
	fill_file(fd, s->marker);
	need(!fchown(fd, (uid_t)owner, (gid_t)owner) && !fchmod(fd, mode));
	close(fd);
}

static void folder(const char *path, int owner, mode_t mode)
{
	need(!mkdir(path, 0700) || errno == EEXIST);
	need(!chown(path, (uid_t)owner, (gid_t)owner) && !chmod(path, mode));
}

/* Names of 255 bytes, and folders of such names until a path to the file no longer fits into PATH_MAX. */
static void long_names(const struct stage *s)
{
	char name[256], path[512];
	int at = open(STORE, O_RDONLY | O_DIRECTORY | O_CLOEXEC), down;

	memset(name, 'n', 255);
	name[255] = 0;
	snprintf(path, sizeof(path), STORE "/%s", name);
	file(s, path, ROOT, 0666);
	name[0] = 'l';
	for (int i = 0; i < 18; i++) {
		need(!mkdirat(at, name, 0777) && !fchmodat(at, name, 0777, 0));
		down = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		need(down >= 0);
		close(at);
		at = down;
	}
	down = openat(at, "end", O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	need(down >= 0);
	fill_file(down, s->marker);
	need(!fchmod(down, 0666));
	close(down);
	close(at);
}

/* Deeper than any walk: 80 folders. */
static void deep_tree(const struct stage *s)
{
	char path[512] = STORE "/deep";
	size_t n = strlen(path);

	folder(path, ROOT, 0777);
	for (int i = 0; i < 80; i++, n += 2) {
		memcpy(path + n, "/d", 3);
		folder(path, ROOT, 0777);
	}
	memcpy(path + n, "/x", 3);
	file(s, path, ROOT, 0666);
}

static void programs(const struct stage *s)
{
	char line[512];

	folder("/srv/bin", ROOT, 0755);
	snprintf(line, sizeof(line), "cd %s && cp viewer holder evil.so low.so /srv/bin/ && chmod 755 /srv/bin/*", s->bins);
	need(!command(line));
	need(!command("cp /srv/bin/evil.so " STORE "/lib.so && cp /run/vm/busybox " STORE "/echo && cat " SCRATCH "/marker.tail >>" STORE
		      "/echo && chmod 777 " STORE "/echo"));
	need(!command("cp /bin/cat /srv/bin/cat-as-keeper && chown 3005:3005 /srv/bin/cat-as-keeper && chmod 6755 /srv/bin/cat-as-keeper"));
	need(!command("echo " SCRATCH "/core.%p >/proc/sys/kernel/core_pattern"));
	snprintf(line, sizeof(line), "printf '#!/bin/sh\\necho %s\\n' >" STORE "/tool.sh && chmod 777 " STORE "/tool.sh", s->marker);
	need(!command(line));
	need(!command("head -c 8000 " SECRET " >" STORE "/forty.txt && chmod 666 " STORE "/forty.txt"));
	need(!command("dd if=/dev/zero of=" STORE "/swapfile bs=4k count=16 2>/dev/null && chmod 600 " STORE "/swapfile && mkswap " STORE
		      "/swapfile && mkdir -p /tmp/img && cp " SECRET " /tmp/img/secret.txt && mkfs.ext4 -q -d /tmp/img " STORE
		      "/image.ext4 1M && chmod 666 " STORE "/image.ext4 && rm -r /tmp/img"));
}

/* One file of each person's. */
static void of_each(const struct stage *s, const char *where)
{
	folder(where, ROOT, 0777);
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/of-%d.txt", where, people[i]);
		file(s, path, people[i], 0666);
	}
}

static void clones(struct stage *s)
{
	/* Contents that change places are a feature (0x40) that older mkfs programs do not know, and kernels before 6.10 do not mount. */
	s->clones = !command("command -v mkfs.xfs >/dev/null && modprobe loop && modprobe xfs && truncate -s 300M /srv/xfs.img"
			     " && mkfs.xfs -q -m reflink=1 /srv/xfs.img && mkdir -p /srv/xfs && n=$(xfs_db -r -c 'sb 0'"
			     " -c 'p features_incompat' /srv/xfs.img) && { xfs_db -x -c 'sb 0' -c \"write -d features_incompat"
			     " $(printf 0x%x $((${n#*= } | 0x40)))\" /srv/xfs.img >/dev/null 2>&1; mount -o loop /srv/xfs.img /srv/xfs 2>/dev/null"
			     " || { mkfs.xfs -q -f -m reflink=1 /srv/xfs.img && mount -o loop /srv/xfs.img /srv/xfs; }; }"
			     " && mkdir -m 777 /srv/xfs/outside");
	if (s->clones)
		of_each(s, CLONES);
}

/* After the one that clones: that one's device is the first loop. Inode versions are part of the checksums, and fixed where there are some. */
static void other_filesystems(const struct stage *s)
{
	need(!command("modprobe loop && truncate -s 8M /srv/small.img && mkfs.ext4 -q -O ^metadata_csum /srv/small.img"
		      " && mkdir -p /srv/small /srv/ram && mount -o loop /srv/small.img /srv/small && mount -t tmpfs -o size=4m tmpfs /srv/ram"));
	of_each(s, SMALL);
	of_each(s, RAM);
}

void stage_build(struct stage *s)
{
	char path[128];
	int fd;

	folder(SCRATCH, ROOT, 0777);
	folder(SCRATCH2, ROOT, 0777);
	folder(AI, ROOT, 0777);
	folder(STORE, ROOT, 0777);
	folder(NOTES, ROOT, 0777);
	folder(HOLLOW, ROOT, 0777);
	folder(OUTSIDE, ROOT, 0777);
	folder(STORE "/sub", ROOT, 0777);
	fd = open(SCRATCH "/marker.tail", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	need(fd >= 0);
	fill_file(fd, s->marker);
	close(fd);
	static const char *const plain[] = { SECRET, EARLY, STORE "/linked.txt", STORE "/pair.txt", STORE "/sub/one.txt", NOTES "/note.txt" };
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		file(s, plain[i], ROOT, 0666);
	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		snprintf(path, sizeof(path), STORE "/of-%d.txt", people[i]);
		file(s, path, people[i], 0666);
		snprintf(path, sizeof(path), NOTES "/of-%d.txt", people[i]);
		file(s, path, people[i], 0666);
		snprintf(path, sizeof(path), STORE "/dir-%d", people[i]);
		folder(path, people[i], 0777);
	}
	give_attributes(s->marker);
	need(!link(STORE "/linked.txt", OLD_LINK) && !link(STORE "/pair.txt", STORE "/pair-link.txt"));
	need(!symlink("secret.txt", STORE "/link"));
	long_names(s);
	deep_tree(s);
	programs(s);
	clones(s);
	other_filesystems(s);
}

static void keep_at(int fd, int number)
{
	need(fd >= 0);
	need(dup2(fd, number) == number);
	close(fd);
}

/* Rings that children inherit: one with a registered file and the keeper's credentials, two with a kernel thread of its own. */
static void early_rings(void)
{
	struct ring r;
	int files[1] = { EARLY_WRITE };

	if (ring_make(&r, 0)) {
		say("# no io_uring: %m");
		return;
	}
	need(!syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, files, 1));
	need(!setresuid(KEEPER, 0, 0));
	need(syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_PERSONALITY, NULL, 0) == 1);
	keep_at(r.fd, EARLY_RING);
	need(!ring_make(&r, IORING_SETUP_SQPOLL));
	keep_at(r.fd, EARLY_SQ_KEEPER);
	need(!setresuid(0, 0, 0));
	need(!ring_make(&r, IORING_SETUP_SQPOLL));
	keep_at(r.fd, EARLY_SQ_ROOT);
}

void stage_early(struct stage *s)
{
	keep_at(open(EARLY, O_RDONLY), EARLY_READ);
	keep_at(open(EARLY, O_RDWR), EARLY_WRITE);
	keep_at(open(STORE, O_RDONLY | O_DIRECTORY), EARLY_DIR);
	keep_at(open(EARLY, O_PATH), EARLY_PATH);
	keep_at(open(STORE "/echo", O_RDONLY), EARLY_EXEC);
	keep_at(open(DISK, O_RDONLY), EARLY_DISK);
	/* 7.x and some 6.x refuse to open a mounted device for writing by themselves; then there is no early one. */
	int disk = open(DISK, O_RDWR);
	if (disk >= 0)
		keep_at(disk, EARLY_DISK_WRITE);
	if (s->clones)
		keep_at(open(CLONES "/of-0.txt", O_RDWR), EARLY_CLONE);
	keep_at(open(STORE "/dir-0", O_RDONLY | O_DIRECTORY), EARLY_EMPTY);
	keep_at(open(RAM "/of-0.txt", O_RDONLY), EARLY_RAM);
	need(!command("mkdir -p /run/over/empty /run/over/at && mount -t overlay -o lowerdir=" STORE ":/run/over/empty overlay /run/over/at"));
	keep_at(open("/run/over/at/early.txt", O_RDONLY), EARLY_OVERLAY);
	need(!command("umount -l /run/over/at"));
	early_rings();
}

void stage_policy(struct stage *s)
{
	int fd;
	const char *on = s->clones ? "scans, notes, hollow, small, ram, clones" : "scans, notes, hollow, small, ram";
	FILE *f;

	snprintf(s->policy, sizeof(s->policy), "/srv/attacks.pw");
	fd = open(s->policy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	f = fdopen(fd, "w");
	need(f);
	fprintf(f, "polyward 1\npolicy attacks { version 1 mode enforce }\nprogram viewer { exe " VIEWER " }\n"
		"store scans { path " STORE " modality image class phi }\nstore notes { path " NOTES " modality text class phi }\n"
		"store hollow { path " HOLLOW " modality image class phi }\nstore small { path " SMALL " modality image class phi }\n"
		"store ram { path " RAM " modality image class phi }\n");
	if (s->clones)
		fprintf(f, "store clones { path " CLONES " modality image class phi }\n");
	fprintf(f, "role keeper { members user:pw-keeper }\nrole lister { members user:pw-lister }\nrole reader { members user:pw-reader }\n"
		"role writer { members user:pw-writer }\nrole viewer { program viewer }\nrole unit-reader { unit reader.service, readers.slice }\n"
		"rule keep { allow keeper to read, list, stat, write, create, delete, exec, attr, link, lock, watch on %s }\n"
		"rule look { allow lister to list on %s }\nrule read { allow reader to read, list on %s }\n"
		"rule fill { allow writer to write, create, delete, list on %s }\n"
		"rule view { allow viewer to read, list on scans }\nrule unit { allow unit-reader to read, list on scans }\n",
		on, on, on, s->clones ? "scans, clones" : "scans");
	need(!fclose(f));
	stage_viewer(s);
}

void stage_viewer(struct stage *s)
{
	char line[128];
	struct stat st;

	need(!stat(VIEWER, &st));
	if (st.st_ctim.tv_sec == s->viewer.tv_sec && st.st_ctim.tv_nsec == s->viewer.tv_nsec)
		return;
	s->viewer = st.st_ctim;
	snprintf(line, sizeof(line), "polyward apply %s", s->policy);
	need(!command(line));
}

void stage_seal(struct stage *s)
{
	char line[256];

	snprintf(line, sizeof(line), "sed -i 's/mode enforce }/mode enforce guard sealed }/' %s && polyward apply %s", s->policy, s->policy);
	if (command(line))
		say("# the kernel cannot be sealed");
}

void stage_victim(struct stage *s)
{
	char said[16] = { 0 };
	int ends[2];

	if (s->victim > 0 && !kill(s->victim, 0) && waitpid(s->victim, NULL, WNOHANG) == 0)
		return;
	need(!pipe2(ends, O_CLOEXEC));
	s->victim = fork();
	need(s->victim >= 0);
	if (!s->victim) {
		signal(SIGQUIT, SIG_DFL);
		close_range(EARLY_READ, EARLY_LAST_, 0);
		dup2(ends[1], 1);
		become(KEEPER);
		execl("/srv/bin/holder", "pw-holder", NULL);
		_exit(1);
	}
	close(ends[1]);
	need(read(ends[0], said, sizeof(said) - 1) > 0);
	if (strncmp(said, "ready", 5))
		broken("the victim says: %s", said);
	close(ends[0]);
}

/* ---- what is left behind ---- */
static FTS *left_behind(void)
{
	char *const places[] = { (char[]){ SCRATCH }, (char[]){ SCRATCH2 }, NULL };

	return fts_open(places, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
}

void stage_sweep(void)
{
	FTS *f = left_behind();

	for (FTSENT *e; f && (e = fts_read(f));)
		if (e->fts_level > 0 && e->fts_info != FTS_D)
			remove(e->fts_accpath);
	fts_close(f);
}

static bool holds(const char *path, const char *marker)
{
	char part[FILE_BYTES];
	bool found = false;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	/* Pieces overlap by a marker, so that one that is cut in two is seen. */
	for (off_t at = 0; fd >= 0 && !found && (n = pread(fd, part, sizeof(part), at)) >= MARKER_LEN; at += n - MARKER_LEN + 1)
		found = memmem(part, (size_t)n, marker, MARKER_LEN);
	if (fd >= 0)
		close(fd);
	return found;
}

bool stage_leaked(const struct stage *s)
{
	FTS *f = left_behind();
	bool found = false;

	for (FTSENT *e; f && (e = fts_read(f));)
		if (e->fts_info == FTS_F)
			found |= holds(e->fts_accpath, s->marker);
	fts_close(f);
	return found;
}

/* Cheaply: the gate refuses, four processes are there, one answers. */
static bool is_well(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/run/polyward/control" };
	int fd = open(SECRET, O_RDONLY | O_CLOEXEC), s, processes = 0;
	bool answers;
	glob_t g;

	if (fd >= 0) {
		close(fd);
		return false;
	}
	if (!glob("/proc/[0-9]*/comm", GLOB_NOSORT, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++) {
			char name[16] = { 0 };
			int comm = open(g.gl_pathv[i], O_RDONLY | O_CLOEXEC);

			if (comm >= 0 && read(comm, name, sizeof(name) - 1) > 0)
				processes += !strncmp(name, "polyward", 8);
			if (comm >= 0)
				close(comm);
		}
	globfree(&g);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	answers = s >= 0 && !connect(s, (struct sockaddr *)&at, sizeof(at));
	if (s >= 0)
		close(s);
	return answers && processes >= 4;
}

void stage_mend(struct stage *s)
{
	char line[256];

	if (!is_well()) {
		snprintf(line, sizeof(line), "tests/attacks/mend %s", s->policy);
		if (command(line))
			say("# polyward could not be brought back");
	}
	stage_victim(s);
}
