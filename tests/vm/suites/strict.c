// SPDX-License-Identifier: Apache-2.0
/*
 * No record, no access: what a strict store does while nobody drains the ring, what any other store does then, and that attempts,
 * records and losses add up. The recorder is this program: it stops by not reading.
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define STRICT "/srv/strict/f"
#define LOUD   "/srv/loud/f"
#define FILL_MAX 20000
#define LOUD_MAX 9000 /* more than the ring has room for */

#define STORES "store data { path /srv/strict strict }\nstore loud { path /srv/loud }\n"
#define RULES  "role readers { members user:reader }\nrule r { allow readers to read, list, write, create on data, loud }\n"

static const char policy[] = "polyward 1\npolicy suite { version 1 log all }\n" STORES RULES;
static const char trial[] = "polyward 1\npolicy suite { version 1 log all mode audit }\n" STORES RULES;

/* Open until it fails or `max` is reached; how often it succeeded. */
struct fill { const char *path; uint32_t max; uint32_t *done; int cpu; };

static int op_fill(const void *arg)
{
	const struct fill *f = arg;

	for (uint32_t i = 0; i < f->max; i++) {
		_fd_ int fd = open(f->path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return errno;
		__atomic_fetch_add(f->done, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static uint32_t *shared_word(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static struct pw_counters sums(struct suite *s)
{
	struct kernel_status st = { 0 };
	struct err e;

	(void)kernel_status(s->k, &st, &e);
	return st.sum;
}

struct tally { uint64_t records, denied, allowed, unrecorded; };

static int count_event(void *ctx, const void *bytes, size_t len_bytes)
{
	const struct pw_event *ev = bytes;
	struct tally *t = ctx;

	if (len_bytes < PW_EVENT_HEAD || len_bytes > sizeof(*ev))
		return -EBADMSG;
	t->records++;
	t->denied += ev->verdict == PW_DENY;
	t->allowed += ev->verdict == PW_ALLOW;
	t->unrecorded += ev->reason == PW_R_UNRECORDED && ev->error == -EACCES && ev->missing == ev->need && ev->uid == reader.uid;
	return 0;
}

static struct tally drain(struct suite *s)
{
	struct tally t = { 0 };

	ring_consume(s->urgent, 100000, count_event, &t);
	ring_consume(s->access, 100000, count_event, &t);
	return t;
}

/* Every record there is, and every loss, and nothing else: attempts == records + losses. */
static bool adds_up(struct suite *s, const struct pw_counters *was, const struct tally *t, struct pw_counters *ret_delta)
{
	struct pw_counters is = sums(s);

	*ret_delta = (struct pw_counters){ .seq = is.seq - was->seq, .lost = is.lost - was->lost, .allowed = is.allowed - was->allowed,
					   .denied = is.denied - was->denied };
	if (ret_delta->seq == t->records + ret_delta->lost)
		return true;
	printf("# attempts %llu, records %llu, lost %llu\n", (unsigned long long)ret_delta->seq, (unsigned long long)t->records,
	       (unsigned long long)ret_delta->lost);
	return false;
}

static void with_room(struct suite *s)
{
	struct pw_counters was, is;

	suite_case(s, "strict: an opening is recorded", &reader, op_read, STRICT, ALLOWED(pw_file_open, PW_A_READ));
	suite_drain(s);
	was = sums(s);
	suite_check(s, "strict: allowed", suite_run(&reader, op_read, STRICT) == 0, "refused");
	is = sums(s);
	suite_drain(s);
	suite_check(s, "strict: the opening has its record, and the first read of what a task opened may have one more",
		    is.seq - was.seq >= 1 && is.seq - was.seq <= 2 && s->seen_count == is.seq - was.seq, "%llu attempts, %zu records",
		    (unsigned long long)(is.seq - was.seq), s->seen_count);
	suite_case(s, "strict: who has no right is refused for that reason", &other, op_read, STRICT, REFUSED(pw_file_open, PW_A_READ));
}

/* Fill the ring as far as this store may. */
static int fill(struct suite *s, const char *path, uint32_t max, uint32_t *done)
{
	const struct fill f = { .path = path, .max = max, .done = done };

	(void)s;
	*done = 0;
	return suite_run(&reader, op_fill, &f);
}

/* One operation while the ring is full: EACCES, counted as denied once, one record in the urgent ring that says why, nothing lost. */
static void refused_now(struct suite *s, const char *name, op_fn op, const void *arg)
{
	struct pw_counters was = sums(s), d;
	struct tally t = { 0 };
	int got;
	bool exact;

	got = suite_run(&reader, op, arg);
	ring_consume(s->urgent, 100000, count_event, &t);
	exact = adds_up(s, &was, &t, &d);
	suite_check(s, name, exact && got == EACCES && d.denied == 1 && !d.lost && !d.allowed && t.unrecorded == 1,
		    "returned %d (%s); denied +%llu allowed +%llu lost +%llu, %llu records that say unrecorded", got, strerror(got),
		    (unsigned long long)d.denied, (unsigned long long)d.allowed, (unsigned long long)d.lost, (unsigned long long)t.unrecorded);
}

static int op_chmod_same(const void *arg)
{
	return chmod(arg, 0666) ? errno : 0;
}

static int op_map_fd(const void *arg)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, *(const int *)arg, 0);

	return at == MAP_FAILED ? errno : 0;
}

/* A socket with a descriptor waiting in it, sent while there was room. */
static int send_fd(int fd)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(pair[0], &msg, 0) != 1)
		return -1;
	close(pair[0]);
	return pair[1];
}

static void with_a_full_ring(struct suite *s, int fd)
{
	uint32_t *done = shared_word();
	struct pw_counters was, d;
	struct tally t;
	int sock = send_fd(fd), got;

	bool exact;

	suite_drain(s);
	was = sums(s);
	got = fill(s, STRICT, FILL_MAX, done);
	suite_check(s, "strict: openings pass until the ring is full, and then none", got == EACCES && *done > PW_ACCESS_BYTES / PW_EVENT_ROOM * 9 / 10 &&
		    *done <= PW_ACCESS_BYTES / PW_EVENT_ROOM, "returned %d after %u openings", got, *done);
	/* The access ring stays as it is: the recorder is stopped. */
	t = (struct tally){ 0 };
	ring_consume(s->urgent, 100000, count_event, &t);
	suite_check(s, "strict: the refusal that ended it has its record", t.unrecorded == 1 && t.records == 1, "%llu", (unsigned long long)t.records);
	refused_now(s, "strict: the next opening", op_read, STRICT);
	refused_now(s, "strict: a read through a descriptor that was opened before", op_pread_fd, &fd);
	refused_now(s, "strict: a write through it", op_pwrite_fd, &fd);
	refused_now(s, "strict: a mapping of it", op_map_fd, &fd);
	refused_now(s, "strict: receiving it", op_receive, &sock);
	refused_now(s, "strict: a new name", op_create, "/srv/strict/new");
	refused_now(s, "strict: a change of attributes", op_chmod_same, STRICT);
	refused_now(s, "strict: a listing", op_list, "/srv/strict");
	t = drain(s);
	suite_check(s, "strict: each opening that passed has its record", t.allowed == *done && sums(s).lost == was.lost, "%llu records of %u",
		    (unsigned long long)t.allowed, *done);
	suite_case(s, "strict: with room again it passes", &reader, op_read, STRICT, ALLOWED(pw_file_open, PW_A_READ));
	suite_case(s, "strict: and so does the old descriptor", &reader, op_pread_fd, &fd, ALLOWED(pw_file_perm, PW_A_READ));
	was = sums(s);
	t = drain(s);
	exact = adds_up(s, &was, &t, &d);
	suite_check(s, "strict: nothing was lost in all this", exact && !d.seq, "see above");
	munmap(done, 4096);
	close(sock);
}

static int op_holds(const void *arg)
{
	const struct fill *f = arg;
	_fd_ int fd = open(STRICT, O_RDONLY | O_CLOEXEC);
	char byte;

	/* Twice, so that whatever is remembered of an opening is. */
	if (fd < 0 || pread(fd, &byte, 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1)
		return 230;
	if (op_fill(f) != EACCES)
		return 231;
	return pread(fd, &byte, 1, 0) == 1 ? 0 : errno;
}

static void remembered(struct suite *s)
{
	uint32_t *done = shared_word();
	const struct fill f = { .path = STRICT, .max = FILL_MAX, .done = done };
	struct pw_counters was, d;
	struct tally t;
	bool exact;
	int got;

	(void)drain(s);
	was = sums(s);
	got = suite_run(&reader, op_holds, &f);
	t = drain(s);
	exact = adds_up(s, &was, &t, &d);
	suite_check(s, "strict: what a task remembers of its own opening does not help it either",
		    exact && got == EACCES && d.denied == 2 && t.unrecorded == 2, "returned %d; denied +%llu", got,
		    (unsigned long long)d.denied);
	munmap(done, 4096);
}

static void loud_store(struct suite *s)
{
	uint32_t *done = shared_word();
	struct pw_counters was, d;
	struct tally t;
	bool exact;
	int got;

	(void)drain(s);
	was = sums(s);
	got = fill(s, LOUD, LOUD_MAX, done);
	suite_check(s, "any other store: no opening fails for want of a record", got == 0 && *done == LOUD_MAX, "returned %d after %u", got, *done);
	got = suite_run(&reader, op_read, STRICT);
	suite_check(s, "... and what it may fill leaves room for strict stores", got == 0, "returned %d", got);
	t = drain(s);
	exact = adds_up(s, &was, &t, &d);
	suite_check(s, "... and records and losses add up to the attempts", exact && d.lost > 1000 && d.allowed >= LOUD_MAX + 1 && !d.denied,
		    "lost %llu", (unsigned long long)d.lost);
	munmap(done, 4096);
}

/* Several processes, one a processor, some refused and some allowed: nobody reads meanwhile. */
static int op_flood(const void *arg)
{
	const struct fill *f = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)f->cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	for (uint32_t i = 0; i < f->max; i++) {
		int fd = open(f->path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
		__atomic_fetch_add(f->done, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void flood(struct suite *s)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t *done = shared_word();
	struct pw_counters was, d;
	struct tally t;
	bool exact;
	char name[96];
	int kids = 0;

	(void)drain(s);
	was = sums(s);
	*done = 0;
	fflush(stdout);
	for (int i = 0; i < 2 * (int)cpus; i++) {
		const struct fill f = { .path = LOUD, .max = 3000, .done = done, .cpu = i / 2 };
		const struct who *who = i % 2 ? &other : &reader;
		pid_t pid = fork();

		if (!pid) {
			suite_stranger();
			if (setresgid(who->gid, who->gid, who->gid) || setresuid(who->uid, who->uid, who->uid))
				_exit(253);
			_exit(op_flood(&f));
		}
		kids += pid > 0;
	}
	while (kids-- && wait(NULL) > 0)
		;
	t = drain(s);
	exact = adds_up(s, &was, &t, &d);
	snprintf(name, sizeof(name), "a flood on %ld processors, refused and allowed: attempts == records + losses", cpus);
	suite_check(s, name, exact && *done == 6000 * (uint32_t)cpus && d.seq == *done && d.lost && d.denied == *done / 2,
		    "%u opened, %llu attempts, %llu denied, %llu lost", *done, (unsigned long long)d.seq, (unsigned long long)d.denied,
		    (unsigned long long)d.lost);
	munmap(done, 4096);
}

/* Mode audit passes what it would refuse, and writes that into the urgent ring: full, it refuses too. */
static void on_trial(struct suite *s)
{
	uint32_t *done = shared_word();
	const struct fill f = { .path = STRICT, .max = FILL_MAX, .done = done };
	struct pw_counters was, d;
	struct tally t;
	bool exact;
	int got;

	suite_apply(s, trial);
	(void)drain(s);
	was = sums(s);
	*done = 0;
	got = suite_run(&other, op_fill, &f);
	t = drain(s);
	exact = adds_up(s, &was, &t, &d);
	/* The refusal's own record finds no room either: that one is a loss, and counted. */
	suite_check(s, "strict and mode audit: what cannot be recorded does not pass", exact && got == EACCES &&
		    t.records == *done && d.denied == 1 && d.lost == 1, "returned %d after %u; %llu records, denied +%llu, lost +%llu", got, *done,
		    (unsigned long long)t.records, (unsigned long long)d.denied, (unsigned long long)d.lost);
	munmap(done, 4096);
}

void cases_strict(struct suite *s)
{
	static const char *const dirs[] = { "/srv/strict", "/srv/loud" };
	static const char *const files[] = { STRICT, LOUD };
	int fd = -1;

	for (size_t i = 0; i < 2; i++) {
		mkdir(dirs[i], 0777);
		chmod(dirs[i], 0777);
		close(fd);
		fd = open(files[i], O_CREAT | O_RDWR | O_CLOEXEC, 0666);
		if (fd < 0 || fd_write_all(fd, "stored\n", 7) || fchmod(fd, 0666) || fchown(fd, reader.uid, reader.gid))
			printf("# cannot make %s: %s\n", files[i], strerror(errno));
	}
	close(fd);
	fd = open(STRICT, O_RDWR | O_CLOEXEC);
	suite_apply(s, policy);
	with_room(s);
	with_a_full_ring(s, fd);
	remembered(s);
	loud_store(s);
	flood(s);
	on_trial(s);
	close(fd);
}
