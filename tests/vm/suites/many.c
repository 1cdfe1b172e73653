// SPDX-License-Identifier: Apache-2.0
/*
 * A thousand stores in one policy: each is opened by who may and by who may not, and from each a file is carried to the next. And what is
 * older than a policy or deeper than its walk: a ring whose kernel thread polls, a mapping of a file far below a store's root.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../attacks/ring.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"

#define MANY   1000
#define LEVELS 80

static const char *path_of(unsigned int i, const char *name)
{
	static __thread char path[64];

	snprintf(path, sizeof(path), "/srv/many/%u/%s", i, name);
	return path;
}

static bool make(const char *path, mode_t mode)
{
	_fd_ int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 && !fd_write_all(fd, "stored\n", 7) && !ftruncate(fd, 4096) && !fchmod(fd, mode);
}

static bool make_dir(const char *path)
{
	return (!mkdir(path, 0777) || errno == EEXIST) && !chmod(path, 0777);
}

static bool prepare(void)
{
	bool good = make_dir("/srv/many");

	for (unsigned int i = 0; i < MANY && good; i++)
		good = make_dir(path_of(i, "")) && make(path_of(i, "f"), 0666);
	return good;
}

static void write_policy(struct buf *b)
{
	buf_printf(b, "polyward 1\npolicy suite { version 1 }\n");
	for (unsigned int i = 0; i < MANY; i++)
		buf_printf(b, "store s%u { path /srv/many/%u }\n", i, i);
	buf_printf(b, "role readers { members user:reader }\nrule r { allow readers to read, link, delete on s0");
	for (unsigned int i = 1; i < MANY; i++)
		buf_printf(b, ", s%u", i);
	buf_printf(b, " }\n");
}

/* Every store, in one process: 0, or 1 + the number of the first that did not answer as it should (modulo 200). */
static int each(bool (*good)(unsigned int i))
{
	for (unsigned int i = 0; i < MANY; i++)
		if (!good(i))
			return 1 + (int)(i % 200);
	return 0;
}

static bool opens(unsigned int i)
{
	_fd_ int fd = open(path_of(i, "f"), O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) == 1;
}

static bool stays_shut(unsigned int i)
{
	_fd_ int fd = open(path_of(i, "f"), O_RDONLY | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

static bool stays_put(unsigned int i)
{
	char from[64];

	snprintf(from, sizeof(from), "%s", path_of(i, "f"));
	if (!link(from, path_of((i + 1) % MANY, "stolen")) || errno != EACCES)
		return false;
	return rename(from, path_of((i + 1) % MANY, "stolen")) && errno == EACCES;
}

static int op_open_all(const void *arg)  { (void)arg; return each(opens); }
static int op_shut_all(const void *arg)  { (void)arg; return each(stays_shut); }
static int op_steal_all(const void *arg) { (void)arg; return each(stays_put); }

static uint64_t refused(struct suite *s)
{
	struct kernel_status st = { 0 };

	(void)kernel_status(s->k, &st, &(struct err){ 0 });
	return st.sum.denied;
}

static void thousand(struct suite *s)
{
	_buf_ struct buf policy = BUF_INIT;
	uint64_t before;
	int rc;

	suite_check(s, "a thousand directories with a file each", prepare(), "%s", strerror(errno));
	write_policy(&policy);
	if (policy.failed)
		return;
	suite_apply(s, policy.data);
	rc = suite_run(&reader, op_open_all, NULL);
	suite_check(s, "a thousand stores in one policy: each opens to its role", rc == 0, "%d", rc);
	before = refused(s);
	rc = suite_run(&other, op_shut_all, NULL);
	suite_check(s, "... each is shut to others", rc == 0 && refused(s) - before == MANY, "%d, %llu refusals", rc,
		    (unsigned long long)(refused(s) - before));
	before = refused(s);
	rc = suite_run(&root, op_shut_all, NULL);
	suite_check(s, "... and to root", rc == 0 && refused(s) - before == MANY, "%d, %llu refusals", rc,
		    (unsigned long long)(refused(s) - before));
	rc = suite_run(&reader, op_steal_all, NULL);
	suite_check(s, "... and no file goes from one to the next, by link or by name", rc == 0, "%d", rc);
	suite_drain(s);
}

/* ---- a ring that is older than the policy ---- */

static const char policy_old[] = "polyward 1\npolicy suite { version 1 }\nstore data { path /srv/older }\nrole readers { members user:reader }\n"
				 "rule r { allow readers to read, list on data }\n";

struct polled { struct ring *ring; int fd; };

/* Whoever has the ring writes an entry; the thread of who made it reads. */
static int op_polled_read(const void *arg)
{
	const struct polled *p = arg;
	static char bytes[64];
	struct io_uring_sqe *e = ring_sqe(p->ring, 0);
	int res = -EIO;

	e->opcode = IORING_OP_READ;
	e->fd = p->fd;
	e->addr = (uint64_t)(uintptr_t)bytes;
	e->len = sizeof(bytes);
	if (ring_go(p->ring, 1, &res))
		return errno;
	return res < 0 ? -res : 0;
}

/* The record is the thread's, not the case's process's: so the counters are looked at, and whose it is. */
static void polled(struct suite *s, const char *name, const struct who *who, const struct polled *p)
{
	uint64_t before = refused(s);
	bool found = false;
	int rc;

	suite_drain(s);
	rc = suite_run(who, op_polled_read, p);
	suite_drain(s);
	for (size_t i = 0; i < s->seen_count; i++)
		found |= s->seen[i].hook == PW_HOOK_pw_file_perm && s->seen[i].verdict == PW_DENY && !s->seen[i].roles;
	suite_check(s, name, rc == EACCES && refused(s) - before == 1 && found, "%d, %llu refusals, record %d", rc,
		    (unsigned long long)(refused(s) - before), found);
}

static void older(struct suite *s)
{
	struct ring roots, readers;
	struct polled p = { &roots, -1 };
	bool good;

	suite_fresh(s);
	good = make_dir("/srv/older") && make("/srv/older/f", 0666);
	p.fd = open("/srv/older/f", O_RDONLY | O_CLOEXEC);
	good = good && p.fd >= 0 && !ring_make(&roots, IORING_SETUP_SQPOLL);
	/* Its thread has the credentials of the moment. */
	good = good && !setresuid(reader.uid, 0, 0) && !ring_make(&readers, IORING_SETUP_SQPOLL) && !setresuid(0, 0, 0);
	suite_check(s, "rings with a polling thread, before there is a policy", good, "%s", strerror(errno));
	if (!good)
		return;
	suite_apply(s, policy_old);
	polled(s, "root's thread reads nothing for others", &other, &p);
	polled(s, "... nor for root", &root, &p);
	polled(s, "... nor for who may read by himself", &reader, &p);
	p.ring = &readers;
	polled(s, "a role holder's thread reads nothing for others", &other, &p);
	polled(s, "... nor for himself: nobody knows who wrote the entry", &reader, &p);
	close(roots.fd);
	close(readers.fd);
	close(p.fd);
}

/* ---- deeper than the walk ---- */

static int down(const char *top)
{
	_fd_ int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < LEVELS && at >= 0; i++) {
		int next = mkdirat(at, "d", 0777) && errno != EEXIST ? -1 : openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (next >= 0)
			(void)fchmod(next, 0777);
		cleanup_fd(&at);
		at = next;
	}
	return at < 0 ? -1 : openat(at, "f", O_CREAT | O_RDWR | O_CLOEXEC, 0666);
}

static int op_map_shared(const void *arg)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *(const int *)arg, 0);

	return at == MAP_FAILED ? errno : *(volatile char *)at == 's' ? 0 : 201;
}

static void deep(struct suite *s)
{
	_fd_ int inside = -1, outside = -1;

	suite_fresh(s);
	inside = make_dir("/srv/older") ? down("/srv/older") : -1;
	outside = make_dir("/srv/beside-older") ? down("/srv/beside-older") : -1;
	suite_check(s, "a file 80 folders down, in a store and beside it",
		    inside >= 0 && outside >= 0 && !fd_write_all(inside, "stored\n", 7) && !ftruncate(inside, 4096) &&
			    !fd_write_all(outside, "stored\n", 7) && !ftruncate(outside, 4096), "%s", strerror(errno));
	suite_apply(s, policy_old);
	suite_case(s, "mapping what lies too deep in a store", &reader, op_mmap_read_fd, &inside, REFUSED_FOR(pw_mmap_file, DEPTH));
	suite_case(s, "... is refused to root", &root, op_map_shared, &inside, REFUSED_FOR(pw_mmap_file, DEPTH));
	suite_case(s, "... and as deep outside it is not", &other, op_mmap_read_fd, &outside, SILENT);
	suite_case(s, "... nor shared and writable", &other, op_map_shared, &outside, SILENT);
	suite_case(s, "... nor executable", &root, op_mmap_read_fd, &outside, SILENT);
}

void cases_many(struct suite *s)
{
	thousand(s);
	older(s);
	deep(s);
}
